package sync

import (
	"fmt"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// # The format
//
// A message is one of package crdt's: [version, tag, replicas, field, ...], with
// the fields below. An array of fields may grow at its end.
//
//	deltas    partition, sender, region, flags, [delta, ...],
//	          [partition, [delta, ...], ...]
//	heads     sender, region,
//	          [[partition, vector, held, clock, at, digest, keys, refused, passing, kept, retired], ...]
//	pull      partition, sender, region, vector
//	fetch     partition, sender, region, session, index
//	snapshot  partition, sender, region, session, index, last, clock,
//	          vector, roll, [key, entry, ...], standing, unmet
//	refusal   partition, sender, region
//	compare   partition, sender, region, at, range, index, count
//	symbols   partition, sender, region, at, range, index, digest, keys, symbols, vector
//	mend      partition, sender, region, at, range, [item, ...],
//	          vector, roll, [key, entry, ...]
//	mended    partition, sender, region, vector, roll, [key, entry, ...], count
//	want      partition, sender, region, vector, only, [key, ...]
//	given     partition, sender, region, vector, roll, [key, entry, ...], [key, ...]
//
// Package crdt says what a roll is. Kept repeats the vector where only retired follows. A range is a seed, a number of bits and a prefix. The last fields of heads
// and of a snapshot are missing where they say nothing.

// tagBase is the tag of the first kind; package crdt uses the tags below 16.
const tagBase = 16

// Flags of a message of deltas.
const (
	flagAnswer = 1 << iota
	flagTruncated
)

// MaxRegion is the longest name of a region in a message, in bytes.
const MaxRegion = 64

// Encode returns the bytes of one message.
func Encode(m *Message) []byte {
	switch m.Kind {
	case KindHeads:
		return EncodeHeads([]*Message{m})
	case KindDeltas:
		return EncodeDeltas([]*Message{m})
	}
	var e crdt.Encoder
	e.Uint(uint64(m.Partition))
	e.Replica(m.From)
	e.Text(m.Region)
	switch m.Kind {
	case KindPull:
		e.Vector(m.Vector)
	case KindFetch:
		e.Uint(m.Session)
		e.Uint(uint64(m.Index))
	case KindSnapshot:
		e.Uint(m.Session)
		e.Uint(uint64(m.Index))
		e.Bool(m.Last)
		e.Uint(uint64(m.Clock))
		e.Snapshot(m.Piece, 0, len(m.Piece.Keys))
		e.Uint(uint64(m.Standing))
		if len(m.Unmet) > 0 {
			e.Vector(m.Unmet)
		}
	case KindWant, KindGiven:
		encodeWant(&e, m)
	default:
		encodeRepair(&e, m)
	}
	return e.Append(nil, tagBase+uint8(m.Kind))
}

// EncodeDeltas returns the bytes of deltas of one sender for several partitions as one
// message. All but the first are not answers. Who reads only the first, as versions
// before did, finds a gap in the others and pulls them.
func EncodeDeltas(ms []*Message) []byte {
	var e crdt.Encoder
	var flags uint64
	if ms[0].Answer {
		flags |= flagAnswer
	}
	if ms[0].Truncated {
		flags |= flagTruncated
	}
	e.Uint(uint64(ms[0].Partition))
	e.Replica(ms[0].From)
	e.Text(ms[0].Region)
	e.Uint(flags)
	encodeDeltas(&e, ms[0].Deltas)
	if rest := ms[1:]; len(rest) > 0 {
		e.Array(2 * len(rest))
		for _, m := range rest {
			e.Uint(uint64(m.Partition))
			encodeDeltas(&e, m.Deltas)
		}
	}
	return e.Append(nil, tagBase+uint8(KindDeltas))
}

func encodeDeltas(e *crdt.Encoder, deltas []*crdt.Delta) {
	e.Array(len(deltas))
	for _, d := range deltas {
		e.Delta(d)
	}
}

// EncodeHeads returns the bytes of many heads of one sender as one message.
func EncodeHeads(ms []*Message) []byte {
	var e crdt.Encoder
	e.Replica(ms[0].From)
	e.Text(ms[0].Region)
	e.Array(len(ms))
	for _, m := range ms {
		n := 4
		switch {
		case len(m.Retired) > 0:
			n = 11
		case m.Keeps:
			n = 10
		case m.Passing:
			n = 9
		case len(m.Refused) > 0:
			n = 8
		case m.At != 0:
			n = 7
		}
		e.Array(n)
		e.Uint(uint64(m.Partition))
		e.Vector(m.Vector)
		e.Vector(m.Held)
		e.Uint(uint64(m.Clock))
		if n >= 7 {
			e.Int(m.At)
			e.Uint(m.Digest.Sum)
			e.Uint(uint64(m.Digest.Keys))
		}
		if n >= 8 {
			e.Array(len(m.Refused))
			for _, r := range m.Refused {
				e.Replica(r)
			}
		}
		if n >= 9 {
			e.Bool(m.Passing)
		}
		if n >= 10 {
			e.Vector(m.kept())
		}
		if n >= 11 {
			e.Vector(m.Retired)
		}
	}
	return e.Append(nil, tagBase+uint8(KindHeads))
}

// IsMessage reports whether bytes begin like a message of this package, so that
// other kinds of messages can travel beside it.
func IsMessage(b []byte) bool {
	_, tag := crdt.NewDecoder(b)
	return tag > tagBase && tag < tagBase+uint8(numKinds)
}

// Decode reads a message: several for heads and deltas of many partitions, else one. The bytes may be hostile;
// an error wraps [ErrMessage]. What it returns does not refer to b.
func Decode(b []byte) ([]*Message, error) {
	d, tag := crdt.NewDecoder(b)
	kind := Kind(tag - tagBase)
	if tag <= tagBase || kind >= numKinds {
		if err := d.Err(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrMessage, err)
		}
		return nil, fmt.Errorf("%w: tag %d is not known", ErrMessage, tag)
	}
	var out []*Message
	switch kind {
	case KindHeads:
		out = decodeHeads(d)
	case KindDeltas:
		out = decodeDeltas(d)
	default:
		out = []*Message{decodeOne(d, kind)}
	}
	if err := d.Done(); err != nil {
		return nil, fmt.Errorf("%w: %v: %w", ErrMessage, kind, err)
	}
	return out, nil
}

func decodeOne(d *crdt.Decoder, kind Kind) *Message {
	m := &Message{Kind: kind, Partition: decodePartition(d), From: d.Replica(), Region: decodeRegion(d)}
	switch kind {
	case KindPull:
		m.Vector = d.Vector()
	case KindFetch:
		m.Session, m.Index = d.Uint(), decodeIndex(d)
	case KindSnapshot:
		m.Session, m.Index, m.Last, m.Clock = d.Uint(), decodeIndex(d), d.Bool(), crdt.HLC(d.Uint())
		m.Piece = d.Snapshot()
		if d.More() {
			m.Standing = decodeIndex(d)
		}
		if d.More() {
			m.Unmet = d.Vector()
		}
	case KindWant, KindGiven:
		decodeWant(d, m)
	default:
		decodeRepair(d, m)
	}
	return m
}

func decodeDeltas(d *crdt.Decoder) []*Message {
	first := &Message{Kind: KindDeltas, Partition: decodePartition(d), From: d.Replica(), Region: decodeRegion(d)}
	flags := d.Uint()
	first.Answer, first.Truncated = flags&flagAnswer != 0, flags&flagTruncated != 0
	first.Deltas = readDeltas(d)
	out := []*Message{first}
	if !d.More() {
		return out
	}
	n := d.Array(1)
	if n%2 != 0 {
		d.Fail(fmt.Errorf("%d partitions and deltas do not go in pairs", n))
	}
	for range n / 2 {
		if d.Err() != nil {
			break
		}
		m := &Message{Kind: KindDeltas, Partition: decodePartition(d), From: first.From, Region: first.Region, Deltas: readDeltas(d)}
		if len(m.Deltas) == 0 {
			d.Fail(fmt.Errorf("partition %d without deltas", m.Partition))
			break
		}
		out = append(out, m)
	}
	return out
}

func readDeltas(d *crdt.Decoder) (out []*crdt.Delta) {
	for range d.Array(crdt.MinDeltaBytes) {
		if d.Err() != nil {
			break
		}
		out = append(out, d.Delta())
	}
	return out
}

func decodeHeads(d *crdt.Decoder) []*Message {
	from, name := d.Replica(), decodeRegion(d)
	var out []*Message
	for range d.Array(5) {
		if d.Err() != nil {
			break
		}
		rec := d.Record()
		m := &Message{Kind: KindHeads, From: from, Region: name}
		if !rec.More() {
			d.Fail(fmt.Errorf("heads without a partition"))
			break
		}
		m.Partition = decodePartition(d)
		if rec.More() {
			m.Vector = d.Vector()
		}
		if rec.More() {
			m.Held = d.Vector()
		}
		if rec.More() {
			m.Clock = crdt.HLC(d.Uint())
		}
		if rec.More() {
			m.At = d.Int()
		}
		if rec.More() {
			m.Digest.Sum = d.Uint()
		}
		if rec.More() {
			m.Digest.Keys = decodeIndex(d)
		}
		if rec.More() {
			for range d.Array(1) {
				if d.Err() == nil {
					m.Refused = append(m.Refused, d.Replica())
				}
			}
		}
		if rec.More() {
			m.Passing = d.Bool()
		}
		if rec.More() {
			m.Kept, m.Keeps = d.Vector(), true
		}
		if rec.More() {
			m.Retired = d.Vector()
			if m.Kept.Equal(m.Vector) {
				m.Kept, m.Keeps = nil, false
			}
		}
		rec.End()
		out = append(out, m)
	}
	return out
}

func decodePartition(d *crdt.Decoder) region.Partition {
	n := d.Uint()
	if n >= region.Slots {
		d.Fail(fmt.Errorf("partition %d does not exist", n))
		return 0
	}
	return region.Partition(n)
}

func decodeRegion(d *crdt.Decoder) string {
	b := d.Bytes()
	if len(b) > MaxRegion {
		d.Fail(fmt.Errorf("region's name has %d bytes, at most %d are allowed", len(b), MaxRegion))
		return ""
	}
	return string(b)
}

func decodeIndex(d *crdt.Decoder) int {
	n := d.Uint()
	if n > 1<<40 {
		d.Fail(fmt.Errorf("piece %d is out of range", n))
		return 0
	}
	return int(n)
}
