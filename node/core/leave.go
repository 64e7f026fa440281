package core

import (
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Leave ends the life in good order: from now on no commands are let in; the next
// steps hand over, for at most LeaveWait, and say goodbye. Whoever opened front
// doors closes them first, so that nobody is turned away whom they still let in.
func (c *Core) Leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.State() < Leaving {
		c.state.Store(uint32(Leaving))
	}
}

// Outlive ends a life that has missed so much that what it holds may bring back
// what others have removed and forgotten. From now on no commands are let in; the
// life is over once those under way have their replies and what they wrote has
// been broadcast, after at most LeaveWait. Nothing else is handed over.
func (c *Core) Outlive(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.State() == Gone || c.Outlived() {
		return
	}
	c.cfg.Log.Warn("this life is over: the node drops what it holds and begins anew", "replica", c.self, "reason", reason)
	c.outlived.Store(true) // First: who is not let in any more asks why.
	c.state.Store(uint32(Leaving))
}

// Outlived reports whether the life has ended by [Core.Outlive], or is about to:
// the node goes on in another one.
func (c *Core) Outlived() bool { return c.outlived.Load() }

// End ends the life at once: no shard runs a command any more, and the node says
// goodbye. Others take its partitions over.
func (c *Core) End() { c.end(true) }

// end is End. A node with a disk that has what nobody else has says no goodbye: it will
// bring that when it starts again, and until then others are to count it as silent, so
// that they do not take its last write that they know of for its last.
func (c *Core) end(goodbye bool) {
	c.mu.Lock()
	was := State(c.state.Swap(uint32(Gone)))
	c.mu.Unlock()
	if was == Gone {
		return
	}
	c.holding.Lock() // No shard is added after this.
	for _, s := range c.Shards() {
		s.close()
		c.cfg.Memory.leave(s)
	}
	c.holding.Unlock()
	if goodbye {
		c.announce(true)
	}
}

// stepLeaving ends the life when it has nothing left to do, or no more time.
func (c *Core) stepLeaving(now time.Time) {
	if !c.hasServed() {
		c.end(c.mayPart())
		return
	}
	if c.step.leaveBy.IsZero() {
		c.step.left, c.step.leaveBy = now, now.Add(c.cfg.LeaveWait)
		c.greet() // Others plan without it from now on.
		c.settle()
	}
	switch {
	case c.mayGo():
		c.end(c.mayPart())
	case !now.Before(c.step.leaveBy):
		c.cfg.Log.Error("left before other nodes had everything")
		c.end(c.mayPart())
	case c.step.remind.isDue(now):
		c.remind()
	}
}

// remindEvery is the beat at which a leaving node announces again what is missing
// elsewhere: by itself an engine does that once, and then so seldom that the loss
// of one message would take all the time there is.
const remindEvery = 500 * time.Millisecond

// remind announces what some node that stays does not have yet. It answers with
// what it has, and pulls.
func (c *Core) remind() {
	if c.running.Load() != 0 {
		return // There may be more to come.
	}
	pl := c.Place()
	for _, s := range c.Shards() {
		if stay := c.stay(pl, s.id); len(stay) > 0 && !s.isKnownTo(stay, c.step.left) {
			s.Do(func(e *cachesync.Engine) { e.Announce() })
		}
	}
}

// mayPart reports whether the node may say goodbye: it will not come back with
// anything that nobody else has.
func (c *Core) mayPart() bool {
	if c.disk == nil || c.disk.failed.Load() || c.Outlived() {
		return true
	}
	return !slices.ContainsFunc(c.Shards(), func(s *Shard) bool { return !s.isKnownTo(s.peers(), c.step.left) })
}

func (c *Core) hasServed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.served
}

// mayGo reports whether every command that was let in has its reply, and what all
// have written is where it has to be.
func (c *Core) mayGo() bool {
	switch {
	case c.running.Load() != 0:
		return false
	case c.Outlived():
		return c.hasSent()
	}
	return c.hasHandedOver()
}

// hasSent reports whether all that was written here has been broadcast.
func (c *Core) hasSent() bool {
	sent := true
	for _, s := range c.Shards() {
		s.Do(func(e *cachesync.Engine) { sent = sent && e.Stats().QueueBytes == 0 })
	}
	return sent
}

// hasHandedOver reports whether of each partition that is held here some node
// that stays has everything. Where there is no such node, nothing can be handed
// over.
func (c *Core) hasHandedOver() bool {
	pl := c.Place()
	for _, s := range c.Shards() {
		if stay := c.stay(pl, s.id); len(stay) > 0 && !s.isKnownTo(stay, c.step.left) {
			return false
		}
	}
	return true
}

// stay returns the nodes that hold a partition when this one has left and take
// its region's writes: those of the region if there are any, otherwise others.
func (c *Core) stay(pl *Placement, p region.Partition) []crdt.ReplicaID {
	var out []crdt.ReplicaID
	for _, name := range pl.planned.Holders(p) {
		if m, ok := pl.Named(c.cfg.Region, name); ok && m.Replica != c.self {
			out = append(out, m.Replica)
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, m := range pl.Serves(p) {
		if m.Region != c.cfg.Region && !c.Paused(c.cfg.Region, m.Region) {
			out = append(out, m.Replica)
		}
	}
	return out
}

// isKnownTo reports whether one of the replicas, which means to keep the partition,
// has all that was here when the last command of this node was done: it has said
// so since. What others write meanwhile is not this node's to hand over.
func (s *Shard) isKnownTo(replicas []crdt.ReplicaID, since time.Time) bool {
	known := false
	s.Do(func(e *cachesync.Engine) {
		if s.last == nil {
			s.last = e.Vector().Clone()
		}
		known = len(s.last) == 0 || slices.ContainsFunc(e.Peers(), func(p cachesync.Peer) bool {
			return !p.Passing && !p.Heard.Before(since) && e.Has(p.Kept, s.last) && slices.Contains(replicas, p.Replica)
		})
	})
	return known
}
