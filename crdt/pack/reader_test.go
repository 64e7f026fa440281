package pack

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// reads names every typed read, for tables.
var reads = map[string]func(*Reader){
	"Uint":   func(r *Reader) { r.Uint() },
	"Int":    func(r *Reader) { r.Int() },
	"Float":  func(r *Reader) { r.Float() },
	"Bool":   func(r *Reader) { r.Bool() },
	"Bytes":  func(r *Reader) { r.Bytes() },
	"String": func(r *Reader) { _ = r.String() },
	"Array":  func(r *Reader) { r.Array(1) },
	"Record": func(r *Reader) { r.Record() },
	"Skip":   (*Reader).Skip,
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		read string
		in   string
		want error
	}{
		{"Uint", "\xff", ErrRange},
		{"Uint", "\xd0\x80", ErrRange},
		{"Uint", "\xd3\xff\xff\xff\xff\xff\xff\xff\xff", ErrRange},
		{"Uint", "\xcb\x00\x00\x00\x00\x00\x00\x00\x00", ErrType},
		{"Uint", "\xc0", ErrType},
		{"Uint", "\xa11", ErrType},
		{"Int", "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", ErrRange},
		{"Int", "\xc3", ErrType},
		{"Int", "\xcd\x01", ErrTruncated},
		{"Float", "\x01", ErrType},
		{"Float", "\xca\x00\x00\x00\x00", ErrType},
		{"Float", "\xcb\x00", ErrTruncated},
		{"Bool", "\x01", ErrType},
		{"Bool", "\xc0", ErrType},
		{"Bytes", "\xc0", ErrType},
		{"Bytes", "\xa2a", ErrLength},
		{"Bytes", "\xc4", ErrTruncated},
		{"Bytes", "\xc4\x01", ErrLength},
		{"Bytes", "\xc6\xff\xff\xff\xff", ErrLength},
		{"String", "\xdb\x7f\xff\xff\xff", ErrLength},
		{"String", "\xda\x00", ErrTruncated},
		{"Array", "\x81\x01\x01", ErrType},
		{"Array", "\x91", ErrLength},
		{"Array", "\xdd\xff\xff\xff\xff", ErrLength},
		{"Array", "\xdc\x00", ErrTruncated},
		{"Record", "\xc0", ErrType},
		{"Record", "\xdd\xff\xff\xff\xff\x00", ErrLength},
		{"Skip", "\xc1", ErrType},
		{"Skip", "\xdf\xff\xff\xff\xff\x00\x00", ErrLength},
		{"Skip", "\x81\x01", ErrLength},
		{"Skip", "\xc7\x01\x05", ErrLength},
		{"Skip", "\xc9\xff\xff\xff\xff\x01", ErrLength},
		{"Skip", "\xd8\x01", ErrTruncated},
		{"Skip", "\xca\x00\x00\x00", ErrTruncated},
		{"Skip", "\x92\x01\xcc", ErrTruncated},
	} {
		r := NewReader([]byte(tc.in))
		reads[tc.read](r)
		if !errors.Is(r.Err(), tc.want) {
			t.Errorf("%s of %x: want %v, have %v", tc.read, tc.in, tc.want, r.Err())
		}
		if r.Len() != 0 || r.Depth() != 0 {
			t.Errorf("%s of %x: want nothing left, have %d bytes, depth %d", tc.read, tc.in, r.Len(), r.Depth())
		}
	}
	for name, read := range reads {
		r := new(Reader)
		if read(r); !errors.Is(r.Err(), ErrTruncated) {
			t.Errorf("%s of the zero Reader: want %v, have %v", name, ErrTruncated, r.Err())
		}
	}
}

// TestEveryTypeByte checks for each of the 256 type bytes, followed by enough
// zeroes, which reads take it.
func TestEveryTypeByte(t *testing.T) {
	takes := map[string][]string{
		"integer": {"Int", "Uint"}, "float64": {"Float"}, "bool": {"Bool"}, "nil": nil, "map": nil, "ext": nil,
		"float32": nil, "bin": {"Bytes", "String"}, "str": {"Bytes", "String"}, "array": {"Array", "Record"},
	}
	for code := range 256 {
		in := append([]byte{byte(code)}, make([]byte, 40)...)
		legal, known := takes[kind(byte(code))]
		if known != (code != codeUnused) {
			t.Errorf("type byte %x: have kind %q", code, kind(byte(code)))
		}
		for name, read := range reads {
			want := name == "Skip" && code != codeUnused
			for _, l := range legal {
				want = want || l == name
			}
			if name == "Uint" && code >= negFixintMin {
				want = false
			}
			r := NewReader(in)
			read(r)
			if (r.Err() == nil) != want || (!want && !errors.Is(r.Err(), ErrType) && !errors.Is(r.Err(), ErrRange)) {
				t.Errorf("%s of type byte %x: want taken %v, have %v", name, code, want, r.Err())
			}
			if want && name == "Skip" {
				sameEnd(t, in, len(in)-r.Len())
			}
		}
	}
}

// sameEnd checks with msgpack/v5 that the first value of in is end bytes long.
func sameEnd(t *testing.T, in []byte, end int) {
	t.Helper()
	left := bytes.NewReader(in)
	if err := msgpack.NewDecoder(left).Skip(); err != nil {
		return // It knows no maps with such keys, or no such ext; ours is checked by TestSkip.
	}
	if want := len(in) - left.Len(); end != want {
		t.Errorf("Skip of %x: want %d bytes, have %d", in, want, end)
	}
}

func TestSkip(t *testing.T) {
	for _, in := range []string{
		"\x00", "\xff", "\xc0", "\xc2", "\xcf12345678", "\xca1234", "\xcb12345678",
		"\xa3abc", "\xd9\x03abc", "\xc5\x00\x03abc", "\xc6\x00\x00\x00\x01a",
		"\x90", "\x80", "\x93\x01\x92\x02\x03\x04", "\x82\xa1a\x01\xa1b\x91\x02", "\xde\x00\x01\x01\x02",
		"\xdf\x00\x00\x00\x01\x01\x02", "\xdc\x00\x02\x01\x02", "\xdd\x00\x00\x00\x01\x01",
		"\xd4T1", "\xd5T12", "\xd6T1234", "\xd7T12345678", "\xd8T1234567812345678",
		"\xc7\x02T12", "\xc7\x00T", "\xc8\x00\x01T1", "\xc9\x00\x00\x00\x01T1",
		"\x91\x81\x01\x92\xc7\x01T1\x90",
	} {
		r := NewReader([]byte(in + "\x2a"))
		if r.Skip(); r.Uint() != 42 || r.Done() != nil {
			t.Errorf("Skip of %x: want to stand behind it, have %v", in, r.Done())
		}
		for cut := range len(in) {
			r.Reset([]byte(in[:cut]))
			if r.Skip(); !errors.Is(r.Err(), ErrTruncated) && !errors.Is(r.Err(), ErrLength) {
				t.Errorf("Skip of %x: want an error, have %v", in[:cut], r.Err())
			}
		}
	}
}

func TestDepth(t *testing.T) {
	nested := func(n int, with string) []byte { return []byte(strings.Repeat(with, n) + "\x00") }
	for _, with := range []string{"\x91", "\x81\x00", "\xdd\x00\x00\x00\x01"} {
		r := NewReader(nested(MaxDepth, with))
		if r.Skip(); r.Done() != nil || r.Depth() != 0 {
			t.Errorf("Skip of %d times %x: have depth %d, %v", MaxDepth, with, r.Depth(), r.Done())
		}
		for _, n := range []int{MaxDepth + 1, 1 << 20} {
			r.Reset(nested(n, with))
			if r.Skip(); !errors.Is(r.Err(), ErrDepth) {
				t.Errorf("Skip of %d times %x: want %v, have %v", n, with, ErrDepth, r.Err())
			}
		}
	}
	// Array counts too, and what Skip meets inside counts on top of it.
	r := NewReader(nested(MaxDepth+1, "\x91"))
	for i := range MaxDepth {
		if r.Array(1); r.Err() != nil || r.Depth() != i+1 {
			t.Fatalf("array %d: have depth %d, %v", i, r.Depth(), r.Err())
		}
	}
	if r.Skip(); !errors.Is(r.Err(), ErrDepth) {
		t.Errorf("Skip inside %d arrays: want %v, have %v", MaxDepth, ErrDepth, r.Err())
	}
	// Siblings do not add up.
	r.Reset([]byte("\x9a" + strings.Repeat("\x91\x92\x00\x90", 10)))
	for n := r.Array(1); n > 0; n-- {
		r.Array(1)
		r.Array(1)
		if r.Depth() != 3 {
			t.Fatalf("%d siblings to go: want depth 3, have %d, %v", n, r.Depth(), r.Err())
		}
		r.Uint()
		r.Array(1)
	}
	if r.Done() != nil || r.Depth() != 0 {
		t.Errorf("siblings: have depth %d, %v", r.Depth(), r.Done())
	}
}

func TestArrayMinElem(t *testing.T) {
	for _, tc := range []struct {
		n, minElem, left int
		want             bool
	}{
		{4, 1, 4, true}, {4, 1, 3, false}, {4, 0, 4, true}, {4, 0, 3, false}, {4, -5, 3, false},
		{4, 3, 12, true}, {4, 3, 11, false}, {0, 100, 0, true}, {1, math.MaxInt, 9, false},
		{math.MaxUint32 >> 1, math.MaxInt, 9, false},
	} {
		r := NewReader(append(AppendArray(nil, tc.n), make([]byte, tc.left)...))
		n := r.Array(tc.minElem)
		if tc.want && (n != tc.n || r.Err() != nil) || !tc.want && (n != 0 || !errors.Is(r.Err(), ErrLength)) {
			t.Errorf("array of %d, at least %d each, %d bytes left: want taken %v, have %d, %v",
				tc.n, tc.minElem, tc.left, tc.want, n, r.Err())
		}
	}
}

func TestFirstErrorSticks(t *testing.T) {
	r := NewReader([]byte{0x01, 0xc0, 0x05, 0x06})
	r.Uint()
	r.Uint() // Nil, at byte 1.
	first := r.Err()
	if !errors.Is(first, ErrType) || !strings.HasPrefix(first.Error(), "at byte 1: ") {
		t.Fatalf("Uint of nil: want %v at byte 1, have %v", ErrType, first)
	}
	for _, read := range reads {
		read(r)
	}
	r.Fail(io.ErrUnexpectedEOF)
	if r.Uint() != 0 || r.Int() != 0 || r.Float() != 0 || r.Bool() || r.Nil() || r.Bytes() != nil ||
		r.String() != "" || r.Array(1) != 0 || r.Len() != 0 {
		t.Error("after an error: want zero values")
	}
	if r.Err() != first || r.Done() != first {
		t.Errorf("after an error: want %v, have %v", first, r.Err())
	}
	if r.Reset([]byte{7}); r.Uint() != 7 || r.Done() != nil {
		t.Errorf("after Reset: want no error, have %v", r.Done())
	}
}

func TestFail(t *testing.T) {
	cause := errors.New("no such replica")
	r := NewReader([]byte{0x91, 0x09, 0x01})
	r.Array(1)
	r.Uint()
	r.Fail(nil)
	if r.Err() != nil || r.Len() != 1 {
		t.Fatalf("Fail(nil): want no effect, have %v", r.Err())
	}
	r.Fail(cause)
	if !errors.Is(r.Done(), cause) || r.Len() != 0 || r.Uint() != 0 {
		t.Errorf("Fail: want %v, have %v", cause, r.Done())
	}
}

func TestDoneRefusesTrailingBytes(t *testing.T) {
	r := NewReader([]byte{1, 2})
	r.Uint()
	if !errors.Is(r.Done(), ErrTrailing) || !errors.Is(r.Err(), ErrTrailing) {
		t.Errorf("Done with a byte left: want %v, have %v", ErrTrailing, r.Err())
	}
}

func TestRecordAcrossVersions(t *testing.T) {
	// This reader knows two fields; writers know none to four.
	for _, tc := range []struct {
		in   string
		a, b uint64
	}{
		{"\x90", 100, 200}, {"\x91\x01", 1, 200}, {"\x92\x01\x02", 1, 2},
		{"\x94\x01\x02\xa3new\x92\x01\x90", 1, 2},
	} {
		a, b := uint64(100), uint64(200)
		r := NewReader([]byte(tc.in + "\x2a"))
		rec := r.Record()
		if rec.More() {
			a = r.Uint()
		}
		if rec.More() {
			b = r.Uint()
		}
		rec.End()
		if a != tc.a || b != tc.b || r.Depth() != 0 || r.Uint() != 42 || r.Done() != nil {
			t.Errorf("record %x: want %d, %d, have %d, %d, depth %d, %v", tc.in, tc.a, tc.b, a, b, r.Depth(), r.Done())
		}
	}
	r := NewReader([]byte("\x92\xc0\x00"))
	rec := r.Record()
	if rec.More() {
		r.Uint()
	}
	if rec.More() {
		t.Error("More after an error: want false")
	}
}

func TestBytesAliasesTheMessage(t *testing.T) {
	in := []byte("\xc4\x02ab\x07")
	r := NewReader(in)
	b := r.Bytes()
	if &b[0] != &in[2] {
		t.Error("Bytes: want a part of the message, have a copy")
	}
	if _ = append(b, 'x'); in[4] != 7 {
		t.Error("append to what Bytes returned: want the message unchanged")
	}
	s := NewReader(in).String()
	if in[2] = 'z'; s != "ab" {
		t.Errorf("String: want a copy, have %q", s)
	}
}
