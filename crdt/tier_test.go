package crdt_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
)

// site is a partition with a disk, and who writes to it.
type site struct {
	t     *testing.T
	p     *crdt.Partition
	disk  *crdttest.Disk
	clock crdt.Clock
	calls map[string]int // of the disk
}

func newSite(t *testing.T) *site {
	s := &site{t: t, disk: &crdttest.Disk{}}
	s.disk.Fail = func(call string) error { s.calls[call]++; return nil }
	s.open()
	return s
}

// open begins again from the disk.
func (s *site) open() {
	s.t.Helper()
	s.p, s.calls = &crdt.Partition{}, map[string]int{}
	h, err := s.disk.Head()
	if err == nil {
		err = s.p.Open(s.disk, h)
	}
	if err != nil {
		s.t.Fatalf("open: %v", err)
	}
}

// write makes one write, at a time.
func (s *site) write(now int64, key string, f func(*crdt.Mutator)) error {
	at := crdt.NewWrite{Dot: crdt.Dot{Replica: 7, N: s.p.Vector().Get(7) + 1}, Stamp: s.clock.Next(now), Now: now}
	m := crdt.NewMutator(s.p.Entry(key), at)
	f(m)
	return s.p.Apply(&crdt.Delta{Dot: at.Dot, From: at.Dot.N, Stamp: at.Stamp, Deps: s.p.Vector().Without(7), Key: key, Effects: m.Effects()})
}

func (s *site) set(key, value string, expireAt int64) {
	s.t.Helper()
	if err := s.write(1000, key, func(m *crdt.Mutator) { m.Set(value, expireAt) }); err != nil {
		s.t.Fatalf("set %s: %v", key, err)
	}
}

// save saves everything and returns what was put.
func (s *site) save() (puts []crdt.Put) {
	s.t.Helper()
	b := s.disk.Batch()
	h, epoch, err := s.p.Save(func(u crdt.Put) error {
		puts = append(puts, u)
		return b.Put(u)
	})
	if err != nil {
		s.t.Fatalf("save: %v", err)
	}
	b.Commit(h)
	s.p.Saved(epoch)
	if err := errors.Join(s.disk.Audit(), crdt.CheckTier(s.p)); err != nil {
		s.t.Fatalf("save: %v", err)
	}
	return puts
}

func (s *site) releaseAll() {
	s.t.Helper()
	for _, key := range s.p.Keys() {
		s.p.Release(key)
	}
	if have := s.p.Bytes(); have != 0 {
		s.t.Fatalf("all is released: want no bytes in memory, have %d", have)
	}
}

func (s *site) get(key string) string {
	v, ok := s.p.Entry(key).View(1000).Get()
	if !ok {
		return "none"
	}
	return v
}

func name(i int) string { return fmt.Sprintf("key%04d", i) }

// many fills a site and leaves all of it on the disk.
func many(t *testing.T, keys int, expireAt func(i int) int64) *site {
	t.Helper()
	s := newSite(t)
	for i := range keys {
		s.set(name(i), "value", expireAt(i))
	}
	s.save()
	s.open()
	return s
}

func never(int) int64 { return crdt.Never }

func TestOpeningReadsNoEntry(t *testing.T) {
	s := many(t, 100, func(i int) int64 { return 2000 + int64(i) })
	if n := s.calls["load"] + s.calls["each"] + s.calls["due"]; n != 0 || s.p.Bytes() != 0 {
		t.Errorf("want no entry read, have calls %v, %d bytes", s.calls, s.p.Bytes())
	}
	if keys, size := s.p.Kept(); keys != 100 || size == 0 || s.p.Len() != 100 {
		t.Errorf("want 100 keys kept, have %d of %d bytes, %d", keys, size, s.p.Len())
	}
	if have := s.get(name(5)); have != "value" || s.calls["load"] != 1 {
		t.Errorf("a key: want its value by one read, have %q, %v", have, s.calls)
	}
	if have := s.get(name(5)); have != "value" || s.calls["load"] != 1 {
		t.Errorf("again: want its value from memory, have %q, %v", have, s.calls)
	}
	if have := s.get("another"); have != "none" || s.p.Err() != nil {
		t.Errorf("no key: want none, have %q, %v", have, s.p.Err())
	}
}

func TestChangesStayInMemoryUntilTheyAreSaved(t *testing.T) {
	s := newSite(t)
	s.set("a", "1", crdt.Never)
	s.set("b", "1", crdt.Never)
	if s.p.Release("a") {
		t.Error("never saved: want not released")
	}
	b := s.disk.Batch()
	h, epoch, err := s.p.Save(b.Put)
	if err != nil || s.p.Release("a") {
		t.Errorf("being saved: want not released, have it released, %v", err)
	}
	if _, _, err := s.p.Save(b.Put); !errors.Is(err, crdt.ErrSaving) {
		t.Errorf("save during a save: want %v, have %v", crdt.ErrSaving, err)
	}
	_, before := s.p.Dirty()
	s.set("b", "2", crdt.Never)
	if _, held := s.p.Dirty(); held != before {
		t.Errorf("changed again at the same size: want %d bytes held, have %d", before, held)
	}
	b.Commit(h)
	s.p.Saved(epoch + 1)
	s.p.Unsaved(epoch + 1)
	if s.p.Release("a") {
		t.Error("another epoch confirmed: want not released")
	}
	if keys, _ := s.p.Dirty(); keys != 2 {
		t.Errorf("two keys are being saved, one has changed: want 2 dirty, have %d", keys)
	}
	s.p.Saved(epoch)
	if !s.p.Release("a") || s.p.Release("a") || s.p.Release("b") || s.p.Release("c") {
		t.Error("saved: want a released once, nothing else")
	}
	if keys, held := s.p.Dirty(); keys != 1 || held == 0 || s.p.IsSaved() {
		t.Errorf("b has changed since: want it dirty, have %d keys of %d bytes", keys, held)
	}
	if puts := s.save(); len(puts) != 1 || puts[0].Key != "b" {
		t.Errorf("want b saved, have %+v", puts)
	}
	if keys, held := s.p.Dirty(); keys != 0 || held != 0 || !s.p.IsSaved() {
		t.Errorf("all is saved: want nothing dirty, have %d keys of %d bytes", keys, held)
	}
	nothing := &crdt.Delta{Dot: crdt.Dot{Replica: 8, N: 1}, From: 1, Stamp: crdt.StampAt(500), Key: "c", Effects: []crdt.Effect{{Op: crdt.EffectClear}}}
	if err := s.p.Apply(nothing); err != nil {
		t.Fatal(err)
	}
	if keys, _ := s.p.Dirty(); keys != 0 || s.p.IsSaved() {
		t.Errorf("only the vector has moved: want no key dirty and a head to save, have %d, saved %t", keys, s.p.IsSaved())
	}
	s.releaseAll()
	if a, b := s.get("a"), s.get("b"); a != "1" || b != "2" {
		t.Errorf("want 1 and 2, have %s and %s", a, b)
	}
}

func TestSavesWhatHasChangedInOrder(t *testing.T) {
	s := many(t, 50, never)
	for _, i := range []int{40, 3, 17} {
		s.set(name(i), "new", 5000)
	}
	if err := s.write(1000, name(20), func(m *crdt.Mutator) { m.Del() }); err != nil {
		t.Fatal(err)
	}
	s.set("zz", "come", crdt.Never) // And gone: nothing to be saved.
	if err := s.write(1000, "zz", func(m *crdt.Mutator) { m.Del() }); err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, u := range s.save() {
		have = append(have, fmt.Sprint(u.Key, " ", u.ExpireAt, " ", u.WasExpireAt == crdt.Never, " ", u.IsGone()))
	}
	want := []string{"key0003 5000 true false", "key0017 5000 true false", fmt.Sprint("key0020 ", crdt.Never, " true true"), "key0040 5000 true false"}
	if !slices.Equal(want, have) {
		t.Errorf("want %q, have %q", want, have)
	}
	if keys, _ := s.p.Kept(); keys != 49 {
		t.Errorf("one is gone: want 49 keys, have %d", keys)
	}
}

// TestPassesKeepNothingInMemory: what looks at everything must not drive out what is
// asked for.
func TestPassesKeepNothingInMemory(t *testing.T) {
	s := many(t, 200, func(i int) int64 { return []int64{crdt.Never, 9000}[i%2] })
	s.get(name(7))
	before := s.p.Bytes()
	state := s.p.Snapshot()
	for what, f := range map[string]func() int{
		"keys":     func() int { return len(s.p.Keys()) },
		"snapshot": func() int { return len(s.p.Snapshot().Keys) },
		"each":     func() (n int) { s.p.Each(func(string, *crdt.Entry) bool { n++; return true }); return n },
		"digest":   func() int { d, _ := s.p.Digest(2000); return d.Keys },
		"digests": func() (n int) {
			s.p.EachDigest(2000, func(string, uint64) bool { n++; return true })
			return n
		},
		"join": func() int {
			if err := s.p.Join(state); err != nil {
				t.Errorf("join of what is there: %v", err)
			}
			return s.p.Len()
		},
		"expire": func() int { s.p.Expire(3000, 1000); return s.p.Len() },
	} {
		if have := f(); have != 200 {
			t.Errorf("%s: want 200 keys, have %d", what, have)
		}
		if keys, _ := s.p.Dirty(); s.p.Bytes() != before || keys != 0 {
			t.Errorf("%s: want %d bytes in memory and nothing dirty, have %d, %d keys", what, before, s.p.Bytes(), keys)
		}
	}
	met := 0
	s.p.Each(func(key string, _ *crdt.Entry) bool {
		s.p.Entry(key)
		s.p.Entry(name(met + 5)) // Before its turn.
		met++
		return true
	})
	if met != 200 {
		t.Errorf("entries come into memory on the way: want 200 keys, have %d", met)
	}
	s.releaseAll()
	before = 0
	var keys []string
	s.p.EachFrom(name(190), func(key string, _ *crdt.Entry) bool {
		keys = append(keys, key)
		return len(keys) < 3
	})
	if want := []string{name(190), name(191), name(192)}; !slices.Equal(want, keys) || s.p.Bytes() != before {
		t.Errorf("three from a key on: want %q, have %q, %d bytes", want, keys, s.p.Bytes())
	}
}

func TestEachFromWithoutTier(t *testing.T) {
	s := many(t, 20, never)
	var plain crdt.Partition
	plain.Adopt(s.p.Snapshot())
	var have []string
	plain.EachFrom(name(17), func(key string, _ *crdt.Entry) bool { have = append(have, key); return key != name(18) })
	if want := []string{name(17), name(18)}; !slices.Equal(want, have) {
		t.Errorf("want %q, have %q", want, have)
	}
}

func TestAdoptingClearsTheTier(t *testing.T) {
	s, other := many(t, 20, never), newSite(t)
	other.set(name(3), "other", crdt.Never)
	state := other.p.Snapshot()
	state.Vector = crdt.Vector{{Replica: 9, N: 1}}
	s.p.Adopt(state)
	if s.calls["load"]+s.calls["each"] != 0 || s.p.Len() != 1 || s.get(name(4)) != "none" || s.p.Release(name(3)) {
		t.Errorf("want one key, in memory, nothing read, have %d, %v", s.p.Len(), s.calls)
	}
	if _, _, err := s.p.Save(func(crdt.Put) error { return errDisk }); !errors.Is(err, errDisk) {
		t.Errorf("a clear that is refused: want %v, have %v", errDisk, err)
	}
	_, epoch, err := s.p.Save(func(crdt.Put) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if s.get(name(4)) != "none" || len(s.p.Keys()) != 1 || s.calls["load"]+s.calls["each"] != 0 {
		t.Errorf("while the clear is being saved: want one key, nothing read, have %q, %v", s.p.Keys(), s.calls)
	}
	s.p.Unsaved(epoch)
	puts := s.save()
	if len(puts) != 2 || !puts[0].Clear || puts[0].IsGone() || puts[1].Key != name(3) || puts[1].WasExpireAt != crdt.Never {
		t.Errorf("want a clear and one key, have %+v", puts)
	}
	s.open()
	if s.p.Len() != 1 || s.get(name(3)) != "other" || s.get(name(4)) != "none" {
		t.Errorf("begun again: want one key, have %q", s.p.Keys())
	}
}

// TestAdoptingDuringASave: nothing of what is on its way counts.
func TestAdoptingDuringASave(t *testing.T) {
	for _, isSaved := range []bool{true, false} {
		s := many(t, 5, never)
		s.set(name(1), "changed", crdt.Never)
		b := s.disk.Batch()
		h, epoch, err := s.p.Save(b.Put)
		if err != nil {
			t.Fatal(err)
		}
		s.p.Adopt(&crdt.Snapshot{Vector: crdt.Vector{{Replica: 7, N: 9}}})
		s.set(name(2), "later", crdt.Never)
		if isSaved {
			b.Commit(h)
			s.p.Saved(epoch)
		} else {
			s.p.Unsaved(epoch)
		}
		if s.p.Len() != 1 || s.get(name(1)) != "none" {
			t.Errorf("saved %t: want one key, have %q", isSaved, s.p.Keys())
		}
		s.save()
		s.open()
		if s.p.Len() != 1 || s.get(name(1)) != "none" || s.get(name(2)) != "later" {
			t.Errorf("saved %t, begun again: want one key, have %q", isSaved, s.p.Keys())
		}
	}
}

func TestPartitionsWithoutTier(t *testing.T) {
	var p crdt.Partition
	if _, _, err := p.Save(func(crdt.Put) error { return nil }); !errors.Is(err, crdt.ErrNoTier) {
		t.Errorf("save: want %v, have %v", crdt.ErrNoTier, err)
	}
	p.Saved(0)
	p.Unsaved(0)
	if keys, held := p.Dirty(); keys+held != 0 || p.Release("k") || !p.IsSaved() || p.Err() != nil {
		t.Error("want nothing dirty, released or wrong")
	}
}

// TestKeyThatComesAndGoesDuringASaveThatFails: it is still on the tier, whatever is
// thought of it meanwhile.
func TestKeyThatComesAndGoesDuringASaveThatFails(t *testing.T) {
	s := many(t, 3, never)
	del := func(m *crdt.Mutator) { m.Del() }
	if err := s.write(1000, name(1), del); err != nil {
		t.Fatal(err)
	}
	_, epoch, err := s.p.Save(func(crdt.Put) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	s.set(name(1), "again", crdt.Never)
	s.p.Unsaved(epoch)
	if err := s.write(1000, name(1), del); err != nil {
		t.Fatal(err)
	}
	if have := s.get(name(1)); have != "none" || s.p.Len() != 2 {
		t.Errorf("gone: want none of two keys, have %q of %d", have, s.p.Len())
	}
	s.save()
	s.open()
	if have := s.get(name(1)); have != "none" || s.p.Len() != 2 {
		t.Errorf("begun again: want none of two keys, have %q of %d", have, s.p.Len())
	}
}
