package simtest

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	cachesync "github.com/atollcache/atoll/sync"
)

// look checks what holds after every call of a replica's engine.
func (w *world) look(r *replica) {
	v, s := w.seenBy(r), r.engine.Stats()
	if s.Rebuilt > r.rebuilt {
		w.rebuilt(r, s.Rebuilt)
	}
	if !v.Equal(r.seen) {
		if !v.CoversAll(r.seen) {
			w.broken("replica %d went back from %v to %v", r.slot, r.seen, v)
		}
		for _, d := range v {
			if d.N > uint64(len(w.stamps[d.Replica])) {
				w.broken("replica %d has applied %v, which was never written", r.slot, d)
				return
			}
			if r.seen.Covers(d) || d.Replica.Life() == r.id {
				continue
			}
			if ahead := w.stamps[d.Replica][d.N-1].Time().Sub(r.clock); ahead > w.cfg.MaxSkew {
				w.broken("replica %d has applied %v, which is stamped %v ahead of its clock", r.slot, d, ahead)
			}
		}
		r.seen = v.Clone()
	}
	for _, b := range []struct {
		what        string
		bytes, most int
		alone       bool // one delta is kept whatever its size
	}{
		{"log", s.LogBytes, w.cfg.LogBytes, true},
		{"held back", s.HoldBytes, w.cfg.HoldBytes, false},
		{"queue", s.QueueBytes, w.cfg.QueueBytes, true},
		{"sessions", s.Sessions, w.cfg.Snapshots, false},
	} {
		if b.bytes < 0 || b.bytes > b.most && !(b.alone && b.bytes <= w.largest) {
			w.broken("replica %d: %s has %d, allowed are %d", r.slot, b.what, b.bytes, b.most)
		}
	}
	if s.Failed > 0 || s.Refused > 0 && !w.forgetful() {
		w.broken("replica %d: its store refused %d deltas and %d snapshots", r.slot, s.Failed, s.Refused)
	}
}

// forgetful reports whether replicas may be left out, or die unnoticed, so that
// what they wrote is refused.
func (w *world) forgetful() bool { return w.leavesOut() || w.counts.Crashes+w.counts.Freezes > 0 }

// leavesOut reports whether a history lasts longer than replicas wait for one that
// is away.
func (w *world) leavesOut() bool {
	return w.cfg.HorizonFor > 0 || w.cfg.HorizonLeast > 0 && w.cfg.HorizonLeast < patience
}

// rebuilt notes that a replica has dropped its state for another's.
func (w *world) rebuilt(r *replica, times int) {
	if !w.forgetful() {
		w.broken("replica %d dropped its state although nobody was left out", r.slot)
	}
	r.rebuilt, r.seen = times, nil
	w.counts.Rebuilt++
}

// fits checks that a message is no larger than it may be.
func (w *world) fits(r *replica, m *cachesync.Message) {
	bytes := 0
	for _, d := range m.Deltas {
		bytes += d.Size()
	}
	if bytes > w.cfg.BatchBytes && len(m.Deltas) > 1 {
		w.broken("replica %d sends %d bytes in %v", r.slot, bytes, m)
	}
	if m.Piece == nil {
		return
	}
	bytes = 0
	for i, k := range m.Piece.Keys {
		bytes += len(k) + m.Piece.Entries[i].Size()
	}
	if bytes > w.cfg.BatchBytes && len(m.Piece.Keys) > 1 {
		w.broken("replica %d sends %d bytes in %v", r.slot, bytes, m)
	}
}

// request is what a replica asked for last.
type request struct {
	message *cachesync.Message
	to      crdt.ReplicaID
	at      time.Time
}

// same reports whether both ask for the same.
func (r request) same(o request) bool {
	a, b := r.message, o.message
	if b.Kind == cachesync.KindMend {
		return false // what it brings is something else
	}
	return a != nil && a.Count == b.Count && a.Range == b.Range && r.to == o.to && a.Kind == b.Kind && a.Session == b.Session && a.Index == b.Index && a.Vector.Equal(b.Vector)
}

// looksUseful checks that a request is not the last one again, to the same
// replica, before there is any hope of another answer.
func (w *world) looksUseful(r *replica, m *cachesync.Message, to crdt.ReplicaID) {
	now := request{m, to, r.clock}
	if since := now.at.Sub(r.asked.at); r.asked.same(now) && since < w.cfg.PullAfter {
		w.broken("replica %d asks %v again after %v: %v", r.slot, to, since, m)
	}
	r.asked = now
}

// audit compares a replica's state with what the writes that its vector covers
// make of it: applied one by one, and as the specification has it.
func (w *world) audit(r *replica) {
	w.counts.Audits++
	var want crdt.Partition
	ops, weak := map[string][]crdttest.Op{}, map[string]bool{}
	seen := w.seenBy(r)
	for _, h := range w.history {
		if !seen.Covers(h.delta.Dot) {
			continue
		}
		if err := want.Apply(h.delta); err != nil {
			w.broken("replica %d has applied %v but not what that had seen: %v", r.slot, h.delta.Dot, err)
			return
		}
		ops[h.delta.Key] = append(ops[h.delta.Key], h.ops...)
		if h.unaware && len(h.ops) > 0 {
			weak[h.delta.Key] = true
		}
	}
	w.counts.Weak += len(weak)
	w.nothingCameBack(r, &want, weak)
	for _, at := range []int64{w.latest(), epoch.Add(time.Hour).UnixMilli()} {
		without := w.ghosts(r, &want, weak, at)
		maps.Copy(without, weak)
		if have, want := state(r.part, at, without), state(&want, at, without); !bytes.Equal(have, want) {
			w.broken("replica %d at %v: want state %x, have %x", r.slot, r.part.Vector(), want, have)
			return
		}
		for _, k := range []string{"k", "l", "m", "n"} {
			if without[k] {
				continue
			}
			have, want := read(r.part.Entry(k).View(at)), crdttest.Spec(ops[k], at)
			if !reflect.DeepEqual(have, want) {
				w.broken("replica %d at %v: %s is %+v, specified is %+v", r.slot, r.part.Vector(), k, have, want)
				return
			}
		}
	}
}

// nothingCameBack checks that nothing shows at a replica, of some keys, that the writes
// which its vector covers have removed.
func (w *world) nothingCameBack(r *replica, want *crdt.Partition, keys map[string]bool) {
	at := w.latest()
	for _, k := range r.part.Keys() {
		if !keys[k] || r.part.Entry(k).IsEvicted() {
			continue
		}
		v, kept := r.part.Entry(k).View(at), want.Entry(k)
		for name, c := range r.part.Entry(k).Cells() {
			if _, shows := v.Cell(name.Field); !shows || name.Kind != v.Kind() {
				continue
			}
			if top := c.Writes(); len(top) > 0 && top[0].Stamp > v.Hide() && !keeps(kept, name, top[0].Dot) && !w.onlyBarred(r, k, top[0].Dot) {
				w.broken("replica %d at %v: %v of %s shows in %v and has been removed", r.slot, r.part.Vector(), top[0].Dot, k, name)
			}
		}
	}
}

// keeps reports whether a cell of an entry has a write, hidden or not.
func keeps(e *crdt.Entry, name crdt.CellName, d crdt.Dot) bool {
	if e == nil {
		return false
	}
	for at, c := range e.Cells() {
		if at == name && slices.ContainsFunc(c.Writes(), func(o crdt.Write) bool { return o.Dot == d }) {
			return true
		}
	}
	return false
}

// read returns what a view shows.
func read(v crdt.View) crdttest.Value {
	out := crdttest.Value{Kind: v.Kind(), ExpireAt: v.ExpireAt(), Version: v.Version()}
	switch v.Kind() {
	case crdt.KindString:
		out.Text, _ = v.Get()
	case crdt.KindHash:
		out.Fields = map[string]string{}
		for f := range v.Fields() {
			out.Fields[f], _ = v.Field(f)
		}
		out.FieldsUntil = fieldsUntil(v)
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
	case crdt.KindHLL:
		out.Registers = crdttest.RegistersOf(v)
	case crdt.KindList:
		out.Elements = v.Elements(0, -1)
	}
	return out
}
