package crdt

import (
	"fmt"
	"slices"
	"unsafe"
)

// tiered is what a partition knows of its tier. An entry is in memory, or on the
// tier and nowhere else, or both; then it is clean when both are the same. What has
// changed is in memory until it is known to be saved, and a key that has changed
// and is not in memory is gone, whatever the tier says.
type tiered struct {
	from  Tier
	err   error // the first
	keys  int   // kept, in memory or not
	bytes int   // what they account for

	changed map[string]*change // since the last Save
	held    int                // bytes that cannot leave memory because of them
	blank   bool               // of the tier, nothing counts any more
	saving  saving
	epoch   uint64        // of the last Save
	saved   PartitionHead // as of the last Save
	keep    bool          // the next Save's head is to say what is shown

	absent *string // the tier was asked for it last and had nothing, which holds until it changes

	dueTo int64 // the schedule knows all that expires before

	// What begin found, for end.
	entriesBefore, bytesBefore int

	large  int // of an entry above so many bytes, what has changed is saved
	maxDue int // how many keys the schedule takes from the tier at once
}

// change is what a tier does not know of a key.
type change struct {
	was      row  // what is saved
	now      row  // what is being saved
	kept     bool // the tier has, or may have, something
	sections int  // the entry notes what changes and had so many; zero when it is to be saved whole
	held     int  // bytes that cannot leave memory because of it
}

// row is what a tier knows of an entry without reading it.
type row struct {
	kept     bool
	expireAt int64
	residue  int
}

var noRow = row{expireAt: Never}

func rowOf(e *Entry) row {
	if e == nil {
		return noRow
	}
	return row{true, e.Due(), e.residue()}
}

const (
	// patchBytes is how large an entry must be for a Save to put only what has changed
	// of it: below, writing it again costs little more than that, and spares the tier
	// the merging.
	patchBytes = 4096

	// maxDue is how many keys the schedule takes from the tier at once, about 150
	// bytes each. More that expire are taken when these have been looked at.
	maxDue = 4096

	sizeChange = int(unsafe.Sizeof(change{})) + sizeSlot
)

// Open makes p, which is empty, the partition that a tier keeps, with the head that
// was saved with it; of an empty tier, the zero PartitionHead. Entries come into memory as
// they are asked for. It reads nothing but which keys have something that waits to be
// forgotten, and returns what [Partition.Err] would.
func (p *Partition) Open(t Tier, h PartitionHead) error {
	*p = Partition{
		vector: h.Vector.Clone(), horizon: h.Horizon.Clone(), first: h.First, stamp: h.Stamp,
		retired: slices.Clone(h.Retired), ended: slices.Clone(h.Ended), evicts: h.Evicts, fills: staging{h.Fills, h.FillsBy},
		tier: &tiered{
			from: t, keys: h.Keys, bytes: h.Bytes, saved: h,
			changed: map[string]*change{}, large: patchBytes, maxDue: maxDue,
		},
	}
	if h.Shown.At != 0 {
		p.digests = h.Shown.digests()
	}
	err := t.Residues(func(key string, bytes int) bool {
		p.waiting.add(key, max(bytes, 1))
		return true
	})
	p.tier.fail(err)
	return p.Err()
}

// Err returns the error of the first call of a tier that failed; it wraps [ErrTier].
// Nothing can be said of the partition then: it shows nothing, every change and
// every Save is refused with the error, and so it must be dropped and filled again.
// Look at it after reading. Without a tier it is always nil.
func (p *Partition) Err() error {
	if p.tier == nil {
		return nil
	}
	return p.tier.err
}

// Kept returns how many entries the partition has, in memory or not, and what they
// and their keys account for. [Partition.Bytes] is of those in memory.
func (p *Partition) Kept() (keys, bytes int) {
	if p.tier == nil {
		return len(p.entries), p.bytes
	}
	return p.tier.keys, p.tier.bytes
}

// fail notes that a call of the tier failed, if it did, and reports whether any has.
func (t *tiered) fail(err error) bool {
	if err != nil && t.err == nil {
		t.err = fmt.Errorf("%w: %w", ErrTier, err)
	}
	return t.err != nil
}

// knows reports whether a key's entry is in memory or nowhere, whatever the tier
// says of it.
func (t *tiered) knows(key string) bool {
	return t.blank || t.saving.blank || t.changed[key] != nil || t.saving.keys[key] != nil
}

// entry returns the entry of a key, from memory or into it.
func (t *tiered) entry(p *Partition, key string) *Entry {
	if t.err != nil {
		return nil
	}
	if e := p.entries[key]; e != nil {
		return e
	}
	e := t.load(key)
	if e != nil {
		t.admit(p, key, e)
	}
	return e
}

// peek returns the entry of a key and leaves it where it is. Read only.
func (t *tiered) peek(p *Partition, key string) *Entry {
	if e := p.entries[key]; e != nil {
		return e
	}
	return t.load(key)
}

// load returns the entry of a key that is not in memory.
func (t *tiered) load(key string) *Entry {
	if t.err != nil || t.knows(key) || t.absent != nil && *t.absent == key {
		return nil
	}
	e, err := t.from.Load(key)
	if t.fail(err) {
		return nil
	}
	if e == nil || e.IsEmpty() {
		t.absent = &key // A command that makes a key asks for it more than once.
		return nil
	}
	return e
}

// admit puts a loaded entry into memory.
func (t *tiered) admit(p *Partition, key string, e *Entry) {
	p.digests.loaded(key, e)
	if p.entries == nil {
		p.entries = map[string]*Entry{}
	}
	p.entries[key] = e
	bytes := e.Size() + sizeSlot + len(key)
	p.bytes += bytes
	p.ghosts.count(e, bytes)
	p.tell(key, e, 0, false)
}

// begin brings the entry of a key that is about to change into memory, and notes
// what is saved of it.
func (t *tiered) begin(p *Partition, key string) error {
	e := t.entry(p, key)
	if t.err != nil {
		return t.err
	}
	t.entriesBefore, t.bytesBefore = len(p.entries), p.bytes
	if t.changed[key] == nil {
		c := t.first(key, e)
		if e != nil && e.x != nil && e.Size() > t.large {
			e.track()
			c.sections = len(e.x.sections)
		}
		t.changed[key] = c
	}
	return nil
}

// first notes the first change of a key since the last Save.
func (t *tiered) first(key string, e *Entry) *change {
	s := t.saving.keys[key]
	if s == nil {
		was := rowOf(e)
		return &change{was: was, kept: was.kept}
	}
	t.saving.left--
	t.saving.held -= s.held
	return &change{was: s.now, kept: s.now.kept}
}

// end brings up to date what depends on an entry that has changed.
func (t *tiered) end(p *Partition, key string, e *Entry) {
	t.absent = nil
	t.keys += len(p.entries) - t.entriesBefore
	t.bytes += p.bytes - t.bytesBefore
	c := t.changed[key]
	t.held -= c.held
	if e.IsEmpty() && !c.kept {
		delete(t.changed, key) // It has come and gone.
	} else {
		c.held = sizeChange + len(key)
		if !e.IsEmpty() {
			c.held += sizeSlot + len(key) + e.Size()
		}
		t.held += c.held
	}
	if g := &p.digests; len(g.dirty) > minDirty+t.keys/4 {
		g.countDirty(p.entries) // Looking at all, as without a tier, costs more.
	}
}

// dropAll forgets all entries, and those of the tier with them.
func (t *tiered) dropAll() {
	t.changed, t.held = map[string]*change{}, 0
	t.keys, t.bytes, t.dueTo = 0, 0, 0
	t.blank, t.absent = true, nil
	// Whatever becomes of what is being saved, nothing of it counts.
	t.saving.keys, t.saving.left, t.saving.held, t.saving.blank = nil, 0, 0, false
}
