package node

import (
	"context"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// The replies of a node that takes no commands.
var (
	errNotReady = &wire.Error{Code: wire.CodeUnavailable, Text: "LOADING the node is still joining: ask another or try again shortly"}
	errStopped  = &wire.Error{Code: wire.CodeUnavailable, Text: "ERR the node has been stopped: ask another"}
)

// enter lets commands in, when the node serves. Whoever was let in calls exit
// once they have their replies.
func (n *Node) enter(ctx context.Context) error {
	select {
	case <-n.ready:
	default:
		select {
		case <-n.ready:
		case <-n.ended:
		case <-ctx.Done():
			return errNotReady
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.mu.closed {
		return errStopped
	}
	n.mu.running++
	return nil
}

func (n *Node) exit() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.running--
}

// close lets no more commands in.
func (n *Node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.mu.closed {
		n.mu.closed = true
		close(n.ended)
	}
}

func (n *Node) isClosed() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.closed
}

func (n *Node) idle() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.running == 0
}

// leave hands over and says goodbye: others take the node's partitions over at
// once.
func (n *Node) leave() {
	if server := n.server.Load(); server != nil {
		if err := server.Close(); err != nil {
			n.cfg.Log.Warn("stop command service", "err", err)
		}
	}
	n.close()
	if n.server.Load() != nil {
		n.setState(region.StateLeaving)
		n.handOver()
	}
	n.announce(true)
}

// handOver waits, for a bounded time, until the commands under way are done and
// others have what they and the earlier ones wrote.
func (n *Node) handOver() {
	ctx, cancel := context.WithTimeout(context.Background(), n.cfg.LeaveWait)
	defer cancel()
	for !n.idle() || !n.handedOver() {
		if n.cfg.Conn.IsClosed() || !sleep(ctx, 10*time.Millisecond) {
			n.cfg.Log.Error("left before other nodes had everything")
			return
		}
	}
}

// handedOver reports whether of each partition that is held here some node that
// stays has everything. Where there is no such node, nothing can be handed over.
func (n *Node) handedOver() bool {
	pl := n.place.Load()
	for _, s := range n.held() {
		if stay := n.stay(pl, s.id); len(stay) > 0 && !s.isKnownTo(stay) {
			return false
		}
	}
	return true
}

// stay returns the nodes that hold a partition when this one has left and take
// its region's writes: those of the region if there are any, otherwise others.
func (n *Node) stay(pl *placement, p region.Partition) []crdt.ReplicaID {
	var out []crdt.ReplicaID
	for _, name := range pl.planned.Holders(p) {
		if m, ok := pl.named(n.cfg.Region, name); ok && m.Replica != n.self {
			out = append(out, m.Replica)
		}
	}
	if len(out) > 0 {
		return out
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range pl.serves(p) {
		if m.Region != n.cfg.Region && !n.mu.links.Paused(n.cfg.Region, m.Region) {
			out = append(out, m.Replica)
		}
	}
	return out
}

// isKnownTo reports whether one of the replicas has all that is here.
func (s *shard) isKnownTo(replicas []crdt.ReplicaID) bool {
	known := false
	s.do(func(e *cachesync.Engine) {
		known = len(e.Vector()) == 0 || slices.ContainsFunc(e.Peers(), func(p cachesync.Peer) bool {
			return !p.Lags && slices.Contains(replicas, p.Replica)
		})
	})
	return known
}
