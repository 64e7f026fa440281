package crdt

import (
	"fmt"
	"time"
)

// HLC is a hybrid logical clock stamp: 48 bits of milliseconds since the Unix
// epoch and 16 bits of counter. Stamps compare as plain numbers. When the
// counter is full it carries into the milliseconds; it never wraps.
type HLC uint64

// MaxMillis is the largest time that a stamp can hold, in milliseconds since
// the Unix epoch: some time in the year 10889.
const MaxMillis = 1<<48 - 1

// StampAt returns the first stamp of a millisecond. Times before the epoch give
// zero and times after [MaxMillis] give the last millisecond.
func StampAt(millis int64) HLC {
	return HLC(min(max(millis, 0), MaxMillis)) << 16
}

// Millis returns the stamp's milliseconds since the Unix epoch.
func (h HLC) Millis() int64 { return int64(h >> 16) }

// Counter returns the logical part.
func (h HLC) Counter() uint16 { return uint16(h) }

// Time returns the stamp's physical part in UTC.
func (h HLC) Time() time.Time { return time.UnixMilli(h.Millis()).UTC() }

// String returns "millis.counter".
func (h HLC) String() string { return fmt.Sprintf("%d.%d", h.Millis(), h.Counter()) }

// Clock issues stamps that are above every stamp it has issued or observed and
// not below the wall clock. The zero value is ready. It is not safe for
// concurrent use: its owner's lock guards it.
type Clock struct {
	last HLC
}

// Next returns a new stamp for an event at the given wall time, in milliseconds
// since the Unix epoch.
func (c *Clock) Next(nowMillis int64) HLC {
	c.last = max(c.last+1, StampAt(nowMillis))
	return c.last
}

// Observe makes every later stamp higher than h. Callers check first that h is
// not absurdly far ahead: a clock that has observed a stamp never forgets it.
func (c *Clock) Observe(h HLC) { c.last = max(c.last, h) }

// Last returns the highest stamp issued or observed.
func (c *Clock) Last() HLC { return c.last }
