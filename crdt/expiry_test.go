package crdt

import (
	"fmt"
	"testing"
)

// TestConcurrentExpiries is rule R7, with the rest of what meets an expiry: two
// replicas begin with the same key, each runs its commands without seeing the
// other's, then both see everything.
func TestConcurrentExpiries(t *testing.T) {
	plain, mortal, hash := set("v", Never), set("v", 1500), hset("f", "v")
	for _, test := range []struct {
		name  string
		begin command
		a, b  []command
		want  string
	}{
		{"EXPIRE ∥ EXPIRE: the longest", plain, []command{expire(2000)}, []command{expire(3000)}, `"v" until 3000`},
		{"a later EXPIRE replaces", plain, []command{expire(3000), expire(2000)}, nil, `"v" until 2000`},
		{"EXPIRE twice ∥ EXPIRE", plain, []command{expire(9000), expire(2000)}, []command{expire(3000)}, `"v" until 3000`},
		{"EXPIRE ∥ PERSIST", mortal, []command{expire(3000)}, []command{persist}, `"v"`},
		{"EXPIRE then PERSIST", plain, []command{expire(3000), persist}, nil, `"v"`},
		{"PERSIST then EXPIRE", mortal, []command{persist, expire(3000)}, nil, `"v" until 3000`},
		{"PERSIST ∥ SET with a time to live", mortal, []command{persist}, []command{set("w", 2000)}, `"w"`},
		{"EXPIRE ∥ SET", plain, []command{expire(3000)}, []command{set("w", Never)}, `"w"`},
		{"EXPIRE then SET", plain, []command{expire(3000), set("w", Never)}, nil, `"w"`},
		{"EXPIRE ∥ SET, longer", plain, []command{expire(3000)}, []command{set("w", 2000)}, `"w" until 3000`},
		{"EXPIRE ∥ SET, shorter", plain, []command{expire(2000)}, []command{set("w", 3000)}, `"w" until 3000`},
		{"SET ∥ SET, one for ever", mortal, []command{set("w", 3000)}, []command{set("x", Never)}, `"x"`},
		{"SET ∥ SET, the loser for ever", mortal, []command{set("w", Never)}, []command{set("x", 3000)}, `"x"`},
		{"SET ∥ SET, both mortal", mortal, []command{set("w", 3000)}, []command{set("x", 2000)}, `"x" until 3000`},
		{"EXPIRE of the SET ∥ SET, one for ever", plain, []command{set("w", Never), expire(2000)}, []command{set("x", Never)}, `"x"`},
		{"EXPIRE ∥ DEL", plain, []command{expire(3000)}, []command{del}, "none"},
		{"EXPIRE ∥ INVALIDATE", plain, []command{expire(3000)}, []command{invalidate}, "none"},
		{"SET with a time to live ∥ DEL", plain, []command{set("w", 3000)}, []command{del}, `"w" until 3000`},
		{"EXPIRE ∥ HSET: a field says nothing", hash, []command{expire(3000)}, []command{hset("g", "w")}, "hash f=v g=w until 3000"},
		{"EXPIRE ∥ EXPIRE of a hash", hash, []command{expire(3000)}, []command{expire(2000)}, "hash f=v until 3000"},
		{"EXPIRE in the past ∥ HSET", hash, []command{expire(1)}, []command{hset("g", "w")}, "hash g=w"},
		{"EXPIRE in the past ∥ EXPIRE", hash, []command{expire(1)}, []command{expire(3000)}, "none"},
	} {
		a, b := newSite(1), newSite(2)
		b.apply(a.do(func(m *Mutator) { test.begin(m) }))
		b.now++ // B's writes are the higher versions.
		var fromA, fromB []*Delta
		for _, c := range test.a {
			fromA = append(fromA, a.do(func(m *Mutator) { c(m) }))
		}
		for _, c := range test.b {
			fromB = append(fromB, b.do(func(m *Mutator) { c(m) }))
		}
		for _, d := range fromB {
			a.apply(d)
		}
		for _, d := range fromA {
			b.apply(d)
		}
		if x, y := a.show(), b.show(); x != test.want || y != test.want {
			t.Errorf("%s: want %s, have %s and %s", test.name, test.want, x, y)
		}
		wantBytes(t, test.name, snapshotBytes(&a.p), snapshotBytes(&b.p))
	}
}

func TestLaterExpireReplacesConcurrentOnes(t *testing.T) {
	a, b := newSite(1), newSite(2)
	b.apply(a.do(func(m *Mutator) { m.Set("v", Never) }))
	fromA := a.do(func(m *Mutator) { m.Expire(3000) })
	a.apply(b.do(func(m *Mutator) { m.Expire(5000) }))
	b.apply(fromA)
	b.apply(a.do(func(m *Mutator) { m.Expire(2000) }))
	for _, s := range []*site{a, b} {
		if have := s.show(); have != `"v" until 2000` {
			t.Errorf("replica %v: have %s", s.id, have)
		}
		if n := len(s.p.Entry("k").Expiries()); n != 1 {
			t.Errorf("replica %v: want one expiry left, have %d", s.id, n)
		}
	}
}

// TestExpiryHidesAtItsTime checks that a key is there to the last millisecond,
// that what was written before its time is gone, and what came after stays.
func TestExpiryHidesAtItsTime(t *testing.T) {
	s := newSite(1)
	s.run(hset("f", "v"))
	s.run(expire(2000))
	for millis, want := range map[int64]string{1999: "hash f=v until 2000", 2000: "none", 9000: "none"} {
		s.now = millis
		if have := s.show(); have != want {
			t.Errorf("at %d: want %s, have %s", millis, want, have)
		}
	}
	// A replica that had not seen the expiry writes after its time.
	other := newSite(2)
	other.now = 2000
	s.apply(other.do(func(m *Mutator) { m.HSet("g", "w") }))
	s.now = 2500
	if have := s.show(); have != "hash g=w" {
		t.Errorf("written after the time: want hash g=w, have %s", have)
	}
}

// TestClockAheadDoesNotOutliveExpiry takes a stamp far ahead of wall time: the
// expiry still comes after everything that it speaks of.
func TestClockAheadDoesNotOutliveExpiry(t *testing.T) {
	s := newSite(1)
	s.clock.Observe(StampAt(1400))
	s.run(set("v", 1200))
	want := int64(1401)
	if have := s.show(); have != fmt.Sprintf(`"v" until %d`, want) {
		t.Errorf("stamped at 1400: want until %d, have %s", want, have)
	}
	if s.now = want; s.show() != "none" {
		t.Errorf("at %d: want none, have %s", want, s.show())
	}
}
