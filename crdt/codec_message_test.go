package crdt

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt/pack"
)

func TestMessageFields(t *testing.T) {
	var e Encoder
	write := func() {
		e.Uint(1 << 40)
		e.Array(3)
		e.Int(-5)
		e.Array(2)
		e.Text("region")
		e.Bool(true)
		e.Nil()
		e.Array(0)
		e.Replica(70)
		e.Array(1)
		e.Dot(Dot{3, 9})
		e.Dot(Dot{})
		e.Vector(Vector{{3, 1}, {70, 2}})
		e.Float(1.5)
		e.String("key")
		e.Entry(nil)
	}
	write()
	first := e.Append(nil, 200)
	e.Reset()
	write()
	b := e.Append([]byte("x"), 200)[1:]
	wantBytes(t, "after Reset", first, b)

	d, tag := NewDecoder(b)
	ok := tag == 200 && d.Uint() == 1<<40 && d.Array(1) == 3 && d.Int() == -5
	rec := d.Record()
	ok = ok && rec.More() && string(d.Bytes()) == "region" && rec.More() && d.Bool() && !rec.More()
	ok = ok && d.Nil() && d.Array(1) == 0 && d.Replica() == 70
	ok = ok && d.Array(1) == 1 && d.Dot() == Dot{3, 9} && d.Dot() == Dot{} && d.Vector().Equal(Vector{{3, 1}, {70, 2}})
	ok = ok && d.More() && d.Float() == 1.5 && d.String() == "key" && d.Entry().IsEmpty() && !d.More()
	if err := d.Done(); err != nil || !ok {
		t.Errorf("%x: want what was written, have ok %v, %v", b, ok, err)
	}
}

// TestResetForgets uses one encoder and one decoder for messages that name many
// replicas in different orders.
func TestResetForgets(t *testing.T) {
	var e Encoder
	d := &Decoder{}
	for round := range 4 {
		var ds []*Delta
		for i := range 50 {
			id := ReplicaID((i*7+round*11)%(20+round*10) + 1)
			ds = append(ds, &Delta{Dot: Dot{id, uint64(round*100 + i + 1)}, From: uint64(round*100 + i + 1), Stamp: 1, Deps: Vector{{id + 1, 3}}})
		}
		e.Reset()
		e.Array(len(ds))
		for _, x := range ds {
			e.Delta(x)
		}
		b := e.Append(nil, 16)
		wantBytes(t, fmt.Sprintf("round %d", round), encodeBatch(ds), b)
		d.Reset(b)
		for i := range d.Array(MinDeltaBytes) {
			if have := d.Delta(); !sameDelta(ds[i], have) {
				t.Fatalf("round %d, delta %d:\nwant %+v\nhave %+v, %v", round, i, ds[i], have, d.Err())
			}
		}
	}
}

func TestNewerFieldsAreSkipped(t *testing.T) {
	var e Encoder
	e.Uint(7)
	e.Array(2)
	e.Array(1)
	e.Nil()
	e.String("new")
	d, _ := NewDecoder(e.Append(nil, 16))
	if n := d.Uint(); n != 7 || d.Done() != nil {
		t.Errorf("message of a newer version: want 7, have %d, %v", n, d.Err())
	}
	if n := d.Reset(AppendVector(nil, nil)); n != TagVector || d.Err() != nil {
		t.Errorf("Reset: want tag %d, have %d, %v", TagVector, n, d.Err())
	}
	// A delta, an effect, an entry and a cell with two more fields each.
	delta := "94 01 03 91 07  9b 00 03 01 00 c0 c4016b 91 95 12 c40176 90 05 91c0  00 90 05 91c0"
	have, err := DecodeDelta(unhex(t, delta))
	want := &Delta{Dot: Dot{7, 3}, From: 3, Stamp: StampAt(1), Key: "k",
		Effects: []Effect{{Op: EffectPut, Kind: KindString, Value: "v"}}}
	if err != nil || !reflect.DeepEqual(want, have) {
		t.Errorf("delta of a newer version:\nwant %+v\nhave %+v, %v", want, have, err)
	}
	entry := "94 01 02 91 07  9a 96 95 00 03 01 00 c40176 90 90 90 05 91c0  90 90 90 ff 01 90 90 05 91c0"
	x, err := DecodeEntry(unhex(t, entry))
	if err != nil || x.Cut() != 1 || len(x.Expiries()) > 0 || !slices.Equal(x.str.Writes(), []Write{{Dot{7, 3}, StampAt(1), "v"}}) {
		t.Errorf("entry of a newer version: have %+v, %v", x, err)
	}
}

func TestUnknownIsNotMalformed(t *testing.T) {
	for name, in := range map[string]string{
		"message version":   "94 02 02 90 90",
		"tag":               "94 01 cd 01 00 90 90",
		"operation":         "94 01 03 91 07  97 00 03 01 00 c0 c4016b 91 91 0f",
		"kind of a bar":     "94 01 03 91 07  97 00 03 01 00 c0 c4016b 91 91 1b",
		"stage of fills":    "94 01 03 91 07  97 00 03 01 00 c0 c400 91 92 0c 03",
		"kind that expires": "94 01 03 91 07  97 00 03 01 00 c0 c4016b 91 93 39 c40166 c0",
		"kind of a put":     "94 01 03 91 07  97 00 03 01 00 c0 c4016b 91 92 72 c40176",
		"kind of a cell":    "94 01 02 91 07  92 c0 92 09 92 c40166 91 95 00 03 01 00 c40176",
		"kind in seen":      "94 01 03 91 07  97 00 03 01 00 c0 c4016b 91 92 01 96 09 c400 00 02 01 c0",
	} {
		d, tag := NewDecoder(unhex(t, in))
		switch tag {
		case TagDelta:
			d.Delta()
		default:
			d.Entry()
		}
		if err := d.Done(); !errors.Is(err, ErrUnknown) || errors.Is(err, ErrCodec) {
			t.Errorf("%s: want only %v, have %v", name, ErrUnknown, err)
		}
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	var out []byte
	if _, err := fmt.Sscanf(strings.ReplaceAll(s, " ", ""), "%x", &out); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return out
}

// TestDeepestNesting puts the deepest entry and delta as deep as may be.
func TestDeepestNesting(t *testing.T) {
	x := &Entry{}
	x.change(KindHash, "f", func(c *Cell) { c.put(Write{Dot{1, 1}, 1, "v"}) })
	delta := &Delta{Dot: Dot{1, 2}, From: 2, Stamp: 1, Effects: []Effect{{Op: EffectClear, Seen: []Seen{{KindHash, "f", 1, 1, Number{}}}}}}
	var e Encoder
	e.Array(1)
	e.Array(2)
	e.Entry(x)
	e.Array(1)
	e.Delta(delta)
	d, _ := NewDecoder(e.Append(nil, 16))
	d.Array(1)
	d.Array(1)
	have := d.Entry()
	d.Array(1)
	if got := d.Delta(); d.Done() != nil || !sameDelta(delta, got) {
		t.Fatalf("want %+v, have %+v, %v", delta, got, d.Err())
	}
	wantBytes(t, "entry", AppendEntry(nil, x), AppendEntry(nil, have))
}

func TestEncoderRefusesUnfinishedArrays(t *testing.T) {
	for name, f := range map[string]func(e *Encoder){
		"lacks an element": func(e *Encoder) { e.Array(2); e.Nil(); e.Append(nil, 16) },
		"entry too deep":   func(e *Encoder) { e.Array(1); e.Array(1); e.Array(1); e.Entry(nil) },
		"delta too deep":   func(e *Encoder) { e.Array(1); e.Array(1); e.Array(1); e.Array(1); e.Delta(&Delta{}) },
		"too deep": func(e *Encoder) {
			for range pack.MaxDepth {
				e.Array(1)
			}
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: want a panic", name)
				}
			}()
			f(&Encoder{})
		}()
	}
}
