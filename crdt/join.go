package crdt

import "slices"

// join takes into e, which belongs to a state that has seen seenE, what o, which
// belongs to a state that has seen seenO, has of the same key. A dot that one
// side has and the other lacks survives exactly when the other's vector does not
// cover it. It never changes o and keeps none of its memory.
func (e *Entry) join(seenE Vector, o *Entry, seenO Vector) {
	for _, k := range o.kinds() {
		if k == KindString {
			e.joinCell(k, "", seenE, &o.str, seenO)
			continue
		}
		for field, c := range o.section(k) {
			e.joinCell(k, field, seenE, &c, seenO)
		}
	}
	e.dropUnknown(o, seenO)
	e.joinExtra(seenE, o, seenO)
	e.tidy()
}

// dropUnknown empties the cells of e that o lacks as far as seenO covers them.
func (e *Entry) dropUnknown(o *Entry, seenO Vector) {
	var none Cell
	for _, k := range e.kinds() {
		if k == KindString {
			if o.str.isEmpty() {
				e.joinCell(k, "", nil, &none, seenO)
			}
			continue
		}
		other := o.section(k)
		for field := range e.section(k) {
			if _, ok := other[field]; !ok {
				e.joinCell(k, field, nil, &none, seenO)
			}
		}
	}
}

func (e *Entry) joinCell(k Kind, field string, seenE Vector, o *Cell, seenO Vector) {
	e.change(k, field, func(c *Cell) { c.join(seenE, o, seenO) })
}

func (c *Cell) join(seenC Vector, o *Cell, seenO Vector) {
	mine, theirs := c.Writes(), o.Writes()
	var keep []Write
	for _, w := range mine {
		if !seenO.Covers(w.Dot) || hasWrite(theirs, w.Dot) {
			keep = append(keep, w)
		}
	}
	for _, w := range theirs {
		if !seenC.Covers(w.Dot) && !hasWrite(mine, w.Dot) {
			keep = append(keep, w)
		}
	}
	c.setWrites(keep)
	c.dropSums(func(s Contribution) bool {
		_, ok := o.sum(s.Replica)
		return !ok && seenO.Covers(Dot{s.Replica, s.N})
	})
	for _, s := range o.Contributions() {
		m, ok := c.sum(s.Replica)
		switch {
		case ok:
			m.merge(s)
			c.setSum(m)
		case !seenC.Covers(Dot{s.Replica, s.N}):
			c.setSum(s)
		}
	}
}

func hasWrite(ws []Write, d Dot) bool {
	return slices.ContainsFunc(ws, func(w Write) bool { return w.Dot == d })
}

func (e *Entry) joinExtra(seenE Vector, o *Entry, seenO Vector) {
	has := func(xs []Expiry, d Dot) bool {
		return slices.ContainsFunc(xs, func(x Expiry) bool { return x.Dot == d })
	}
	theirs := o.Expiries()
	mine := slices.Clone(e.Expiries())
	e.dropExpiries(func(x Expiry) bool { return seenO.Covers(x.Dot) && !has(theirs, x.Dot) })
	for _, x := range theirs {
		if !seenE.Covers(x.Dot) && !has(mine, x.Dot) {
			e.ensureExtra().addExpiry(x)
		}
	}
	if o.x != nil {
		for _, d := range o.x.mortal {
			if x := e.ensureExtra(); !e.isMortal(d) {
				x.mortal = append(x.mortal, d)
				slices.SortFunc(x.mortal, Dot.Compare)
			}
		}
	}
	// Each side has dropped what its own cut covers; now both cuts hold.
	if cut := max(e.Cut(), o.Cut()); cut > 0 {
		e.ensureExtra().cut = 0
		e.raiseCut(cut)
	}
}
