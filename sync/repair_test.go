package sync_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// pair returns two holders in different regions that hold the same n strings.
func pair(t testing.TB, n int, cfg cachesync.Config) (a, b *holder) {
	t.Helper()
	a, b = newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg)
	for i := range n {
		d := a.write(at(0), fmt.Sprintf("key:%06d", i), set(fmt.Sprintf("value of %d", i)))
		b.takes(at(0), a, d)
	}
	return a, b
}

// TestDamageIsRepaired: what one of two lost behind the other's back comes back,
// whoever it was that lost it.
func TestDamageIsRepaired(t *testing.T) {
	for _, n := range []int{1, 10, 500} {
		a, b := pair(t, n, cachesync.Config{})
		for i := 0; i < n; i += 7 {
			b.part.Lose(fmt.Sprintf("key:%06d", i))
		}
		for i := 3; i < n; i += 14 { // None that the other has lost too.
			a.part.Lose(fmt.Sprintf("key:%06d", i))
		}
		for i := 5; i < n; i += 13 {
			a.part.Overwrite(fmt.Sprintf("key:%06d", i), "damaged")
		}
		announce(at(1000), a, b)
		asked := settle(at(1000), a, b)
		a.wantSame(b, at(1001))
		if len(a.part.Keys()) != n || a.Stats().Repaired+b.Stats().Repaired == 0 {
			t.Errorf("%d keys: want all back, have %d, %d repaired", n, len(a.part.Keys()), a.Stats().Repaired+b.Stats().Repaired)
		}
		announce(at(20_000), a, b)
		if again := settle(at(20_000), a, b); len(again) > 0 {
			t.Errorf("%d keys: equal, and yet asked %v after %v", n, again, asked)
		}
	}
}

// TestEqualAskNothing: holders of the same ask each other for nothing, announcement
// after announcement.
func TestEqualAskNothing(t *testing.T) {
	a, b := pair(t, 100, cachesync.Config{})
	for i := range int64(20) {
		announce(at(5000*i), a, b)
		if asked := settle(at(5000*i), a, b); len(asked) > 0 {
			t.Fatalf("equal, and asked %v", asked)
		}
	}
	if s := a.Stats(); s.Compared < 15 || s.Differed > 0 {
		t.Errorf("want every announcement compared, have %+v", s)
	}
}

// TestManyDifferences: more than symbols of one range can tell.
func TestManyDifferences(t *testing.T) {
	a, b := pair(t, 9000, cachesync.Config{LogBytes: 1 << 30, BatchBytes: 64 << 10})
	for i := range 9000 {
		if i%20 != 0 {
			b.part.Lose(fmt.Sprintf("key:%06d", i))
		}
	}
	announce(at(1000), a, b)
	asked := settle(at(1000), a, b)
	t.Log(len(asked), asked)
	a.wantSame(b, at(1001))
}

// TestWritesUnderWayAreNoDamage: what differs because of a write that one side has
// not seen is left alone, and nothing that it removed comes back.
func TestWritesUnderWayAreNoDamage(t *testing.T) {
	cfg := cachesync.Config{CompareWithin: time.Second}
	a, b := pair(t, 20, cfg)
	announce(at(0), a, b)
	removed := a.write(at(1), "key:000003", del)
	changed := b.write(at(1), "key:000004", set("changed"))
	b.part.Lose("key:000007")
	// Neither hears of the other's write: only what both have seen can be compared.
	exchange(at(15_000), a, b) // b waits for a to ask first
	if len(b.part.Keys()) != 20 || a.part.Entry("key:000003") != nil {
		t.Errorf("want the lost key back and the removed one not, have %d keys at b, %v at a", len(b.part.Keys()), a.part.Entry("key:000003"))
	}
	if s := b.Stats(); s.Repaired != 1 || s.Unjudged == 0 {
		t.Errorf("want one repaired and others left alone, have %+v", s)
	}
	a.takes(at(2001), b, changed)
	b.takes(at(2001), a, removed)
	a.wantSame(b, at(2002))
}

// exchange lets one holder compare itself with another in full.
func exchange(now time.Time, peer, asker *holder) {
	for req, to := asker.Tick(now); req != nil; req, to = asker.Tick(now) {
		if to != peer.id {
			panic("asks somebody else")
		}
		asker.Receive(now, peer.Receive(now, roundTrip(req)))
	}
}

// roundTrip returns a message as its receiver gets it.
func roundTrip(m *cachesync.Message) *cachesync.Message {
	ms, err := cachesync.Decode(cachesync.Encode(m))
	if err != nil {
		panic(err)
	}
	return ms[0]
}

// TestRepairNeedsTheLog: where the log does not say which keys the other has not
// seen writes to, nothing is judged.
func TestRepairNeedsTheLog(t *testing.T) {
	a, b := pair(t, 20, cachesync.Config{LogBytes: 1})
	m := a.message(cachesync.KindMend, "eu")
	m.At, m.Piece = at(20_000).UnixMilli(), a.part.Snapshot()
	m.Piece.Vector = crdt.Vector{{Replica: a.id, N: 3}}
	m.Piece.Keys, m.Piece.Entries = m.Piece.Keys[:2], m.Piece.Entries[:2]
	b.part.Lose("key:000000")
	b.Receive(at(0), m)
	if s := b.Stats(); s.Repaired != 0 || s.Unjudged != 2 {
		t.Errorf("want nothing judged, have %+v", s)
	}
}

// TestAbsurdComparisons: answers that nobody asked for and requests that make no
// sense change nothing and end in a refusal at most.
func TestAbsurdComparisons(t *testing.T) {
	a, b := pair(t, 5, cachesync.Config{})
	for _, m := range []*cachesync.Message{
		{Kind: cachesync.KindSymbols, Count: 3},
		{Kind: cachesync.KindMended, Count: 7, Piece: &crdt.Snapshot{}},
		{Kind: cachesync.KindMended},
		{Kind: cachesync.KindGiven},
		{Kind: cachesync.KindGiven, Piece: &crdt.Snapshot{Keys: []string{"k"}}},
		{Kind: cachesync.KindMend},
		{Kind: cachesync.KindMend, Piece: &crdt.Snapshot{Keys: []string{"k"}}},
		{Kind: cachesync.KindMend, Piece: &crdt.Snapshot{}, Items: make([]uint64, 100_000)},
		{Kind: cachesync.KindCompare, At: -5, Count: 10},
		{Kind: cachesync.KindCompare, At: at(100_000).UnixMilli(), Count: 1 << 30},
		{Kind: cachesync.KindCompare, At: at(100_000).UnixMilli(), Index: 1 << 30},
	} {
		m.Partition, m.From, m.Region = partition, a.id, "eu"
		if answer := b.Receive(at(1), m); answer != nil && answer.Kind != cachesync.KindRefusal {
			t.Errorf("%v: want a refusal at most, have %v", m, answer)
		}
	}
	a.wantSame(b, at(2))
}

// TestComparisonOfAMovingTarget: writes between the requests of a comparison make
// it begin again, a bounded number of times.
func TestComparisonOfAMovingTarget(t *testing.T) {
	a, b := pair(t, 2000, cachesync.Config{LogBytes: 1 << 30})
	for i := range 400 {
		b.part.Lose(fmt.Sprintf("key:%06d", i*5))
	}
	announce(at(1000), a, b)
	requests := 0
	for now := int64(1000); now < 1100; now++ {
		d := a.write(at(now), fmt.Sprintf("new:%d", now), set("new"))
		b.takes(at(now), a, d)
		req, _ := b.Tick(at(now))
		if req == nil {
			continue
		}
		requests++
		b.Receive(at(now), a.Receive(at(now), req))
	}
	if requests > 60 {
		t.Errorf("want it to give up or come to an end, have %d requests", requests)
	}
	settle(at(2000), a, b)
	announce(at(8000), a, b)
	settle(at(8000), a, b)
	a.wantSame(b, at(8001))
}

// TestRanges: the parts of the items follow each other without gaps.
func TestRanges(t *testing.T) {
	r := cachesync.Range{Seed: 7, Bits: 3}
	var seen []string
	for more := true; more; r, more = r.Next() {
		seen = append(seen, fmt.Sprintf("%0*b", r.Bits, r.Prefix))
	}
	if have, want := strings.Join(seen, " "), "000 001 01 1"; have != want {
		t.Errorf("want %s, have %s", want, have)
	}
	var items []uint64
	for i := range uint64(1000) {
		items = append(items, r.Item(i))
	}
	slices.Sort(items)
	if len(slices.Compact(items)) != 1000 {
		t.Error("want items of different digests to be different")
	}
}
