package crdt

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/atollcache/atoll/crdt/pack"
)

// allocated returns the bytes that f allocates.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// checkAllocated checks the promise of [Decoder].
func checkAllocated(t *testing.T, what string, size int, decode func()) {
	t.Helper()
	if have, most := allocated(decode), 64*size+4096; have > most {
		// Somebody else's allocations are counted as well: look again.
		if have = allocated(decode); have > most {
			t.Errorf("%s of %d bytes: want at most %d bytes allocated, have %d", what, size, most, have)
		}
	}
}

// TestDecodingAllocatesLittle tries what costs most in memory for its bytes.
func TestDecodingAllocatesLittle(t *testing.T) {
	const n = 5000
	entryHead := func(tag, fields int, ids int) []byte {
		b := pack.AppendArray(nil, 3+fields)
		b = append(b, 1, byte(tag))
		b = pack.AppendArray(b, ids)
		for i := range ids {
			b = pack.AppendUint(b, uint64(i)+1)
		}
		return b
	}
	repeat := func(b []byte, n int, s string) []byte {
		for range n {
			b = append(b, s...)
		}
		return b
	}
	effects := append(entryHead(3, 1, 1), "\x97\x00\x03\x01\x00\xc0\xc4\x00"...)
	effects = repeat(pack.AppendArray(effects, n), n, "\x91\x01")

	sets := &Snapshot{Vector: Vector{{1, 1}}}
	cuts := &Snapshot{}
	losers, fields, timed, hashes := &Entry{}, &Entry{}, &Entry{}, &Snapshot{Vector: Vector{{1, 1}}}
	expires := func(c *Cell) { c.expire(&Sight{}, Expiry{Dot{1, 1}, 1, 1}) }
	for i := range n {
		timed.change(KindHash, fmt.Sprintf("%02x", i), expires)
		h := &Entry{}
		h.change(KindHash, "", expires)
		hashes.Keys, hashes.Entries = append(hashes.Keys, fmt.Sprintf("%04x", i)), append(hashes.Entries, h)
		x := &Entry{}
		for _, k := range []Kind{KindHash, KindSet, KindZSet} {
			x.change(k, "", func(c *Cell) { c.put(Write{Dot{1, 1}, 1, ""}) })
		}
		sets.Keys, sets.Entries = append(sets.Keys, fmt.Sprintf("%04x", i)), append(sets.Entries, x)
		cuts.Keys, cuts.Entries = append(cuts.Keys, fmt.Sprintf("%04x", i)), append(cuts.Entries, &Entry{x: &extra{cut: 1}})
		losers.str.losersForTest(Write{Dot{1, uint64(i) + 1}, HLC(n - i), ""})
		fields.change(KindHash, fmt.Sprintf("%02x", i), func(c *Cell) {
			c.setSum(Contribution{Replica: 1, Start: 1, N: 1, Stamp: 1})
		})
	}
	many := Vector{}
	for i := range ReplicaID(100) {
		many = append(many, Dot{i + 1, 1})
	}
	var growing, batch, both Encoder
	growing.Array(n)
	batch.Array(n)
	both.Array(1 + n/10)
	both.Delta(&Delta{Dot: Dot{200, 1}, From: 1, Stamp: 1, Deps: many, Effects: clears(10 * n)})
	for i := range uint64(n) {
		growing.Delta(&Delta{Dot: Dot{200, i + 1}, From: i + 1, Stamp: 1, Deps: many})
		many = many.Clone().Advance(Dot{1, i + 2})
		batch.Delta(&Delta{Dot: Dot{200, i + 1}, From: i + 1, Stamp: 1, Key: "k", Effects: []Effect{{Op: EffectClear}}})
	}
	for i := range uint64(n / 10) {
		both.Delta(&Delta{Dot: Dot{200, i + 2}, From: i + 2, Stamp: 1, Deps: many})
		many = many.Clone().Advance(Dot{1, i + 2*n})
	}
	ids := pack.AppendArray([]byte{0x94, 1, byte(TagDelta)}, n)
	ids = repeat(ids, n, "\x01")
	ids = append(pack.AppendUint(append(ids, 0x97), n-1), "\x03\x01\x00\xc0\xc4\x00\x90"...)

	for name, b := range map[string][]byte{
		"effects": effects, "losers": AppendEntry(nil, losers), "counters": AppendEntry(nil, fields),
		"fields that expire": AppendEntry(nil, timed), "hashes whose field expires": AppendSnapshot(nil, hashes, 0, n),
		"sets": AppendSnapshot(nil, sets, 0, n), "cuts": AppendSnapshot(nil, cuts, 0, n),
		"growing deps": growing.Append(nil, 16), "effects and growing deps": both.Append(nil, 16), "batch": batch.Append(nil, 16), "replicas": ids,
		"arrays that are not there": append(entryHead(2, 1, 1), 0x92, 0xc0, 0x92, 2, 0xdd, 0, 0, 0xff, 0xfe),
	} {
		var err error
		checkAllocated(t, name, len(b), func() { err = decodeAll(b) })
		if (err != nil) != (name == "arrays that are not there") {
			t.Errorf("%s: %v", name, err)
		}
		// The same with a body cut short: counts promise what does not come.
		checkAllocated(t, name+", cut short", len(b)/2, func() { err = decodeAll(b[:len(b)/2]) })
		if err == nil {
			t.Errorf("%s cut short: want an error", name)
		}
	}
	if d := growing.Len() / n; d > 100 {
		t.Errorf("100 deps of which one grows: want at most 100 bytes a delta, have %d", d)
	}
}

// TestListsThatAreNotThere announces lists as long as the message's rest allows
// by its bytes, and then holds something else.
func TestListsThatAreNotThere(t *testing.T) {
	const n = 115_000 // Cells of which half as many just double a map.
	const entry, delta = "94 01 02 91 07 ", "94 01 03 91 07 97 00 03 01 00 "
	for name, head := range map[string]string{
		"table":    "94 01 01",
		"vector":   "94 01 01 91 07",
		"writes":   entry + "91 91",
		"sums":     entry + "91 92 90",
		"sections": entry + "92 c0",
		"cells":    entry + "92 c0 92 02",
		"expiries": entry + "93 c0 90",
		"mortal":   entry + "94 91 95 00 03 02 00 c400 90 90",
		"deps":     delta,
		"effects":  delta + "c0 c400",
		"seen":     delta + "c0 c400 91 92 01",
		"requests": "94 01 03 91 07 99 00 03 01 00 c0 c400 90 00",
		"keys":     "96 01 04 91 07 90 90",
	} {
		for _, filler := range []byte{0x00, 0x90, 0xc0} {
			b := pack.AppendArray(unhex(t, head), n)
			for range n {
				b = append(b, filler)
			}
			var err error
			checkAllocated(t, fmt.Sprintf("%s of %x", name, filler), len(b), func() { err = decodeAll(b) })
			if err == nil && name != "requests" { // A request may be zero.
				t.Errorf("%s of %x: want an error", name, filler)
			}
		}
	}
}

func clears(n int) []Effect {
	out := make([]Effect, n)
	for i := range out {
		out[i].Op = EffectClear
	}
	return out
}

func (c *Cell) losersForTest(w Write) {
	if c.write.Dot.IsZero() {
		c.write = w
		return
	}
	c.ensureRare().losers = append(c.losers(), w)
}

// decodeAll decodes a message of this package, or one of deltas.
func decodeAll(b []byte) error {
	d, tag := NewDecoder(b)
	switch tag {
	case TagVector:
		d.Vector()
	case TagEntry:
		d.Entry()
	case TagDelta:
		d.Delta()
	case TagSnapshot:
		d.Snapshot()
	case TagHead:
		_, err := DecodeHead(b)
		return err
	case TagPatch:
		_, err := DecodePatch(b)
		return err
	default:
		if d.Array(MinDeltaBytes); d.Err() == nil {
			for d.More() && d.Delta() != nil {
			}
		}
	}
	return d.Done()
}

func TestBatchesAreSmallAndCostNoMemory(t *testing.T) {
	const n, perKey, perValue = 64, 12, 40
	origin := Dot{0xfedcba9876543210, 1 << 33}
	deps := Vector{{0x123456789abcdef0, 1 << 40}, {0xfedcba9876543211, 77}}
	var deltas []*Delta
	value := fmt.Sprintf("%0*d", perValue, 7)
	for i := range n {
		origin.N++
		d := &Delta{Dot: origin, From: origin.N, Stamp: StampAt(1_700_000_000_000 + int64(i)*20), Deps: deps,
			Key: fmt.Sprintf("%0*d", perKey, i), Effects: []Effect{
				{Op: EffectClear}, {Op: EffectPut, Kind: KindString, Value: value}}}
		deltas = append(deltas, d)
	}
	var e Encoder
	var out []byte
	encode := func() {
		e.Reset()
		e.Array(n)
		for _, d := range deltas {
			e.Delta(d)
		}
		out = e.Append(out[:0], 16)
	}
	if allocs := testing.AllocsPerRun(20, encode); allocs != 0 {
		t.Errorf("encoding %d deltas: want no allocations, have %v", n, allocs)
	}
	e.Reset()
	e.Delta(deltas[0])
	head := len(e.Append(nil, 16))
	if have, want := (len(out)-head)/(n-1), perKey+perValue+16; have > want {
		t.Errorf("an overwriting SET in a batch: want at most %d bytes, have %d", want, have)
	}
	for _, d := range deltas {
		d.Effects = d.Effects[1:]
	}
	encode()
	if have, want := (len(out)-head)/(n-1), perKey+perValue+14; have > want {
		t.Errorf("a SET in a batch: want at most %d bytes, have %d", want, have)
	}
}

func TestManyReplicasCostNoMemory(t *testing.T) {
	var e Encoder
	var out []byte
	var v Vector
	for i := range ReplicaID(40) {
		v = append(v, Dot{i + 1, math.MaxUint64})
	}
	allocs := testing.AllocsPerRun(20, func() {
		e.Reset()
		e.Vector(v)
		e.Delta(&Delta{Dot: Dot{50, 1}, From: 1, Stamp: 1, Deps: v, Key: "k"})
		out = e.Append(out[:0], 16)
	})
	if allocs > 1 { // The delta itself.
		t.Errorf("want at most 1 allocation, have %v", allocs)
	}
}

func BenchmarkEncodeDelta(b *testing.B) {
	var e Encoder
	d := &Delta{Dot: Dot{7, 1}, From: 1, Stamp: StampAt(1_700_000_000_000), Deps: Vector{{1, 5}, {2, 6}},
		Key: "user:1234", Effects: []Effect{{Op: EffectClear}, {Op: EffectPut, Kind: KindString, Value: "value"}}}
	for i := range b.N {
		if i%64 == 0 {
			e.Reset()
		}
		e.Delta(d)
	}
}

func BenchmarkDecodeDelta(b *testing.B) {
	var e Encoder
	e.Delta(&Delta{Dot: Dot{7, 1}, From: 1, Stamp: StampAt(1_700_000_000_000), Deps: Vector{{1, 5}, {2, 6}},
		Key: "user:1234", Effects: []Effect{{Op: EffectClear}, {Op: EffectPut, Kind: KindString, Value: "value"}}})
	in := e.Append(nil, 16)
	var d Decoder
	b.ReportAllocs()
	for range b.N {
		if d.Reset(in); d.Delta() == nil {
			b.Fatal(d.Err())
		}
	}
}
