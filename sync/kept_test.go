package sync_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// TestForgetsOnlyWhatIsKept: what a holder with a disk has only in memory counts as not
// seen, there and elsewhere, until it is on the disk.
func TestForgetsOnlyWhatIsKept(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms}
	a, b := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg)
	b.Keep(at(0), nil)
	first := a.write(at(0), "k", set("v"))
	cut := a.write(at(1), "k", invalidate)
	b.takes(at(2), a, first)
	b.Keep(at(3), b.Vector().Clone())
	b.takes(at(4), a, cut)
	for i := range int64(5) {
		sweep(at(10+10*i), ids(a, b), a, b)
	}
	for _, h := range []*holder{a, b} {
		if w := h.Backlog(); w.Keys != 1 || len(w.By) != 1 || w.By[0] != b.id {
			t.Errorf("%v: want the cut held up by us, which has not saved it, have %+v", h.id, w)
		}
	}
	b.Keep(at(100), b.Vector().Clone())
	for i := range int64(5) {
		sweep(at(200+10*i), ids(a, b), a, b)
	}
	for _, h := range []*holder{a, b} {
		if h.part.Len() != 0 {
			t.Errorf("%v: saved: want it forgotten, have %+v", h.id, h.Backlog())
		}
	}
}

// TestUnkeep: a holder whose disk has failed counts as one without.
func TestUnkeep(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms}
	a, b := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg)
	b.Keep(at(0), nil)
	b.takes(at(2), a, a.write(at(0), "k", set("v")), a.write(at(1), "k", invalidate))
	b.Unkeep(at(3))
	for i := range int64(5) {
		sweep(at(10+10*i), ids(a, b), a, b)
	}
	for _, h := range []*holder{a, b} {
		if h.part.Len() != 0 {
			t.Errorf("%v: want it forgotten, have %+v", h.id, h.Backlog())
		}
	}
}

// TestKeptIsAnnounced: beside the vector while it is less, and once more, soon, when
// it is not any more.
func TestKeptIsAnnounced(t *testing.T) {
	h := newHolder(t, 0x100, "eu", cachesync.Config{})
	h.Keep(at(0), nil)
	h.Announce()
	if m := h.Heads(at(1)); m.Keeps {
		t.Errorf("nothing written: want nothing said, have %v", m.Kept)
	}
	h.incr(at(2), "k")
	kept := h.Vector().Clone()
	h.incr(at(3), "k")
	h.Keep(at(4), kept)
	h.Announce()
	m := h.Heads(at(5))
	if !m.Keeps || !m.Kept.Equal(kept) {
		t.Errorf("one of two saved: want %v, have %t, %v", kept, m.Keeps, m.Kept)
	}
	for _, want := range []crdt.Vector{kept, nil} {
		m.Kept = want
		ms, err := cachesync.Decode(cachesync.Encode(m))
		if err != nil || len(ms) != 1 || !ms[0].Keeps || !ms[0].Kept.Equal(want) {
			t.Errorf("%v, sent: have %+v, %v", want, ms, err)
		}
	}
	if h.Heads(at(1000)) != nil {
		t.Fatal("announced without a cause: nothing is tested")
	}
	h.Keep(at(1001), h.Vector().Clone())
	if m := h.Heads(at(1300)); m == nil || m.Keeps {
		t.Errorf("all saved: want that announced, have %+v", m)
	}
}

// TestBeginsAbove: an engine stamps its writes above all that its store has and its
// former life may have given out, and none that it may not yet.
func TestBeginsAbove(t *testing.T) {
	p := &crdt.Partition{}
	bound := crdt.StampAt(at(500).UnixMilli())
	self := cachesync.Identity{
		Replica: 0x100, Region: "eu", Partition: partition, Clock: crdt.StampAt(at(100).UnixMilli()),
		MayStamp: func(h crdt.HLC) bool { return h < bound },
	}
	e := cachesync.NewEngine(cachesync.Config{}, self, p)
	d, err := e.Write(at(0), "k", 0, incr(1))
	if err != nil || d.Stamp <= self.Clock {
		t.Fatalf("the clock was set back: want a stamp above %v, have %+v, %v", self.Clock, d, err)
	}
	before := p.Vector().Clone()
	if _, err := e.Write(at(500), "k", 0, incr(1)); !errors.Is(err, cachesync.ErrUnbound) || !reflect.DeepEqual(p.Vector(), before) {
		t.Errorf("beyond the bound: want ErrUnbound and nothing written, have %v, %v", err, p.Vector())
	}
	bound = crdt.StampAt(at(1000).UnixMilli())
	if d, err = e.Write(at(500), "k", 0, incr(1)); err != nil {
		t.Fatal(err)
	}
	self.Clock, self.Writer = 0, 0x101
	if again, err := cachesync.NewEngine(cachesync.Config{}, self, p).Write(at(0), "k", 0, incr(1)); err != nil || again.Stamp <= d.Stamp {
		t.Errorf("begun with a store: want a stamp above %v, have %+v, %v", d.Stamp, again, err)
	}
}

// TestRebuiltKeepsOnlyWhatIsLeft: who has begun anew does not say that it keeps what it
// has dropped, nor when a save that had begun before comes to its end.
func TestRebuiltKeepsOnlyWhatIsLeft(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms, HorizonFor: time.Second, LogBytes: 1, PullTimeout: 50 * ms}
	a, b, c := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg), newHolder(t, 0x300, "ap", cfg)
	all := ids(a, b, c)
	first := a.write(at(0), "k", set("v"))
	b.takes(at(1), a, first)
	c.takes(at(1), a, first)
	sweep(at(2), all, a, b, c)
	b.takes(at(4), a, a.write(at(3), "k", invalidate), a.write(at(5), "other", set("o")))
	lonely := c.write(at(7), "k", set("written alone"))
	saved := c.Vector().Clone()
	c.Keep(at(8), saved)
	for i := range int64(20) {
		sweep(at(10+100*i), all, a, b)
	}
	a.takes(at(3000), c, lonely)
	for i := range int64(40) {
		now := at(3000 + 100*i)
		sweep(now, all, a, b, c)
		settle(now, a, b, c)
	}
	if s := c.Stats(); s.Rebuilt != 1 {
		t.Fatalf("want ap rebuilt, have %+v", s)
	}
	for _, when := range []string{"begun anew", "the save before has ended"} {
		c.Announce()
		m := c.Heads(at(8000))
		if m == nil || !m.Keeps || m.Kept.Covers(lonely.Dot) || !m.Kept.Covers(first.Dot) || !c.Vector().CoversAll(m.Kept) {
			t.Errorf("%s: want nothing said to be kept but what was saved and is left, of %v, have %+v", when, saved, m)
		}
		c.Keep(at(7999), saved)
	}
}
