package simtest

import (
	"errors"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	cachesync "github.com/atollcache/atoll/sync"
)

// write is one write that an engine has accepted.
type write struct {
	delta   *crdt.Delta
	ops     []crdttest.Op // what the command came to
	saw     crdt.Vector   // all that its origin had seen
	unaware bool          // of something of its key that was forgotten somewhere before it was seen there
}

// write runs a command at a replica, several times when the step says so.
func (w *world) write(r *replica, s step) {
	for i := range s.count {
		request := s.request
		if request != 0 {
			request += uint64(100 * i)
		}
		if !w.command(r, s.command, request) {
			break
		}
	}
	if w.eager {
		w.flush(r)
	}
	w.look(r)
}

// command runs a command once and reports whether it was accepted.
func (w *world) command(r *replica, c crdttest.Command, request uint64) bool {
	now := r.time(w)
	existed, ran, afresh := false, false, false
	run := func(m *crdt.Mutator) error {
		if afresh {
			m.Afresh()
		}
		existed, ran = m.View().IsEvicted() || m.View().Exists(), true
		return execute(m, c)
	}
	d, err := r.engine.Write(now, c.Key, request, run)
	if errors.Is(err, crdt.ErrEvicted) {
		w.counts.Missed++
		w.wantFromAll(r)
		if !w.mayBegin(r, c.Key) {
			return false
		}
		afresh = true
		d, err = r.engine.Write(now, c.Key, request, run)
	}
	switch {
	case errors.Is(err, cachesync.ErrDuplicate):
		if ran {
			w.broken("replica %d ran request %d and called it a duplicate", r.slot, request)
		}
		return true
	case err != nil:
		w.counts.Errors++
		return false
	case d == nil:
		return true
	}
	w.accepted(r, d)
	w.record(write{delta: d, ops: w.opsOf(c, d, existed, afresh, now.UnixMilli()), saw: w.saw(d)})
	if request != 0 {
		if _, err := r.engine.Write(now, c.Key, request, run); !errors.Is(err, cachesync.ErrDuplicate) {
			w.broken("replica %d ran request %d twice in a row: %v", r.slot, request, err)
		}
	}
	return true
}

// opsOf says in the specification's words what a write did, to a key that existed or that
// was begun afresh.
func (w *world) opsOf(c crdttest.Command, d *crdt.Delta, existed, afresh bool, now int64) (ops []crdttest.Op) {
	op := operation(c, d, existed, now)
	op.Saw = w.full(op.Saw)
	op.Bars = w.stageAt(op.Saw) != crdt.NoFills
	if bars(d) != op.Bars {
		w.broken("%v bars fills: %v, its origin knows of them: %v", d.Dot, bars(d), op.Bars)
	}
	seen := w.seen(op)
	if afresh {
		w.counts.Afresh++
		seen, ops = nil, []crdttest.Op{w.removal(d)}
	}
	switch {
	case c.Verb.IsList():
		return append(ops, crdttest.ListWrites(d, op)...)
	case c.Verb == crdttest.PFAdd:
		return append(ops, crdttest.HLLWrites(seen, op, now)...)
	case op.Verb == crdttest.Expire:
		op.Expired = crdttest.Expired(seen, now)
	case op.Verb == crdttest.HExpire, op.Verb == crdttest.HPersist:
		op.Expired = crdttest.Below(seen, op.Command, now)
	}
	return append(ops, op)
}

// seen returns the operations on the same key that the origin of one had seen.
func (w *world) seen(op crdttest.Op) (ops []crdttest.Op) {
	for _, h := range w.history {
		if h.delta.Key == op.Key && op.Saw.Covers(h.delta.Dot) {
			ops = append(ops, h.ops...)
		}
	}
	return ops
}

// issued returns how many writes a life has made.
func (w *world) issued(id crdt.ReplicaID) uint64 { return uint64(len(w.stamps[id])) }

// accepted checks the numbering of a write.
func (w *world) accepted(r *replica, d *crdt.Delta) {
	w.counts.Writes++
	w.largest = max(w.largest, d.Size())
	w.stamps[r.writer()] = append(w.stamps[r.writer()], d.Stamp)
	want := crdt.Dot{Replica: r.writer(), N: w.issued(r.writer())}
	if d.Dot != want || d.From != want.N || !r.part.Vector().Covers(want) {
		w.broken("replica %d wrote %v from %d at %v, want %v", r.slot, d.Dot, d.From, r.part.Vector(), want)
	}
	w.trace.Write(crdt.AppendDelta(nil, d))
}

// execute runs a command through its mutator.
func execute(m *crdt.Mutator, c crdttest.Command) (err error) {
	switch c.Verb {
	case crdttest.Set:
		m.Set(c.Value, c.At)
	case crdttest.Del:
		m.Del()
	case crdttest.Expire:
		m.Expire(c.At)
	case crdttest.Persist:
		m.Persist()
	case crdttest.Invalidate:
		m.Invalidate()
	case crdttest.Incr:
		_, err = m.Incr(int64(c.Amount))
	case crdttest.IncrFloat:
		_, err = m.IncrFloat(c.Amount)
	default:
		if c.Verb.IsList() {
			return crdttest.ExecuteList(m, c).Err
		}
		err = executeInside(m, c)
	}
	return err
}

// executeInside runs a command on a field or member.
func executeInside(m *crdt.Mutator, c crdttest.Command) (err error) {
	switch c.Verb {
	case crdttest.HSet:
		_, err = m.HSetUntil(c.Field, c.Value, c.At)
	case crdttest.HExpire:
		_, err = m.HExpire(c.Field, c.At)
	case crdttest.HPersist:
		_, err = m.HPersist(c.Field)
	case crdttest.HDel:
		_, err = m.HDel(c.Field)
	case crdttest.HIncr:
		_, err = m.HIncr(c.Field, int64(c.Amount))
	case crdttest.HIncrFloat:
		_, err = m.HIncrFloat(c.Field, c.Amount)
	case crdttest.SAdd:
		_, err = m.SAdd(c.Field)
	case crdttest.SRem:
		_, err = m.SRem(c.Field)
	case crdttest.ZAdd:
		_, err = m.ZAdd(c.Field, c.Amount)
	case crdttest.ZIncr:
		_, err = m.ZIncr(c.Field, c.Amount)
	case crdttest.ZRem:
		_, err = m.ZRem(c.Field)
	case crdttest.PFAdd:
		_, err = m.PFAdd(crdttest.Elements(c.Value)...)
	}
	return err
}

// operation says in the specification's words what a write did.
func operation(c crdttest.Command, d *crdt.Delta, existed bool, now int64) crdttest.Op {
	op := crdttest.Op{Command: c, Dot: d.Dot, Stamp: d.Stamp}
	op.Saw = d.Deps.Join(crdt.Vector(nil).Advance(crdt.Dot{Replica: d.Dot.Replica, N: d.Dot.N - 1}))
	switch c.Verb {
	case crdttest.Set, crdttest.Expire:
		if c.At <= now {
			op.Verb = crdttest.Del
		} else if c.At != crdt.Never {
			op.At = max(c.At, d.Stamp.Millis()+1)
		}
	case crdttest.Persist:
		op.At = crdt.Never
	}
	settleFieldExpiry(&op, now)
	if op.Verb == crdttest.Del && !existed {
		op.Verb = crdttest.BarAll // All that it does: there was nothing to remove.
	}
	switch op.Verb {
	case crdttest.Del, crdttest.BarAll, crdttest.Expire, crdttest.Persist, crdttest.Invalidate, crdttest.HDel, crdttest.SRem, crdttest.ZRem,
		crdttest.HExpire, crdttest.HPersist:
	default:
		op.Fresh = !existed
	}
	for _, f := range d.Effects {
		switch f.Op {
		case crdt.EffectAdd:
			op.NewRun = f.Start == d.Dot.N
		case crdt.EffectRemove: // Beside an increment it makes the field start fresh.
			op.FreshField = op.Verb == crdttest.HIncr || op.Verb == crdttest.HIncrFloat
		}
	}
	return op
}
