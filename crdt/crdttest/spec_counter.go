package crdttest

import "github.com/atollcache/atoll/crdt"

// A counter is its increments (R2). A SET takes those that it saw and its number
// adds to the others (R3); a removal takes those that it saw (R4); each single
// increment is taken or it is not.
//
// Only a time cut and an expiry do not look at single increments. The increments
// of one replica in one cell form runs. A run ends when its replica, about to
// increment again, finds that nothing of it counts any more; that increment
// begins the next run (Op.NewRun). A cut or an expiry takes a run whole when the
// run's last increment is stamped at or before it, and else leaves it whole.

// lastStamp returns the stamp by which a time cut or an expiry judges p: that of
// the last increment of p's run, or for a write its own.
func lastStamp(ops []Op, p *Op) crdt.HLC {
	if !p.Verb.isIncrement() {
		return p.Stamp
	}
	next := nextIncrement(ops, p)
	if next == nil || next.NewRun {
		return p.Stamp
	}
	return lastStamp(ops, next)
}

// nextIncrement returns the increment of the same cell by the same replica that
// follows p, nil when there is none.
func nextIncrement(ops []Op, p *Op) *Op {
	var next *Op
	for i := range ops {
		o := &ops[i]
		if o.Verb.isIncrement() && o.place() == p.place() && o.Dot.Replica == p.Dot.Replica &&
			o.Dot.N > p.Dot.N && (next == nil || o.Dot.N < next.Dot.N) {
			next = o
		}
	}
	return next
}

// replacesRun reports whether o begins a run after the one of p. What its replica
// then knew to be gone (expired, for instance) does not come back.
func (o *Op) replacesRun(p *Op) bool {
	return o.NewRun && p.Verb.isIncrement() && o.Dot.Replica == p.Dot.Replica
}

// total adds up a cell's increments.
func total(cell []*Op) (sum float64, any bool) {
	for _, p := range cell {
		if p.Verb.isIncrement() {
			sum, any = sum+p.Amount, true
		}
	}
	return sum, any
}
