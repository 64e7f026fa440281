package crdt

import (
	"fmt"

	"github.com/atollcache/atoll/crdt/pack"
)

// # The format
//
// A message is one msgpack array, written with package pack:
//
//	[version, tag, replicas, field, field, ...]
//
// The replica IDs that a message names are written once, in the array replicas;
// everywhere else a replica is its index there. Fields that a newer version adds
// come last and are skipped by an older one; fields that an older one does not
// write yet get their defaults. The same holds for every record below, which is
// an array read field by field. Trailing fields that have their default value
// are left off. Lists of things that will not get more fields are flat: their
// values follow each other without a header each.
//
//	vector        [replica, number, ...]                        by replica ID
//	stamp         milliseconds since the previous stamp, counter     two values
//	number        integer part, float part or nil for zero           two values
//	delta         [replica, number, stamp, deps, key, effects, span, requests]
//	effects       [[code, ...], ...]              code is operation + 16 * kind
//	  clear       [code, seen]               seen: kind, field, replica, number, sum
//	  put         [code, field, value, seen] seen: replica, number, sum
//	  remove      [code, field, seen]
//	  add         [code, field, number - start, sum]
//	  expire      [code, at - the stamp's milliseconds, or nil for never]
//	  cut         [code, stamp]              left off when it is the delta's own
//	  expirefield [code, field, at - the stamp's milliseconds, or nil for never, seen, stamp]
//	  settle      [code, seen, stamp]        seen: as of clear; the kind may be none
//	  retire      [code, replica, number]    all effects are, by replica, and the key is empty
//	  fill        [code, value, stamp, at - the delta's milliseconds, or nil for never]
//	  bar         [code]
//	  fills       [code, stage]              the only effect, and the key is empty
//	entry         [string's cell or nil, sections, expiries, mortal, cut, fills, bars]
//	  sections    [kind, [field, cell, ...], ...]       by kind, then by field
//	  expiries    [replica, number, stamp, at - its milliseconds, or nil, ...]
//	  mortal      [replica, number, ...]                         by dot
//	  cut         [stamp]; two zeros for none where something follows
//	  fills       [replica, number, stamp, ...]                  by dot
//	  bars        [replica, number, stamp, ...]                  by replica
//	  cell        [writes, contributions, expiries, mortal]   the last two of a hash's field
//	  writes      [replica, number, stamp, value, ...]      highest version first
//	  contributions  [replica, number, number - start, stamp, sum,
//	              number removed, sum removed, ...]                by replica ID
//	horizon       [vector, stamp]
//	snapshot      fields: vector, roll, [key, entry, ...]          by key
//	roll          [horizon's vector, horizon's stamp, retired, ended, first stamp, evicts, fills, their replica, number]
//	  retired     [replica, number, its replica, its number, its stamp, ...]
//	  ended       [replica, number, ...]                         oldest first
//	head          fields: vector, roll, stamp as one number, keys, bytes
//	patch         fields: entry, [kind, field, ...]     cells that go, by kind, then by field
//
// A field name is left out of the effects on a string. A delta is written as the
// difference to the delta before it, in the same message, of the same origin:
// the number and the stamp are differences, and deps is nil when it is the same,
// the pairs that grew, by how much, when it only grew, and nil followed by all
// pairs when not. span is how many writes before its own the delta stands for.
// In entries, the previous stamp is the one written before it in the message.

// wireVersion is the version of the format. It changes only when an older
// version could not skip what is new.
const wireVersion = 1

// Tags of the messages that this package writes by itself. Tags below 16 are
// its; the messages of other packages take tags from 16 on.
const (
	TagVector   uint8 = 1 // [AppendVector]
	TagEntry    uint8 = 2 // [AppendEntry]
	TagDelta    uint8 = 3 // [AppendDelta]
	TagSnapshot uint8 = 4 // [AppendSnapshot]
	TagHead     uint8 = 5 // [AppendHead]
	TagPatch    uint8 = 6 // [AppendPatch]
)

// MinDeltaBytes and MinEntryBytes are the fewest bytes that a delta or an entry
// takes inside a message, for [Decoder.Array].
const (
	MinDeltaBytes = 8
	MinEntryBytes = 1
)

// Encoder builds one message: write the fields with its methods, in order, then
// call [Encoder.Append]. The zero value is ready, Reset makes it ready again and
// keeps its memory, so that in the long run encoding does not allocate.
//
// The replicas of a message are listed in the order in which they are first
// named: indexes are needed before all names are known. Two encoders that are
// given the same values in the same order write the same bytes; the standalone
// forms, such as [AppendEntry], list replicas by ID, so that there equal states
// are equal bytes.
type Encoder struct {
	body   []byte
	fields int                // values at the top of the message
	open   [pack.MaxDepth]int // values that open arrays still lack, outermost first
	depth  int

	table  replicaTable
	bases  []deltaBase // by index in the table
	copied copyBudget
	last   HLC // the stamp before, in entries
	names  []string
}

// Reset drops what has been written.
func (e *Encoder) Reset() {
	clear(e.bases) // They would keep deltas' memory alive.
	e.table.reset()
	*e = Encoder{body: e.body[:0], table: e.table, bases: e.bases[:0], names: e.names}
}

// Len returns how many bytes have been written, without the message's head: nine
// bytes per replica and a few more.
func (e *Encoder) Len() int { return len(e.body) }

// Append appends the message to dst. It panics when an array lacks elements.
func (e *Encoder) Append(dst []byte, tag uint8) []byte {
	if e.depth > 0 {
		panic(fmt.Sprintf("crdt: message %d ends inside an array that lacks %d elements", tag, e.open[e.depth-1]))
	}
	dst = appendHead(dst, tag, e.table.ids, e.fields)
	return append(dst, e.body...)
}

func appendHead(dst []byte, tag uint8, ids []ReplicaID, fields int) []byte {
	dst = pack.AppendArray(dst, 3+fields)
	dst = pack.AppendUint(dst, wireVersion)
	dst = pack.AppendUint(dst, uint64(tag))
	dst = pack.AppendArray(dst, len(ids))
	for _, r := range ids {
		dst = pack.AppendUint(dst, uint64(r))
	}
	return dst
}

// wrote counts one value as complete, and the arrays of which it was the last.
func (e *Encoder) wrote() {
	if e.depth == 0 {
		e.fields++
		return
	}
	e.open[e.depth-1]--
	for e.depth > 0 && e.open[e.depth-1] == 0 {
		e.depth--
	}
}

// Uint writes v.
func (e *Encoder) Uint(v uint64) {
	e.body = pack.AppendUint(e.body, v)
	e.wrote()
}

// Int writes v.
func (e *Encoder) Int(v int64) {
	e.body = pack.AppendInt(e.body, v)
	e.wrote()
}

// Float writes v.
func (e *Encoder) Float(v float64) {
	e.body = pack.AppendFloat(e.body, v)
	e.wrote()
}

// Bool writes v.
func (e *Encoder) Bool(v bool) {
	e.body = pack.AppendBool(e.body, v)
	e.wrote()
}

// Nil writes nil, the mark of an absent value.
func (e *Encoder) Nil() {
	e.body = pack.AppendNil(e.body)
	e.wrote()
}

// String writes a byte string, such as a key. It panics when s has 4 GiB or more.
func (e *Encoder) String(s string) {
	e.body = pack.AppendString(e.body, s)
	e.wrote()
}

// Text writes a string that people read. It panics when s has 4 GiB or more.
func (e *Encoder) Text(s string) {
	e.body = pack.AppendText(e.body, s)
	e.wrote()
}

// Array begins an array, or a record, of the next n values. It panics when
// arrays are nested deeper than any [Decoder] takes.
func (e *Encoder) Array(n int) {
	e.body = pack.AppendArray(e.body, n)
	if n == 0 {
		e.wrote()
		return
	}
	e.nest(1)
	if e.depth > 0 {
		// The array is left open: only its last value may close the one around it.
		e.open[e.depth-1]--
	} else {
		e.fields++
	}
	e.open[e.depth] = n
	e.depth++
}

// nest panics unless arrays of so many more levels can be written. The message
// itself is an array too, and takes one.
func (e *Encoder) nest(levels int) {
	if 1+e.depth+levels > pack.MaxDepth {
		panic(fmt.Sprintf("crdt: a message's arrays are nested deeper than %d", pack.MaxDepth))
	}
}

// Replica writes a replica's index; the ID itself goes into the message's head.
func (e *Encoder) Replica(r ReplicaID) {
	e.replica(r)
	e.wrote()
}

// Dot writes d, which may be zero, as an array of two.
func (e *Encoder) Dot(d Dot) {
	if d.IsZero() {
		e.body = pack.AppendArray(e.body, 0)
	} else {
		e.body = pack.AppendArray(e.body, 2)
		e.dot(d)
	}
	e.wrote()
}

// Vector writes v.
func (e *Encoder) Vector(v Vector) {
	e.vector(v)
	e.wrote()
}

// Horizon writes h. It panics inside more than five arrays.
func (e *Encoder) Horizon(h Horizon) {
	e.roll(&Snapshot{Horizon: h})
}

// roll writes what a snapshot says beside its vector and entries.
func (e *Encoder) roll(s *Snapshot) {
	e.nest(2)
	r := e.begin()
	e.vector(s.Horizon.Vector)
	e.wroteFields(&r, 1, len(s.Horizon.Vector) == 0)
	e.stamp(0, s.Horizon.Stamp)
	e.wroteFields(&r, 2, s.Horizon.Stamp == 0)
	e.body = pack.AppendArray(e.body, retirementStride*len(s.Retired))
	for _, o := range s.Retired {
		e.dot(o.Last)
		e.dot(o.By)
		e.stamp(0, o.Stamp)
	}
	e.wroteFields(&r, 1, len(s.Retired) == 0)
	e.vector(s.Ended)
	e.wroteFields(&r, 1, len(s.Ended) == 0)
	e.stamp(0, s.First)
	e.wroteFields(&r, 2, s.First == 0)
	e.body = pack.AppendBool(e.body, s.Evicts)
	e.wroteFields(&r, 1, !s.Evicts)
	e.uint(uint64(s.Fills))
	e.wroteFields(&r, 1, s.Fills == NoFills)
	if s.Fills != NoFills {
		e.dot(s.FillsBy)
		e.wroteFields(&r, 2, false)
	}
	e.end(&r)
	e.wrote()
}

// retirementStride is how many values a retirement takes.
const retirementStride = 6

// Delta writes d, at the cost of little more than its key and values when it
// follows a delta of the same origin. d and its Deps must not change before
// Reset. It panics inside more than three arrays.
func (e *Encoder) Delta(d *Delta) {
	e.nest(4)
	e.delta(d)
	e.wrote()
}

// Snapshot writes the entries from (inclusive) to to (exclusive) of s with its
// vector and roll, as three fields or elements.
func (e *Encoder) Snapshot(s *Snapshot, from, to int) {
	e.Vector(s.Vector)
	e.roll(s)
	e.Array(2 * (to - from))
	for i := from; i < to; i++ {
		e.String(s.Keys[i])
		e.Entry(s.Entries[i])
	}
}

// Entry writes x, nil being the empty entry. It panics inside more than two
// arrays.
func (e *Encoder) Entry(x *Entry) {
	e.nest(5)
	e.entry(x)
	e.wrote()
}

// record is the head of a record being written. Its header is written first, for
// no more than 15 fields, and set right at the end, without the trailing fields
// that have their default value.
type record struct {
	at   int // where the header is
	n    int // fields written
	kept int // of these, up to the last that is not at its default
	end  int // where that one ends
}

func (e *Encoder) begin() record {
	e.body = pack.AppendArray(e.body, 0)
	return record{at: len(e.body) - 1, end: len(e.body)}
}

// wroteFields counts n more fields as written.
func (e *Encoder) wroteFields(r *record, n int, isDefault bool) {
	r.n += n
	if !isDefault {
		r.kept, r.end = r.n, len(e.body)
	}
}

func (e *Encoder) end(r *record) {
	pack.AppendArray(e.body[:r.at], r.kept)
	e.body = e.body[:r.end]
}
