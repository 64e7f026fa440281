package crdt

import (
	"math"
	"slices"
)

func (d *Decoder) entry() *Entry {
	rec := d.r.Record()
	if d.r.Err() != nil {
		return nil
	}
	x := &Entry{}
	if rec.More() {
		switch {
		case d.r.Nil():
		case d.r.True():
			x = d.ghost(&rec)
			rec.End()
			return x
		default:
			c := d.cell(KindString)
			x.change(KindString, "", func(o *Cell) { *o = c })
		}
	}
	if rec.More() {
		d.sections(x)
	}
	if rec.More() {
		if xs := d.expiries(); len(xs) > 0 {
			x.ensureExtra().expiries = xs
		}
	}
	if rec.More() {
		if ds := d.mortal(&x.str); len(ds) > 0 {
			x.ensureExtra().mortal = ds
		}
	}
	d.late(&rec, x)
	rec.End()
	if d.r.Err() != nil {
		return nil
	}
	return x
}

// checkCut checks that the entry's time cut has taken what lies before it.
func (d *Decoder) checkCut(x *Entry) {
	low := x.str.lowest()
	for _, s := range x.x.sections {
		for _, c := range s.cells {
			low = min(low, c.lowest())
			for _, o := range c.Expiries() {
				low = min(low, o.Stamp)
			}
		}
	}
	for _, o := range x.x.expiries {
		low = min(low, o.Stamp)
	}
	if low <= x.x.cut {
		d.r.Fail(errStamp)
	}
}

// lowest returns the lowest stamp of the live writes, the highest there is when
// there are none.
func (c *Cell) lowest() HLC {
	switch {
	case c.write.Dot.IsZero():
		return math.MaxUint64
	case len(c.losers()) == 0:
		return c.write.Stamp
	default:
		return c.losers()[len(c.losers())-1].Stamp
	}
}

func (d *Decoder) sections(x *Entry) {
	from := KindString + 1
	for range d.pairs() {
		k := d.kind(from)
		n := d.pairs()
		if n == 0 {
			d.r.Fail(errMissing)
		}
		// A map is made for n cells at once, so n must be true.
		if n > d.r.Len()/minCellBytes {
			d.r.Fail(errCount)
		}
		if d.r.Err() != nil {
			return
		}
		d.cells(x, k, n)
		from = k + 1
	}
}

// minCellBytes is the least that a field and its cell take: the empty name, two
// headers, and a write of the empty value.
const minCellBytes = 10

// cells reads the n cells of a section.
func (d *Decoder) cells(x *Entry, k Kind, n int) {
	ex := x.ensureExtra()
	ex.sections = append(ex.sections, section{kind: k, cells: make(map[string]Cell, n)})
	last := ""
	for i := range n {
		field := d.field(k)
		if i > 0 && field <= last {
			d.r.Fail(errOrder)
		}
		c := d.cell(k)
		if d.r.Err() != nil {
			return
		}
		x.change(k, field, func(o *Cell) { *o = c })
		last = field
	}
}

// cell reads a cell of a kind that is not empty.
func (d *Decoder) cell(k Kind) (c Cell) {
	rec := d.r.Record()
	if rec.More() {
		d.writes(&c)
	}
	if rec.More() {
		if sums := d.contributions(); len(sums) > 0 {
			c.ensureMore().sums = sums
		}
	}
	if rec.More() {
		if xs := d.expiries(); len(xs) > 0 {
			c.ensureRare().expiries = xs
		}
	}
	if rec.More() {
		if ds := d.mortal(&c); len(ds) > 0 {
			c.ensureRare().mortal = ds
		}
	}
	rec.End()
	if c.life() != nil && !c.life().isEmpty() && k != KindHash {
		d.r.Fail(errExpiry)
	}
	if c.isEmpty() {
		d.r.Fail(errMissing)
	}
	return c
}

func (d *Decoder) writes(c *Cell) {
	n := d.list(writeStride)
	if n == 0 {
		return
	}
	c.write = d.write()
	if n == 1 {
		return
	}
	losers := make([]Write, 0, n-1)
	last := &c.write
	for range n - 1 {
		w := d.write()
		if compareWrites(*last, w) >= 0 {
			d.r.Fail(errOrder)
		}
		if d.r.Err() != nil {
			return
		}
		losers = append(losers, w)
		last = &losers[len(losers)-1]
	}
	c.ensureRare().losers = losers
	dots := c.writeDots()
	for i := 1; i < len(dots); i++ {
		if dots[i-1] == dots[i] {
			d.r.Fail(errOrder)
		}
	}
}

// writeDots returns the dots of the live writes, sorted.
func (c *Cell) writeDots() []Dot {
	var out []Dot
	if !c.write.Dot.IsZero() {
		out = append(out, c.write.Dot)
	}
	for _, w := range c.losers() {
		out = append(out, w.Dot)
	}
	slices.SortFunc(out, Dot.Compare)
	return out
}

func (d *Decoder) write() Write {
	return Write{Dot: d.dot(), Stamp: d.nextStamp(), Value: d.r.String()}
}

func (d *Decoder) contributions() []Contribution {
	n := d.list(contributionStride)
	if n == 0 {
		return nil
	}
	out := make([]Contribution, 0, n)
	for i := range n {
		s := d.contribution()
		if i > 0 && s.Replica <= out[i-1].Replica {
			d.r.Fail(errOrder)
		}
		if d.r.Err() != nil {
			return nil
		}
		out = append(out, s)
	}
	return out
}

func (d *Decoder) contribution() Contribution {
	dot := d.dot()
	s := Contribution{Replica: dot.Replica, N: dot.N}
	s.Start = s.N - d.r.Uint()
	s.Stamp = d.nextStamp()
	s.Total = d.number()
	s.RemovedN = d.r.Uint()
	s.Removed = d.number()
	if s.Start < 1 || s.Start > s.N {
		d.r.Fail(errNumber)
	}
	if s.RemovedN == 0 && s.Removed != (Number{}) || s.RemovedN > s.N || s.RemovedN > 0 && s.RemovedN < s.Start {
		d.r.Fail(errNumber)
	}
	return s
}

func (d *Decoder) expiries() []Expiry {
	n := d.list(expiryStride)
	if n == 0 {
		return nil
	}
	out := make([]Expiry, 0, n)
	for i := range n {
		x := Expiry{Dot: d.dot(), Stamp: d.nextStamp()}
		x.At = d.expireAt(x.Stamp)
		if i > 0 && x.Dot.Compare(out[i-1].Dot) <= 0 {
			d.r.Fail(errOrder)
		}
		if d.r.Err() != nil {
			return nil
		}
		out = append(out, x)
	}
	return out
}

// mortal reads the writes whose lack of an expiry has been overridden: some of the
// cell's live ones.
func (d *Decoder) mortal(c *Cell) []Dot {
	n := d.pairs()
	if n == 0 {
		return nil
	}
	live := c.writeDots()
	out := make([]Dot, 0, n)
	for i := range n {
		m := d.dot()
		if i > 0 && m.Compare(out[i-1]) <= 0 {
			d.r.Fail(errOrder)
		}
		if _, ok := slices.BinarySearchFunc(live, m, Dot.Compare); !ok {
			d.r.Fail(errMissing)
		}
		if d.r.Err() != nil {
			return nil
		}
		out = append(out, m)
	}
	return out
}
