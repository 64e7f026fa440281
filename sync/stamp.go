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
