package crdt

import "fmt"

// AppendVector appends the message that holds v alone.
func AppendVector(dst []byte, v Vector) []byte {
	var t replicaTable
	t.addVector(v)
	e := newStandalone(dst, TagVector, t, 1)
	e.Vector(v)
	return e.body
}

// DecodeVector reads what [AppendVector] wrote. Errors wrap [ErrCodec] or
// [ErrUnknown].
func DecodeVector(b []byte) (Vector, error) {
	d, err := openStandalone(b, TagVector)
	if err != nil {
		return nil, err
	}
	v := d.Vector()
	return v, d.Done()
}

// AppendDelta appends the message that holds d alone.
func AppendDelta(dst []byte, d *Delta) []byte {
	var t replicaTable
	t.addDelta(d)
	e := newStandalone(dst, TagDelta, t, 1)
	e.Delta(d)
	return e.body
}

// DecodeDelta reads what [AppendDelta] wrote. Errors wrap [ErrCodec] or
// [ErrUnknown].
func DecodeDelta(b []byte) (*Delta, error) {
	d, err := openStandalone(b, TagDelta)
	if err != nil {
		return nil, err
	}
	return orNil(d.Delta(), d.Done())
}

// AppendEntry appends the message that holds e alone, nil being the empty entry.
// Equal entries give equal bytes, however they came to be.
func AppendEntry(dst []byte, e *Entry) []byte {
	var t replicaTable
	t.addEntry(e)
	enc := newStandalone(dst, TagEntry, t, 1)
	enc.Entry(e)
	return enc.body
}

// DecodeEntry reads what [AppendEntry] wrote. Errors wrap [ErrCodec] or
// [ErrUnknown].
func DecodeEntry(b []byte) (*Entry, error) {
	d, err := openStandalone(b, TagEntry)
	if err != nil {
		return nil, err
	}
	return orNil(d.Entry(), d.Done())
}

// AppendSnapshot appends a message that holds the entries from (inclusive) to to
// (exclusive) of s with its vector and horizon, so that large snapshots can
// travel in parts. Equal snapshots give equal bytes.
func AppendSnapshot(dst []byte, s *Snapshot, from, to int) []byte {
	var t replicaTable
	t.addRoll(s)
	for _, x := range s.Entries[from:to] {
		t.addEntry(x)
	}
	e := newStandalone(dst, TagSnapshot, t, 3)
	e.Snapshot(s, from, to)
	return e.body
}

// DecodeSnapshot reads what [AppendSnapshot] wrote, as [Decoder.Snapshot] does.
// Errors wrap [ErrCodec] or [ErrUnknown].
func DecodeSnapshot(b []byte) (*Snapshot, error) {
	d, err := openStandalone(b, TagSnapshot)
	if err != nil {
		return nil, err
	}
	return orNil(d.Snapshot(), d.Done())
}

// newStandalone begins a message at the end of dst, with a table of all the
// replicas that it will name.
func newStandalone(dst []byte, tag uint8, t replicaTable, fields int) *Encoder {
	t.sort()
	return &Encoder{body: appendHead(dst, tag, t.ids, fields), table: t}
}

func openStandalone(b []byte, want uint8) (*Decoder, error) {
	d, tag := NewDecoder(b)
	if tag != want {
		d.Fail(fmt.Errorf("message has tag %d, want %d", tag, want))
	}
	for i := 1; i < len(d.ids); i++ {
		if d.ids[i-1] >= d.ids[i] {
			d.Fail(errOrder)
		}
	}
	return d, d.Err()
}

func orNil[T any](v *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}
