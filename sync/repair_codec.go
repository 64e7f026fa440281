package sync

import (
	"fmt"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/sync/riblt"
)

// encodeRepair writes what the messages of a comparison have beside their head.
func encodeRepair(e *crdt.Encoder, m *Message) {
	switch m.Kind {
	case KindCompare:
		e.Int(m.At)
		encodeRange(e, m.Range)
		e.Uint(uint64(m.Index))
		e.Uint(uint64(m.Count))
	case KindSymbols:
		e.Int(m.At)
		encodeRange(e, m.Range)
		e.Uint(uint64(m.Index))
		e.Uint(m.Digest.Sum)
		e.Uint(uint64(m.Digest.Keys))
		e.Text(string(riblt.AppendSymbols(nil, m.Symbols)))
		e.Vector(m.Vector)
	case KindMend:
		e.Int(m.At)
		encodeRange(e, m.Range)
		e.Array(len(m.Items))
		for _, item := range m.Items {
			e.Uint(item)
		}
		e.Snapshot(m.Piece, 0, len(m.Piece.Keys))
	case KindMended:
		e.Snapshot(m.Piece, 0, len(m.Piece.Keys))
		e.Uint(uint64(m.Count))
	}
}

func encodeRange(e *crdt.Encoder, r Range) {
	e.Uint(r.Seed)
	e.Uint(uint64(r.Bits))
	e.Uint(r.Prefix)
}

// decodeRepair reads what encodeRepair wrote.
func decodeRepair(d *crdt.Decoder, m *Message) {
	switch m.Kind {
	case KindCompare:
		m.At, m.Range = d.Int(), decodeRange(d)
		m.Index, m.Count = decodeIndex(d), decodeIndex(d)
	case KindSymbols:
		m.At, m.Range = d.Int(), decodeRange(d)
		m.Index = decodeIndex(d)
		m.Digest = crdt.Digest{Sum: d.Uint(), Keys: decodeIndex(d)}
		var err error
		if m.Symbols, err = riblt.DecodeSymbols(d.Bytes(), MaxSymbols); err != nil {
			d.Fail(err)
		}
		m.Vector = d.Vector()
	case KindMend:
		m.At, m.Range = d.Int(), decodeRange(d)
		for range d.Array(1) {
			if d.Err() != nil {
				break
			}
			m.Items = append(m.Items, d.Uint())
		}
		m.Piece = d.Snapshot()
	case KindMended:
		m.Piece = d.Snapshot()
		m.Count = decodeIndex(d)
	}
}

func decodeRange(d *crdt.Decoder) Range {
	r := Range{Seed: d.Uint()}
	bits := d.Uint()
	if bits > maxRangeBits {
		d.Fail(fmt.Errorf("range of %d bits, at most %d are allowed", bits, maxRangeBits))
		return r
	}
	r.Bits, r.Prefix = int(bits), d.Uint()
	return r
}
