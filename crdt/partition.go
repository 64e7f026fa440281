package crdt

import (
	"maps"
	"slices"
)

// Partition is the replicated state of one partition at one replica: the
// entries, and the vector that says exactly which writes they are the result
// of. The zero value is the empty partition. It is not safe for concurrent use.
type Partition struct {
	vector  Vector
	horizon Vector
	entries map[string]*Entry
	bytes   int
}

// Vector returns what the partition has seen. Read only, until the next change.
func (p *Partition) Vector() Vector { return p.vector }

// Horizon returns the join of the vectors at which entries have been forgotten
// ([Partition.Forget]): a state that has not seen all of it could bring them
// back. Read only.
func (p *Partition) Horizon() Vector { return p.horizon }

// Len returns the number of entries, those with nothing visible included.
func (p *Partition) Len() int { return len(p.entries) }

// Bytes returns what the entries and their keys account for.
func (p *Partition) Bytes() int { return p.bytes }

// Entry returns the entry of a key, nil when nothing is kept for it. It belongs
// to the partition: read only, until the next change.
func (p *Partition) Entry(key string) *Entry { return p.entries[key] }

// Keys returns the keys of all entries, sorted.
func (p *Partition) Keys() []string { return slices.Sorted(maps.Keys(p.entries)) }

// Each calls f for every entry in no particular order until f returns false. f
// must not change the partition.
func (p *Partition) Each(f func(key string, e *Entry) bool) {
	for k, e := range p.entries {
		if !f(k, e) {
			return
		}
	}
}

// Apply applies a delta and advances the vector, both or neither. A delta that
// the vector covers changes nothing and gives nil. One whose causes are missing
// gives [ErrNotReady]: hold it back until they have come.
func (p *Partition) Apply(d *Delta) error {
	if p.vector.Covers(d.Dot) {
		return nil
	}
	if !d.Ready(p.vector) {
		return ErrNotReady
	}
	p.update(d.Key, func(e *Entry) { e.Apply(d) })
	p.vector = p.vector.Advance(d.Dot)
	return nil
}

// update lets f change the entry of a key, keeping the byte count and the
// absence of empty entries true.
func (p *Partition) update(key string, f func(*Entry)) {
	if p.entries == nil {
		p.entries = map[string]*Entry{}
	}
	e, before := p.entries[key], 0
	if e != nil {
		before = e.Size() + sizeSlot + len(key)
	} else {
		e = &Entry{}
	}
	f(e)
	switch {
	case !e.IsEmpty():
		p.entries[key] = e
		p.bytes += e.Size() + sizeSlot + len(key) - before
	case before > 0:
		delete(p.entries, key)
		p.bytes -= before
	}
}

// Forget drops the entry of a key, of which nothing has come since the partition
// had seen at. The caller knows that every holder has seen at, that none of them
// can still send anything older, and that nothing of the entry is visible. What
// at covers becomes part of the horizon.
func (p *Partition) Forget(key string, at Vector) {
	if p.entries[key] == nil {
		return
	}
	p.update(key, func(e *Entry) { *e = Entry{} })
	p.horizon = p.horizon.Join(at)
}

// Snapshot is the whole state of a partition at one moment, a consistent cut.
type Snapshot struct {
	Vector  Vector
	Horizon Vector
	Keys    []string // sorted
	Entries []*Entry // by Keys
}

// Snapshot returns a copy of the partition that later changes do not reach. It
// costs time and memory in proportion to the number of cells; keys and values
// are shared.
func (p *Partition) Snapshot() *Snapshot {
	s := &Snapshot{Vector: p.vector.Clone(), Horizon: p.horizon.Clone(), Keys: p.Keys()}
	s.Entries = make([]*Entry, len(s.Keys))
	for i, k := range s.Keys {
		s.Entries[i] = p.entries[k].Clone()
	}
	return s
}

// Join takes in everything that a snapshot of another replica has seen. It gives
// [ErrHorizon], and changes nothing, when either side has forgotten something
// that the other has not seen: joining would bring it back. It keeps none of
// the snapshot's memory.
func (p *Partition) Join(s *Snapshot) error {
	if !s.Vector.reaches(p.horizon) || !p.vector.reaches(s.Horizon) {
		return ErrHorizon
	}
	theirs := make(map[string]*Entry, len(s.Keys))
	for i, k := range s.Keys {
		theirs[k] = s.Entries[i]
	}
	var none Entry
	for _, k := range p.Keys() {
		if theirs[k] == nil {
			p.update(k, func(e *Entry) { e.join(p.vector, &none, s.Vector) })
		}
	}
	for i, k := range s.Keys {
		p.update(k, func(e *Entry) { e.join(p.vector, s.Entries[i], s.Vector) })
	}
	p.vector = p.vector.Join(s.Vector)
	p.horizon = p.horizon.Join(s.Horizon)
	return nil
}
