package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// shard is one partition in memory: its state, its engine and what expires in
// it, under one lock. No shard's lock is held together with another lock.
type shard struct {
	id  region.Partition
	now func() time.Time

	mu struct {
		sync.Mutex
		state   store
		engine  *cachesync.Engine
		waiters []waiter
		paused  *pausedLinks
		ready   bool      // filled from the other holders, or known to be the first
		closed  bool      // the node has let the partition go; this shard is of no use any more
		since   time.Time // when the node took the partition
	}
}

// waiter waits until the shard has seen a write.
type waiter struct {
	dot  crdt.Dot
	seen chan struct{}
}

// errReleased is the answer of a shard that the node has just let go.
var errReleased = &wire.Error{Code: wire.CodeNotOwner, Text: "ERR partition is not held here any more: ask again"}

func newShard(cfg Config, self crdt.ReplicaID, p region.Partition) *shard {
	s := &shard{id: p, now: cfg.Now}
	s.mu.state = newStore(func() int64 { return cfg.Now().UnixMilli() })
	s.mu.engine = cachesync.NewEngine(cfg.Sync, cfg.identity(self, p), &s.mu.state)
	s.mu.since = cfg.Now()
	s.mu.paused = &pausedLinks{}
	return s
}

// do runs f alone with the shard's engine and wakes who waits for what it
// applied.
func (s *shard) do(f func(*cachesync.Engine)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.mu.engine)
	if len(s.mu.waiters) == 0 {
		return
	}
	seen := s.mu.state.Vector()
	kept := s.mu.waiters[:0]
	for _, w := range s.mu.waiters {
		if seen.Covers(w.dot) {
			close(w.seen)
		} else {
			kept = append(kept, w)
		}
	}
	clear(s.mu.waiters[len(kept):])
	s.mu.waiters = kept
}

// hasSeen reports whether the shard has seen a write, which the zero dot always
// has been.
func (s *shard) hasSeen(d crdt.Dot) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.state.Vector().Covers(d)
}

// maxWaiters bounds the commands that wait for a write in one partition; more
// are answered without waiting.
const maxWaiters = 4096

// wait returns when the shard has seen the write d, or ctx ends, and reports
// whether it has seen it.
func (s *shard) wait(ctx context.Context, d crdt.Dot) bool {
	s.mu.Lock()
	if s.mu.state.Vector().Covers(d) {
		s.mu.Unlock()
		return true
	}
	if len(s.mu.waiters) >= maxWaiters {
		s.mu.Unlock()
		return false
	}
	w := waiter{d, make(chan struct{})}
	s.mu.waiters = append(s.mu.waiters, w)
	s.mu.Unlock()
	select {
	case <-w.seen:
		return true
	case <-ctx.Done():
		s.dropWaiter(w)
		return false
	}
}

func (s *shard) dropWaiter(w waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range s.mu.waiters {
		if o == w {
			s.mu.waiters = append(s.mu.waiters[:i], s.mu.waiters[i+1:]...)
			return
		}
	}
}

// Now implements command.Target.
func (s *shard) Now() int64 { return s.now().UnixMilli() }

// Read implements command.Target.
func (s *shard) Read(keys []string, f func(crdt.View)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closed {
		return errReleased
	}
	now := s.now().UnixMilli()
	for _, key := range keys {
		f(s.mu.state.Entry(key).View(now))
	}
	return nil
}

// Write implements command.Target: what run notes becomes a write of this
// replica.
func (s *shard) Write(key string, request uint64, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	var delta *crdt.Delta
	var err error
	s.do(func(e *cachesync.Engine) {
		if s.mu.closed {
			err = errReleased
			return
		}
		delta, err = e.Write(s.now(), key, request, run)
	})
	if errors.Is(err, cachesync.ErrDuplicate) {
		return crdt.Dot{}, command.ErrRepeated
	}
	if err != nil || delta == nil {
		return crdt.Dot{}, err
	}
	return delta.Dot, nil
}

// isReady reports whether the shard answers for the partition.
func (s *shard) isReady() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.ready
}

// obey stops and restarts the taking of regions' writes, unless it has obeyed a
// later decision.
func (s *shard) obey(l *pausedLinks) {
	s.do(func(e *cachesync.Engine) {
		before := s.mu.paused
		if l.version <= before.version {
			return
		}
		s.mu.paused = l
		for _, r := range without(l.regions, before.regions) {
			e.Pause(r)
		}
		for _, r := range without(before.regions, l.regions) {
			e.Resume(r)
		}
	})
}
