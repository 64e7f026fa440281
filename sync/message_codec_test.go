package sync_test

import (
	"bytes"
	"errors"
	"reflect"
	"runtime"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// samples returns a message of every kind, made by engines.
func samples(t testing.TB) []*cachesync.Message {
	t.Helper()
	a, b := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "us", cachesync.Config{})
	a.incr(at(0), "k")
	b.incr(at(1), "k")
	b.Receive(at(2), a.Next())
	b.incr(at(3), "k")
	deltas := b.Next()
	heads := b.Heads(at(10_000))
	pull := &cachesync.Message{Kind: cachesync.KindPull, Partition: 7, From: 3, Region: "ap", Vector: a.Vector().Clone()}
	answer := b.Receive(at(11_000), pull)
	fetch := &cachesync.Message{Kind: cachesync.KindFetch, Partition: 7, From: 3, Region: "ap"}
	piece := b.Receive(at(12_000), fetch)
	refusal := b.Receive(at(13_000), &cachesync.Message{Kind: cachesync.KindFetch, From: 3, Session: 99, Index: 5})
	later := &cachesync.Message{Kind: cachesync.KindFetch, Partition: 7, From: 3, Region: "ap", Session: 4, Index: 2}
	unmet := *piece
	unmet.Unmet = a.Vector().Clone()
	out := []*cachesync.Message{deltas, heads, pull, answer, fetch, piece, refusal, later, &unmet}
	for i, m := range out {
		if m == nil {
			t.Fatalf("sample %d is missing", i)
		}
	}
	return out
}

func TestMessagesSurviveTheWire(t *testing.T) {
	for _, m := range samples(t) {
		sent := cachesync.Encode(m)
		if !cachesync.IsMessage(sent) {
			t.Errorf("%v: is not taken for a message", m)
		}
		got, err := cachesync.Decode(sent)
		if err != nil || len(got) != 1 {
			t.Fatalf("%v: %d messages, %v", m, len(got), err)
		}
		if want, have := m.String(), got[0].String(); have != want {
			t.Errorf("want %s, have %s", want, have)
		}
		if again := cachesync.Encode(got[0]); !bytes.Equal(again, sent) {
			t.Errorf("%v: encoded again it is %x, was %x", m, again, sent)
		}
		if got[0].Partition != m.Partition || got[0].Clock != m.Clock || got[0].Answer != m.Answer ||
			got[0].Truncated != m.Truncated || got[0].Last != m.Last || !got[0].Vector.Equal(m.Vector) {
			t.Errorf("want %+v, have %+v", m, got[0])
		}
	}
}

func TestHeadsOfManyPartitionsAreOneMessage(t *testing.T) {
	var heads []*cachesync.Message
	for p := range 256 {
		heads = append(heads, &cachesync.Message{
			Kind: cachesync.KindHeads, Partition: region.Partition(p), From: 1, Region: "eu",
			Vector: crdt.Vector{dot(1, uint64(p+1)), dot(2, 70000)}, Clock: crdt.StampAt(1_700_000_000_000),
		})
	}
	msg := cachesync.EncodeHeads(heads)
	if most := 256 * 32; len(msg) > most {
		t.Errorf("256 heads of two replicas: want at most %d bytes, have %d", most, len(msg))
	}
	got, err := cachesync.Decode(msg)
	if err != nil || len(got) != len(heads) {
		t.Fatalf("want %d heads, have %d, %v", len(heads), len(got), err)
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], heads[i]) {
			t.Errorf("heads %d: want %+v, have %+v", i, heads[i], got[i])
		}
	}
}

// TestHeadsSayWhatIsRetired: beside what is kept and without it. Who does not know of the
// field reads the same of the others.
func TestHeadsSayWhatIsRetired(t *testing.T) {
	v := crdt.Vector{dot(1, 3), dot(2, 70000)}
	for _, m := range []*cachesync.Message{
		{Retired: crdt.Vector{dot(3, 4)}},
		{Retired: crdt.Vector{dot(3, 4)}, Keeps: true, Kept: crdt.Vector{dot(1, 2)}},
		{Keeps: true, Kept: crdt.Vector{dot(1, 2)}},
	} {
		m.Kind, m.Partition, m.From, m.Region, m.Vector, m.Clock = cachesync.KindHeads, 7, 1, "eu", v, crdt.StampAt(1000)
		got, err := cachesync.Decode(cachesync.Encode(m))
		if err != nil || len(got) != 1 || !reflect.DeepEqual(got[0], m) {
			t.Errorf("want %+v, have %+v, %v", m, got, err)
		}
	}
}

func TestDeltasOfManyPartitionsAreOneMessage(t *testing.T) {
	var want []*cachesync.Message
	for p := range 4 {
		h := newHolder(t, 1, "eu", cachesync.Config{})
		h.incr(at(int64(p)), "k")
		m := h.Next()
		m.Partition = region.Partition(p)
		want = append(want, m)
	}
	msg := cachesync.EncodeDeltas(want)
	got, err := cachesync.Decode(msg)
	if err != nil || len(got) != len(want) {
		t.Fatalf("want %d messages, have %d, %v", len(want), len(got), err)
	}
	for i := range got {
		if want, have := cachesync.Encode(want[i]), cachesync.Encode(got[i]); !bytes.Equal(want, have) {
			t.Errorf("message %d: want %x, have %x", i, want, have)
		}
	}
	empty := *want[1]
	empty.Deltas = nil
	if ms, err := cachesync.Decode(cachesync.EncodeDeltas([]*cachesync.Message{want[0], &empty})); !errors.Is(err, cachesync.ErrMessage) {
		t.Errorf("a partition without deltas: want %v, have %v, %v", cachesync.ErrMessage, ms, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := cachesync.Encode(samples(t)[0])
	for what, b := range map[string][]byte{
		"nothing":           nil,
		"one byte":          {0x93},
		"another tag":       crdt.AppendVector(nil, crdt.Vector{dot(1, 1)}),
		"cut in the middle": good[:len(good)/2],
		"bytes behind":      append(bytes.Clone(good), 0),
	} {
		if ms, err := cachesync.Decode(b); !errors.Is(err, cachesync.ErrMessage) || ms != nil {
			t.Errorf("%s: want %v, have %v, %v", what, cachesync.ErrMessage, ms, err)
		}
	}
}

// FuzzDecode: whatever arrives, decoding does not panic or allocate more than a
// small multiple of it, and what it takes it can write again.
func FuzzDecode(f *testing.F) {
	for _, m := range samples(f) {
		f.Add(cachesync.Encode(m))
	}
	deltas := samples(f)[0]
	f.Add(cachesync.EncodeDeltas([]*cachesync.Message{deltas, deltas}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		ms, err := cachesync.Decode(b)
		runtime.ReadMemStats(&after)
		if used, most := after.TotalAlloc-before.TotalAlloc, uint64(300*len(b)+64<<10); used > most {
			t.Errorf("%d bytes: want at most %d bytes allocated, have %d", len(b), most, used)
		}
		if err != nil {
			if !errors.Is(err, cachesync.ErrMessage) {
				t.Errorf("want %v, have %v", cachesync.ErrMessage, err)
			}
			return
		}
		for _, m := range ms {
			if again, err := cachesync.Decode(cachesync.Encode(m)); err != nil || len(again) != 1 || again[0].String() != m.String() {
				t.Errorf("%v: encoded again it reads %v, %v", m, again, err)
			}
		}
	})
}
