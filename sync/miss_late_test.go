package sync_test

import (
	"testing"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// TestFillsWaitForNewcomers: that there are fills was said by who has been retired since. A
// newcomer, whose vector does not name that one either, need not have heard of it.
func TestFillsWaitForNewcomers(t *testing.T) {
	a, b, c := newHolder(t, lifeA, "eu", retireCfg), newHolder(t, lifeB, "eu", retireCfg), newHolder(t, lifeC, "eu", retireCfg)
	a.incr(at(0), "k")
	if _, err := c.Miss(at(0), "k"); err != nil {
		t.Fatal(err)
	}
	deliverAll(at(1), a, b, c)
	for millis := int64(10); millis < 200; millis += 20 {
		sweepAll(at(millis), a, b)
		deliverAll(at(millis), a, b)
	}
	if stage, _ := a.part.Fills(); stage != crdt.FillsSoon || a.Vector().Get(lifeC) != 0 || len(a.part.Retired()) > 0 {
		t.Fatalf("want fills soon and who said so retired, have %v, %v, %v", stage, a.Vector(), a.part.Retired())
	}
	d := newHolder(t, 4*crdt.Lives, "eu", retireCfg)
	if _, err := a.Miss(at(200), "k"); err != nil {
		t.Fatal(err)
	}
	sweepAll(at(210), a, b, d)
	if stage, _ := a.part.Fills(); stage != crdt.FillsSoon {
		t.Errorf("a newcomer has heard nothing yet: want fills %v, have %v", crdt.FillsSoon, stage)
	}
	for millis := int64(220); millis < 420; millis += 20 {
		settle(at(millis), a, b, d)
		sweepAll(at(millis), a, b, d)
	}
	if stage, _ := a.part.Fills(); stage != crdt.FillsOpen {
		t.Errorf("it has caught up: want fills %v, have %v with %v, %v and %v", crdt.FillsOpen, stage, a.Vector(), b.Vector(), d.Vector())
	}
}

// TestFillOfWhatWasEvicted: nobody within reach has what was evicted, and the key is filled
// anew. What had been written to it before still beats a fill from elsewhere that had not
// seen that.
func TestFillOfWhatWasEvicted(t *testing.T) {
	f := newFillers(t, cachesync.Config{})
	f.b.write(f.tick(), "k", set("new"))
	f.b.part.Evict("k", at(f.now).UnixMilli())
	anew := f.miss(f.b, "k")
	d, err := f.b.Fill(f.tick(), "k", anew, func(m *crdt.Mutator) error {
		m.Afresh()
		m.Fill("anew", crdt.Never, anew)
		return nil
	})
	if d == nil || err != nil {
		t.Fatalf("a fill of an evicted key: want it taken, have %v, %v", d, err)
	}
	if stamp := f.miss(f.a, "k"); !f.fill(f.a, "k", "stale", stamp) {
		t.Error("what is not known yet cannot refuse the fill")
	}
	f.heal()
	f.want("after both", "anew")
}
