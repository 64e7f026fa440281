package nodetest

import "time"

// clock is the wall clock of a place as its node sees it: it never goes back.
// Where the machine's clock has been set back, it goes on at half speed until that
// has caught up, as a real node's does.
type clock struct {
	skew time.Duration // of the machine's clock
	last time.Time     // what was given out last
	at   time.Duration // and when, in true time
}

// now returns the time of the clock at a true time since the epoch.
func (c *clock) now(at time.Duration) time.Time {
	if t := epoch.Add(at + c.skew); t.After(c.last) {
		c.last = t
	} else {
		c.last = c.last.Add((at - c.at) / 2)
	}
	c.at = at
	return c.last
}
