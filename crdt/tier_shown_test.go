package crdt_test

import (
	"testing"

	"github.com/atollcache/atoll/crdt"
)

// end saves what is shown as well, and begins again from the disk.
func (s *site) end() {
	s.t.Helper()
	s.p.KeepDigest()
	s.save()
	s.open()
}

// sameAsRead compares the digest at a time with that of a partition which reads
// everything.
func (s *site) sameAsRead(what string, at int64) {
	s.t.Helper()
	have, ok := s.p.Digest(at)
	if err := crdt.CheckTier(s.p); err != nil {
		s.t.Errorf("%s, at %d: %v", what, at, err)
	}
	h, err := s.disk.Head()
	if err != nil {
		s.t.Fatal(err)
	}
	h.Shown = crdt.Shown{}
	var fresh crdt.Partition
	if err := fresh.Open(s.disk, h); err != nil {
		s.t.Fatal(err)
	}
	if want, may := fresh.Digest(at); have != want || ok != may {
		s.t.Errorf("%s, at %d: want %v, %t, have %v, %t", what, at, want, may, have, ok)
	}
}

// TestKeptDigestReadsNothing: who has left behind what it shows need not read it again,
// however much that is, at that time or later.
func TestKeptDigestReadsNothing(t *testing.T) {
	s := many(t, 500, never)
	want, _ := s.p.Digest(2000)
	s.end()
	if s.p.IsDigested() {
		t.Error("nobody has asked yet: want it not said that a digest costs nothing")
	}
	if have, ok := s.p.Digest(9000); !ok || have != want || s.calls["each"]+s.calls["load"] != 0 || !s.p.IsDigested() {
		t.Errorf("want %v and nothing read, have %v, %t, %v", want, have, ok, s.calls)
	}
	s.set(name(1), "other", crdt.Never)
	s.save()
	if h, err := s.disk.Head(); err != nil || h.Shown != (crdt.Shown{}) {
		t.Errorf("a save that was not told to keep it: have %v, %v", h.Shown, err)
	}
	s.open()
	s.sameAsRead("changed since", 9000)
}

// TestKeptDigestFindsWhatExpired: what expires while nobody is there, and later, some of
// it within a minute and much of it at once; and clocks may have been set back.
func TestKeptDigestFindsWhatExpired(t *testing.T) {
	for _, at := range []int64{3000, 4000, 60_000, 70_000, 500_000, 2000, 1000} {
		s := many(t, 300, func(i int) int64 { return 3000 + int64(i)*500 })
		s.p.Digest(2000)
		s.end()
		s.sameAsRead("300 keys", at)
		s.sameAsRead("300 keys, later", at+5000)
	}
	s := many(t, 20_000, func(i int) int64 { return 3000 + int64(i)%10_000 })
	s.p.Digest(2000)
	s.end()
	if d, ok := s.p.Digest(20_000); !ok || d.Keys != 0 || s.calls["load"] != 0 {
		t.Errorf("all have expired: want them passed once and none of them looked up, have %v, %t, %v", d, ok, s.calls)
	}
}

// TestDigestThatIsNotKept: nothing is kept that cannot be gone on from.
func TestDigestThatIsNotKept(t *testing.T) {
	s := many(t, 10, never)
	s.p.KeepDigest()
	if !s.p.IsSaved() {
		t.Error("nobody has asked for it: want nothing to be saved")
	}
	s.p.Digest(2000)
	s.p.KeepDigest()
	if s.p.IsSaved() {
		t.Error("it is to be kept: want something to be saved")
	}
	s.save()
	evicts := s.p.Snapshot()
	evicts.Evicts = true
	s.p.Adopt(evicts)
	s.p.Digest(2000)
	s.save()
	s.p.KeepDigest()
	if !s.p.IsSaved() {
		t.Error("something may be evicted: want nothing to be saved")
	}
}

// TestDigestBehindAnExpiredField: while a field that has expired has not been forgotten,
// the tier names the key by that time alone, and another field's would not be found.
func TestDigestBehindAnExpiredField(t *testing.T) {
	for _, asked := range []int64{2000, 4000} {
		s := newSite(t)
		if err := s.write(1000, "h", func(m *crdt.Mutator) {
			for _, field := range []string{"a", "b", "c"} {
				_, _ = m.HSet(field, "v")
			}
		}); err != nil {
			t.Fatal(err)
		}
		for field, at := range map[string]int64{"a": 3000, "b": 50_000} {
			if err := s.write(1000, "h", func(m *crdt.Mutator) { _, _ = m.HExpire(field, at) }); err != nil {
				t.Fatal(err)
			}
		}
		s.save()
		s.open()
		s.p.Digest(2000)
		s.p.Digest(asked)
		s.end()
		s.sameAsRead("before the second expires", 45_000)
		s.sameAsRead("after it has", 52_000)
	}
}
