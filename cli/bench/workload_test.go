package bench

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestZipf draws many ranks and compares how often each of the first comes with the
// definition.
func TestZipf(t *testing.T) {
	const n, draws, seed = 1000, 200_000, 7
	for _, alpha := range []float64{0, 0.274, 0.8551, 1, 1.2117, 2.6774} {
		r := rand.New(rand.NewPCG(seed, 0))
		z := newZipf(n, alpha)
		counts := make([]int, n)
		for range draws {
			counts[z.draw(r)]++
		}
		sum := 0.0
		for rank := range n {
			sum += math.Pow(float64(rank+1), -alpha)
		}
		for rank := range 20 {
			p := math.Pow(float64(rank+1), -alpha) / sum
			want, spread := p*draws, math.Sqrt(p*(1-p)*draws)
			if have := float64(counts[rank]); math.Abs(have-want) > 5*spread+1 {
				t.Errorf("seed %d, alpha %v: want rank %d about %.0f times of %d, have %.0f", seed, alpha, rank, want, draws, have)
			}
		}
	}
}

// TestWorkloadIsTheSame makes every workload twice: keys, values and operations are
// the same, of the sizes and in the mix that it says.
func TestWorkloadIsTheSame(t *testing.T) {
	for _, w := range Workloads() {
		w.Keys = 2000
		a, err := w.prepare()
		if err != nil {
			t.Fatalf("%s: %v", w.Name, err)
		}
		b, err := w.prepare()
		if err != nil {
			t.Fatalf("%s: %v", w.Name, err)
		}
		if !slices.Equal(a.keys, b.keys) || !slices.Equal(a.values, b.values) || !slices.Equal(a.ops(3), b.ops(3)) {
			t.Errorf("%s: want the same twice", w.Name)
		}
		if slices.Equal(a.ops(3), a.ops(4)) && len(w.Mix) > 0 {
			t.Errorf("%s: want two callers to differ", w.Name)
		}
		checkOps(t, a)
		w.Seed = 2
		c, err := w.prepare()
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(a.ops(3), c.ops(3)) {
			t.Errorf("%s: want another seed to draw other keys", w.Name)
		}
	}
}

// checkOps compares what a caller does with what the workload says.
func checkOps(t *testing.T, w *work) {
	t.Helper()
	ops := w.ops(0)
	counts, total := map[Kind]float64{}, 0.0
	want := map[Kind]float64{}
	for _, s := range w.Mix {
		want[s.Kind] += s.Part
		total += s.Part
	}
	for _, op := range ops {
		counts[op.Kind]++
		if n := len(strings.TrimPrefix(op.Key, "n:")); n != w.KeyBytes {
			t.Fatalf("%s: want keys of %d bytes, have %q", w.Name, w.KeyBytes, op.Key)
		}
		if writes := op.Kind == Set || op.Kind == Add || op.Kind == Replace; writes && (len(op.Value) != w.ValueBytes || op.TTL != w.TTL) {
			t.Fatalf("%s: want values of %d bytes for %s, have %d for %s", w.Name, w.ValueBytes, w.TTL, len(op.Value), op.TTL)
		}
		if (op.Kind == Incr) != strings.HasPrefix(op.Key, "n:") {
			t.Fatalf("%s: want counters to be keys of their own, have %s %s", w.Name, op.Kind, op.Key)
		}
	}
	for kind, part := range want {
		if have := counts[kind] / float64(len(ops)); math.Abs(have-part/total) > 0.02 {
			t.Errorf("%s: want %.2f of %s, have %.2f", w.Name, part/total, kind, have)
		}
	}
}

// TestFill fills by any number of callers: each key is written once.
func TestFill(t *testing.T) {
	for _, fields := range []int{0, 3} {
		mix := []Share{{map[bool]Kind{false: Get, true: HGet}[fields > 0], 1}}
		w, err := Workload{Keys: 101, KeyBytes: 8, ValueBytes: 5, Fields: fields, Mix: mix}.prepare()
		if err != nil {
			t.Fatal(err)
		}
		for _, callers := range []int{1, 2, 8} {
			seen := map[string]int{}
			for i := range callers {
				for op := range w.fill(i, callers) {
					seen[op.Key+"/"+op.Field]++
				}
			}
			if want := 101 * max(fields, 1); len(seen) != want {
				t.Errorf("%d fields, %d callers: want %d written, have %d", fields, callers, want, len(seen))
			}
			for key, n := range seen {
				if n != 1 {
					t.Errorf("%d fields, %d callers: want %s written once, have %d", fields, callers, key, n)
				}
			}
		}
	}
}

func TestKeyNames(t *testing.T) {
	for _, bytes := range []int{8, 9, 16, 17, 122} {
		seen := map[string]bool{}
		for i := range 1000 {
			k := keyName("key-", i, bytes)
			if len(k) != bytes || seen[k] {
				t.Fatalf("key %d of %d bytes: have %q, seen before: %v", i, bytes, k, seen[k])
			}
			seen[k] = true
		}
	}
}

// TestTwitter checks the clusters against what stands in the table.
func TestTwitter(t *testing.T) {
	ws := twitterWorkloads()
	if len(ws) < 5 {
		t.Fatalf("want at least five clusters, have %d", len(ws))
	}
	w, err := WorkloadNamed("cluster52")
	if err != nil {
		t.Fatal(err)
	}
	if w.KeyBytes != 20 || w.ValueBytes != 273 || w.Alpha != 1.2117 || w.TTL != 24*time.Hour {
		t.Errorf("cluster52: have %+v", w)
	}
	if want := []Share{{Get, 0.91}, {Add, 0.04}, {Get, 0.02}, {Replace, 0.02}}; !slices.Equal(w.Mix, want) {
		t.Errorf("cluster52: want %v, have %v", want, w.Mix)
	}
	if _, err := WorkloadNamed("cluster99"); !errors.Is(err, ErrUnknown) {
		t.Errorf("cluster99: want ErrUnknown, have %v", err)
	}
}

func TestTwitterRefused(t *testing.T) {
	const head = "cluster,key_bytes,value_bytes,ttls,ops,zipf_alpha\n"
	for _, text := range []string{
		"", head + "c,N/A,1,,get:1,0", head + "c,1,1,,get:x,0", head + "c,1,1,,prepend:1,0", head + "c,1,1,5y:1,get:1,0",
		head + "c,1,1,s:1,get:1,0", head + "c,1",
	} {
		if ws, err := parseTwitter(text); err == nil {
			t.Errorf("%q: want an error, have %+v", text, ws)
		}
	}
}

func TestWorkloadRefused(t *testing.T) {
	good := Workload{Keys: 1, KeyBytes: 8, ValueBytes: 1, Mix: []Share{{Get, 1}}}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Workload){
		"no keys": func(w *Workload) { w.Keys = 0 }, "many keys": func(w *Workload) { w.Keys = maxKeys + 1 },
		"short keys": func(w *Workload) { w.KeyBytes = 7 }, "no value": func(w *Workload) { w.ValueBytes = 0 },
		"large values": func(w *Workload) { w.ValueBytes = 1<<20 + 1 }, "fields": func(w *Workload) { w.Fields = -1 },
		"skew": func(w *Workload) { w.Alpha = -1 }, "no mix": func(w *Workload) { w.Mix = nil },
		"NaN":                 func(w *Workload) { w.Alpha = math.NaN() },
		"hash without fields": func(w *Workload) { w.Mix = []Share{{HGet, 1}} },
		"negative part":       func(w *Workload) { w.Mix = []Share{{Get, 2}, {Set, -1}} },
	} {
		w := good
		change(&w)
		if err := w.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: want ErrConfig, have %v", name, err)
		}
	}
}
