package crdt

import (
	"maps"
	"slices"
)

// Evict forgets the values of an entry, at a wall time in milliseconds since the Unix
// epoch. Nobody else is told: readers here find the key evicted ([View.IsEvicted]),
// everywhere else it is as it was. It reports false, and changes nothing, when nothing
// shows at that time, and when there is a tier: then [Partition.Release]. The ghost is
// exact if the entry keeps nothing beyond what it shows.
//
// What does not show is left alone altogether: it waits to be forgotten, and would wait
// from the beginning with every try were it taken for changed.
func (p *Partition) Evict(key string, now int64) bool {
	if p.tier != nil || !p.entries[key].View(now).Exists() {
		return false
	}
	p.update(key, func(e *Entry) {
		if !e.evict(key, now) {
			e.doubt(nil, 0, false, 0)
		}
	})
	p.evicts = true
	return true
}

// Ghosts returns how many entries are kept as evicted, and what they and their keys
// account for.
func (p *Partition) Ghosts() (keys, bytes int) { return p.ghosts.keys, p.ghosts.bytes }

// EachGhost calls f for the keys that have been evicted, in no particular order, until f
// returns false. It costs time in proportion to the keys in memory. f must not change the
// partition.
func (p *Partition) EachGhost(f func(key string) bool) {
	if p.ghosts.keys == 0 {
		return
	}
	for key, e := range p.entries {
		if e.IsEvicted() && !f(key) {
			return
		}
	}
}

// Restore takes in an entry that was evicted here, as another holder has it whose state
// has seen theirVector. That both have applied the same writes to the key the caller has
// checked. It reports false, and changes nothing, when the entry is not evicted here, or
// is there or not kept, or one side can be seen not to have applied what the other has: then try again later,
// or elsewhere. It keeps none of o's memory but the values.
func (p *Partition) Restore(key string, o *Entry, theirVector Vector) bool {
	if o == nil || o.IsEvicted() || !p.standsFor(key, o, theirVector) {
		return false
	}
	return p.update(key, func(e *Entry) { *e = *o.Clone() }) == nil
}

// standsFor reports whether the entry of a key is evicted here, and neither it nor o, of
// a state that has seen theirVector, has what the other state has not seen.
func (p *Partition) standsFor(key string, o *Entry, theirVector Vector) bool {
	e := p.Entry(key)
	if !e.IsEvicted() || o.IsEmpty() {
		return false
	}
	us := Sight{vector: p.vector, retired: p.retired, named: theirVector, gone: !p.horizon.IsZero()}
	them := p.Sight(theirVector)
	return us.CoversAll(o.dots()) && them.CoversAll(e.dots())
}

// repairGhost is Repair where a side has evicted the key: what comes of it is an exact
// ghost. Of two that say something else the higher digest counts.
func (p *Partition) repairGhost(key string, o *Entry, theirVector Vector, at int64) bool {
	own := p.Entry(key)
	us := Sight{vector: p.vector, retired: p.retired, named: theirVector, gone: !p.horizon.IsZero()}
	digest := o.Digest(key, at)
	switch {
	case digest == 0 || !us.CoversAll(o.dots()):
		return false
	case !own.IsEvicted():
		if own.View(at).Exists() {
			return false // What is here counts.
		}
	case !p.standsFor(key, o, theirVector), own.isExact() && own.Digest(key, at) >= digest:
		return false
	}
	p.evicts = true
	return p.update(key, func(e *Entry) {
		*e = *o.Clone()
		e.evict(key, at)
	}) == nil
}

// kept says how many entries there are of some sort and what they account for.
type kept struct{ keys, bytes int }

func (k *kept) add(keys, bytes int) {
	k.keys += keys
	k.bytes += bytes
}

// count counts an entry if it is a ghost; bytes is below zero when it is one no more.
func (k *kept) count(e *Entry, bytes int) {
	switch {
	case !e.IsEvicted():
	case bytes < 0:
		k.add(-1, bytes)
	default:
		k.add(1, bytes)
	}
}

// Watch makes the partition tell f of every change of what the entry of a key, which is
// in memory, accounts for with its key, in bytes: before and after, 0 where there is none
// and for one that is evicted. The entry is f's to look at and mark during the call
// ([Entry.Mark]), and none when it has not been there and is not. f must not change the
// partition. One f at a time; it is told of everything that is there already.
func (p *Partition) Watch(f func(key string, e *Entry, before, after int)) {
	p.watch = f
	for _, key := range slices.Sorted(maps.Keys(p.entries)) {
		p.tell(key, p.entries[key], 0, false)
	}
}

// tell tells who watches of a change of an entry, which accounted for so many bytes
// before and was evicted or not.
func (p *Partition) tell(key string, e *Entry, before int, wasEvicted bool) {
	if p.watch == nil {
		return
	}
	after := 0
	if !e.IsEmpty() && !e.IsEvicted() {
		after = e.Size() + sizeSlot + len(key)
	}
	if wasEvicted {
		before = 0
	}
	if before > 0 || after > 0 {
		p.watch(key, e, before, after)
	}
}

// tellLeft tells who watches that an entry is not in memory any more.
func (p *Partition) tellLeft(key string, e *Entry, bytes int) {
	if p.watch != nil && !e.IsEvicted() {
		p.watch(key, e, bytes, 0)
	}
}

// tellGone tells who watches that nothing is there any more.
func (p *Partition) tellGone() {
	if p.watch == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(p.entries)) {
		p.tellLeft(key, p.entries[key], p.entries[key].Size()+sizeSlot+len(key))
	}
}

// changedGhost brings the sum up to date after an entry has become a ghost, or another
// one.
func (g *digests) changedGhost(key string, e *Entry) {
	d := g.part(e)
	if !g.on || d == unknownDigest {
		return
	}
	g.total.add(d, 1)
	if until := e.until(); until != 0 && until <= g.end {
		g.expires(key, e, false)
	}
}

// Resident returns the entry of a key that is in memory and has not been evicted, and what
// it accounts for with its key; nil when there is none. It loads nothing. The entry is as
// that of [Partition.Entry].
func (p *Partition) Resident(key string) (e *Entry, bytes int) {
	e = p.entries[key]
	if e == nil || e.IsEvicted() {
		return nil, 0
	}
	return e, e.Size() + sizeSlot + len(key)
}

// Unwatch ends what [Partition.Watch] began.
func (p *Partition) Unwatch() { p.watch = nil }
