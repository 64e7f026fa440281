package pebblestore

import (
	"context"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// SetLayout sets how tables are laid out.
func (c *Config) SetLayout(block, index, filter int, compression *sstable.CompressionProfile) {
	c.layout = layout{block, index, filter, compression}
}

// Put puts one change into the batch.
func (b *Batch) Put(p region.Partition, u crdt.Put) error { return b.put(b.b, p, &u) }

// SetRow sets the value of an entry's row and merges an operand, those that are not
// nil.
func (s *Store) SetRow(p region.Partition, key string, value, operand []byte) error {
	row := appendKeyRow(nil, tableEntry, p, key)
	if value != nil {
		if err := s.db.Set(row, value, pebble.Sync); err != nil || operand == nil {
			return err
		}
	}
	return s.db.Merge(row, operand, pebble.Sync)
}

// Compact flushes, and compacts everything to one level.
func (s *Store) Compact(all bool) error {
	if err := s.db.Flush(); err != nil || !all {
		return err
	}
	return s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false)
}

// PatchValue returns the operand that holds a patch.
func PatchValue(p *crdt.Patch) []byte { return appendPatchValue(nil, p) }

// MergeValues merges values, oldest first.
func MergeValues(base bool, values ...[]byte) ([]byte, error) {
	m, err := newMerger().Merge(nil, values[0])
	if err != nil {
		return nil, err
	}
	for _, v := range values[1:] {
		if err := m.MergeNewer(v); err != nil {
			return nil, err
		}
	}
	out, _, err := m.Finish(base)
	return out, err
}
