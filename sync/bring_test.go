package sync_test

import (
	"reflect"
	"testing"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// TestWantBringsBack asks another holder for what was evicted, and compares before and
// after: comparing finds nothing to do and brings nothing back.
func TestWantBringsBack(t *testing.T) {
	a, b := pair(t, 20, cachesync.Config{})
	key := "key:000003"
	now := at(10_000)
	before := b.part.Entry(key).Digest(key, now.UnixMilli())
	if !b.part.Evict(key, now.UnixMilli()) {
		t.Fatal("want it evicted")
	}
	announce(now, a, b)
	for range 5 {
		if req, _ := b.Tick(now); req != nil {
			t.Fatalf("evicted, and otherwise equal: want nothing asked for, have %v", req)
		}
	}
	over := func(m *cachesync.Message) *cachesync.Message {
		t.Helper()
		ms, err := cachesync.Decode(cachesync.Encode(m))
		if err != nil || len(ms) != 1 {
			t.Fatalf("%v: %v", m, err)
		}
		return ms[0]
	}
	only := a.Receive(now, over(b.Want([]string{key, "none"}, true)))
	if only == nil || !reflect.DeepEqual(only.Keys, []string{key}) || len(only.Piece.Keys) != 0 {
		t.Fatalf("asked which it has: want %q and no entry, have %v", key, only)
	}
	b.Receive(now, over(a.Receive(now, over(b.Want([]string{key, "none"}, false)))))
	if e := b.part.Entry(key); e.IsEvicted() || e.Digest(key, now.UnixMilli()) != before {
		t.Error("want it back as it was")
	}
	if s, g := b.Stats(), a.Stats(); s.Restored != 1 || g.Given != 1 {
		t.Errorf("want one restored and one given, have %d and %d", s.Restored, g.Given)
	}
	a.part.Evict(key, now.UnixMilli())
	b.part.Evict(key, now.UnixMilli())
	if given := a.Receive(now, over(b.Want([]string{key}, false))); len(given.Keys)+len(given.Piece.Keys) != 0 {
		t.Errorf("evicted at both: want nothing given, have %v", given)
	}
	a.wantSame(b, now)
}

var _ cachesync.Store = (*crdt.Partition)(nil)
