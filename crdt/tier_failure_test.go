package crdt_test

import (
	"errors"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
)

var errDisk = errors.New("sector is not readable")

// TestTierThatFails lets each call of a tier fail in turn. The partition is of no use
// from then on, says so, and neither shows nor saves anything that may be wrong.
func TestTierThatFails(t *testing.T) {
	calls := 0
	for ; ; calls++ {
		s := many(t, 12, func(i int) int64 { return []int64{crdt.Never, 5000}[i%2] })
		left, failed := calls, false
		s.disk.Fail = func(string) error {
			if left--; left < 0 {
				failed = true
				return errDisk
			}
			return nil
		}
		h, err := s.disk.Head()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.p.Open(s.disk, h); (err != nil) != failed {
			t.Fatalf("call %d: open: have %v", calls, err)
		}
		useAll(t, s, calls, &failed)
		if !failed {
			break
		}
		checkBroken(t, s, calls)
	}
	if calls < 60 {
		t.Errorf("want many calls, have %d", calls)
	}
}

// useAll does everything that calls a tier, until one fails.
func useAll(t *testing.T, s *site, calls int, failed *bool) {
	t.Helper()
	other := newSite(t)
	if err := other.p.Join(s.p.Snapshot()); err != nil && !*failed {
		t.Fatal(err)
	}
	state := other.p.Snapshot()
	state.Keys, state.Entries = state.Keys[:len(state.Keys)/2], state.Entries[:len(state.Entries)/2]
	state.Vector = state.Vector.Join(crdt.Vector{{Replica: 9, N: 1}})
	foreign := &crdt.Delta{Dot: crdt.Dot{Replica: 8, N: 1}, From: 1, Stamp: crdt.StampAt(1500), Key: name(3),
		Effects: []crdt.Effect{{Op: crdt.EffectPut, Kind: crdt.KindString, Value: "v"}}}
	for _, do := range []func() error{
		func() error { return s.p.Apply(foreign) },
		func() error { s.p.Entry(name(1)); return nil },
		func() error { return s.write(1000, name(2), func(m *crdt.Mutator) { m.Set("new", crdt.Never) }) },
		func() error { s.p.Digest(2000); return nil },
		func() error { s.p.EachDigest(2000, func(string, uint64) bool { return true }); return nil },
		func() error { s.p.Keys(); return nil },
		func() error { s.p.Expire(6000, 5); return nil },
		func() error { s.p.Expire(6000, 500); return nil },
		func() error { s.p.Digest(600_000); return nil },
		func() error {
			s.p.Collect(7000, func(crdt.Vector, crdt.HLC) bool { return true })
			return nil
		},
		func() error { s.p.Repair(name(4), state.Entries[0], s.p.Vector(), 1000); return nil },
		func() error { return s.p.Join(state) },
		func() error { s.p.Snapshot(); return nil },
	} {
		before := s.p.Vector().Clone()
		err := do()
		if *failed {
			if err != nil && !errors.Is(err, errDisk) {
				t.Errorf("call %d: want an error of the disk, have %v", calls, err)
			}
			if !s.p.Vector().Equal(before) {
				t.Errorf("call %d: want the vector %v, have %v", calls, before, s.p.Vector())
			}
			return
		}
		if err != nil && !errors.Is(err, crdt.ErrHorizon) {
			t.Fatalf("call %d: %v", calls, err)
		}
	}
}

func checkBroken(t *testing.T, s *site, calls int) {
	t.Helper()
	s.disk.Fail = nil
	if err := s.p.Err(); !errors.Is(err, crdt.ErrTier) || !errors.Is(err, errDisk) {
		t.Fatalf("call %d: want %v and its cause, have %v", calls, crdt.ErrTier, err)
	}
	vector := s.p.Vector().Clone()
	if err := s.write(1000, name(0), func(m *crdt.Mutator) { m.Set("v", crdt.Never) }); !errors.Is(err, crdt.ErrTier) {
		t.Errorf("call %d: apply: want %v, have %v", calls, crdt.ErrTier, err)
	}
	if err := s.p.Join(&crdt.Snapshot{Vector: vector.Join(crdt.Vector{{Replica: 9, N: 9}})}); !errors.Is(err, crdt.ErrTier) {
		t.Errorf("call %d: join: want %v, have %v", calls, crdt.ErrTier, err)
	}
	s.p.Adopt(&crdt.Snapshot{Vector: crdt.Vector{{Replica: 9, N: 9}}})
	if _, _, err := s.p.Save(func(crdt.Put) error { return nil }); !errors.Is(err, crdt.ErrTier) {
		t.Errorf("call %d: save: want %v, have %v", calls, crdt.ErrTier, err)
	}
	if _, ok := s.p.Digest(900_000); ok {
		t.Errorf("call %d: want no digest", calls)
	}
	if s.p.EachDigest(900_000, func(string, uint64) bool { return true }) {
		t.Errorf("call %d: want no digests", calls)
	}
	if state := s.p.Snapshot(); len(state.Keys) > 0 || len(state.Vector) > 0 {
		t.Errorf("call %d: want a snapshot of nothing, have %v of %d keys", calls, state.Vector, len(state.Keys))
	}
	for i := range 12 {
		if s.p.Entry(name(i)) != nil {
			t.Errorf("call %d: want no entry, have one of %s", calls, name(i))
		}
	}
	if s.p.Release(name(0)) || len(s.p.Keys()) > 0 || s.p.Expire(900_000, 10) != 0 {
		t.Errorf("call %d: want nothing shown, released or expired", calls)
	}
	if s.p.Lose(name(0)); s.p.Repair(name(1), entryOf(t), s.p.Vector(), 1000) {
		t.Errorf("call %d: want nothing repaired", calls)
	}
	if !s.p.Vector().Equal(vector) {
		t.Errorf("call %d: want the vector %v, have %v", calls, vector, s.p.Vector())
	}
}

func entryOf(t *testing.T) *crdt.Entry {
	s := newSite(t)
	s.set("k", "v", crdt.Never)
	return s.p.Entry("k")
}

// TestSaveThatIsRefused: an error of put is given back at once, and the next Save puts
// everything again.
func TestSaveThatIsRefused(t *testing.T) {
	s := many(t, 10, never)
	for i := range 5 {
		s.set(name(i), "new", 9000)
	}
	full := s.disk.Batch()
	full.Room = 3
	if _, _, err := s.p.Save(full.Put); !errors.Is(err, crdttest.ErrFull) {
		t.Fatalf("want %v, have %v", crdttest.ErrFull, err)
	}
	if keys, _ := s.p.Dirty(); keys != 5 || s.p.IsSaved() || s.p.Release(name(0)) {
		t.Errorf("want 5 keys dirty, have %d", keys)
	}
	if puts := s.save(); len(puts) != 5 {
		t.Errorf("want 5 puts, have %+v", puts)
	}
	s.open()
	if have := s.get(name(4)); have != "new" {
		t.Errorf("want new, have %q", have)
	}
}

// TestTierThatNamesTooMuch: times and residues that are not so do no harm.
func TestTierThatNamesTooMuch(t *testing.T) {
	s := many(t, 4, func(i int) int64 { return []int64{5000, 9000, 70_000, crdt.Never}[i] })
	liar := &liar{Disk: s.disk}
	h, _ := s.disk.Head()
	p := &crdt.Partition{}
	if err := p.Open(liar, h); err != nil {
		t.Fatal(err)
	}
	if d, _ := p.Digest(2000); d.Keys != 4 {
		t.Errorf("want 4 keys, have %v", d)
	}
	expired := 0
	for now := int64(3000); now < 200_000; now += 1000 {
		expired += p.Expire(now, 100)
		if d, _ := p.Digest(now); d.Keys != 4-expired || p.Len() != 4 {
			t.Fatalf("at %d: %d have expired, have %v, %d keys", now, expired, d, p.Len())
		}
		if err := crdt.CheckTier(p); err != nil {
			t.Fatalf("at %d: %v", now, err)
		}
	}
	c := p.Collect(200_000, func(crdt.Vector, crdt.HLC) bool { return true })
	if expired != 3 || c.Entries != 3 || c.Trimmed != 0 || p.Len() != 1 || p.Err() != nil {
		t.Errorf("want 3 expired and forgotten, have %d, %+v, %d keys, %v", expired, c, p.Len(), p.Err())
	}
}

// liar is a disk whose indices name every key at times that are not so.
type liar struct{ *crdttest.Disk }

func (l *liar) Due(from, to int64, f func(key string, at int64) bool) error {
	more := true
	for at := from - from%4000; at < to && more; at += 500 {
		err := l.Disk.Due(at, at+500, func(key string, at int64) bool { more = f(key, at); return more })
		if err != nil {
			return err
		}
		for i := 0; i < 6 && more && at >= from && at%4000 == 0 && at < 100_000; i++ {
			more = f(name(i), at)
		}
	}
	return nil
}

func (l *liar) Residues(f func(key string, bytes int) bool) error {
	for i := range 6 {
		if !f(name(i), 9) {
			break
		}
	}
	return nil
}
