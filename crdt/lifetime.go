package crdt

import "slices"

// # How long the fields of a hash live
//
// A field of a hash is to its expiries what a key is to its own (R7). Its cell holds
// live assertions of when it expires, one for each HEXPIRE, HPERSIST or HSETEX that
// nothing that saw it has replaced; a write into the field without a time to live
// asserts never, which is not written down unless it has been overridden. So:
//
//   - HSET clears the time to live that it saw, and HEXPIRE replaces those that it
//     saw. HINCRBY says nothing: the field keeps the one it has.
//   - Of concurrent assertions the longest counts, and never beats all: HSET ∥ HEXPIRE
//     is a field with the new value that does not expire; HEXPIRE ∥ HEXPIRE lasts as
//     long as the longer one.
//   - What removes takes what it saw, assertions included: HEXPIRE ∥ HDEL is a field
//     that is gone, and HSET ∥ HDEL one that never expires.
//   - At its time all that was stamped before it in the field is gone, seen or not. An
//     increment stamped later, by who had not seen the HEXPIRE, stays and counts from
//     zero. The next HEXPIRE takes what that has outlived, for good.
//   - A key's expiry and its time cut take the assertions stamped before them with the
//     rest of the field.
//
// The first HINCRBY of a field that does not show removes what is left of it, so that
// it starts fresh everywhere, as the first write of a key does.

// lifetime is what is said about when a key, or a field of a hash, expires.
type lifetime struct {
	expiries []Expiry // by dot
	mortal   []Dot    // live writes whose "never expires" has been overridden, by dot
}

func (l *lifetime) isEmpty() bool { return len(l.expiries) == 0 && len(l.mortal) == 0 }

func (l *lifetime) size() int { return len(l.expiries)*sizeExpiry + len(l.mortal)*sizeDot }

func (l *lifetime) setExpiries(es []Expiry) {
	slices.SortFunc(es, func(a, b Expiry) int { return a.Dot.Compare(b.Dot) })
	l.expiries = es
}

// addExpiry adds an assertion; one with the same dot is already there and stays.
func (l *lifetime) addExpiry(e Expiry) {
	for _, o := range l.expiries {
		if o.Dot == e.Dot {
			return
		}
	}
	l.setExpiries(append(l.expiries, e))
}

func (l *lifetime) dropExpiries(gone func(Expiry) bool) {
	l.expiries = slices.DeleteFunc(slices.Clone(l.expiries), gone)
}

func (l *lifetime) isMortal(d Dot) bool {
	_, ok := slices.BinarySearchFunc(l.mortal, d, Dot.Compare)
	return ok
}

// override notes that what a live write says of the expiry has been replaced.
func (l *lifetime) override(d Dot) {
	if i, ok := slices.BinarySearchFunc(l.mortal, d, Dot.Compare); !ok {
		l.mortal = slices.Insert(l.mortal, i, d)
	}
}

// residue returns how many bytes need not be kept when what they speak of expires at
// a time.
func (l *lifetime) residue(at int64) int {
	if at == Never {
		return l.size()
	}
	return (len(l.expiries) - 1) * sizeExpiry
}

// trimTo leaves the assertion that makes something expire at a time, nothing when it
// never does.
func (l *lifetime) trimTo(at int64) (dropped bool) {
	if at == Never {
		dropped = !l.isEmpty()
		l.expiries, l.mortal = nil, nil
		return dropped
	}
	if len(l.expiries) > 1 {
		l.expiries, dropped = []Expiry{slices.MaxFunc(l.expiries, compareExpiries)}, true
	}
	return dropped
}

func (l *lifetime) clone() lifetime {
	return lifetime{slices.Clone(l.expiries), slices.Clone(l.mortal)}
}

// life returns what is said about when the cell expires, nil for nothing.
func (c *Cell) life() *lifetime {
	if c.more == nil || c.more.rare == nil {
		return nil
	}
	return &c.more.rare.lifetime
}

// Expiries returns the live expiries of a hash's field by dot. Read only.
func (c *Cell) Expiries() []Expiry {
	if l := c.life(); l != nil {
		return l.expiries
	}
	return nil
}

// expireAt returns when the cell expires, given that everything stamped at or before
// hide is gone: at the longest of its expiries, [Never] without any or beside a live
// write that says so.
func (c *Cell) expireAt(hide HLC) int64 {
	l := c.life()
	if l == nil || len(l.expiries) == 0 {
		return Never
	}
	if c.write.Stamp > hide && !l.isMortal(c.write.Dot) {
		return Never
	}
	for i := range c.losers() {
		if w := &c.more.rare.losers[i]; w.Stamp > hide && !l.isMortal(w.Dot) {
			return Never
		}
	}
	at := int64(0)
	for _, x := range l.expiries {
		if x.Stamp > hide {
			at = max(at, x.At)
		}
	}
	if at == 0 {
		return Never
	}
	return at
}

// NeverBy returns the live write with the highest version that says that the cell
// never expires, beside expiries that it had not seen. It reports false when there is
// none.
func (c *Cell) NeverBy() (Dot, bool) {
	for _, w := range c.Writes() {
		if l := c.life(); l != nil && len(l.expiries) > 0 && !l.isMortal(w.Dot) {
			return w.Dot, true
		}
	}
	return Dot{}, false
}

// hiddenTo returns the stamp at or before which everything in the cell is gone at a
// wall time, where in the whole entry that is hide.
func (c *Cell) hiddenTo(hide HLC, nowMillis int64) HLC {
	if c.life() == nil {
		return hide
	}
	if at := c.expireAt(hide); at <= nowMillis && at > 0 {
		return max(hide, StampAt(at)-1)
	}
	return hide
}

// expire takes the expiries that ctx covers, overrides the writes that it covers or
// that are part of the same write, and adds x.
func (c *Cell) expire(ctx *Sight, x Expiry) {
	l := &c.ensureRare().lifetime
	l.dropExpiries(func(o Expiry) bool { return ctx.Covers(o.Dot) })
	l.addExpiry(x)
	for _, w := range c.Writes() {
		if ctx.Covers(w.Dot) || w.Dot == x.Dot {
			l.override(w.Dot)
		}
	}
}

// dropExpiries drops the expiries for which gone holds.
func (c *Cell) dropExpiries(gone func(Expiry) bool) {
	if l := c.life(); l != nil {
		l.dropExpiries(gone)
		c.trim()
	}
}

// pruneMortal forgets overrides of writes that are no longer live.
func (c *Cell) pruneMortal() {
	l := c.life()
	if l == nil || len(l.mortal) == 0 {
		return
	}
	l.mortal = slices.DeleteFunc(l.mortal, func(d Dot) bool {
		return c.write.Dot != d && !hasWrite(c.losers(), d)
	})
}

// assertions returns everything that is said about the cell's expiry: the expiries,
// and what writes without a time to live say.
func (c *Cell) assertions() []Expiry {
	out := slices.Clone(c.Expiries())
	for _, w := range c.Writes() {
		if l := c.life(); l == nil || !l.isMortal(w.Dot) {
			out = append(out, neverOf(w))
		}
	}
	return out
}

// joinLife joins what is said about the expiry, as [Entry.joinExpiries] does. mine is
// what was said here before; the writes have been joined already.
func (c *Cell) joinLife(seenC *Sight, mine []Expiry, o *Cell, seenO *Sight) {
	live := c.Writes()
	keep := joinAssertions(mine, seenC, o.assertions(), seenO, live)
	if c.life() == nil && o.life() == nil && len(keep) == 0 {
		return
	}
	l := &c.ensureRare().lifetime
	l.setExpiries(keep)
	if theirs := o.life(); theirs != nil {
		for _, d := range theirs.mortal {
			l.override(d)
		}
	}
	c.trim()
}

// joinAssertions joins what two sides say about an expiry, dot by dot as everything
// else. What a live write says itself is left out.
func joinAssertions(mine []Expiry, seenMine *Sight, theirs []Expiry, seenTheirs *Sight, live []Write) (keep []Expiry) {
	for _, x := range mine {
		if !seenTheirs.Covers(x.Dot) || slices.Contains(theirs, x) {
			keep = append(keep, x)
		}
	}
	for _, x := range theirs {
		if !seenMine.Covers(x.Dot) && !slices.Contains(mine, x) {
			keep = append(keep, x)
		}
	}
	return slices.DeleteFunc(keep, func(x Expiry) bool { return x.At == Never && hasWrite(live, x.Dot) })
}
