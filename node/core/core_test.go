package core

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// areReady reports whether all nodes of the world are ready and know it of each
// other.
func (w *world) areReady() bool {
	for _, a := range w.nodes {
		members := a.Place().Members()
		if a.State() != Ready || len(members) != len(w.nodes) {
			return false
		}
		if slices.ContainsFunc(members, func(m region.Member) bool { return m.State != region.StateReady }) {
			return false
		}
	}
	return true
}

// keysOf returns n keys, spread over the partitions.
func keysOf(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("key-", i)
	}
	return out
}

func (a *actor) setAll(keys []string) {
	a.w.t.Helper()
	for _, k := range keys {
		a.want("OK", "SET "+k+" "+k)
	}
}

func (a *actor) wantAll(keys []string) {
	a.w.t.Helper()
	for _, k := range keys {
		a.want(k, "GET "+k)
	}
}

// equal reports whether the nodes show the same in every partition.
func equal(a, b *actor) bool {
	return slices.Equal(a.Held(), b.Held()) && !slices.ContainsFunc(a.Held(), func(p region.Partition) bool { return !equalIn(a, b, p) })
}

// equalIn reports whether the nodes show the same in a partition that both hold.
func equalIn(a, b *actor, p region.Partition) bool {
	mine, _ := a.Shard(p).Digest(cachesync.CompareAt(a.w.now))
	theirs, _ := b.Shard(p).Digest(cachesync.CompareAt(a.w.now))
	return mine == theirs
}

// startTwo runs two nodes of one region, from nothing until both are ready and
// hold what was written at either.
func startTwo(t *testing.T, set ...func(*Config)) *world {
	w := newWorld(t)
	change := func(c *Config) {
		for _, f := range set {
			f(c)
		}
	}
	one := w.add("eu", "eu-1", change)
	w.until("eu-1 ready", w.areReady)
	one.setAll(keysOf(40))
	two := w.add("eu", "eu-2", change)
	w.until("both ready", w.areReady)
	two.setAll(keysOf(80)[40:])
	w.until("both equal", func() bool { return equal(one, two) })
	two.wantAll(keysOf(80))
	one.wantAll(keysOf(80))
	return w
}

// TestTwoCores begin with nothing and come to serve together, in one goroutine
// and by a clock that the test turns.
func TestTwoCores(t *testing.T) {
	w := startTwo(t)
	one, two := w.nodes[0], w.nodes[1]
	if len(one.own)+len(two.own) != 8 || len(one.own) == 0 || len(two.own) == 0 || !slices.Equal(one.own, two.alt) || !slices.Equal(two.own, one.alt) {
		t.Errorf("offered: want 8 partitions shared, each backed by the other, have %v, %v and %v, %v", one.own, one.alt, two.own, two.alt)
	}
	if took := w.now.Sub(time.UnixMilli(1_700_000_000_000)); took > 5*time.Second {
		t.Errorf("want both ready and equal in a few seconds, have %v", took)
	}
}

// TestSameTrace: the same calls at the same times have the same effects, byte for
// byte and in the same order.
func TestSameTrace(t *testing.T) {
	history := func() []string {
		w := startTwo(t)
		three := w.add("us", "us-1", nil)
		w.until("all ready", w.areReady)
		w.nodes[0].Decide([]region.Link{{From: "us", To: "eu"}}, true)
		three.setAll(keysOf(10))
		w.nodes[1].Leave()
		w.until("eu-2 gone", func() bool { return w.nodes[1].State() == Gone })
		w.nodes[2].Decide([]region.Link{{From: "us", To: "eu"}}, false)
		w.pass(2 * time.Second)
		return w.trace
	}
	want := history()
	for range 3 {
		have := history()
		for i := range min(len(want), len(have)) {
			if have[i] != want[i] {
				t.Fatalf("at %d of %d: want %s, have %s", i, len(want), want[i], have[i])
			}
		}
		if len(have) != len(want) {
			t.Fatalf("want %d effects, have %d", len(want), len(have))
		}
	}
}

// TestStates: what is let in when, and that a life goes one way only.
func TestStates(t *testing.T) {
	w := newWorld(t)
	a := w.add("eu", "eu-1", nil)
	is := func(state State, enter error) {
		t.Helper()
		err := a.Enter()
		if err == nil {
			a.Exit()
		}
		if a.State() != state || !errors.Is(err, enter) {
			t.Fatalf("after %v: want %v and %v for commands, have %v and %v", w.now, state, enter, a.State(), err)
		}
	}
	is(Listening, ErrNotReady)
	a.shut = true
	w.pass(990 * time.Millisecond)
	is(Listening, ErrNotReady)
	w.pass(50 * time.Millisecond)
	is(Filling, ErrNotReady) // The doors are shut.
	a.shut = false
	w.pass(10 * time.Millisecond)
	is(Ready, nil)
	if len(a.own) != 8 {
		t.Errorf("ready and alone: want all 8 partitions offered, have %v", a.own)
	}
	if err := a.Enter(); err != nil {
		t.Fatal(err)
	}
	a.Leave()
	w.pass(time.Second)
	is(Leaving, ErrStopped) // A command is under way.
	a.Exit()
	w.pass(10 * time.Millisecond)
	is(Gone, ErrStopped)
	a.Leave()
	a.Outlive("too late")
	if err := a.Step(); err != nil {
		t.Fatal(err)
	}
	is(Gone, ErrStopped)
	if _, err := a.Take(0); !errors.Is(err, ErrStopped) {
		t.Errorf("take a partition when gone: want ErrStopped, have %v", err)
	}
	if r := a.do("GET", "k"); r.Type != wire.TypeError {
		t.Errorf("a command when gone: want it refused, have %s", show(r))
	}
	for s, want := range map[State]string{Listening: "listening", Filling: "filling", Ready: "ready", Leaving: "leaving", Gone: "gone", 9: "unknown"} {
		if have := s.String(); have != want {
			t.Errorf("state %d: want %q, have %q", s, want, have)
		}
	}
}

// TestLeaveBeforeReady: nobody ever takes the node for one that serves.
func TestLeaveBeforeReady(t *testing.T) {
	for _, after := range []time.Duration{0, 500 * time.Millisecond, 1050 * time.Millisecond} {
		w := newWorld(t)
		one := w.add("eu", "eu-1", nil)
		w.until("eu-1 ready", w.areReady)
		two := w.add("eu", "eu-2", nil)
		two.shut = true
		w.pass(after)
		two.Leave()
		w.now = w.now.Add(time.Second)
		two.Beat() // Before the next step.
		one.deliver()
		if err := one.Step(); err != nil {
			t.Fatal(err)
		}
		if m, _ := one.Place().Named("eu", "eu-2"); m.State != region.StateJoining {
			t.Errorf("leaves after %v: eu-1 takes it for %v", after, m.State)
		}
		w.pass(10 * time.Millisecond)
		if two.State() != Gone {
			t.Errorf("left after %v: want it gone, have %v", after, two.State())
		}
		for range 10 {
			w.pass(10 * time.Millisecond)
			if m, _ := one.Place().Named("eu", "eu-2"); m.State == region.StateReady || m.State == region.StateLeaving {
				t.Errorf("left after %v: eu-1 takes it for %v", after, m.State)
			}
		}
		if n := len(one.Place().Members()); n != 1 {
			t.Errorf("left after %v: eu-1 knows of %d members", after, n)
		}
	}
}

// TestLeaveHandsOver: what was written last is with the other before the goodbye,
// though nothing that was published has arrived.
func TestLeaveHandsOver(t *testing.T) {
	w := startTwo(t)
	one, two := w.nodes[0], w.nodes[1]
	one.mute = true
	for _, k := range keysOf(20) {
		two.write(k, "late")
	}
	two.Leave()
	w.pass(time.Second)
	if two.State() != Leaving {
		t.Fatalf("eu-1 is not heard: want eu-2 to wait for it, have %v", two.State())
	}
	one.mute = false
	w.until("eu-2 gone", func() bool { return two.State() == Gone })
	for _, k := range keysOf(20) {
		one.want("late", "GET "+k)
	}
	w.pass(50 * time.Millisecond)
	if len(one.own) != 8 {
		t.Errorf("eu-2 has left: want eu-1 to offer everything, have %v", one.own)
	}
}

// TestLeaveIsBounded: a node that cannot hand over leaves all the same.
func TestLeaveIsBounded(t *testing.T) {
	w := startTwo(t, func(c *Config) { c.Members.SuspectAfter = time.Minute })
	one, two := w.nodes[0], w.nodes[1]
	one.mute = true
	two.write("k", "v")
	two.Leave()
	w.pass(4900 * time.Millisecond)
	if two.State() != Leaving {
		t.Errorf("4.9 s later: want it to wait, have %v", two.State())
	}
	w.pass(200 * time.Millisecond)
	if two.State() != Gone {
		t.Errorf("5.1 s later: want it gone, have %v", two.State())
	}
}
