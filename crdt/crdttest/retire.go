package crdttest

import (
	"fmt"
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// Unretire returns everything that has been seen by who has seen v, of whatever ID,
// given all retirements that were ever made: what a vector would say if no ID were
// ever retired.
func Unretire(v crdt.Vector, retirements []*crdt.Delta) crdt.Vector {
	out := v
	for more := true; more; {
		more = false
		for _, d := range retirements {
			if !out.Covers(d.Dot) {
				continue
			}
			for _, f := range d.Effects {
				if !out.Covers(f.Last()) {
					out, more = out.Clone().Advance(f.Last()), true
				}
			}
		}
	}
	return out
}

// full returns all that a vector has seen.
func (w *world) full(v crdt.Vector) crdt.Vector { return Unretire(v, w.retirements) }

// seenBy returns all that a replica has seen.
func (w *world) seenBy(r *replica) crdt.Vector { return w.full(r.part.Vector()) }

// saw returns all that the origin of a delta had seen.
func (w *world) saw(d *crdt.Delta) crdt.Vector { return w.full(context(d)) }

// retire lets r retire every ID that nobody writes under any more and of which all
// have the same, as far as they are not away.
func (w *world) retire(r *replica) error {
	if r.away {
		return nil
	}
	d := &crdt.Delta{Dot: crdt.Dot{Replica: r.id, N: r.part.Vector().Get(r.id) + 1}}
	for _, last := range r.part.Vector() {
		if w.isOver(last) {
			d.Effects = append(d.Effects, crdt.Retire(last))
		}
	}
	if len(d.Effects) == 0 {
		return nil
	}
	d.From, d.Stamp, d.Deps = d.Dot.N, r.clock.Next(w.now(r)), r.part.Vector().Without(r.id)
	w.log[r.id] = append(w.log[r.id], d)
	w.made[d.Dot] = w.now(r)
	w.retirements = append(w.retirements, d)
	if err := r.apply(d); err != nil {
		return fmt.Errorf("retire: apply own %v: %w", d.Dot, err)
	}
	return nil
}

// isOver reports whether an ID is nobody's that is not away, and they have all seen
// the same last write of it and hold none back.
func (w *world) isOver(last crdt.Dot) bool {
	return !slices.ContainsFunc(w.replicas, func(o *replica) bool {
		held := slices.ContainsFunc(o.held, func(d *crdt.Delta) bool { return d.Dot.Replica == last.Replica && d.Dot.N > last.N })
		return !o.away && (o.id == last.Replica || o.part.Vector().Get(last.Replica) != last.N || held)
	})
}

// outlives reports whether who has seen a state has seen more of an ID than it was
// retired after by one who has seen another.
func (w *world) outlives(state, other crdt.Vector) bool {
	return slices.ContainsFunc(w.retirements, func(d *crdt.Delta) bool {
		return other.Covers(d.Dot) && slices.ContainsFunc(d.Effects, func(f crdt.Effect) bool {
			return f.Op == crdt.EffectRetire && state.Get(f.Replica) > f.Start
		})
	})
}

// refuses reports whether a partition that has seen v must refuse a delta because of
// what has been retired: it was written under a retired ID, or its origin had seen
// more under it than was retired, or it retires an ID of which there is more.
func (w *world) refuses(v crdt.Vector, d *crdt.Delta) bool {
	return !v.Covers(d.Dot) && (w.outlives(w.saw(d).Advance(d.Dot), v) ||
		slices.ContainsFunc(d.Effects, func(f crdt.Effect) bool { return f.Op == crdt.EffectRetire && v.Get(f.Replica) > f.Start }))
}

// renew gives r another ID when it has learnt that its own has been retired while it
// was away.
func (w *world) renew(r *replica) { w.renewAfter(r, w.seenBy(r)) }

// renewAfter is renew for what is in a vector.
func (w *world) renewAfter(r *replica, seen crdt.Vector) {
	for _, d := range w.retirements {
		if seen.Covers(d.Dot) && slices.ContainsFunc(d.Effects, func(f crdt.Effect) bool { return f.Replica == r.id }) {
			w.begin(r)
			return
		}
	}
}

// isLost reports whether nobody has a write any more.
func (w *world) isLost(d crdt.Dot) bool {
	return !slices.ContainsFunc(w.replicas, func(o *replica) bool { return w.seenBy(o).Covers(d) })
}

// begin gives r another ID and leaves it what it has: nothing will be written under
// the old one any more.
func (w *world) begin(r *replica) {
	w.lives++
	r.id = crdt.ReplicaID(len(w.replicas) + w.lives)
}

// retireAll retires whatever there is to retire, until everybody has seen that.
func (w *world) retireAll() error {
	for range 2 { // Once for each of two that take part in the exchange of the first time.
		if err := w.retire(w.replicas[0]); err != nil {
			return err
		}
		for _, r := range w.replicas[1:] {
			if _, err := w.catchUp(r, w.replicas[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

// onlyLiving checks that nobody's vector names an ID that nobody writes under, and
// that nothing is left to be done about it.
func (w *world) onlyLiving() error {
	for _, r := range w.replicas {
		for _, d := range r.part.Vector() {
			if !slices.ContainsFunc(w.replicas, func(o *replica) bool { return o.id == d.Replica }) {
				return fmt.Errorf("r%d still names %v in %v", r.id, d, r.part.Vector())
			}
		}
		if n := r.part.Retired(); len(n) > 0 {
			return fmt.Errorf("r%d still knows %v to be retired", r.id, n)
		}
		for _, d := range r.part.Horizon().Vector {
			if r.part.Vector().Get(d.Replica) == 0 {
				return fmt.Errorf("the horizon of r%d still names %v", r.id, d)
			}
		}
	}
	return nil
}
