package sync_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// backedUp is a snapshot of a holder, with a stamp above all in it.
func backedUp(h *holder) *cachesync.Backup {
	return &cachesync.Backup{Snapshot: h.part.Snapshot(), Clock: h.Clock()}
}

func (h *holder) restores(millis int64, b *cachesync.Backup, want error) {
	h.t.Helper()
	before := fmt.Sprint(h.Vector())
	for what, have := range map[string]error{"MayTake": h.MayTake(at(millis), b), "TakeIn": h.TakeIn(at(millis), b)} {
		if !errors.Is(have, want) || want == nil && have != nil {
			h.t.Errorf("%s: want %v, have %v", what, want, have)
		}
	}
	if want != nil && fmt.Sprint(h.Vector()) != before {
		h.t.Errorf("refused: want nothing changed, have %v, then %v", before, h.Vector())
	}
}

// TestTakeInBackup: what was removed or replaced since does not come back; what is not
// known comes, and goes on to peers.
func TestTakeInBackup(t *testing.T) {
	a, b := newHolder(t, 0x100, "eu", cachesync.Config{}), newHolder(t, 0x200, "us", cachesync.Config{})
	for _, key := range []string{"kept", "removed", "replaced", "invalidated"} {
		a.write(at(0), key, set("old"))
	}
	s := backedUp(a)
	a.write(at(1), "removed", del)
	a.write(at(1), "replaced", set("new"))
	a.write(at(1), "invalidated", invalidate)
	want := live(a.part, at(10))
	a.restores(10, s, nil)
	if have := live(a.part, at(10)); string(have) != string(want) {
		t.Error("a state that it had seen: want nothing changed")
	}
	b.incr(at(2), "own")
	b.restores(10, s, nil)
	if v, ok := b.part.Entry("removed").View(at(10).UnixMilli()).Get(); v != "old" || !ok {
		t.Errorf("where nothing was removed: want it, have %q", v)
	}
	c := newHolder(t, 0x300, "ap", cachesync.Config{})
	for i := range int64(10) {
		announce(at(20+1000*i), a, b, c)
		settle(at(500+1000*i), a, b, c)
	}
	b.wantSame(a, at(10_000))
	c.wantSame(a, at(10_000))
	if v, ok := c.part.Entry("removed").View(at(10_000).UnixMilli()).Get(); ok {
		t.Errorf("once they have met who removed it: want nothing, have %q", v)
	}
	if d := b.incr(at(2), "own"); d.Stamp <= s.Clock {
		t.Errorf("the next write: want a stamp above %v, have %v", s.Clock, d.Stamp)
	}
}

// TestBackupRefused: where something was forgotten that a backup has not seen, where it
// is of the future, or says what its own life has not written, nothing changes.
func TestBackupRefused(t *testing.T) {
	a := newHolder(t, 0x100, "eu", cachesync.Config{})
	a.write(at(0), "k", set("old"))
	s := backedUp(a)

	b := newHolder(t, 0x200, "us", cachesync.Config{})
	b.write(at(1), "k", invalidate)
	b.restores(5, s, nil) // Its cut is still here, and hides the key.
	if v, ok := b.part.Entry("k").View(at(5).UnixMilli()).Get(); ok {
		t.Errorf("invalidated later: want nothing, have %q", v)
	}

	c := newHolder(t, 0x300, "us", cachesync.Config{})
	c.write(at(1), "k", invalidate)
	c.Sweep(at(10), ids(c))
	c.Sweep(at(20), ids(c))
	if c.part.Horizon().IsZero() {
		t.Fatal("nothing was forgotten: nothing is tested")
	}
	c.restores(30, s, crdt.ErrOldNews)
	// One that has nothing new has nothing to be refused for.
	c.restores(40, backedUp(c), nil)

	d := newHolder(t, 0x400, "us", cachesync.Config{})
	d.restores(-600, s, cachesync.ErrFuture)
	d.restores(0, &cachesync.Backup{Snapshot: s.Snapshot, Clock: s.Clock - 1}, cachesync.ErrMessage)
	forgot := *s.Snapshot
	forgot.Horizon.Stamp = crdt.StampAt(at(60_000).UnixMilli())
	d.restores(0, &cachesync.Backup{Snapshot: &forgot, Clock: s.Clock}, cachesync.ErrFuture)
	// What is unmet where it was made: nothing of it is joined with what has that.
	d.incr(at(1), "own")
	d.restores(10, &cachesync.Backup{Snapshot: s.Snapshot, Clock: s.Clock, Unmet: d.Vector().Clone()}, crdt.ErrBehind)

	again := newHolder(t, 0x100, "eu", cachesync.Config{})
	again.restores(10, s, cachesync.ErrOwnNews)
	if again.incr(at(11), "k"); len(again.Vector()) != 1 {
		t.Errorf("want its own write alone, have %v", again.Vector())
	}
}

// TestBackupOfLaterState: a holder all of whose writes a backup has seen takes it in
// place of what it has, though it has not seen what had been forgotten there.
func TestBackupOfLaterState(t *testing.T) {
	a, b := newHolder(t, 0x100, "eu", cachesync.Config{}), newHolder(t, 0x200, "us", cachesync.Config{})
	first := a.write(at(0), "k", set("old"))
	b.takes(at(1), a, first)
	a.write(at(1), "k", invalidate)
	a.write(at(2), "l", set("new"))
	a.Sweep(at(10), ids(a))
	a.Sweep(at(20), ids(a))
	s := backedUp(a)
	if s.Snapshot.Horizon.IsZero() {
		t.Fatal("nothing was forgotten: nothing is tested")
	}
	b.restores(30, s, nil)
	b.wantSame(a, at(30).Add(time.Second))
	if want := (crdt.Vector{dot(0x100, 3)}); !b.Vector().Equal(want) {
		t.Errorf("want %v, have %v", want, b.Vector())
	}
}
