package node

import (
	"fmt"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// holder is a store with its engine and a clock that the test turns.
type holder struct {
	t      *testing.T
	now    time.Time
	store  store
	engine *cachesync.Engine
}

func newHolder(t *testing.T, id crdt.ReplicaID, region string) *holder {
	h := &holder{t: t, now: time.UnixMilli(1_000_000)}
	h.store = newStore(func() int64 { return h.now.UnixMilli() })
	h.engine = cachesync.NewEngine(cachesync.Config{}, cachesync.Identity{Replica: id, Region: region}, &h.store)
	return h
}

// write runs a command at the holder's time.
func (h *holder) write(key string, command func(*crdt.Mutator)) {
	h.t.Helper()
	_, err := h.engine.Write(h.now, key, 0, func(m *crdt.Mutator) error { command(m); return nil })
	if err != nil {
		h.t.Fatalf("write %s: %v", key, err)
	}
}

func (h *holder) shows(key string) bool { return h.store.Entry(key).View(h.now.UnixMilli()).Exists() }

// sweep sweeps; what is asked for is stable or not.
func (h *holder) sweep(stable bool) {
	h.store.sweep(func(crdt.Vector, crdt.HLC) bool { return stable })
}

// pass lets the time go on for both.
func pass(d time.Duration, hs ...*holder) {
	for _, h := range hs {
		h.now = h.now.Add(d)
	}
}

// send gives what a has written to b.
func send(a, b *holder) {
	for m := a.engine.Next(); m != nil; m = a.engine.Next() {
		b.engine.Receive(b.now, m)
	}
}

func at(h *holder, d time.Duration) int64 { return h.now.Add(d).UnixMilli() }

// checkSchedule checks that the schedule has so many keys, each once, and that
// the heap is one.
func checkSchedule(t *testing.T, s *store, want int) {
	t.Helper()
	if len(s.due) != want || len(s.scheduled) != want {
		t.Errorf("schedule: want %d keys, have %d in the queue and %d by key", want, len(s.due), len(s.scheduled))
	}
	for i, x := range s.due {
		if x.index != i || s.scheduled[x.key] != x {
			t.Errorf("schedule: %s is at %d and says %d", x.key, i, x.index)
		}
		if i > 0 && s.due.Less(i, (i-1)/2) {
			t.Errorf("schedule: %s at %d comes before its parent", x.key, i)
		}
	}
}

func TestStoreScheduleDoesNotGrow(t *testing.T) {
	h := newHolder(t, 1, "eu")
	h.write("k", func(m *crdt.Mutator) { m.Set("v", crdt.Never) })
	for i := range 1000 {
		h.write("k", func(m *crdt.Mutator) { m.Expire(at(h, time.Hour-time.Duration(i)*time.Second)) })
	}
	checkSchedule(t, &h.store, 1)
	for i := range 1000 {
		h.write("k", func(m *crdt.Mutator) { m.Expire(at(h, time.Hour+time.Duration(i)*time.Second)) })
	}
	checkSchedule(t, &h.store, 1)
	for i := range 50 {
		h.write(fmt.Sprint("k", i), func(m *crdt.Mutator) { m.Set("v", at(h, time.Duration(i*7%50)*time.Second+time.Hour)) })
	}
	checkSchedule(t, &h.store, 51)
	for i := range 50 {
		h.write(fmt.Sprint("k", i), func(m *crdt.Mutator) { m.Del() })
	}
	h.write("k", func(m *crdt.Mutator) { m.Persist() })
	checkSchedule(t, &h.store, 0)
}

func TestStoreHidesAtTheTimeAndForgetsWhenStable(t *testing.T) {
	h := newHolder(t, 1, "eu")
	h.write("k", func(m *crdt.Mutator) { m.Set("v", at(h, time.Second)) })
	pass(999*time.Millisecond, h)
	if h.sweep(true); !h.shows("k") || h.store.expired != 0 {
		t.Fatalf("a millisecond before its time: want k shown, have shown %t, expired %d", h.shows("k"), h.store.expired)
	}
	pass(time.Millisecond, h)
	if h.shows("k") {
		t.Error("at its time: want k hidden before any sweep")
	}
	h.sweep(false)
	h.sweep(false)
	if h.store.Entry("k") == nil || h.store.expired != 1 {
		t.Errorf("not stable: want k kept and counted once, have %v, %d", h.store.Entry("k"), h.store.expired)
	}
	h.sweep(true)
	if h.store.Entry("k") != nil || h.store.Bytes() != 0 || h.store.forgotten != 1 {
		t.Errorf("stable: want k forgotten, have %d bytes, %d forgotten", h.store.Bytes(), h.store.forgotten)
	}
	checkSchedule(t, &h.store, 0)
}

func TestStoreKeepsWhatIsTouchedAgain(t *testing.T) {
	h := newHolder(t, 1, "eu")
	h.write("k", func(m *crdt.Mutator) { m.Set("v", at(h, time.Second)) })
	pass(time.Second, h)
	h.sweep(false)
	h.write("k", func(m *crdt.Mutator) { m.Set("new", crdt.Never) })
	h.sweep(true)
	if !h.shows("k") {
		t.Error("set again while hidden: want k shown after what was hidden is stable")
	}
	if len(h.store.in) != 0 || len(h.store.cohorts) != 0 {
		t.Errorf("want nothing waiting, have %d keys in %d cohorts", len(h.store.in), len(h.store.cohorts))
	}
}

// TestStoreHiddenTwice: a key that showed again in between is forgotten when that
// is stable which the second hiding has seen, not the first.
func TestStoreHiddenTwice(t *testing.T) {
	h := newHolder(t, 1, "eu")
	for range 2 {
		h.write("k", func(m *crdt.Mutator) { m.Set("v", at(h, time.Second)) })
		pass(time.Second, h)
		h.sweep(false)
	}
	first := crdt.Vector{{Replica: 1, N: 1}}
	h.store.sweep(func(v crdt.Vector, _ crdt.HLC) bool { return first.CoversAll(v) })
	if h.store.Entry("k") == nil {
		t.Error("stable is what the first hiding has seen: want k kept")
	}
	if h.sweep(true); h.store.Entry("k") != nil {
		t.Error("all is stable: want k forgotten")
	}
}

// TestStoreRescue has a longer EXPIRE, written where the shorter one was not
// known, arrive after the key has been hidden (R7).
func TestStoreRescue(t *testing.T) {
	a, b := newHolder(t, 1, "eu"), newHolder(t, 2, "us")
	a.write("k", func(m *crdt.Mutator) { m.Set("v", crdt.Never) })
	send(a, b)
	a.write("k", func(m *crdt.Mutator) { m.Expire(at(a, time.Second)) })
	b.write("k", func(m *crdt.Mutator) { m.Expire(at(b, time.Minute)) })
	pass(2*time.Second, a, b)
	a.sweep(false)
	if a.shows("k") {
		t.Fatal("want k hidden at a")
	}
	send(b, a)
	send(a, b)
	a.sweep(true)
	if !a.shows("k") || !b.shows("k") {
		t.Errorf("want k rescued, have it shown at a %t, at b %t", a.shows("k"), b.shows("k"))
	}
	checkSchedule(t, &a.store, 1)
	pass(time.Minute, a, b)
	for _, h := range []*holder{a, b} {
		if h.shows("k") {
			t.Error("want k hidden at the longer time")
		}
		h.sweep(true)
		if h.store.Bytes() != 0 {
			t.Errorf("want nothing left, have %d bytes", h.store.Bytes())
		}
	}
}

// TestStorePassedExpiryIsNotScheduled has a field written elsewhere after the
// time at which the hash expired: it shows, and the expiry is over. It must not
// be looked at in every sweep for ever, before all others.
func TestStorePassedExpiryIsNotScheduled(t *testing.T) {
	a, b := newHolder(t, 1, "eu"), newHolder(t, 2, "us")
	set := func(field string) func(*crdt.Mutator) {
		return func(m *crdt.Mutator) {
			if _, err := m.HSet(field, "v"); err != nil {
				t.Fatal(err)
			}
		}
	}
	a.write("h", set("old"))
	send(a, b)
	a.write("h", func(m *crdt.Mutator) { m.Expire(at(a, time.Second)) })
	pass(2*time.Second, a, b)
	b.write("h", set("new"))
	send(b, a)
	send(a, b)
	for name, h := range map[string]*holder{"a": a, "b": b} {
		h.sweep(false)
		v := h.store.Entry("h").View(h.now.UnixMilli())
		if _, old := v.Field("old"); old || v.Len() != 1 {
			t.Errorf("%s: want only the new field, have %d", name, v.Len())
		}
		checkSchedule(t, &h.store, 0)
	}
}

func TestStoreLeavesNothing(t *testing.T) {
	for name, churn := range map[string]func(h *holder, i int){
		"deleted": func(h *holder, i int) {
			h.write("k", func(m *crdt.Mutator) { m.Set("v", crdt.Never) })
			h.write("k", func(m *crdt.Mutator) { m.Del() })
		},
		"expired": func(h *holder, i int) {
			h.write(fmt.Sprint(i), func(m *crdt.Mutator) { m.Set("v", at(h, time.Millisecond)) })
			pass(time.Second, h)
		},
		"counter": func(h *holder, i int) {
			h.write("n", func(m *crdt.Mutator) { _, _ = m.Incr(1) })
			h.write("n", func(m *crdt.Mutator) { m.Del() })
		},
		"hash counter": func(h *holder, i int) {
			h.write("n", func(m *crdt.Mutator) { _, _ = m.HIncr("f", 1) })
			h.write("n", func(m *crdt.Mutator) { _, _ = m.HDel("f") })
		},
	} {
		h := newHolder(t, 1, "eu")
		for i := range 300 {
			churn(h, i)
			h.sweep(i%10 == 0)
		}
		h.sweep(true)
		if h.store.Bytes() != 0 || h.store.Len() != 0 || len(h.store.in) != 0 || len(h.store.cohorts) != 0 || len(h.store.fresh) != 0 {
			t.Errorf("%s: want nothing left, have %d bytes, %d entries, %d keys in %d cohorts, %d fresh",
				name, h.store.Bytes(), h.store.Len(), len(h.store.in), len(h.store.cohorts), len(h.store.fresh))
		}
		checkSchedule(t, &h.store, 0)
	}
}

func TestStoreCohortsAreBounded(t *testing.T) {
	h := newHolder(t, 1, "eu")
	const keys = 3 * maxCohorts
	for i := range keys {
		h.write(fmt.Sprint(i), func(m *crdt.Mutator) { m.Set("v", at(h, time.Millisecond)) })
		pass(time.Second, h)
		h.sweep(false)
	}
	if len(h.store.cohorts) != maxCohorts || len(h.store.in) != keys {
		t.Errorf("want %d keys in %d cohorts, have %d in %d", keys, maxCohorts, len(h.store.in), len(h.store.cohorts))
	}
	last := h.store.cohorts[maxCohorts-1]
	if !last.vector.Equal(h.store.Vector()) {
		t.Errorf("the last cohort waits for %v, want all that its keys had seen: %v", last.vector, h.store.Vector())
	}
	h.write("0", func(m *crdt.Mutator) { m.Set("again", crdt.Never) })
	h.write(fmt.Sprint(keys-2), func(m *crdt.Mutator) { m.Set("again", crdt.Never) })
	h.sweep(true)
	if h.store.Len() != 2 || h.store.forgotten != keys-2 {
		t.Errorf("want the two set again left, have %d, %d forgotten", h.store.Len(), h.store.forgotten)
	}
}

// TestStoreSweepIsBounded: one sweep does not keep commands waiting for all that
// expires at the same moment, and the next ones do the rest.
func TestStoreSweepIsBounded(t *testing.T) {
	h := newHolder(t, 1, "eu")
	for i := range maxExpire + 10 {
		h.write(fmt.Sprint(i), func(m *crdt.Mutator) { m.Set("v", at(h, time.Second)) })
	}
	pass(time.Hour, h)
	h.sweep(false)
	if h.store.expired != maxExpire {
		t.Errorf("one sweep: want %d expired, have %d", maxExpire, h.store.expired)
	}
	h.sweep(false)
	if h.store.expired != maxExpire+10 {
		t.Errorf("two sweeps: want %d expired, have %d", maxExpire+10, h.store.expired)
	}
}
