package pebblestore

import (
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// Batch collects what has changed in partitions. It is not safe for concurrent use;
// several batches may be filled and committed at the same time. It costs memory
// until it is committed, and is of no use afterwards; one that is not committed
// needs nothing done.
type Batch struct {
	s    *Store
	b    *pebble.Batch
	part *pebble.Batch // a partition's share, while it may still fail
	row  []byte
	val  []byte
	done bool
}

// NewBatch returns an empty batch.
func (s *Store) NewBatch() *Batch { return &Batch{s: s, b: s.db.NewBatch()} }

// Bytes returns how much the batch holds.
func (b *Batch) Bytes() int { return b.b.Len() }

// Len returns how many rows the batch changes.
func (b *Batch) Len() int { return int(b.b.Count()) }

// Save saves what has changed in a partition since it was last saved, with its head,
// and returns the epoch that [crdt.Partition.Saved] or Unsaved is to be told of after
// Commit. The caller holds the partition's lock. On an error, ErrBatchFull or one of
// the partition's, neither the batch nor the partition has changed.
func (b *Batch) Save(p region.Partition, from *crdt.Partition) (epoch uint64, err error) {
	if b.done {
		return 0, fmt.Errorf("save partition %d: %w", p, ErrClosed)
	}
	// An empty batch is written to directly: the one of many a partition is rare.
	to := b.b
	if !b.b.Empty() {
		if b.part == nil {
			b.part = b.s.db.NewBatch()
		}
		to = b.part
		defer to.Reset()
	}
	head, epoch, err := from.Save(func(u crdt.Put) error {
		n := b.b.Len()
		if to != b.b {
			n += to.Len()
		}
		if n > b.s.cfg.MaxBatchBytes {
			return fmt.Errorf("%w: %d bytes", ErrBatchFull, n)
		}
		return b.put(to, p, &u)
	})
	if err != nil {
		if to == b.b {
			b.b.Reset()
		}
		return 0, fmt.Errorf("save partition %d: %w", p, err)
	}
	err = to.Set(appendRow(b.row[:0], tableHead, p), crdt.AppendHead(b.val[:0], head), nil)
	if err == nil && to != b.b {
		err = b.b.Apply(to, nil)
	}
	if err != nil {
		from.Unsaved(epoch)
		return 0, fmt.Errorf("save partition %d: %w", p, err)
	}
	return epoch, nil
}

// put puts one change of a partition into a batch.
func (b *Batch) put(to *pebble.Batch, p region.Partition, u *crdt.Put) error {
	if u.Clear {
		for _, table := range partitionTables {
			if err := to.DeleteRange(appendRow(nil, table, p), rowsEnd(table, p), nil); err != nil {
				return err
			}
		}
		return nil
	}
	if err := b.putEntry(to, p, u); err != nil {
		return err
	}
	if err := b.putExpiry(to, p, u); err != nil {
		return err
	}
	return b.putResidue(to, p, u)
}

func (b *Batch) putEntry(to *pebble.Batch, p region.Partition, u *crdt.Put) error {
	b.row = appendKeyRow(b.row[:0], tableEntry, p, u.Key)
	switch {
	case u.IsGone():
		return to.Delete(b.row, nil)
	case u.Patch != nil:
		b.val = appendPatchValue(b.val[:0], u.Patch)
		return to.Merge(b.row, b.val, nil)
	default:
		b.val = appendEntryValue(b.val[:0], u.Entry)
		return to.Set(b.row, b.val, nil)
	}
}

func (b *Batch) putExpiry(to *pebble.Batch, p region.Partition, u *crdt.Put) error {
	if u.ExpireAt == u.WasExpireAt {
		return nil
	}
	if u.WasExpireAt != crdt.Never {
		b.row = appendExpiryRow(b.row[:0], p, u.WasExpireAt, u.Key)
		if err := to.Delete(b.row, nil); err != nil {
			return err
		}
	}
	if u.ExpireAt == crdt.Never {
		return nil
	}
	b.row = appendExpiryRow(b.row[:0], p, u.ExpireAt, u.Key)
	return to.Set(b.row, nil, nil)
}

func (b *Batch) putResidue(to *pebble.Batch, p region.Partition, u *crdt.Put) error {
	if u.Residue == u.WasResidue {
		return nil
	}
	b.row = appendKeyRow(b.row[:0], tableResidue, p, u.Key)
	if u.Residue == 0 {
		return to.Delete(b.row, nil)
	}
	b.val = binary.AppendUvarint(b.val[:0], uint64(u.Residue))
	return to.Set(b.row, b.val, nil)
}

// Drop forgets everything that was committed of a partition, before what is saved of
// it afterwards in the same batch.
func (b *Batch) Drop(p region.Partition) error {
	return b.put(b.b, p, &crdt.Put{Clear: true})
}

// Commit makes everything in the batch visible, as one. With sync it is on disk, with
// all that was committed before, when Commit returns nil; without, the package comment
// says what a crash takes. It blocks while the disk works, and while compactions have
// fallen too far behind. After an error it is not known whether a restart will find
// it. An empty batch with sync does what [Store.Sync] does.
func (b *Batch) Commit(sync bool) error {
	if b.done {
		return fmt.Errorf("commit: %w", ErrClosed)
	}
	b.done = true
	if err := b.s.commit("commit", b.b, sync); err != nil {
		return err // Pebble may still have it.
	}
	return b.b.Close()
}
