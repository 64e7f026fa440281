package simtest

import (
	"bytes"
	"maps"
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// # What is promised of a write that had not seen what was forgotten
//
// A replica that waits for everybody forgets only what no write that is still to come can
// be concurrent to. One that has left somebody out, or has taken somebody for gone,
// forgets what a write of that one may yet be concurrent to. Such a write is unaware: it
// is not among what was forgotten, and its origin had not seen all of that. Where it is
// taken all the same, with a whole state, or where somebody who has applied it applies
// what the forgetful one goes on to write, which says nothing of what is gone there, its
// key may come out otherwise than specified. What is promised then is only that all come
// out alike and that nothing shows that was removed.
//
// That is a matter of the keys of which something was forgotten, for what a write does,
// and what forgetting takes, is an entry's; and of replicas that have seen such a write
// to the key, for of all others' writes what is forgotten has been stable. All else is
// held against the specification, whatever has been refused, left out and begun anew.

// forgotten is what a replica had forgotten when it forgot something of a key.
type forgotten struct {
	key    string
	vector crdt.Vector
}

// sweep lets a replica forget, and notes what of.
func (w *world) sweep(r *replica) {
	var before map[string][]byte
	if r.mayForget(r.time(w).UnixMilli()) {
		before = r.kept()
	}
	r.engine.Sweep(r.time(w), w.holders(r))
	s := r.engine.Stats()
	if s.LeftOut > r.leftOut {
		r.leftOut = s.LeftOut
		w.mayLeaveOut(r)
	}
	if s.Forgotten+s.Trimmed == r.forgot {
		return
	}
	r.forgot = s.Forgotten + s.Trimmed
	after, h := r.kept(), w.full(r.part.Horizon().Vector).Clone()
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if bytes.Equal(before[key], after[key]) {
			continue
		}
		f := forgotten{key, h}
		w.forgotten = append(w.forgotten, f)
		for i := range w.history {
			w.history[i].meets(f)
		}
	}
}

// mayForget reports whether anything waits to be forgotten or does as soon as it is seen
// to have expired.
func (r *replica) mayForget(now int64) bool {
	return r.part.Waiting().Keys > 0 || slices.ContainsFunc(r.part.Keys(), func(key string) bool {
		return r.part.Entry(key).Due() <= now
	})
}

// mayLeaveOut checks that a replica which has just left somebody out was not late itself,
// or had waited for the longest time: what it forgets then excuses no write.
func (w *world) mayLeaveOut(r *replica) {
	now, most := r.time(w), w.cfg.HorizonFor
	if most > 0 && now.Sub(r.engine.Backlog().Since) > most {
		return
	}
	for _, p := range r.engine.Peers() {
		if p.Behind && now.Sub(p.Heard) <= 3*w.cfg.AnnounceEvery && !r.paused[p.Region] {
			w.broken("replica %d leaves somebody out although it lacks what %v has announced", r.slot, p.Replica)
		}
	}
}

// kept returns what a replica keeps of each key.
func (r *replica) kept() map[string][]byte {
	out := map[string][]byte{}
	for _, key := range r.part.Keys() {
		out[key] = crdt.AppendEntry(nil, r.part.Entry(key))
	}
	return out
}

// meets notes whether the write is unaware of what has been forgotten.
func (o *write) meets(f forgotten) {
	o.unaware = o.unaware || o.delta.Key == f.key && !f.vector.Covers(o.delta.Dot) && !o.saw.CoversAll(f.vector)
}

// record notes a write that was accepted.
func (w *world) record(o write) {
	o.delta = o.delta.Clone() // The engine makes its next write in the same place.
	for _, f := range w.forgotten {
		o.meets(f)
	}
	w.history = append(w.history, o)
}

// saw returns all that a write's origin had seen.
func (w *world) saw(d *crdt.Delta) crdt.Vector {
	return w.full(d.Deps.Join(crdt.Vector(nil).Advance(crdt.Dot{Replica: d.Dot.Replica, N: d.Dot.N - 1})))
}
