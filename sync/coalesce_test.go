package sync_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

func TestCoalescePairs(t *testing.T) {
	expire := func(m *crdt.Mutator) error { m.Expire(at(5000).UnixMilli()); return nil }
	invalidate := func(m *crdt.Mutator) error { m.Invalidate(); return nil }
	hdel := func(field string) func(*crdt.Mutator) error {
		return func(m *crdt.Mutator) error { _, err := m.HDel(field); return err }
	}
	zincr := func(m *crdt.Mutator) error { _, err := m.ZIncr("m", 1.5); return err }
	both := func(fs ...func(*crdt.Mutator) error) func(*crdt.Mutator) error {
		return func(m *crdt.Mutator) error {
			for _, f := range fs {
				if err := f(m); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for _, c := range []struct {
		what   string
		before func(*crdt.Mutator) error // makes the key what it is
		a, b   func(*crdt.Mutator) error
		joined bool
	}{
		{"INCR INCR", incr(1), incr(2), incr(3), true},
		{"ZINCRBY ZINCRBY", zincr, zincr, zincr, true},
		{"SET SET", set("1"), set("2"), set("3"), true},
		{"SET DEL", set("1"), set("2"), del, true},
		{"INCR SET", incr(1), incr(2), set("3"), true},
		{"INCR DEL", incr(1), incr(2), del, true},
		{"EXPIRE DEL", set("1"), expire, del, true},
		{"HSET HSET of one field", hset("f", "1"), hset("f", "2"), hset("f", "3"), true},
		{"HSET HDEL of one field", hset("f", "1"), hset("f", "2"), hdel("f"), true},
		{"HDEL HSET of one field", both(hset("f", "1"), hset("g", "1")), hdel("f"), hset("f", "2"), true},
		{"HSET SET", hset("f", "1"), hset("f", "2"), set("3"), true},
		{"SET INCR", set("1"), set("2"), incr(3), false},
		{"INCR EXPIRE", incr(1), incr(2), expire, false},
		{"EXPIRE EXPIRE", set("1"), expire, expire, false},
		{"HSET HSET of two fields", hset("f", "1"), hset("f", "2"), hset("g", "3"), false},
		{"HSET HSET of more fields", hset("f", "1"), both(hset("f", "2"), hset("g", "2")), hset("f", "3"), false},
		{"INVALIDATE SET", set("1"), invalidate, set("2"), false},
		{"INCR INVALIDATE", incr(1), incr(1), invalidate, true},
	} {
		h := newHolder(t, 1, "eu", cachesync.Config{})
		h.write(at(0), "k", c.before)
		a, b := h.write(at(1), "k", c.a), h.write(at(2), "k", c.b)
		out := cachesync.Coalesce([]*crdt.Delta{a, b})
		if joined := len(out) == 1; joined != c.joined {
			t.Errorf("%s: want joined %v, have %v", c.what, c.joined, joined)
			continue
		}
		if c.joined && (out[0].From != 2 || out[0].Dot.N != 3 || out[0].Stamp != b.Stamp) {
			t.Errorf("%s: want 2 to 3 stamped %v, have %d to %v stamped %v", c.what, b.Stamp, out[0].From, out[0].Dot, out[0].Stamp)
		}
		if a.From != a.Dot.N || b.From != b.Dot.N {
			t.Errorf("%s: its arguments were changed", c.what)
		}
	}
}

// TestCoalesceOnlyNeighbours: neither a delta for a set of writes with holes, nor
// one that waits for a cause that waits for it, may come out.
func TestCoalesceOnlyNeighbours(t *testing.T) {
	h, o := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{})
	h.incr(at(0), "k") // a key that is new is cleared, which does not go together with what follows
	a, b, c := h.incr(at(0), "k"), h.incr(at(1), "k"), h.incr(at(2), "k")
	other := h.incr(at(3), "l")
	foreign := o.incr(at(3), "k")
	h.takes(at(4), o, foreign)
	d := h.incr(at(5), "k")
	for _, x := range []struct {
		what string
		ds   []*crdt.Delta
		want int
	}{
		{"neighbours", []*crdt.Delta{a, b, c}, 1},
		{"a hole between", []*crdt.Delta{a, c}, 2},
		{"the wrong way round", []*crdt.Delta{b, a}, 2},
		{"another key", []*crdt.Delta{c, other}, 2},
		{"another origin", []*crdt.Delta{a, foreign}, 2},
		{"another replica's write applied between", []*crdt.Delta{other, d}, 2},
	} {
		if out := cachesync.Coalesce(x.ds); len(out) != x.want {
			t.Errorf("%s: want %d deltas, have %d", x.what, x.want, len(out))
		}
	}
	e := *d // as if nothing but the other's write had been between
	e.From = c.Dot.N + 1
	if out := cachesync.Coalesce([]*crdt.Delta{c, &e}); len(out) != 2 {
		t.Errorf("other Deps: want 2 deltas, have %d", len(out))
	}
	if out := cachesync.Coalesce(nil); len(out) != 0 {
		t.Errorf("none: want none, have %v", out)
	}
}

func TestCoalesceKeepsRequests(t *testing.T) {
	h := newHolder(t, 1, "eu", cachesync.Config{})
	h.incr(at(0), "k")
	h.Next()
	for id := range uint64(3) {
		if _, err := h.Write(at(0), "k", id, incr(1)); err != nil {
			t.Fatal(err)
		}
	}
	m := h.Next()
	if len(m.Deltas) != 1 || fmt.Sprint(m.Deltas[0].Requests) != "[1 2]" {
		t.Errorf("three increments, two with IDs: want one delta with [1 2], have %v with %v", m, m.Deltas[0].Requests)
	}
}

// TestCoalescedSaysTheSame applies, at replicas that have any prefix of the
// originals and know of writes that their origin had not seen, the originals or
// what they were coalesced to.
func TestCoalescedSaysTheSame(t *testing.T) {
	joined := 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 1))
		origin, other := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{})
		unseen := make([]*crdt.Delta, 0, 12)
		for i := range 6 {
			if d := randomWrite(other, r, int64(i)); d != nil {
				if r.IntN(2) == 0 {
					origin.takes(at(int64(i)), other, d)
				}
				unseen = append(unseen, d)
			}
		}
		var originals []*crdt.Delta
		for i := range 8 {
			if d := randomWrite(origin, r, int64(10+i)); d != nil {
				originals = append(originals, d)
			}
		}
		coalesced := cachesync.Coalesce(originals)
		joined += len(originals) - len(coalesced)
		for prefix := range len(originals) + 1 {
			one, all := &crdt.Partition{}, &crdt.Partition{}
			applyAll(t, one, unseen, originals[:prefix], coalesced)
			applyAll(t, all, unseen, originals)
			now := at(20)
			if have, want := live(one, now), live(all, now); !bytes.Equal(have, want) || !one.Vector().Equal(all.Vector()) {
				t.Fatalf("seed %d, after %d of %d: want %x, have %x", seed, prefix, len(originals), want, have)
			}
		}
	}
	if joined < 500 {
		t.Errorf("want at least 500 deltas joined to others, have %d", joined)
	}
}

// TestCoalescedKeepsWhatTheFirstSaw: the first write took a part of another
// replica's sum, of which the second says nothing any more.
func TestCoalescedKeepsWhatTheFirstSaw(t *testing.T) {
	hincr := func(m *crdt.Mutator) error { _, err := m.HIncr("f", 5); return err }
	for _, c := range []struct {
		what       string
		incr       func(*crdt.Mutator) error
		one, other func(*crdt.Mutator) error
	}{
		{"HSET HSET", hincr, hset("f", "10"), hset("f", "20")},
		{"SET SET", incr(5), set("10"), set("20")},
	} {
		origin, other := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{})
		seen := other.write(at(0), "k", c.incr)
		origin.takes(at(1), other, seen)
		originals := []*crdt.Delta{origin.write(at(2), "k", c.one), origin.write(at(3), "k", c.other)}
		unseen := other.write(at(4), "k", c.incr)
		coalesced := cachesync.Coalesce(originals)
		if len(coalesced) != 1 {
			t.Fatalf("%s: want one delta, have %d", c.what, len(coalesced))
		}
		one, all := &crdt.Partition{}, &crdt.Partition{}
		applyAll(t, one, []*crdt.Delta{seen, unseen}, coalesced)
		applyAll(t, all, []*crdt.Delta{seen, unseen}, originals)
		view := one.Entry("k").View(at(9).UnixMilli())
		have, _ := view.Get()
		if field, ok := view.Field("f"); ok {
			have = field
		}
		if have != "25" || !bytes.Equal(live(one, at(9)), live(all, at(9))) {
			t.Errorf("%s over a sum of which 5 were seen and 5 not: want 25, have %s", c.what, have)
		}
	}
}

func randomWrite(h *holder, r *rand.Rand, millis int64) *crdt.Delta {
	field := []string{"f", "g"}[r.IntN(2)]
	commands := []func(*crdt.Mutator) error{
		incr(1), incr(2), set("5"), set("text"), del, hset(field, "7"),
		func(m *crdt.Mutator) error { _, err := m.HDel(field); return err },
		func(m *crdt.Mutator) error { _, err := m.HIncr(field, 3); return err },
		func(m *crdt.Mutator) error { _, err := m.HIncr(field, 3); return err },
		func(m *crdt.Mutator) error { m.Expire(at(15).UnixMilli() + r.Int64N(20)); return nil },
		func(m *crdt.Mutator) error { m.Invalidate(); return nil },
	}
	d, _ := h.Write(at(millis), "k", 0, commands[r.IntN(len(commands))])
	return d
}

func applyAll(t *testing.T, p *crdt.Partition, lists ...[]*crdt.Delta) {
	t.Helper()
	for _, ds := range lists {
		for _, d := range ds {
			if err := p.Apply(d); err != nil {
				t.Fatalf("apply %v from %d at %v: %v", d.Dot, d.From, p.Vector(), err)
			}
		}
	}
}
