package crdt

import "testing"

// TestEvictionLeavesWhatWaitsAlone: who has no room tries again and again to evict what has
// expired and waits to be forgotten. That must not make it wait anew.
func TestEvictionLeavesWhatWaitsAlone(t *testing.T) {
	s := newSite(1)
	s.write("key", set("v", 2000))
	s.write("fields", func(m *Mutator) []any {
		fresh, err := m.HSetUntil("f", "v", 2000)
		return []any{fresh, err}
	})
	s.now = 2000
	s.sweep(never)
	checkWaiting(t, "expired", &s.p, 2)
	before, digest := s.p.Waiting(), s.digest(t)
	for range 3 {
		for _, key := range []string{"key", "fields", "none"} {
			if s.p.Evict(key, s.now) {
				t.Errorf("%s shows nothing: want it not evicted", key)
			}
		}
	}
	after := s.p.Waiting()
	if after.Keys != before.Keys || after.Bytes != before.Bytes || after.Since != before.Since || !after.Mark.Equal(before.Mark) {
		t.Errorf("evicted in vain: want waiting %+v as before, have %+v", before, after)
	}
	if have := s.digest(t); have != digest {
		t.Errorf("evicted in vain: want digest %v, have %v", digest, have)
	}
	if at := s.p.NextExpiry(); at != Never {
		t.Errorf("evicted in vain: want nothing left to expire, have it at %d", at)
	}
	if c := s.sweep(always); c.Entries != 2 || s.p.Len() != 0 {
		t.Errorf("stable: want both forgotten, have %+v, %d left", c, s.p.Len())
	}
}

// digest returns the digest of what the site shows at the next full step.
func (s *site) digest(t *testing.T) Digest {
	t.Helper()
	d, ok := s.p.Digest((s.now/DigestStep + 1) * DigestStep)
	if !ok {
		t.Fatalf("at %d: want a digest, have none", s.now)
	}
	return d
}
