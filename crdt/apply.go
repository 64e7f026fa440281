package crdt

// Apply changes the entry as d says. The caller has checked that d is for this
// key and [Delta.Ready]; [Partition.Apply] does both. Applying a delta again,
// or one that stands for a range of writes of which some have been applied, is
// harmless.
func (e *Entry) Apply(d *Delta) {
	ctx := d.context()
	e.apply(d, &ctx)
}

// apply is Apply for who knows more of what the delta's origin had seen.
func (e *Entry) apply(d *Delta, ctx *Sight) {
	if e.IsEvicted() {
		if !e.endedBy(d, ctx) {
			e.absorb(d)
			return
		}
		e.end()
	}
	if d.setsPlain() && e.setPlain(d, ctx) {
		return
	}
	for i := range d.Effects {
		e.applyEffect(d, ctx, &d.Effects[i])
	}
	e.tidy()
}

// setPlain applies a delta that sets a string where there is nothing, or no more than a
// plain string that its origin had seen. It does what the effects do one by one, and
// reports whether it did.
func (e *Entry) setPlain(d *Delta, ctx *Sight) bool {
	w := &e.str.write
	if e.x != nil || e.str.more != nil || d.Stamp == 0 || !w.Dot.IsZero() && !ctx.Covers(w.Dot) {
		return false
	}
	*w = Write{d.Dot, d.Stamp, d.Effects[1].Value}
	return true
}

func (e *Entry) applyEffect(d *Delta, ctx *Sight, f *Effect) {
	switch f.Op {
	case EffectClear:
		e.clear(ctx, f.Seen)
	case EffectSettle:
		e.settle(ctx, f)
	case EffectPut:
		e.takeOthers(ctx, f.Kind, nil)
		e.change(f.Kind, f.Field, func(c *Cell) {
			c.remove(ctx, f.Seen)
			if d.Stamp > e.Cut() {
				c.put(Write{d.Dot, d.Stamp, f.Value})
			}
		})
	case EffectRemove:
		e.takeOthers(ctx, f.Kind, nil)
		e.change(f.Kind, f.Field, func(c *Cell) { c.remove(ctx, f.Seen) })
	case EffectAdd:
		e.takeOthers(ctx, f.Kind, nil)
		e.change(f.Kind, f.Field, func(c *Cell) { c.add(d, f) })
	case EffectExpireField:
		e.takeOthers(ctx, f.Kind, nil)
		e.change(f.Kind, f.Field, func(c *Cell) {
			c.removeHidden(ctx, f.Cut, f.Seen)
			if d.Stamp > e.Cut() {
				c.expire(ctx, Expiry{d.Dot, d.Stamp, f.At})
			}
		})
	case EffectExpire:
		e.settleUnsaid(d, ctx)
		if d.Stamp > e.Cut() {
			e.expire(ctx, Expiry{d.Dot, d.Stamp, f.At})
		}
	case EffectCut:
		e.raiseCut(f.Cut)
	case EffectFill:
		e.fill(ctx, d, f)
	case EffectBar:
		e.bar(ctx, d)
	}
}

// add applies an increment: the run's new total replaces an older one.
func (c *Cell) add(d *Delta, f *Effect) {
	next := Contribution{Replica: d.Dot.Replica, Start: f.Start, N: d.Dot.N, Stamp: d.Stamp, Total: f.Sum}
	if s, ok := c.sum(next.Replica); ok {
		s.merge(next)
		next = s
	}
	c.setSum(next)
}

// clear takes everything that ctx covers from the whole entry, its expiries
// included. A time cut stays: it speaks of the unseen as well.
func (e *Entry) clear(ctx *Sight, seen []Seen) {
	at := seenByCell(seen)
	e.changeEach(func(name CellName, c *Cell) { c.remove(ctx, at[name]) })
	e.dropExpiries(func(x Expiry) bool { return ctx.Covers(x.Dot) })
}

// seenByCell sorts what was seen of contributions by cell.
func seenByCell(seen []Seen) map[CellName][]Seen {
	if len(seen) == 0 {
		return nil
	}
	at := map[CellName][]Seen{}
	for _, s := range seen {
		name := CellName{s.Kind, s.Field}
		at[name] = append(at[name], s)
	}
	return at
}

// raiseCut makes everything stamped at or before cut gone. Live writes and
// expiries go at once. Contributions are only hidden: one whose replica does
// not know of the cut yet may still go on, and then counts whole.
func (e *Entry) raiseCut(cut HLC) {
	if cut <= e.Cut() {
		return
	}
	e.ensureExtra().cut = cut
	e.changeAll(func(c *Cell) {
		c.dropWrites(func(w Write) bool { return w.Stamp <= cut })
		c.dropExpiries(func(x Expiry) bool { return x.Stamp <= cut })
	})
	e.dropExpiries(func(x Expiry) bool { return x.Stamp <= cut })
}
