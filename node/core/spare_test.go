package core

import (
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// TestSparedIsNotForgotten: what could be forgotten stays until the time that was named,
// the latest if there are several.
func TestSparedIsNotForgotten(t *testing.T) {
	w := newWorld(t)
	a := w.add("eu", "eu-1", nil)
	w.until("eu-1 ready", w.areReady)
	s := a.Shards()[0]
	s.Spare(w.now.Add(10 * time.Second))
	s.Spare(w.now.Add(5 * time.Second))
	for _, other := range a.Shards()[:2] {
		invalidate := func(m *crdt.Mutator) error { m.Invalidate(); return nil }
		if _, err := other.Write("k", 0, invalidate); err != nil {
			t.Fatal(err)
		}
	}
	forgot := func(s *Shard) (yes bool) {
		s.Look(func(_ *cachesync.Engine, state *crdt.Partition) { yes = !state.Horizon().IsZero() })
		return yes
	}
	w.pass(9 * time.Second)
	if forgot(s) || !forgot(a.Shards()[1]) {
		t.Errorf("after 9 s of 10: want only the other forgotten, have %t, %t", forgot(s), forgot(a.Shards()[1]))
	}
	w.pass(6 * time.Second)
	if !forgot(s) {
		t.Error("after 15 s of 10: want it forgotten")
	}
}
