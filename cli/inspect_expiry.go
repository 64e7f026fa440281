package cli

import (
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// expiries writes the live expiries, of which the longest counts.
func (t *terminal) expiries(xs []wire.WriteInfo, now time.Time) {
	if len(xs) == 0 {
		return
	}
	tb := &table{header: []string{"EXPIRY", "WRITTEN BY", "WHEN", "WHY"}}
	for _, x := range xs {
		why := "counts"
		switch {
		case x.State == "lost":
			why = "shorter than another written at the same time (R7)"
		case len(xs) > 1:
			why = "counts: the longest wins (R7)"
		}
		tb.add(expiryTime(x, now), who(x.Stamp), clock(x.Stamp.Time, now), why)
	}
	t.printf("\n")
	t.table(tb)
}

// expiryTime returns the time that an expiry names, as it names it when that is none.
func expiryTime(x wire.WriteInfo, now time.Time) string {
	if when, err := time.Parse(time.RFC3339Nano, x.Value); err == nil {
		return clock(when, now)
	}
	return x.Value
}

// expiryValue returns what an expiry of a field says.
func expiryValue(x wire.WriteInfo, now time.Time) string {
	if x.Value == "never" {
		return x.Value
	}
	return "until " + expiryTime(x, now)
}

// whyFieldExpiry says why a field expires by an expiry or not.
func whyFieldExpiry(x wire.WriteInfo, cell wire.CellInfo) string {
	switch {
	case x.State == "cut":
		return "invalidated (R6)"
	case x.State == "expired":
		return "has come: all that was written before is gone (R7)"
	case x.State == "wins" && len(cell.Expiries) > 1:
		return "the field expires then: the longest wins (R7)"
	case x.State == "wins":
		return "the field expires then (R7)"
	case x.LostTo == "":
		return "shorter than another written at the same time (R7)"
	}
	for _, w := range cell.Writes {
		if w.Dot == x.LostTo {
			return "does not count: the value that " + who(w.Stamp) + " wrote at the same time says never (R7)"
		}
	}
	return "does not count: a value written at the same time says never (R7)"
}
