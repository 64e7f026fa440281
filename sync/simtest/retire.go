package simtest

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
)

// drawFreezes adds to a history, in a third of the seeds, replicas that are stopped
// and thawed: meanwhile the others may take them for gone. It draws from a source of
// its own, so that the rest of the history does not depend on it.
func drawFreezes(p *plan) {
	r := rand.New(rand.NewPCG(p.seed, 0x726574697265))
	p.cfg.RetireAfter = pick(r, 20*ms, 60*ms, 200*ms)
	if p.cfg.Peers < len(p.regions) {
		p.cfg.RetireAfter = time.Hour // Who cannot remember all holders never knows that anything is over.
	}
	if r.IntN(3) > 0 {
		return
	}
	for range 1 + r.IntN(4) {
		at, slot := r.IntN(len(p.steps)), r.IntN(len(p.regions))
		thaw := min(at+2+r.IntN(30), len(p.steps))
		p.steps = slices.Insert(p.steps, thaw, step{action: doThaw, at: slot, after: time.Duration(r.Int64N(int64(400 * ms)))})
		p.steps = slices.Insert(p.steps, at, step{action: doFreeze, at: slot})
	}
}

// freeze stops a replica. When the dead are forgotten so is it.
func (w *world) freeze(r *replica) {
	if r.frozen {
		return
	}
	r.frozen = true
	w.counts.Freezes++
	if !w.net.forgetsTheDead {
		return
	}
	w.members = slices.DeleteFunc(w.members, func(m member) bool { return m.id == r.id })
	for _, o := range w.replicas {
		if o != r {
			o.engine.Forget(r.id)
			if o.asked.to == r.id {
				o.asked = request{}
			}
		}
	}
}

// thaw lets a replica go on. It does not take commands before it has caught up, but
// sends what it had written before.
func (w *world) thaw(r *replica) {
	if !r.frozen {
		return
	}
	r.frozen, r.serves, r.asked = false, false, request{}
	if !slices.ContainsFunc(w.members, func(m member) bool { return m.id == r.id }) {
		w.members = append(w.members, member{r.id, w.now + w.net.knownAfter})
	}
	for _, d := range w.retirements {
		if slices.ContainsFunc(d.Effects, func(f crdt.Effect) bool { return f.Replica == r.writer() }) {
			w.counts.Zombies++
		}
	}
}

// noteRetirements notes what a replica has retired by itself.
func (w *world) noteRetirements(r *replica) {
	for _, d := range r.engine.Retirements() {
		if d.Dot.Replica != r.writer() || d.Dot.N <= w.issued(r.writer()) {
			continue
		}
		w.accepted(r, d)
		w.retirements = append(w.retirements, d)
		w.record(write{delta: d, saw: w.saw(d)})
		for _, f := range d.Effects {
			if o := w.writing(f.Replica); o != nil && o.writer() == f.Replica && slices.Contains(w.holders(r), o.id) {
				w.broken("replica %d retires %v, which is replica %d's", r.slot, f.Replica, o.slot)
			}
		}
	}
}

// writing returns the replica whose life an ID belongs to, nil when that has ended.
func (w *world) writing(id crdt.ReplicaID) *replica {
	if slot, ok := w.slots[id.Life()]; ok {
		return w.replicas[slot]
	}
	return nil
}

// full returns all that has been seen by who has seen v, of whatever ID.
func (w *world) full(v crdt.Vector) crdt.Vector { return crdttest.Unretire(v, w.retirements) }

func (w *world) seenBy(r *replica) crdt.Vector { return w.full(r.part.Vector()) }

// retires reports whether IDs that nobody writes under are retired in time.
func (w *world) retires() bool { return w.cfg.RetireAfter < patience }

// unretired returns an ID that a replica's vector names although nobody writes under
// it, zero when there is none.
func (w *world) unretired(r *replica) crdt.ReplicaID {
	v := r.part.Vector()
	for _, d := range v {
		if o := w.writing(d.Replica); o == nil || d.Replica != o.writer() {
			return d.Replica
		}
	}
	return 0
}
