package crdt

import (
	"cmp"
	"math"
	"slices"
)

// What an entry keeps beyond what it shows is its residue: losing writes,
// contributions that are removed or hidden, kinds that do not show, expiries that
// do not count, a time cut, and what an expiry has hidden. Each has a use until
// everything that did not see it has arrived; the argument is in collect.go.

// Plain reports whether the entry keeps nothing beyond what it shows at a wall
// time, in milliseconds since the Unix epoch: of every visible cell the winning
// write and the live contributions, and the expiry that counts.
func (e *Entry) Plain(nowMillis int64) bool { return e == nil || !e.Clone().trim(nowMillis) }

// trim drops the residue as of a wall time, everything when nothing is shown, and
// reports whether there was any.
func (e *Entry) trim(nowMillis int64) (dropped bool) {
	if g := e.ghost(); g != nil && !e.isHidden(g, nowMillis) {
		return e.trimGhost(g)
	}
	v := e.View(nowMillis)
	if !v.Exists() {
		dropped = !e.IsEmpty()
		*e = Entry{}
		return dropped
	}
	at := v.ExpireAt() // Never, too, when the key has outlived its expiry.
	dropped = e.trimCells(v)
	if e.x != nil {
		dropped = e.trimExtra(at) || dropped
	}
	e.tidy()
	return dropped
}

// trimCells leaves of the cells what v shows.
func (e *Entry) trimCells(v View) (dropped bool) {
	trim := func(k Kind, field string) {
		e.change(k, field, func(c *Cell) {
			if k != v.kind {
				*c, dropped = Cell{}, true
				return
			}
			dropped = c.trimTo(v) || dropped
		})
	}
	if !e.str.isEmpty() {
		trim(KindString, "")
	}
	if e.x == nil {
		return dropped
	}
	for i := range e.x.sections {
		s := &e.x.sections[i]
		if s.kind == v.kind && v.hide == 0 && s.residue == 0 {
			for _, field := range s.dueBy(v.now) {
				trim(s.kind, field)
			}
			continue
		}
		for field := range s.cells {
			trim(s.kind, field)
		}
	}
	return dropped
}

// trimTo leaves what the cell shows in v.
func (c *Cell) trimTo(v View) (dropped bool) {
	if _, shows := v.visible(c); !shows {
		*c = Cell{}
		return true
	}
	hide, at := v.hidden(c), v.expireAt(c)
	if !c.write.Dot.IsZero() && c.write.Stamp <= hide {
		c.write, dropped = Write{}, true
	}
	if c.more == nil {
		return dropped
	}
	if r := c.more.rare; r != nil {
		if len(r.losers) > 0 {
			r.losers, dropped = nil, true
		}
		had := len(r.expiries)
		r.dropExpiries(func(x Expiry) bool { return x.Stamp <= v.hide }) // With the key.
		dropped = r.lifetime.trimTo(at) || len(r.expiries) < had || dropped
		c.trim()
	}
	c.dropSums(func(s Contribution) bool {
		gone := !s.live(hide)
		dropped = dropped || gone
		return gone
	})
	return dropped
}

// trimExtra leaves of the expiries the one that makes the entry expire at a time,
// and no cut.
func (e *Entry) trimExtra(at int64) (dropped bool) {
	x := e.x
	if x.cut != 0 {
		x.cut, dropped = 0, true
	}
	if x.filling != nil {
		x.filling, dropped = nil, true
	}
	return x.lifetime.trimTo(at) || dropped
}

// compareExpiries orders expiries by how long they last, those that last equally
// long by version, so that everybody keeps the same one.
func compareExpiries(a, b Expiry) int {
	return cmp.Or(cmp.Compare(a.At, b.At), a.Version().Compare(b.Version()), a.Dot.Compare(b.Dot))
}

// residue returns about how many bytes are residue whatever the time, zero only
// if there is none. It takes no time in proportion to the number of cells.
func (e *Entry) residue() int {
	if g := e.ghost(); g != nil {
		if g.cut != 0 {
			return sizeStamp
		}
		return 0
	}
	if e.x == nil {
		if !e.str.shows() {
			return e.Size()
		}
		return e.str.residue()
	}
	n, showing, most := e.str.residue(), 0, 0
	show := func(bytes int) {
		showing += bytes
		most = max(most, bytes)
	}
	if e.str.shows() {
		show(sizeCell + e.str.size())
	}
	for i := range e.x.sections {
		s := &e.x.sections[i]
		n += s.residue
		if int(s.dead) < len(s.cells) {
			show(len(s.cells) * (sizeCell + sizeSlot))
		}
	}
	if showing == 0 {
		return e.Size()
	}
	return n + showing - most + e.x.residue(e.ExpireAt())
}

// residue returns how many bytes beside the cells are residue when the entry
// expires at a time.
func (x *extra) residue(at int64) (n int) {
	if x.cut != 0 {
		n = sizeStamp
	}
	return n + x.lifetime.residue(at) + x.filling.size()
}

// residueAt returns how many bytes are residue at a wall time, and whether the
// entry shows anything then.
func (e *Entry) residueAt(nowMillis int64) (bytes int, shows bool) {
	if e == nil {
		return 0, false
	}
	if g := e.ghost(); g != nil && !e.isHidden(g, nowMillis) {
		return e.residue(), true
	}
	if !e.View(nowMillis).Exists() {
		return e.Size(), false
	}
	if e.hide(nowMillis) == 0 {
		return e.residue() + e.sizeDueBy(nowMillis), true
	}
	c := e.Clone()
	if !c.trim(nowMillis) {
		return 0, true
	}
	return max(e.Size()-c.Size(), 1), true
}

// shows reports whether the cell shows anything as far as time cuts and expiries
// do not hide it.
func (c *Cell) shows() bool {
	if !c.write.Dot.IsZero() {
		return true
	}
	return slices.ContainsFunc(c.Contributions(), func(s Contribution) bool { return s.live(0) })
}

// residue returns how many bytes of the cell are losers, removed contributions, and
// expiries that do not count, whatever the time.
func (c *Cell) residue() (n int) {
	if c.more == nil {
		return 0
	}
	for _, w := range c.losers() {
		n += sizeWrite + len(w.Value)
	}
	if l := c.life(); l != nil {
		n += l.residue(c.expireAt(0))
	}
	for i := range c.more.sums {
		if !c.more.sums[i].live(0) {
			n += sizeContribution
		}
	}
	return n
}

// count adds a cell, by times one or minus one, to what the section knows of its
// cells' residue.
func (s *section) count(field string, c *Cell, times int) {
	if c.more == nil { // It has a live write.
		return
	}
	n := c.residue()
	if !c.shows() {
		n += sizeCell + sizeSlot + len(field)
		s.dead += int32(times)
	}
	if len(c.Expiries()) > 0 {
		s.timed += int32(times)
	}
	s.residue += times * n
}

// lowest returns the lowest stamp of what an entry keeps and a holder that has
// seen v has not seen, the highest there is when that is nothing.
func (e *Entry) lowest(v *Sight) HLC {
	low := HLC(math.MaxUint64)
	e.eachStamp(func(d Dot, h HLC) {
		if !v.Covers(d) {
			low = min(low, h)
		}
	})
	return low
}

// Latest returns the highest stamp of what the entry keeps, its cut included.
func (e *Entry) Latest() HLC {
	high := e.Cut()
	e.eachStamp(func(_ Dot, h HLC) { high = max(high, h) })
	return high
}

func (e *Entry) eachStamp(f func(Dot, HLC)) {
	if e.IsEvicted() {
		e.eachGhostStamp(f)
		return
	}
	kept := e.filling()
	cell := func(c *Cell) {
		if !c.write.Dot.IsZero() {
			f(c.write.Dot, kept.stamp(c.write.Dot, c.write.Stamp))
		}
		if c.more == nil {
			return
		}
		for _, w := range c.losers() {
			f(w.Dot, kept.stamp(w.Dot, w.Stamp))
		}
		for _, x := range c.Expiries() {
			f(x.Dot, x.Stamp)
		}
		for _, s := range c.more.sums {
			f(Dot{s.Replica, s.N}, s.Stamp)
		}
	}
	cell(&e.str)
	if e.x == nil {
		return
	}
	for _, s := range e.x.sections {
		for _, c := range s.cells {
			cell(&c)
		}
	}
	for _, x := range e.x.expiries {
		f(x.Dot, kept.stamp(x.Dot, x.Stamp))
	}
	for _, b := range kept.bars {
		f(b.Dot, b.Stamp)
	}
}
