package node

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// KeptBytes returns what all partitions of a node account for, hidden and not
// yet forgotten entries included.
func (n *Node) KeptBytes() (sum int) {
	for _, s := range n.held() {
		s.do(func(*cachesync.Engine) { sum += s.mu.state.Bytes() })
	}
	return sum
}

// AllFilled reports whether the node answers for every partition that it holds.
func (n *Node) AllFilled() bool {
	for _, s := range n.held() {
		if !s.isReady() {
			return false
		}
	}
	return true
}

// HeldPartitions returns the partitions that a node holds in memory.
func (n *Node) HeldPartitions() []region.Partition { return host{n}.Held() }

// Lose drops what a node holds of a key behind the system's back.
func (n *Node) Lose(key string) {
	s := n.shard(n.cfg.Partitions.Of(key))
	s.do(func(e *cachesync.Engine) { s.mu.state.Forget(key, e.Vector()) })
}

// ToldOf returns of how many replicas a node keeps what they said.
func (n *Node) ToldOf() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.mu.told)
}

// Receiver returns what the node's transport delivers to.
func (n *Node) Receiver() cachesync.Receiver { return receiver{n} }

// EncodeHeartbeat returns the heartbeat of a member.
func EncodeHeartbeat(m region.Member, clock int64) []byte {
	return encodeHeartbeat(heartbeat{member: m, clock: clock})
}

// Malformed returns how many messages could not be decoded.
func (n *Node) Malformed() int64 { return n.malformed.Load() + n.runner.Stats().Malformed }

// IsClusterCommand reports whether the node runs a command itself wherever it
// arrives.
func IsClusterCommand(name string) bool { return clusterCommand(name) != nil }

// Addressed returns the front door of clients that have chosen the node.
func (n *Node) Addressed() addressed { return addressed{n} }

// Fronted returns the front door of clients that reach any node.
func (n *Node) Fronted() fronted { return fronted{n} }

// RecodeHeartbeat decodes a heartbeat and encodes it again.
func RecodeHeartbeat(b []byte) ([]byte, error) {
	h, err := decodeHeartbeat(b)
	if err != nil {
		return nil, err
	}
	return encodeHeartbeat(h), nil
}

// SampleHeartbeat returns an encoded heartbeat.
func SampleHeartbeat() []byte {
	paused := region.LinkState{Link: region.Link{From: "eu", To: "us"}, Paused: true, Version: crdt.Version{Stamp: 1 << 40, Replica: 7}}
	return encodeHeartbeat(heartbeat{
		member: region.Member{Name: "eu-1", Region: "eu", Zone: "z", Replica: 7, State: region.StateReady, Started: 1, Beat: 2},
		clock:  1_700_000_000_000, links: []region.LinkState{paused}, leaving: true,
	})
}

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
