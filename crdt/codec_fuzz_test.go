package crdt

import (
	"bytes"
	"errors"
	"testing"
)

// addSeeds gives a fuzzer messages of one tag: the examples of the format and
// those of a few worlds.
func addSeeds(f *testing.F, tag uint8) {
	add := func(b []byte) {
		if _, t := NewDecoder(b); t == tag {
			f.Add(b)
		}
	}
	for _, b := range wireExamples() {
		add(b)
	}
	for seed := range uint64(4) {
		w := newWorld(seed, 3)
		w.run(60)
		r := w.reps[0]
		add(snapshotBytes(&r.p))
		add(AppendVector(nil, r.p.Vector()))
		add(AppendHead(nil, r.p.head()))
		for _, d := range r.log {
			add(AppendDelta(nil, d))
		}
		for _, key := range r.p.Keys() {
			add(AppendEntry(nil, r.p.Entry(key)))
		}
	}
}

// fuzz checks what decoding promises of any bytes: an error of the right kind or
// a value; little memory; and a value that is encoded decodes to the same.
func fuzz(f *testing.F, tag uint8) {
	addSeeds(f, tag)
	f.Fuzz(func(t *testing.T, in []byte) {
		kept := bytes.Clone(in)
		var err error
		checkAllocated(t, "decoding", len(in), func() { err = decodeAll(in) })
		if !bytes.Equal(kept, in) {
			t.Fatal("the message was changed")
		}
		if err != nil {
			if errors.Is(err, ErrCodec) == errors.Is(err, ErrUnknown) {
				t.Fatalf("want %v or %v, have %v", ErrCodec, ErrUnknown, err)
			}
			return
		}
		if _, have := NewDecoder(in); have != tag {
			return
		}
		once, err := decodeAny(in)
		if err != nil {
			return // A table that is not in order is legal only inside other messages.
		}
		twice, err := decodeAny(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("decoded and encoded twice:\nonce  %x\ntwice %x\n%v", once, twice, err)
		}
		use(t, in, tag)
	})
}

// use does with a decoded value what the rest of the package does, which must
// get along with it.
func use(t *testing.T, in []byte, tag uint8) {
	switch tag {
	case TagDelta:
		d, _ := DecodeDelta(in)
		w := newWorld(1, 3)
		w.run(30)
		x := w.reps[0].p.Entry("a").cloneOrNew()
		x.Apply(d)
		x.Apply(d)
		checkEntry(t, x)
	case TagEntry:
		x, _ := DecodeEntry(in)
		checkEntry(t, x)
	case TagPatch:
		p, _ := DecodePatch(in)
		w := newWorld(1, 3)
		w.run(30)
		x := w.reps[0].p.Entry("a").cloneOrNew()
		x.Patch(p)
		once := AppendEntry(nil, x)
		if x.Patch(p); !bytes.Equal(once, AppendEntry(nil, x)) {
			t.Fatal("patched twice: want the same again")
		}
		x.View(5).Version()
	case TagSnapshot:
		s, _ := DecodeSnapshot(in)
		var p Partition
		if err := p.Join(s); err != nil {
			t.Fatalf("join into nothing: %v", err)
		}
		before := snapshotBytes(&p)
		if err := p.Join(p.Snapshot()); err != nil || !bytes.Equal(before, snapshotBytes(&p)) {
			t.Fatalf("join with itself: %v", err)
		}
	}
}

func (e *Entry) cloneOrNew() *Entry {
	if e == nil {
		return &Entry{}
	}
	return e.Clone()
}

// checkEntry checks that an entry keeps the package's rules: it decodes, its
// size is right, and it can be looked at.
func checkEntry(t *testing.T, x *Entry) {
	t.Helper()
	y, err := DecodeEntry(AppendEntry(nil, x))
	if err != nil || y.Size() != x.Size() {
		t.Fatalf("encoded and decoded: want size %d, have %v, %v", x.Size(), y, err)
	}
	if a, b := x.AppendLive(nil, "k", 5), y.AppendLive(nil, "k", 5); !bytes.Equal(a, b) {
		t.Fatalf("live form: want %x, have %x", a, b)
	}
}

func FuzzDecodeEntry(f *testing.F) { fuzz(f, TagEntry) }

func FuzzDecodeDelta(f *testing.F) { fuzz(f, TagDelta) }

func FuzzDecodeSnapshot(f *testing.F) { fuzz(f, TagSnapshot) }

func FuzzDecodePatch(f *testing.F) { fuzz(f, TagPatch) }

func FuzzDecodeHead(f *testing.F) { fuzz(f, TagHead) }

func FuzzDecodeVector(f *testing.F) { fuzz(f, TagVector) }

// FuzzDecodeBatch decodes messages of many deltas, each written as a difference.
func FuzzDecodeBatch(f *testing.F) {
	for seed := range uint64(4) {
		w := newWorld(seed, 3)
		w.run(60)
		var all []*Delta
		for _, r := range w.reps {
			all = append(all, r.log[:min(8, len(r.log))]...)
		}
		f.Add(encodeBatch(all))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var all []*Delta
		checkAllocated(t, "decoding", len(in), func() { decodeAll(in) })
		d, _ := NewDecoder(in)
		for range d.Array(MinDeltaBytes) {
			if one := d.Delta(); one != nil {
				all = append(all, one)
			}
		}
		if d.Done() != nil {
			return
		}
		once := encodeBatch(all)
		d.Reset(once)
		for i := range d.Array(MinDeltaBytes) {
			if have := d.Delta(); !sameDelta(all[i], have) {
				t.Fatalf("delta %d:\nwant %+v\nhave %+v, %v", i, all[i], have, d.Err())
			}
		}
	})
}

func encodeBatch(ds []*Delta) []byte {
	var e Encoder
	e.Array(len(ds))
	for _, d := range ds {
		e.Delta(d)
	}
	return e.Append(nil, 16)
}
