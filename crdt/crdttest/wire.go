package crdttest

import (
	"bytes"
	"fmt"

	"github.com/atollcache/atoll/crdt"
)

// canonical returns the bytes of a partition's state: equal states, equal bytes.
// The lowest stamp is left out: one delta for several writes does not tell that of
// the first.
func canonical(p *crdt.Partition) []byte {
	s := p.Snapshot()
	s.First = 0
	return encode(s)
}

func encode(s *crdt.Snapshot) []byte { return crdt.AppendSnapshot(nil, s, 0, len(s.Entries)) }

// throughWire returns a delta as its receiver decodes it.
func throughWire(d *crdt.Delta) (*crdt.Delta, error) {
	b := crdt.AppendDelta(nil, d)
	out, err := crdt.DecodeDelta(b)
	if err != nil {
		return nil, fmt.Errorf("decode delta %v that was encoded as %x: %w", d.Dot, b, err)
	}
	if again := crdt.AppendDelta(nil, out); !bytes.Equal(b, again) {
		return nil, fmt.Errorf("delta %v was decoded from %x and encoded as %x", d.Dot, b, again)
	}
	return out, nil
}

// stateThroughWire returns a whole state as its receiver decodes it.
func stateThroughWire(s *crdt.Snapshot) (*crdt.Snapshot, error) {
	b := encode(s)
	out, err := crdt.DecodeSnapshot(b)
	if err != nil {
		return nil, fmt.Errorf("decode state at %v that was encoded as %x: %w", s.Vector, b, err)
	}
	if again := encode(out); !bytes.Equal(b, again) {
		return nil, fmt.Errorf("state at %v was decoded from %x and encoded as %x", s.Vector, b, again)
	}
	return out, nil
}

// sameLive checks that two partitions have the same bytes for what they show at
// some times, however far each has got with forgetting what it does not.
func sameLive(p, o *crdt.Partition, times ...int64) error {
	for _, key := range append(p.Keys(), o.Keys()...) {
		for _, now := range times {
			have, want := p.Entry(key).AppendLive(nil, key, now), o.Entry(key).AppendLive(nil, key, now)
			if !bytes.Equal(have, want) {
				return fmt.Errorf("%s at %d: want live %x, have %x", key, now-epoch, want, have)
			}
		}
	}
	return nil
}
