package nodetest

import (
	"reflect"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	cachesync "github.com/atollcache/atoll/sync"
)

// A member that was away for longer than the others wait for it is left out: they
// forget what it has not seen, and refuse what it writes without having seen that.
// A node that could not be filled in time, or found nobody, writes without having
// seen anything, and others do not wait for it; nor do they for who has stopped cleanly,
// and it may come back to its disk when none of them is there. In all these cases whole states and
// comparisons decide what becomes of writes that did not know of each other: one
// that was hidden by another, by R1, R7 or R8, may have been forgotten where it was
// hidden, and then does not show again, or only when somebody who still has it
// compares. All else holds as ever: nothing that was seen and removed comes back,
// all end equal, and what nothing was concurrent with is exact.

// isRight reports whether an entry shows what the specification makes of ops at a
// wall time, as far as that can be known.
func (w *world) isRight(p partition, ops []crdttest.Op, e *crdt.Entry, at int64) bool {
	if reflect.DeepEqual(read(e.View(at)), crdttest.Spec(ops, at)) {
		return true
	}
	return (w.isStrained(p, ops) || len(ops) > 0 && w.parts[p].blurred[ops[0].Key]) && !hasTaken(ops, e, at)
}

// isStrained reports whether somebody has been left out of a partition, or was not
// filled, and some of ops did not know of each other.
func (w *world) isStrained(p partition, ops []crdttest.Op) bool {
	if !w.isPartStrained(p) {
		return false
	}
	for i := range ops {
		for j := range ops[:i] {
			if a, b := &ops[i], &ops[j]; a.Dot != b.Dot && !a.Saw.Covers(b.Dot) && !b.Saw.Covers(a.Dot) {
				w.counts.Excused++
				return true
			}
		}
	}
	return false
}

// isPartStrained reports whether somebody has been left out of a partition, or was
// not filled.
func (w *world) isPartStrained(p partition) bool {
	s := w.statsOf(p)
	return w.parts[p].apart || s.LeftOut > 0 || s.Old+s.Rebuilt > 0 && w.isForgotten()
}

// isForgotten reports whether somebody may write for whom others do not wait,
// having taken it for gone.
func (w *world) isForgotten() bool {
	return w.counts.Crashes+w.counts.Outlived > 0 || w.longest+w.cfg.Members.SuspectAfter > w.cfg.Members.ForgetAfter
}

// statsOf sums up all engines that a partition has ever had.
func (w *world) statsOf(p partition) cachesync.Stats {
	sum := w.parts[p].ended
	for _, n := range w.nodes {
		if n == nil {
			continue
		}
		if s := n.core.Shard(p); s != nil && n.held[p].on {
			sum = sum.Add(statsOf(s))
		}
	}
	return sum
}

// checkRefusals checks that where nothing breaks nobody is refused or has to begin
// anew.
func (w *world) checkRefusals() {
	for p := range w.parts {
		if s := w.statsOf(partition(p)); w.gentle && s.Old+s.Rebuilt > 0 {
			w.broken("partition %d: %d writes were refused and %d copies began anew although nothing was broken", p, s.Old, s.Rebuilt)
		}
	}
}

// hasTaken reports whether an entry shows a write that one of ops saw and took.
func hasTaken(ops []crdttest.Op, e *crdt.Entry, at int64) bool {
	if e == nil {
		return false
	}
	v := e.View(at)
	for name, c := range e.Cells() {
		if name.Kind != v.Kind() {
			continue
		}
		for _, o := range c.Writes() {
			if taken(ops, name, o.Dot) {
				return true
			}
		}
		for _, s := range c.Contributions() {
			if s.RemovedN < s.N && taken(ops, name, crdt.Dot{Replica: s.Replica, N: s.N}) {
				return true
			}
		}
	}
	return false
}

// taken reports whether one of ops saw what is in a cell under a dot, and removed
// or replaced the key or the cell.
func taken(ops []crdttest.Op, name crdt.CellName, d crdt.Dot) bool {
	for i := range ops {
		o := &ops[i]
		if o.Dot == d || !o.Saw.Covers(d) {
			continue
		}
		switch o.Verb {
		case crdttest.Set, crdttest.Del, crdttest.Invalidate:
			return true
		case crdttest.HSet, crdttest.HDel, crdttest.SAdd, crdttest.SRem, crdttest.ZAdd, crdttest.ZRem,
			crdttest.ListPut, crdttest.ListTake:
			if o.Field == name.Field {
				return true
			}
		}
		if o.Fresh || o.FreshField && o.Field == name.Field {
			return true
		}
	}
	return false
}
