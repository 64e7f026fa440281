package core

import (
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
)

func testShard() *Shard {
	return (&Core{cfg: Config{Now: time.Now}, self: 1}).newShard(0, 1, nil)
}

// TestShardWaiters are bounded, woken by what they wait for, and gone when they
// give up.
func TestShardWaiters(t *testing.T) {
	s := testShard()
	isClosed := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	first, second, given := s.Await(crdt.Dot{Replica: 1, N: 1}), s.Await(crdt.Dot{Replica: 1, N: 2}), s.Await(crdt.Dot{Replica: 1, N: 1})
	s.Forgo(given)
	if _, err := s.Write("k", 0, func(m *crdt.Mutator) error { m.Set("v", crdt.Never); return nil }); err != nil {
		t.Fatal(err)
	}
	if !isClosed(first) || isClosed(second) || isClosed(given) || len(s.mu.waiters) != 1 {
		t.Errorf("one written: want the one that waits for it woken and the one that gave up forgotten, have %t, %t, %t, %d waiting",
			isClosed(first), isClosed(given), isClosed(second), len(s.mu.waiters))
	}
	if late := s.Await(crdt.Dot{Replica: 1, N: 1}); !isClosed(late) || len(s.mu.waiters) != 1 {
		t.Errorf("written before: want nobody to wait, have %d waiting", len(s.mu.waiters))
	}
	for len(s.mu.waiters) < maxWaiters {
		s.mu.waiters = append(s.mu.waiters, waiter{dot: crdt.Dot{Replica: 2, N: 1}, seen: make(chan struct{})})
	}
	if s.Await(crdt.Dot{Replica: 1, N: 9}) != nil || len(s.mu.waiters) != maxWaiters {
		t.Errorf("full: want it answered without waiting, have %d waiting", len(s.mu.waiters))
	}
}
