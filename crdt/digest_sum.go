package crdt

// digests keeps the sum of a partition's entries' digests as they change. What
// an entry shows changes with time when it expires, or a field of it does. So the sum
// at a later time is the sum less what expires until then, which is added up by the
// second in which it does; of a key of which something is left, that is looked at
// again. It is not safe for concurrent use.
//
// Every entry is either clean, when its part is in the sum as the entry
// says, or stale, when it has none there. A change takes an entry's part out
// before, while it is known, and puts its key on a list; the next sum looks at
// what is listed. Nothing is kept before a sum is asked for.
type digests struct {
	on      bool // total and due are right but for what is listed in dirty
	tiered  bool // late is kept
	recount bool // what entries say of their digests is not to be believed
	kept    bool // it is what a tier has kept, and nobody has asked for a sum since
	odd     bool // of some entry, a tier says another time than that at which its part ends
	total   Digest
	swept   int64              // the time that total is of
	end     int64              // up to when due knows all that expires
	due     map[int64]expiring // by the first multiple of DigestStep at which it has expired
	late    map[string]int64   // when the part of keys ends of which their tier says something else, after end
	dirty   []string
}

// expiring is what expires within one step.
type expiring struct {
	Digest
	again []string // keys of which something is left then
}

const (
	// dueWindow is for how long ahead expiries are added up by the second, in
	// milliseconds. It bounds the memory that they take, to about fifty bytes a
	// second, at the price of a look at every entry once in so long.
	dueWindow = 1024 * DigestStep

	// minDirty is how many keys may always be listed as changed, 16 bytes each. In
	// large partitions a quarter of the entries may be; beyond, looking at all is
	// cheaper than a longer list.
	minDirty = 1024
)

// part returns what a clean entry adds to the sum at the time swept.
func (g *digests) part(e *Entry) uint64 {
	if until := e.until(); until != 0 && until <= g.swept {
		return 0
	}
	return e.part()
}

// withdraw takes an entry's part out of the sum before the entry changes. It
// reports false when there was none because the entry is stale.
func (g *digests) withdraw(e *Entry) bool {
	if e.part() == staleDigest {
		return false
	}
	d := g.part(e)
	if !g.on || d == 0 {
		return true
	}
	g.total.add(-d, -1)
	until := e.until()
	if until == 0 || until > g.end {
		return true
	}
	b := g.due[until]
	if b.add(-d, -1); b.Keys == 0 {
		delete(g.due, until)
	} else {
		g.due[until] = b
	}
	return true
}

// changed notes that an entry has changed, one of so many that the partition has.
// counted is what withdraw said before.
func (g *digests) changed(key string, e *Entry, counted bool, entries int) {
	if e.IsEvicted() {
		g.changedGhost(key, e)
		return
	}
	e.setPart(staleDigest)
	switch {
	case !g.on || !counted:
	case len(g.dirty) < minDirty+entries/4:
		g.dirty = append(g.dirty, key)
	default:
		g.on, g.due, g.dirty = false, nil, nil
	}
}

func (d *Digest) add(sum uint64, keys int) {
	d.Sum += sum
	d.Keys += keys
}

// sweep brings the sum to a time at or after swept and not after end.
func (g *digests) sweep(at int64, entries map[string]*Entry) {
	if (at-g.swept)/DigestStep <= int64(len(g.due)) {
		for t := g.swept + DigestStep; t <= at; t += DigestStep {
			g.expire(t, entries)
		}
	} else {
		for t := range g.due {
			if t <= at {
				g.expire(t, entries)
			}
		}
	}
	g.swept = at
	g.countDirty(entries)
}

// countDirty makes the entries clean that are listed as changed.
func (g *digests) countDirty(entries map[string]*Entry) {
	for _, key := range g.dirty {
		if e := entries[key]; e != nil && e.part() == staleDigest {
			g.count(key, e)
		}
	}
	if cap(g.dirty) > minDirty && len(g.dirty) < cap(g.dirty)/4 {
		g.dirty = nil // Of a burst that is over.
	}
	clear(g.dirty) // They would keep keys' memory alive.
	g.dirty = g.dirty[:0]
}

// expire takes out of the sum what expires within the step before t.
func (g *digests) expire(t int64, entries map[string]*Entry) {
	b, ok := g.due[t]
	if !ok {
		return
	}
	g.total.add(-b.Sum, -b.Keys)
	delete(g.due, t)
	for _, key := range b.again {
		// It may have changed since, and be listed as changed or have another time.
		if e := entries[key]; e != nil && e.part() != staleDigest && e.x != nil && e.x.until == t {
			e.setPart(staleDigest)
			g.dirty = append(g.dirty, key)
		}
	}
}

// count makes a stale entry clean, as it shows at the time swept. A tier tells in time
// when an entry's part ends, unless a field has expired before and is kept still.
func (g *digests) count(key string, e *Entry) {
	s := e.shown(key, g.swept)
	e.setPart(s.digest)
	if s.digest != 0 {
		g.total.add(s.digest, 1)
	}
	if e.x != nil {
		e.x.until = untilStep(s.until)
	}
	until := e.until()
	odd := g.tiered && until != 0 && untilStep(e.Due()) != until
	g.odd = g.odd || odd
	switch {
	case until == 0:
	case until <= g.end:
		g.expires(key, e, s.survives)
	case odd:
		if g.late == nil {
			g.late = map[string]int64{}
		}
		g.late[key] = until
	}
}

// expires notes when an entry's part of the sum ends, and whether something of it is
// left then.
func (g *digests) expires(key string, e *Entry, survives bool) {
	if g.due == nil {
		g.due = map[int64]expiring{}
	}
	until := e.until()
	b := g.due[until]
	b.add(e.part(), 1)
	if survives {
		b.again = append(b.again, key)
	}
	g.due[until] = b
}

// untilStep returns the first multiple of DigestStep at which something that
// expires at a time has, 0 when that is never.
func untilStep(expireAt int64) int64 {
	if expireAt > MaxMillis || expireAt <= 0 {
		return 0
	}
	return (expireAt-1)/DigestStep*DigestStep + DigestStep
}

// rebuild makes the sum from all entries. Clean ones that do not expire before
// the new end are taken as they are.
func (g *digests) rebuild(at, window int64, entries map[string]*Entry) {
	recount := g.recount
	clear(g.dirty)
	*g = digests{on: true, tiered: g.tiered, swept: at, end: at + window, dirty: g.dirty[:0]}
	for key, e := range entries {
		switch until := e.until(); {
		case recount || e.part() == staleDigest || until != 0 && until <= g.end:
			g.count(key, e)
		case e.part() != 0:
			g.total.add(e.part(), 1)
		}
	}
}
