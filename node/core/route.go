package core

import (
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// RunsHere reports whether this node is to run a command on keys of one partition
// itself; otherwise it goes to [Core.Holder]. near says that a read may be
// answered by any holder.
func (c *Core) RunsHere(t *Task, near bool) bool {
	if t.Hops >= wire.MaxHops {
		return true
	}
	s := c.Shard(t.Partition)
	if s == nil || !s.IsReady() {
		return false
	}
	if t.Hops > 0 || c.Place().Owns(t.Partition) {
		return true
	}
	// Where a write is missing here the owner, who took it as a rule, is quicker
	// than to wait for it.
	return near && !t.Spec.Write && s.HasSeen(t.After)
}

// AtOnce returns the shard of a partition when nothing stands between a read that
// has come at a time of the node's clock, of one key and from within the node, and the
// node's own memory. Otherwise it returns nil, and the command goes the long way. A
// read need not be let in ([Core.Enter]): it has no effect that anything would have to
// wait for, and a shard that is closed meanwhile says so.
func (c *Core) AtOnce(p region.Partition, now time.Time) *Shard {
	s := c.near(p, false)
	if s == nil || c.isAsleep(now) || c.mayMove(now) {
		return nil
	}
	return s
}

// near returns the shard of a partition when nothing stands between a read or a write of
// one key and the node's own memory, but for what depends on the time.
func (c *Core) near(p region.Partition, write bool) *Shard {
	s := c.Shard(p)
	switch {
	case s == nil || !s.IsReady() || s.HasGhosts() || c.State() != Ready:
		return nil
	case write && (!c.Place().Owns(p) || c.disk != nil || c.cfg.Memory.Presses()):
		return nil
	}
	return s
}

// PutAtOnce is [Shard.Put] of a key of a partition when nothing stands between, as of
// [Core.AtOnce]: it lets itself in, and looks at the clock once. It returns the shard if
// something was written there, and false when the command is to go the long way. Nothing
// has been done then.
func (c *Core) PutAtOnce(p region.Partition, key, value string) (wrote *Shard, done bool, err error) {
	c.running.Add(1) // Before the state is looked at, see [Core.Enter].
	defer c.Exit()
	s := c.near(p, true)
	if s == nil {
		return nil, false, nil
	}
	dot, err := s.putAtOnce(c, key, value)
	switch {
	case err == ErrReleased || err == ErrEvicted || err == ErrAwaking:
		return nil, false, nil
	case err == nil && !dot.IsZero():
		wrote = s
	}
	return wrote, true, err
}

func (s *Shard) putAtOnce(c *Core, key, value string) (crdt.Dot, error) {
	defer s.relieved()
	s.mu.Lock()
	defer s.unlock()
	h := held{s: s, at: s.now()}
	if c.isAsleep(h.at) {
		return crdt.Dot{}, ErrAwaking
	}
	return h.Put(key, value)
}

// Holder returns the node to ask at an attempt, counted from 0: the owner of a
// partition, then its replicas. Zero means that nobody else is left, and that this
// node runs the command, having taken the partition: a write is accepted as long
// as one node lives.
func (c *Core) Holder(p region.Partition, attempt int) crdt.ReplicaID {
	pl := c.Place()
	holders := pl.serving[c.cfg.Region].Holders(p)
	if attempt >= len(holders) {
		return 0
	}
	m, ok := pl.Named(c.cfg.Region, holders[attempt])
	if !ok || m.Replica == c.self {
		return 0
	}
	return m.Replica
}
