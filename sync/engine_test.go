package sync_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// TestWaitsForCauses: three replicas, one slow link. Whatever the order, what was
// written first is applied first.
func TestWaitsForCauses(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		a, b, c := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "us", cachesync.Config{}), newHolder(t, 3, "ap", cachesync.Config{})
		first := a.write(at(0), "k", set("first"))
		b.takes(at(1), a, first)
		second := b.write(at(2), "k", set("second"))
		a.takes(at(3), b, second)
		third := a.write(at(4), "k", del)
		ds := []*crdt.Delta{first, second, third}
		for i, n := range order {
			c.takes(at(int64(5+i)), a, ds[n])
			if value, ok := c.part.Entry("k").View(at(9).UnixMilli()).Get(); ok && c.Vector().Covers(third.Dot) {
				t.Errorf("order %v: deleted, but shows %q", order, value)
			}
		}
		c.wantVector("1#2 2#1")
		c.wantSame(a, at(10))
	}
}

// TestWriteNumbers: every write counts, those without effects do not.
func TestWriteNumbers(t *testing.T) {
	h := newHolder(t, 1, "eu", cachesync.Config{})
	for i, c := range []struct {
		what    string
		command func(*crdt.Mutator) error
		wrote   bool
		err     error
	}{
		{"SET", set("text"), true, nil},
		{"INCR of text", incr(1), false, crdt.ErrNotInteger},
		{"HSET of a string", hset("f", "v"), false, crdt.ErrWrongType},
		{"DEL", del, true, nil},
		{"DEL of nothing", del, false, nil},
		{"INCR", incr(1), true, nil},
	} {
		d, err := h.Write(at(int64(i)), "k", 0, c.command)
		if (d != nil) != c.wrote || !errors.Is(err, c.err) {
			t.Errorf("%s: want written %v and error %v, have %v and %v", c.what, c.wrote, c.err, d, err)
		}
	}
	h.wantVector("1#3")
	if s := h.Stats(); s.Written != 3 {
		t.Errorf("want 3 written, have %d", s.Written)
	}
}

// TestWriteIsStampedAboveWhatItSaw, although its clock is behind.
func TestWriteIsStampedAboveWhatItSaw(t *testing.T) {
	a, b := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{})
	d := a.write(at(300), "k", set("old"))
	b.takes(at(0), a, d)
	if own := b.write(at(1), "k", set("new")); own.Stamp <= d.Stamp {
		t.Errorf("own clock at +1 ms, seen +300 ms: want a stamp above %v, have %v", d.Stamp, own.Stamp)
	}
}

// TestRequestsTravel: a command that is sent twice runs once, wherever the second
// one arrives, once the first has.
func TestRequestsTravel(t *testing.T) {
	a, b := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "us", cachesync.Config{})
	d, err := a.Write(at(0), "k", 77, incr(1))
	if err != nil {
		t.Fatal(err)
	}
	b.takes(at(1), a, d)
	for _, h := range []*holder{a, b} {
		if _, err := h.Write(at(2), "k", 77, incr(1)); !errors.Is(err, cachesync.ErrDuplicate) {
			t.Errorf("at %v: want ErrDuplicate, have %v", h.id, err)
		}
		if h.Stats().Duplicates != 1 {
			t.Errorf("at %v: want 1 duplicate counted, have %d", h.id, h.Stats().Duplicates)
		}
	}
	if _, err := b.Write(at(3), "k", 78, func(*crdt.Mutator) error { return crdt.ErrOverflow }); !errors.Is(err, crdt.ErrOverflow) {
		t.Errorf("want the command's own error, have %v", err)
	}
	if d, err := b.Write(at(4), "k", 78, incr(1)); d == nil || err != nil {
		t.Errorf("a request that failed: want it to run now, have %v, %v", d, err)
	}
}

// TestSkewedWriteWaits: a stamp too far ahead enters when the clock comes near.
func TestSkewedWriteWaits(t *testing.T) {
	a, b := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{MaxSkew: 500 * ms})
	b.takes(at(0), a, a.incr(at(2000), "k"))
	b.wantVector("∅")
	if s := b.Stats(); s.Held != 1 || s.Skewed == 0 || s.SkewedBy != a.id {
		t.Errorf("want it held, counted and its origin named, have %+v", s)
	}
	b.Tick(at(1499))
	b.wantVector("∅")
	b.Tick(at(1500))
	b.wantVector("1#1")
}

// TestForeignWriteInOwnName: nobody else numbers this replica's writes.
func TestForeignWriteInOwnName(t *testing.T) {
	a, twin := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 1, "eu", cachesync.Config{})
	other := newHolder(t, 2, "eu", cachesync.Config{})
	a.takes(at(0), other, twin.incr(at(0), "k"))
	a.wantVector("∅")
	if a.Stats().Foreign != 1 {
		t.Errorf("want 1 foreign, have %+v", a.Stats())
	}
}

// TestQueueDropIsPulled: what leaves the queue unsent is found by its gap.
func TestQueueDropIsPulled(t *testing.T) {
	a := newHolder(t, 1, "eu", cachesync.Config{QueueBytes: 1})
	b := newHolder(t, 2, "eu", cachesync.Config{})
	for i := range 3 {
		a.incr(at(int64(i)), fmt.Sprint("k", i))
	}
	m := a.Next()
	if len(m.Deltas) != 1 || m.Deltas[0].Dot != dot(1, 3) || a.Next() != nil || a.Stats().QueueDropped != 2 {
		t.Fatalf("queue of 1 byte: want the last delta and 2 dropped, have %v and %+v", m, a.Stats())
	}
	b.Receive(at(3), m)
	b.wantVector("∅")
	announce(at(4), a, b)
	b.Tick(at(4))
	settle(at(200), a, b)
	b.wantVector("1#3")
	b.wantSame(a, at(300))
}

// TestHeads: after a change, and at a slow beat.
func TestHeads(t *testing.T) {
	h := newHolder(t, 1, "eu", cachesync.Config{AnnounceAfter: 200 * ms, AnnounceEvery: 5000 * ms})
	var beats []int64
	for now := int64(0); now <= 12000; now += 50 {
		if now == 1000 || now == 1100 {
			h.incr(at(now), "k")
		}
		if now == 11000 {
			h.Announce()
		}
		if m := h.Heads(at(now)); m != nil {
			beats = append(beats, now)
			if now == 1200 && short(m.Vector) != "1#2" {
				t.Errorf("after the change: want heads at 1#2, have %v", m)
			}
			if m.Clock != crdt.StampAt(at(now).UnixMilli()) {
				t.Errorf("heads at %d: want the wall clock, have %v", now, m.Clock)
			}
		}
	}
	if have, want := fmt.Sprint(beats), "[0 1200 6200 11000]"; have != want {
		t.Errorf("want heads at %s, have %s", want, have)
	}
}

// TestTailLoss: the last delta before silence is lost, the announcement tells.
func TestTailLoss(t *testing.T) {
	a, b := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{})
	b.takes(at(0), a, a.incr(at(0), "k"))
	a.incr(at(1), "k") // never arrives
	if b.Behind() {
		t.Error("before any heads: want not behind")
	}
	b.Receive(at(201), a.Heads(at(201)))
	if !b.Behind() {
		t.Error("after the heads: want behind")
	}
	b.Tick(at(201))
	settle(at(400), a, b)
	b.wantVector("1#2")
	if b.Behind() {
		t.Error("after the pull: want not behind")
	}
}

// TestLostCauseIsGivenUp: what waits for a write that died with its replica does
// not wait for ever, and does not keep the heads from being settled.
func TestLostCauseIsGivenUp(t *testing.T) {
	a, b := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{HoldFor: 1000 * ms})
	a.incr(at(0), "k") // seen by nobody
	b.takes(at(0), a, a.incr(at(0), "k"))
	if b.Tick(at(999)); !b.Behind() {
		t.Error("a delta is held: want behind")
	}
	b.Tick(at(1000))
	if s := b.Stats(); b.Behind() || s.HoldBytes != 0 || s.HoldExpired != 1 {
		t.Errorf("after HoldFor: want it given up, have behind %v, %+v", b.Behind(), s)
	}
	b.takes(at(2000), a, a.History("k")...)
	b.wantVector("1#2")
}

func TestHistory(t *testing.T) {
	h := newHolder(t, 1, "eu", cachesync.Config{})
	h.incr(at(0), "k")
	h.incr(at(1), "l")
	h.incr(at(2), "k")
	if have := numbers(h.History("k")); fmt.Sprint(have) != "[1 3]" {
		t.Errorf("history of k: want [1 3], have %v", have)
	}
}
