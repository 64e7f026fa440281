package pack

import (
	"bytes"
	"testing"
)

// FuzzReader runs a program of reads, one per byte of ops, over in, and checks
// after each what a Reader promises of any message: it moves forward only, stays
// within the message, keeps its first error, and goes back to depth 0.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, []byte("\x93\x01\xa3abc\xcb12345678"))
	f.Add([]byte{6, 7, 8, 8}, []byte("\x94\x01\x82\x01\x02\x03\x91\x04\xd4T1\xc7\x01T1\x91"))
	f.Add([]byte{8}, []byte("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x00"))
	f.Add([]byte{8}, []byte("\xdf\xff\xff\xff\xff\xc6\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, ops, in []byte) {
		// Bytes past the message must never be seen: they are legal values.
		padded := append(bytes.Clone(in), make([]byte, 64)...)
		r := NewReader(padded[:len(in)])
		rec := Rec{r: r}
		for i, op := range ops {
			before, err := r.Len(), r.Err()
			isRead := runOp(t, r, &rec, op)
			switch {
			case err != nil && (r.Err() != err || r.Len() != 0):
				t.Fatalf("op %d: want the first error %v and nothing left, have %v, %d bytes", i, err, r.Err(), r.Len())
			case r.Len() > before || r.Len() < 0:
				t.Fatalf("op %d: have %d bytes left after %d", i, r.Len(), before)
			case isRead && r.Err() == nil && r.Len() == before:
				t.Fatalf("op %d: a read took nothing and did not fail", i)
			case r.Depth() < 0 || r.Depth() > MaxDepth || r.Err() != nil && r.Depth() != 0:
				t.Fatalf("op %d: have depth %d, %v", i, r.Depth(), r.Err())
			}
		}
		for r.Err() == nil && r.Len() > 0 {
			r.Skip()
		}
		if !bytes.Equal(padded[:len(in)], in) {
			t.Fatal("the message was changed")
		}
	})
}

// runOp runs one read and reports whether it must take bytes or fail.
func runOp(t *testing.T, r *Reader, rec *Rec, op byte) bool {
	left := r.Len()
	switch op % 11 {
	case 0:
		r.Uint()
	case 1:
		if v := r.Int(); r.Err() == nil && NewReader(AppendInt(nil, v)).Int() != v {
			t.Fatalf("Int %d does not survive a round trip", v)
		}
	case 2:
		r.Float()
	case 3:
		r.Bool()
	case 4:
		b := r.Bytes()
		if len(b) > left || cap(b) != len(b) || (b == nil) != (r.Err() != nil) {
			t.Fatalf("Bytes: have %d bytes, cap %d, of %d, %v", len(b), cap(b), left, r.Err())
		}
	case 5:
		if s := r.String(); len(s) > left {
			t.Fatalf("String: have %d bytes of %d", len(s), left)
		}
	case 6:
		minElem := int(op / 11)
		if n := r.Array(minElem); n*max(minElem, 1) > r.Len() {
			t.Fatalf("Array(%d): have %d with %d bytes left", minElem, n, r.Len())
		}
	case 7:
		*rec = r.Record()
	case 8:
		r.Skip()
	case 9:
		r.Nil()
		return false
	default:
		rec.End()
		return false
	}
	return true
}

// FuzzSkip checks that Skip and a recursive reading of the format agree on where
// a value ends, and whether it is one.
func FuzzSkip(f *testing.F) {
	f.Add([]byte("\x93\x01\xa3abc\xcb12345678"))
	f.Add([]byte("\x82\x01\x91\x02\xc7\x01T1\xd8T1234567812345678"))
	f.Add([]byte("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		rest, want := skipRecursive(in, 0)
		r := NewReader(in)
		r.Skip()
		if have := r.Err() == nil; have != want {
			t.Fatalf("%x: want legal %v, have %v", in, want, r.Err())
		}
		if want && r.Len() != len(rest) {
			t.Fatalf("%x: want %d bytes left, have %d", in, len(rest), r.Len())
		}
		if r.Depth() != 0 {
			t.Fatalf("%x: have depth %d", in, r.Depth())
		}
	})
}

// layouts gives, for each type byte from 0xc0 to 0xdf, the bytes of a length
// field, of fixed content, and how many values one unit of the length stands for
// (0: the unit is a byte).
var layouts = [32]struct{ length, fixed, values int }{
	{}, {fixed: -1}, {}, {}, {1, 0, 0}, {2, 0, 0}, {4, 0, 0}, {1, 1, 0}, {2, 1, 0}, {4, 1, 0},
	{0, 4, 0}, {0, 8, 0}, {0, 1, 0}, {0, 2, 0}, {0, 4, 0}, {0, 8, 0}, {0, 1, 0}, {0, 2, 0}, {0, 4, 0}, {0, 8, 0},
	{0, 2, 0}, {0, 3, 0}, {0, 5, 0}, {0, 9, 0}, {0, 17, 0}, {1, 0, 0}, {2, 0, 0}, {4, 0, 0},
	{2, 0, 1}, {4, 0, 1}, {2, 0, 2}, {4, 0, 2},
}

// skipRecursive is the plain reading of the specification: it returns what
// follows the first value of b.
func skipRecursive(b []byte, depth int) (rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, false
	}
	code := b[0]
	b = b[1:]
	size, values, container := 0, 0, false
	switch {
	case code < 0x80 || code >= 0xe0:
		return b, true
	case code < 0x90:
		values, container = 2*int(code-0x80), true
	case code < 0xa0:
		values, container = int(code-0x90), true
	case code < 0xc0:
		size = int(code - 0xa0)
	default:
		l := layouts[code-0xc0]
		if l.fixed < 0 || len(b) < l.length {
			return nil, false
		}
		n := 0
		for _, c := range b[:l.length] {
			n = n<<8 | int(c)
		}
		b = b[l.length:]
		size, values, container = l.fixed, n*l.values, l.values > 0
		if !container {
			size += n
		}
	}
	if len(b) < size || container && depth == MaxDepth {
		return nil, false
	}
	b = b[size:]
	for range values {
		if b, ok = skipRecursive(b, depth+1); !ok {
			return nil, false
		}
	}
	return b, true
}
