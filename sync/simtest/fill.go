package simtest

import (
	"errors"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	cachesync "github.com/atollcache/atoll/sync"
)

// # Fills
//
// A client that finds a key missing is given a stamp, loads the value, and comes back with
// it some steps later, to the same replica or to another one, which may have had another
// life since. Whether the value is taken is known beforehand, by who has seen what: only by
// who gave the stamp, only while it remembers the miss, and only if it has seen nothing of
// the key since. What the value then is worth the specification says (R10): nothing, from
// when on a write is seen that bars fills, and neither had seen the other.
//
// Writes bar fills where it is known that there are some. Fills are made when everybody who
// is waited for knows it.

// store is a replica's partition. It tells of what the engine does with it unasked.
type store struct {
	*crdt.Partition
	w *world
	r *replica
}

// Apply notes what the engine writes by itself for the sake of fills.
func (s store) Apply(d *crdt.Delta) error {
	err := s.Partition.Apply(d)
	if err == nil && d.Stages() && d.Dot.Replica == s.r.writer() {
		s.w.staged(s.r, d)
	}
	return err
}

// Join ends all misses: what happens to which key is not known.
func (s store) Join(o *crdt.Snapshot) error {
	s.r.fills.misses = nil
	return s.Partition.Join(o)
}

// Adopt ends them as well.
func (s store) Adopt(o *crdt.Snapshot) {
	s.r.fills.misses = nil
	s.Partition.Adopt(o)
}

// stage is a write that brings the partition to a stage of letting fills be made.
type stage struct {
	dot crdt.Dot
	crdt.FillStage
}

// filler is what fills come to at a replica, and its clients have been given.
type filler struct {
	misses  []miss              // that may be filled, the oldest first
	wanted  bool                // somebody has asked in this life
	counted [5]int              // what its engine is to have counted
	tokens  map[string]crdt.HLC // by key, the last stamp that a client was given in any life
}

// miss is one that may be filled.
type miss struct {
	key          string
	stamp        crdt.HLC
	since, given time.Time
	saw          crdt.Vector
}

// What a filler counts.
const (
	countMisses = iota
	countWaited
	countDropped
	countFills
	countRefused
)

// staged notes a write that the engine has made by itself. When it lets fills be made,
// everybody who is waited for must know that there are some.
func (w *world) staged(r *replica, d *crdt.Delta) {
	w.noteRetirements(r) // What has been retired a moment ago was written before.
	w.accepted(r, d)
	w.record(write{delta: d, saw: w.saw(d)})
	now := crdt.FillStage(d.Effects[0].Start)
	w.stages = append(w.stages, stage{d.Dot, now})
	if now != crdt.FillsOpen {
		return
	}
	out := r.engine.Backlog().Out
	for _, id := range w.holders(r) {
		slot, lives := w.slots[id]
		if lives && !slices.Contains(out, id) && w.stageAt(w.seenBy(w.replicas[slot])) == crdt.NoFills {
			w.broken("replica %d lets fills be made, and replica %d does not know it", r.slot, slot)
		}
	}
}

// stageAt returns how far somebody knows fills to be who has seen v.
func (w *world) stageAt(v crdt.Vector) (at crdt.FillStage) {
	for _, s := range w.stages {
		if s.FillStage > at && v.Covers(s.dot) {
			at = s.FillStage
		}
	}
	return at
}

// opens reports whether a replica is still to let fills be made, which takes that it can
// remember all others.
func (w *world) opens(r *replica) bool {
	return r.fills.wanted && w.cfg.Peers >= len(w.replicas)-1 && w.stageAt(w.seenBy(r)) == crdt.FillsSoon
}

// bars reports whether a write says that it bars fills.
func bars(d *crdt.Delta) bool {
	return slices.ContainsFunc(d.Effects, func(f crdt.Effect) bool { return f.Op == crdt.EffectBar })
}

// load lets a client find a key missing, or come back with its value.
func (w *world) load(r *replica, s step) {
	w.endMisses(r)
	if s.action == doMiss {
		w.miss(r, s.command.Key)
	} else {
		w.fill(r, w.replicas[s.other], s.command)
	}
	st := r.engine.Stats()
	if have := [5]int{st.Misses, st.MissesWaited, st.MissesDropped, st.Fills, st.FillsRefused}; have != r.fills.counted {
		w.broken("replica %d: misses, those that wait and are dropped, fills, and those refused: want %v, have %v", r.slot, r.fills.counted, have)
	}
	if w.eager {
		w.flush(r)
	}
	w.look(r)
}

// endMisses ends the misses of the keys of which a replica has seen more since.
func (w *world) endMisses(r *replica) {
	if len(r.fills.misses) == 0 {
		return
	}
	seen := w.seenBy(r)
	r.fills.misses = slices.DeleteFunc(r.fills.misses, func(m miss) bool {
		return slices.ContainsFunc(w.history, func(h write) bool {
			return h.delta.Key == m.key && seen.Covers(h.delta.Dot) && !m.saw.Covers(h.delta.Dot)
		})
	})
}

// miss lets a client find a key missing at a replica, and checks what it is told. A key
// that was evicted there is missing only when nobody within reach has it.
func (w *world) miss(r *replica, key string) {
	now, f := r.time(w), &r.fills
	view := r.part.Entry(key).View(now.UnixMilli())
	if view.IsEvicted() {
		w.counts.Missed++
		w.wantFromAll(r)
		if !w.mayBegin(r, key) {
			return
		}
	} else if view.Exists() {
		return
	}
	i := slices.IndexFunc(f.misses, func(m miss) bool { return m.key == key && now.Sub(m.since) <= w.cfg.FillFor })
	saw := w.seenBy(r).Clone()
	m, err := r.engine.Miss(now, key)
	if errors.Is(err, cachesync.ErrAhead) {
		w.counts.Errors++
		return
	}
	f.wanted = true
	want := cachesync.Miss{}
	switch at := w.stageAt(saw); {
	case at == crdt.NoFills:
		if w.stageAt(w.seenBy(r)) != crdt.FillsSoon {
			w.broken("replica %d wants to fill %s and does not say so", r.slot, key)
		}
	case at == crdt.FillsSoon:
	case i < 0:
		f.counted[countMisses]++
		want.Stamp = w.noteMiss(r, miss{key, m.Stamp, now, now, saw})
	case now.Sub(f.misses[i].given) < w.cfg.FillLead:
		f.counted[countWaited]++
		want.Wait = w.cfg.FillLead - now.Sub(f.misses[i].given)
	default:
		f.misses[i].given, want.Stamp = now, f.misses[i].stamp
	}
	if err != nil || m != want {
		w.broken("replica %d: miss of %s: want %+v, have %+v, %v", r.slot, key, want, m, err)
		return
	}
	if m.Stamp != 0 {
		if f.tokens == nil {
			f.tokens = map[string]crdt.HLC{}
		}
		f.tokens[key] = m.Stamp
	}
}

// noteMiss notes a new miss, for want of room in the place of the oldest one, and returns
// its stamp, which is above all that has been seen.
func (w *world) noteMiss(r *replica, m miss) crdt.HLC {
	f := &r.fills
	for _, h := range w.history {
		if h.delta.Stamp >= m.stamp && m.saw.Covers(h.delta.Dot) {
			w.broken("replica %d has seen %v, and a miss is stamped %v", r.slot, h.delta, m.stamp)
		}
	}
	f.misses = slices.DeleteFunc(f.misses, func(o miss) bool { return o.key == m.key })
	if f.misses = append(f.misses, m); len(f.misses) > w.cfg.Misses {
		f.counted[countDropped]++
		f.misses = f.misses[1:]
	}
	return m.stamp
}

// fill lets a client come back with what it has loaded since it was given a stamp at o,
// and checks whether that is taken.
func (w *world) fill(r, o *replica, c crdttest.Command) {
	stamp, given := o.fills.tokens[c.Key]
	if !given {
		return
	}
	c.Miss = stamp
	now, f := r.time(w), &r.fills
	known := slices.ContainsFunc(f.misses, func(m miss) bool { return m.key == c.Key && m.stamp == stamp })
	if r != o {
		w.counts.Foreign++
	}
	shows, afresh := r.part.Entry(c.Key).View(now.UnixMilli()).Exists(), false
	run := func(m *crdt.Mutator) error {
		if afresh {
			m.Afresh()
		}
		m.Fill(c.Value, c.At, c.Miss)
		return nil
	}
	d, err := r.engine.Fill(now, c.Key, stamp, run)
	if errors.Is(err, crdt.ErrEvicted) {
		w.counts.Missed++
		w.wantFromAll(r)
		if !w.mayBegin(r, c.Key) {
			return
		}
		shows, afresh = false, true
		d, err = r.engine.Fill(now, c.Key, stamp, run)
	}
	isOld, taken := now.Sub(stamp.Time()) > w.cfg.FillFor, known && !shows && c.At > now.UnixMilli()
	switch {
	case errors.Is(err, cachesync.ErrMissUnknown) && !known:
	case isOld || err != nil:
		w.counts.Errors++
		if errors.Is(err, cachesync.ErrMissOld) != isOld || !isOld && !errors.Is(err, cachesync.ErrAhead) {
			w.broken("replica %d: fill of %s, too old %v: %v", r.slot, c.Key, isOld, err)
		}
	case taken != (d != nil):
		w.broken("replica %d: fill of %s with %v: want it taken %v, have %v", r.slot, c.Key, stamp, taken, d)
	case !taken:
		f.counted[countRefused]++
	default:
		f.counted[countFills]++
		w.accepted(r, d)
		w.record(write{delta: d, ops: w.fillOps(c, d, afresh), saw: w.saw(d)})
	}
}

// barred returns how many fills were taken and lose to who had not seen them.
func (w *world) barred() (n int) {
	for _, f := range w.history {
		if len(f.ops) > 0 && f.ops[len(f.ops)-1].Verb == crdttest.Fill && slices.ContainsFunc(w.history, func(h write) bool {
			return h.delta.Key == f.delta.Key && bars(h.delta) && !h.saw.Covers(f.delta.Dot) && !f.saw.Covers(h.delta.Dot)
		}) {
			n++
		}
	}
	return n
}

// onlyBarred reports whether a write is a fill that nobody has removed who had seen it, nor
// a time cut: at a replica that has forgotten that it is one, since all that it waited for
// had seen it, it is as any write that a removal had not seen.
func (w *world) onlyBarred(r *replica, key string, d crdt.Dot) bool {
	seen, isFill, removed := w.seenBy(r), false, false
	for _, h := range w.history {
		if h.delta.Key != key || !seen.Covers(h.delta.Dot) {
			continue
		}
		isFill = isFill || h.delta.Dot == d && len(h.ops) > 0 && h.ops[len(h.ops)-1].Verb == crdttest.Fill
		removed = removed || h.saw.Covers(d) || slices.ContainsFunc(h.delta.Effects, func(f crdt.Effect) bool {
			return f.Op == crdt.EffectCut && f.Cut >= w.stamps[d.Replica][d.N-1]
		})
	}
	return isFill && !removed
}

// fillOps says in the specification's words what a fill did.
func (w *world) fillOps(c crdttest.Command, d *crdt.Delta, afresh bool) (ops []crdttest.Op) {
	if bars(d) != afresh {
		w.broken("%v is a fill, of a key begun anew: %v, and bars others: %v", d.Dot, afresh, bars(d))
	}
	if afresh {
		w.counts.Afresh++
		ops = append(ops, w.removal(d))
	}
	if c.At != crdt.Never {
		c.At = max(c.At, d.Stamp.Millis()+1)
	}
	return append(ops, crdttest.Op{Command: c, Dot: d.Dot, Stamp: c.Miss, Saw: w.saw(d), Fresh: true})
}
