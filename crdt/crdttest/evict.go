package crdttest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// Histories in which replicas evict: a reader may then find a key evicted that was, by
// anybody, at any time before. It never finds anything else than what the specification
// says, nobody's digest of an evicted key differs from that of a holder who has it, and in
// the end comparing two by two makes all digests equal and asking for a key brings it back
// whole from whoever has it. A key that nobody has begins anew.

// evictions is what generated histories draw evictions from, so that other steps stay the
// same with and without.
func evictions(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x67686f7374)) }

// evict makes s, now and then, a step that evicts a key or brings one back.
func (g *generator) evict(s *step) bool {
	p := g.evicts.IntN(100)
	if p >= 18 {
		return false
	}
	s.action, s.at, s.key = evictKey, g.evicts.IntN(g.replicas), g.keys[g.evicts.IntN(len(g.keys))]
	switch {
	case p < 3:
		s.action, s.other = restoreKey, g.evicts.IntN(g.replicas)
	case p < 6:
		s.action, s.other = repairKey, g.evicts.IntN(g.replicas)
	}
	return true
}

// runEvict does one of the steps that only histories with evictions have.
func (w *world) runEvict(r, other *replica, s step) error {
	shown := func() bool { return r.part.Entry(s.key).View(w.now(r)).Exists() }
	had := shown()
	switch s.action {
	case evictKey:
		if !had || !r.part.Evict(s.key, w.now(r)) {
			break
		}
		w.evicted[s.key] = true
		if shown() || !r.part.Entry(s.key).IsEvicted() {
			return fmt.Errorf("%s was evicted and still shows", s.key)
		}
	case restoreKey:
		w.restore(r, other, s.key)
	case repairKey:
		if r.away == other.away && w.sameWrites(r, other, s.key) {
			r.part.Repair(s.key, other.part.Entry(s.key), other.part.Vector(), max(w.now(r), w.now(other)))
		}
	}
	if had && !shown() && s.action != evictKey {
		return fmt.Errorf("%s has gone by what was to bring it back", s.key)
	}
	return nil
}

// sameWrites reports whether two have seen the same operations on a key.
func (w *world) sameWrites(r, o *replica, key string) bool {
	return reflect.DeepEqual(w.seen(w.seenBy(r), key), w.seen(w.seenBy(o), key))
}

// restore brings a key back from another replica, as far as both have seen the same of
// it.
func (w *world) restore(r, o *replica, key string) bool {
	e := o.part.Entry(key)
	return e != nil && r.away == o.away && w.sameWrites(r, o, key) && r.part.Restore(key, e, o.part.Vector())
}

// bringBack makes sure that r can run commands on a key that needs its values. When
// nobody has them it returns the removal with which the key begins anew, and false when
// that would go wrong: it does not know what it takes of counters.
func (w *world) bringBack(r *replica, key string, removal Op) (op Op, afresh, ok bool) {
	for _, o := range w.replicas {
		if w.restore(r, o, key) {
			return Op{}, false, true
		}
	}
	for _, o := range w.ops[key] {
		if o.Verb.isIncrement() && !w.settling {
			return Op{}, false, false
		}
	}
	removal.Command = Command{Verb: Del, Key: key}
	return removal, true, true
}

// checkGhost checks what a reader finds of a key that has been evicted, and that it says
// so only then.
func (w *world) checkGhost(r *replica, key string, now int64) error {
	if !w.evicted[key] {
		return fmt.Errorf("%s at r%d is evicted, and nobody has done that", key, r.id)
	}
	e := r.part.Entry(key)
	have := e.Digest(key, now)
	if have == 0 {
		return nil
	}
	for _, o := range w.replicas {
		x := o.part.Entry(key)
		if w.collects && now < w.now(o) {
			continue // It may have forgotten what showed then.
		}
		if !w.sameWrites(r, o, key) || x.IsEvicted() && x.Digest(key, now) == 0 {
			continue
		}
		if want := x.Digest(key, now); want != have {
			return fmt.Errorf("%s is evicted at r%d with digest %x, r%d has %x", key, r.id, have, o.id, want)
		}
	}
	return nil
}

// stays checks that deltas alone leave what a replica shows where it is: others' evictions
// never reach it. Of counters it may lose track.
func (w *world) stays(r *replica, before []string) error {
	for _, key := range before {
		counts := slices.ContainsFunc(w.ops[key], func(o Op) bool { return o.Verb.isIncrement() })
		if r.part.Entry(key).IsEvicted() && !counts {
			return fmt.Errorf("%s was there at r%d, and a delta has made it an evicted one", key, r.id)
		}
	}
	return nil
}

// present returns the keys that r has and has not evicted.
func (w *world) present(r *replica) (keys []string) {
	for _, key := range w.keys() {
		if e := r.part.Entry(key); e != nil && !e.IsEvicted() {
			keys = append(keys, key)
		}
	}
	return keys
}

// heal compares all with all, until they show the same, and brings back what was evicted.
// All have seen the same.
func (w *world) heal() error {
	if !w.evicts {
		return nil
	}
	w.settling = true
	at := w.wall + maxSkew
	for range 2 * len(w.replicas) {
		w.repairAll(at)
	}
	if w.repairAll(at) {
		return fmt.Errorf("comparing does not come to an end")
	}
	if err := w.sameDigests(at); err != nil {
		return err
	}
	for _, key := range w.keys() {
		if err := w.reviveKey(key); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) repairAll(at int64) (changed bool) {
	for _, key := range w.keys() {
		for _, r := range w.replicas {
			for _, o := range w.replicas {
				if r != o && r.part.Entry(key).Digest(key, at) != o.part.Entry(key).Digest(key, at) {
					changed = r.part.Repair(key, o.part.Entry(key), o.part.Vector(), at) || changed
				}
			}
		}
	}
	return changed
}

// sameDigests checks that all have the same digest.
func (w *world) sameDigests(at int64) error {
	at = (at/crdt.DigestStep + 1) * crdt.DigestStep
	first := w.replicas[0]
	want, _ := first.part.Digest(at)
	for _, r := range w.replicas[1:] {
		if have, _ := r.part.Digest(at); have != want {
			return fmt.Errorf("in the end r1 has digest %v, r%d %v", want, r.id, have)
		}
	}
	return nil
}

// reviveKey brings a key back everywhere, or begins it anew.
func (w *world) reviveKey(key string) error {
	lost := false
	for _, r := range w.replicas {
		if !r.part.Entry(key).View(w.now(r)).IsEvicted() {
			continue
		}
		found := slices.ContainsFunc(w.replicas, func(o *replica) bool { return w.restore(r, o, key) })
		if !found && slices.ContainsFunc(w.replicas, func(o *replica) bool { return o.part.Entry(key).View(w.now(r)).Exists() }) {
			return fmt.Errorf("%s cannot be brought back to r%d from who has it", key, r.id)
		}
		lost = lost || !found
	}
	if !lost {
		return nil
	}
	first := w.replicas[0]
	if err := w.do(first, []Command{{Verb: Set, Key: key, Value: "anew", At: crdt.Never}}); err != nil {
		return err
	}
	for _, r := range w.replicas[1:] {
		if _, err := w.catchUp(r, first); err != nil {
			return err
		}
	}
	return nil
}
