package crdttest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// Disk is a [crdt.Tier] in memory: it keeps bytes, as a real one does, merges patches
// only when they are asked for, and fails on command. It also checks what it is
// given. The zero value is empty. It is not safe for concurrent use.
type Disk struct {
	// Fail, unless nil, is asked before each call of a Tier's method, and the call
	// fails with what it returns.
	Fail func(call string) error

	rows map[string]*diskRow
	head []byte
	lost bool // a batch did not come: keys may go that it would have brought
	torn bool // a batch may come twice: what was there before is not known
}

// diskRow is what a disk keeps of a key. Rows do not change; new ones replace them.
type diskRow struct {
	entry   []byte
	patches [][]byte // applied to it when it is read
	at      []int64  // where the index of expiries has it, false ones included
	bytes   int      // where the index of residues has it
}

// ErrFull is what a disk gives for a batch that it is told to refuse.
var ErrFull = errors.New("disk is full")

// Clone returns a copy that later batches do not reach.
func (d *Disk) Clone() *Disk {
	return &Disk{rows: maps.Clone(d.rows), head: d.head, lost: d.lost, torn: d.torn}
}

// Head returns the head of the last batch, the zero PartitionHead when there was none.
func (d *Disk) Head() (crdt.PartitionHead, error) {
	if d.head == nil {
		return crdt.PartitionHead{}, nil
	}
	return crdt.DecodeHead(d.head)
}

func (d *Disk) call(name string) error {
	if d.Fail == nil {
		return nil
	}
	return d.Fail(name)
}

func (r *diskRow) decode() (*crdt.Entry, error) {
	e, err := crdt.DecodeEntry(r.entry)
	if err != nil {
		return nil, err
	}
	for _, b := range r.patches {
		patch, err := crdt.DecodePatch(b)
		if err != nil {
			return nil, err
		}
		e.Patch(patch)
	}
	return e, nil
}

// Load implements crdt.Tier.
func (d *Disk) Load(key string) (*crdt.Entry, error) {
	if err := d.call("load"); err != nil {
		return nil, err
	}
	if r := d.rows[key]; r != nil {
		return r.decode()
	}
	return nil, nil
}

// Each implements crdt.Tier.
func (d *Disk) Each(from string, f func(key string, e *crdt.Entry) bool) error {
	for _, key := range slices.Sorted(maps.Keys(d.rows)) {
		if key < from {
			continue
		}
		if err := d.call("each"); err != nil {
			return err
		}
		e, err := d.rows[key].decode()
		if err != nil {
			return err
		}
		if !f(key, e) {
			return nil
		}
	}
	return d.call("each")
}

// Due implements crdt.Tier.
func (d *Disk) Due(from, to int64, f func(key string, at int64) bool) error {
	type due struct {
		key string
		at  int64
	}
	var found []due
	for key, r := range d.rows {
		for _, at := range r.at {
			if at >= from && at < to {
				found = append(found, due{key, at})
			}
		}
	}
	slices.SortFunc(found, func(a, b due) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.key, b.key)) })
	for _, x := range found {
		if err := d.call("due"); err != nil {
			return err
		}
		if !f(x.key, x.at) {
			return nil
		}
	}
	return d.call("due")
}

// Residues implements crdt.Tier.
func (d *Disk) Residues(f func(key string, bytes int) bool) error {
	for _, key := range slices.Sorted(maps.Keys(d.rows)) {
		if err := d.call("residues"); err != nil {
			return err
		}
		if n := d.rows[key].bytes; n > 0 && !f(key, n) {
			return nil
		}
	}
	return d.call("residues")
}

// Audit checks the disk's indices against its entries, and both against the head.
func (d *Disk) Audit() error {
	keys := 0
	for key, r := range d.rows {
		e, err := r.decode()
		if err != nil {
			return fmt.Errorf("%q on disk: %w", key, err)
		}
		if e.IsEmpty() {
			return fmt.Errorf("%q on disk is empty", key)
		}
		keys++
		if at := e.Due(); at != crdt.Never && !slices.Contains(r.at, at) {
			return fmt.Errorf("%q on disk is due at %d, its index says %v", key, at, r.at)
		}
		if plain := e.Plain(-1); plain != (r.bytes == 0) {
			return fmt.Errorf("%q on disk keeps nothing else: %t, its index says %d bytes", key, plain, r.bytes)
		}
	}
	h, err := d.Head()
	if err == nil && h.Keys != keys {
		err = fmt.Errorf("%d keys on disk, its head says %d", keys, h.Keys)
	}
	return err
}

// Batch gathers what one Save puts. Nothing of it is on the disk before Commit.
type Batch struct {
	disk *Disk
	rows map[string]*diskRow
	// Room is how many more puts there is room for; the next gives [ErrFull].
	// Below zero there is no bound.
	Room int
}

// Batch begins a batch.
func (d *Disk) Batch() *Batch { return &Batch{disk: d, rows: maps.Clone(d.rows), Room: -1} }

// Put notes one change, as [crdt.Partition.Save] wants it.
func (b *Batch) Put(u crdt.Put) error {
	if b.Room == 0 {
		return ErrFull
	}
	b.Room--
	if u.Clear {
		b.rows = nil
		return nil
	}
	old := b.rows[u.Key]
	if old == nil {
		old = &diskRow{}
	}
	if err := b.check(&u, old); err != nil {
		return err
	}
	if u.IsGone() {
		delete(b.rows, u.Key)
		return nil
	}
	next := &diskRow{entry: old.entry, patches: old.patches[:len(old.patches):len(old.patches)], bytes: u.Residue}
	for _, at := range old.at {
		if at != u.WasExpireAt {
			next.at = append(next.at, at)
		}
	}
	if u.ExpireAt != crdt.Never && !slices.Contains(next.at, u.ExpireAt) {
		next.at = append(next.at, u.ExpireAt)
	}
	if u.Entry != nil {
		next.entry, next.patches = crdt.AppendEntry(nil, u.Entry), nil
	}
	if u.Patch != nil {
		next.patches = append(next.patches, crdt.AppendPatch(nil, u.Patch))
	}
	if b.rows == nil {
		b.rows = map[string]*diskRow{}
	}
	b.rows[u.Key] = next
	return nil
}

// check checks what a put says of what was saved before.
func (b *Batch) check(u *crdt.Put, old *diskRow) error {
	switch {
	case u.Patch != nil && (u.Entry != nil || old.entry == nil):
		return fmt.Errorf("put of %q: a patch, and entry %t, on entry %t", u.Key, u.Entry != nil, old.entry != nil)
	case u.IsGone() && old.entry == nil && !b.disk.torn && !b.disk.lost:
		return fmt.Errorf("put of %q: gone, and was never there", u.Key)
	case b.disk.torn:
		return nil
	case old.bytes != u.WasResidue,
		(u.WasExpireAt == crdt.Never) != (len(old.at) == 0),
		len(old.at) > 0 && !slices.Contains(old.at, u.WasExpireAt):
		return fmt.Errorf("put of %q: was to expire at %d and kept %d bytes, the disk says %v and %d",
			u.Key, u.WasExpireAt, u.WasResidue, old.at, old.bytes)
	}
	return nil
}

// Commit puts the batch on the disk, with a head.
func (b *Batch) Commit(h crdt.PartitionHead) {
	b.disk.rows, b.disk.head = b.rows, crdt.AppendHead(nil, h)
}
