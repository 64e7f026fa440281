package pebblestore

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// Tier returns what is kept of a partition, as of the last commit. It costs
// nothing, reads when it is called, and is safe for concurrent use.
func (s *Store) Tier(p region.Partition) crdt.Tier { return &tier{s, p} }

type tier struct {
	s *Store
	p region.Partition
}

var (
	errRowKey  = errors.New("row's key is cut short")
	errResidue = errors.New("residue is no number")
)

// Load implements crdt.Tier.
func (t *tier) Load(key string) (e *crdt.Entry, err error) {
	row := appendKeyRow(make([]byte, 0, 64), tableEntry, t.p, key)
	err = t.s.view(row, func(value []byte) (err error) {
		e, err = decodeValue(row, value)
		return err
	})
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Each implements crdt.Tier.
func (t *tier) Each(from string, f func(key string, e *crdt.Entry) bool) error {
	first := appendKeyRow(nil, tableEntry, t.p, from)
	return t.s.scan(first, rowsEnd(tableEntry, t.p), func(row, value []byte) (bool, error) {
		e, err := decodeValue(row, value)
		if err != nil || e == nil {
			return err == nil, err
		}
		return f(string(row[rowHead:]), e), nil
	})
}

// Due implements crdt.Tier.
func (t *tier) Due(from, to int64, f func(key string, at int64) bool) error {
	if from >= to {
		return nil
	}
	first, end := appendExpiryBound(nil, t.p, from), appendExpiryBound(nil, t.p, to)
	return t.s.scan(first, end, func(row, _ []byte) (bool, error) {
		if len(row) < rowHead+8 {
			return false, fmt.Errorf("%s: %w: %w", rowName(row), ErrDamaged, errRowKey)
		}
		at := int64(binary.BigEndian.Uint64(row[rowHead:]))
		return f(string(row[rowHead+8:]), at), nil
	})
}

// Residues implements crdt.Tier.
func (t *tier) Residues(f func(key string, bytes int) bool) error {
	return t.s.scan(appendRow(nil, tableResidue, t.p), rowsEnd(tableResidue, t.p), func(row, value []byte) (bool, error) {
		n, size := binary.Uvarint(value)
		if size != len(value) || int(n) < 0 {
			return false, fmt.Errorf("%s: %w: %w", rowName(row), ErrDamaged, errResidue)
		}
		return f(string(row[rowHead:]), int(n)), nil
	})
}
