package node

import (
	"sync"
	"sync/atomic"
	"time"
)

// clock is the wall clock as the node's parts see it: it never goes back. When
// the machine's clock is set back, it goes on at half speed until that has
// caught up: standing still would stop every timeout and announcement for as
// long as the step was, and going on at full speed would keep the node ahead of
// the others for ever.
type clock struct {
	source func() time.Time
	last   atomic.Int64 // nanoseconds since the Unix epoch

	// The machine's clock is two, and to look at the monotonic one alone costs half as much.
	// It tells whether the time was looked at less than a clockStep ago. That is so, too,
	// just after the machine has been suspended, but for no longer than a clockStep.
	base *time.Time   // nil: the source is another clock
	seen atomic.Int64 // when last was set, since base

	slow struct {
		sync.Mutex
		at    time.Time // when value was given, on the monotonic clock
		value int64     // last is this while the source is behind it
	}
}

// begin makes the clock begin at a time at least: one that it has given out in another
// process. It returns how far the machine's clock is behind that.
func (c *clock) begin(at time.Time) (behind time.Duration) {
	if !at.IsZero() {
		c.last.Store(max(c.last.Load(), at.UnixNano()))
		behind = max(at.Sub(c.source()), 0)
	}
	return behind
}

// clockStep is how far the clock goes on at least when it does: who looks at the time
// only reads then, nearly always, what all processors share. It is far below what
// anything is measured in by this clock.
const clockStep = 50 * time.Microsecond

func (c *clock) now() time.Time {
	since := int64(0)
	if c.base != nil {
		since = int64(time.Since(*c.base))
		if seen := c.seen.Load(); seen != 0 && since-seen < int64(clockStep) {
			return time.Unix(0, c.last.Load())
		}
	}
	return c.look(since)
}

// look is now at a time since base for who has to ask the source.
func (c *clock) look(since int64) time.Time {
	t := c.source().UnixNano()
	for {
		last := c.last.Load()
		switch ahead := time.Duration(t - last); {
		case ahead <= 0:
			return time.Unix(0, c.slew())
		case ahead < clockStep:
			return time.Unix(0, last)
		case c.last.CompareAndSwap(last, t):
			c.seen.Store(since)
			return time.Unix(0, t)
		}
	}
}

// slew returns the time while the source is behind what has been given out.
func (c *clock) slew() int64 {
	c.slow.Lock()
	defer c.slow.Unlock()
	now := time.Now()
	last := c.last.Load()
	if last != c.slow.value {
		// The source had caught up since, or is behind for the first time.
		c.slow.at, c.slow.value = now, last
		return last
	}
	next := last + int64(now.Sub(c.slow.at))/2
	if !c.last.CompareAndSwap(last, next) {
		return c.last.Load()
	}
	c.slow.at, c.slow.value = now, next
	return next
}
