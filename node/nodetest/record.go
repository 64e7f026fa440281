package nodetest

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

type partition = region.Partition

// write is one write that a node has accepted.
type write struct {
	delta   *crdt.Delta
	ops     []crdttest.Op
	at      time.Duration
	assured []assured     // what nodes have said of it
	acked   time.Duration // when its client had the reply; zero: not yet
	region  string        // of that client
	hurt    time.Duration // when a node that had it last crashed; zero: never
	died    bool          // every node that had it ended in a way that may lose writes
}

// history is all that was ever written to one partition.
type history struct {
	writes []*write // in an order in which causes come first
	byDot  map[crdt.Dot]*write
	byKey  map[string][]*write
	issued map[crdt.ReplicaID]uint64
	// retirements are all by which IDs were retired from vectors, by whomever.
	retirements []*crdt.Delta
	// apart says that a holder began to answer without having been filled, or without
	// having met anybody who has written, or from its disk with nobody there to tell it
	// what has been forgotten since.
	apart bool
	// blurred are keys that had counters when they began anew because nobody had them.
	blurred map[string]bool
	fills   fills
	// ended sums up the engines that have ended.
	ended cachesync.Stats
}

// covered returns the operations on a key that a vector covers.
func (h *history) covered(v crdt.Vector, key string) (ops []crdttest.Op) {
	for _, o := range h.byKey[key] {
		if v.Covers(o.delta.Dot) {
			ops = append(ops, o.ops...)
		}
	}
	return ops
}

// recorder is a shard that notes what a command writes and checks what it reads.
type recorder struct {
	n     *node
	shard *core.Shard
	cmd   wire.Command
	shown []shown  // since it was last checked
	lost  []string // evicted keys that nobody has
}

// target returns the shard as who runs the command has it.
func (r *recorder) target() command.Target { return r.shard.Without(r.lost) }

// isLost reports whether a key is evicted and nowhere to be had.
func (r *recorder) isLost(key string) bool {
	return slices.Contains(r.lost, key) && len(r.shard.Evicted([]string{key})) > 0
}

// shown is what a key showed to a command.
type shown struct {
	key   string
	value crdttest.Value
}

// Now implements command.Target.
func (r *recorder) Now() int64 { return r.shard.Now() }

// Random implements command.Target.
func (r *recorder) Random() uint64 { return r.shard.Random() }

// Limits implements command.Target.
func (r *recorder) Limits() command.Limits { return r.shard.Limits() }

// Alone implements command.Target: nothing else runs at the same time.
func (r *recorder) Alone(f func(command.Target)) error {
	f(r)
	return nil
}

// Read implements command.Target.
func (r *recorder) Read(keys []string, f func(crdt.View)) error {
	lost := map[string]bool{}
	for _, key := range keys {
		if lost[key] = r.isLost(key); lost[key] {
			r.n.w.lose(r.shard.ID(), key, false)
		}
	}
	at := 0
	err := r.target().Read(keys, func(v crdt.View) {
		if key := keys[at]; !lost[key] {
			r.shown = append(r.shown, shown{key, read(v)})
		}
		at++
		f(v)
	})
	if err != nil {
		r.shown = nil // It showed nothing.
	}
	r.check()
	return err
}

// check compares what keys showed with the writes that make them.
func (r *recorder) check() {
	w, p := r.n.w, r.shard.ID()
	for _, s := range r.shown {
		w.counts.Reads++
		ops := w.parts[p].covered(r.n.held[p].seen, s.key)
		// What has expired by the clock of a node whose state came here may be gone
		// already.
		if !reflect.DeepEqual(s.value, crdttest.Spec(ops, r.shard.Now())) &&
			!reflect.DeepEqual(s.value, crdttest.Spec(ops, w.latest())) && !w.isStrained(p, ops) && !w.parts[p].blurred[s.key] {
			w.broken("%s, partition %d at %v: %s is %+v, specified is %+v", w.places[r.n.at].name, p, r.n.held[p].seen, s.key,
				s.value, crdttest.Spec(ops, r.shard.Now()))
		}
	}
	r.shown = r.shown[:0]
}

// Write implements command.Target.
func (r *recorder) Write(key string, request uint64, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	return r.write(key, request, run, func(run func(*crdt.Mutator) error) (crdt.Dot, error) {
		return r.target().Write(key, request, run)
	})
}

// write has a command write by way of do.
func (r *recorder) write(key string, request uint64, run func(*crdt.Mutator) error, do func(func(*crdt.Mutator) error) (crdt.Dot, error)) (crdt.Dot, error) {
	w := r.n.w
	now, ran, evicted := r.shard.Now(), false, len(r.shard.Evicted([]string{key})) > 0
	lost := evicted && r.isLost(key)
	blurs := lost && r.n.blurs(r.shard.ID(), key)
	var before crdttest.Value
	dot, err := do(func(m *crdt.Mutator) error {
		ran, before = true, read(m.View())
		return run(m)
	})
	if ran && lost && err != core.ErrEvicted {
		w.lose(r.shard.ID(), key, blurs && !dot.IsZero())
	}
	if ran && err != core.ErrUnread && !evicted {
		r.shown = append(r.shown, shown{key, before})
		r.check()
	}
	switch {
	case errors.Is(err, command.ErrRepeated):
		w.counts.Recognised++
		if ran {
			w.broken("%s has run request %d and calls it a repetition", w.places[r.n.at].name, request)
		}
	case err == nil && !dot.IsZero():
		r.wrote(key, request, dot, before, now)
	case err == nil && ran:
		r.removed(key, now)
	}
	return dot, err
}

// wrote notes a write.
func (r *recorder) wrote(key string, request uint64, dot crdt.Dot, before crdttest.Value, now int64) {
	w, p := r.n.w, r.shard.ID()
	var d *crdt.Delta
	r.shard.Do(func(e *cachesync.Engine) {
		if ds := e.History(key); len(ds) > 0 {
			d = ds[len(ds)-1]
		}
	})
	h := w.parts[p]
	if d == nil || d.Dot != dot || d.From != dot.N || dot.N != h.issued[dot.Replica]+1 || dot.Replica.Life() != r.n.id {
		w.broken("%s writes %v to partition %d after %d writes: %v", w.places[r.n.at].name, dot, p, h.issued[dot.Replica], d)
		return
	}
	h.issued[dot.Replica] = dot.N
	w.counts.Writes++
	w.checkStamp(r.n, p, d)
	w.trace.Write(crdt.AppendDelta(nil, d))
	w.checkRequest(r.n, p, request, dot)
	o := &write{delta: d, at: w.now, ops: operations(r.cmd, key, d, before, now)}
	for i := range o.ops {
		o.ops[i].Saw = h.full(o.ops[i].Saw)
	}
	for i := range o.ops {
		switch c := &o.ops[i]; c.Verb {
		case crdttest.Expire:
			c.Expired = crdttest.Expired(h.covered(r.n.held[p].seen, key), now)
		case crdttest.HExpire, crdttest.HPersist:
			c.Expired = crdttest.Below(h.covered(r.n.held[p].seen, key), c.Command, now)
		}
	}
	h.writes = append(h.writes, o)
	h.byDot[dot] = o
	h.byKey[key] = append(h.byKey[key], o)
	w.note(r.n, "writes %v %v: %v", dot, r.cmd.Args, d.Effects)
	if v := d.Version(); strings.HasPrefix(key, "own") && r.cmd.Args[0] == "SET" && w.ownRuns[r.cmd.Args[2]].Compare(v) < 0 {
		w.ownRuns[r.cmd.Args[2]] = v
	}
	w.look(r.n, p)
}

// read returns what a view shows, in the specification's terms.
func read(v crdt.View) crdttest.Value {
	out := crdttest.Value{Kind: v.Kind(), ExpireAt: v.ExpireAt(), Version: v.Version()}
	switch v.Kind() {
	case crdt.KindString:
		out.Text, _ = v.Get()
	case crdt.KindHash:
		out.Fields = map[string]string{}
		for f := range v.Fields() {
			out.Fields[f], _ = v.Field(f)
			if at := v.FieldExpireAt(f); at != crdt.Never {
				if out.FieldsUntil == nil {
					out.FieldsUntil = map[string]int64{}
				}
				out.FieldsUntil[f] = at
			}
		}
	case crdt.KindSet:
		out.Members = map[string]bool{}
		for f := range v.Fields() {
			out.Members[f] = true
		}
	case crdt.KindZSet:
		out.Scores = map[string]float64{}
		for f := range v.Fields() {
			out.Scores[f], _ = v.Score(f)
		}
	case crdt.KindList:
		out.Elements = v.Elements(0, -1)
	case crdt.KindHLL:
		out.Registers = registersOf(v)
	}
	return out
}
