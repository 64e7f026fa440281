package crdt

import (
	"maps"
	"slices"

	"github.com/atollcache/atoll/crdt/pack"
)

func (e *Encoder) entry(x *Entry) {
	r := e.begin()
	if x == nil {
		e.end(&r)
		return
	}
	if g := x.ghost(); g != nil {
		e.ghost(&r, x, g)
		e.end(&r)
		return
	}
	if x.str.isEmpty() {
		e.body = pack.AppendNil(e.body)
	} else {
		e.cell(&x.str)
	}
	e.wroteFields(&r, 1, x.str.isEmpty())
	if ex := x.x; ex != nil {
		e.sections(ex.sections)
		e.wroteFields(&r, 1, len(ex.sections) == 0)
		e.expiries(ex.expiries)
		e.wroteFields(&r, 1, len(ex.expiries) == 0)
		e.vector(ex.mortal)
		e.wroteFields(&r, 1, len(ex.mortal) == 0)
		e.cut(&r, ex)
		e.filling(&r, x.filling())
	}
	e.end(&r)
}

func (e *Encoder) sections(ss []section) {
	e.body = pack.AppendArray(e.body, 2*len(ss))
	for _, s := range ss {
		e.uint(uint64(s.kind))
		e.body = pack.AppendArray(e.body, 2*len(s.cells))
		e.names = slices.AppendSeq(e.names[:0], maps.Keys(s.cells))
		slices.Sort(e.names)
		for _, field := range e.names {
			c := s.cells[field]
			e.string(field)
			e.cell(&c)
		}
		clear(e.names) // They would keep the fields' memory alive.
	}
}

func (e *Encoder) expiries(xs []Expiry) {
	e.body = pack.AppendArray(e.body, expiryStride*len(xs))
	for _, x := range xs {
		e.dot(x.Dot)
		e.nextStamp(x.Stamp)
		e.expireAt(x.At, x.Stamp)
	}
}

// How many values one element of a flat list takes.
const (
	writeStride        = 5
	contributionStride = 10
	expiryStride       = 5
)

func (e *Encoder) cell(c *Cell) {
	r := e.begin()
	losers, sums := c.losers(), c.Contributions()
	n := len(losers)
	if !c.write.Dot.IsZero() {
		n++
	}
	e.body = pack.AppendArray(e.body, writeStride*n)
	for i := range n {
		if i == 0 {
			e.write(&c.write)
		} else {
			e.write(&losers[i-1])
		}
	}
	e.wroteFields(&r, 1, n == 0)
	e.contributions(sums)
	e.wroteFields(&r, 1, len(sums) == 0)
	if l := c.life(); l != nil {
		e.expiries(l.expiries)
		e.wroteFields(&r, 1, len(l.expiries) == 0)
		e.vector(l.mortal)
		e.wroteFields(&r, 1, len(l.mortal) == 0)
	}
	e.end(&r)
}

func (e *Encoder) write(w *Write) {
	e.dot(w.Dot)
	e.nextStamp(w.Stamp)
	e.string(w.Value)
}

func (e *Encoder) contributions(sums []Contribution) {
	e.body = pack.AppendArray(e.body, contributionStride*len(sums))
	for i := range sums {
		s := &sums[i]
		e.dot(Dot{s.Replica, s.N})
		e.uint(s.N - s.Start)
		e.nextStamp(s.Stamp)
		e.number(s.Total)
		e.uint(s.RemovedN)
		e.number(s.Removed)
	}
}
