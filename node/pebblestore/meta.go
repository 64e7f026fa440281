package pebblestore

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// Names of the rows that are of no partition.
const (
	metaIdentity = "identity"
	metaLife     = "life"
	metaClean    = "clean"
)

// Found is what a store held when it was opened.
type Found struct {
	// Created says that there was no store and one was made.
	Created bool
	// Clean says that MarkClean was the last change: everything that its life had
	// acknowledged is here. Otherwise its last writes may be missing, and a new life
	// must begin.
	Clean bool
	// Life is the replica ID that SetMeta was given last, zero when it never was.
	Life crdt.ReplicaID
	// Clock is the clock bound that SetMeta was given last: no stamp above it has been
	// given out.
	Clock crdt.HLC
	// Partitions are those that something is kept of, ascending.
	Partitions []region.Partition
}

const lifeBytes = 16

// SetMeta keeps the replica ID of the node's life, and the bound that its clock will
// not pass until SetMeta has been called again. Both are on disk when it returns nil,
// and with them everything that was committed before.
func (s *Store) SetMeta(life crdt.ReplicaID, clock crdt.HLC) error {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, lifeBytes), uint64(life))
	value = binary.BigEndian.AppendUint64(value, uint64(clock))
	b := s.db.NewBatch()
	if err := b.Set(metaRow(metaLife), value, nil); err != nil {
		return fmt.Errorf("set life: %w", err)
	}
	return s.commit("set life", b, true)
}

// MarkClean marks the store as complete, on disk when it returns nil: everything
// that the node has acknowledged has been committed. It waits for changes that are
// under way; those that come later are refused with ErrClosed, so that it is the
// last. Opening the store takes the mark away.
func (s *Store) MarkClean() error {
	s.use.Lock()
	if s.use.closed || s.use.final {
		s.use.Unlock()
		return fmt.Errorf("mark clean: %w", ErrClosed)
	}
	s.use.final = true
	for s.use.changes > 0 {
		s.use.none.Wait()
	}
	if s.use.closed {
		s.use.Unlock()
		return fmt.Errorf("mark clean: %w", ErrClosed)
	}
	s.use.changes++ // Close waits for the mark.
	s.use.Unlock()
	defer func() {
		s.use.Lock()
		defer s.use.Unlock()
		s.use.changes--
		s.use.none.Broadcast()
	}()
	return s.run("mark clean", func(db *pebble.DB) error {
		return db.Set(metaRow(metaClean), nil, pebble.Sync)
	})
}

// found reads what the store holds, and takes the clean mark away.
func (s *Store) found(id Identity) (f Found, err error) {
	kept, err := s.get(metaRow(metaIdentity))
	if err != nil {
		return f, err
	}
	if kept == nil {
		return f, fmt.Errorf("%w: the database does not say whose it is", ErrDamaged)
	}
	if !bytes.Equal(kept, id.encode()) {
		return f, fmt.Errorf("%w: the database is not of the store that %s speaks of", ErrForeign, identityFile)
	}
	life, err := s.get(metaRow(metaLife))
	switch {
	case err != nil:
		return f, err
	case life == nil:
	case len(life) != lifeBytes:
		return f, fmt.Errorf("row %q: %w: %d bytes, want %d", metaLife, ErrDamaged, len(life), lifeBytes)
	default:
		f.Life = crdt.ReplicaID(binary.BigEndian.Uint64(life))
		f.Clock = crdt.HLC(binary.BigEndian.Uint64(life[8:]))
	}
	if f.Partitions, err = s.partitions(); err != nil {
		return f, err
	}
	clean, err := s.get(metaRow(metaClean))
	if err != nil || clean == nil {
		return f, err
	}
	f.Clean = true
	return f, s.change("take the clean mark away", func(db *pebble.DB) error {
		return db.Delete(metaRow(metaClean), pebble.Sync)
	})
}

// partitions returns the partitions that have a head.
func (s *Store) partitions() (out []region.Partition, err error) {
	err = s.scan([]byte{tableHead}, []byte{tableHead + 1}, func(row, _ []byte) (bool, error) {
		if len(row) != rowHead {
			return false, fmt.Errorf("%s: %w: no head's key", rowName(row), ErrDamaged)
		}
		out = append(out, region.Partition(binary.BigEndian.Uint16(row[1:])))
		return true, nil
	})
	return out, err
}

// scan calls f for the rows from (inclusive) to (exclusive), in order, until f
// returns false or an error. f must not keep what it is given.
func (s *Store) scan(from, to []byte, f func(row, value []byte) (bool, error)) error {
	return s.read("read", func(db *pebble.DB) (err error) {
		it, err := db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
		if err != nil {
			return diskError("read "+rowName(from), err)
		}
		defer func() {
			if e := it.Close(); err == nil && e != nil {
				err = diskError("read after "+rowName(from), e)
			}
		}()
		for it.First(); it.Valid(); it.Next() {
			value, err := it.ValueAndErr()
			if err != nil {
				return diskError("read "+rowName(it.Key()), err)
			}
			if more, err := f(it.Key(), value); err != nil || !more {
				return err
			}
		}
		return nil
	})
}
