package crdt

import (
	"maps"
	"slices"
)

// saving is what a Save has put, while it is not known whether that has reached the
// tier.
type saving struct {
	on    bool
	blank bool               // nothing counts of what the tier had before
	keys  map[string]*change // with what is saved in now
	left  int                // those of them that have not changed again
	held  int                // bytes that cannot leave memory because of these
}

// Save calls put for everything that has changed since the last Save, in order of
// the keys: a consistent cut of the partition, with the head that it returns. All of
// it is then to reach the tier in one atomic batch. Until [Partition.Saved] says
// that it has, what was put stays in memory; [Partition.Unsaved] says that it has
// not and makes it changed again. One of the two must be called before the next
// Save, which gives [ErrSaving] otherwise. The partition may change meanwhile.
//
// When put returns an error, Save returns it at once, and it is as after Unsaved.
// put must not use the partition.
func (p *Partition) Save(put func(Put) error) (h PartitionHead, epoch uint64, err error) {
	t := p.tier
	switch {
	case t == nil:
		return PartitionHead{}, 0, ErrNoTier
	case t.err != nil:
		return PartitionHead{}, 0, t.err
	case t.saving.on:
		return PartitionHead{}, 0, ErrSaving
	}
	keys := slices.Sorted(maps.Keys(t.changed))
	shown := t.shown(p)
	err = t.put(p, keys, put)
	for _, key := range keys {
		t.changed[key].sections = 0 // Should it have to be put again, whole.
		p.entries[key].untrack()
	}
	if err != nil {
		return PartitionHead{}, 0, err
	}
	t.saving = saving{on: true, blank: t.blank, keys: t.changed, left: len(keys), held: t.held}
	t.changed, t.held, t.blank = map[string]*change{}, 0, false
	t.epoch++
	t.keep, t.saved = false, p.head()
	h = p.head()
	h.Shown = shown
	return h, t.epoch, nil
}

// put puts what has changed of the keys.
func (t *tiered) put(p *Partition, keys []string, put func(Put) error) error {
	if t.blank {
		if err := put(Put{Clear: true}); err != nil {
			return err
		}
	}
	for _, key := range keys {
		c, e := t.changed[key], p.entries[key]
		c.now = rowOf(e)
		u := Put{
			Key: key, Entry: e,
			ExpireAt: c.now.expireAt, WasExpireAt: c.was.expireAt,
			Residue: c.now.residue, WasResidue: c.was.residue,
		}
		if e != nil && c.sections > 0 {
			if u.Patch = e.patch(c.sections); u.Patch != nil {
				u.Entry = nil
			}
		}
		if err := put(u); err != nil {
			return err
		}
	}
	return nil
}

// head returns what the partition is besides its entries.
func (p *Partition) head() PartitionHead {
	keys, bytes := p.Kept()
	return PartitionHead{
		Vector: p.vector.Clone(), Horizon: p.horizon.Clone(),
		Retired: slices.Clone(p.retired), Ended: slices.Clone(p.ended), First: p.first, Evicts: p.evicts,
		Fills: p.fills.stage, FillsBy: p.fills.by,
		Stamp: p.stamp, Keys: keys, Bytes: bytes,
	}
}

// Saved says that the Save of an epoch has reached the tier: the tier now answers
// with it, and will after a restart as far as the caller promises that. Of another
// epoch than the last it says nothing.
func (p *Partition) Saved(epoch uint64) {
	if t := p.tier; t != nil && t.saving.on && epoch == t.epoch {
		t.saving = saving{}
	}
}

// Unsaved says that the Save of an epoch has not reached the tier, or that it is not
// known whether it has: the next Save puts all of it again, whole. Of another epoch
// than the last it says nothing.
func (p *Partition) Unsaved(epoch uint64) {
	t := p.tier
	if t == nil || !t.saving.on || epoch != t.epoch {
		return
	}
	s := t.saving
	t.saving, t.saved = saving{}, PartitionHead{}
	t.blank = t.blank || s.blank
	for key, c := range s.keys {
		c.kept = true // It may be.
		if again := t.changed[key]; again != nil {
			again.was, again.kept, again.sections = c.was, true, 0
			p.entries[key].untrack()
			continue
		}
		t.changed[key] = c
		t.held += c.held
	}
}

// Dirty returns how many keys a Save would put or is waiting to hear of, and about
// how many bytes cannot leave memory because of them.
func (p *Partition) Dirty() (keys, bytes int) {
	t := p.tier
	if t == nil {
		return 0, 0
	}
	return len(t.changed) + t.saving.left, t.held + t.saving.held
}

// IsSaved reports whether a Save would have nothing new to say since the last one,
// of entries or of the head. It is true without a tier.
func (p *Partition) IsSaved() bool {
	t := p.tier
	return t == nil || len(t.changed) == 0 && !t.blank && !t.keep &&
		t.saved.Stamp == p.stamp && t.saved.Vector.Equal(p.vector) && t.saved.Horizon.Equal(p.horizon) &&
		slices.Equal(t.saved.Retired, p.retired) && slices.Equal(t.saved.Ended, p.ended)
}

// Release drops an entry from memory; it stays on the tier and comes back when it
// is asked for. It reports false, and changes nothing, when the entry is not in
// memory, has changed since it was last saved, or there is no tier. Who holds the
// entry must not use it any more.
func (p *Partition) Release(key string) bool {
	t, e := p.tier, p.entries[key]
	if t == nil || t.err != nil || e == nil || t.knows(key) {
		return false
	}
	if p.digests.on && e.part() == staleDigest {
		p.digests.count(key, e) // Nobody would look for it later.
	}
	bytes := e.Size() + sizeSlot + len(key)
	delete(p.entries, key)
	p.bytes -= bytes
	p.ghosts.count(e, -bytes)
	p.tellLeft(key, e, bytes)
	return true
}
