package sync

import (
	"time"

	"github.com/atollcache/atoll/crdt"
)

// Clock returns the highest stamp that was given out or seen.
func (e *Engine) Clock() crdt.HLC { return e.clock.Last() }

// isAhead reports whether the stamps given so far are too far ahead of the clock.
func (e *Engine) isAhead(now time.Time) bool {
	return e.clock.Last().Millis() > now.Add(e.cfg.MaxSkew).UnixMilli()
}

// mayStamp reports whether the next stamp may be given out.
func (e *Engine) mayStamp(now time.Time) bool {
	return e.self.MayStamp == nil || e.self.MayStamp(max(e.clock.Last()+1, crdt.StampAt(now.UnixMilli())))
}

// draft is a write in the making, with room for the effects that most have.
type draft struct {
	delta   crdt.Delta
	effects [2]crdt.Effect
}

// nextDelta returns this replica's next write, which says nothing yet. It is in the draft,
// which is used again unless somebody keeps the write.
func (e *Engine) nextDelta(now time.Time) *crdt.Delta {
	if e.draft == nil {
		e.draft = &draft{}
	}
	d, own := &e.draft.delta, e.store.Vector().Get(e.writer)
	*d = crdt.Delta{
		Dot:   crdt.Dot{Replica: e.writer, N: own + 1},
		From:  own + 1,
		Stamp: e.clock.Next(now.UnixMilli()),
		Deps:  e.deps(),
	}
	return d
}

// deps returns what has been applied of other writers than this one. Deltas share it as
// long as it stays the same: it does not change.
func (e *Engine) deps() crdt.Vector {
	old := e.lastDeps
	for _, d := range e.store.Vector() {
		if d.Replica == e.writer {
			continue
		}
		if len(old) == 0 || old[0] != d {
			e.lastDeps = e.store.Vector().Without(e.writer)
			return e.lastDeps
		}
		old = old[1:]
	}
	if len(old) > 0 {
		e.lastDeps = e.store.Vector().Without(e.writer)
	}
	return e.lastDeps
}
