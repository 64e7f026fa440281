package crdt

import (
	"errors"
	"fmt"

	"github.com/atollcache/atoll/crdt/pack"
)

// Decoder reads one message, field by field in the order of writing. The first
// error sticks: every later read gives a zero value at once, so that a caller
// may read a whole record and then look at [Decoder.Err]. A loop over a count
// must bound the count by [Decoder.Array] or stop on Err.
//
// The bytes may be hostile. Decoding never panics and allocates no more than 64
// bytes per byte of message, and 4 KiB: the worst are a list of effects of two
// bytes each (104 bytes in memory), and sets of one member (a map each).
// Everything that a method returns keeps the rules that the rest of the package
// relies on: lists are in order and name nothing twice, numbers and stamps are in
// range.
//
// Nothing that is returned refers to the message, except by [Decoder.Bytes].
type Decoder struct {
	r      pack.Reader
	ids    []ReplicaID
	bases  []deltaBase // by index in ids
	copied copyBudget
	last   HLC // the stamp before, in entries
	err    error

	size  int      // of the message
	bound []uint64 // by index in ids, the highest number that dots may have; nil for no bound
}

// NewDecoder returns a decoder of the message b, which must not change while it
// is in use, and the message's tag, zero when its head cannot be read.
func NewDecoder(b []byte) (d *Decoder, tag uint8) {
	d = &Decoder{}
	tag = d.Reset(b)
	return d, tag
}

// Reset makes d a decoder of the message b as if new, but for the memory that it
// keeps, and returns the message's tag.
func (d *Decoder) Reset(b []byte) (tag uint8) {
	clear(d.bases)
	*d = Decoder{ids: d.ids[:0], bases: d.bases[:0], size: len(b)}
	d.r.Reset(b)
	if n := d.r.Array(1); n < 3 && d.r.Err() == nil {
		d.r.Fail(errMissing)
	}
	if v := d.r.Uint(); v != wireVersion && d.r.Err() == nil {
		if v == 0 {
			d.r.Fail(errors.New("message has no version"))
		}
		d.r.Fail(fmt.Errorf("%w: message has version %d, want %d", ErrUnknown, v, wireVersion))
	}
	t := d.r.Uint()
	if t > 255 {
		d.r.Fail(fmt.Errorf("%w: message has tag %d", ErrUnknown, t))
	}
	d.table()
	if d.r.Err() != nil {
		return 0
	}
	return uint8(t)
}

// table reads the replica IDs.
func (d *Decoder) table() {
	n := d.r.Array(1)
	if cap(d.ids) < n {
		d.ids = make([]ReplicaID, 0, n)
	}
	for range n {
		r := ReplicaID(d.r.Uint())
		if r == 0 {
			d.r.Fail(errReplica)
			return
		}
		d.ids = append(d.ids, r)
	}
}

// Err returns the first error, nil if there was none. It wraps [ErrCodec] or
// [ErrUnknown].
func (d *Decoder) Err() error {
	err := d.r.Err()
	if err == nil {
		return nil
	}
	if d.err == nil {
		d.err = err
		if !errors.Is(err, ErrUnknown) {
			d.err = fmt.Errorf("%w: %w", ErrCodec, err)
		}
	}
	return d.err
}

// Done skips the fields that have not been read, which a newer version has
// added, and returns Err. Bytes after the message are an error.
func (d *Decoder) Done() error {
	for d.r.Depth() > 0 {
		d.r.Skip()
	}
	d.r.Done()
	return d.Err()
}

// Fail makes err the decoder's error if it has none yet: for a value that is well
// formed but makes no sense.
func (d *Decoder) Fail(err error) { d.r.Fail(err) }

// More reports whether the message has another field. It says nothing inside an
// array or record.
func (d *Decoder) More() bool { return d.r.Depth() > 0 }

// Len returns how many bytes are left, zero after an error.
func (d *Decoder) Len() int { return d.r.Len() }

// Uint reads an integer that is not negative.
func (d *Decoder) Uint() uint64 { return d.r.Uint() }

// Int reads an integer.
func (d *Decoder) Int() int64 { return d.r.Int() }

// Float reads a float.
func (d *Decoder) Float() float64 { return d.r.Float() }

// Bool reads a bool.
func (d *Decoder) Bool() bool { return d.r.Bool() }

// Nil reports whether the next value is nil, and takes it if so.
func (d *Decoder) Nil() bool { return d.r.Nil() }

// Bytes reads a byte string or text without copying: it is a part of the message.
func (d *Decoder) Bytes() []byte { return d.r.Bytes() }

// String reads a byte string or text. It takes a value: do not print Decoders.
func (d *Decoder) String() string { return d.r.String() }

// Array reads the header of an array and returns how many elements follow. It
// fails when that many, of at least minElem bytes each, cannot be in the bytes
// left.
func (d *Decoder) Array(minElem int) int { return d.r.Array(minElem) }

// Record reads the header of a record, see [pack.Rec].
func (d *Decoder) Record() pack.Rec { return d.r.Record() }

// Skip moves past one value of any type.
func (d *Decoder) Skip() { d.r.Skip() }

// Replica reads a replica ID.
func (d *Decoder) Replica() ReplicaID {
	r, _ := d.replica()
	return r
}

// Dot reads a dot, which may be zero.
func (d *Decoder) Dot() Dot {
	if d.pairs() == 0 {
		return Dot{}
	}
	return d.dot()
}

// Vector reads a vector.
func (d *Decoder) Vector() Vector { return d.vector() }

// Horizon reads a horizon.
func (d *Decoder) Horizon() Horizon { return d.horizon() }

// Delta reads a delta, nil after an error. Deltas of one message share Deps:
// read only.
func (d *Decoder) Delta() *Delta { return d.delta() }

// Entry reads an entry, nil after an error.
func (d *Decoder) Entry() *Entry { return d.entry() }

// Snapshot reads the three values that [Encoder.Snapshot] wrote, nil after an
// error. Keys are in ascending order; the vector has seen the horizon and every
// write in the entries.
func (d *Decoder) Snapshot() *Snapshot { return d.snapshot() }
