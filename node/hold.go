package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/natsapi"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// take makes the node hold a partition, if it does not yet, and returns its
// shard, which may have to be filled first.
func (n *Node) take(p region.Partition) (*shard, error) {
	if s := n.shard(p); s != nil {
		return s, nil
	}
	s := newShard(n.cfg, n.self, p)
	s.obey(n.paused.Load())
	if !n.shards[p].CompareAndSwap(nil, s) {
		if other := n.shards[p].Load(); other != nil {
			return other, nil
		}
		return nil, errReleased
	}
	s.obey(n.paused.Load()) // A decision in between may not have reached it.
	if err := n.link.Hold(p, true); err != nil {
		n.shards[p].CompareAndSwap(s, nil)
		return nil, fmt.Errorf("hold partition %d: %w", p, err)
	}
	return s, nil
}

// holdPlanned takes every partition that the node is to hold.
func (n *Node) holdPlanned() error {
	pl := n.place.Load()
	for _, ring := range []*region.Ring{pl.planned, pl.serving[n.cfg.Region]} {
		for _, p := range ring.HeldBy(n.cfg.Name) {
			if _, err := n.take(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// follow makes a node that serves take and offer what the rings say now.
func (n *Node) follow() {
	if n.server.Load() == nil || n.isClosed() {
		return
	}
	if err := n.holdPlanned(); err != nil {
		n.cfg.Log.Warn("hold partitions", "err", err)
	}
	n.offer()
	select {
	case <-n.ready:
	default:
		close(n.ready)
	}
}

// followSoon has the placement followed by beats.
func (n *Node) followSoon() {
	select {
	case n.moved <- struct{}{}:
	default:
	}
}

// offer tells the command service which partitions the node answers for.
func (n *Node) offer() {
	ring := n.place.Load().serving[n.cfg.Region]
	var own, alt []region.Partition
	for _, p := range ring.HeldBy(n.cfg.Name) {
		holders := ring.Holders(p)
		switch {
		case holders[0] == n.cfg.Name:
			own = append(own, p)
		case holders[1] == n.cfg.Name:
			alt = append(alt, p)
		}
	}
	if err := n.server.Load().Serve(own, alt); err != nil && !errors.Is(err, natsapi.ErrNotRunning) {
		n.cfg.Log.Warn("serve partitions", "err", err)
	}
}

// filled reports whether every shard is filled, having looked at each anew.
func (n *Node) filled() bool {
	all := true
	for _, s := range n.held() {
		all = n.checkFilled(s) && all
	}
	return all
}

// checkFilled decides whether a shard has what the other holders have: it has
// heard from them and misses nothing that they announced. Where nobody else
// serves the partition there is nothing to wait for.
func (n *Node) checkFilled(s *shard) bool {
	if s.isReady() {
		return true
	}
	near, far := n.expected(s.id)
	s.mu.Lock()
	defer s.mu.Unlock()
	heard := map[crdt.ReplicaID]crdt.HLC{}
	for _, p := range s.mu.engine.Peers() {
		heard[p.Replica] = p.Clock
	}
	enough := true
	for _, m := range near {
		enough = enough && heard[m.replica] > m.ready
	}
	if len(near) == 0 && len(far) > 0 {
		enough = slices.ContainsFunc(far, func(m filler) bool { return heard[m.replica] > m.ready })
	}
	late := n.clock.now().Sub(s.mu.since) > n.cfg.FillWait
	s.mu.ready = (enough && !s.mu.engine.Behind()) || late
	if late {
		n.cfg.Log.Warn("partition serves without having been filled", "partition", s.id)
	}
	return s.mu.ready
}

// filler is a node that can fill a partition. What it announced before it was
// ready does not count: it may not have been filled itself by then.
type filler struct {
	replica crdt.ReplicaID
	ready   crdt.HLC // by its own clock
}

// expected returns the other nodes that serve a partition, of the own region and
// of others whose writes are taken.
func (n *Node) expected(p region.Partition) (near, far []filler) {
	paused := n.paused.Load()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.place.Load().serves(p) {
		f := filler{m.Replica, n.mu.told[m.Replica].ready}
		switch {
		case m.Replica == n.self || paused.has(m.Region):
		case m.Region == n.cfg.Region:
			near = append(near, f)
		default:
			far = append(far, f)
		}
	}
	return near, far
}

// fillEvery is the beat at which it is looked whether a partition is filled.
const fillEvery = 10 * time.Millisecond

// awaitFilled waits until a shard is filled or ctx ends.
func (n *Node) awaitFilled(ctx context.Context, s *shard) bool {
	for !n.checkFilled(s) {
		if !sleep(ctx, fillEvery) {
			return false
		}
	}
	return true
}

// sweepEvery is the beat at which expired keys are hidden and what has become
// stable is forgotten.
const sweepEvery = 200 * time.Millisecond

// sweeps works off what is due in the shards until ctx ends.
func (n *Node) sweeps(ctx context.Context) {
	unplaced := map[region.Partition]time.Time{}
	for sleep(ctx, sweepEvery) {
		pl := n.place.Load()
		for _, s := range n.held() {
			n.checkFilled(s)
			holders := pl.replicas(s.id)
			s.do(func(e *cachesync.Engine) {
				s.mu.state.sweep(func(v crdt.Vector, after crdt.HLC) bool { return e.Stable(v, after, holders) })
			})
			n.release(s, pl, holders, unplaced)
		}
	}
}

// release drops a partition that belongs elsewhere now, once everybody who holds
// it has all that is here.
func (n *Node) release(s *shard, pl *placement, holders []crdt.ReplicaID, unplaced map[region.Partition]time.Time) {
	if pl.planned.Len() == 0 || pl.planned.Holds(n.cfg.Name, s.id) || pl.serving[n.cfg.Region].Holds(n.cfg.Name, s.id) {
		delete(unplaced, s.id)
		return
	}
	since, ok := unplaced[s.id]
	if !ok {
		unplaced[s.id] = n.clock.now()
		return
	}
	if n.clock.now().Sub(since) < n.cfg.KeepFor {
		return
	}
	settled := false
	s.do(func(e *cachesync.Engine) {
		settled = e.Stable(e.Vector(), 0, holders)
		s.mu.closed = settled
	})
	if !settled {
		return
	}
	// In this order: who takes the partition again, once it is gone, subscribes
	// again.
	if err := n.link.Hold(s.id, false); err != nil {
		n.cfg.Log.Warn("release partition", "partition", s.id, "err", err)
	}
	n.shards[s.id].Store(nil)
	delete(unplaced, s.id)
	n.followSoon()
}
