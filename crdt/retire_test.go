package crdt

import (
	"errors"
	"testing"
)

// retiring is three holders of which the third's life ends: 3 has written twice, and
// all have seen it.
func retiring(t *testing.T) (a, b *rep, last Dot, retire *Delta) {
	t.Helper()
	a, b = &rep{id: 1}, &rep{id: 2}
	c := &rep{id: 3}
	c.do(t, 1000, "kept", func(m *Mutator) { m.Set("by the gone", Never) })
	c.do(t, 1001, "gone", func(m *Mutator) { _, _ = m.Incr(5) })
	for _, r := range []*rep{a, b} {
		r.takes(t, c.log...)
	}
	last = Dot{3, 2}
	retire = a.retires(t, 2000, last)
	return a, b, last, retire
}

func (r *rep) next(now int64) *Delta {
	n := r.p.Vector().Get(r.id) + 1
	return &Delta{Dot: Dot{r.id, n}, From: n, Stamp: r.clock.Next(now), Deps: r.p.Vector().Without(r.id)}
}

func (r *rep) do(t *testing.T, now int64, key string, f func(*Mutator)) *Delta {
	t.Helper()
	d := r.next(now)
	m := NewMutator(r.p.Entry(key), NewWrite{Dot: d.Dot, Stamp: d.Stamp, Now: now})
	f(m)
	d.Key, d.Effects = key, m.Effects()
	r.log = append(r.log, d)
	if err := r.p.Apply(d); err != nil || len(d.Effects) == 0 {
		t.Fatalf("%v writes %v: %v", r.id, d, err)
	}
	return d
}

func (r *rep) retires(t *testing.T, now int64, last ...Dot) *Delta {
	t.Helper()
	d := r.next(now)
	for _, l := range last {
		d.Effects = append(d.Effects, Retire(l))
	}
	if err := r.p.Apply(d); err != nil {
		t.Fatalf("%v retires %v: %v", r.id, last, err)
	}
	return d
}

func (r *rep) takes(t *testing.T, ds ...*Delta) {
	t.Helper()
	for _, d := range ds {
		if err := r.p.Apply(d); err != nil {
			t.Fatalf("%v takes %v: %v", r.id, d.Dot, err)
		}
		r.clock.Observe(d.Stamp)
	}
}

func (r *rep) ends() { r.p.Collect(9000, func(Vector, HLC) bool { return true }) }

func (r *rep) shows(t *testing.T, key, want string) {
	t.Helper()
	if have, _ := r.p.Entry(key).View(5000).Get(); have != want {
		t.Errorf("%s at %v: want %q, have %q", key, r.id, want, have)
	}
}

// TestRetiredIDLeavesVectors: who applies a retirement names the ID no more, and the
// values written under it stay.
func TestRetiredIDLeavesVectors(t *testing.T) {
	a, b, last, retire := retiring(t)
	b.takes(t, retire)
	for _, r := range []*rep{a, b} {
		for _, when := range []string{"before it is stable", "when it is"} {
			if want := (Vector{{1, 1}}); !r.p.Vector().Equal(want) {
				t.Errorf("%s: want vector %v, have %v", when, want, r.p.Vector())
			}
			if !r.p.Covers(last) || r.p.Covers(Dot{3, 3}) || !r.p.IsRetired(3) {
				t.Errorf("%s: want %v covered and no more: %v", when, last, r.p.Retired())
			}
			r.shows(t, "kept", "by the gone")
			r.shows(t, "gone", "5")
			r.ends()
		}
		if h := r.p.Horizon(); !h.Vector.Equal(Vector{{1, 1}}) || len(r.p.Retired()) != 0 {
			t.Errorf("want the horizon to stand for the retirement, have %v and %v", h, r.p.Retired())
		}
	}
}

// TestRetiredWritesAreSeen: a removal takes what was written under an ID that its
// origin's vector does not name any more, wherever the retirement stands.
func TestRetiredWritesAreSeen(t *testing.T) {
	for _, stable := range []int{0, 1, 2} {
		a, b, _, retire := retiring(t)
		b.takes(t, retire)
		if stable > 0 {
			a.ends()
		}
		if stable > 1 {
			b.ends()
		}
		a.clock.Observe(a.p.Horizon().Stamp)
		del := a.do(t, 10_000, "kept", func(m *Mutator) { m.Del() })
		incr := a.do(t, 10_001, "gone", func(m *Mutator) { m.Set("7", Never) })
		b.takes(t, del, incr)
		for _, r := range []*rep{a, b} {
			r.shows(t, "kept", "")
			r.shows(t, "gone", "7")
		}
		// A whole state says the same as the deltas.
		var c Partition
		if err := c.Join(b.p.Snapshot()); err != nil {
			t.Fatalf("stable at %d: %v", stable, err)
		}
		wantBytes(t, "joined", snapshotBytes(&b.p), snapshotBytes(&c))
	}
}

// TestRetiredIDIsNotSeenByWhoHasNotSeenIt: a removal by one that never saw the ID
// takes nothing of it.
func TestRetiredIDIsNotSeenByWhoHasNotSeenIt(t *testing.T) {
	a, _, _, _ := retiring(t)
	fresh := &rep{id: 4}
	a.takes(t, fresh.do(t, 3000, "kept", func(m *Mutator) { m.Set("newer", Never) }))
	if have := len(a.p.Entry("kept").str.Writes()); have != 2 {
		t.Errorf("want both writes kept, have %d", have)
	}
}

// TestWhatComesLateIsRefused: a write under a retired ID beyond its last, and one that
// had seen such a write, are refused, before and after the retirement is stable; and
// whoever has it learns that it must begin anew.
func TestWhatComesLateIsRefused(t *testing.T) {
	a, b, _, retire := retiring(t)
	zombie := &rep{id: 3, p: Partition{}}
	if err := zombie.p.Join(b.p.Snapshot()); err != nil {
		t.Fatal(err)
	}
	late := zombie.do(t, 4000, "kept", func(m *Mutator) { m.Set("late", Never) })
	b.takes(t, late)
	after := b.do(t, 4001, "kept", func(m *Mutator) { m.Del() })
	for _, when := range []string{"before it is stable", "when it is"} {
		for _, d := range []*Delta{late, after} {
			if err := a.p.Apply(d); !errors.Is(err, ErrOldNews) || !a.p.Ready(d) {
				t.Errorf("%s: %v of an origin that had seen %v: want %v, have %v", when, d.Dot, d.Deps, ErrOldNews, err)
			}
		}
		if err := a.p.Join(b.p.Snapshot()); !errors.Is(err, ErrOldNews) || errors.Is(err, ErrBehind) {
			t.Errorf("%s: joined by who knows of it: want only %v, have %v", when, ErrOldNews, err)
		}
		if err := b.p.Join(a.p.Snapshot()); !errors.Is(err, ErrBehind) || errors.Is(err, ErrOldNews) {
			t.Errorf("%s: joins who knows of it: want only %v, have %v", when, ErrBehind, err)
		}
		a.ends()
	}
	for _, r := range []*rep{zombie, b} {
		if err := r.p.Apply(retire); !errors.Is(err, ErrBehind) || !errors.Is(err, ErrRetired) {
			t.Errorf("%v applies the retirement: want %v and %v, have %v", r.id, ErrBehind, ErrRetired, err)
		}
	}
	b.p.Adopt(a.p.Snapshot())
	wantBytes(t, "begun anew", snapshotBytes(&a.p), snapshotBytes(&b.p))
}

// TestRetiredTwice: two that did not know of each other retire the same ID, and who
// has seen either has seen all of it.
func TestRetiredTwice(t *testing.T) {
	a, b, last, first := retiring(t)
	second := b.retires(t, 2001, last)
	onlyFirst := a.do(t, 3000, "kept", func(m *Mutator) { m.Del() })
	onlySecond := b.do(t, 3001, "gone", func(m *Mutator) { m.Del() })
	a.takes(t, second, onlySecond)
	b.takes(t, first, onlyFirst)
	wantBytes(t, "both", snapshotBytes(&a.p), snapshotBytes(&b.p))
	for _, r := range []*rep{a, b} {
		r.shows(t, "kept", "")
		r.shows(t, "gone", "")
		r.ends()
		if len(r.p.Retired()) > 0 || r.p.Vector().Get(3) > 0 {
			t.Errorf("%v still knows %v", r.id, r.p.Retired())
		}
	}
	wantBytes(t, "stable", snapshotBytes(&a.p), snapshotBytes(&b.p))
}

// TestRetiredTwiceEndsTogether: where one of two retirements of an ID is stable, who has
// seen the other alone is no newcomer: its removal takes what was written under the ID.
func TestRetiredTwiceEndsTogether(t *testing.T) {
	a, b, last, first := retiring(t)
	second := b.retires(t, 2001, last)
	a.takes(t, second)
	a.p.Collect(9000, func(v Vector, _ HLC) bool { return Vector{first.Dot}.CoversAll(v) })
	if have := a.p.Retired(); len(have) != 2 {
		t.Errorf("%v is stable and %v is not: want both kept, have %v", first.Dot, second.Dot, have)
	}
	onlySecond := b.do(t, 10_000, "kept", func(m *Mutator) { m.Del() })
	a.takes(t, onlySecond)
	a.shows(t, "kept", "")
	a.ends()
	if have := a.p.Retired(); len(have) > 0 || !a.p.Horizon().Vector.CoversAll(Vector{first.Dot, second.Dot}) {
		t.Errorf("both are stable: want the horizon to stand for both, have %v and %v", a.p.Horizon(), have)
	}
}

// TestRetiringReplicaIsForgotten: an ID is retired twice, and one of the two that did so is
// retired itself. That is stable before both are, so that what is kept names somebody who is
// known no more. It goes over the wire all the same.
func TestRetiringReplicaIsForgotten(t *testing.T) {
	_, b, last, first := retiring(t)
	second := b.retires(t, 2001, last)
	b.takes(t, first)
	of := b.retires(t, 3000, first.Dot)
	stable := Vector{{2, of.Dot.N}}
	b.p.Collect(9000, func(v Vector, _ HLC) bool {
		return stable.CoversAll(v) && !v.Equal(Vector{second.Dot}) || v.Equal(Vector{first.Dot})
	})
	if have := b.p.Retired(); len(have) != 2 || have[0].By != first.Dot {
		t.Fatalf("want the retirements of %v kept, have %v", last, have)
	}
	shot := b.p.Snapshot()
	s, err := DecodeSnapshot(AppendSnapshot(nil, shot, 0, len(shot.Keys)))
	if err != nil {
		t.Fatal(err)
	}
	var c Partition
	if err := c.Join(s); err != nil {
		t.Fatal(err)
	}
	wantBytes(t, "joined", snapshotBytes(&b.p), snapshotBytes(&c))
	if sees := c.Sight(Vector{of.Dot}); !sees.Covers(last) {
		t.Errorf("who has seen %v has seen %v", of.Dot, last)
	}
}

// TestRetiredAfterLess: who is cut off retires an ID after less than others have seen of
// it. These give way, and still say so when how much there was is stable to them, though
// the other one has not seen that.
func TestRetiredAfterLess(t *testing.T) {
	c, a, b := &rep{id: 3}, &rep{id: 1}, &rep{id: 2}
	c.do(t, 1000, "k", func(m *Mutator) { m.Set("1", Never) })
	b.takes(t, c.log...)
	c.do(t, 1001, "k", func(m *Mutator) { m.Set("2", Never) })
	a.takes(t, c.log...)
	b.retires(t, 2000, Dot{3, 1})
	a.retires(t, 2000, Dot{3, 2})
	for _, stable := range []bool{false, true} {
		if stable {
			a.ends()
		}
		ab, ba := a.p.Join(b.p.Snapshot()), b.p.Join(a.p.Snapshot())
		if !errors.Is(ab, ErrBehind) || !errors.Is(ab, ErrRetired) || errors.Is(ab, ErrOldNews) != stable {
			t.Errorf("stable %t: who has seen more joins: have %v", stable, ab)
		}
		if !errors.Is(ba, ErrOldNews) || !errors.Is(ba, ErrRetired) || errors.Is(ba, ErrBehind) != stable {
			t.Errorf("stable %t: who has seen less joins: have %v", stable, ba)
		}
	}
}

// TestRetiringReplicaIsRetired: the replica that has retired an ID ends too, before
// that is stable.
func TestRetiringReplicaIsRetired(t *testing.T) {
	a, b, last, first := retiring(t)
	b.takes(t, first)
	second := b.retires(t, 3000, first.Dot)
	c := &rep{id: 4}
	if err := c.p.Join(b.p.Snapshot()); err != nil {
		t.Fatal(err)
	}
	del := b.do(t, 3001, "kept", func(m *Mutator) { m.Del() })
	a.takes(t, second, del)
	c.takes(t, del)
	for _, r := range []*rep{a, b, c} {
		r.shows(t, "kept", "")
		if !r.p.Covers(last) || !r.p.Covers(first.Dot) {
			t.Errorf("%v has lost sight of %v", r.id, r.p.Retired())
		}
		r.ends()
		if h := r.p.Horizon().Vector; !h.Equal(Vector{second.Dot}) && !h.Equal(Vector{del.Dot}) {
			t.Errorf("%v: want the horizon to name only who lives, have %v", r.id, h)
		}
	}
}

// TestChainOfRetirements: who has retired an ID is retired in turn, again and again, while
// none of it can be stable. Who has seen the last retirement has seen all there was.
func TestChainOfRetirements(t *testing.T) {
	all := &rep{id: 100}
	r := &rep{id: 50}
	all.takes(t, r.do(t, 1000, "k", func(m *Mutator) { m.Set("v", Never) }))
	for i := range ReplicaID(20) {
		next := &rep{id: 50 + 7*(i+1)%41} // in no order
		if err := next.p.Join(all.p.Snapshot()); err != nil {
			t.Fatal(err)
		}
		all.takes(t, next.retires(t, 2000+int64(i), Dot{r.id, 1}))
		r = next
	}
	if have := all.p.Sight(Vector{{r.id, 1}}); !have.Covers(Dot{50, 1}) {
		t.Errorf("%d retirements, one after another: who has seen the last has not seen the first", len(all.p.Retired()))
	}
	del := r.do(t, 3000, "k", func(m *Mutator) { m.Del() })
	all.takes(t, del)
	all.shows(t, "k", "")
	shot := all.p.Snapshot()
	s, err := DecodeSnapshot(AppendSnapshot(nil, shot, 0, len(shot.Keys)))
	if err != nil {
		t.Fatalf("snapshot with %d retirements: %v", len(all.p.Retired()), err)
	}
	var copied Partition
	if err := copied.Join(s); err != nil || len(copied.Retired()) != 20 {
		t.Errorf("copy: want 20 retirements, have %d, %v", len(copied.Retired()), err)
	}
}

// TestRetiredRemembered: only so many IDs are remembered once they are retired.
func TestRetiredRemembered(t *testing.T) {
	r := &rep{id: 1}
	for id := ReplicaID(10); id < 10+2*maxEnded; id++ {
		o := &rep{id: id}
		r.takes(t, o.do(t, int64(id), "k", func(m *Mutator) { m.Set("v", Never) }))
		r.retires(t, int64(id), Dot{id, 1})
	}
	r.ends()
	if len(r.p.ended) != maxEnded || len(r.p.vector) != 1 || len(r.p.horizon.Vector) != 1 {
		t.Errorf("want %d remembered, have %d, vector %v, horizon %v", maxEnded, len(r.p.ended), r.p.vector, r.p.horizon)
	}
	if !r.p.Covers(Dot{10 + 2*maxEnded - 1, 1}) || r.p.Covers(Dot{10, 1}) {
		t.Errorf("want the latest remembered, have %v", r.p.ended)
	}
}

// TestApplyingCostsNothingForRetirements: applying an ordinary write allocates no more
// than its effects take, with retirements under way or not.
func TestApplyingCostsNothingForRetirements(t *testing.T) {
	a, _, _, _ := retiring(t)
	plain := &rep{id: 1}
	cost := func(r *rep) float64 {
		r.do(t, 5000, "k", func(m *Mutator) { m.Set("v", Never) })
		n := uint64(0)
		return testing.AllocsPerRun(200, func() {
			n++
			d := Delta{Dot: Dot{9, n}, From: n, Stamp: StampAt(6000 + int64(n)), Key: "k", Effects: putEffects}
			if err := r.p.Apply(&d); err != nil {
				t.Fatal(err)
			}
		})
	}
	if have, want := cost(a), cost(plain); have != want {
		t.Errorf("want %v allocations, have %v", want, have)
	}
}

var putEffects = []Effect{{Op: EffectClear}, {Op: EffectPut, Kind: KindString, Value: "v"}}

// TestJoinTellsThatARetirementIsStable: who joins the state of one that has forgotten
// a retirement forgets it too.
func TestJoinTellsThatARetirementIsStable(t *testing.T) {
	a, b, last, retire := retiring(t)
	b.takes(t, retire)
	a.ends()
	if err := b.p.Join(a.p.Snapshot()); err != nil || len(b.p.Retired()) > 0 || !b.p.Covers(last) {
		t.Errorf("want it forgotten, have %v, %v", b.p.Retired(), err)
	}
	// And the other way round nothing comes back.
	_, c, _, _ := retiring(t)
	c.takes(t, retire)
	if err := a.p.Join(c.p.Snapshot()); err != nil || len(a.p.Retired()) > 0 || a.p.Vector().Get(3) > 0 {
		t.Errorf("want it forgotten still, have %v at %v, %v", a.p.Retired(), a.p.Vector(), err)
	}
}

// TestWhoNamesARetiredIDIsNoNewcomer: however late all was stamped that it has.
func TestWhoNamesARetiredIDIsNoNewcomer(t *testing.T) {
	a, _, _, _ := retiring(t)
	a.ends()
	d := &Delta{Dot: Dot{3, 3}, From: 1, Stamp: StampAt(20_000), Key: "k", Effects: putEffects}
	zombie := &rep{id: 3}
	zombie.takes(t, d) // Three writes in one: of the first, nothing is left but the number.
	if err := a.p.Join(zombie.p.Snapshot()); !errors.Is(err, ErrOldNews) {
		t.Errorf("want %v, have %v", ErrOldNews, err)
	}
	if err := zombie.p.Join(a.p.Snapshot()); !errors.Is(err, ErrBehind) {
		t.Errorf("want %v, have %v", ErrBehind, err)
	}
}
