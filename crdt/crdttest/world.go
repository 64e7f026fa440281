package crdttest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// epoch is the wall time at which every history begins, in milliseconds since
// the Unix epoch. Scripts count from it.
const epoch = 1_000_000

// afterAll is a wall time at which everything that ever expires has.
const afterAll = epoch * 10

// world is a few replicas of one partition, the deltas that they have written,
// and the operations by which the specification knows them.
type world struct {
	replicas    []*replica
	log         map[crdt.ReplicaID][]*crdt.Delta // by origin, the delta N at N-1
	made        map[crdt.Dot]int64               // what the wall clock of the origin said
	ops         map[string][]Op                  // by key, in the order of their making
	wall        int64
	saved       []saved
	retirements []*crdt.Delta // every one that was ever made
	retires     bool
	dropsLost   bool // deltas that wait for a write that is lost are dropped
	audit       func(*crdt.Partition) error
	collects    bool         // a state may have forgotten something
	tier        *Tier        // nil when partitions have none
	lives       int          // how many replicas have begun anew
	horizon     crdt.Horizon // all that anybody has forgotten
	evicts      bool
	evicted     map[string]bool // keys that anybody has ever evicted
	settling    bool            // the history is over
}

// replica is one holder of the partition, as a node would keep it.
type replica struct {
	id    crdt.ReplicaID
	clock crdt.Clock
	skew  int64 // milliseconds that its wall clock is ahead
	part  crdt.Partition
	held  []*crdt.Delta // deltas that wait for their causes
	away  bool          // cut off, and not waited for

	misses map[string]missed // by key, the last

	forgot crdt.Horizon // what its partition's horizon must be

	stored *stored // nil without a tier
}

// saved is a whole state under way, and its sender's clock.
type saved struct {
	state  *crdt.Snapshot
	clock  crdt.HLC
	forgot crdt.Horizon // by who sent it
}

// state returns r's whole state.
func (r *replica) state() saved { return saved{r.part.Snapshot(), r.clock.Last(), r.forgot} }

func newWorld(o Options) *world {
	w := &world{wall: epoch, audit: o.Audit, collects: o.Collect, retires: o.Retire, dropsLost: o.Retire || o.Fields, tier: o.Tier, evicts: o.Evict, evicted: map[string]bool{}, log: map[crdt.ReplicaID][]*crdt.Delta{}, made: map[crdt.Dot]int64{}, ops: map[string][]Op{}}
	for i := range o.Replicas {
		w.replicas = append(w.replicas, &replica{id: crdt.ReplicaID(i + 1)})
		w.openEmpty(w.replicas[i])
	}
	return w
}

func (w *world) now(r *replica) int64 { return w.wall + r.skew }

// seen returns the operations on a key that a vector covers.
func (w *world) seen(v crdt.Vector, key string) []Op {
	var out []Op
	for _, o := range w.ops[key] {
		if v.Covers(o.Dot) {
			out = append(out, o)
		}
	}
	return out
}

// do makes one write at a replica, of commands on one key, once by package crdt
// and once by the specification.
func (w *world) do(r *replica, commands []Command) error {
	now, vector, key := w.now(r), r.part.Vector(), commands[0].Key
	at := crdt.NewWrite{
		Dot:   crdt.Dot{Replica: r.id, N: vector.Get(r.id) + 1},
		Stamp: r.clock.Next(now),
		Now:   now,
		Fills: w.fillsAt(r),
	}
	m := crdt.NewMutator(r.part.Entry(key), at)
	saw := w.seenBy(r)
	made, err := w.runCommands(r, m, commands, at, saw, false)
	if errors.Is(err, crdt.ErrEvicted) {
		removal, afresh, ok := w.bringBack(r, key, Op{Dot: at.Dot, Nth: -1, Stamp: at.Stamp, Saw: saw.Clone(), Bars: at.Fills})
		if !ok {
			return nil
		}
		m = crdt.NewMutator(r.part.Entry(key), at)
		if made, err = w.runCommands(r, m, commands, at, saw, afresh); afresh && len(m.Effects()) > 0 {
			made = append([]Op{removal}, made...)
		}
	}
	if err != nil {
		return err
	}
	effects := m.Effects()
	if (len(effects) > 0) != (len(made) > 0) {
		return fmt.Errorf("%v: want a write: %v, have effects %v", commands, len(made) > 0, effects)
	}
	if len(effects) == 0 {
		return nil
	}
	d := &crdt.Delta{
		Dot: at.Dot, From: at.Dot.N, Stamp: at.Stamp,
		Deps: vector.Without(r.id), Key: key, Effects: effects,
	}
	w.log[r.id] = append(w.log[r.id], d)
	w.made[d.Dot] = now
	w.ops[key] = append(w.ops[key], made...)
	if err := r.apply(d); err != nil {
		return fmt.Errorf("%v: apply own %v: %w", commands, d.Dot, err)
	}
	return nil
}

// runCommands runs the commands of one write once by package crdt and once by the
// specification, and compares what they answer. It returns what was done.
func (w *world) runCommands(r *replica, m *crdt.Mutator, commands []Command, at crdt.NewWrite, saw crdt.Vector, afresh bool) (made []Op, err error) {
	seen := w.seen(saw, commands[0].Key)
	if afresh {
		m.Afresh()
		seen = nil
	}
	for i, c := range commands {
		op := Op{Command: c, Dot: at.Dot, Nth: i, Stamp: at.Stamp, Saw: saw.Clone(), Bars: at.Fills}
		ops, want := decideAll(seen, made, op, at.Now)
		have := execute(m, c, at.Now)
		if m.Err() != nil {
			return nil, m.Err()
		}
		if !have.same(want) {
			return nil, fmt.Errorf("%v: want reply %v, have %v", c, want, have)
		}
		made = append(made, ops...)
	}
	return made, nil
}

// pull gives r a delta of an origin: the one that lies offset after the next one
// that r lacks (before it when negative), and up to count-1 that follow, as one
// where they can be merged. It returns the keys that may have changed.
func (w *world) pull(r *replica, origin crdt.ReplicaID, offset, count int) ([]string, error) {
	log := w.log[origin][:w.reach(r, origin)]
	if len(log) == 0 {
		return nil, nil
	}
	i := min(max(int(w.seenBy(r).Get(origin))+offset, 0), len(log)-1)
	d := log[i]
	for _, next := range log[i+1:] {
		one, ok := coalesce(d, next)
		if count--; count <= 0 || !ok {
			break
		}
		d = one
	}
	d, err := throughWire(d)
	if err != nil {
		return nil, err
	}
	r.held = append(r.held, d)
	defer w.renew(r)
	return w.drain(r)
}

// drain applies what is held back and ready, the latest arrival first, until
// nothing more is.
func (w *world) drain(r *replica) (keys []string, err error) {
	for i := len(r.held) - 1; i >= 0; i-- {
		d, before, had := r.held[i], r.part.Vector().Clone(), r.part.Covers(r.held[i].Dot)
		switch err := r.apply(d); {
		case errors.Is(err, crdt.ErrNotReady):
			continue
		case r.away && errors.Is(err, crdt.ErrOldNews) && !w.admitted(d, r.part.Horizon()),
			errors.Is(err, crdt.ErrHorizon) && w.refuses(w.seenBy(r), d):
			// Two that are away may have seen what does not go together.
			r.held = slices.Delete(r.held, i, i+1)
			continue
		case err != nil:
			return keys, fmt.Errorf("apply %v: %w", d.Dot, err)
		}
		want := before
		if !had {
			want = want.Advance(d.Dot)
		}
		for _, f := range d.Effects {
			if f.Op == crdt.EffectRetire {
				want = want.Without(f.Replica)
			}
		}
		if !r.part.Covers(d.Dot) || !r.part.Vector().Equal(want) {
			return keys, fmt.Errorf("apply %v at %v: have vector %v", d.Dot, before, r.part.Vector())
		}
		r.clock.Observe(d.Stamp)
		keys = append(keys, d.Key)
		r.held = slices.Delete(r.held, i, i+1)
		i = len(r.held)
	}
	return keys, nil
}

// catchUp gives r every delta that other has seen.
func (w *world) catchUp(r, other *replica) (keys []string, err error) {
	if r.away != other.away {
		return nil, nil
	}
	has := w.seenBy(r)
	for _, seen := range w.seenBy(other) {
		for n := has.Get(seen.Replica); n < seen.N; n++ {
			r.held = append(r.held, w.log[seen.Replica][n])
		}
	}
	defer w.renew(r)
	return w.drain(r)
}

func (w *world) save(r *replica) {
	w.saved = append(w.saved, r.state())
}

// join lets r take in a whole state. It is refused exactly when a side has
// forgotten what the other has not seen.
func (w *world) join(r *replica, s saved) (keys []string, err error) {
	if !w.within(r, s.state.Vector) {
		return nil, nil
	}
	state, err := stateThroughWire(s.state)
	if err != nil {
		return nil, err
	}
	behind, old, err := w.expectJoin(&r.part, state)
	if err == nil && r.stored != nil {
		_, _, err = w.expectJoin(r.stored.plain, state)
	}
	if err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	if behind && !r.away {
		return nil, fmt.Errorf("join: r%d was waited for and is refused: %v", r.id, r.part.Vector())
	}
	if !behind && !old {
		r.forgot = r.forgot.Join(s.forgot)
	}
	if err := w.checkHorizon(r); err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	r.clock.Observe(s.clock)
	r.clock.Observe(r.part.Horizon().Stamp)
	w.renew(r)
	keys, err = w.drain(r)
	return append(keys, w.keys()...), err
}

// checkHorizon checks that what r has forgotten, and what those have whose states
// it has taken in, is held against old news.
func (w *world) checkHorizon(r *replica) error {
	have := r.part.Horizon()
	if have.Stamp != r.forgot.Stamp || !w.full(have.Vector).Equal(w.full(r.forgot.Vector)) {
		return fmt.Errorf("want horizon %v, have %v", r.forgot, have)
	}
	return nil
}

// within reports whether everything in v has been seen by somebody on r's side.
func (w *world) within(r *replica, v crdt.Vector) bool {
	return !slices.ContainsFunc(v, func(d crdt.Dot) bool { return w.reach(r, d.Replica) < int(d.N) })
}

func (w *world) keys() []string {
	var keys []string
	for k := range w.ops {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// check compares what r shows of the keys, now and when everything has expired,
// with the specification.
func (w *world) check(r *replica, keys []string, times ...int64) error {
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		ops := w.seen(w.seenBy(r), key)
		for _, now := range append(times, w.now(r), afterAll) {
			if w.collects && now < w.now(r) {
				continue // What was shown then may have been forgotten.
			}
			if r.part.Entry(key).View(now).IsEvicted() {
				if err := w.checkGhost(r, key, now); err != nil {
					return err
				}
				continue
			}
			want, have := Spec(ops, now), read(r.part.Entry(key).View(now))
			if !reflect.DeepEqual(want, have) {
				return fmt.Errorf("%s at r%d, time %d, want %v, have %v", key, r.id, now-epoch, want, have)
			}
		}
	}
	if err := w.compareStored(r); err != nil {
		return fmt.Errorf("r%d: %w", r.id, err)
	}
	if w.audit == nil {
		return nil
	}
	return w.audit(&r.part)
}
