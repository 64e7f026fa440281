package node

import (
	"context"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// KeptBytes returns what all partitions of a node account for, hidden and not
// yet forgotten entries included.
func (n *Node) KeptBytes() (sum int) {
	for _, s := range n.life.Load().core.Shards() {
		bytes, _ := s.Count(0)
		sum += bytes
	}
	return sum
}

// AllFilled reports whether the node answers for every partition that it holds.
func (n *Node) AllFilled() bool {
	for _, s := range n.life.Load().core.Shards() {
		if !s.IsReady() {
			return false
		}
	}
	return true
}

// HeldPartitions returns the partitions that a node holds in memory.
func (n *Node) HeldPartitions() []region.Partition { return n.life.Load().core.Held() }

// Lose drops what a node holds of a key behind the system's back.
func (n *Node) Lose(key string) {
	s := n.life.Load().core.Shard(n.cfg.Partitions.Of(key))
	s.Look(func(_ *cachesync.Engine, state *crdt.Partition) { state.Lose(key) })
}

// Overwrite changes the string that a node shows behind the system's back.
func (n *Node) Overwrite(key, value string) {
	s := n.life.Load().core.Shard(n.cfg.Partitions.Of(key))
	s.Look(func(_ *cachesync.Engine, state *crdt.Partition) { state.Overwrite(key, value) })
}

// EncodedBytes returns how many bytes a key's entry takes in a message.
func (n *Node) EncodedBytes(key string) (size int) {
	s := n.life.Load().core.Shard(n.cfg.Partitions.Of(key))
	s.Look(func(_ *cachesync.Engine, state *crdt.Partition) {
		size = len(key) + len(crdt.AppendEntry(nil, state.Entry(key)))
	})
	return size
}

// Sent returns how many bytes a node's replication has asked and been answered,
// and announced.
func (n *Node) Sent() (asked, announced int64) {
	s := n.life.Load().runner.Stats()
	return s.AskBytes, s.AnnounceBytes
}

// Repaired returns how many keys a node has repaired.
func (n *Node) Repaired() (keys int) {
	for _, s := range n.life.Load().core.Shards() {
		s.Do(func(e *cachesync.Engine) { keys += e.Stats().Repaired })
	}
	return keys
}

// Outlive makes a node find that it has missed too much.
func (n *Node) Outlive(reason string) { n.life.Load().core.Outlive(reason) }

// Started returns when the node's present life began.
func (n *Node) Started() time.Time { return n.life.Load().core.Config().Started }

// Malformed returns how many messages could not be decoded.
func (n *Node) Malformed() int64 {
	l := n.life.Load()
	return l.malformed.Load() + l.runner.Stats().Malformed
}

// IsClusterCommand reports whether the node runs a command itself wherever it
// arrives.
func IsClusterCommand(name string) bool { return clusterCommand(name) != nil }

// Addressed returns the front door of clients that have chosen the node.
func (n *Node) Addressed() addressed { return addressed{n.life.Load()} }

// Fronted returns the front door of clients that reach any node.
func (n *Node) Fronted() fronted { return fronted{n.life.Load()} }

// RunAside runs f n times beside a batch and returns how many are let run at
// once.
func RunAside(n int, f func()) (bound int) {
	b := batch{}
	for range n {
		b.goAside(f)
	}
	b.flush()
	return maxAside
}

// WaitingKeys returns how many keys keep more than what they show.
func (n *Node) WaitingKeys() (keys int) {
	for _, s := range n.life.Load().core.Shards() {
		s.Look(func(_ *cachesync.Engine, state *crdt.Partition) { keys += state.Waiting().Keys })
	}
	return keys
}

// Unsaved returns what of a node is not on its disk.
func (n *Node) Unsaved() (keys, bytes int64) { return n.life.Load().core.Unsaved() }

// Head is what a node has seen of a partition, and what it shows of it.
type Head struct {
	Seen  crdt.Vector
	Shows crdt.Digest
}

// Heads returns the heads of all partitions that a node answers for, judged at a
// time in milliseconds; false while it cannot say.
func (n *Node) Heads(at int64) (map[region.Partition]Head, bool) {
	heads := map[region.Partition]Head{}
	for _, s := range n.life.Load().core.Shards() {
		var h Head
		ok := s.IsReady()
		s.Look(func(e *cachesync.Engine, state *crdt.Partition) {
			shows, judged := state.Digest(at)
			h.Seen, h.Shows, ok = e.Vector().Clone(), shows, ok && judged
		})
		if !ok {
			return nil, false
		}
		heads[s.ID()] = h
	}
	return heads, true
}

// LimitEntries limits what a node may keep of entries, in bytes.
func LimitEntries(n *Node, bytes int64, policy core.Policy) { n.memory.LimitEntries(bytes, policy) }

// Ghosts returns how many keys are evicted at a node.
func Ghosts(n *Node) (keys int) {
	for _, s := range n.life.Load().core.Shards() {
		s.Look(func(_ *cachesync.Engine, state *crdt.Partition) {
			ghosts, _ := state.Ghosts()
			keys += ghosts
		})
	}
	return keys
}

// BuryAll removes all evicted keys that nobody has.
func BuryAll(n *Node) {
	l := n.life.Load()
	for _, s := range l.core.Shards() {
		for l.bury(context.Background(), s) > 0 {
		}
	}
}
