package crdt_test

import (
	"fmt"
	"testing"

	"github.com/atollcache/atoll/crdt"
)

// TestDigestReadsWhatExpiresSoon: everything is looked at once, and then only what is
// about to expire.
func TestDigestReadsWhatExpiresSoon(t *testing.T) {
	const keys, apart = 300, 5000
	s := many(t, keys, func(i int) int64 { return 10_000 + int64(i)*apart })
	if d, ok := s.p.Digest(2000); !ok || d.Keys != keys {
		t.Fatalf("want %d keys, have %v, %t", keys, d, ok)
	}
	each := 0
	for at := int64(3000); at < 10_000+keys*apart; at += 3000 {
		loads, all := s.calls["load"], s.calls["each"]
		d, ok := s.p.Digest(at)
		each += s.calls["each"] - all
		if want := keys - int(max(at-10_000+apart, 0)/apart); !ok || d.Keys != want {
			t.Fatalf("at %d: want %d keys, have %v, %t", at, want, d, ok)
		}
		if n := s.calls["load"] - loads; n > 15 {
			t.Fatalf("at %d: want a minute's keys read at once, have %d", at, n)
		}
		if err := crdt.CheckTier(s.p); err != nil {
			t.Fatalf("at %d: %v", at, err)
		}
	}
	if each != 0 || s.calls["load"] > keys || s.p.Bytes() != 0 {
		t.Errorf("want every key read once more, have %v, %d bytes in memory", s.calls, s.p.Bytes())
	}
	if d, ok := s.p.Digest(100_000_000); !ok || d != (crdt.Digest{}) {
		t.Errorf("much later: want nothing, have %v, %t", d, ok)
	}
}

// TestDigestAtTheEdgesOfWhatItKnows: of what expires just before, at and just after the
// end of what the sum knows, on disk, clean in memory, and changed.
func TestDigestAtTheEdgesOfWhatItKnows(t *testing.T) {
	const window = 64_000
	for _, where := range []string{"on disk", "in memory", "changed", "being saved"} {
		s := newSite(t)
		for end := int64(2000); end < 6*window; end += 1000 {
			if end%window == 2000 || end%window == 3000 {
				for _, off := range []int64{-1000, -999, -1, 0, 1, 2, 999, 1000, 1001} {
					s.set(fmt.Sprint(end+off), "v", end+off)
				}
			}
		}
		keys := s.p.Len()
		if where != "changed" && where != "being saved" {
			s.save()
			s.open()
		}
		if d, _ := s.p.Digest(1000); d.Keys != keys {
			t.Fatalf("%s: want %d keys, have %v", where, keys, d)
		}
		switch where {
		case "in memory":
			for _, key := range s.p.Keys() {
				s.get(key)
			}
		case "being saved":
			if _, _, err := s.p.Save(func(crdt.Put) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		for at := int64(2000); at < 7*window; at += 1000 {
			s.p.Digest(at)
			if err := crdt.CheckTier(s.p); err != nil {
				t.Fatalf("%s, at %d: %v", where, at, err)
			}
		}
		if d, ok := s.p.Digest(7 * window); !ok || d != (crdt.Digest{}) {
			t.Errorf("%s: want all expired, have %v, %t", where, d, ok)
		}
	}
}

// TestManyChangesBetweenDigests: the list of what has changed stays short, and
// nothing on the tier is looked at for it.
func TestManyChangesBetweenDigests(t *testing.T) {
	s := many(t, 2000, never)
	s.p.Digest(2000)
	before := s.calls["each"]
	for i := range 2000 {
		s.set(name(i), "other", crdt.Never)
	}
	if err := crdt.CheckTier(s.p); err != nil {
		t.Error(err)
	}
	before = s.calls["each"]
	if d, ok := s.p.Digest(2000); !ok || d.Keys != 2000 || s.calls["each"] != before {
		t.Errorf("want 2000 keys without looking at all, have %v, %t, %v", d, ok, s.calls)
	}
	if err := crdt.CheckTier(s.p); err != nil {
		t.Error(err)
	}
}

// TestExpiringReadsAsMuchAsItIsAskedTo: millions that have expired while a node was
// down must not be looked at, or held in memory, at once.
func TestExpiringReadsAsMuchAsItIsAskedTo(t *testing.T) {
	s := many(t, 500, func(i int) int64 { return 2000 + int64(i/50) })
	crdt.Eager(s.p)
	n := 0
	for range 10 {
		if have := s.p.NextExpiry(); have > 10_000 {
			t.Fatalf("after %d: want the next expiry soon, have %d", n, have)
		}
		n += s.p.Expire(10_000, 30)
		if s.calls["load"] != n || s.calls["due"] > 2*n+200 {
			t.Fatalf("after %d: have calls %v", n, s.calls)
		}
	}
	n += s.p.Expire(10_000, 1000)
	if w := s.p.Waiting(); n != 500 || w.Keys != 500 || s.p.NextExpiry() <= 10_000 || s.p.Bytes() != 0 {
		t.Errorf("want 500 expired, none in memory, have %d, %+v, next %d, %d bytes", n, w, s.p.NextExpiry(), s.p.Bytes())
	}
	c := s.p.Collect(10_000, func(crdt.Vector, crdt.HLC) bool { return true })
	if c.Entries != 500 || s.p.Len() != 0 {
		t.Errorf("want 500 forgotten, have %+v, %d keys", c, s.p.Len())
	}
	s.save()
	s.open()
	if s.p.Expire(10_000, 1000) != 0 || s.p.Len() != 0 || s.p.Horizon().IsZero() {
		t.Errorf("begun again: want nothing, have %d keys, horizon %v", s.p.Len(), s.p.Horizon())
	}
}

// TestDigestOfWhatOutlivesItsExpiryOnDisk: what was written by a clock that is ahead
// still shows when the rest has expired.
func TestDigestOfWhatOutlivesItsExpiryOnDisk(t *testing.T) {
	s := newSite(t)
	hset := func(m *crdt.Mutator) { _, _ = m.HSet("f", "v") }
	for _, f := range []func(*crdt.Mutator){hset, func(m *crdt.Mutator) { m.Expire(3500) }} {
		if err := s.write(1000, "h", f); err != nil {
			t.Fatal(err)
		}
	}
	ahead := &crdt.Delta{Dot: crdt.Dot{Replica: 8, N: 1}, From: 1, Stamp: crdt.StampAt(9000), Key: "h",
		Effects: []crdt.Effect{{Op: crdt.EffectPut, Kind: crdt.KindHash, Field: "g", Value: "v"}}}
	if err := s.p.Apply(ahead); err != nil {
		t.Fatal(err)
	}
	s.save()
	s.open()
	var last crdt.Digest
	for at := int64(2000); at < 6000; at += 1000 {
		d, ok := s.p.Digest(at)
		if err := crdt.CheckTier(s.p); err != nil || !ok || d.Keys != 1 || (d == last) != (at != 2000 && at != 4000) {
			t.Errorf("at %d: want one key, with another digest from 4000 on, have %v after %v, %t, %v", at, d, last, ok, err)
		}
		last = d
	}
}
