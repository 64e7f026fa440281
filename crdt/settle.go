package crdt

import "slices"

// Of a key that has been written as two kinds one shows (R8), and of a key that
// has outlived its expiry, by a write stamped after it, the rest is hidden. What
// is hidden, and why, everybody knows who has seen both. So a write that has seen
// both settles it: what did not show where it was made is gone for good, and does
// not come back when what hid it is removed or replaced.
//
// It follows that forgetting what is hidden, once everybody has seen what hides
// it, changes nothing that a reader can ever see.

// settle takes what the origin of an effect saw and did not show.
func (e *Entry) settle(ctx *Sight, f *Effect) {
	if f.Kind != KindNone {
		e.takeOthers(ctx, f.Kind, f.Seen)
	}
	if f.Cut != 0 {
		e.takeHidden(ctx, f.Cut, f.Seen)
	}
}

// settleUnsaid settles what a new expiry did not show at its origin and says
// nothing about. An origin that had expiries whose time had come says what they
// hid. If here there are such that it had seen and did not have, it had forgotten
// them, and everything that they hid, as stable. Then nobody has overridden a part
// of what was said about the expiry by then, and what it comes to is the same here
// as it was there.
func (e *Entry) settleUnsaid(d *Delta, ctx *Sight) {
	if len(e.Expiries()) == 0 || d.settlesExpiry() {
		return
	}
	at := int64(0)
	for _, x := range e.assertions() {
		if ctx.Covers(x.Dot) {
			at = max(at, x.At)
		}
	}
	if at > 0 && at <= d.Stamp.Millis() {
		e.takeHidden(ctx, before(at), nil)
	}
}

// settlesExpiry reports whether the delta says what its origin did not show
// because it had expired.
func (d *Delta) settlesExpiry() bool {
	return slices.ContainsFunc(d.Effects, func(f Effect) bool {
		return f.Op == EffectSettle && f.Kind == KindNone
	})
}

// takeHidden takes what ctx covers and is stamped at or before hide.
func (e *Entry) takeHidden(ctx *Sight, hide HLC, seen []Seen) {
	at := seenByCell(seen)
	e.changeEach(func(name CellName, c *Cell) { c.removeHidden(ctx, hide, at[name]) })
}

// takeOthers takes what ctx covers of the cells of all kinds but one. Expiries
// stay: they are the key's, whatever its kind.
func (e *Entry) takeOthers(ctx *Sight, keep Kind, seen []Seen) {
	if e.x == nil && (keep == KindString || e.str.isEmpty()) {
		return // As nearly always.
	}
	var at map[CellName][]Seen
	for _, k := range e.kinds() {
		if k == keep {
			continue
		}
		if k == KindString {
			e.keepNever(ctx)
		}
		if at == nil {
			at = seenByCell(seen)
		}
		e.changeKind(k, func(name CellName, c *Cell) { c.remove(ctx, at[name]) })
	}
}

// keepNever writes down that SETs without a time to live, which ctx covers and
// which are about to go without their key, have said that the key never expires.
func (e *Entry) keepNever(ctx *Sight) {
	for _, w := range e.str.Writes() {
		if ctx.Covers(w.Dot) && (e.x == nil || !e.x.isMortal(w.Dot)) {
			e.ensureExtra().addExpiry(neverOf(w))
		}
	}
}

// neverOf is what a SET without a time to live says about the expiry.
func neverOf(w Write) Expiry { return Expiry{Dot: w.Dot, Stamp: w.Stamp, At: Never} }

// assertions returns everything that is said about the entry's expiry: the
// expiries, and what SETs without a time to live say.
func (e *Entry) assertions() []Expiry {
	out := slices.Clone(e.Expiries())
	for _, w := range e.str.Writes() {
		if e.x == nil || !e.x.isMortal(w.Dot) {
			out = append(out, neverOf(w))
		}
	}
	return out
}

// removeHidden takes what the seer saw of the cell that is stamped at or before
// hide. A contribution counts by its latest stamp, whole.
func (c *Cell) removeHidden(ctx *Sight, hide HLC, seen []Seen) {
	c.dropWrites(func(w Write) bool { return w.Stamp <= hide && ctx.Covers(w.Dot) })
	c.dropExpiries(func(x Expiry) bool { return x.Stamp <= hide && ctx.Covers(x.Dot) })
	c.dropSums(func(s Contribution) bool {
		return s.Replica == ctx.self.Replica && s.Stamp <= hide && ctx.Covers(Dot{s.Replica, s.N})
	})
	for i := range c.Contributions() {
		s := &c.more.sums[i]
		if s.Stamp <= hide && ctx.Covers(Dot{s.Replica, s.N}) {
			s.removeTo(s.N, s.Total)
		}
		for _, o := range seen {
			if o.Replica == s.Replica {
				s.removeTo(o.N, o.Total)
			}
		}
	}
}
