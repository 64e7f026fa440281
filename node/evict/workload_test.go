package evict_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/maypok86/otter/v2"
)

// zipf draws n of keys numbers, the i-th most frequent in proportion to 1/i^alpha.
func zipf(r *rand.Rand, n, keys int, alpha float64) []int {
	sums := make([]float64, keys)
	sum := 0.0
	for i := range sums {
		sum += math.Pow(float64(i+1), -alpha)
		sums[i] = sum
	}
	order := r.Perm(keys)
	out := make([]int, n)
	for i := range out {
		out[i] = order[sort.SearchFloat64s(sums, r.Float64()*sum)]
	}
	return out
}

func names(numbers []int) []string {
	known := map[int]string{}
	out := make([]string, len(numbers))
	for i, n := range numbers {
		if known[n] == "" {
			known[n] = name(n)
		}
		out[i] = known[n]
	}
	return out
}

// workload is a sequence of requests and a number of entries to keep.
type workload struct {
	name     string
	size     int
	least    float64 // percentage of hits that there must be
	requests []string
}

func workloads() (out []workload) {
	r := rand.New(rand.NewPCG(1, 2))
	const n, keys = 50_000, 10_000
	for _, z := range []struct{ alpha, small, large float64 }{{0.6, 15, 42.5}, {0.8, 33.3, 60}, {1, 57, 77.3}, {1.2, 78, 89.2}} {
		requests := names(zipf(r, n, keys, z.alpha))
		out = append(out,
			workload{fmt.Sprintf("zipf %.1f", z.alpha), 200, z.small, requests},
			workload{fmt.Sprintf("zipf %.1f", z.alpha), 2000, z.large, requests})
	}
	var scans, between, loop, shift, recent []int
	for i, x := range zipf(r, n, keys, 1) {
		between = append(between, x, keys+i%10_000)
		if scans = append(scans, x); i%10_000 == 0 {
			for j := range 10_000 {
				scans = append(scans, keys+i*10_000+j)
			}
		}
		loop = append(loop, i%2000)
		shift = append(shift, (x+i/10_000*3331)%keys)
		if i < 10 || r.IntN(10) < 3 {
			recent = append(recent, i)
		} else {
			recent = append(recent, recent[max(0, i-int(math.Exp(r.Float64()*9)))])
		}
	}
	return append(out,
		workload{"zipf 1.0 and scans of ten times the memory", 1000, 34.5, names(scans)},
		workload{"zipf 1.0, every other request of a loop of ten times the memory", 1000, 33.8, names(between)},
		workload{"a loop of twice the memory", 1000, 37, names(loop)},
		workload{"a loop a little larger than the memory", 1800, 72, names(loop)},
		workload{"zipf 1.0 over keys that change", 500, 59, names(shift)},
		workload{"zipf 1.0 over keys that change", 2000, 70, names(shift)},
		workload{"mostly what was used lately", 500, 59, names(recent)},
		workload{"mostly what was used lately", 2000, 67, names(recent)})
}

// mixes are from Twitter's production clusters as of March 2020 (Yang, Yue and
// Rashmi, OSDI 2020; stat/2020Mar.md of github.com/twitter/cache-trace, CC BY 4.0):
// the exponent of popularity, and the percentage of keys asked for only once. Least
// is the percentage of hits that there must be.
var mixes = []struct {
	cluster                  int
	alpha, onceOfKeys, least float64
}{
	{4, 1.1004, 29.33, 78.8}, {7, 1.0666, 0.01, 81.8}, {12, 0.3048, 81.43, 11.5}, {13, 0.4565, 64.39, 24.6},
	{14, 1.2959, 10.94, 90.6}, {19, 0.735, 7.46, 54}, {22, 0.7624, 41.48, 51.3}, {23, 0.274, 1.17, 24.2},
	{24, 1.3726, 5.65, 93.5}, {29, 1.2323, 23.04, 86.4},
}

func mixWorkloads() (out []workload) {
	for _, m := range mixes {
		r := rand.New(rand.NewPCG(uint64(m.cluster), 3))
		numbers := zipf(r, 40_000, 5000, m.alpha)
		once := int(5000 * m.onceOfKeys / (100 - m.onceOfKeys))
		for i := range once {
			at := r.IntN(len(numbers))
			numbers[at] = 100_000 + i
		}
		out = append(out, workload{fmt.Sprintf("cluster %d", m.cluster), 1000, m.least, names(numbers)})
	}
	return out
}

func TestWorkloads(t *testing.T) {
	for _, w := range append(workloads(), mixWorkloads()...) {
		have := ratio(newCache(int64(w.size*entryBytes), 64).access, w.requests)
		line := fmt.Sprintf("| %s | %d | %.2f |", w.name, w.size, have)
		if *withOtter {
			line += fmt.Sprintf(" %.2f |", ratio(newOtter(w.size), w.requests))
		}
		t.Log(line)
		if have < w.least {
			t.Errorf("%s, %d entries: want at least %.1f %% of hits, have %.2f %%", w.name, w.size, w.least, have)
		}
	}
}

// With sizes that differ a thousandfold, the hit ratio is that of one cache too,
// whatever the number of partitions.
func TestSizesAndPartitions(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	numbers := zipf(r, 50_000, 10_000, 0.9)
	bytes := make([]int, 10_000)
	for i := range bytes {
		bytes[i] = int(50 * math.Exp(r.Float64()*7))
	}
	keys := names(numbers)
	run := func(partitions int) float64 {
		c := newCache(5_000_000, partitions)
		at := -1
		return ratio(func(key string) bool {
			if at++; c.get(key) {
				return true
			}
			c.set(key, bytes[numbers[at]])
			return false
		}, keys)
	}
	if *withOtter {
		t.Logf("otter: %.2f %%", otterOfSizes(numbers, bytes, keys))
	}
	want := run(1)
	for _, partitions := range []int{16, 256, 1024} {
		have := run(partitions)
		t.Logf("%d partitions: %.2f %%, one: %.2f %%", partitions, have, want)
		if math.Abs(have-want) > 1 {
			t.Errorf("%d partitions: want one partition's %.2f %% of hits within a point, have %.2f %%", partitions, want, have)
		}
	}
}

// otterOfSizes returns the percentage of hits of otter with entries of these sizes.
func otterOfSizes(numbers, bytes []int, keys []string) float64 {
	o := otter.Must(&otter.Options[string, int]{
		MaximumWeight: 5_000_000,
		Weigher:       func(_ string, bytes int) uint32 { return uint32(bytes) },
		Executor:      func(f func()) { f() },
	})
	at := -1
	return ratio(func(key string) bool {
		at++
		_, ok := o.GetIfPresent(key)
		if !ok {
			o.Set(key, bytes[numbers[at]])
		}
		o.CleanUp()
		return ok
	}, keys)
}
