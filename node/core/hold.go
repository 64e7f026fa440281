package core

import (
	"fmt"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Take makes the node hold a partition, if it does not yet, and returns its
// shard, which may have to be filled first. It fails when the life is over, and
// when the partition cannot be held.
func (c *Core) Take(p region.Partition) (*Shard, error) {
	if s := c.Shard(p); s != nil && c.State() != Gone {
		return s, nil
	}
	s, err := c.hold(p)
	if err != nil {
		return nil, err
	}
	c.checkFilled(s)
	return s, nil
}

// hold is Take for a partition that is not held.
func (c *Core) hold(p region.Partition) (*Shard, error) {
	c.holding.Lock()
	defer c.holding.Unlock()
	if c.State() == Gone {
		return nil, c.refusal()
	}
	if s := c.Shard(p); s != nil {
		return s, nil
	}
	writer := max(c.writers[p], c.cfg.Kept.Writer)
	if writer.Life() != c.self.Life() {
		c.Outlive(fmt.Sprintf("partition %d has been let go and taken again %d times", p, crdt.Lives))
		return nil, c.refusal()
	}
	if err := c.out.Hold(p, true); err != nil {
		return nil, fmt.Errorf("hold partition %d: %w", p, err)
	}
	s := c.blankShard(p, writer)
	s.obey(*c.paused.Load())
	c.shards[p].Store(s)
	return s, nil
}

// holdAsked makes the node hold a partition that others are about to be asked for, in
// a shard that stays for as long as a claim lasts: a command may be about to run in
// the shard that has been let go, or in none yet, when nobody else takes it. It
// returns nil when the partition cannot be held.
func (c *Core) holdAsked(p region.Partition) *Shard {
	s, err := c.Take(p)
	if err == nil && !s.stay() {
		if s, err = c.hold(p); err == nil { // It is being let go at this moment.
			s.stay()
		}
	}
	if err != nil {
		return nil
	}
	return s
}

// drop ends the holding of a partition. What was written under the shard's ID
// stays with others; should the node take the partition again, it begins there
// with nothing, and counts its writes from one under another ID. The caller holds
// the lock of what is held.
func (c *Core) drop(s *Shard) {
	if err := c.out.Hold(s.id, false); err != nil {
		c.cfg.Log.Warn("release partition", "partition", s.id, "err", err)
	}
	c.writers[s.id] = s.nextWriter()
	c.shards[s.id].Store(nil)
	if c.disk != nil {
		c.disk.dropped[s.id] = true
		s.leaveDisk()
	}
	c.cfg.Memory.leave(s)
}

// holdPlanned takes every partition that the node is to hold.
func (c *Core) holdPlanned() error {
	pl := c.Place()
	for _, ring := range []*region.Ring{pl.planned, pl.serving[c.cfg.Region], pl.mine} {
		for _, p := range ring.HeldBy(c.cfg.Name) {
			if _, err := c.Take(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow makes a node that is ready take and offer what the rings say now.
func (c *Core) follow() {
	c.step.follow = false
	if err := c.holdPlanned(); err != nil {
		c.cfg.Log.Warn("hold partitions", "err", err)
	}
	ring := c.Place().serving[c.cfg.Region]
	var own, alt []region.Partition
	for _, p := range ring.HeldBy(c.cfg.Name) {
		holders := ring.Holders(p)
		switch {
		case holders[0] == c.cfg.Name:
			own = append(own, p)
		case holders[1] == c.cfg.Name:
			alt = append(alt, p)
		}
	}
	c.out.Offer(own, alt)
}

// checkAllFilled reports whether every shard is filled, having looked anew at
// each that does not answer for its partition yet.
func (c *Core) checkAllFilled() bool {
	all := true
	for i := range c.shards {
		if s := c.shards[i].Load(); s != nil {
			all = c.checkFilled(s) && all
		}
	}
	return all
}

// checkFilled decides whether a shard has what the other holders have: it has
// heard from them and misses nothing that they announced. Where nobody else
// serves the partition, nor has a short time ago, there is nothing to wait for. Before the node is ready
// itself nothing is decided for good: somebody who has it may yet be heard of.
func (c *Core) checkFilled(s *Shard) bool {
	if s.IsReady() {
		return true
	}
	final := c.State() >= Ready
	near, far := c.expected(s.id)
	former := c.fillers(c.Place().held(s.id, c.cfg.Now()))
	s.mu.Lock()
	defer s.mu.Unlock()
	heard := map[crdt.ReplicaID]crdt.HLC{}
	for _, p := range s.mu.engine.Peers() {
		if !p.Heard.Before(s.mu.since) {
			heard[p.Replica] = p.Clock
		}
	}
	enough := true
	for _, m := range near {
		enough = enough && heard[m.replica] > m.since
	}
	if c.cfg.Now().Sub(s.mu.since) < c.cfg.FillWait/formerShare { // Some of them may never have taken it.
		for _, m := range former {
			enough = enough && heard[m.replica] > m.since
		}
	}
	if len(near)+len(former) == 0 && len(far) > 0 {
		enough = slices.ContainsFunc(far, func(m filler) bool { return heard[m.replica] > m.since })
	}
	late := c.cfg.Now().Sub(s.mu.since) > c.cfg.FillWait && !s.healing // What it stands for may be on the disk.
	filled := enough && !s.mu.engine.Behind()
	if final && (filled || late) {
		if !filled {
			c.cfg.Log.Warn("partition serves without having been filled", "partition", s.id)
		}
		s.open()
	}
	return filled || late
}

// formerShare is which part of FillWait those are waited for at most who held a
// partition before the last changes of the ring.
const formerShare = 4

// filler is a node that can fill a partition. What it announced before it was
// ready does not count: it may not have been filled itself by then.
type filler struct {
	replica crdt.ReplicaID
	since   crdt.HLC // by its own clock; what it announces after that counts
}

// fillers returns members as fillers, but for this node.
func (c *Core) fillers(members []region.Member) (out []filler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range members {
		if m.Replica != c.self {
			out = append(out, filler{m.Replica, c.since(c.mu.told[m.Replica])})
		}
	}
	return out
}

// expected returns the other nodes that serve a partition, of the own region and
// of others whose writes are taken.
func (c *Core) expected(p region.Partition) (near, far []filler) {
	paused := *c.paused.Load()
	members := c.Place().Serves(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range members {
		f := filler{m.Replica, c.since(c.mu.told[m.Replica])}
		switch {
		case m.Replica == c.self || slices.Contains(paused, m.Region):
		case m.Region == c.cfg.Region:
			near = append(near, f)
		default:
			far = append(far, f)
		}
	}
	return near, far
}

// sweepEvery is the beat at which expired keys are hidden, what has become
// stable is forgotten, and what belongs elsewhere is let go.
const sweepEvery = 200 * time.Millisecond

// sweep works off what is due in the shards.
func (c *Core) sweep(now time.Time) {
	pl := c.Place()
	living := pl.lives()
	c.cfg.Memory.sweep()
	for _, s := range c.Shards() {
		holders := pl.replicas(s.id)
		if c.refuses.Load() == nil { // What a clock that is out of line forgets would refuse honest writes.
			s.sweep(holders, living)
		}
		c.release(s, pl, holders, now)
	}
}

// release drops a partition that belongs elsewhere now, once everybody who holds
// it has all that is here.
func (c *Core) release(s *Shard, pl *Placement, holders []crdt.ReplicaID, now time.Time) {
	if pl.planned.Len() == 0 || pl.isMine(c.cfg.Name, s.id) {
		if !s.unplaced.IsZero() {
			s.unplaced = time.Time{}
			s.Do(func(e *cachesync.Engine) { e.Pass(false) })
		}
		return
	}
	if s.unplaced.IsZero() {
		s.unplaced = now
		s.Do(func(e *cachesync.Engine) { e.Pass(true) })
		return
	}
	if now.Sub(s.unplaced) < c.cfg.KeepFor {
		return
	}
	c.holding.Lock() // Whoever finds the shard closed takes another one.
	defer c.holding.Unlock()
	if !s.closeIfSettled(holders) {
		return
	}
	c.drop(s)
	c.step.follow = true
}
