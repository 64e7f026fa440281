package node

import (
	"context"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

func testShard() *shard { return newShard(Config{Now: time.Now}, 1, 0) }

// TestShardObeysTheLatestDecision: of two that reach it in the wrong order the
// later one holds.
func TestShardObeysTheLatestDecision(t *testing.T) {
	s := testShard()
	latest := &pausedLinks{version: 2, regions: []string{"eu"}}
	s.obey(latest)
	s.obey(&pausedLinks{version: 1, regions: []string{"ap"}})
	for r, want := range map[string]int{"eu": 1, "ap": 0} {
		before := 0
		s.do(func(e *cachesync.Engine) {
			before = e.Stats().Paused
			e.Receive(time.Now(), &cachesync.Message{Kind: cachesync.KindHeads, From: 9, Region: r})
			if have := e.Stats().Paused - before; have != want {
				t.Errorf("%s: want %d messages turned away, have %d", r, want, have)
			}
		})
	}
}

// TestShardWaiters are bounded, woken by what they wait for, and gone when they
// give up.
func TestShardWaiters(t *testing.T) {
	s := testShard()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if s.wait(gone, crdt.Dot{Replica: 1, N: 1}) || len(s.mu.waiters) != 0 {
		t.Errorf("cancelled: want it given up and forgotten, have %d waiting", len(s.mu.waiters))
	}
	woken := make(chan bool)
	go func() { woken <- s.wait(t.Context(), crdt.Dot{Replica: 1, N: 1}) }()
	waiting := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.mu.waiters)
	}
	for waiting() == 0 {
		<-time.After(time.Millisecond)
	}
	s.do(func(e *cachesync.Engine) {
		if _, err := e.Write(time.Now(), "k", 0, func(m *crdt.Mutator) error { m.Set("v", crdt.Never); return nil }); err != nil {
			t.Error(err)
		}
	})
	if !<-woken || waiting() != 0 {
		t.Errorf("written: want the waiter woken, have %d waiting", waiting())
	}
	for range maxWaiters {
		s.mu.waiters = append(s.mu.waiters, waiter{dot: crdt.Dot{Replica: 2, N: 1}, seen: make(chan struct{})})
	}
	if s.wait(t.Context(), crdt.Dot{Replica: 1, N: 9}) || waiting() != maxWaiters {
		t.Errorf("full: want it answered without waiting, have %d waiting", waiting())
	}
}
