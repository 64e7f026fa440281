package crdt

import (
	"errors"
	"testing"
)

// forgetful is a partition that has forgotten what replicas 1 and 2 had written.
func forgetful(t *testing.T) (s *site, horizon Horizon) {
	t.Helper()
	s = newSite(1)
	b := newSite(2)
	s.apply(b.write("x", set("v", 1500)))
	s.write("k", set("v", 1500))
	s.now = 2000
	if c := s.sweep(always); c.Entries != 2 || s.p.Len() != 0 {
		t.Fatalf("want 2 entries forgotten, have %+v", c)
	}
	return s, Horizon{Vector{{1, 1}, {2, 1}}, StampAt(2000) - 1}
}

func TestApplyRefusesOldNews(t *testing.T) {
	const later, early = 2500, 1800
	for _, test := range []struct {
		name   string
		dot    Dot
		deps   Vector
		millis int64
		want   error
	}{
		{"who has seen it all", Dot{2, 2}, Vector{{1, 1}}, later, nil},
		{"who has seen it all and more", Dot{3, 1}, Vector{{1, 1}, {2, 1}}, later, nil},
		{"who has seen it all, stamped before", Dot{2, 2}, Vector{{1, 1}}, early, ErrOldNews},
		{"who has seen a part", Dot{2, 2}, nil, later, ErrOldNews},
		{"who has seen another part", Dot{3, 1}, Vector{{1, 1}}, later, ErrOldNews},
		{"a newcomer", Dot{3, 1}, nil, later, nil},
		{"a newcomer, stamped before", Dot{3, 1}, nil, early, ErrOldNews},
		{"its own", Dot{1, 2}, Vector{{2, 1}}, later, nil},
		{"what it has seen", Dot{2, 1}, nil, early, nil},
	} {
		s, horizon := forgetful(t)
		if have := s.p.Horizon(); !have.Equal(horizon) {
			t.Fatalf("want horizon %v, have %v", horizon, have)
		}
		before := snapshotBytes(&s.p)
		d := &Delta{Dot: test.dot, From: test.dot.N, Stamp: StampAt(test.millis), Deps: test.deps, Key: "k",
			Effects: []Effect{{Op: EffectPut, Kind: KindString, Value: "v"}}}
		err := s.p.Apply(d)
		if !errors.Is(err, test.want) || err != nil && (!errors.Is(err, ErrHorizon) || errors.Is(err, ErrBehind)) {
			t.Errorf("%s: want %v, have %v", test.name, test.want, err)
		}
		if err != nil {
			wantBytes(t, test.name, before, snapshotBytes(&s.p))
		}
	}
}

// TestOwnDeltasAreNeverRefused: not in the millisecond of the mark either, nor
// when the clock has been set back.
func TestOwnDeltasAreNeverRefused(t *testing.T) {
	s, _ := forgetful(t)
	for _, now := range []int64{2000, 1000} {
		s.now = now
		s.write("k", set("again", Never)) // Panics when it is refused.
		if have := s.show(); have != `"again"` {
			t.Errorf("at %d: want it shown, have %s", now, have)
		}
	}
}

func TestJoinRefuses(t *testing.T) {
	_, horizon := forgetful(t)
	low, high := StampAt(1800), StampAt(2500)
	content := func(change func(e *Entry)) func(*Snapshot) {
		return func(s *Snapshot) {
			e := &Entry{}
			change(e)
			s.Keys, s.Entries = []string{"k"}, []*Entry{e}
		}
	}
	put := func(h HLC) func(*Snapshot) {
		return content(func(e *Entry) { e.change(KindHash, "f", func(c *Cell) { c.put(Write{Dot{3, 1}, h, "v"}) }) })
	}
	nothing := content(func(e *Entry) { e.raiseCut(low) })
	for _, test := range []struct {
		name   string
		vector Vector
		fill   func(*Snapshot)
		ok     bool
	}{
		{"who has seen it all", Vector{{1, 1}, {2, 1}, {3, 1}}, put(high), true},
		{"who has seen it all and wrote before", Vector{{1, 1}, {2, 1}, {3, 1}}, put(low), false},
		{"who has seen a part", Vector{{1, 1}, {3, 1}}, put(high), false},
		{"who has seen a part and holds nothing", Vector{{1, 1}}, nothing, false},
		{"the empty state", nil, func(*Snapshot) {}, true},
		{"a newcomer's", Vector{{3, 1}}, put(high), true},
		{"a newcomer's that holds nothing", Vector{{3, 1}}, nothing, true},
		{"a newcomer's, stamped before", Vector{{3, 1}}, put(low), false},
		{"a newcomer's counter, stamped before", Vector{{3, 2}}, content(func(e *Entry) {
			e.change(KindString, "", func(c *Cell) {
				c.put(Write{Dot{3, 1}, high, "5"})
				c.setSum(Contribution{Replica: 3, Start: 1, N: 2, Stamp: low})
			})
		}), false},
		{"a newcomer's loser, stamped before", Vector{{3, 2}}, content(func(e *Entry) {
			e.change(KindString, "", func(c *Cell) {
				c.put(Write{Dot{3, 1}, high, "5"})
				c.put(Write{Dot{3, 2}, low, "6"})
			})
		}), false},
		{"a newcomer's expiry, stamped before", Vector{{3, 2}}, content(func(e *Entry) {
			e.change(KindString, "", func(c *Cell) { c.put(Write{Dot{3, 1}, high, "5"}) })
			e.ensureExtra().addExpiry(Expiry{Dot{3, 2}, low, 9000})
		}), false},
	} {
		other := &Snapshot{Vector: test.vector}
		test.fill(other)

		s, _ := forgetful(t)
		checkJoin(t, test.name+" joins what has forgotten", &s.p, other, test.ok, ErrOldNews, ErrBehind)

		forgot := s.p.Snapshot()
		var p Partition
		p.take(other, p.encounter(other))
		checkJoin(t, "what has forgotten joins "+test.name, &p, forgot, test.ok, ErrBehind, ErrOldNews)
		if test.ok && !p.Horizon().Equal(horizon) {
			t.Errorf("%s: want horizon %v taken over, have %v", test.name, horizon, p.Horizon())
		}
	}
}

func checkJoin(t *testing.T, name string, p *Partition, s *Snapshot, ok bool, want, not error) {
	t.Helper()
	before := snapshotBytes(p)
	err := p.Join(s)
	if ok {
		if err != nil {
			t.Errorf("%s: have %v", name, err)
		}
		return
	}
	if !errors.Is(err, want) || !errors.Is(err, ErrHorizon) || errors.Is(err, not) {
		t.Errorf("%s: want only %v, have %v", name, want, err)
	}
	wantBytes(t, name, before, snapshotBytes(p))
}

// TestBothSidesAreBehind: two parts of a cluster have each forgotten what the other
// has not seen. One of them must begin anew.
func TestBothSidesAreBehind(t *testing.T) {
	a, b := newSite(1), newSite(2)
	b.apply(a.write("k", set("v", Never)))
	for _, s := range []*site{a, b} {
		s.write("k", invalidate)
		s.now = 2000
		s.sweep(always)
	}
	err := a.p.Join(b.p.Snapshot())
	if !errors.Is(err, ErrBehind) || !errors.Is(err, ErrOldNews) {
		t.Errorf("want both %v and %v, have %v", ErrBehind, ErrOldNews, err)
	}
	state := b.p.Snapshot()
	a.p.Adopt(state)
	wantBytes(t, "taken over", snapshotBytes(&b.p), snapshotBytes(&a.p))
	if err := a.p.Join(state); err != nil {
		t.Errorf("taken over: want its state joined, have %v", err)
	}
}

// TestHorizonTravels: what a snapshot's partition has forgotten is held against
// old news where the snapshot was taken in, too.
func TestHorizonTravels(t *testing.T) {
	s, horizon := forgetful(t)
	state, err := DecodeSnapshot(snapshotBytes(&s.p))
	if err != nil || !state.Horizon.Equal(horizon) {
		t.Fatalf("want horizon %v, have %+v, %v", horizon, state, err)
	}
	for name, take := range map[string]func(*Partition) error{
		"joined":  func(p *Partition) error { return p.Join(state) },
		"adopted": func(p *Partition) error { p.Adopt(state); return nil },
	} {
		var p Partition
		if err := take(&p); err != nil {
			t.Errorf("%s: have %v", name, err)
		}
		d := &Delta{Dot: Dot{3, 1}, From: 1, Stamp: StampAt(2500), Deps: Vector{{1, 1}}, Key: "k"}
		if err := p.Apply(d); !errors.Is(err, ErrOldNews) {
			t.Errorf("%s: want %v, have %v", name, ErrOldNews, err)
		}
	}
}

// TestMarkIsAfterWhatWasJoined: the stamp of a mark is not below what came with a
// state, such as a time cut.
func TestMarkIsAfterWhatWasJoined(t *testing.T) {
	a, b := newSite(1), newSite(2)
	b.now = 9000
	b.write("k", invalidate)
	if err := a.p.Join(b.p.Snapshot()); err != nil {
		t.Fatal(err)
	}
	a.sweep(never)
	if w := a.p.Waiting(); w.Since < StampAt(9000) {
		t.Errorf("want a mark at or after 9000.0, have %+v", w)
	}
}
