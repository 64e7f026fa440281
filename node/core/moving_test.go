package core

import (
	"slices"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// mayLag asks a node whether it has to ask the others before it runs a command.
func (a *actor) mayLag(hops int, args ...string) bool {
	a.w.t.Helper()
	cmd := wire.Command{Args: args, Hops: uint8(hops)}
	spec, err := command.Find(cmd)
	if err != nil {
		a.w.t.Fatal(err)
	}
	task := NewTask(cmd, spec, a.cfg.Partitions)
	return a.MayLag(&task, a.cfg.Now())
}

// TestMoving: while partitions may be moving reads ask the others first, and so
// does what must not run twice; afterwards only who stands in for an owner does.
func TestMoving(t *testing.T) {
	w := startTwo(t)
	one, two := w.nodes[0], w.nodes[1]
	w.pass(3 * time.Second)
	i := slices.IndexFunc(keysOf(80), func(k string) bool { return slices.Contains(one.own, one.cfg.Partitions.Of(k)) })
	key := keysOf(80)[i]
	settled := func(what string) {
		t.Helper()
		for _, c := range []struct {
			a    *actor
			hops int
			args []string
			want bool
		}{
			{one, 0, []string{"GET", key}, false}, {one, 1, []string{"GET", key}, false}, {one, 1, []string{"INCRBY", key, "1"}, false},
			{two, 0, []string{"GET", key}, false}, {two, 1, []string{"GET", key}, true}, {two, 1, []string{"INCRBY", key, "1"}, true},
			{two, 1, []string{"SET", key, "v"}, false},
		} {
			if have := c.a.mayLag(c.hops, c.args...); have != c.want {
				t.Errorf("%s: %v at %s, passed on %d times: want %t, have %t", what, c.args, c.a.cfg.Name, c.hops, c.want, have)
			}
		}
	}
	moving := func(what string) {
		t.Helper()
		for _, a := range []*actor{one, two} {
			if !a.mayLag(0, "GET", key) || !a.mayLag(0, "INCRBY", key, "1") || a.mayLag(0, "SET", key, "v") {
				t.Errorf("%s: want reads and increments at %s to ask the others, and a SET not to", what, a.cfg.Name)
			}
		}
	}
	settled("nothing happens")
	one.Stir()
	two.Stir()
	moving("told so")
	w.pass(movingFor - 10*time.Millisecond)
	moving("until then")
	w.pass(20 * time.Millisecond)
	settled("2 s later")

	three := w.add("eu", "eu-3", nil)
	w.until("all ready", w.areReady)
	w.pass(10 * time.Millisecond)
	moving("eu-3 has joined")
	w.pass(3 * time.Second)
	if one.mayLag(0, "GET", key) || two.mayLag(0, "GET", key) || three.mayLag(0, "GET", key) {
		t.Error("3 s after eu-3 has joined: want nobody to ask")
	}
	if err := three.Enter(); err != nil { // A command that takes its time.
		t.Fatal(err)
	}
	three.Leave()
	if !three.mayLag(0, "GET", key) {
		t.Error("eu-3 leaves: want it to ask")
	}
	w.pass(3 * time.Second)
	if three.State() != Leaving || !two.mayLag(0, "GET", key) {
		t.Errorf("eu-3 has been leaving for 3 s: want eu-2 to ask still, have eu-3 %v", three.State())
	}
}

// TestOthers are the members of the region that may have run something, and no
// others; of what they have seen only the own region's is waited for.
func TestOthers(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"eu-1", "eu-2", "us-1"} {
		w.add(name[:2], name, nil)
	}
	w.until("all ready", w.areReady)
	one, two, us := w.nodes[0], w.nodes[1], w.nodes[2]
	if have := one.Others(0); !slices.Equal(have, []crdt.ReplicaID{two.Replica()}) {
		t.Errorf("want eu-2, %v, have %v", two.Replica(), have)
	}
	seen := crdt.Vector{}.Advance(crdt.Dot{Replica: two.Replica(), N: 7}).Advance(crdt.Dot{Replica: us.Replica(), N: 9})
	if have := one.Missing(0, seen); !slices.Equal(have, []crdt.Dot{{Replica: two.Replica(), N: 7}}) {
		t.Errorf("want what eu-2 wrote, have %v", have)
	}
	two.mute = true
	w.until("eu-2 is suspected", func() bool {
		m, _ := one.Place().Named("eu", "eu-2")
		return m.State == region.StateSuspect
	})
	if have := one.Others(0); len(have) != 0 {
		t.Errorf("eu-2 is suspected: want nobody asked, have %v", have)
	}
	if one.Others(99) != nil || one.Missing(99, seen) != nil {
		t.Error("a partition that there is not: want nobody and nothing")
	}
}

// peerSays gives a shard heads of another replica.
func peerSays(s *Shard, now time.Time, r crdt.ReplicaID, v crdt.Vector, passing bool) {
	s.Do(func(e *cachesync.Engine) {
		e.Receive(now, &cachesync.Message{
			Kind: cachesync.KindHeads, From: r, Region: "eu", Vector: v, Passing: passing, Clock: crdt.StampAt(now.UnixMilli()),
		})
	})
}

// TestAskedStays: a shard that others have been asked for is let go no sooner than a
// claim ends, and one that has been let go meanwhile is known by that.
func TestAskedStays(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	s := testShard()
	s.now, s.mu.claims.lasts = func() time.Time { return now }, 2*time.Second
	s.mu.since = now
	s.ready.Store(true)
	peerSays(s, now, 2, nil, false)
	if !s.stay() {
		t.Error("want it to stay")
	}
	for _, want := range []bool{false, true} {
		now = now.Add(s.mu.claims.lasts / 2)
		if have := s.closeIfSettled([]crdt.ReplicaID{2}); have != want {
			t.Errorf("half a claim later: want let go %t, have %t", want, have)
		}
	}
	if s.stay() {
		t.Error("it has been let go: want it not to stay")
	}
}

// TestAskTakes: a command that nobody else takes has others asked in the shard that
// it is going to run in, though the node has let the partition go.
func TestAskTakes(t *testing.T) {
	w := newWorld(t)
	set := func(c *Config) { c.Copies, c.KeepFor = 1, time.Second }
	one := w.add("eu", "eu-1", set)
	w.until("eu-1 ready", w.areReady)
	two := w.add("eu", "eu-2", set)
	w.until("both ready", w.areReady)
	key := keysOf(50)[slices.IndexFunc(keysOf(50), func(k string) bool { return slices.Contains(two.own, one.cfg.Partitions.Of(k)) })]
	p := one.cfg.Partitions.Of(key)
	w.until("eu-1 has let go", func() bool { return one.Shard(p) == nil })
	cmd := wire.Command{Args: []string{"INCRBY", key, "1"}, Request: 77, Hops: 1}
	spec, _ := command.Find(cmd)
	for hops, want := range map[int]int{1: 0, wire.MaxHops: 1} {
		cmd.Hops = uint8(hops)
		task := NewTask(cmd, spec, one.cfg.Partitions)
		if others, _ := one.Ask(&task, false, w.now); len(others) != want {
			t.Errorf("passed on %d times: want %d others asked, have %v", hops, want, others)
		}
	}
	w.pass(1900 * time.Millisecond)
	if one.Shard(p) == nil {
		t.Error("a claim lasts: want it held")
	}
	w.until("it is let go again", func() bool { return one.Shard(p) == nil })
}

// TestNobodyLetsGoOfTheLast: who lets a partition go says so, and nobody relies on
// one who does.
func TestNobodyLetsGoOfTheLast(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	shard := func() (*Shard, crdt.Vector) {
		s := testShard()
		if _, err := s.Write("k", 0, func(m *crdt.Mutator) error { m.Set("v", crdt.Never); return nil }); err != nil {
			t.Fatal(err)
		}
		s.unplaced, s.mu.since = now, now
		s.ready.Store(true)
		return s, s.Vector()
	}
	later := now.Add(time.Second)
	for _, c := range []struct {
		what   string
		second bool // passes
		third  bool
		at     time.Time // when both announce
		have   bool      // both have everything
		want   bool
	}{
		{"one of two keeps it", true, false, later, true, true},
		{"both keep it", false, false, later, true, true},
		{"both pass it on", true, true, later, true, false},
		{"they said so before it moved", false, false, now.Add(-time.Second), true, false},
		{"they lack something", false, false, later, false, false},
	} {
		s, v := shard()
		if !c.have {
			v = nil
		}
		peerSays(s, c.at, 2, v, c.second)
		peerSays(s, c.at, 3, v, c.third)
		if have := s.closeIfSettled([]crdt.ReplicaID{1, 2, 3}); have != c.want {
			t.Errorf("%s: want let go %t, have %t", c.what, c.want, have)
		}
	}
	s, v := shard()
	peerSays(s, later, 2, v, false)
	if s.closeIfSettled([]crdt.ReplicaID{1, 2, 3}) {
		t.Error("one of the holders has said nothing: want it kept")
	}
	s.Do(func(e *cachesync.Engine) {
		if h := e.Heads(later); h == nil || h.Passing {
			t.Errorf("before it passes: want heads that do not say so, have %v", h)
		}
		for _, passing := range []bool{true, true, false} {
			was := e.Heads(later) != nil // Nothing is due.
			e.Pass(passing)
			if h := e.Heads(later); was || h != nil && h.Passing != passing {
				t.Errorf("pass %t: have %v", passing, h)
			}
		}
		e.Pass(true)
		if h := e.Heads(later); h == nil || !h.Passing {
			t.Errorf("it passes: want heads at once that say so, have %v", h)
		}
	})
}

// TestHandedOver: a node that leaves waits for somebody who stays to say that it has
// what was here, not for what comes later.
func TestHandedOver(t *testing.T) {
	left := time.UnixMilli(1_700_000_000_000)
	later := left.Add(time.Second)
	stay := []crdt.ReplicaID{2, 3}
	set := func(m *crdt.Mutator) error { m.Set("v", crdt.Never); return nil }
	s := testShard()
	if !s.isKnownTo(stay, left) {
		t.Error("nothing is here: want nobody waited for")
	}
	s = testShard()
	if _, err := s.Write("k", 0, set); err != nil {
		t.Fatal(err)
	}
	has := s.Vector()
	for _, c := range []struct {
		what    string
		from    crdt.ReplicaID
		at      time.Time
		vector  crdt.Vector
		passing bool
		want    bool
	}{
		{"said before it left", 2, left.Add(-time.Millisecond), has, false, false},
		{"lacks it", 2, later, nil, false, false},
		{"passes it on", 2, later.Add(1 * time.Second), has, true, false},
		{"does not stay", 4, later, has, false, false},
		{"has it and keeps it", 3, later, has, false, true},
	} {
		peerSays(s, c.at, c.from, c.vector, c.passing)
		if have := s.isKnownTo(stay, left); have != c.want {
			t.Errorf("%d %s: want handed over %t, have %t", c.from, c.what, c.want, have)
		}
	}
	if _, err := s.Write("k", 0, set); err != nil {
		t.Fatal(err)
	}
	if !s.isKnownTo(stay, left) {
		t.Error("what came since its last command: want it not waited for")
	}
}

// TestLeavesUnderWrites: the others go on writing, and the node that leaves does
// not wait for the end of that.
func TestLeavesUnderWrites(t *testing.T) {
	w := startTwo(t)
	one, two := w.nodes[0], w.nodes[1]
	if err := two.Enter(); err != nil {
		t.Fatal(err)
	}
	two.Leave()
	w.pass(time.Second)
	two.write("k", "by the last command") // It is under way still.
	two.Exit()
	began := w.now
	for two.State() != Gone && w.now.Sub(began) < 6*time.Second {
		for _, k := range keysOf(80) {
			one.write(k, "more")
		}
		w.pass(10 * time.Millisecond)
	}
	if took := w.now.Sub(began); took > 2*time.Second {
		t.Errorf("want it gone in less than 2 s, have %v after %v", two.State(), took)
	}
	one.want("by the last command", "GET k")
}
