package crdt

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/atollcache/atoll/crdt/pack"
)

func TestEntriesSurviveARoundTrip(t *testing.T) {
	entries := 0
	eachWorld(t, func(t *testing.T, w *world) {
		for _, r := range w.reps {
			for _, key := range r.p.Keys() {
				entries++
				x := r.p.Entry(key)
				b := AppendEntry(nil, x)
				y, err := DecodeEntry(b)
				if err != nil {
					t.Fatalf("%q: decode %x: %v", key, b, err)
				}
				wantBytes(t, fmt.Sprintf("%q encoded again", key), b, AppendEntry(nil, y))
				wantBytes(t, fmt.Sprintf("%q cloned", key), b, AppendEntry(nil, x.Clone()))
				if y.Size() != x.Size() {
					t.Errorf("%q: want size %d, have %d", key, x.Size(), y.Size())
				}
				if !reflect.DeepEqual(normal(x), normal(y)) {
					t.Errorf("%q:\nwant %+v\nhave %+v", key, normal(x), normal(y))
				}
			}
		}
	})
	if entries < 300 {
		t.Errorf("the generator made %d entries, too few to say anything", entries)
	}
}

// normal returns everything that an entry holds in a form that can be compared,
// in which no list is nil or not by chance.
func normal(x *Entry) map[string]any {
	out := map[string]any{"cut": x.Cut(), "expiries": fmt.Sprint(x.Expiries()), "size": x.Size()}
	if x.x != nil {
		out["mortal"] = fmt.Sprint(x.x.mortal)
	}
	for _, k := range x.kinds() {
		fields := x.fields(k)
		if k == KindString {
			fields = []string{""}
		}
		for _, f := range fields {
			c := x.cell(k, f)
			out[fmt.Sprintf("%v/%q", k, f)] = fmt.Sprint(c.Writes(), c.Contributions())
		}
	}
	return out
}

func TestDeltasSurviveARoundTrip(t *testing.T) {
	ops := map[EffectOp]int{}
	eachWorld(t, func(t *testing.T, w *world) {
		var e Encoder
		var all []*Delta
		for _, r := range w.reps {
			all = append(all, r.log...)
		}
		w.rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		e.Array(len(all))
		for _, d := range all {
			e.Delta(d)
			wantSame(t, "alone", d)
			for _, f := range d.Effects {
				ops[f.Op]++
			}
		}
		d, tag := NewDecoder(e.Append(nil, 77))
		if n := d.Array(MinDeltaBytes); n != len(all) || tag != 77 {
			t.Fatalf("want %d deltas under tag 77, have %d under %d, %v", len(all), n, tag, d.Err())
		}
		for _, want := range all {
			if have := d.Delta(); !sameDelta(want, have) {
				t.Fatalf("in a message:\nwant %+v\nhave %+v, %v", want, have, d.Err())
			}
		}
		if err := d.Done(); err != nil {
			t.Error(err)
		}
	})
	for op := EffectOp(1); op < numEffectOps; op++ {
		if ops[op] == 0 {
			t.Errorf("the generator made no %v", op)
		}
	}
}

func wantSame(t *testing.T, what string, d *Delta) {
	t.Helper()
	have, err := DecodeDelta(AppendDelta(nil, d))
	if err != nil || !sameDelta(d, have) {
		t.Fatalf("%s:\nwant %+v\nhave %+v, %v", what, d, have, err)
	}
}

// sameDelta reports whether both say the same; an empty list may be nil.
func sameDelta(a, b *Delta) bool {
	norm := func(d Delta) Delta {
		if len(d.Deps) == 0 {
			d.Deps = nil
		}
		return d
	}
	return a != nil && b != nil && reflect.DeepEqual(norm(*a), norm(*b))
}

func TestDeltaThatStandsForSeveralWrites(t *testing.T) {
	wantSame(t, "3 to 5", &Delta{
		Dot: Dot{9, 5}, From: 3, Stamp: 1 << 20, Deps: Vector{{2, 1}, {9, 2}}, Requests: []uint64{1 << 63, 0, 4},
		Key: "k", Effects: []Effect{{Op: EffectAdd, Kind: KindString, Start: 1, Sum: Number{-4, 2.5}}},
	})
	wantSame(t, "largest numbers", &Delta{
		Dot: Dot{1<<64 - 1, 1<<64 - 1}, From: 1, Stamp: 1<<64 - 1, Deps: Vector{{1, 1<<64 - 1}},
		Key: strings.Repeat("k", 70000), Effects: []Effect{{Op: EffectExpire, At: MaxMillis}, {Op: EffectCut, Cut: 1}},
	})
}

func TestSettledReplicasHaveEqualBytes(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.settle()
		want := snapshotBytes(&w.reps[0].p)
		for _, r := range w.reps[1:] {
			wantBytes(t, fmt.Sprintf("replica %v", r.id), want, snapshotBytes(&r.p))
		}
		var joined Partition
		for _, r := range w.reps {
			if err := joined.Join(r.p.Snapshot()); err != nil {
				t.Fatal(err)
			}
		}
		wantBytes(t, "joined", want, snapshotBytes(&joined))
	})
}

func TestSnapshotsSurviveARoundTrip(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.reps[0]
		if keys := r.p.Keys(); len(keys) > 2 {
			r.p.horizon = Horizon{r.p.Vector().Clone(), r.p.stamp}
		}
		s := r.p.Snapshot()
		b := AppendSnapshot(nil, s, 0, len(s.Keys))
		whole, err := DecodeSnapshot(b)
		if err != nil {
			t.Fatalf("decode %x: %v", b, err)
		}
		wantBytes(t, "encoded again", b, AppendSnapshot(nil, whole, 0, len(whole.Keys)))
		var parts Snapshot
		for i := range s.Keys {
			part, err := DecodeSnapshot(AppendSnapshot(nil, s, i, i+1))
			if err != nil || !part.Vector.Equal(s.Vector) || !part.Horizon.Equal(s.Horizon) {
				t.Fatalf("part %d: want %v, %v, have %+v, %v", i, s.Vector, s.Horizon, part, err)
			}
			parts.Vector, parts.Horizon, parts.First = part.Vector, part.Horizon, part.First
			parts.Retired, parts.Ended = part.Retired, part.Ended
			parts.Fills, parts.FillsBy = part.Fills, part.FillsBy
			parts.Keys, parts.Entries = append(parts.Keys, part.Keys...), append(parts.Entries, part.Entries...)
		}
		if len(s.Keys) > 0 {
			wantBytes(t, "in parts", b, AppendSnapshot(nil, &parts, 0, len(parts.Keys)))
		}
	})
}

func TestInsertionOrderDoesNotShow(t *testing.T) {
	fields := make([]string, 300)
	for i := range fields {
		fields[i] = fmt.Sprint("field", i)
	}
	build := func(fields []string) *Entry {
		x := &Entry{}
		for _, f := range fields {
			x.change(KindHash, f, func(c *Cell) {
				c.put(Write{Dot{ReplicaID(len(f)), uint64(len(f))}, HLC(len(f)), f})
			})
		}
		return x
	}
	want := AppendEntry([]byte("prefix"), build(fields))
	slices.Reverse(fields)
	wantBytes(t, "reversed", want, AppendEntry([]byte("prefix"), build(fields)))
	if !bytes.HasPrefix(want, []byte("prefix")) {
		t.Errorf("what was there before is gone: %x", want[:10])
	}
	wantBytes(t, "behind other bytes", want[6:], AppendEntry(nil, build(fields)))
}

func TestVectors(t *testing.T) {
	for _, v := range []Vector{nil, {{1, 1}}, {{1, 1}, {2, 1<<64 - 1}, {1<<64 - 1, 128}}} {
		have, err := DecodeVector(AppendVector(nil, v))
		if err != nil || !reflect.DeepEqual(v, have) {
			t.Errorf("%v: have %v, %v", v, have, err)
		}
	}
	big := Vector{}
	for i := range 1000 {
		big = append(big, Dot{ReplicaID(i + 1), uint64(i) + 1})
	}
	if have, err := DecodeVector(AppendVector(nil, big)); err != nil || !have.Equal(big) {
		t.Errorf("1000 replicas: have %d, %v", len(have), err)
	}
}

// TestDepsAsDifferences takes a vector through everything that it can do between
// two deltas, with few and with many replicas.
func TestDepsAsDifferences(t *testing.T) {
	many := Vector{}
	for i := range 2000 {
		many = append(many, Dot{ReplicaID(10 + i), 5})
	}
	for _, deps := range [][]Vector{
		{nil, nil, {{1, 1}}, {{1, 1}}, {{1, 2}}, {{1, 2}, {3, 1}}, {{1, 3}, {2, 1}, {3, 2}}, {{1, 2}, {2, 1}, {3, 2}}, {{3, 2}}, nil},
		{{{1, 1<<64 - 1}}, {{1, 1}}, {{1, 1<<64 - 1}}},
		{many, many, many.Clone().Advance(Dot{10, 6}), many.Clone().Advance(Dot{3, 6}), many.Clone().Advance(Dot{9999, 6}), many[1:]},
	} {
		var e Encoder
		for i, v := range deps {
			e.Delta(&Delta{Dot: Dot{4, uint64(i) + 1}, From: uint64(i) + 1, Stamp: 1, Deps: v})
			e.Delta(&Delta{Dot: Dot{5, 1}, From: 1, Stamp: 1}) // Another origin is another base.
		}
		d, _ := NewDecoder(e.Append(nil, 16))
		for i, v := range deps {
			if have := d.Delta(); have == nil || !have.Deps.Equal(v) {
				t.Fatalf("deps %d: want %.60v, have %.100v, %v", i, v, have, d.Err())
			}
			d.Delta()
		}
		if err := d.Done(); err != nil {
			t.Error(err)
		}
	}
}

func TestMsgpackReadsEverything(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		r := w.reps[0]
		msgs := [][]byte{snapshotBytes(&r.p), AppendVector(nil, r.p.Vector())}
		for _, d := range r.log {
			msgs = append(msgs, AppendDelta(nil, d))
		}
		for _, key := range r.p.Keys() {
			msgs = append(msgs, AppendEntry(nil, r.p.Entry(key)))
		}
		for _, b := range msgs {
			in := bytes.NewReader(b)
			v, err := msgpack.NewDecoder(in).DecodeInterface()
			if err != nil || in.Len() > 0 {
				t.Fatalf("%x: %v, %d bytes left", b, err, in.Len())
			}
			wantBytes(t, "written again", b, appendAny(nil, v))
		}
	})
}

// appendAny writes what msgpack/v5 has read with our writer.
func appendAny(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return pack.AppendNil(b)
	case []byte:
		return pack.AppendString(b, string(v))
	case bool:
		return pack.AppendBool(b, v)
	case float64:
		return pack.AppendFloat(b, v)
	case []any:
		b = pack.AppendArray(b, len(v))
		for _, o := range v {
			b = appendAny(b, o)
		}
		return b
	}
	if n := reflect.ValueOf(v); n.CanInt() {
		return pack.AppendInt(b, n.Int())
	} else {
		return pack.AppendUint(b, n.Uint())
	}
}
