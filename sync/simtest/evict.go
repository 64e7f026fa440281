package simtest

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
)

// # Eviction
//
// A replica may forget the values of a key by itself (R11). From then on it says of the
// key that it was evicted, or what the specification says, and nothing between: never a
// part of a collection, never that there is nothing. Nobody else notices. A ghost that
// says what it stands for says what the specification says shows.
//
// A command that needs the values gets an error, and the other replicas are asked for the
// key. Where none within reach has it, the command runs as on a key that does not exist:
// in the specification's words it removes first all that its replica has seen of the key.
// Not so of counters, of which it does not know what it takes (crdt.Mutator.Afresh).
//
// In the end all that was evicted is asked for, and what nobody has is removed.

// evictedCounters are the commands of the histories in which what is evicted was mostly
// counted in: a counter is more than it shows.
var evictedCounters = theme{crdttest.Incr, crdttest.Incr, crdttest.Incr, crdttest.Invalidate, crdttest.Set, crdttest.Del}

// drawEvictions adds evictions to a history, and adding to HyperLogLogs. It draws from a
// source of its own.
func drawEvictions(p *plan) {
	r := rand.New(rand.NewPCG(p.seed, 0x6576696374))
	keys := []string{"k"}
	counting := r.IntN(3) == 0
	var now time.Duration
	for i := range p.steps {
		s := &p.steps[i]
		now += s.after
		if s.action != doWrite {
			continue
		}
		if counting && r.IntN(5) > 0 {
			s.command = drawCommand(r, evictedCounters, keys, 0, now)
		} else if r.IntN(10) == 0 {
			value := pick(r, "a", "b", "c,d", "e,f,g", "-")
			s.command = crdttest.Command{Verb: crdttest.PFAdd, Key: pick(r, "k", "l"), Value: value, At: crdt.Never}
		}
		if !slices.Contains(keys, s.command.Key) {
			keys = append(keys, s.command.Key)
		}
	}
	for range 3 + r.IntN(25) {
		s := step{action: pick(r, doEvict, doEvict, doEvict, doWant), at: r.IntN(len(p.regions)), other: r.IntN(len(p.regions))}
		s.command.Key, s.after = pick(r, keys...), time.Duration(r.Int64N(int64(8*ms)))
		p.steps = slices.Insert(p.steps, r.IntN(len(p.steps)+1), s)
	}
}

// evict makes a replica forget the values of a key.
func (w *world) evict(r *replica, key string) {
	now := r.time(w).UnixMilli()
	shows := r.part.Entry(key).View(now).Exists()
	done := r.part.Evict(key, now)
	if done != shows || done && !r.part.Entry(key).IsEvicted() {
		w.broken("replica %d evicts %s, which shows: %v: %v", r.slot, key, shows, done)
	}
	if done {
		w.counts.Evicted++
	}
	w.look(r)
}

// missing returns the keys that a reader finds evicted at a replica.
func (w *world) missing(r *replica) (keys []string) {
	for _, key := range r.part.Keys() {
		if r.part.Entry(key).View(r.time(w).UnixMilli()).IsEvicted() {
			keys = append(keys, key)
		}
	}
	return keys
}

// want lets a replica ask another for what it has evicted.
func (w *world) want(r, o *replica) {
	keys := w.missing(r)
	if o != r && len(keys) > 0 {
		w.send(event{slot: o.slot, from: r.slot, msg: w.encode(r, r.engine.Want(keys, false)), life: o.id})
	}
}

// wantFromAll lets a replica ask all others.
func (w *world) wantFromAll(r *replica) {
	for _, o := range w.replicas {
		w.want(r, o)
	}
}

// mayBegin reports whether a command on a key that a replica has evicted may run as on
// one that does not exist: nobody within reach has it, and it was never counted in.
func (w *world) mayBegin(r *replica, key string) bool {
	counts := slices.ContainsFunc(w.history, func(h write) bool {
		return h.delta.Key == key && slices.ContainsFunc(h.delta.Effects, func(f crdt.Effect) bool { return f.Op == crdt.EffectAdd })
	})
	return !counts && !slices.ContainsFunc(w.replicas, func(o *replica) bool {
		away := o.frozen || r.paused[o.region] || w.links[r.slot][o.slot].cut || w.links[o.slot][r.slot].cut
		return !away && w.has(o, key)
	})
}

// has reports whether a replica has the values of a key.
func (w *world) has(o *replica, key string) bool {
	return o.part.Entry(key).View(o.time(w).UnixMilli()).Kind() != crdt.KindNone
}

// removal is what a write that begins an evicted key anew does first.
func (w *world) removal(d *crdt.Delta) crdttest.Op {
	return crdttest.Op{Command: crdttest.Command{Verb: crdttest.Del, Key: d.Key}, Dot: d.Dot, Nth: -1, Stamp: d.Stamp, Saw: w.saw(d), Bars: bars(d)}
}

// revive asks for all that was evicted, and removes what nobody has, once all have seen
// the same.
func (w *world) revive() {
	if !w.evicts {
		return
	}
	settled := !slices.ContainsFunc(w.replicas, func(r *replica) bool {
		return !r.part.Vector().Equal(w.replicas[0].part.Vector()) || r.engine.Behind()
	})
	for _, r := range w.replicas {
		w.wantFromAll(r)
		for _, key := range w.missing(r) {
			if settled && !slices.ContainsFunc(w.replicas, func(o *replica) bool { return w.has(o, key) }) {
				w.bury(r, key)
			}
		}
	}
}

// bury removes a key that everybody has evicted.
func (w *world) bury(r *replica, key string) {
	d, err := r.engine.Write(r.time(w), key, 0, func(m *crdt.Mutator) error {
		m.Afresh()
		m.Del()
		return nil
	})
	if err != nil || d == nil {
		return // It has expired, or the clock is ahead.
	}
	w.counts.Buried++
	w.accepted(r, d)
	w.record(write{delta: d, ops: []crdttest.Op{w.removal(d)}, saw: w.saw(d)})
	w.look(r)
}

// ghosts returns the keys that a replica has evicted, having checked what it says of them:
// what the writes that it has seen make of them, or that it does not know.
func (w *world) ghosts(r *replica, want *crdt.Partition, weak map[string]bool, at int64) map[string]bool {
	out := map[string]bool{}
	for _, key := range r.part.Keys() {
		e := r.part.Entry(key)
		if !e.View(at).IsEvicted() {
			continue
		}
		out[key] = true
		if have, want := e.Digest(key, at), want.Entry(key).Digest(key, at); have != 0 && have != want && !weak[key] {
			w.broken("replica %d at %v: %s is evicted with digest %x, specified is %x", r.slot, r.part.Vector(), key, have, want)
		}
	}
	return out
}
