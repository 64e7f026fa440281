package sync_test

import (
	"testing"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// unmetCase is a write that had not seen what has been forgotten somewhere, and by which
// that counts again.
type unmetCase struct {
	name          string
	first, second func(*crdt.Mutator) error // of us and ap, concurrent; the first loses and eu forgets it, or that it never ends
	removes       int                       // whose removal has seen only its own write: 0 of us, 1 of ap
	holds         func(crdt.View) bool      // what the specification says of the key then
}

var unmetCases = []unmetCase{
	{
		name: "an expiry that did not count (R7)", first: set("endless"),
		second: func(m *crdt.Mutator) error {
			m.Set("mortal", at(60_000).UnixMilli())
			return nil
		},
		removes: 0, holds: func(v crdt.View) bool { return v.ExpireAt() == at(60_000).UnixMilli() },
	},
	{
		name: "a kind that was hidden (R8)", first: hset("f", "v"), second: set("shows"),
		removes: 1, holds: func(v crdt.View) bool { return v.Kind() == crdt.KindHash },
	},
}

// leaveOut makes eu forget, of a key to which us and ap have both written, what did not
// show, having left both out for the bytes that waited. Meanwhile one of them has removed
// what it saw of the key. Us and ap have both of that and no more.
func (c *unmetCase) leaveOut(t *testing.T, eu, us, ap *holder) {
	t.Helper()
	x, y := us.write(at(0), "k", c.first), ap.write(at(1), "k", c.second)
	eu.takes(at(2), us, x)
	eu.takes(at(2), ap, y)
	by := []*holder{us, ap}[c.removes]
	z := by.write(at(3), "k", del)
	us.takes(at(4), ap, y)
	ap.takes(at(4), us, x)
	us.takes(at(5), by, z)
	ap.takes(at(5), by, z)
	for i := range int64(10) {
		eu.Sweep(at(10+100*i), ids(eu, us, ap))
	}
	if s := eu.Stats(); s.LeftOut != 2 || s.Trimmed == 0 {
		t.Fatalf("%s: want both left out and something forgotten, have %+v", c.name, s)
	}
	us.wantSame(ap, at(1000))
	if !c.holds(ap.part.Entry("k").View(at(1000).UnixMilli())) {
		t.Fatalf("%s: want what is specified at ap, have %+v", c.name, ap.part.Entry("k").View(at(1000).UnixMilli()))
	}
}

// asks lets a holder ask another for what is missing, before that one can ask for
// anything, and wants nothing taken.
func (h *holder) asks(o *holder) {
	h.t.Helper()
	o.Pause("eu")
	had := h.Vector().Clone()
	o.Announce()
	h.Receive(at(2100), o.Heads(at(2100)))
	for i := range int64(4) {
		settle(at(2200+200*i), h, o)
	}
	if s := h.Stats(); !h.Vector().Equal(had) || s.Refused == 0 {
		h.t.Errorf("want nothing of %v taken and its state refused, have %v, %+v", o.id, h.Vector(), s)
	}
	o.Resume("eu")
}

// TestUnmetCaughtUpFromLogs: a region that was left out for the bytes that waited, and
// has been written to meanwhile, as the others have, catches up from logs. From then on
// nothing in its vector says that it has a write which had not seen what is forgotten,
// and the state of neither side has all of the other. They are not joined: who can
// fetches the rest, and the later state takes the other's place, with nothing lost.
func TestUnmetCaughtUpFromLogs(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms, HorizonLeast: 200 * ms, HorizonBytes: 1, PullTimeout: 50 * ms, MaxSkew: 5000 * ms}
	short := cfg
	short.LogBytes = 1
	for _, c := range unmetCases {
		for name, apCfg := range map[string]cachesync.Config{"the write comes as a delta": cfg, "the write comes in a snapshot": short} {
			eu, us, ap := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", short), newHolder(t, 0x300, "ap", apCfg)
			c.leaveOut(t, eu, us, ap)
			log := []*crdt.Delta{eu.write(at(2000), "other", set("of eu"))}
			ap.takes(at(2001), eu, log...)
			ap.write(at(2002), "own", set("of ap"))
			eu.write(at(2003), "other", set("later"))
			if h := eu.part.Horizon(); !ap.Vector().CoversAll(h.Vector) || ap.Vector().CoversAll(eu.Vector()) {
				t.Fatalf("%s, %s: want ap to have seen what is forgotten and not all, have %v", c.name, name, ap.Vector())
			}
			eu.asks(ap)
			for i := range int64(40) {
				sweep(at(3000+100*i), ids(eu, us, ap), eu, us, ap)
				settle(at(3000+100*i), eu, us, ap)
			}
			for _, h := range []*holder{eu, us, ap} {
				h.wantSame(ap, at(8000))
				if v := h.part.Entry("k").View(at(8000).UnixMilli()); !c.holds(v) {
					t.Errorf("%s, %s: want what is specified at %v, have %v until %v", c.name, name, h.id, v.Kind(), v.ExpireAt())
				}
				if s := h.Stats(); s.Lost > 0 {
					t.Errorf("%s, %s: want nothing lost at %v, have %+v", c.name, name, h.id, s)
				}
			}
		}
	}
}

// TestUnmetWithoutLogs: where the logs do not help either side, one takes the state of
// the other whole and counts what that costs: the two are not mixed.
func TestUnmetWithoutLogs(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms, HorizonLeast: 200 * ms, HorizonBytes: 1, PullTimeout: 50 * ms, MaxSkew: 5000 * ms, LogBytes: 1}
	for _, c := range unmetCases {
		eu, us, ap := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg), newHolder(t, 0x300, "ap", cfg)
		c.leaveOut(t, eu, us, ap)
		ap.takes(at(2001), eu, eu.write(at(2000), "other", set("of eu")))
		ap.write(at(2002), "own", set("of ap"))
		eu.write(at(2003), "other", set("later"))
		eu.write(at(2004), "more", set("of eu"))
		eu.asks(ap)
		for i := range int64(60) {
			sweep(at(3000+100*i), ids(eu, us, ap), eu, us, ap)
			settle(at(3000+100*i), eu, us, ap)
		}
		lost, rebuilt := 0, 0
		for _, h := range []*holder{eu, us, ap} {
			h.wantSame(eu, at(10_000))
			lost, rebuilt = lost+h.Stats().Lost, rebuilt+h.Stats().Rebuilt
		}
		if rebuilt == 0 || lost == 0 {
			t.Errorf("%s: want one side to begin anew and to say what was lost, have %d and %d", c.name, rebuilt, lost)
		}
		kept := eu.part.Entry("own") != nil
		if v := eu.part.Entry("k").View(at(10_000).UnixMilli()); c.holds(v) != kept || (eu.part.Entry("more") != nil) == kept {
			t.Errorf("%s: want the state of one side whole, have that of ap: %v, and %+v", c.name, kept, v)
		}
	}
}

// TestLaterStateWithEvictions: who was left out and has evicted a key catches up. Its
// state is the later one and takes the others' place, though it brings what they cannot
// join; what it has evicted they keep.
func TestLaterStateWithEvictions(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms, HorizonFor: 1000 * ms, LogBytes: 1, PullTimeout: 50 * ms}
	eu, us := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg)
	kept := eu.write(at(0), "kept", set("v"))
	us.takes(at(1), eu, kept)
	us.write(at(2), "own", set("w"))
	gone := eu.write(at(3), "gone", set("x"))
	removed := eu.write(at(4), "gone", invalidate)
	for i := range int64(20) {
		eu.Sweep(at(10+100*i), ids(eu, us))
	}
	us.takes(at(2500), eu, gone, removed)
	if !us.part.Evict("kept", at(2500).UnixMilli()) || eu.part.Horizon().IsZero() {
		t.Fatalf("want a key evicted and another forgotten, have %v", eu.part.Horizon())
	}
	for i := range int64(20) {
		sweep(at(3000+100*i), ids(eu, us), eu, us)
		settle(at(3000+100*i), eu, us)
	}
	if have, _ := eu.part.Entry("kept").View(at(6000).UnixMilli()).Get(); have != "v" || eu.part.Entry("own") == nil {
		t.Errorf("want what us has written, and what it has only evicted kept, have %q, %v", have, eu.part.Keys())
	}
	if e, u := eu.Stats(), us.Stats(); e.Rebuilt+e.Lost+u.Rebuilt+u.Lost > 0 {
		t.Errorf("want nothing begun anew, have %+v, %+v", e, u)
	}
	us.Receive(at(6000), eu.Receive(at(6000), us.Want([]string{"kept"}, false)))
	us.wantSame(eu, at(6000))
}
