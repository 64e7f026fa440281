package sync

import (
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// deltaLog keeps the latest deltas of a partition, of every origin, in the order
// in which they were applied, which is an order in which others can apply them.
type deltaLog struct {
	limit   int
	bytes   int
	deltas  []*crdt.Delta // oldest first
	dropped crdt.Vector   // per origin, the highest number that is no longer here
}

func (l *deltaLog) add(d *crdt.Delta) {
	l.deltas = append(l.deltas, d)
	l.bytes += d.Size()
	l.trim()
}

// trim drops the oldest deltas beyond the limit, but never the newest.
func (l *deltaLog) trim() {
	n := 0
	for l.bytes > l.limit && n < len(l.deltas)-1 {
		old := l.deltas[n]
		l.bytes -= old.Size()
		l.dropped = l.dropped.Advance(old.Dot)
		l.deltas[n] = nil
		n++
	}
	l.deltas = l.deltas[n:]
}

// skipTo notes that everything up to v was learnt from a snapshot, without
// deltas; those of the same origins that are here are of no use any more to a
// peer that needs the missing ones.
func (l *deltaLog) skipTo(v crdt.Vector) {
	var kept []*crdt.Delta
	l.bytes = 0
	for _, d := range v {
		l.dropped = l.dropped.Advance(d)
	}
	for _, d := range l.deltas {
		if !l.dropped.Covers(d.Dot) {
			kept = append(kept, d)
			l.bytes += d.Size()
		}
	}
	l.deltas = kept
}

// after returns the deltas that a peer which has seen have misses, up to a
// number of bytes but at least one. It reports false when the log does not
// reach back far enough for that peer.
func (l *deltaLog) after(have *crdt.Sight, limit int) ([]*crdt.Delta, bool) {
	if !have.CoversAll(l.dropped) {
		return nil, false
	}
	var out []*crdt.Delta
	bytes := 0
	for _, d := range l.deltas {
		if have.Covers(d.Dot) {
			continue
		}
		if bytes += d.Size(); bytes > limit && len(out) > 0 {
			break
		}
		out = append(out, d)
	}
	return out, true
}

// keep drops the deltas of IDs that are not named any more, and whoever has not seen
// the horizon, which stands for them, needs a snapshot.
func (l *deltaLog) keep(isNamed func(crdt.ReplicaID) bool, horizon crdt.Vector) {
	isOld := func(d crdt.Dot) bool { return !isNamed(d.Replica) }
	if !slices.ContainsFunc(l.dropped, isOld) && !slices.ContainsFunc(l.deltas, func(d *crdt.Delta) bool { return isOld(d.Dot) }) {
		return
	}
	l.dropped = slices.DeleteFunc(l.dropped.Join(horizon), isOld)
	l.deltas = slices.DeleteFunc(slices.Clone(l.deltas), func(d *crdt.Delta) bool {
		if isOld(d.Dot) {
			l.bytes -= d.Size()
		}
		return isOld(d.Dot)
	})
}

// history returns the deltas of one key, oldest first.
func (l *deltaLog) history(key string) []*crdt.Delta {
	var out []*crdt.Delta
	for _, d := range l.deltas {
		if d.Key == key && !d.Retires() && !d.Stages() {
			out = append(out, d)
		}
	}
	return out
}

// retirements returns the deltas that retire IDs, oldest first.
func (l *deltaLog) retirements() []*crdt.Delta {
	var out []*crdt.Delta
	for _, d := range l.deltas {
		if d.Retires() {
			out = append(out, d)
		}
	}
	return out
}

// stages returns the deltas that bring the partition to a stage of letting fills be made,
// oldest first.
func (l *deltaLog) stages() []*crdt.Delta {
	var out []*crdt.Delta
	for _, d := range l.deltas {
		if d.Stages() {
			out = append(out, d)
		}
	}
	return out
}

// keysBeyond returns the keys of the deltas that are here and that a holder which
// has seen v lacks. It reports false when the log does not reach back far enough
// to tell.
func (l *deltaLog) keysBeyond(v *crdt.Sight) (map[string]bool, bool) {
	if !v.CoversAll(l.dropped) {
		return nil, false
	}
	keys := map[string]bool{}
	for _, d := range l.deltas {
		if !v.Covers(d.Dot) {
			keys[d.Key] = true
		}
	}
	return keys, true
}

// LimitLog changes how many bytes the log may take, as [Config.LogBytes] says; what is
// beyond that goes at once. Least is 1.
func (e *Engine) LimitLog(bytes int) {
	e.cfg.LogBytes = max(bytes, 1)
	e.log.limit = e.cfg.LogBytes
	e.log.trim()
}

// History returns the deltas of a key that the log still has, oldest first. Read
// only.
func (e *Engine) History(key string) []*crdt.Delta { return e.log.history(key) }

// Retirements returns the deltas by which IDs were retired that the log still has,
// oldest first. Read only.
func (e *Engine) Retirements() []*crdt.Delta { return e.log.retirements() }

// Stages returns the deltas that the log still has by which it was said that fills are made
// in the partition, oldest first. Read only.
func (e *Engine) Stages() []*crdt.Delta { return e.log.stages() }
