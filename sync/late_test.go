package sync_test

import (
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// TestLateLeavesNobodyOut: who lacks what another within reach has announced waits for
// that before it leaves anybody out for the bytes that wait; not for ever, and not for
// what nobody within reach has.
func TestLateLeavesNobodyOut(t *testing.T) {
	for name, c := range map[string]struct {
		announced, paused bool
		cfg               cachesync.Config
		want              int // who is left out
	}{
		"nothing lacks":              {cfg: cachesync.Config{}, want: 2},
		"announced and lacking":      {announced: true, cfg: cachesync.Config{}, want: 0},
		"from a paused region":       {announced: true, paused: true, cfg: cachesync.Config{}, want: 2},
		"beyond the longest horizon": {announced: true, cfg: cachesync.Config{HorizonFor: 500 * ms}, want: 2},
	} {
		cfg := c.cfg
		cfg.AnnounceAfter, cfg.AnnounceEvery, cfg.HorizonLeast, cfg.HorizonBytes = ms, 100*ms, 200*ms, 1
		a, b, away := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg), newHolder(t, 0x300, "ap", cfg)
		all := ids(a, b, away)
		a.write(at(0), "k", set("v"))
		a.write(at(1), "k", invalidate)
		if c.paused {
			a.Pause("us")
		}
		if c.announced {
			b.write(at(2), "other", set("w"))
		}
		for i := range int64(10) {
			now := at(10 + 100*i)
			a.Receive(now, b.Heads(now))
			a.Sweep(now, all)
		}
		if have := a.Stats().LeftOut; have != c.want {
			t.Errorf("%s: want %d left out, have %d", name, c.want, have)
		}
	}
}

// TestLeftOutAndMistaken: who has left out a holder has not seen what that had written
// last, and forgets what counts again by it. A later state of the same history, in
// which it has not been forgotten, takes its place.
func TestLeftOutAndMistaken(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms, HorizonFor: time.Second, LogBytes: 1, PullTimeout: 50 * ms}
	a, b, c := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg), newHolder(t, 0x300, "ap", cfg)
	all := ids(a, b, c)
	endless := b.write(at(0), "k", set("endless"))
	mortal := c.write(at(1), "k", func(m *crdt.Mutator) error {
		m.Set("mortal", at(10_000).UnixMilli())
		return nil
	})
	a.takes(at(2), b, endless)
	a.takes(at(2), c, mortal)
	removed := b.write(at(3), "k", func(m *crdt.Mutator) error { m.Del(); return nil })
	c.takes(at(4), b, endless, removed)
	for i := range int64(20) {
		a.Sweep(at(10+100*i), all)
	}
	if e := a.part.Entry("k"); a.Stats().LeftOut != 2 || e.ExpireAt() != crdt.Never || len(e.Expiries()) != 0 {
		t.Fatalf("want the expiry that did not count forgotten, have %+v, %v", a.Stats(), e.Expiries())
	}
	for i := range int64(10) {
		announce(at(3000+100*i), a, c)
		settle(at(3000+100*i), a, c)
	}
	if have := a.part.Entry("k").ExpireAt(); have != at(10_000).UnixMilli() {
		t.Errorf("want what is left of the key to expire, have %v", have)
	}
	if s := a.Stats(); s.Rebuilt+s.Lost > 0 {
		t.Errorf("want nothing begun anew, have %+v", s)
	}
	a.wantSame(c, at(11_000))
}
