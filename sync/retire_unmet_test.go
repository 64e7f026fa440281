package sync_test

import (
	"fmt"
	"testing"
)

// TestRetirementComesAsState: who has retired a replica names it no more. Where that is
// not known yet, and something of that replica's time has been forgotten, it is not taken
// for somebody who has seen nothing of it: its state, with the retirement, is taken.
func TestRetirementComesAsState(t *testing.T) {
	for _, heard := range []bool{true, false} {
		t.Run(fmt.Sprintf("heard of before: %v", heard), func(t *testing.T) { retirementComesAsState(t, heard) })
	}
}

// retirementComesAsState is the test where who does not know of the retirement has heard
// of who made it before, or has not: that one is new to it, or was forgotten.
func retirementComesAsState(t *testing.T, heard bool) {
	cfg := retireCfg
	cfg.LogBytes = 1
	a, b, c := newHolder(t, lifeA, "eu", cfg), newHolder(t, lifeB, "eu", cfg), newHolder(t, lifeC, "eu", cfg)
	for _, key := range []string{"k", "l"} {
		d := c.incr(at(0), key)
		a.takes(at(1), c, d)
		b.takes(at(1), c, d)
	}
	gone := b.write(at(2), "k", del)
	a.takes(at(2), b, gone)
	for millis := int64(5); millis < 60; millis += 10 {
		sweepAll(at(millis), a, b)
	}
	if h := b.part.Horizon().Vector; h.Get(c.id) == 0 {
		t.Fatalf("want something forgotten that %v had to do with, have %v", c.id, h)
	}
	for millis := int64(60); millis < 300 && !a.part.IsRetired(c.id); millis += 20 {
		sweepAll(at(millis), a, b)
	}
	if !a.part.IsRetired(c.id) || b.part.IsRetired(c.id) {
		t.Fatalf("want %v retired by one and the other not to know", c.id)
	}
	a.write(at(300), "m", set("v")) // The log has no room for both.
	b.write(at(300), "n", set("v")) // Neither has all that the other has.
	for a.Next() != nil || b.Next() != nil {
	}
	if !heard {
		b.Forget(a.id)
	}
	a.Announce()
	b.Receive(at(310), a.Heads(at(310)))
	for millis := int64(320); millis < 500; millis += 10 {
		settle(at(millis), a, b)
	}
	for millis := int64(500); millis < 800; millis += 50 {
		announce(at(millis), a, b)
		settle(at(millis), a, b)
	}
	for _, h := range []*holder{a, b} {
		if s := h.Stats(); s.Refused+s.Rebuilt+s.Old > 0 {
			t.Errorf("%v: want nothing refused, have %+v", h.id, s)
		}
	}
	if s := b.Stats(); s.Snapshots == 0 {
		t.Errorf("want it to come as a state, have %+v", s)
	}
	a.wantSame(b, at(800))
}
