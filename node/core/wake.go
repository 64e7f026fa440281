package core

import (
	"math"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// A process that is stopped for a while, or a machine that is suspended, goes on
// with what had reached it when it stopped, and with what has come since: requests
// that somebody else has answered long ago. It must not run them: they would count
// twice, and bring back what has been removed since. So a node that finds that it
// has not looked at the time for too long turns all commands away until it has
// caught up with the others.

// wakeLeast is how long a node that wakes turns commands away at least, so that
// what has piled up on its way is not taken for new.
const wakeLeast = 500 * time.Millisecond

// lives notes that the node looks at the time, and whether it did not for too
// long.
func (c *Core) lives(now time.Time) {
	last := c.alive.Swap(now.UnixNano())
	c.stalls(now, last)
	if last != 0 && now.UnixNano()-last > int64(c.cfg.FrozenAfter) {
		c.wakes()
	}
}

// wakes notes that the node has been frozen, for the next step to deal with: also
// when it has not caught up since the time before.
func (c *Core) wakes() {
	c.waking.Store(true)
	c.froze.Store(true)
}

// isAsleep reports whether the node has been frozen and has not caught up yet, at a
// time of its clock. A command may come before the first step does.
func (c *Core) isAsleep(now time.Time) bool {
	if c.waking.Load() {
		return true
	}
	last := c.alive.Load()
	if last == 0 || now.UnixNano()-last <= int64(c.cfg.FrozenAfter) {
		return false
	}
	c.wakes()
	return true
}

// wake has a node that was frozen begin to catch up: nothing that it knew counts.
func (c *Core) wake(now time.Time) {
	c.lives(now)
	if !c.froze.Swap(false) {
		return
	}
	c.step.woke = now
	c.mu.Lock()
	c.mu.woke = now
	for r, t := range c.mu.told {
		t.anew = 0
		c.mu.told[r] = t
	}
	c.mu.Unlock()
	c.cfg.Log.Warn("the node was frozen: it takes no commands until it has caught up")
	for _, s := range c.Shards() {
		s.doubt(now)
	}
	c.greet() // It asks for everybody's heads.
	c.announceHeads()
}

// isAnew reports whether a heartbeat was sent since the node woke up: it gives one of
// this node's own heartbeats since then back. What else comes may have waited here
// while the node was frozen. The caller holds the lock.
func (c *Core) isAnew(h heartbeat) bool {
	return !c.mu.woke.IsZero() && slices.ContainsFunc(h.echoes, func(e region.Echo) bool {
		return e.Peer == c.self && e.Clock >= c.mu.woke.UnixMilli()
	})
}

// since returns after what time of a member's own clock its heads say what there
// is: it was ready itself, and they have not waited here while this node was
// frozen. The caller holds the lock.
func (c *Core) since(t told) crdt.HLC {
	switch {
	case c.mu.woke.IsZero():
		return t.ready
	case t.anew == 0:
		return math.MaxUint64
	}
	return max(t.ready, t.anew-1) // They may go out together with the heartbeat.
}

// caughtUp lets commands in again when the node has caught up.
func (c *Core) caughtUp(now time.Time, filled bool) {
	if !c.step.woke.IsZero() && filled && now.Sub(c.step.woke) >= wakeLeast {
		c.step.woke = time.Time{}
		c.mu.Lock()
		c.mu.woke = time.Time{}
		c.mu.Unlock()
		c.waking.Store(false)
		c.cfg.Log.Info("the node has caught up")
	}
}

// IsAwaking reports whether the node was frozen and has not caught up yet.
func (c *Core) IsAwaking() bool { return c.waking.Load() }
