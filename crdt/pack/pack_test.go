package pack

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/quick"

	"github.com/vmihailenco/msgpack/v5"
)

// reference encodes with msgpack/v5 in its compact forms.
func reference(t testing.TB, encode func(*msgpack.Encoder) error) []byte {
	t.Helper()
	var buf bytes.Buffer
	enc := msgpack.NewEncoder(&buf)
	enc.UseCompactInts(true)
	if err := encode(enc); err != nil {
		t.Fatalf("msgpack/v5 encode: %v", err)
	}
	return buf.Bytes()
}

func decoder(b []byte) *msgpack.Decoder { return msgpack.NewDecoder(bytes.NewReader(b)) }

// edges are the integers at and around every power of two and sign boundary.
func edges() []uint64 {
	set := []uint64{0, 1, 31, 32, 33, math.MaxUint64}
	for bit := range 64 {
		p := uint64(1) << bit
		set = append(set, p-1, p, p+1, -p, -p-1, -p+1)
	}
	return set
}

func TestUintAgainstReference(t *testing.T) {
	for _, v := range edges() {
		have := AppendUint(nil, v)
		want := reference(t, func(e *msgpack.Encoder) error { return e.EncodeUint(v) })
		if !bytes.Equal(have, want) {
			t.Errorf("AppendUint(%d): want %x, have %x", v, want, have)
		}
		if d, err := decoder(have).DecodeUint64(); err != nil || d != v {
			t.Errorf("msgpack/v5 decodes %x: want %d, have %d, %v", have, v, d, err)
		}
		wide := reference(t, func(e *msgpack.Encoder) error { return e.EncodeUint64(v) })
		for _, b := range [][]byte{have, wide} {
			r := NewReader(b)
			if d := r.Uint(); d != v || r.Done() != nil {
				t.Errorf("Uint of %x: want %d, have %d, %v", b, v, d, r.Done())
			}
		}
	}
}

func TestIntAgainstReference(t *testing.T) {
	for _, u := range edges() {
		v := int64(u)
		have := AppendInt(nil, v)
		want := reference(t, func(e *msgpack.Encoder) error { return e.EncodeInt(v) })
		if !bytes.Equal(have, want) {
			t.Errorf("AppendInt(%d): want %x, have %x", v, want, have)
		}
		if d, err := decoder(have).DecodeInt64(); err != nil || d != v {
			t.Errorf("msgpack/v5 decodes %x: want %d, have %d, %v", have, v, d, err)
		}
		wide := reference(t, func(e *msgpack.Encoder) error { return e.EncodeInt64(v) })
		for _, b := range [][]byte{have, wide} {
			r := NewReader(b)
			if d := r.Int(); d != v || r.Done() != nil {
				t.Errorf("Int of %x: want %d, have %d, %v", b, v, d, r.Done())
			}
		}
	}
}

func TestFloatAgainstReference(t *testing.T) {
	for _, v := range []float64{0, math.Copysign(0, -1), 1, -1.5, math.MaxFloat64,
		math.SmallestNonzeroFloat64, math.Inf(1), math.Inf(-1), 1 << 53} {
		have := AppendFloat(nil, v)
		want := reference(t, func(e *msgpack.Encoder) error { return e.EncodeFloat64(v) })
		if !bytes.Equal(have, want) {
			t.Errorf("AppendFloat(%v): want %x, have %x", v, want, have)
		}
		r := NewReader(want)
		if d := r.Float(); math.Float64bits(d) != math.Float64bits(v) || r.Done() != nil {
			t.Errorf("Float of %x: want %v, have %v, %v", want, v, d, r.Done())
		}
	}
}

func TestNaNHasOneEncoding(t *testing.T) {
	want := []byte{codeFloat64, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0}
	for _, bits := range []uint64{canonicalNaN, 0x7ff8000000000001, 0xfff8000000000000, 0x7ff0000000000001} {
		if have := AppendFloat(nil, math.Float64frombits(bits)); !bytes.Equal(have, want) {
			t.Errorf("AppendFloat(NaN %x): want %x, have %x", bits, want, have)
		}
		foreign := reference(t, func(e *msgpack.Encoder) error { return e.EncodeFloat64(math.Float64frombits(bits)) })
		if have := math.Float64bits(NewReader(foreign).Float()); have != canonicalNaN {
			t.Errorf("Float of %x: want bits %x, have %x", foreign, uint64(canonicalNaN), have)
		}
	}
}

func TestStringsAgainstReference(t *testing.T) {
	for _, n := range []int{0, 1, 31, 32, 255, 256, 65535, 65536, 70000} {
		s := strings.Repeat("\xff", n)
		bin := reference(t, func(e *msgpack.Encoder) error { return e.EncodeBytes([]byte(s)) })
		str := reference(t, func(e *msgpack.Encoder) error { return e.EncodeString(s) })
		if have := AppendString(nil, s); !bytes.Equal(have, bin) {
			t.Errorf("AppendString of %d bytes: want header %.5x, have %.5x", n, bin, have)
		}
		if have := AppendText(nil, s); !bytes.Equal(have, str) {
			t.Errorf("AppendText of %d bytes: want header %.5x, have %.5x", n, str, have)
		}
		for _, b := range [][]byte{bin, str} {
			r := NewReader(b)
			if d := r.String(); d != s || r.Done() != nil {
				t.Errorf("String of %d bytes, header %.5x: have %d bytes, %v", n, b, len(d), r.Done())
			}
			if d := NewReader(b).Bytes(); string(d) != s || d == nil || cap(d) != n {
				t.Errorf("Bytes of %d bytes, header %.5x: have %d bytes, cap %d", n, b, len(d), cap(d))
			}
		}
	}
}

func TestArrayAgainstReference(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 65535, 65536} {
		header := reference(t, func(e *msgpack.Encoder) error { return e.EncodeArrayLen(n) })
		if have := AppendArray(nil, n); !bytes.Equal(have, header) {
			t.Errorf("AppendArray(%d): want %x, have %x", n, header, have)
		}
		b := append(header, make([]byte, n)...)
		r := NewReader(b)
		if have := r.Array(1); have != n {
			t.Errorf("Array of %d: have %d, %v", n, have, r.Err())
		}
		for range n {
			r.Uint()
		}
		if r.Done() != nil || r.Depth() != 0 {
			t.Errorf("array of %d read to its end: have depth %d, %v", n, r.Depth(), r.Done())
		}
	}
}

func TestNilAndBool(t *testing.T) {
	b := AppendBool(AppendBool(AppendNil(nil), true), false)
	want := reference(t, func(e *msgpack.Encoder) error {
		return errors.Join(e.EncodeNil(), e.EncodeBool(true), e.EncodeBool(false))
	})
	if !bytes.Equal(b, want) {
		t.Fatalf("nil, true, false: want %x, have %x", want, b)
	}
	r := NewReader(b)
	if !r.Nil() || r.Nil() || !r.Bool() || r.Bool() || r.Nil() || r.Done() != nil {
		t.Errorf("%x: want nil, true, false and the end, have %v", b, r.Done())
	}
}

func TestLengthsOutOfFormatPanic(t *testing.T) {
	tooLong := uint64(math.MaxUint32) + 1
	for _, n := range []int{-1, int(tooLong | 1<<31)} { // The second is negative where int has 32 bits.
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Errorf("AppendArray(%d): want a panic", n)
				}
			}()
			AppendArray(nil, n)
		})
	}
}

// TestRoundTrip also checks that one value has one encoding whatever precedes it.
func TestRoundTrip(t *testing.T) {
	roundTrip := func(prefix []byte, u uint64, i int64, f float64, s, text string, ok bool) bool {
		b := AppendArray(append([]byte(nil), prefix...), 7)
		b = AppendInt(AppendUint(b, u), i)
		b = AppendText(AppendString(AppendFloat(b, f), s), text)
		b = AppendNil(AppendBool(b, ok))
		r := NewReader(b[len(prefix):])
		return bytes.Equal(b[:len(prefix)], prefix) && r.Array(1) == 7 &&
			r.Uint() == u && r.Int() == i && r.Float() == f && r.String() == s && r.String() == text &&
			r.Bool() == ok && r.Nil() && r.Depth() == 0 && r.Done() == nil
	}
	if err := quick.Check(roundTrip, nil); err != nil {
		t.Error(err)
	}
}

var sink []byte

func TestNoAllocation(t *testing.T) {
	var value any = strings.Repeat("v", 300)
	s := value.(string)
	message := func(b []byte) []byte {
		b = AppendArray(b, 7)
		b = AppendUint(b, 1<<40)
		b = AppendInt(b, -70000)
		b = AppendFloat(b, 1.5)
		b = AppendString(b, s)
		b = AppendText(b, s)
		b = AppendBool(b, true)
		return AppendNil(b)
	}
	buf := message(nil)
	if n := testing.AllocsPerRun(100, func() { sink = message(buf[:0]) }); n != 0 {
		t.Errorf("append into a large enough slice: want 0 allocations, have %v", n)
	}
	read := func() {
		var r Reader
		r.Reset(buf)
		rec := r.Record()
		for range 2 {
			rec.More()
		}
		r.Uint()
		r.Int()
		rec.More()
		r.Float()
		rec.More()
		sink = r.Bytes()
		rec.End()
		if err := r.Done(); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(100, read); n != 0 {
		t.Errorf("read: want 0 allocations, have %v", n)
	}
}

func BenchmarkReader(b *testing.B) {
	msg := AppendArray(nil, 4)
	msg = AppendUint(AppendUint(msg, 7), 1<<50)
	msg = AppendString(AppendInt(msg, -3), "a member of a set")
	var r Reader
	for b.Loop() {
		r.Reset(msg)
		r.Array(1)
		r.Uint()
		r.Uint()
		r.Int()
		sink = r.Bytes()
		if r.Done() != nil {
			b.Fatal(r.Done())
		}
	}
}
