package crdt

import "slices"

// joinOne takes into e, which the partition keeps of a key, what the other state of an
// encounter keeps of it. It never changes o and keeps none of its memory but values.
func (m *encounter) joinOne(key string, e, o *Entry) {
	var none Entry
	switch mine, theirs := e.ghost() != nil, o.ghost() != nil; {
	case !mine && !theirs:
		if m.evicts && (e.lacksRunOf(o, &m.us) || o.lacksRunOf(e, &m.them)) {
			m.doubt(e, o)
			return
		}
		e.join(&m.us, o, &m.them)
	case mine && !theirs && m.isCut(e, o, &m.them):
		e.replace(o)
	case theirs && !mine && m.isCut(o, e, &m.us):
		e.join(&m.us, &none, &m.them)
	case m.ahead:
	case mine && theirs:
		m.joinGhosts(e, o)
	case mine:
		m.joinIntoGhost(key, e, o)
	default:
		m.joinGhost(key, e, o)
	}
}

// isCut reports whether all that a ghost stands for lies before the time cut of x, of a state
// that has seen s, and bars no fill there: what has been seen there says so there.
func (m *encounter) isCut(ghost, x *Entry, s *Sight) bool {
	return x.Cut() >= ghost.str.write.Stamp && !ghost.counts() && (!m.fills || s.CoversAll(ghost.dots()))
}

// joinGhosts joins two ghosts.
func (m *encounter) joinGhosts(e, o *Entry) {
	switch {
	case m.behind:
		*e = *o.Clone()
	case e.isExact() && e.part() == o.part():
	default:
		m.doubt(e, o)
	}
}

// joinGhost joins a ghost of the other state into what is here.
func (m *encounter) joinGhost(key string, e, o *Entry) {
	switch {
	case o.isJust(key, e.knownTo(&m.them)):
	case m.us.CoversAll(o.dots()) && !e.isPartOf(&m.them):
		e.raiseCut(o.Cut())
		e.tidy()
	case m.behind, e.IsEmpty() && !o.isPartOf(&m.us):
		*e = *o.Clone()
	default:
		m.doubt(e, o)
	}
}

// joinIntoGhost joins what the other state keeps into a ghost of this one.
func (m *encounter) joinIntoGhost(key string, e, o *Entry) {
	switch {
	case e.isJust(key, o.knownTo(&m.us)):
		if !m.us.CoversAll(o.dots()) || o.Cut() != 0 {
			*e = *o.Clone()
			e.evict(key, 0)
		}
	case m.behind, m.them.CoversAll(e.dots()) && !o.isPartOf(&m.us):
		e.replace(o)
	case o.IsEmpty() && !e.isPartOf(&m.them):
	default:
		m.doubt(e, o)
	}
}

// isJust reports whether the ghost stands for what x keeps and nothing else.
func (e *Entry) isJust(key string, x *Entry) bool {
	return e.isExact() && x.Digest(key, 0) == e.part() && x.residue() == 0
}

// replace puts what o keeps in the place of a ghost, whose time cut stays.
func (e *Entry) replace(o *Entry) {
	cut := e.Cut()
	*e = *o.Clone()
	if !e.IsEvicted() {
		e.raiseCut(cut)
		e.tidy()
	}
}

// doubt makes e a ghost that is not exact, of what either side keeps.
func (m *encounter) doubt(e, o *Entry) {
	if o.IsEmpty() {
		o = e
	}
	e.doubt(o.dots().Clone(), o.Latest(), o.counts(), o.Cut())
}

// isPartOf reports whether the entry keeps something that has been seen, or a run of
// which a part has been.
func (e *Entry) isPartOf(s *Sight) bool {
	if e.IsEvicted() {
		if e.isSingle() {
			return s.Covers(e.str.write.Dot)
		}
		return slices.ContainsFunc(e.dots(), func(d Dot) bool { return s.Covers(Dot{d.Replica, 1}) })
	}
	for _, c := range e.Cells() {
		for _, w := range c.Writes() {
			if s.Covers(w.Dot) {
				return true
			}
		}
		for _, o := range c.Contributions() {
			if s.Covers(Dot{o.Replica, o.Start}) {
				return true
			}
		}
	}
	return slices.ContainsFunc(e.Expiries(), func(x Expiry) bool { return s.Covers(x.Dot) })
}

// knownTo returns what the entry would be had no more been written than somebody has
// seen, if nothing of that has been removed or replaced since; otherwise something else.
func (e *Entry) knownTo(s *Sight) *Entry {
	if s.CoversAll(e.dots()) {
		return e
	}
	out := e.Clone()
	out.changeAll(func(c *Cell) {
		c.dropWrites(func(w Write) bool { return !s.Covers(w.Dot) })
		c.dropSums(func(o Contribution) bool { return !s.Covers(Dot{o.Replica, o.N}) })
	})
	out.dropExpiries(func(x Expiry) bool { return !s.Covers(x.Dot) })
	out.tidy()
	return out
}

// lacksRunOf reports whether o continues a run of which e, of a state that has seen a
// part of it and not its end, keeps nothing.
func (e *Entry) lacksRunOf(o *Entry, seen *Sight) bool {
	for name, c := range o.Cells() {
		for _, s := range c.Contributions() {
			if seen.Covers(Dot{s.Replica, s.N}) || !seen.Covers(Dot{s.Replica, s.Start}) {
				continue
			}
			mine := e.cell(name.Kind, name.Field)
			if own, ok := mine.sum(s.Replica); !ok || own.Start < s.Start {
				return true
			}
		}
	}
	return false
}
