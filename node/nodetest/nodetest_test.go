package nodetest_test

import (
	"flag"
	"io"
	"reflect"
	"runtime"
	stdsync "sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/nodetest"
)

var (
	seeds = flag.Int("seeds", 15, "number of histories that TestSeeds runs")
	first = flag.Uint64("first", 1, "seed of the first of them")
)

// TestSeeds runs many histories and wants every fault and every path to have been
// met on the way.
func TestSeeds(t *testing.T) {
	counts := runSeeds(t, *seeds, nodetest.Options{})
	if *seeds >= 500 {
		wantEverything(t, counts)
	}
}

// TestLists runs histories whose commands are mostly those on lists.
func TestLists(t *testing.T) {
	runSeeds(t, max(*seeds/5, 1), nodetest.Options{Lists: true})
}

// TestFills runs histories in which keys are filled.
func TestFills(t *testing.T) {
	runSeeds(t, max(*seeds/5, 1), nodetest.Options{Fills: true})
}

// TestMemory runs histories in which memory is limited everywhere.
func TestMemory(t *testing.T) {
	runSeeds(t, max(*seeds/5, 1), nodetest.Options{Memory: true})
}

func runSeeds(t *testing.T, seeds int, o nodetest.Options) nodetest.Counts {
	t.Helper()
	start := time.Now()
	var (
		mu             stdsync.Mutex
		counts         nodetest.Counts
		lasted, healed time.Duration
		failed         uint64
		next           atomic.Uint64
		wg             stdsync.WaitGroup
	)
	next.Store(*first)
	end := *first + uint64(seeds)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1) - 1; seed < end; seed = next.Add(1) - 1 {
				r := nodetest.Run(seed, o)
				mu.Lock()
				counts, lasted, healed = counts.Add(r.Counts), lasted+r.Lasted, max(healed, r.Healed)
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
		t.Fatal(nodetest.Explain(failed, o))
	}
	took := time.Since(start)
	t.Logf("%d seeds in %v: %.1f seeds per second, %v of cluster time each; the slowest was at rest %v after healing",
		seeds, took.Round(time.Millisecond), float64(seeds)/took.Seconds(),
		(lasted / time.Duration(seeds)).Round(time.Millisecond), healed)
	t.Logf("%+v", counts)
	return counts
}

// wantEverything reports what has not happened in any history. Excused and Blurred need not
// have: they count what could not be checked, and the fewer the better. So keys must not
// be blurred often either.
func wantEverything(t *testing.T, counts nodetest.Counts) {
	t.Helper()
	if most := *seeds / 25; counts.Blurred > most {
		t.Errorf("%d seeds: want at most %d keys blurred, have %d", *seeds, most, counts.Blurred)
	}
	never := map[string]bool{"SkewedBy": true, "Failed": true, "LogBytes": true, "HoldBytes": true, "QueueBytes": true, "Foreign": true, "Ahead": true, "Excused": true, "Blurred": true}
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

// TestSameSeedSameTrace runs seeds three times, once with a log: looking on must
// not change what happens.
func TestSameSeedSameTrace(t *testing.T) {
	for seed := *first; seed < *first+3; seed++ {
		want := nodetest.Run(seed, nodetest.Options{})
		for _, log := range []io.Writer{nil, io.Discard} {
			have := nodetest.Run(seed, nodetest.Options{Log: log})
			if want.Trace != have.Trace || want.Counts != have.Counts {
				t.Errorf("seed %d, log %v: want trace %x again, have %x", seed, log, want.Trace, have.Trace)
			}
		}
	}
}

// TestNoGoroutineLeft: a cluster that has been run leaves nothing behind.
func TestNoGoroutineLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	nodetest.Run(*first, nodetest.Options{})
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("seed %d: want %d goroutines as before, have %d", *first, before, after)
	}
}

// TestExplainNothing: a history that does not fail needs no explanation.
func TestExplainNothing(t *testing.T) {
	if have := nodetest.Explain(*first, nodetest.Options{}); have != "" {
		t.Errorf("seed %d: want no text, have %s", *first, have)
	}
}

func BenchmarkRun(b *testing.B) {
	for seed := uint64(1); b.Loop(); seed++ {
		if r := nodetest.Run(seed, nodetest.Options{}); r.Err != nil {
			b.Fatal(seed, r.Err)
		}
	}
}
