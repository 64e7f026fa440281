package sync

import (
	"bytes"
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// deltaLog keeps the latest deltas of a partition, of every origin, in the order
// in which they were applied, which is an order in which others can apply them.
//
// It keeps them encoded, in segments of many. A delta then takes little more than its key
// and values, and the garbage collector has nothing to follow: most deltas are logged and
// dropped without ever being read. What is read is decoded a segment at a time.
type deltaLog struct {
	limit   int
	bytes   int
	closed  []segment // oldest first
	open    segment   // after them; its bytes are still in enc
	enc     crdt.Encoder
	dropped crdt.Vector // per origin, the highest number that is no longer here
}

// segment is deltas that follow each other. They are dropped together.
type segment struct {
	bytes []byte      // a message of them
	last  crdt.Vector // of each origin the highest number; nil: it is empty
	rare  bool        // some of them have no key: they retire IDs, or are of fills
}

const (
	// maxSegment is at how many bytes a segment is closed, and minSegments how many fill a
	// log: a log of small ones forgets less at a time, one of large ones has fewer.
	maxSegment  = 8 << 10
	minSegments = 16

	tagSegment = 0 // In memory only.
)

func (l *deltaLog) segmentBytes() int { return min(l.limit/minSegments, maxSegment) }

func (l *deltaLog) add(d *crdt.Delta) {
	if most := l.segmentBytes(); l.enc.Len() >= most || d.Size() >= most {
		l.close()
	}
	before := l.enc.Len()
	l.enc.Delta(d)
	l.bytes += l.enc.Len() - before
	l.open.last = l.open.last.Advance(d.Dot)
	l.open.rare = l.open.rare || d.Retires() || d.Stages()
	l.trim()
}

// trim drops the oldest segments beyond the limit, but never the newest.
func (l *deltaLog) trim() {
	for l.bytes > l.limit && len(l.closed) > 0 {
		l.drop()
	}
}

// limitTo changes the limit.
func (l *deltaLog) limitTo(bytes int) {
	was := l.segmentBytes()
	l.limit = bytes
	if l.bytes > l.limit && l.segmentBytes() < was {
		l.refill(func(*crdt.Delta) bool { return true }) // In smaller segments, to forget no more than must be.
	}
	l.trim()
}

// close begins another segment.
func (l *deltaLog) close() {
	if l.open.last == nil {
		return
	}
	l.bytes -= l.enc.Len()
	l.open.bytes = l.enc.Append(make([]byte, 0, l.enc.Len()+64), tagSegment)
	l.bytes += len(l.open.bytes)
	l.closed = append(l.closed, l.open)
	l.open = segment{}
	if l.enc.Len() > 2*maxSegment {
		l.enc = crdt.Encoder{} // A large delta's memory is not kept.
	}
	l.enc.Reset()
}

// drop forgets the oldest segment.
func (l *deltaLog) drop() {
	old := &l.closed[0]
	l.bytes -= len(old.bytes)
	for _, d := range old.last {
		l.dropped = l.dropped.Advance(d)
	}
	*old = segment{}
	l.closed = l.closed[1:]
}

// each calls f for the deltas of the segments for which want holds, oldest first, until f
// returns false. It reports false when one cannot be read, which means that it was encoded
// wrongly.
func (l *deltaLog) each(want func(*segment) bool, f func(*crdt.Delta) bool) bool {
	for i := range l.closed {
		if s := &l.closed[i]; want(s) {
			if more, ok := eachIn(s.bytes, f); !more || !ok {
				return ok
			}
		}
	}
	if l.open.last == nil || !want(&l.open) {
		return true
	}
	_, ok := eachIn(l.enc.Append(nil, tagSegment), f)
	return ok
}

// eachIn is deltaLog.each for one segment. more says that f wants more.
func eachIn(message []byte, f func(*crdt.Delta) bool) (more, ok bool) {
	dec, _ := crdt.NewDecoder(message)
	for dec.More() {
		d := dec.Delta()
		if d == nil {
			return false, false
		}
		if !f(d) {
			return false, true
		}
	}
	return true, dec.Done() == nil
}

func every(*segment) bool { return true }

// refill keeps the deltas for which stays holds.
func (l *deltaLog) refill(stays func(*crdt.Delta) bool) {
	var kept []*crdt.Delta
	read := l.each(every, func(d *crdt.Delta) bool {
		if stays(d) {
			kept = append(kept, d)
		}
		return true
	})
	if l.close(); !read {
		kept = nil
		for i := range l.closed {
			l.dropped = l.dropped.Join(l.closed[i].last)
		}
	}
	*l = deltaLog{limit: l.limit, dropped: l.dropped}
	for _, d := range kept {
		l.add(d)
	}
}

// skipTo notes that everything up to v was learnt from a snapshot, without
// deltas; those of the same origins that are here are of no use any more to a
// peer that needs the missing ones.
func (l *deltaLog) skipTo(v crdt.Vector) {
	for _, d := range v {
		l.dropped = l.dropped.Advance(d)
	}
	l.refill(func(d *crdt.Delta) bool { return !l.dropped.Covers(d.Dot) })
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
	read := l.each(lackedBy(have), func(d *crdt.Delta) bool {
		if have.Covers(d.Dot) {
			return true
		}
		if bytes += d.Size(); bytes > limit && len(out) > 0 {
			return false
		}
		out = append(out, d)
		return true
	})
	return out, read
}

// lackedBy holds for segments of which who has seen have lacks something.
func lackedBy(have *crdt.Sight) func(*segment) bool {
	return func(s *segment) bool { return !have.CoversAll(s.last) }
}

// keep drops the deltas of IDs that are not named any more, and whoever has not seen
// the horizon, which stands for them, needs a snapshot.
func (l *deltaLog) keep(isNamed func(crdt.ReplicaID) bool, horizon crdt.Vector) {
	isOld := func(d crdt.Dot) bool { return !isNamed(d.Replica) }
	hasOld := func(s segment) bool { return slices.ContainsFunc(s.last, isOld) }
	inDeltas := hasOld(l.open) || slices.ContainsFunc(l.closed, hasOld)
	if !inDeltas && !slices.ContainsFunc(l.dropped, isOld) {
		return
	}
	l.dropped = slices.DeleteFunc(l.dropped.Join(horizon), isOld)
	if inDeltas {
		l.refill(func(d *crdt.Delta) bool { return !isOld(d.Dot) })
	}
}

// history returns the deltas of one key, oldest first.
func (l *deltaLog) history(key string) []*crdt.Delta {
	var out []*crdt.Delta
	names := func(s *segment) bool { return s.bytes == nil || bytes.Contains(s.bytes, []byte(key)) }
	l.each(names, func(d *crdt.Delta) bool {
		if d.Key == key && !d.Retires() && !d.Stages() {
			out = append(out, d)
		}
		return true
	})
	return out
}

// retirements returns the deltas that retire IDs, oldest first.
func (l *deltaLog) retirements() []*crdt.Delta { return l.rare((*crdt.Delta).Retires) }

// stages returns the deltas that bring the partition to a stage of letting fills be made,
// oldest first.
func (l *deltaLog) stages() []*crdt.Delta { return l.rare((*crdt.Delta).Stages) }

// rare returns those for which is holds of the deltas that have no key.
func (l *deltaLog) rare(is func(*crdt.Delta) bool) []*crdt.Delta {
	var out []*crdt.Delta
	l.each(func(s *segment) bool { return s.rare }, func(d *crdt.Delta) bool {
		if is(d) {
			out = append(out, d)
		}
		return true
	})
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
	read := l.each(lackedBy(v), func(d *crdt.Delta) bool {
		if !v.Covers(d.Dot) {
			keys[d.Key] = true
		}
		return true
	})
	return keys, read
}

// LimitLog changes how many bytes the log may take, as [Config.LogBytes] says; what is
// beyond that goes at once. Least is 1.
func (e *Engine) LimitLog(bytes int) {
	e.cfg.LogBytes = max(bytes, 1)
	e.log.limitTo(e.cfg.LogBytes)
}

// History returns the deltas of a key that the log still has, oldest first. They are the
// caller's.
func (e *Engine) History(key string) []*crdt.Delta { return e.log.history(key) }

// Retirements returns the deltas by which IDs were retired that the log still has,
// oldest first. They are the caller's.
func (e *Engine) Retirements() []*crdt.Delta { return e.log.retirements() }

// Stages returns the deltas that the log still has by which it was said that fills are made
// in the partition, oldest first. They are the caller's.
func (e *Engine) Stages() []*crdt.Delta { return e.log.stages() }
