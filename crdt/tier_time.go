package crdt

import "math"

// tierWindow is for how long ahead a partition with a tier knows what expires, in
// milliseconds: for its schedule and for its digest. It looks for what comes after
// when the time has come, and so has no more of them in memory than expire in so
// long; each look costs reading as many entries.
const tierWindow = 64 * DigestStep

// soon returns a time to expire for the schedule, Never when it is beyond what the
// schedule knows of.
func (p *Partition) soon(at int64) int64 {
	if p.tier != nil && at >= p.tier.dueTo {
		return Never
	}
	return at
}

// nextDue returns the key whose time to expire comes first, and false when there is
// none or its time has not come by now.
func (p *Partition) nextDue(now int64) (key string, ok bool) {
	for p.Err() == nil {
		if key, ok = p.due.next(now); ok || p.tier == nil || !p.tier.lookAhead(p, now) {
			return key, ok
		}
	}
	return "", false
}

// dueEntry returns the entry of a key that is scheduled for a time, nil when that was
// not to be believed. A later time comes into the schedule then.
func (t *tiered) dueEntry(p *Partition, key string, scheduled int64) *Entry {
	e := t.peek(p, key)
	if e == nil {
		return nil
	}
	first := e.Due()
	if first == scheduled {
		return e
	}
	told := p.due.told[key]
	if first < scheduled && told == 0 { // It has been seen to, and nothing showed.
		return nil
	}
	if at := max(first, e.dueAfter(told)); at != scheduled {
		p.plan(key, e, at)
		return nil
	}
	return e
}

// lookAhead lets the schedule know what expires next if its knowledge does not reach
// beyond now. It reports false when there was nothing to do or the tier failed.
func (t *tiered) lookAhead(p *Partition, now int64) bool {
	if t.err != nil || t.dueTo > now {
		return false
	}
	from, to := t.dueTo, now+tierWindow
	n, last := 0, from
	plan := func(key string, at int64) {
		if x := p.due.keys[key]; x == nil || x.at > at {
			p.due.set(key, at)
		}
	}
	if !t.due(p, from, to, func(key string, at int64) bool {
		if n >= t.maxDue && at > last {
			to = at
			return false
		}
		n, last = n+1, at
		plan(key, at)
		return true
	}) {
		return false
	}
	t.eachUnsaved(p, func(key string, e *Entry) {
		if at := e.Due(); at >= from && at < to {
			plan(key, at)
		}
	})
	t.dueTo = to
	return true
}

// due calls f for the keys that expire within [from, to) as far as the tier knows
// better than memory. It reports false when the tier failed.
func (t *tiered) due(p *Partition, from, to int64, f func(key string, at int64) bool) bool {
	if t.blank || t.saving.blank {
		return true
	}
	err := t.from.Due(from, to, func(key string, at int64) bool { return t.knows(key) || f(key, at) })
	return !t.fail(err)
}

// eachUnsaved calls f for the entries that the tier may not know as they are.
func (t *tiered) eachUnsaved(p *Partition, f func(key string, e *Entry)) {
	if t.saving.blank || t.blank {
		for key, e := range p.entries {
			f(key, e)
		}
		return
	}
	for key := range t.changed {
		if e := p.entries[key]; e != nil {
			f(key, e)
		}
	}
	for key := range t.saving.keys {
		if e := p.entries[key]; e != nil && t.changed[key] == nil {
			f(key, e)
		}
	}
}

// digest brings the sum to a time that is not before the last. It reports false when
// the tier failed.
func (t *tiered) digest(p *Partition, at int64) bool {
	g := &p.digests
	if t.err != nil {
		return false
	}
	g.tiered = true
	if !g.on || g.kept && !t.goesOn(p, at) {
		g.rebuild(at, tierWindow, p.entries)
		if !t.pass(p, "", func(key string, e *Entry, own bool) bool {
			if own {
				g.count(key, e)
			}
			return true
		}) {
			return false
		}
		return true
	}
	g.kept = false
	if at > g.end && !t.extendDigest(p, at+tierWindow) {
		return false
	}
	// What outlives its expiry is looked at when that has come.
	for until, b := range g.due {
		if until > at {
			continue
		}
		for _, key := range b.again {
			t.entry(p, key)
		}
	}
	if t.err != nil {
		return false
	}
	g.sweep(at, p.entries)
	return true
}

// extendDigest lets the sum know what expires by a time after the end of what it
// knows. Entries are as they show at the time of the sum.
func (t *tiered) extendDigest(p *Partition, to int64) bool {
	g := &p.digests
	from := g.end
	late := g.takeLate(to)
	add := func(key string, e *Entry) {
		if d, until := e.part(), e.until(); late[key] || d == staleDigest || d == 0 || until <= from || until > to {
			return
		}
		g.expires(key, e, e.shown(key, g.swept).survives)
	}
	get := func(key string) *Entry {
		e := p.entries[key]
		if e == nil {
			if e = t.load(key); e != nil {
				g.loaded(key, e)
			}
		}
		return e
	}
	if !t.due(p, from+1, to+1, func(key string, at int64) bool {
		if e := get(key); e != nil && e.Due() == at {
			add(key, e)
		}
		return t.err == nil
	}) || t.err != nil {
		return false
	}
	t.eachUnsaved(p, add)
	keys := late
	late = nil
	for key := range keys {
		if e := get(key); e != nil {
			add(key, e)
		}
	}
	g.end = to
	return t.err == nil
}

// takeLate returns the keys whose part ends up to a time as far as the tier does not
// tell, and forgets them.
func (g *digests) takeLate(to int64) map[string]bool {
	keys := map[string]bool{}
	for key, until := range g.late {
		if until <= to {
			delete(g.late, key)
			keys[key] = true
		}
	}
	return keys
}

// loaded makes an entry that has come from the tier clean, as it shows at the time
// of the sum, which it is in.
func (g *digests) loaded(key string, e *Entry) {
	if e.IsEvicted() {
		return // It came with its part.
	}
	e.setPart(staleDigest)
	if !g.on {
		return
	}
	s := e.shown(key, g.swept)
	e.setPart(s.digest)
	if e.x != nil {
		e.x.until = untilStep(s.until)
	}
}

// listable is by how many entries the list of changed ones is bounded. With a tier
// it is shortened in time ([tiered.end]).
func (p *Partition) listable() int {
	if p.tier != nil {
		return math.MaxInt
	}
	return len(p.entries)
}

// eachDigest calls f for every key that exists at the time of the sum.
func (t *tiered) eachDigest(p *Partition, f func(key string, digest uint64) bool) bool {
	g := &p.digests
	return t.pass(p, "", func(key string, e *Entry, own bool) bool {
		if own {
			g.loaded(key, e)
		}
		d := g.part(e)
		return d == 0 || f(key, d)
	})
}
