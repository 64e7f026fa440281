package sync_test

import (
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// sweep lets holders announce and forget what is stable among them.
func sweep(now time.Time, all []crdt.ReplicaID, hs ...*holder) {
	announce(now, hs...)
	for _, h := range hs {
		h.Sweep(now, all)
	}
}

func ids(hs ...*holder) (out []crdt.ReplicaID) {
	for _, h := range hs {
		out = append(out, h.id)
	}
	return out
}

// invalidate leaves a time cut, which is kept until it is stable.
func invalidate(m *crdt.Mutator) error {
	m.Invalidate()
	return nil
}

// TestForgetsWhatIsStable: a time cut goes once everybody is known to have seen it.
func TestForgetsWhatIsStable(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms}
	a, b, c := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg), newHolder(t, 0x300, "ap", cfg)
	all := ids(a, b, c)
	first := a.write(at(0), "k", set("v"))
	cut := a.write(at(1), "k", invalidate)
	b.takes(at(2), a, first, cut)
	for i := range int64(5) {
		sweep(at(10+10*i), all, a, b)
	}
	if w := a.Backlog(); w.Keys != 1 || len(w.By) != 1 || w.By[0] != c.id {
		t.Errorf("want one key held up by ap, have %+v", w)
	}
	c.takes(at(100), a, first, cut)
	for i := range int64(5) {
		sweep(at(200+10*i), all, a, b, c)
	}
	for _, h := range []*holder{a, b, c} {
		if h.part.Len() != 0 || h.Backlog().Keys != 0 || h.Stats().Forgotten != 1 {
			t.Errorf("%v: want it forgotten, have %d entries, %+v", h.id, h.part.Len(), h.Backlog())
		}
	}
}

// TestAwayTooLong: who is away beyond the horizon is left out, is refused when it
// brings something back, and takes the others' state when it returns.
func TestAwayTooLong(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms, HorizonFor: time.Second, LogBytes: 1, PullTimeout: 50 * ms}
	a, b, c := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg), newHolder(t, 0x300, "ap", cfg)
	all := ids(a, b, c)
	first := a.write(at(0), "k", set("v"))
	b.takes(at(1), a, first)
	c.takes(at(1), a, first)
	sweep(at(2), all, a, b, c)
	cut := a.write(at(3), "k", invalidate)
	b.takes(at(4), a, cut)
	other := a.write(at(5), "other", set("o"))
	b.takes(at(6), a, other)
	lonely := c.write(at(7), "k", set("written alone"))
	for i := range int64(20) {
		sweep(at(10+100*i), all, a, b)
	}
	if s := a.Stats(); a.part.Entry("k") != nil || s.LeftOut != 1 || len(a.Backlog().Out) != 1 {
		t.Fatalf("want ap left out and the cut forgotten, have %+v, %+v", s, a.Backlog())
	}
	a.takes(at(3000), c, lonely)
	if a.part.Entry("k") != nil || a.Stats().Old != 1 {
		t.Errorf("want what was written before the cut refused, have %+v", a.Stats())
	}
	for i := range int64(40) {
		now := at(3000 + 100*i)
		sweep(now, all, a, b, c)
		t.Log(i, settle(now, a, b, c))
	}
	for _, h := range []*holder{a, b, c} {
		t.Log(h.id, h.part.Vector(), h.part.Horizon(), h.Stats())
		if h.part.Entry("k") != nil {
			t.Errorf("%v: what was removed is back", h.id)
		}
		h.wantSame(a, at(8000))
	}
	if s := c.Stats(); s.Rebuilt != 1 || s.Lost != 1 {
		t.Errorf("want ap rebuilt without its one write, have %+v", s)
	}
	next := c.write(at(8000), "k", set("new"))
	if next.Dot.Replica != c.id+1 || next.Dot.N != 1 {
		t.Errorf("want a new writer's first write, have %v", next.Dot)
	}
	a.takes(at(8001), c, next)
	if got, _ := a.part.Entry("k").View(at(8001).UnixMilli()).Get(); got != "new" {
		t.Errorf("want it taken, have %q", got)
	}
	if len(a.Backlog().Out) > 0 {
		sweep(at(8100), all, a, b, c)
		sweep(at(8200), all, a, b, c)
	}
	if len(a.Backlog().Out) > 0 {
		t.Errorf("want ap counted again, have %+v", a.Backlog())
	}
}

// TestAwayWithoutNews: who is away beyond the horizon and has nothing that the others
// lack takes their state, and goes on with its own numbers.
func TestAwayWithoutNews(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms, HorizonFor: time.Second, LogBytes: 1, PullTimeout: 50 * ms}
	a, b := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg)
	all := ids(a, b)
	a.takes(at(0), b, b.write(at(0), "k", set("v")), b.write(at(0), "other", set("w")))
	a.write(at(3), "k", invalidate)
	a.write(at(5), "later", set("x")) // The log does not reach further back.
	for i := range int64(20) {
		a.Sweep(at(10+100*i), all)
	}
	if s := a.Stats(); s.LeftOut != 1 || a.part.Horizon().IsZero() {
		t.Fatalf("want us left out and the key forgotten, have %+v", s)
	}
	for i := range int64(10) {
		sweep(at(3000+100*i), all, a, b)
		settle(at(3000+100*i), a, b)
	}
	if s := b.Stats(); s.Rebuilt+s.Lost > 0 || s.Snapshots == 0 || b.part.Entry("k") != nil {
		t.Errorf("want the state of eu taken and nothing begun anew, have %+v", s)
	}
	next := b.write(at(5000), "k", set("new"))
	if next.Dot != dot(b.id, 3) {
		t.Errorf("want its third write, have %v", next.Dot)
	}
	a.takes(at(5001), b, next)
	a.wantSame(b, at(5001))
}

// TestAwayAndForgotToo: of two sides that have each forgotten what the other had not
// seen, one has seen all that the other has. Its state is the later one, and nobody
// begins anew.
func TestAwayAndForgotToo(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms, HorizonFor: time.Second, LogBytes: 1, PullTimeout: 50 * ms}
	a, b := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg)
	all := ids(a, b)
	b.takes(at(0), a, a.write(at(0), "k", set("v")))
	b.write(at(1), "other", invalidate)
	b.write(at(2), "own", set("w"))
	b.takes(at(4), a, a.write(at(3), "k", invalidate))
	for i := range int64(20) {
		a.Sweep(at(10+100*i), all)
		b.Sweep(at(10+100*i), all)
	}
	if a.Stats().LeftOut != 1 || b.Stats().LeftOut != 1 || !b.Vector().CoversAll(a.Vector()) {
		t.Fatalf("want each left out by the other, and us caught up, have %v, %v", a.Vector(), b.Vector())
	}
	for i := range int64(20) {
		sweep(at(3000+100*i), all, a, b)
		settle(at(3000+100*i), a, b)
	}
	if a.Stats().Rebuilt+b.Stats().Rebuilt != 0 || a.part.Entry("own") == nil {
		t.Errorf("want nobody begun anew, have %+v, %+v", a.Stats(), b.Stats())
	}
	a.wantSame(b, at(5000))
}

// TestAwayButNothingForgotten: who was away for longer than the horizon catches up
// when there was nothing to forget.
func TestAwayButNothingForgotten(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms, HorizonFor: time.Second, LogBytes: 1}
	a, b := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg)
	all := ids(a, b)
	a.write(at(0), "a", set("of a"))
	gone := a.write(at(0), "gone", set("of a"))
	b.takes(at(0), a, gone)
	a.write(at(1), "gone", del)
	b.write(at(1), "b", set("of b"))
	for i := range int64(50) {
		a.Sweep(at(100*i), all)
		b.Sweep(at(100*i), all)
	}
	for i := range int64(40) {
		sweep(at(10_000+100*i), all, a, b)
		settle(at(10_000+100*i), a, b)
	}
	a.wantSame(b, at(20_000))
	if a.part.Len() != 2 || a.Stats().Rebuilt+b.Stats().Rebuilt != 0 {
		t.Errorf("want both writes and nothing rebuilt, have %v, %+v", a.part.Keys(), b.Stats())
	}
}

// TestSmallerSideYields: of two sides that forgot without each other, the one that
// counted fewer regions begins anew, whatever its name.
func TestSmallerSideYields(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms, HorizonFor: time.Second, LogBytes: 1, PullTimeout: 50 * ms}
	for _, names := range [][3]string{{"a", "b", "c"}, {"c", "b", "a"}} {
		x, y, lone := newHolder(t, 0x100, names[0], cfg), newHolder(t, 0x200, names[1], cfg), newHolder(t, 0x300, names[2], cfg)
		all := ids(x, y, lone)
		first := x.write(at(0), "k", set("v"))
		y.takes(at(1), x, first)
		lone.takes(at(1), x, first)
		sweep(at(2), all, x, y, lone)
		cut := x.write(at(3), "k", invalidate)
		y.takes(at(4), x, cut)
		lone.write(at(3), "k", invalidate)
		lone.write(at(5), "l", set("alone"))
		for i := range int64(20) {
			sweep(at(10+100*i), all, x, y)
			sweep(at(10+100*i), all, lone)
		}
		for i := range int64(60) {
			sweep(at(3000+100*i), all, x, y, lone)
			settle(at(3000+100*i), x, y, lone)
		}
		lone.wantSame(x, at(9000))
		y.wantSame(x, at(9000))
		if lone.Stats().Rebuilt != 1 || x.Stats().Rebuilt+y.Stats().Rebuilt != 0 {
			t.Errorf("%v: want the lone one rebuilt, have %d, and %d, %d", names, lone.Stats().Rebuilt, x.Stats().Rebuilt, y.Stats().Rebuilt)
		}
	}
}
