package core

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// TestLinks: a decision reaches the others with a heartbeat, is obeyed by every
// shard, also of one taken later, and what was missed comes afterwards.
func TestLinks(t *testing.T) {
	w := newWorld(t)
	eu, us := w.add("eu", "eu-1", nil), w.add("us", "us-1", nil)
	w.until("both ready", w.areReady)
	both := []region.Link{{From: "eu", To: "us"}, {From: "us", To: "eu"}}
	if states, err := eu.Decide(both, true); err != nil || len(states) != 2 {
		t.Fatalf("pause both: %+v, %v", states, err)
	}
	w.pass(20 * time.Millisecond)
	if !us.Paused("eu", "us") || !eu.Paused("us", "eu") {
		t.Error("want both links known to be paused at both")
	}
	eu.setAll(keysOf(20))
	w.pass(2 * time.Second)
	us.want("nil", "GET key-1")
	if s, ok := us.Link(both[1]); !ok || !s.Paused {
		t.Errorf("want the link paused, have %+v, %t", s, ok)
	}
	if _, err := us.Decide(both, false); err != nil {
		t.Fatal(err)
	}
	w.until("all is in us", func() bool { return equal(eu, us) })
	us.wantAll(keysOf(20))
	us.Apply(nil)
	us.Apply([]region.LinkState{{Link: both[0], Paused: true, Version: crdt.Version{Stamp: crdt.StampAt(w.now.UnixMilli() + 1), Replica: 9}}})
	if !slices.Equal(*us.paused.Load(), []string{"eu"}) {
		t.Error("decided elsewhere: want it obeyed at once")
	}
}

// TestLinksAreObeyedOnReturn: whoever has told a node of a decision can rely on
// it, also when somebody else told it at the same moment, and for a partition that
// is taken at the same moment.
func TestLinksAreObeyedOnReturn(t *testing.T) {
	w := newWorld(t)
	a := w.add("eu", "eu-1", func(c *Config) { c.Partitions = 64 })
	for round := range 200 {
		state := region.LinkState{Link: region.Link{From: "us", To: "eu"}, Paused: round%2 == 0, Version: crdt.Version{Stamp: crdt.HLC(round + 1), Replica: 9}}
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				if _, err := a.Take(region.Partition((round + i) % 64)); err != nil {
					t.Error(err)
				}
				a.Apply([]region.LinkState{state})
				for _, s := range a.Shards() {
					s.mu.Lock()
					have := slices.Contains(s.mu.paused, "us")
					s.mu.Unlock()
					if have != state.Paused {
						t.Errorf("round %d: want the link paused %t, have partition %d obey %t", round, state.Paused, s.ID(), have)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}
