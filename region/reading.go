package region

import (
	"math"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// Reading is what the two clocks of this machine show at one moment. Any values
// are taken; a wall clock beyond what a stamp can hold counts as the nearest
// that it can, as it does in stamps.
type Reading struct {
	// Wall is the clock that stamps are made of, in milliseconds since the Unix
	// epoch. It is what the node's heartbeats must show.
	Wall int64

	// Mono is a clock that is never set, since any moment that does not change
	// while the process runs.
	Mono time.Duration
}

// wall returns the wall clock in the range of stamps. All differences of times
// in this range, and sums of a few, are far from overflowing.
func (r Reading) wall() int64 { return stampable(r.Wall) }

// mono returns the monotonic clock in milliseconds.
func (r Reading) mono() int64 { return r.Mono.Milliseconds() }

// skew returns the wall clock less the monotonic one. It changes only when one of
// the two is set, stands still or is slewed.
func (r Reading) skew() int64 { return r.wall() - r.mono() }

// stampable returns the time nearest to t, both in milliseconds, that a stamp can
// hold.
func stampable(t int64) int64 { return min(max(t, 0), crdt.MaxMillis) }

const (
	// slewLimit is the part of its time by which a clock may run fast or slow
	// without anything being wrong: twice the 500 parts per million by which NTP
	// slews at most.
	slewLimit = 1000

	// jumpEvery is the least time in milliseconds between two looks for jumps, so
	// that many small ones are not overlooked.
	jumpEvery = 100

	// jumpGrain is what in milliseconds is never a jump: clocks tick, some at 64 Hz.
	jumpGrain = 20

	// jumpLimit bounds the sum of jumps, far beyond any time.
	jumpLimit = 1 << 52
)

// jump follows by how much this machine's wall clock was set, as the monotonic
// clock tells, since it was last known to be right. A monotonic clock that stood
// still, as some do while the machine sleeps, looks the same.
type jump struct {
	looked Reading
	begun  bool
	total  int64 // milliseconds, positive when set ahead
}

// look takes in a reading and returns by how much the wall clock was set since
// the one before, in milliseconds.
func (j *jump) look(now Reading) (moved int64) {
	elapsed := now.mono() - j.looked.mono()
	if j.begun && elapsed >= 0 && elapsed < jumpEvery {
		return 0
	}
	moved = now.skew() - j.looked.skew()
	if !j.begun || abs(moved) <= jumpGrain+abs(elapsed)/slewLimit {
		moved = 0
	}
	j.looked, j.begun = now, true
	j.total = min(max(j.total+moved, -jumpLimit), jumpLimit)
	return moved
}

// span is a range of offsets in milliseconds, both ends included.
type span struct{ lo, hi int64 }

func (s span) middle() int64       { return s.lo + (s.hi-s.lo)/2 }
func (s span) radius() int64       { return (s.hi - s.lo + 1) / 2 }
func (s span) meets(o span) bool   { return s.lo <= o.hi && o.lo <= s.hi }
func (s span) and(o span) span     { return span{max(s.lo, o.lo), min(s.hi, o.hi)} }
func (s span) within(d int64) bool { return s.lo >= -d && s.hi <= d }
func (s span) beyond(d int64) bool { return s.lo > d || s.hi < -d }

// sample is one comparison: the peer's clock was ahead of this node's by an
// offset in the span.
type sample struct {
	span
	skew int64 // Reading.skew when it was made
	at   int64 // Reading.mono when it was made
}

// by returns the offsets that a sample leaves possible by now, and by how many
// milliseconds this machine's clocks have moved apart since. If the wall clock
// was set the offset changed by that much; if the monotonic clock stood still it
// did not. Nobody can tell, so both and all between remain possible.
func (s sample) by(now Reading) (span, int64) {
	moved := now.skew() - s.skew
	return span{s.lo - max(moved, 0), s.hi - min(moved, 0)}, abs(moved)
}

func abs(n int64) int64 { return max(n, -n) }

// duration returns a number of milliseconds as a Duration, or the nearest that
// there is, of about 292 years.
func duration(millis int64) time.Duration {
	const most = math.MaxInt64 / int64(time.Millisecond)
	return time.Duration(min(max(millis, -most), most)) * time.Millisecond
}
