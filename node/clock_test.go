package node

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestClockSetBack: the time goes on, at half speed until the machine's clock
// has caught up, and never goes back.
func TestClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var step time.Duration
		c := &clock{source: func() time.Time { return time.Now().Add(step) }}
		start := c.now()
		step = -time.Hour
		if have := c.now(); have.Before(start) {
			t.Fatalf("set back by an hour: have %v after %v", have, start)
		}
		time.Sleep(time.Minute)
		if have := c.now().Sub(start); have != 30*time.Second {
			t.Errorf("a minute after the step: want 30s to have passed, have %v", have)
		}
		time.Sleep(2 * time.Hour)
		if have, want := c.now(), time.Now().Add(step); !have.Equal(want) {
			t.Errorf("two hours after the step: want the machine's time %v, have %v", want, have)
		}
		step = 0
		if have := c.now(); !have.Equal(time.Now()) {
			t.Errorf("set forward: want the machine's time, have %v", have)
		}
		step = -time.Second
		c.now()
		time.Sleep(time.Second)
		if have, want := c.now(), time.Now().Add(-500*time.Millisecond); !have.Equal(want) {
			t.Errorf("set back again: want %v, have %v", want, have)
		}
	})
}

// TestClockLooks: the machine's clock is looked at once in a clockStep, however often it is
// asked for the time, and the time is never behind by more.
func TestClockLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks, base := 0, time.Now()
		c := &clock{base: &base, source: func() time.Time {
			looks++
			return time.Now()
		}}
		time.Sleep(time.Second)
		for i := range 1000 {
			have := c.now()
			if late := time.Since(have); late < 0 || late >= clockStep {
				t.Fatalf("look %d: want the time %v, have %v", i, time.Now(), have)
			}
			time.Sleep(clockStep / 10)
		}
		if looks > 101 {
			t.Errorf("1000 times within %v: want 101 looks at the clock at most, have %d", 100*clockStep, looks)
		}
		// A machine that was suspended: only its wall clock has gone on.
		c.source = func() time.Time { return time.Now().Add(time.Hour) }
		time.Sleep(clockStep)
		if have, want := c.now(), time.Now().Add(time.Hour); !have.Equal(want) {
			t.Errorf("after an hour that the monotonic clock has not seen: want %v, have %v", want, have)
		}
	})
}

// TestClockConcurrent: no goroutine sees the time go back while the source jumps.
func TestClockConcurrent(t *testing.T) {
	var mu sync.Mutex
	steps := 0
	c := &clock{source: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		steps++
		return time.Now().Add(time.Duration(steps%7) * -time.Second)
	}}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			last := c.now()
			for range 1000 {
				now := c.now()
				if now.Before(last) {
					t.Errorf("%v after %v", now, last)
					return
				}
				last = now
			}
		})
	}
	wg.Wait()
}
