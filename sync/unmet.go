package sync

import (
	"errors"
	"fmt"
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// # What was written without having seen what has been forgotten
//
// Who has left out a holder may have forgotten what a write of that one was concurrent
// to. Such a write is refused as a delta ([crdt.ErrHorizon]): what it would have made of
// what is gone (an expiry that counts again, a kind that shows again) nobody here can
// tell. Nor may it come with a state. That state's vector need not show it: its holder
// may have caught up since, and have seen by now all that has been forgotten here.
//
// So the first of these writes of each replica is remembered, as unmet, from where it
// does show: in a delta that is refused; in any vector that does not cover the horizon
// here, for whatever is in it had seen no more; and of who is left out while something is
// forgotten, its next write, until it is known that this one has seen what is forgotten.
//
// Of two states neither of which has seen all of the other, and of which one has what is
// unmet at the other, nothing is joined: one is taken whole in the place of the other, as
// [Engine.yields] says. Who sends a state sends what is unmet there with it, so that both
// decide alike. A state that has seen all that the other has simply takes its place.

// maxUnmet bounds the replicas of which something is unmet: beyond it, those that are
// noted first stay.
const maxUnmet = 1024

// isAware reports whether who announces a vector has seen what has been forgotten here.
func (e *Engine) isAware(v crdt.Vector) bool {
	h := e.store.Horizon().Vector
	if len(h) == 0 {
		return true
	}
	has := e.store.Sight(v)
	return has.CoversAll(h)
}

// isNewcomer reports whether a vector names nothing that was written before what has been
// forgotten here: what such a replica writes is taken ([crdt.Partition.Apply]).
func (e *Engine) isNewcomer(v crdt.Vector) bool {
	return !slices.ContainsFunc(e.store.Horizon().Vector, func(d crdt.Dot) bool { return v.Get(d.Replica) > 0 })
}

// noteVector notes what is unmet of a peer's vector, or that nothing of that life is any
// more: who has seen all that has been forgotten here, and has nothing that is missing
// here, writes nothing that has not. The vector names the IDs too that the peer knows to
// be retired: where that is not known, who names one no more could not be told from who
// has seen nothing of it.
func (e *Engine) noteVector(life crdt.ReplicaID, v crdt.Vector) {
	switch {
	case !e.isAware(v):
		if e.isNewcomer(v) {
			return
		}
		for _, d := range v {
			if !e.store.Covers(d) {
				e.addUnmet(crdt.Dot{Replica: d.Replica, N: e.store.Vector().Get(d.Replica) + 1})
			}
		}
	case len(e.settling.unmet) > 0 && e.store.CoversAll(v):
		e.settling.unmet = slices.DeleteFunc(e.settling.unmet, func(d crdt.Dot) bool { return d.Replica.Life() == life })
	}
}

// noteLeftOut notes that something has been forgotten without having waited for those
// who are left out.
func (e *Engine) noteLeftOut() {
	for _, r := range e.settling.out {
		if i, ok := e.peers.search(r); ok {
			if v := e.peers.list[i].vector; e.isAware(v) && e.store.CoversAll(v) {
				continue
			}
		}
		e.addUnmet(crdt.Dot{Replica: r, N: e.store.Vector().Get(r) + 1})
		for _, d := range e.store.Vector() {
			if d.Replica.Life() == r {
				e.addUnmet(crdt.Dot{Replica: d.Replica, N: d.N + 1})
			}
		}
	}
}

// addUnmet notes a write as the first of its replica that is unmet, unless an earlier one
// is.
func (e *Engine) addUnmet(d crdt.Dot) {
	u := &e.settling.unmet
	if e.store.IsRetired(d.Replica) || d.Replica == e.writer {
		return // Those are told by other means.
	}
	i := slices.IndexFunc(*u, func(o crdt.Dot) bool { return o.Replica >= d.Replica })
	switch {
	case i >= 0 && (*u)[i].Replica == d.Replica:
		(*u)[i].N = min((*u)[i].N, d.N)
	case len(*u) < maxUnmet:
		if i < 0 {
			i = len(*u)
		}
		*u = slices.Insert(*u, i, d)
	}
}

// addAllUnmet notes what is unmet at the sender of a state that has been taken: what has
// been forgotten there is forgotten here from now on.
func (e *Engine) addAllUnmet(theirs crdt.Vector) {
	for _, d := range theirs {
		if !e.store.Covers(d) {
			e.addUnmet(d)
		}
	}
}

// unmet returns the first write of each replica that is unmet here. Read only.
func (e *Engine) unmet() crdt.Vector {
	s := &e.settling
	s.unmet = slices.DeleteFunc(s.unmet, func(d crdt.Dot) bool { return e.store.Covers(d) || e.store.IsRetired(d.Replica) })
	return s.unmet
}

// contradicts reports, as an error like that of [crdt.Partition.Join], which side of a
// join has what is unmet at the other. theirs is what is unmet at the snapshot's sender.
func (e *Engine) contradicts(s *crdt.Snapshot, theirs crdt.Vector) error {
	var behind, old error
	has := s.Applied()
	for _, d := range e.unmet() {
		if has.Covers(d) {
			old = fmt.Errorf("%w: it has %v", crdt.ErrOldNews, d)
		}
	}
	for _, d := range theirs {
		if !has.Covers(d) && e.store.Covers(d) {
			behind = fmt.Errorf("%w: it has %v", crdt.ErrBehind, d)
		}
	}
	return errors.Join(behind, old)
}
