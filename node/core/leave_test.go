package core

import (
	"slices"
	"testing"
	"time"
)

// TestBuriesNothingWhileItGoes: once it is settled what a node that leaves hands over, it
// does not bury a key any more: nobody would wait for that write. Before it does.
func TestBuriesNothingWhileItGoes(t *testing.T) {
	for _, leaving := range []bool{false, true} {
		w := newWorld(t)
		one, two := w.add("eu", "a", nil), w.add("eu", "b", nil)
		w.pass(3 * time.Second)
		p := one.own[0]
		key := keysOf(80)[slices.IndexFunc(keysOf(80), func(k string) bool { return one.cfg.Partitions.Of(k) == p })]
		one.write(key, "v")
		w.pass(time.Second)
		s := one.Shard(p)
		s.mu.Lock()
		gone := s.mu.state.Evict(key, s.Now())
		s.noteGhosts()
		s.mu.Unlock()
		if leaving {
			two.mute = true // It cannot say what it has.
			one.Leave()
			w.pass(50 * time.Millisecond)
		}
		if state := one.State(); !gone || (state == Leaving) != leaving {
			t.Fatalf("leaving %t: want the key evicted at a node that is so, have %t, %v", leaving, gone, state)
		}
		if buried := s.Bury(key); buried == leaving {
			t.Errorf("leaving %t: want it buried only before that, have %t", leaving, buried)
		}
	}
}
