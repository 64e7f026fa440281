package core

import (
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
