package pack

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A Reader takes the values of one message in order. The first error sticks:
// from then on every read returns a zero value, Len returns 0 and Err the error,
// so a decoder may read a whole record and check once. A loop over a count read
// earlier must still stop on Err, or bound the count by Array.
//
// The zero Reader holds an empty message; Reset gives it another. A Reader never
// writes to the message and keeps a reference to it until the next Reset. It
// must not be used by two goroutines at once.
type Reader struct {
	buf []byte
	off int // where the next value begins; len(buf) once err is set
	err error

	// open[:depth] holds, for each array and map entered and not yet finished,
	// how many of its values are still to come, outermost first.
	open  [MaxDepth]int
	depth int
}

// NewReader returns a Reader of the message b, which must not change while the
// Reader, or a slice that Bytes returned, is in use.
func NewReader(b []byte) *Reader { return &Reader{buf: b} }

// Reset makes r a Reader of the message b, as if new.
func (r *Reader) Reset(b []byte) { *r = Reader{buf: b} }

// Uint reads an integer that is not negative, in any of the integer forms. It
// fails with ErrRange on a negative one.
func (r *Reader) Uint() uint64 {
	if r.off < len(r.buf) && r.buf[r.off] <= posFixintMax {
		v := r.buf[r.off]
		r.advance(1)
		return uint64(v)
	}
	at := r.off
	v, negative := r.integer()
	if negative {
		r.failAt(at, fmt.Errorf("%w: want an unsigned integer, have %d", ErrRange, int64(v)))
		return 0
	}
	return v
}

// Int reads an integer in any of the integer forms. It fails with ErrRange on
// one above math.MaxInt64.
func (r *Reader) Int() int64 {
	at := r.off
	v, negative := r.integer()
	if !negative && v > math.MaxInt64 {
		r.failAt(at, fmt.Errorf("%w: want at most %d, have %d", ErrRange, int64(math.MaxInt64), v))
		return 0
	}
	return int64(v)
}

// integer reads an integer of any form. A negative one is returned in two's
// complement.
func (r *Reader) integer() (v uint64, negative bool) {
	code, ok := r.peek()
	if !ok {
		return 0, false
	}
	switch {
	case code <= posFixintMax:
		r.advance(1)
		return uint64(code), false
	case code >= negFixintMin:
		r.advance(1)
		return uint64(int64(int8(code))), true
	case code < uint8Code || code > int64Code:
		r.failType("integer", code)
		return 0, false
	}
	width := 1 << (code & 3) // cc-cf and d0-d3 are 1, 2, 4 and 8 bytes wide.
	v, ok = r.number(width)
	if !ok {
		return 0, false
	}
	r.advance(1 + width)
	if code >= int8Code {
		shift := 64 - 8*width
		signed := int64(v<<shift) >> shift
		return uint64(signed), signed < 0
	}
	return v, false
}

// Float reads a float64. Integers and float32 are refused with ErrType although
// they could be converted: a number has one encoding. Every NaN comes back as
// the same bits, the ones AppendFloat writes.
func (r *Reader) Float() float64 {
	code, ok := r.peek()
	if !ok {
		return 0
	}
	if code != codeFloat64 {
		r.failType("float64", code)
		return 0
	}
	bits, ok := r.number(8)
	if !ok {
		return 0
	}
	r.advance(9)
	v := math.Float64frombits(bits)
	if v != v {
		return math.Float64frombits(canonicalNaN)
	}
	return v
}

// Bool reads a bool.
func (r *Reader) Bool() bool {
	code, ok := r.peek()
	if !ok {
		return false
	}
	if code != codeFalse && code != codeTrue {
		r.failType("bool", code)
		return false
	}
	r.advance(1)
	return code == codeTrue
}

// True reports whether the next value is true, and takes it if so. Any other value,
// and the end of the message, is left for the next read to deal with.
func (r *Reader) True() bool {
	if r.off >= len(r.buf) || r.buf[r.off] != codeTrue {
		return false
	}
	r.advance(1)
	return true
}

// Nil reports whether the next value is nil, and takes it if so. Any other
// value, and the end of the message, is left for the next read to deal with.
func (r *Reader) Nil() bool {
	if r.off >= len(r.buf) || r.buf[r.off] != codeNil {
		return false
	}
	r.advance(1)
	return true
}

// Bytes reads a bin or str without copying: the slice is a part of the message,
// and keeps all of it alive. Its capacity ends where the value does, so that
// appending to it does not overwrite the message. It is nil only after an error.
func (r *Reader) Bytes() []byte {
	code, ok := r.peek()
	if !ok {
		return nil
	}
	head, n, ok := r.stringHead(code)
	if !ok {
		return nil
	}
	start := r.off + head
	end := start + n
	r.advance(head + n)
	return r.buf[start:end:end]
}

// String reads a bin or str and returns a copy that does not depend on the
// message. Although it makes a Reader a fmt.Stringer, it takes a value like any
// other read: do not print Readers.
func (r *Reader) String() string { return string(r.Bytes()) }

// stringHead returns the length of the header and of the content of the bin or
// str that begins at r.off.
func (r *Reader) stringHead(code byte) (head, n int, ok bool) {
	width := 0
	switch {
	case code >= fixstr && code < codeNil:
		return r.fits(1, uint64(code&0x1f))
	case code >= bin8 && code <= bin32:
		width = 1 << (code - bin8)
	case code >= str8 && code <= str32:
		width = 1 << (code - str8)
	default:
		r.failType("bin or str", code)
		return 0, 0, false
	}
	size, ok := r.number(width)
	if !ok {
		return 0, 0, false
	}
	return r.fits(1+width, size)
}

// fits checks that size bytes follow a header of head bytes at r.off.
func (r *Reader) fits(head int, size uint64) (int, int, bool) {
	if left := len(r.buf) - r.off - head; size > uint64(left) {
		r.fail(fmt.Errorf("%w: want %d bytes, have %d", ErrLength, size, left))
		return 0, 0, false
	}
	return head, int(size), true
}

// Array reads the header of an array and returns how many elements follow. It
// fails with ErrLength when that many elements of at least minElem encoded bytes
// each (less than 1 counts as 1) cannot be in the bytes left, so a loop over the
// result ends and a hostile header costs nothing by itself.
//
// It does not bound memory: n elements of S bytes in Go are asked for by as few
// as n*minElem bytes of message. Give a true minElem, and where S is much larger
// than that, grow the slice as elements arrive instead of making it at once.
//
// Array fails with ErrDepth when MaxDepth arrays are open already.
func (r *Reader) Array(minElem int) int {
	code, ok := r.peek()
	if !ok {
		return 0
	}
	head, n := 1, uint64(code&0x0f)
	switch {
	case code >= fixarray && code < fixstr:
	case code == array16, code == array32:
		width := 2 << (code - array16)
		if n, ok = r.number(width); !ok {
			return 0
		}
		head += width
	default:
		r.failType("array", code)
		return 0
	}
	return r.enter(head, n, max(minElem, 1))
}

// enter moves past a header of head bytes into a container of n values of at
// least minElem bytes each, and returns n.
func (r *Reader) enter(head int, n uint64, minElem int) int {
	left := len(r.buf) - r.off - head
	if n > uint64(left/minElem) {
		r.fail(fmt.Errorf("%w: want %d values of at least %d bytes, have %d bytes", ErrLength, n, minElem, left))
		return 0
	}
	if r.depth == MaxDepth {
		r.fail(fmt.Errorf("%w: at most %d levels", ErrDepth, MaxDepth))
		return 0
	}
	if n == 0 {
		r.advance(head)
		return 0
	}
	// The container counts as a value of the one around it, but is left open:
	// only the last of its own values may close that one.
	if r.depth > 0 {
		r.open[r.depth-1]--
	}
	r.off += head
	r.open[r.depth] = int(n)
	r.depth++
	return int(n)
}

// Depth returns how many arrays have been entered and not yet read to their end.
func (r *Reader) Depth() int { return r.depth }

// Len returns how many bytes are left, 0 after an error.
func (r *Reader) Len() int { return len(r.buf) - r.off }

// Err returns the first error, nil if there was none.
func (r *Reader) Err() error { return r.err }

// Fail sticks err, wrapped with the place the Reader has reached, unless an
// error sticks already: a decoder reports a value that is well formed but makes
// no sense, such as an index out of range, as it reports any other error. A nil
// err is ignored.
func (r *Reader) Fail(err error) { r.fail(err) }

// Done returns Err, or ErrTrailing when bytes are left: call it when the message
// should be at its end.
func (r *Reader) Done() error {
	if r.err == nil && r.off < len(r.buf) {
		r.fail(fmt.Errorf("%w: %d", ErrTrailing, r.Len()))
	}
	return r.err
}

// peek returns the type byte of the next value. After an error there is none,
// because fail leaves no bytes: no read needs to look at err.
func (r *Reader) peek() (byte, bool) {
	if r.off >= len(r.buf) {
		r.fail(ErrTruncated)
		return 0, false
	}
	return r.buf[r.off], true
}

// number decodes the width (1, 2, 4 or 8) bytes that follow the type byte at
// r.off, without moving.
func (r *Reader) number(width int) (uint64, bool) {
	b := r.buf[r.off+1:]
	if len(b) < width {
		r.fail(ErrTruncated)
		return 0, false
	}
	switch width {
	case 1:
		return uint64(b[0]), true
	case 2:
		return uint64(binary.BigEndian.Uint16(b)), true
	case 4:
		return uint64(binary.BigEndian.Uint32(b)), true
	default:
		return binary.BigEndian.Uint64(b), true
	}
}

// advance moves past a whole value of n bytes.
func (r *Reader) advance(n int) {
	r.off += n
	if r.depth > 0 {
		r.closeValue()
	}
}

// closeValue counts one value of the innermost container as read, and closes
// the containers of which it was the last.
func (r *Reader) closeValue() {
	r.open[r.depth-1]--
	for r.depth > 0 && r.open[r.depth-1] == 0 {
		r.depth--
	}
}

func (r *Reader) failType(want string, code byte) {
	r.fail(fmt.Errorf("%w: want %s, have %s", ErrType, want, kind(code)))
}

func (r *Reader) fail(err error) { r.failAt(r.off, err) }

// failAt sticks err unless one sticks already, and ends the message here.
func (r *Reader) failAt(at int, err error) {
	if r.err != nil || err == nil {
		return
	}
	r.err = fmt.Errorf("at byte %d: %w", at, err)
	r.off = len(r.buf)
	r.depth = 0
}
