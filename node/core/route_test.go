package core

import (
	"slices"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// TestAtOnce: a command takes the short way to memory only while nothing stands between.
func TestAtOnce(t *testing.T) {
	w := startTwo(t)
	one, two := w.nodes[0], w.nodes[1]
	w.pass(3 * time.Second)
	p := one.own[0]
	want := func(what string, a *actor, after time.Duration, reads, writes bool) {
		t.Helper()
		now := a.cfg.Now().Add(after)
		if r, x := a.AtOnce(p, now) != nil, a.near(p, true) != nil && !a.isAsleep(now); r != reads || x != writes {
			t.Errorf("%s: want reads %t and writes %t at once, have %t and %t", what, reads, writes, r, x)
		}
	}
	want("the owner", one, 0, true, true)
	want("who holds a copy", two, 0, true, false)
	one.Stir()
	want("while partitions may be moving", one, 0, false, true)
	w.pass(movingFor + 20*time.Millisecond)
	want("afterwards", one, 0, true, true)
	if one.AtOnce(region.Partition(99), one.cfg.Now()) != nil {
		t.Error("a partition that there is not: want nothing")
	}
	s := one.Shard(p)
	i := slices.IndexFunc(keysOf(80), func(k string) bool { return one.cfg.Partitions.Of(k) == p })
	key := keysOf(80)[i]
	s.mu.Lock()
	gone := s.mu.state.Evict(key, s.Now())
	s.noteGhosts()
	s.mu.Unlock()
	want("where something is evicted", one, 0, false, false)
	if _, _, err := s.Glance(crdt.KindString, key, ""); !gone || err != ErrEvicted {
		t.Errorf("what is evicted: want %v, have %t, %v", ErrEvicted, gone, err)
	}
	w.pass(3 * time.Second)
	p = one.own[1]
	want("another partition", one, 0, true, true)
	s = one.Shard(p)
	want("a node that was frozen", one, one.cfg.FrozenAfter+time.Millisecond, false, false)
	if wrote, done, err := one.PutAtOnce(p, "key", "value"); wrote != nil || done || err != nil {
		t.Errorf("a write at once to a node that was frozen: want nothing done, have %v, %t, %v", wrote, done, err)
	}
	if w.pass(3 * time.Second); one.IsAwaking() {
		t.Fatal("want the node awake again")
	}
	one.Leave()
	want("a node that leaves", one, 0, false, false)
	if s, done, err := one.PutAtOnce(p, "key", "value"); s != nil || done || err != nil || one.running.Load() != 0 {
		t.Errorf("a write at once to a node that leaves: want nothing done, have %v, %t, %v", s, done, err)
	}
	w.pass(10 * time.Second)
	if _, _, err := s.GlanceAt(one.cfg.Now(), crdt.KindString, "key", ""); one.State() != Gone || err != ErrReleased {
		t.Errorf("a shard that is closed: want %v, have %v", ErrReleased, err)
	}
	if _, err := s.Put("key", "value"); err != ErrReleased {
		t.Errorf("a write to a shard that is closed: want %v, have %v", ErrReleased, err)
	}
}
