package node

import (
	"testing"
	"time"
)

// TestStampsOutlastTheBeat: whatever may be lost, a write need not wait for the bound of
// stamps while rounds come at the beat, and their commits take no longer than that.
func TestStampsOutlastTheBeat(t *testing.T) {
	for _, d := range []Durability{Sync, Interval, None} {
		for _, window := range []time.Duration{0, minWindow, 3 * time.Second, time.Minute} {
			cfg := DiskConfig{Durability: d, Window: window}.withDefaults()
			beat := cfg.every()
			if beat <= 0 || stampAhead-2*beat < stampSlack {
				t.Errorf("%s within %v: want a bound %v ahead to be %v ahead a beat and a commit later, have a beat of %v", d, cfg.Window, stampAhead, stampSlack, beat)
			}
		}
	}
}
