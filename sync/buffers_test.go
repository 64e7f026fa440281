package sync_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// write makes a delta of a size that is easy to count with.
func plain(r crdt.ReplicaID, n uint64, key string) *crdt.Delta {
	return &crdt.Delta{Dot: dot(r, n), From: n, Key: key, Stamp: crdt.StampAt(1)}
}

func numbers(ds []*crdt.Delta) (out []uint64) {
	for _, d := range ds {
		out = append(out, d.Dot.N)
	}
	return out
}

// logged returns how many bytes a log takes for deltas that are alone in their segments,
// the last of which is not closed.
func logged(ds ...*crdt.Delta) (n int) {
	for i, d := range ds {
		var e crdt.Encoder
		if e.Delta(d); i == len(ds)-1 {
			return n + e.Len()
		}
		n += len(e.Append(nil, 0))
	}
	return n
}

func TestDeltaLog(t *testing.T) {
	size, most := plain(1, 1, "k").Size(), logged(plain(1, 3, "k"), plain(1, 4, "k"), plain(1, 5, "k"))
	l := cachesync.NewDeltaLog(most)
	for n := range uint64(5) {
		l.Add(plain(1, n+1, "k"))
	}
	if l.Bytes() != most || l.Dropped().Get(1) != 2 {
		t.Errorf("5 deltas, room for 3: want %d bytes and 2 dropped, have %d and %v", most, l.Bytes(), l.Dropped())
	}
	for _, c := range []struct {
		have  uint64
		limit int
		want  []uint64
		ok    bool
	}{
		{0, 1 << 20, nil, false},
		{1, 1 << 20, nil, false},
		{2, 1 << 20, []uint64{3, 4, 5}, true},
		{2, 2 * size, []uint64{3, 4}, true},
		{2, 1, []uint64{3}, true},
		{4, 1 << 20, []uint64{5}, true},
		{5, 1 << 20, nil, true},
		{9, 1 << 20, nil, true},
	} {
		ds, ok := l.After(crdt.Vector{dot(1, c.have)}, c.limit)
		if have := numbers(ds); ok != c.ok || !slices.Equal(have, c.want) {
			t.Errorf("after %d up to %d bytes: want %v %v, have %v %v", c.have, c.limit, c.want, c.ok, have, ok)
		}
	}
	if _, ok := l.After(nil, 1<<20); ok {
		t.Error("for a peer that has nothing: want the log too short, have it long enough")
	}
}

func TestDeltaLogKeepsTheNewest(t *testing.T) {
	l := cachesync.NewDeltaLog(1)
	l.Add(plain(1, 1, "k"))
	l.Add(plain(1, 2, "a key that alone is above the limit"))
	if ds, ok := l.After(crdt.Vector{dot(1, 1)}, 1); !ok || len(ds) != 1 {
		t.Errorf("log of one byte: want its newest delta, have %v %v", ds, ok)
	}
}

// TestLimitLog: what a log of an engine has too much of when less is allowed goes at once,
// and who missed that needs a snapshot; what is allowed later is not there by that.
func TestLimitLog(t *testing.T) {
	h := newHolder(t, 1, "eu", cachesync.Config{})
	write := func(times int) {
		for range times {
			h.write(at(0), "k", func(m *crdt.Mutator) error {
				m.Set(strings.Repeat("v", 1000), crdt.Never)
				return nil
			})
		}
	}
	write(10)
	full := h.Stats().LogBytes
	half := full/2 + 100 // Each has a segment of its own then, which takes a little more.
	h.LimitLog(half)
	if have := h.Stats().LogBytes; have > half || have < full/4 {
		t.Errorf("ten deltas of %d bytes, %d of that allowed: have %d bytes", full, half, have)
	}
	if n := len(h.History("k")); n != 5 {
		t.Errorf("want the newest 5 deltas left, have %d", n)
	}
	h.LimitLog(0)
	if n := len(h.History("k")); n != 1 {
		t.Errorf("nothing allowed: want the newest delta left, have %d", n)
	}
	h.LimitLog(full)
	write(20)
	if have := h.Stats().LogBytes; have > full || have < full*3/4 {
		t.Errorf("%d bytes allowed again: have %d", full, have)
	}
}

func TestDeltaLogSkipTo(t *testing.T) {
	l := cachesync.NewDeltaLog(1 << 20)
	l.Add(plain(1, 1, "k"))
	l.Add(plain(2, 1, "k"))
	l.Add(plain(1, 2, "l"))
	l.SkipTo(crdt.Vector{dot(1, 7)})
	if _, ok := l.After(crdt.Vector{dot(1, 2)}, 1<<20); ok {
		t.Error("a peer at 2, 3 to 7 learnt by snapshot: want the log too short, have it long enough")
	}
	ds, ok := l.After(crdt.Vector{dot(1, 7)}, 1<<20)
	if !ok || len(ds) != 1 || ds[0].Dot != dot(2, 1) {
		t.Errorf("a peer at 7: want the other origin's delta, have %v %v", ds, ok)
	}
	if want := logged(plain(2, 1, "k")); l.Bytes() != want {
		t.Errorf("want %d bytes left, have %d", want, l.Bytes())
	}
	if h := l.History("k"); len(h) != 1 || h[0].Dot != dot(2, 1) {
		t.Errorf("history of k: want one delta, have %v", h)
	}
}

// TestDeltaLogSegments: whatever the sizes of deltas and of the log, it is bounded, and gives
// of what it has what a peer lacks, each delta as it was logged.
func TestDeltaLogSegments(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		limit := []int{1, 100, 2000, 100_000}[r.IntN(4)]
		l := cachesync.NewDeltaLog(limit)
		var all []*crdt.Delta
		seen := crdt.Vector{}
		for range 300 {
			origin := crdt.ReplicaID(r.IntN(3) + 1)
			d := &crdt.Delta{Dot: dot(origin, seen.Get(origin)+1), From: seen.Get(origin) + 1, Stamp: crdt.StampAt(int64(len(all) + 1)),
				Key: fmt.Sprint("k", r.IntN(20)), Deps: seen.Without(origin)}
			d.Effects = []crdt.Effect{{Op: crdt.EffectClear}, {Op: crdt.EffectPut, Kind: crdt.KindString, Value: strings.Repeat("v", r.IntN(100)*r.IntN(100))}}
			if r.IntN(10) == 0 {
				d.Requests = []uint64{r.Uint64()}
			}
			seen = seen.Advance(d.Dot)
			all = append(all, d)
			l.Add(d)
			if most := max(limit, len(crdt.AppendDelta(nil, d))); l.Bytes() > most {
				t.Fatalf("seed %d: want at most %d bytes, have %d", seed, most, l.Bytes())
			}
		}
		have := l.Dropped().Join(crdt.Vector{dot(1, uint64(r.IntN(100)))}) // A peer that has seen so much.
		kept := slices.DeleteFunc(slices.Clone(all), func(d *crdt.Delta) bool { return have.Covers(d.Dot) })
		if ds, ok := l.After(have, 1<<30); !ok || len(ds)+len(kept) > 0 && !reflect.DeepEqual(ds, kept) {
			t.Fatalf("seed %d: for a peer that has %v: want %d deltas, have %d, %t, or others", seed, have, len(kept), len(ds), ok)
		}
		inLog := slices.DeleteFunc(slices.Clone(all), func(d *crdt.Delta) bool { return d.Key != "k7" || l.Dropped().Covers(d.Dot) })
		if h := l.History("k7"); len(h)+len(inLog) > 0 && !reflect.DeepEqual(h, inLog) {
			t.Fatalf("seed %d: history: want %d deltas, have %d, or others", seed, len(inLog), len(h))
		}
	}
}

// TestDeltaLogCost: what is logged and dropped again takes nothing from memory in the long run.
func TestDeltaLogCost(t *testing.T) {
	l := cachesync.NewDeltaLog(1 << 20)
	d := plain(1, 1, "key")
	add := func() {
		d.Dot.N, d.From = d.Dot.N+1, d.From+1
		l.Add(d)
	}
	for l.Dropped() == nil {
		add()
	}
	if have := testing.AllocsPerRun(100_000, add); have >= 1 {
		t.Errorf("want less than an allocation for each delta, have %v", have)
	}
}

func TestHoldback(t *testing.T) {
	size := plain(1, 1, "k").Size()
	h := cachesync.NewHoldback(3 * size)
	for _, n := range []uint64{4, 2, 3, 2, 4} { // two of them twice
		if !h.Add(at(0), plain(1, n, "k")) {
			t.Errorf("add %d: want it kept, have it dropped", n)
		}
	}
	if h.Bytes() != 3*size {
		t.Errorf("three deltas, two of them twice: want %d bytes, have %d", 3*size, h.Bytes())
	}
	if h.Add(at(0), plain(2, 9, "k")) {
		t.Error("a fourth where three fit: want it dropped, have it kept")
	}
	if have := h.Heads(); !have.Equal(crdt.Vector{dot(1, 4)}) {
		t.Errorf("heads: want 1#4, have %v", have)
	}
	if d := h.Take(at(0), nil); d != nil {
		t.Errorf("nothing applied yet: want nothing ready, have %v", d.Dot)
	}
	seen := crdt.Vector{dot(1, 2)} // the second has come by another way
	for _, want := range []uint64{3, 4} {
		d := h.Take(at(0), seen)
		if d == nil || d.Dot.N != want {
			t.Fatalf("at %v: want %d, have %v", seen, want, d)
		}
		seen = seen.Advance(d.Dot)
	}
	if d := h.Take(at(0), seen); d != nil || !h.Empty() || h.Bytes() != 0 {
		t.Errorf("all taken: want it empty, have %v and %d bytes", d, h.Bytes())
	}
}

func TestHoldbackExpires(t *testing.T) {
	h := cachesync.NewHoldback(1 << 20)
	h.Add(at(0), plain(1, 5, "k"))
	h.Add(at(0), plain(2, 1, "k"))
	h.Add(at(50), plain(2, 2, "k"))
	h.Add(at(90), plain(1, 6, "k"))
	if d := h.Take(at(60), nil); d == nil || d.Dot != dot(2, 1) {
		t.Fatalf("want 2#1 ready, have %v", d)
	}
	if n := h.Expire(at(99), 100*ms); n != 0 {
		t.Errorf("before its time: want nothing given up, have %d", n)
	}
	if n := h.Expire(at(100), 100*ms); n != 2 {
		t.Errorf("an origin that does not get on for 100 ms: want its 2 deltas given up, have %d", n)
	}
	if have := h.Heads(); !have.Equal(crdt.Vector{dot(2, 2)}) {
		t.Errorf("the origin that got on at 60: want 2#2 still held, have %v", have)
	}
	if h.Expire(at(160), 100*ms); !h.Empty() || h.Bytes() != 0 {
		t.Errorf("all expired: want it empty, have %d bytes", h.Bytes())
	}
}

func TestQueue(t *testing.T) {
	size := plain(1, 1, "k").Size()
	q := cachesync.NewQueue(3 * size)
	dropped := 0
	for n := range uint64(5) {
		dropped += q.Add(plain(1, n+1, "k"))
	}
	if dropped != 2 || q.Bytes() != 3*size {
		t.Errorf("5 deltas, room for 3: want 2 dropped and %d bytes, have %d and %d", 3*size, dropped, q.Bytes())
	}
	for _, want := range [][]uint64{{3, 4}, {5}, nil} {
		if have := numbers(q.Take(2 * size)); !slices.Equal(have, want) {
			t.Errorf("take up to two: want %v, have %v", want, have)
		}
	}
	if q.Add(plain(1, 6, "a key that alone is far above the limit of this queue, by its length already"+string(make([]byte, 3*size)))) != 0 {
		t.Error("one delta above the limit: want it kept, have it dropped")
	}
	if ds := q.Take(1); len(ds) != 1 || q.Bytes() != 0 {
		t.Errorf("one delta above a message's limit: want it alone, have %d and %d bytes left", len(ds), q.Bytes())
	}
}

func TestRequests(t *testing.T) {
	r := cachesync.NewRequests(3)
	for id := uint64(1); id <= 3; id++ {
		r.Add(id)
	}
	r.Add(1) // again: it is no newer for that
	r.Add(4)
	for id, want := range map[uint64]bool{1: false, 2: true, 3: true, 4: true, 5: false} {
		if have := r.Has(id); have != want {
			t.Errorf("request %d: want known %v, have %v", id, want, have)
		}
	}
	for id := uint64(100); id < 1000; id++ {
		r.Add(id)
	}
	if r.Len() != 3 || !r.Has(997) || r.Has(996) {
		t.Errorf("a ring of 3: want the last 3, have %d", r.Len())
	}
}

func TestConfig(t *testing.T) {
	if have, want := (cachesync.Config{}).WithDefaults(), cachesync.DefaultConfig(); have != want {
		t.Errorf("zero config: want the defaults %+v, have %+v", want, have)
	}
	own := cachesync.Config{
		LogBytes: 1, HoldBytes: 2, HoldFor: 3, BatchBytes: 4, QueueBytes: 5, MaxSkew: 6, AnnounceAfter: 7,
		AnnounceEvery: 8, PullAfter: 9, PullTimeout: 10, Snapshots: 11, SnapshotIdle: 12, Requests: 13, Peers: 14,
		CompareWithin: 15, HorizonFor: 16, HorizonBytes: 17, HorizonLeast: 18, ExpireKeys: 19, Misses: 21, FillFor: 22, FillLead: 23, RetireAfter: 20,
	}
	if have := own.WithDefaults(); have != own {
		t.Errorf("full config: want it unchanged, have %+v", have)
	}
	for _, c := range []struct {
		what   string
		cfg    cachesync.Config
		wanted bool
	}{
		{"zero", cachesync.Config{}, true},
		{"defaults", cachesync.DefaultConfig(), true},
		{"LogBytes -1", cachesync.Config{LogBytes: -1}, false},
		{"Peers -1", cachesync.Config{Peers: -1}, false},
		{"HoldFor -1", cachesync.Config{HoldFor: -1}, false},
		{"MaxSkew -1", cachesync.Config{MaxSkew: -1}, false},
		{"beats the wrong way round", cachesync.Config{AnnounceAfter: time.Minute}, false},
	} {
		if err := c.cfg.Validate(); (err == nil) != c.wanted {
			t.Errorf("%s: want valid %v, have %v", c.what, c.wanted, err)
		}
	}
	two := cachesync.Config{LogBytes: -1, Peers: -1, PullAfter: -1}
	for range 20 {
		if have, want := two.Validate().Error(), "sync config: LogBytes is -1, want at least 0"; have != want {
			t.Fatalf("three bad fields: want the first, %q, have %q", want, have)
		}
	}
}
