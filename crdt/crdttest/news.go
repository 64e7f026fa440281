package crdttest

import "github.com/atollcache/atoll/crdt"

// reaches reports whether a state has seen all that another has forgotten, or
// nothing of anybody who had written by then, and brings nothing that old.
func (w *world) reaches(s, to *crdt.Snapshot) bool {
	h, v, has := to.Horizon, w.full(s.Vector), w.full(to.Vector)
	if w.outlives(v, has) {
		return false
	}
	if h.IsZero() {
		return true
	}
	late := true
	news := func(d crdt.Dot, stamp crdt.HLC) {
		late = late && (has.Covers(d) || stamp > h.Stamp)
	}
	for _, e := range s.Entries {
		dots, last, _ := e.Ghost()
		for _, d := range dots {
			news(d, last)
		}
		for _, b := range e.Bars() {
			news(b.Dot, b.Stamp)
		}
		for _, c := range e.Cells() {
			for _, x := range c.Writes() {
				made, _ := e.Made(x.Dot)
				news(x.Dot, max(made, x.Stamp))
			}
			for _, x := range c.Contributions() {
				news(crdt.Dot{Replica: x.Replica, N: x.N}, x.Stamp)
			}
			for _, x := range c.Expiries() {
				news(x.Dot, x.Stamp)
			}
		}
		for _, x := range e.Expiries() {
			made, _ := e.Made(x.Dot)
			news(x.Dot, max(made, x.Stamp))
		}
	}
	return late && (v.CoversAll(h.Vector) || len(v.Meet(w.full(h.Vector))) == 0 && (s.First == 0 || s.First > h.Stamp))
}
