package bench

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func steady(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

// TestCompareAlternates runs two targets in turns, with the same keys filled first
// and the same operations in each round.
func TestCompareAlternates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		a := &fakeTarget{name: "a", takes: steady(time.Millisecond), journal: j}
		b := &fakeTarget{name: "b", takes: steady(2 * time.Millisecond), journal: j}
		var told []string
		spec := Spec{
			Workload: Workload{Keys: 20, KeyBytes: 8, ValueBytes: 1, TTL: time.Hour, Mix: []Share{{Get, 1}, {Set, 1}}},
			Load:     Load{Duration: time.Second}, Rounds: 3, Warm: 100 * time.Millisecond,
			Progress: func(name string, _ int) { told = append(told, name) },
		}
		c, err := Compare(t.Context(), spec, a, b)
		if err != nil {
			t.Fatal(err)
		}
		// Filled, warmed and three rounds.
		if want := []string{"a", "b", "a", "b", "a", "b", "a", "b", "a", "b"}; !slices.Equal(j.runs, want) {
			t.Errorf("want turns %v, have %v", want, j.runs)
		}
		if want := []string{"a", "b", "a", "b", "a", "b", "a", "b"}; !slices.Equal(told, want) {
			t.Errorf("want to be told %v, have %v", want, told)
		}
		if len(c.Target.Rounds) != 3 || len(c.Peer.Rounds) != 3 {
			t.Fatalf("want three rounds of each, have %d and %d", len(c.Target.Rounds), len(c.Peer.Rounds))
		}
		if r := c.Ratio(); r != (Spread{2, 2, 2}) {
			t.Errorf("want twice the peer's throughput, have %+v", r)
		}
		filled := slices.EqualFunc(j.ops["a"][:20], j.ops["b"][:20], func(x, y Op) bool { return x == y && x.Kind == Set && x.TTL == time.Hour })
		// Of the slower there are fewer; each of its rounds begins as the other's do.
		same := slices.Equal(j.ops["a"][20:20+50], j.ops["b"][20:20+50])
		if !filled || !same {
			t.Errorf("want both to be asked the same: filled %v, then %v", filled, same)
		}
	})
}

// TestCompareAlone measures with no peer.
func TestCompareAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &fakeTarget{name: "a", takes: steady(time.Millisecond), journal: newJournal()}
		c, err := Compare(t.Context(), Spec{Workload: someGets, Load: Load{Duration: time.Second}}, a, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Target.Rounds) != DefaultRounds || c.Peer != nil || c.Ratio() != (Spread{}) {
			t.Errorf("want %d rounds and no peer, have %d and %v", DefaultRounds, len(c.Target.Rounds), c.Peer)
		}
	})
}

var someGets = Workload{Keys: 20, KeyBytes: 8, ValueBytes: 1, TTL: time.Hour, Mix: []Share{{Get, 1}}}

// TestCompareFails ends at the first error of either side.
func TestCompareFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, broken := range []int{0, 1} {
			targets := []*fakeTarget{{name: "a", journal: newJournal(), takes: steady(time.Microsecond)}, {name: "b", journal: newJournal(), takes: steady(time.Microsecond)}}
			targets[broken].fail = errFake
			if _, err := Compare(t.Context(), Spec{Workload: someGets, Load: Load{Duration: time.Millisecond}}, targets[0], targets[1]); !errors.Is(err, errFake) {
				t.Errorf("target %d broken: want its error, have %v", broken, err)
			}
		}
	})
}

// TestCompareWithoutExpiry leaves out a time to live for both where one has none.
func TestCompareWithoutExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal()
		a := &fakeTarget{name: "a", journal: j, takes: steady(time.Microsecond)}
		b := &fakeTarget{name: "b", journal: j, takes: steady(1), forever: true}
		if _, err := Compare(t.Context(), Spec{Workload: someGets, Load: Load{Duration: 10 * time.Microsecond}, Rounds: 1}, a, b); err != nil {
			t.Fatal(err)
		}
		for name, ops := range j.ops {
			if i := slices.IndexFunc(ops, func(op Op) bool { return op.TTL != 0 }); i >= 0 {
				t.Errorf("%s: want no time to live, have %+v", name, ops[i])
			}
		}
	})
}

// TestCompareRefuses checks what makes no sense, before anything is asked.
func TestCompareRefuses(t *testing.T) {
	kv := &kvTarget{}
	for name, spec := range map[string]Spec{
		"rounds":   {Workload: someGets, Load: Load{Duration: 1}, Rounds: -1},
		"workload": {Load: Load{Duration: 1}},
		"load":     {Workload: someGets},
	} {
		if _, err := Compare(t.Context(), spec, kv, nil); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: want ErrConfig, have %v", name, err)
		}
	}
	if _, err := Compare(t.Context(), Spec{Workload: someGets, Load: Load{Duration: 1, Depth: 2}}, kv, nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("pipeline on NATS KV: want ErrUnsupported, have %v", err)
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want Spread
	}{
		{nil, Spread{}}, {[]float64{3}, Spread{3, 3, 3}}, {[]float64{3, 1, 2}, Spread{2, 1, 3}}, {[]float64{4, 1, 3, 2}, Spread{2.5, 1, 4}},
	} {
		if have := spreadOf(c.in); have != c.want {
			t.Errorf("%v: want %+v, have %+v", c.in, c.want, have)
		}
	}
}
