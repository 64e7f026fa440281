package bench

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// driven runs calls that take so long, and returns what was measured.
func driven(t *testing.T, l Load, takes func(call int) time.Duration) *Result {
	t.Helper()
	w, err := Workload{Keys: 10, KeyBytes: 8, ValueBytes: 1, Mix: []Share{{Get, 1}}}.prepare()
	if err != nil {
		t.Fatal(err)
	}
	s, err := open(t.Context(), &fakeTarget{name: "a", takes: takes, journal: newJournal()}, w, l)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	r, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCoordinatedOmission has a target stand still for a second. With a rate, every
// call that was meant to begin meanwhile is charged for it; without, only one is.
func TestCoordinatedOmission(t *testing.T) {
	const (
		takes = time.Millisecond
		every = 10 * time.Millisecond
		still = time.Second
		at    = 50
		calls = 300
	)
	stalls := func(call int) time.Duration {
		if call == at {
			return still
		}
		return takes
	}
	synctest.Test(t, func(t *testing.T) {
		r := driven(t, Load{Rate: float64(time.Second / every), Duration: calls * every}, stalls)
		if !r.Corrected || r.Ops != calls {
			t.Errorf("with a rate: want %d operations, corrected, have %d, %v", calls, r.Ops, r.Corrected)
		}
		// Each call is begun when it is meant to or when the one before has ended.
		var free, slow, longest time.Duration
		for i := range time.Duration(calls) {
			free = max(free, i*every) + stalls(int(i))
			if late := free - i*every; late > 100*time.Millisecond {
				slow++
				longest = max(longest, late)
			}
		}
		var have int64
		for _, b := range r.hist.Distribution() {
			if b.From > int64(100*time.Millisecond) {
				have += b.Count
			}
		}
		if have != int64(slow) || slow < 90 {
			t.Errorf("with a rate: want %d calls of more than 100 ms, have %d", slow, have)
		}
		if d := r.Max() - longest; d < 0 || d > longest/1000 {
			t.Errorf("with a rate: want the longest to be %s, have %s", longest, r.Max())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := driven(t, Load{Duration: 2 * time.Second}, stalls)
		if r.Corrected {
			t.Error("without a rate: want it not to be called corrected")
		}
		if p := r.Latency(0.99); p > 2*takes {
			t.Errorf("without a rate: want only one call to have noticed, have a p99 of %s", p)
		}
		if r.Max() < still {
			t.Errorf("without a rate: want the longest to be %s, have %s", still, r.Max())
		}
	})
}

// TestLoadCounts drives with several callers, several operations in a call, and
// every so-manieth timed.
func TestLoadCounts(t *testing.T) {
	for _, c := range []struct {
		load  Load
		ops   int64 // in all
		timed int64
	}{
		{Load{Duration: time.Second}, 1000, 1000},
		{Load{Callers: 3, Duration: time.Second}, 3000, 3000},
		{Load{Callers: 3, Depth: 16, Duration: time.Second}, 48_000, 48_000},
		{Load{Every: 10, Duration: time.Second}, 1000, 100},
		{Load{Callers: 2, Depth: 5, Rate: 500, Duration: time.Second}, 500, 500},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := driven(t, c.load, func(int) time.Duration { return time.Millisecond })
			if r.Ops != c.ops || r.hist.TotalCount() != c.timed {
				t.Errorf("%+v: want %d operations, %d timed, have %d and %d", c.load, c.ops, c.timed, r.Ops, r.hist.TotalCount())
			}
			if d := r.Latency(0.5) - time.Millisecond; d < -time.Millisecond/1000 || d > time.Millisecond/1000 {
				t.Errorf("%+v: want a p50 of 1 ms to three digits, have %s", c.load, r.Latency(0.5))
			}
			if want, have := float64(c.ops)/r.Took.Seconds(), r.PerSecond(); want != have {
				t.Errorf("%+v: want %v a second, have %v", c.load, want, have)
			}
		})
	}
}

// TestLatencyRange records what a histogram has no room for.
func TestLatencyRange(t *testing.T) {
	r := &Result{hist: newHistogram()}
	c := caller{hist: r.hist, load: Load{Depth: 1}}
	c.record(-time.Second)
	c.record(time.Hour)
	if n := r.hist.TotalCount(); n != 2 {
		t.Fatalf("want 2 latencies, have %d", n)
	}
	if r.Max() < time.Minute || r.Latency(0.5) > time.Nanosecond {
		t.Errorf("want 1 ns and a minute, have %s and %s", r.Latency(0.5), r.Max())
	}
}

// TestCallerThatBeginsLate calls once although its time is over.
func TestCallerThatBeginsLate(t *testing.T) {
	j := newJournal()
	c := caller{conn: fakeConn{&fakeTarget{name: "a", journal: j}}, ops: []Op{{Kind: Get}}, load: Load{Depth: 1, Every: 1}, hist: newHistogram()}
	c.end = time.Now().Add(-time.Hour)
	if err := c.run(t.Context()); err != nil || c.done != 1 || len(j.ops["a"]) != 1 {
		t.Errorf("want one call, have %d and %v", c.done, err)
	}
}

func TestLoadRefused(t *testing.T) {
	for _, l := range []Load{
		{}, {Duration: -1}, {Duration: 1, Callers: -1}, {Duration: 1, Callers: maxCallers + 1}, {Duration: 1, Depth: maxDepth + 1},
		{Duration: 1, Rate: -1}, {Duration: 1, Rate: 1, Every: 2},
	} {
		if err := l.Validate(); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: want ErrConfig, have %v", l, err)
		}
	}
}
