package crdt

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// Partition is the replicated state of one partition at one replica: the
// entries, and the vector that says exactly which writes they are the result
// of. The zero value is the empty partition. It is not safe for concurrent use.
type Partition struct {
	vector  Vector
	horizon Horizon
	retired []Retirement // that are not stable yet
	ended   []Dot        // the last writes of those retired before, oldest first
	first   HLC          // the lowest stamp of what was applied or joined, zero for none
	stamp   HLC          // the highest
	entries map[string]*Entry
	bytes   int
	digests digests
	due     schedule
	waiting waiting
	fills   staging
	evicts  bool // something has been evicted in this state, or in one that it has taken in
	ghosts  kept // what has been evicted
	watch   func(key string, e *Entry, before, after int)
	tier    *tiered // of those whose entries are not all in memory; nil for most
}

// Vector returns what the partition has seen. Read only, until the next change.
func (p *Partition) Vector() Vector { return p.vector }

// Len returns the number of entries, those with nothing visible included.
func (p *Partition) Len() int {
	keys, _ := p.Kept()
	return keys
}

// Bytes returns what the entries in memory and their keys account for.
func (p *Partition) Bytes() int { return p.bytes }

// Entry returns the entry of a key, nil when nothing is kept for it. It belongs
// to the partition: read only, until the next change. From a tier it comes into
// memory; nil may then also mean that the tier failed ([Partition.Err]).
func (p *Partition) Entry(key string) *Entry {
	if p.tier != nil {
		return p.tier.entry(p, key)
	}
	return p.entries[key]
}

// Keys returns the keys of all entries, sorted.
func (p *Partition) Keys() []string {
	if p.tier != nil {
		return p.tier.keyList(p)
	}
	return slices.Sorted(maps.Keys(p.entries))
}

// Each calls f for every entry in no particular order until f returns false. f
// must not change the partition. When a tier fails some are left out.
func (p *Partition) Each(f func(key string, e *Entry) bool) {
	if p.tier != nil {
		p.EachFrom("", f)
		return
	}
	for k, e := range p.entries {
		if !f(k, e) {
			return
		}
	}
}

// Apply applies a delta and advances the vector, both or neither. A delta that
// has been applied changes nothing and gives nil. One whose causes are missing
// gives [ErrNotReady]: hold it back until they have come. One whose origin had not
// seen what has been forgotten here gives [ErrOldNews]: it can never be applied, and
// neither can one that goes beyond a retirement, here [ErrOldNews] or there
// [ErrBehind], with [ErrRetired].
//
// A partition's own deltas, made with a clock that has observed the stamp of
// [Partition.Horizon] and under an ID that is not retired, are never refused: they
// have seen all that it has. With a tier the error may also be that of
// [Partition.Err].
func (p *Partition) Apply(d *Delta) error {
	if p.Covers(d.Dot) {
		return nil
	}
	if err := p.Err(); err != nil {
		return err
	}
	ctx := p.contextOf(d)
	ready := p.isReady(d)
	if err := p.refuses(d, &ctx, ready); err != nil {
		return err
	}
	if !ready {
		return ErrNotReady
	}
	if d.Retires() {
		p.retire(d)
	} else if d.Stages() {
		p.fills.advance(staging{FillStage(d.Effects[0].Start), d.Dot})
	} else if err := p.update(d.Key, func(e *Entry) { p.applyTo(e, d, &ctx) }); err != nil {
		return err
	}
	p.noteStamp(d.Stamp)
	p.vector = p.vector.Advance(d.Dot)
	return nil
}

// applyTo applies a delta to the entry that it is for.
func (p *Partition) applyTo(e *Entry, d *Delta, ctx *Sight) {
	if p.evicts && !e.IsEvicted() && e.lacksRun(d) {
		e.doubt(Vector{d.Dot}, d.Stamp, true, 0)
		return
	}
	e.apply(d, ctx)
}

// noteStamp keeps the range of stamps.
func (p *Partition) noteStamp(h HLC) {
	p.stamp = max(p.stamp, h)
	if p.first == 0 || h < p.first {
		p.first = h
	}
}

// contextOf returns what a delta's origin had seen, as this partition can tell it.
// Of what is not named any more that is known when the horizon has been looked at.
func (p *Partition) contextOf(d *Delta) Sight {
	ctx := d.context()
	ctx.retired, ctx.named = p.retired, p.vector
	return ctx
}

// Ready reports whether the time has come to apply a delta: Apply would not give
// [ErrNotReady]. It may have been applied already, or may never be.
func (p *Partition) Ready(d *Delta) bool {
	if p.isReady(d) {
		return true
	}
	ctx := p.contextOf(d)
	return p.Covers(d.Dot) || p.refuses(d, &ctx, false) != nil
}

func (p *Partition) isReady(d *Delta) bool {
	if d.Ready(p.vector) {
		return true
	}
	return len(p.retired) > 0 && p.vector.Get(d.Dot.Replica)+1 >= d.From && p.CoversAll(d.Deps)
}

// refuses says why a delta can never be applied here, nil when it can be in time.
// Of one that is not ready it cannot always be told: what its causes are that are
// missing may say that its origin had seen more than it names.
func (p *Partition) refuses(d *Delta, ctx *Sight, ready bool) error {
	if !p.horizon.admits(d, ctx) && (ready || d.Stamp <= p.horizon.Stamp || ctx.fallsShort(p.horizon.Vector)) {
		return fmt.Errorf("%w: %v had seen %v of %v", ErrOldNews, d.Dot, d.Deps, p.horizon)
	}
	return p.refusesRetired(d)
}

// update lets f change the entry of a key, keeping the byte count and the
// absence of empty entries true. Its error is that of [Partition.Err].
func (p *Partition) update(key string, f func(*Entry)) error {
	if p.tier != nil {
		if err := p.tier.begin(p, key); err != nil {
			return err
		}
	}
	if p.entries == nil {
		p.entries = map[string]*Entry{}
	}
	e, before := p.entries[key], 0
	if e != nil {
		before = e.Size() + sizeSlot + len(key)
		p.ghosts.count(e, -before)
	} else {
		e = &Entry{}
	}
	counted, mark, was := p.digests.withdraw(e), e.mark, e.IsEvicted()
	f(e)
	e.mark = mark
	switch {
	case !e.IsEmpty():
		if before == 0 {
			p.entries[key] = e
		}
		p.digests.changed(key, e, counted, p.listable())
		after := e.Size() + sizeSlot + len(key)
		p.bytes += after - before
		p.ghosts.count(e, after)
	case before > 0:
		delete(p.entries, key)
		p.bytes -= before
	}
	p.touched(key, e)
	if p.tier != nil {
		p.tier.end(p, key, e)
	}
	p.tell(key, e, before, was)
	return nil
}

// Snapshot is the whole state of a partition at one moment, a consistent cut.
type Snapshot struct {
	Vector  Vector
	Horizon Horizon
	// Retired are the retirements that are not stable at the sender, and Ended the
	// last writes of replicas retired before.
	Retired []Retirement
	Ended   []Dot
	First   HLC  // the lowest stamp of all that was ever applied
	Evicts  bool // something was evicted in this state, or in one that it took in
	// Fills is how far the partition has got with letting fills be made, and FillsBy the
	// write that said so.
	Fills   FillStage
	FillsBy Dot
	Keys    []string // sorted
	Entries []*Entry // by Keys
}

// Snapshot returns a copy of the partition that later changes do not reach. It
// costs time and memory in proportion to the number of cells; keys and values
// are shared. When a tier fails it is of nothing.
func (p *Partition) Snapshot() *Snapshot {
	s := &Snapshot{Vector: p.vector.Clone(), Horizon: p.horizon.Clone(), First: p.first, Evicts: p.evicts,
		Fills: p.fills.stage, FillsBy: p.fills.by,
		Retired: slices.Clone(p.retired), Ended: slices.Clone(p.ended)}
	if p.tier != nil {
		if !p.tier.snapshot(p, s) {
			return &Snapshot{}
		}
		return s
	}
	s.Keys = p.Keys()
	s.Entries = make([]*Entry, len(s.Keys))
	for i, k := range s.Keys {
		s.Entries[i] = p.entries[k].Clone()
	}
	return s
}

// lowest returns the lowest stamp of what the partition keeps and a holder that
// has seen v has not seen, the highest there is when that is nothing.
func (p *Partition) lowest(v *Sight) HLC {
	low := HLC(math.MaxUint64)
	p.Each(func(_ string, e *Entry) bool {
		low = min(low, e.lowest(v))
		return true
	})
	return low
}

func (s *Snapshot) lowest(v *Sight) HLC {
	low := HLC(math.MaxUint64)
	for _, e := range s.Entries {
		low = min(low, e.lowest(v))
	}
	return low
}

// Join takes in everything that a snapshot of another replica has seen. It
// changes nothing and gives [ErrBehind], [ErrOldNews] or an error that wraps both
// when a side has forgotten something that the other has not seen: joining would
// bring it back, or take for removed what only is not known there. It keeps none
// of the snapshot's memory. The caller's clock then observes the stamp of
// [Partition.Horizon], which grows by the snapshot's. Where the wall clock is
// behind it, some keys are gone here before it has come to their expiry.
//
// What a side has not seen of the other must also be stamped after everything
// that it has forgotten. That finds out a replica that was not waited for, wrote
// meanwhile, caught up, and now sends its state, unless all it wrote is younger or
// removed something. Apply finds out every one, by its deltas: a replica whose
// deltas are refused must not go on.
func (p *Partition) Join(s *Snapshot) error {
	if err := p.Meets(s); err != nil {
		return err
	}
	return p.take(s, p.encounter(s))
}

// Adopt takes the state of a snapshot in place of the partition's own, which is
// dropped: what nobody else has seen of it is lost, and its replica must not use
// the numbers of its lost writes again. It keeps none of the snapshot's memory.
// The caller's clock then observes the stamp of [Partition.Horizon].
func (p *Partition) Adopt(s *Snapshot) {
	if p.Err() != nil {
		return
	}
	p.tellGone()
	*p = Partition{tier: p.tier, watch: p.watch}
	if p.tier != nil {
		p.tier.dropAll()
	}
	_ = p.take(s, p.encounter(s)) // It reads nothing from a tier.
}

func (p *Partition) take(s *Snapshot, m *encounter) error {
	theirs, stamp := make(map[string]*Entry, len(s.Keys)), p.stamp
	for i, k := range s.Keys {
		theirs[k] = s.Entries[i]
		stamp = max(stamp, s.Entries[i].Latest())
	}
	if p.tier != nil {
		if err := p.tier.join(p, s, m, theirs); err != nil {
			return err
		}
	} else {
		p.joinAll(s, m, theirs)
	}
	p.stamp = stamp
	p.evicts = m.evicts
	p.fills.advance(staging{s.Fills, s.FillsBy})
	p.joinVectors(s, m)
	return nil
}

// joinAll takes a snapshot's entries, by key in theirs, into the partition's.
func (p *Partition) joinAll(s *Snapshot, m *encounter, theirs map[string]*Entry) {
	var none Entry
	for _, k := range p.Keys() {
		if theirs[k] == nil {
			p.update(k, func(e *Entry) { m.joinOne(k, e, &none) })
		}
	}
	for i, k := range s.Keys {
		p.update(k, func(e *Entry) { m.joinOne(k, e, s.Entries[i]) })
	}
}
