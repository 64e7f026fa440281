package core

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// TestJoiningIsFilledFirst: a node does not answer for anything before it has what
// a node that was ready itself has announced.
func TestJoiningIsFilledFirst(t *testing.T) {
	w := newWorld(t)
	one := w.add("eu", "eu-1", nil)
	w.until("eu-1 ready", w.areReady)
	one.setAll(keysOf(100))
	// Three at once: they must not take each other for filled.
	for _, name := range []string{"eu-2", "eu-3", "eu-4"} {
		w.add("eu", name, nil)
	}
	for !w.areReady() {
		w.pass(10 * time.Millisecond)
		for _, a := range w.nodes {
			for _, k := range keysOf(100) {
				if s := a.Shard(a.cfg.Partitions.Of(k)); s != nil && s.IsReady() && s.mu.state.Entry(k) == nil {
					t.Fatalf("%s answers for %s without having it", a.cfg.Name, k)
				}
			}
		}
		if w.now.Sub(time.UnixMilli(1_700_000_000_000)) > 20*time.Second {
			t.Fatal("not ready after 20 s")
		}
	}
}

// TestFillerWasReady: what a node announced before it was ready itself does not say
// what there is.
func TestFillerWasReady(t *testing.T) {
	w := newWorld(t)
	a := w.add("eu", "eu-1", func(c *Config) { c.Copies = 3 })
	says := func(m region.Member, leaving bool) {
		t.Helper()
		if err := a.Heard(encodeHeartbeat(heartbeat{member: m, clock: w.now.UnixMilli(), leaving: leaving})); err != nil {
			t.Fatal(err)
		}
		w.pass(10 * time.Millisecond)
	}
	early := region.Member{Region: "eu", Name: "eu-2", Replica: 77 * crdt.Lives, State: region.StateJoining, Started: 1, Beat: 1}
	other := region.Member{Region: "eu", Name: "eu-3", Replica: 78 * crdt.Lives, State: region.StateReady, Started: 1, Beat: 1}
	heads := func() {
		for _, p := range a.Held() {
			m := &cachesync.Message{Kind: cachesync.KindHeads, Partition: p, From: early.Replica, Region: "eu", Clock: crdt.StampAt(w.now.UnixMilli())}
			a.Do(p, func(e *cachesync.Engine) { e.Receive(w.now, m) })
		}
		w.pass(10 * time.Millisecond)
	}
	says(early, false)
	says(other, false)
	w.pass(1050 * time.Millisecond)
	heads() // While it is being filled itself.
	early.State, early.Beat = region.StateReady, 2
	says(early, false)
	says(other, true)
	w.pass(100 * time.Millisecond)
	if a.State() != Filling {
		t.Errorf("announced before it was ready: want eu-1 to wait, have %v", a.State())
	}
	heads()
	if a.State() != Ready {
		t.Errorf("announced since it is ready: want eu-1 ready, have %v", a.State())
	}
}

// TestHolderIsHeardLate: a joining node that hears of nobody takes everything for
// empty, but not for good before it is ready itself.
func TestHolderIsHeardLate(t *testing.T) {
	w := newWorld(t)
	one := w.add("eu", "eu-1", nil)
	w.until("eu-1 ready", w.areReady)
	one.setAll(keysOf(50))
	one.mute = true
	two := w.add("eu", "eu-2", nil)
	two.shut = true
	w.pass(1500 * time.Millisecond)
	if n := len(two.Held()); two.State() != Filling || n != 8 || two.Shard(0).IsReady() {
		t.Errorf("has heard of nobody: want it with 8 partitions and no word about any, have %v with %d", two.State(), n)
	}
	one.mute, two.shut = false, false
	one.greet() // It arrives before the next step.
	w.until("both ready", w.areReady)
	for _, k := range keysOf(50) {
		if s := two.Shard(two.cfg.Partitions.Of(k)); s.mu.state.Entry(k) == nil {
			t.Fatalf("eu-2 is ready without %s", k)
		}
	}
}

// TestKnownAreAwaited: a node that knows who is there listens until it has heard of
// them, and not for ever.
func TestKnownAreAwaited(t *testing.T) {
	for _, heard := range []bool{true, false} {
		w := newWorld(t)
		one := w.add("eu", "eu-1", nil)
		w.until("eu-1 ready", w.areReady)
		one.setAll(keysOf(50))
		one.mute = true
		known := one.Place().Members()
		two := w.add("eu", "eu-2", func(c *Config) { c.Known = known })
		w.pass(5 * time.Second)
		if two.State() != Listening {
			t.Errorf("eu-1 is not heard: want it to listen, have %v", two.State())
		}
		if !heard {
			w.pass(6100 * time.Millisecond)
			if two.State() != Ready {
				t.Errorf("eu-1 is not heard for JoinWait and FillWait: want it ready, have %v", two.State())
			}
			continue
		}
		one.mute = false
		w.until("both ready", w.areReady)
		two.wantAll(keysOf(50))
	}
}

// TestFillIsBounded: who should fill the node does not, so that it serves what it
// has after FillWait.
func TestFillIsBounded(t *testing.T) {
	w := newWorld(t)
	one := w.add("eu", "eu-1", nil)
	w.until("eu-1 ready", w.areReady)
	one.setAll(keysOf(10))
	two := w.add("eu", "eu-2", func(c *Config) { c.FillWait, c.Members.SuspectAfter = 4*time.Second, time.Minute })
	w.pass(500 * time.Millisecond)
	one.mute = true
	w.pass(4 * time.Second)
	if two.State() != Filling {
		t.Errorf("3.5 s after it began to wait: want it filling, have %v", two.State())
	}
	w.pass(time.Second)
	if two.State() != Ready {
		t.Errorf("4.5 s after it began to wait: want it ready, have %v", two.State())
	}
}

// TestRelease: a partition that has moved is kept for a while, and until everybody
// who holds it has all that is here.
func TestRelease(t *testing.T) {
	w := newWorld(t)
	set := func(c *Config) { c.Copies, c.KeepFor = 1, 2*time.Second }
	one := w.add("eu", "eu-1", set)
	w.until("eu-1 ready", w.areReady)
	one.setAll(keysOf(50))
	two := w.add("eu", "eu-2", set)
	w.until("both ready", w.areReady)
	moved := two.own
	w.pass(1900 * time.Millisecond)
	if len(one.Held()) != 8 {
		t.Errorf("1.9 s after the ring has changed: want all 8 held still, have %v", one.Held())
	}
	// What it takes now has to reach the other before it lets go.
	i := slices.IndexFunc(keysOf(50), func(k string) bool { return slices.Contains(moved, one.cfg.Partitions.Of(k)) })
	key := keysOf(50)[i]
	two.mute = true
	one.write(key, "late")
	w.pass(2 * time.Second)
	if !slices.Contains(one.Held(), one.cfg.Partitions.Of(key)) {
		t.Errorf("eu-2 does not have what was written here: want %d held, have %v", one.cfg.Partitions.Of(key), one.Held())
	}
	two.mute = false
	w.until("eu-1 has let go", func() bool { return len(one.Held()) == 8-len(moved) })
	for _, p := range moved {
		if one.held[p] || one.Shard(p) != nil {
			t.Errorf("partition %d: want it let go", p)
		}
	}
	two.want("late", "GET "+key)
	if _, err := one.Take(moved[0]); err != nil || !one.held[moved[0]] {
		t.Errorf("take it again: want it held, have %t, %v", one.held[moved[0]], err)
	}
	w.until("it is let go again", func() bool { return !one.held[moved[0]] })
}

// TestTakenAgain: a partition that was let go and is taken again in the same life
// begins with nothing. It must not number its writes as before: the others have
// writes of these numbers, and would not take the new ones.
func TestTakenAgain(t *testing.T) {
	w := newWorld(t)
	set := func(c *Config) { c.Copies, c.KeepFor = 1, time.Second }
	one := w.add("eu", "eu-1", set)
	w.until("eu-1 ready", w.areReady)
	one.setAll(keysOf(50))
	two := w.add("eu", "eu-2", set)
	w.until("both ready", w.areReady)
	i := slices.IndexFunc(keysOf(50), func(k string) bool { return slices.Contains(two.own, one.cfg.Partitions.Of(k)) })
	key := keysOf(50)[i]
	p := one.cfg.Partitions.Of(key)
	seen := map[crdt.Dot]bool{}
	for round := range 3 {
		w.until("eu-1 has let go", func() bool { return one.Shard(p) == nil })
		value := string(rune('a' + round))
		s, err := one.Take(p)
		if err != nil {
			t.Fatal(err)
		}
		dot, err := s.Write(key, 0, func(m *crdt.Mutator) error { m.Set(value, crdt.Never); return nil })
		if err != nil || seen[dot] || dot.Replica.Life() != one.Replica() {
			t.Fatalf("round %d: want a dot of this life that was not there before, have %v, %v", round, dot, err)
		}
		seen[dot] = true
		w.until("eu-2 has it", func() bool { return show(two.do("GET", key)) == value })
		w.until("eu-1 is filled", func() bool { return one.Shard(p) == nil || one.Shard(p).IsReady() && equalIn(one, two, p) })
		if late := w.now.Sub(s.mu.since); late > 2*time.Second {
			t.Errorf("round %d: want it filled soon, have %v", round, late)
		}
	}
	// A life has so many IDs and no more.
	w.until("eu-1 has let go", func() bool { return one.Shard(p) == nil })
	one.writers[p] = one.Replica() + crdt.Lives - 1
	if s, err := one.Take(p); err != nil || s.writer != one.Replica()+crdt.Lives-1 {
		t.Fatalf("the last ID: %v", err)
	}
	w.until("eu-1 has let go", func() bool { return one.Shard(p) == nil })
	if s, err := one.Take(p); !errors.Is(err, ErrNotReady) || !one.Outlived() {
		t.Errorf("no IDs are left: want the life outlived, have %v, %v", s, err)
	}
}

// failing is an outside that holds nothing.
type failing struct{ *actor }

var errHold = errors.New("no subscription")

// Hold implements Outside.
func (failing) Hold(region.Partition, bool) error { return errHold }

// TestHoldFails: a node that cannot hold a partition says so, and keeps no shard
// that nothing reaches.
func TestHoldFails(t *testing.T) {
	w := newWorld(t)
	a := w.add("eu", "eu-1", nil)
	a.out = failing{a}
	if _, err := a.Take(3); !errors.Is(err, errHold) || a.Shard(3) != nil {
		t.Errorf("want the error and no shard, have %v, %v", err, a.Shard(3))
	}
	for range 100 {
		w.now = w.now.Add(10 * time.Millisecond)
		if err := a.Step(); err != nil {
			t.Fatalf("listening: %v", err)
		}
	}
	w.now = w.now.Add(10 * time.Millisecond)
	if err := a.Step(); !errors.Is(err, errHold) || a.State() != Filling {
		t.Errorf("filling: want the error, have %v in state %v", err, a.State())
	}
}

// TestExpiryIsSwept: what has expired is forgotten when all know of it.
func TestExpiryIsSwept(t *testing.T) {
	w := startTwo(t)
	one, two := w.nodes[0], w.nodes[1]
	for _, k := range keysOf(80) {
		one.want("1", "PEXPIRE "+k+" 300")
	}
	w.pass(300 * time.Millisecond)
	for _, k := range keysOf(80) {
		two.want("nil", "GET "+k)
	}
	w.until("nothing is left", func() bool {
		left := 0
		for _, a := range w.nodes {
			for _, s := range a.Shards() {
				s.Look(func(_ *cachesync.Engine, state *crdt.Partition) { left += state.Bytes() })
			}
		}
		return left == 0
	})
}
