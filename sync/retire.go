package sync

import (
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// # IDs that nobody writes under any more
//
// An ID is over when its life has ended, or goes on under a later one: no write under
// it comes any more, but what is on its way. RetireAfter later, and when every holder
// has said since that it has the same last write of it and holds none back, the lowest
// holder retires it (crdt.EffectRetire), or the life that goes on under a later one,
// which may be the only one to know. The retirement travels as any write does.
// When it is stable everybody forgets it, and nothing is left of the ID but the dots
// of what was written under it.
//
// Somebody who was taken for gone and is not, and has written more, is refused by all
// who know of the retirement, and begins anew when it learns of it, as one that has
// been away for too long does. When it has written nothing more it merely goes on
// under its next ID.

// over is an ID in the vector that nobody writes under any more.
type over struct {
	replica crdt.ReplicaID
	since   time.Time // when that was found out
}

// Living says which lives there are, whatever they hold: the engine takes the others
// for ended. It keeps no memory of the slice. Whoever does not say so before
// [Engine.Sweep] has nothing retired.
func (e *Engine) Living(now time.Time, lives []crdt.ReplicaID) {
	s := &e.settling
	for _, d := range e.store.Vector() {
		i := slices.IndexFunc(s.over, func(o over) bool { return o.replica == d.Replica })
		switch isOver := e.isOver(d.Replica, lives); {
		case isOver && i < 0:
			s.over = append(s.over, over{d.Replica, now})
		case !isOver && i >= 0:
			s.over = slices.Delete(s.over, i, i+1)
		}
	}
	s.over = slices.DeleteFunc(s.over, func(o over) bool { return e.store.Vector().Get(o.replica) == 0 })
}

// isOver reports whether nobody will write under an ID: its life has ended, or has
// written under a later one.
func (e *Engine) isOver(r crdt.ReplicaID, lives []crdt.ReplicaID) bool {
	life := r.Life()
	if life == e.self.Replica.Life() {
		return r < e.writer
	}
	if _, heard := e.peers.search(life); !heard && !slices.Contains(lives, life) {
		return true
	}
	return slices.ContainsFunc(e.store.Vector(), func(d crdt.Dot) bool {
		return d.Replica.Life() == life && d.Replica > r
	})
}

// retire retires the IDs of which the time for that has come, if it is for this
// replica to do it.
func (e *Engine) retire(now time.Time) {
	s := &e.settling
	if len(s.over) == 0 || e.isAhead(now) || !e.mayStamp(now) {
		return
	}
	lowest := e.isLowest()
	var fs []crdt.Effect
	for _, d := range e.store.Vector() {
		i := slices.IndexFunc(s.over, func(o over) bool { return o.replica == d.Replica })
		mine := lowest || d.Replica.Life() == e.self.Replica.Life()
		if i >= 0 && mine && e.isDone(now, d, s.over[i].since) {
			fs = append(fs, crdt.Retire(d))
		}
	}
	if len(fs) == 0 {
		return
	}
	d := e.nextDelta(now)
	d.Effects = fs
	if err := e.issue(now, d); err != nil {
		e.stats.Failed++
		return
	}
	e.stats.Retired += len(fs)
}

// isLowest reports whether this replica is the lowest of the holders that are waited
// for. Should several take themselves for it, no harm is done.
func (e *Engine) isLowest() bool {
	s := &e.settling
	return !slices.ContainsFunc(s.holders, func(r crdt.ReplicaID) bool {
		return r < e.self.Replica && !slices.Contains(s.out, r)
	})
}

// isDone reports whether nothing comes any more after a write of an ID that has been
// over since some time: every holder that is waited for has said, long enough after
// that, that it is the last that it has, and holds none back.
func (e *Engine) isDone(now time.Time, last crdt.Dot, since time.Time) bool {
	s, from := &e.settling, since.Add(e.cfg.RetireAfter)
	if now.Before(from) || e.hold.heads().Get(last.Replica) > last.N {
		return false
	}
	for _, r := range s.holders {
		if r == e.self.Replica || slices.Contains(s.out, r) {
			continue
		}
		i, ok := e.peers.search(r)
		if !ok {
			return false
		}
		p := &e.peers.list[i]
		if p.told.Before(from) || p.vector.Get(last.Replica) != last.N || p.held.Get(last.Replica) > last.N {
			return false
		}
	}
	return true
}

// outlives reports whether a peer has applied more under an ID than it was retired
// after here. Deltas do not help then: one of the two has to begin anew.
func (e *Engine) outlives(p *peer) bool {
	return slices.ContainsFunc(p.vector, func(d crdt.Dot) bool {
		return !e.store.Covers(d) && e.store.IsRetired(d.Replica)
	})
}

// lastRetired returns the last write under each ID whose retirement is known here and not
// stable, as far as it is known. The vector names none of them.
func (e *Engine) lastRetired() (out crdt.Vector) {
	for _, r := range e.store.Retired() {
		out = out.Advance(r.Last)
	}
	return out
}

// renew goes on under the next ID when the own one has been retired: everybody took
// this replica for gone.
func (e *Engine) renew() {
	for e.store.IsRetired(e.writer) {
		e.writer++
	}
}

// forgetRetired drops from the log what is of no use since retirements have become
// stable: everybody has seen the horizon, which stands for them, or needs a snapshot.
func (e *Engine) forgetRetired() {
	named := e.store.Vector()
	isNamed := func(r crdt.ReplicaID) bool {
		return named.Get(r) > 0 || slices.ContainsFunc(e.store.Retired(), func(o crdt.Retirement) bool { return o.Last.Replica == r })
	}
	e.log.keep(isNamed, e.store.Horizon().Vector)
}
