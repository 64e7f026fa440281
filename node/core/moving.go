package core

import (
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// While the ring changes, two nodes may both run commands on a partition: one that
// does not know yet that it is not the owner any more, and the new one. What one
// has acknowledged the other has a moment later, and a read there must not miss
// it. So while partitions may be moving a node asks the others what they have
// before it answers, as it does when it stands in for an owner.

// movingFor is how long after the last sign of a change partitions may still be
// moving, four heartbeats at least: by then every node that is heard at all knows
// of it, though it be busy and some heartbeats get lost.
const movingFor = 2 * time.Second

// Stir notes that partitions of the region are about to move: a node is going to
// serve, or to leave.
func (c *Core) Stir() { c.stir(c.cfg.Now()) }

func (c *Core) stir(now time.Time) {
	until := now.Add(max(movingFor, 4*c.cfg.Members.HeartbeatEvery)).UnixNano()
	for {
		last := c.moving.Load()
		if last >= until || c.moving.CompareAndSwap(last, until) {
			return
		}
	}
}

// stalls notes that the node looks at the time, and did so last at another: what has
// waited here for so long others may have run, having waited in vain for this node's
// answer, and it is not so long that the node turns it away.
func (c *Core) stalls(now time.Time, last int64) {
	if last != 0 && now.UnixNano()-last > int64(min(c.cfg.FrozenAfter, c.cfg.ClaimFor)/4) {
		c.stir(now)
	}
}

// MayLag reports whether another node of the region may have acknowledged a write
// that matters to a command which has come at a time of the node's clock, and that
// write has not arrived here yet. A write matters to reads, and to commands that must
// not run twice.
func (c *Core) MayLag(t *Task, now time.Time) bool {
	if t.Spec.Write && !t.Unsafe {
		return false
	}
	if c.mayMove(now) {
		return true
	}
	// Whoever asks takes the owner for silent, or another node for the owner.
	return t.Hops > 0 && !c.Place().Owns(t.Partition)
}

// mayMove reports whether partitions may be moving at a time, from one node of the
// region to another.
func (c *Core) mayMove(now time.Time) bool {
	c.stalls(now, c.alive.Load())
	return (c.State() >= Leaving || now.UnixNano() < c.moving.Load()) && !c.isAlone()
}

// isAlone reports whether no other node of the region could have run a command.
func (c *Core) isAlone() bool {
	members := c.Place().members
	for i := range members {
		if c.isOther(&members[i]) {
			return false
		}
	}
	return true
}

// isOther reports whether a member is another node of the region that is not silent.
func (c *Core) isOther(m *region.Member) bool {
	return m.Region == c.cfg.Region && m.Replica != c.self && m.State != region.StateSuspect
}

// Others returns the other nodes of the region that may have run commands on a
// partition and are not silent.
func (c *Core) Others(p region.Partition) []crdt.ReplicaID {
	s := c.Shard(p)
	if s == nil {
		return nil
	}
	pl := c.Place()
	known, held := s.peers(), pl.held(p, c.cfg.Now())
	var out []crdt.ReplicaID
	for _, m := range pl.members {
		if !c.isOther(&m) {
			continue
		}
		if slices.Contains(known, m.Replica) || pl.mayHold(m, p) || pl.planned.Holds(m.Name, p) || slices.Contains(held, m) {
			out = append(out, m.Replica)
		}
	}
	return out
}

// Missing returns the writes of the own region in a vector that have not arrived
// here. Those of other regions may be long on their way.
func (c *Core) Missing(p region.Partition, v crdt.Vector) []crdt.Dot {
	s := c.Shard(p)
	if s == nil {
		return nil
	}
	missing := s.beyond(v)
	pl := c.Place()
	return slices.DeleteFunc(missing, func(d crdt.Dot) bool {
		i := slices.IndexFunc(pl.members, func(m region.Member) bool { return m.Replica == d.Replica.Life() })
		return i >= 0 && pl.members[i].Region != c.cfg.Region
	})
}
