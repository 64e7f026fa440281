package core

import (
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// guard watches the clocks. Stamps that are too far ahead are held back by whoever
// receives them (cachesync.Config.MaxSkew); a node whose own clock is out of line
// with the majority's finds out here, and refuses writes.
type guard struct {
	mu      sync.Mutex
	clocks  *region.Clocks
	verdict region.Verdict
}

// reading returns both clocks at a time of the node's own.
func (c *Core) reading(now time.Time) region.Reading {
	return region.Reading{Wall: now.UnixMilli(), Mono: c.cfg.Mono()}
}

func (g *guard) beat(at region.Reading) []region.Echo {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.clocks.Beat(at)
}

func (g *guard) heard(peer crdt.ReplicaID, clock int64, echoes []region.Echo, at region.Reading) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clocks.Heard(peer, clock, echoes, at)
}

func (g *guard) forget(peer crdt.ReplicaID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clocks.Forget(peer)
}

// judge decides whether this node's clock is in line.
func (c *Core) judge() {
	g := &c.guard
	at := c.reading(c.cfg.Now())
	g.mu.Lock()
	before := g.verdict.Standing
	g.verdict = g.clocks.Judge(at)
	v := g.verdict
	g.mu.Unlock()
	if v.Standing == region.OutOfLine {
		c.refuses.Store(&wire.Error{Code: wire.CodeUnavailable, Text: "CLOCKSKEW this node's clock is " + v.String() +
			": set it right and restart the node, or use another"})
	} else {
		c.refuses.Store(nil)
	}
	switch {
	case v.Standing == before:
	case v.Standing == region.OutOfLine:
		c.cfg.Log.Error("clock out of line: writes are refused", "clock", v.String())
	case v.Standing == region.Undecided:
		c.cfg.Log.Warn("clocks differ", "clock", v.String())
	default:
		c.cfg.Log.Info("clock", "is", v.String())
	}
}

// Clock returns what is known of this node's clock.
func (c *Core) Clock() region.Verdict {
	c.guard.mu.Lock()
	defer c.guard.mu.Unlock()
	return c.guard.verdict
}

// Offset returns how far a member's clock is ahead of this node's, and how well
// that is known; false when it is not.
func (c *Core) Offset(m region.Member) (offset, uncertainty time.Duration, ok bool) {
	at := c.reading(c.cfg.Now())
	c.guard.mu.Lock()
	defer c.guard.mu.Unlock()
	return c.guard.clocks.Offset(m.Replica, at)
}
