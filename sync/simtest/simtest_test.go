package simtest_test

import (
	"flag"
	"reflect"
	"runtime"
	stdsync "sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atollcache/atoll/sync/simtest"
)

var (
	seeds = flag.Int("seeds", 600, "number of histories that TestSeeds runs, of all kinds together")
	first = flag.Uint64("first", 1, "seed of the first of each kind")
)

// kinds are the kinds of histories, and what part of all they are: one in so many.
var kinds = []struct {
	name string
	part int
	of   func(seed uint64) simtest.Options
}{
	{"plain", 2, always(simtest.Options{})},
	{"evictions", 8, always(simtest.Options{Evicts: true})},
	{"fields", 8, always(simtest.Options{Fields: true})},
	{"lists", 8, always(simtest.Options{Lists: true})},
	{"fills", 8, withFills},
}

func always(o simtest.Options) func(uint64) simtest.Options {
	return func(uint64) simtest.Options { return o }
}

// TestSeeds runs many histories and wants every fault and every path of the
// engine to have been met on the way.
func TestSeeds(t *testing.T) {
	var counts simtest.Counts
	ran := 0
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			counts = counts.Add(runSeeds(t, max(*seeds/k.part, 1), k.of))
			ran++ // not if it fails
		})
	}
	if *seeds >= 400 && ran == len(kinds) {
		t.Logf("%+v", counts)
		wantEverything(t, counts)
	}
}

// runSeeds runs histories with what is said of each seed.
func runSeeds(t *testing.T, seeds int, of func(seed uint64) simtest.Options) simtest.Counts {
	t.Helper()
	start := time.Now()
	var (
		mu     stdsync.Mutex
		counts simtest.Counts
		worst  time.Duration
		failed uint64
		next   atomic.Uint64
		wg     stdsync.WaitGroup
	)
	next.Store(*first)
	end := *first + uint64(seeds)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1) - 1; seed < end; seed = next.Add(1) - 1 {
				r := simtest.Run(seed, of(seed))
				mu.Lock()
				counts, worst = counts.Add(r.Counts), max(worst, r.Healed)
				if r.Err != nil && (failed == 0 || seed < failed) {
					failed = seed
					next.Store(end)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if failed != 0 {
		t.Fatal(simtest.Explain(failed, of(failed)))
	}
	took := time.Since(start)
	t.Logf("%d seeds in %v: %.0f seeds per second; the slowest was equal %v after healing",
		seeds, took.Round(time.Millisecond), float64(seeds)/took.Seconds(), worst)
	return counts
}

// wantEverything reports what has not happened in any history.
func wantEverything(t *testing.T, counts simtest.Counts) {
	t.Helper()
	never := map[string]bool{"Ahead": true, "SkewedBy": true, "Failed": true, "Refused": true, "LogBytes": true, "HoldBytes": true, "QueueBytes": true, "Sessions": true}
	var look func(v reflect.Value)
	look = func(v reflect.Value) {
		for i := range v.NumField() {
			f, name := v.Field(i), v.Type().Field(i).Name
			switch {
			case f.Kind() == reflect.Struct:
				look(f)
			case never[name]:
			case f.IsZero():
				t.Errorf("%d seeds, %s: want some, have none", *seeds, name)
			}
		}
	}
	look(reflect.ValueOf(counts))
}

// TestSeedsThatFailed runs again the histories that have found something, in the engine
// or in what is checked.
func TestSeedsThatFailed(t *testing.T) {
	for seed, what := range map[uint64]string{
		207501: "who was late itself left others out and forgot what they had written to",
		389586: "who had been left out took what the other wrote meanwhile",
		394612: "one that had been frozen took the state of one that had refused its last write",
		766430: "of two states of one history the later one was joined",
		22131:  "a key expired between the last that was forgotten and what was checked then",
	} {
		if r := simtest.Run(seed, simtest.Options{}); r.Err != nil {
			t.Errorf("%s: %s", what, simtest.Explain(seed, simtest.Options{}))
		}
	}
	for seed, c := range map[uint64]struct {
		what string
		o    simtest.Options
	}{
		32653:  {"so did a field", simtest.Options{Fields: true}},
		773660: {"one that had seen nothing wrote to a field that had expired and was forgotten elsewhere", simtest.Options{Fields: true}},
		97736:  {"five replicas retired each other in turn, while one was frozen", simtest.Options{Evicts: true}},
		2855:   {"of two states the later one could not be taken because something was evicted in it", simtest.Options{Evicts: true}},
	} {
		if r := simtest.Run(seed, c.o); r.Err != nil {
			t.Errorf("%s: %s", c.what, simtest.Explain(seed, c.o))
		}
	}
}

// TestSameSeedSameTrace runs seeds twice.
func TestSameSeedSameTrace(t *testing.T) {
	for seed := *first; seed < *first+30; seed++ {
		want, have := simtest.Run(seed, simtest.Options{}), simtest.Run(seed, simtest.Options{})
		if want.Trace != have.Trace || want.Counts != have.Counts {
			t.Errorf("seed %d: want trace %x again, have %x", seed, want.Trace, have.Trace)
		}
	}
}

// TestExplainNothing: a history that does not fail needs no explanation.
func TestExplainNothing(t *testing.T) {
	if have := simtest.Explain(*first, simtest.Options{}); have != "" {
		t.Errorf("seed %d: want no text, have %s", *first, have)
	}
}

func BenchmarkRun(b *testing.B) {
	for seed := uint64(1); b.Loop(); seed++ {
		if r := simtest.Run(seed, simtest.Options{}); r.Err != nil {
			b.Fatal(seed, r.Err)
		}
	}
}
