package crdt

import (
	"cmp"
	"math"
)

// Repair takes in what another holder of the partition shows of a key at a wall
// time, in milliseconds since the Unix epoch, and this one lacks. It is for two
// that have applied the same writes to the key and yet show something else,
// because memory was damaged or a program was wrong. That they have, and that o's
// stamps are not absurdly far ahead, the caller has checked. It reports whether it
// changed anything, and keeps none of o's memory but its values.
//
// Presence beats absence: nothing that both have seen took what one of them
// shows, or the other would be right to lack it. What both have under one dot
// and with different content is decided by the content, the same way everywhere:
// the higher stamp, then the larger value; of contributions the later increment,
// then the larger sum; of expiries the later. What is here and not in o stays:
// that is for the other to take.
//
// What counts is what shows. Nothing is taken because of a cell, an expiry or a
// time cut that shows nothing here or there: it may have been collected. When
// something shows in o that a time cut or an expiry hides here, the cut makes
// way. A dot that this partition has not seen is left alone: it will come as a
// delta. Dots of replicas that neither this partition nor theirVector, what the other
// one has seen, name any more have been seen by both.
//
// So two holders that repair from each other, at the same time or one after the
// other, show the same afterwards, then and at any later time. Repairing again
// changes nothing.
func (p *Partition) Repair(key string, o *Entry, theirVector Vector, at int64) (changed bool) {
	if o.IsEvicted() || p.Entry(key).IsEvicted() {
		return p.repairGhost(key, o, theirVector, at)
	}
	theirs := o.View(at)
	if !theirs.Exists() {
		return false
	}
	own := p.Entry(key)
	r := repair{own: own, mine: own.View(at), theirs: theirs, seen: Sight{vector: p.vector, retired: p.retired, named: theirVector, gone: !p.horizon.IsZero()}, low: math.MaxUint64}
	for _, k := range o.kinds() {
		switch {
		case !r.matters(k):
		case k == KindString:
			r.compareCell(k, "", &o.str)
		default:
			for field, c := range o.section(k) {
				r.compareCell(k, field, &c)
			}
		}
	}
	r.compareExpiry()
	hides := r.mine.kind != r.theirs.kind && len(r.mine.expiredFields()) > 0
	if len(r.cells) == 0 && r.expiry.Dot.IsZero() && !hides {
		return false
	}
	return p.update(key, func(e *Entry) { r.apply(e, at) }) == nil
}

// repair is what an entry takes from another holder's.
type repair struct {
	own          *Entry // nil when nothing is kept here
	mine, theirs View
	seen         Sight

	cells    []repairedCell
	expireAt int64  // when the entry is to expire, as it shows
	expiry   Expiry // the one to take for that, zero for none
	low      HLC    // the lowest stamp that must not be hidden
}

// repairedCell is what one cell takes.
type repairedCell struct {
	CellName
	write    Write // zero for none
	sums     []Contribution
	expireAt int64  // when it is to expire by itself, as it shows
	expiry   Expiry // the one to take for that, zero for none
}

// matters reports whether cells of a kind may show in the end: those of the kind
// that shows there, and all where another one shows here.
func (r *repair) matters(k Kind) bool {
	return k == r.theirs.kind || r.mine.Exists() && r.mine.kind != r.theirs.kind
}

// compareCell notes what of the other's cell shows and is missing in this one's.
func (r *repair) compareCell(k Kind, field string, c *Cell) {
	var own Cell
	if r.own != nil {
		own = r.own.cell(k, field)
	}
	take := repairedCell{CellName: CellName{k, field}, expireAt: Never}
	hide, theirs := r.mine.hidden(&own), r.theirs.hidden(c)
	// A write below the one that shows here would not show: it is left where it is.
	if w := c.write; w.Stamp > theirs && r.seen.Covers(w.Dot) &&
		(own.write.Stamp <= hide || compareContent(own.write, w) > 0) {
		take.write = w
		r.low = min(r.low, w.Stamp)
	}
	for _, s := range c.Contributions() {
		if !s.live(theirs) || !r.seen.Covers(Dot{s.Replica, s.N}) {
			continue
		}
		if m, ok := own.sum(s.Replica); !ok || !m.live(hide) || compareSums(m, s) > 0 {
			take.sums = append(take.sums, s)
			r.low = min(r.low, s.Stamp)
		}
	}
	r.compareFieldExpiry(&take, &own, c)
	if !take.write.Dot.IsZero() || len(take.sums) > 0 || !take.expiry.Dot.IsZero() {
		r.cells = append(r.cells, take)
	}
}

// compareFieldExpiry notes when a cell is to expire by itself: at the later of the times
// that show.
func (r *repair) compareFieldExpiry(take *repairedCell, own, c *Cell) {
	_, shows := r.mine.visible(own)
	if shows {
		take.expireAt = r.mine.expireAt(own)
	}
	_, theirs := r.theirs.visible(c)
	at := r.theirs.expireAt(c)
	if !theirs || at == Never || take.expireAt != Never && at <= take.expireAt ||
		!shows && take.write.Dot.IsZero() && len(take.sums) == 0 {
		return
	}
	for _, x := range c.Expiries() {
		if x.At == at && x.Stamp > r.theirs.hide && r.seen.Covers(x.Dot) {
			take.expireAt, take.expiry = at, x
			r.low = min(r.low, x.Stamp)
			return
		}
	}
}

// compareContent orders writes as compareWrites does, and the contents that one
// write has at different holders: the one that counts first.
func compareContent(a, b Write) int {
	return cmp.Or(compareWrites(a, b), cmp.Compare(b.Value, a.Value))
}

// compareSums orders what one contribution is at different holders, the one that
// counts first.
func compareSums(a, b Contribution) int {
	m, n := a.Net(), b.Net()
	return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(b.Stamp, a.Stamp),
		cmp.Compare(n.Int, m.Int), cmp.Compare(n.Float, m.Float))
}

// compareExpiry notes when the entry is to expire: at the later of the times that
// show.
func (r *repair) compareExpiry() {
	r.expireAt = r.mine.ExpireAt()
	at := r.theirs.ExpireAt()
	if at == Never || r.expireAt != Never && at <= r.expireAt || !r.mine.Exists() && len(r.cells) == 0 {
		return
	}
	for _, x := range r.theirs.e.Expiries() {
		if x.At == at && r.seen.Covers(x.Dot) {
			r.expireAt, r.expiry = at, x
			// A cut after an expiry would keep it from showing.
			r.low = min(r.low, x.Stamp, StampAt(at)-1)
			return
		}
	}
}

// apply changes the entry as was noted.
func (r *repair) apply(e *Entry, at int64) {
	hide := r.mine.hide
	if r.low <= hide || hide > e.Cut() {
		// An expiry that has come no longer holds once another one is taken, or a
		// string that never expires.
		e.bury(hide, at)
		if e.x != nil {
			e.x.cut = min(e.x.cut, max(r.low, 1)-1)
		}
	}
	v := e.View(at)
	for i := range r.cells {
		take := &r.cells[i]
		e.change(take.Kind, take.Field, func(c *Cell) {
			if hidden := v.hidden(c); hidden > v.hide {
				c.bury(hidden)
			}
			if w := take.write; !w.Dot.IsZero() {
				c.dropWrites(func(o Write) bool { return o.Dot == w.Dot })
				c.put(w)
			}
			for _, s := range take.sums {
				c.setSum(s)
			}
			if v.expireAt(c) != take.expireAt {
				c.showExpiry(take.expireAt, take.expiry)
			}
		})
	}
	if e.View(at).ExpireAt() != r.expireAt {
		e.showExpiry(r.expireAt, r.expiry)
	}
	if v := e.View(at); v.kind != r.theirs.kind {
		// Which kind shows must not depend on fields that do not.
		for _, field := range v.expiredFields() {
			e.change(KindHash, field, func(c *Cell) { c.bury(v.hidden(c)) })
		}
	}
	e.tidy()
}

// expiredFields returns the fields of which something has expired by itself.
func (v View) expiredFields() (fields []string) {
	if v.e == nil || v.e.timedSection() == nil {
		return nil
	}
	for field, c := range v.e.section(KindHash) {
		if v.hidden(&c) > v.hide {
			fields = append(fields, field)
		}
	}
	return fields
}

// bury makes final what does not show at a wall time because it is stamped at or
// before hide, so that it stays away when the expiry or the cut that hid it goes.
// An expiry that has come goes with it.
func (e *Entry) bury(hide HLC, now int64) {
	expired := e.ExpireAt() <= now
	e.changeAll(func(c *Cell) { c.bury(hide) })
	if expired {
		e.dropExpiries(func(Expiry) bool { return true })
	}
}

// bury makes final that what is stamped at or before hide does not show. Expiries that
// do not reach beyond it go as well.
func (c *Cell) bury(hide HLC) {
	c.dropWrites(func(w Write) bool { return w.Stamp <= hide })
	c.dropExpiries(func(x Expiry) bool { return x.Stamp <= hide || StampAt(x.At)-1 <= hide })
	if c.more == nil {
		return
	}
	for i := range c.more.sums {
		if s := &c.more.sums[i]; s.Stamp <= hide {
			s.removeTo(s.N, s.Total)
		}
	}
}

// showExpiry makes the entry expire at a time or never, by the expiries of that
// time that it has and by x unless that is zero.
func (e *Entry) showExpiry(at int64, x Expiry) {
	e.dropExpiries(func(o Expiry) bool { return at == Never || o.At > at || o.Dot == x.Dot })
	if at == Never {
		return
	}
	ex := e.ensureExtra()
	for _, w := range e.str.Writes() {
		ex.override(w.Dot)
	}
	if !x.Dot.IsZero() {
		ex.addExpiry(x)
	}
}

// showExpiry makes a cell expire at a time or never, as [Entry.showExpiry] does a key.
func (c *Cell) showExpiry(at int64, x Expiry) {
	c.dropExpiries(func(o Expiry) bool { return at == Never || o.At > at || o.Dot == x.Dot })
	if at == Never {
		return
	}
	l := &c.ensureRare().lifetime
	for _, w := range c.Writes() {
		l.override(w.Dot)
	}
	if !x.Dot.IsZero() {
		l.addExpiry(x)
	}
	c.trim()
}

// Lose drops a key without a trace, as damaged memory would. It is what tests
// and the benchmark of repair imitate damage with; nothing else calls it.
func (p *Partition) Lose(key string) {
	if p.Entry(key) != nil {
		p.update(key, func(e *Entry) { *e = Entry{} })
	}
}

// Overwrite changes the bytes of the string that a key shows and nothing else of
// it, as damaged memory would. It is what tests and the benchmark of repair
// imitate damage with; nothing else calls it.
func (p *Partition) Overwrite(key, value string) {
	if e := p.Entry(key); e != nil && !e.str.write.Dot.IsZero() {
		p.update(key, func(e *Entry) { e.str.write.Value = value })
	}
}
