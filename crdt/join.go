package crdt

import "slices"

// join takes into e, which belongs to a state that has seen seenE, what o, which
// belongs to a state that has seen seenO, has of the same key. A dot that one
// side has and the other lacks survives exactly when the other's vector does not
// cover it. It never changes o and keeps none of its memory.
func (e *Entry) join(seenE *Sight, o *Entry, seenO *Sight) {
	var mine []Expiry
	kept := e.filling()
	if len(e.Expiries())+len(o.Expiries()) > 0 {
		mine = e.assertions()
	}
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
	e.joinExtra(seenE, mine, o, seenO)
	e.joinFilling(seenE, kept, o, seenO)
	e.tidy()
}

// dropUnknown empties the cells of e that o lacks as far as seenO covers them.
func (e *Entry) dropUnknown(o *Entry, seenO *Sight) {
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

func (e *Entry) joinCell(k Kind, field string, seenE *Sight, o *Cell, seenO *Sight) {
	e.change(k, field, func(c *Cell) { c.join(seenE, o, seenO) })
}

func (c *Cell) join(seenC *Sight, o *Cell, seenO *Sight) {
	mine, theirs := c.Writes(), o.Writes()
	var said []Expiry
	if timed := c.life() != nil || o.life() != nil; timed {
		said = c.assertions()
		defer func() { c.joinLife(seenC, said, o, seenO) }()
	}
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

// joinExtra joins what is beside the cells, which have been joined already. mine
// is what was said about the expiry here before.
func (e *Entry) joinExtra(seenE *Sight, mine []Expiry, o *Entry, seenO *Sight) {
	e.joinExpiries(seenE, mine, o, seenO)
	if o.x != nil {
		for _, d := range o.x.mortal {
			e.ensureExtra().override(d)
		}
	}
	// Each side has dropped what its own cut covers; now both cuts hold.
	if cut := max(e.Cut(), o.Cut()); cut > 0 {
		e.ensureExtra().cut = 0
		e.raiseCut(cut)
	}
}

// joinExpiries joins what is said about the expiry, dot by dot as everything else.
// What a SET without a time to live says is written down only on the side where
// its value has gone, and in the end where it has. A SET with one says never where
// that has been forgotten because it did not count.
func (e *Entry) joinExpiries(seenE *Sight, mine []Expiry, o *Entry, seenO *Sight) {
	if len(e.Expiries()) == 0 && len(o.Expiries()) == 0 {
		return
	}
	keep := joinAssertions(mine, seenE, o.assertions(), seenO, e.str.Writes())
	if e.x != nil || len(keep) > 0 {
		e.ensureExtra().setExpiries(keep)
	}
}
