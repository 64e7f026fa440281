package sync_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// lives are those of three holders.
const (
	lifeA = 1 * crdt.Lives
	lifeB = 2 * crdt.Lives
	lifeC = 3 * crdt.Lives
)

var retireCfg = cachesync.Config{RetireAfter: 100 * ms, AnnounceAfter: 10 * ms, AnnounceEvery: 50 * ms, PullTimeout: 20 * ms}

// gone is two holders and a third whose life has ended, having written twice.
func gone(t *testing.T) (a, b, c *holder) {
	t.Helper()
	a, b, c = newHolder(t, lifeA, "eu", retireCfg), newHolder(t, lifeB, "eu", retireCfg), newHolder(t, lifeC, "eu", retireCfg)
	first, second := c.incr(at(0), "k"), c.incr(at(0), "l")
	for _, h := range []*holder{a, b} {
		h.takes(at(1), c, first, second)
	}
	return a, b, c
}

// sweepAll lets holders hear of each other's heads and sweep, with only them living.
func sweepAll(now time.Time, hs ...*holder) {
	var ids []crdt.ReplicaID
	for _, h := range hs {
		ids = append(ids, h.id)
	}
	announce(now, hs...)
	for _, h := range hs {
		h.Living(now, ids)
		h.Sweep(now, ids)
	}
}

// deliverAll gives everybody what holders have queued.
func deliverAll(now time.Time, hs ...*holder) {
	for _, h := range hs {
		for m := h.Next(); m != nil; m = h.Next() {
			for _, o := range hs {
				if o != h {
					o.Receive(now, m)
				}
			}
		}
	}
}

func TestRetireWhatIsOver(t *testing.T) {
	a, b, _ := gone(t)
	for millis := int64(10); millis < 110; millis += 20 {
		sweepAll(at(millis), a, b)
	}
	if n := a.Stats().Retired + b.Stats().Retired; n > 0 || len(a.Vector()) != 1 {
		t.Fatalf("before RetireAfter: want nothing retired, have %d, %v", n, a.Vector())
	}
	sweepAll(at(115), a, b)
	if have := [2]int{a.Stats().Retired, b.Stats().Retired}; have != [2]int{1, 0} {
		t.Fatalf("want the lowest to retire one ID, have %v", have)
	}
	deliverAll(at(116), a, b)
	a.wantVector("0000000000000100#1")
	b.wantVector("0000000000000100#1")
	for _, h := range []*holder{a, b} {
		if len(h.part.Retired()) != 1 {
			t.Errorf("%v: want the retirement known until it is stable, have %v", h.id, h.part.Retired())
		}
	}
	for millis := int64(120); millis < 200; millis += 20 {
		sweepAll(at(millis), a, b)
	}
	for _, h := range []*holder{a, b} {
		if len(h.part.Retired()) != 0 || h.part.Horizon().Vector.String() != "0000000000000100#1" {
			t.Errorf("%v: want it forgotten when it is stable, have %v, horizon %v", h.id, h.part.Retired(), h.part.Horizon())
		}
	}
	if asked := settle(at(210), a, b); len(asked) > 0 {
		t.Errorf("want nothing asked for, have %v", asked)
	}
	a.wantSame(b, at(210))
}

func TestRetireWaitsForEverybody(t *testing.T) {
	for what, hinder := range map[string]func(a, b, c *holder){
		"a holder lacks a write": func(a, b, c *holder) {
			d := c.incr(at(2), "m")
			a.takes(at(2), c, d)
		},
		"a holder holds one back": func(a, b, c *holder) {
			c.incr(at(2), "m")
			b.takes(at(2), c, c.incr(at(3), "m"))
		},
		"the lowest holds one back": func(a, b, c *holder) {
			c.incr(at(2), "m")
			a.takes(at(2), c, c.incr(at(3), "m"))
		},
	} {
		a, b, c := gone(t)
		hinder(a, b, c)
		for millis := int64(10); millis < 400; millis += 20 {
			sweepAll(at(millis), a, b)
		}
		if n := a.Stats().Retired + b.Stats().Retired; n > 0 {
			t.Errorf("%s: want nothing retired, have %d", what, n)
		}
	}
	a, b, _ := gone(t)
	for millis := int64(10); millis < 400; millis += 20 {
		ids := []crdt.ReplicaID{lifeA, lifeB}
		a.Living(at(millis), ids)
		a.Sweep(at(millis), ids) // It hears nothing of b.
	}
	if n := a.Stats().Retired; n > 0 {
		t.Errorf("a holder is silent: want nothing retired, have %d", n)
	}
	_ = b
}

// TestRetireOnlyWhatIsOver: a life that lives keeps its ID whether it holds the
// partition or not, but only its latest.
func TestRetireOnlyWhatIsOver(t *testing.T) {
	a, b, _ := gone(t)
	for millis := int64(10); millis < 400; millis += 20 {
		announce(at(millis), a, b)
		for _, h := range []*holder{a, b} {
			h.Living(at(millis), []crdt.ReplicaID{lifeA, lifeB, lifeC})
			h.Sweep(at(millis), []crdt.ReplicaID{lifeA, lifeB})
		}
	}
	if n := a.Stats().Retired; n > 0 {
		t.Errorf("want nothing retired of a life that lives, have %d", n)
	}
}

// TestRetireEarlierID: a life that goes on under a later ID retires the earlier one
// itself: nobody else may know.
func TestRetireEarlierID(t *testing.T) {
	part := &crdt.Partition{}
	self := cachesync.Identity{Replica: lifeB, Writer: lifeB, Region: "eu", Partition: partition}
	before := &holder{cachesync.NewEngine(retireCfg, self, part), t, lifeB, part}
	a := newHolder(t, lifeA, "eu", retireCfg)
	a.takes(at(1), before, before.incr(at(0), "k"))
	self.Writer++
	b := &holder{cachesync.NewEngine(retireCfg, self, part), t, lifeB, part}
	for millis := int64(10); millis < 400; millis += 20 {
		sweepAll(at(millis), a, b)
		deliverAll(at(millis), a, b)
	}
	a.wantVector("0000000000000201#1")
	b.wantVector("0000000000000201#1")
	if b.Stats().Retired != 1 {
		t.Errorf("want it to retire its earlier ID, have %d", b.Stats().Retired)
	}
}

// TestRetiredComesBack: whoever was taken for gone goes on under its next ID; when it
// has written meanwhile it begins anew, and what it alone had is lost.
func TestRetiredComesBack(t *testing.T) {
	for _, wrote := range []bool{false, true} {
		for _, stable := range []bool{false, true} {
			name := fmt.Sprintf("wrote %t, stable %t", wrote, stable)
			a, b, c := gone(t)
			last := int64(120)
			if stable {
				last = 300
			}
			for millis := int64(10); millis <= last; millis += 20 {
				sweepAll(at(millis), a, b)
				if stable {
					deliverAll(at(millis), a, b)
				}
			}
			deliverAll(at(last), a, b)
			if wrote {
				c.write(at(5), "late", set("late"))
			}
			for millis := last; millis < last+400; millis += 20 {
				announce(at(millis), a, b, c)
				settle(at(millis), a, b, c)
			}
			s := c.Stats()
			if wrote && (s.Rebuilt != 1 || s.Lost != 1) || !wrote && stable && s.Rebuilt > 1 {
				t.Errorf("%s: want it begun anew once, %d lost, have %+v", name, 1, s)
			}
			if c.Writer() == lifeC || c.Writer().Life() != lifeC {
				t.Errorf("%s: want another ID of the same life, have %v", name, c.Writer())
			}
			if a.Stats().Rebuilt+b.Stats().Rebuilt > 0 {
				t.Errorf("%s: want only who came back to begin anew", name)
			}
			d := c.write(at(last+500), "again", set("again"))
			a.takes(at(last+501), c, d)
			b.takes(at(last+501), c, d)
			for _, h := range []*holder{a, b} {
				if h.part.Entry("late") != nil || h.part.Entry("again") == nil {
					t.Errorf("%s: %v has %v", name, h.id, h.part.Keys())
				}
				h.wantSame(c, at(last+510))
			}
		}
	}
}

// TestRetiredLog: whoever lacks a retirement that is stable is given a snapshot, and
// the log keeps nothing that was written under the ID.
func TestRetiredLog(t *testing.T) {
	a, b, c := gone(t)
	for millis := int64(10); millis < 300; millis += 20 {
		sweepAll(at(millis), a, b)
		deliverAll(at(millis), a, b)
	}
	for _, key := range []string{"k", "l"} {
		if ds := a.History(key); len(ds) > 0 {
			t.Errorf("want nothing of %v in the log, have %v", c.id, ds)
		}
	}
	fresh := newHolder(t, 4*crdt.Lives, "us", retireCfg)
	announce(at(310), a, fresh)
	settle(at(310), a, fresh)
	settle(at(600), a, fresh)
	if fresh.Stats().Snapshots != 1 {
		t.Errorf("want a snapshot, have %+v", fresh.Stats())
	}
	fresh.wantVector("0000000000000100#1")
	fresh.wantSame(a, at(600))
	if !fresh.part.Covers(dot(lifeC, 2)) {
		t.Errorf("want it remembered what was retired, have %v", fresh.part.Snapshot().Ended)
	}
}

// TestFilledByTwo: whoever is filled by two holders, of which one has forgotten a
// retirement that the other's log had not come to, has done nothing wrong: it takes
// the state of the former and begins nothing anew.
func TestFilledByTwo(t *testing.T) {
	a, b, c := gone(t)
	log := append(c.History("k"), c.History("l")...)
	for millis := int64(10); millis < 300; millis += 20 {
		sweepAll(at(millis), a, b)
		deliverAll(at(millis), a, b)
	}
	fresh := newHolder(t, 4*crdt.Lives, "us", retireCfg)
	fresh.takes(at(305), b, log...)
	announce(at(310), a, fresh)
	settle(at(310), a, fresh)
	settle(at(600), a, fresh)
	if s := fresh.Stats(); s.Snapshots != 1 || s.Rebuilt+s.Lost+s.Refused > 0 || fresh.Writer() != fresh.id {
		t.Errorf("want one snapshot and the same writer, have %v and %+v", fresh.Writer(), s)
	}
	fresh.wantVector("0000000000000100#1")
	fresh.wantSame(a, at(600))
	b.takes(at(700), fresh, fresh.incr(at(700), "k"))
	b.wantSame(fresh, at(700))
}
