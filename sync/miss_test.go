package sync_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// fillers are two regions in which fills are made.
type fillers struct {
	t    testing.TB
	a, b *holder
	now  int64
}

func newFillers(t testing.TB, cfg cachesync.Config) *fillers {
	t.Helper()
	cfg.AnnounceAfter, cfg.AnnounceEvery, cfg.PullAfter = ms, 100*ms, ms
	f := &fillers{t: t, a: newHolder(t, 0x100, "eu", cfg), b: newHolder(t, 0x200, "us", cfg), now: 1}
	if m, err := f.a.Miss(f.tick(), "k"); err != nil || m != (cachesync.Miss{}) {
		t.Fatalf("first miss: want neither a stamp nor a wait, have %+v, %v", m, err)
	}
	f.heal()
	f.heal()
	if stage, _ := f.b.part.Fills(); stage != crdt.FillsOpen {
		t.Fatalf("all have heard of fills: want them open, have %v", stage)
	}
	return f
}

func (f *fillers) tick() time.Time {
	f.now += 10
	return at(f.now)
}

// heal lets both tell each other all that they have, and forget what is stable.
func (f *fillers) heal() {
	for range 3 {
		now := f.tick()
		sweep(now, ids(f.a, f.b), f.a, f.b)
		settle(f.tick(), f.a, f.b)
	}
}

// miss returns the stamp that a key's miss at h is given.
func (f *fillers) miss(h *holder, key string) crdt.HLC {
	f.t.Helper()
	m, err := h.Miss(f.tick(), key)
	if err != nil || m.Stamp == 0 {
		f.t.Fatalf("miss of %s at %v: want a stamp, have %+v, %v", key, h.id, m, err)
	}
	return m.Stamp
}

// fill fills a key and reports whether that was taken.
func (f *fillers) fill(h *holder, key, value string, stamp crdt.HLC) bool {
	f.t.Helper()
	d, err := h.Fill(f.tick(), key, stamp, fillWith(value, stamp))
	if err != nil {
		f.t.Fatalf("fill of %s at %v: %v", key, h.id, err)
	}
	return d != nil
}

func fillWith(value string, stamp crdt.HLC) func(*crdt.Mutator) error {
	return func(m *crdt.Mutator) error {
		m.Fill(value, crdt.Never, stamp)
		return nil
	}
}

// want checks what a key shows at both, "-" for nothing.
func (f *fillers) want(what, want string) {
	f.t.Helper()
	for _, h := range []*holder{f.a, f.b} {
		have, ok := h.part.Entry("k").View(at(f.now).UnixMilli()).Get()
		if !ok {
			have = "-"
		}
		if have != want {
			f.t.Errorf("%s: at %v want %s, have %s", what, h.id, want, have)
		}
	}
}

// TestFillRaces: whatever is written to a key after a miss beats the fill, in the same
// region and in another, whichever of the two comes first where.
func TestFillRaces(t *testing.T) {
	commands := []struct {
		name string
		do   func(*crdt.Mutator) error
		want string // what the key shows then
	}{
		{"SET", set("new"), "new"},
		{"DEL", del, "-"},
		{"INVALIDATE", invalidate, "-"},
		{"INCR", incr(1), "1"},
		{"HSET", hset("f", "v"), "-"},
		{"SET and DEL", nil, "-"},
	}
	for _, c := range commands {
		run := func(f *fillers, h *holder) {
			if c.do == nil {
				h.write(f.tick(), "k", set("new"))
				h.write(f.tick(), "k", del)
				return
			}
			h.write(f.tick(), "k", c.do)
		}
		t.Run(c.name+" in the same region", func(t *testing.T) {
			f := newFillers(t, cachesync.Config{})
			stamp := f.miss(f.a, "k")
			run(f, f.a)
			if f.fill(f.a, "k", "stale", stamp) {
				t.Error("the fill was taken")
			}
			f.heal()
			f.want("after both", c.want)
		})
		t.Run(c.name+" in another region, heard before the fill", func(t *testing.T) {
			f := newFillers(t, cachesync.Config{})
			stamp := f.miss(f.a, "k")
			run(f, f.b)
			f.heal()
			if f.fill(f.a, "k", "stale", stamp) {
				t.Error("the fill was taken")
			}
			f.want("after both", c.want)
		})
		t.Run(c.name+" in another region, cut off", func(t *testing.T) {
			f := newFillers(t, cachesync.Config{})
			stamp := f.miss(f.a, "k")
			run(f, f.b)
			if !f.fill(f.a, "k", "stale", stamp) {
				t.Error("what is not known yet cannot refuse the fill")
			}
			f.heal()
			f.want("after both", c.want)
			f.heal()
			f.want("later", c.want)
		})
		t.Run(c.name+" in another region, after the fill and cut off", func(t *testing.T) {
			f := newFillers(t, cachesync.Config{})
			if stamp := f.miss(f.a, "k"); !f.fill(f.a, "k", "stale", stamp) {
				t.Error("the fill was not taken")
			}
			run(f, f.b)
			f.heal()
			f.want("after both", c.want)
		})
	}
}

// TestFillBarsAreForgotten: what is kept for fills goes when it is stable, and a fill that
// everybody has seen is a string as any other.
func TestFillBarsAreForgotten(t *testing.T) {
	f := newFillers(t, cachesync.Config{})
	f.b.write(f.tick(), "k", del)
	if f.b.part.Len() != 1 {
		t.Errorf("a DEL of what is not there: want it kept until it is stable, have %d entries", f.b.part.Len())
	}
	f.heal()
	f.heal()
	if n := f.a.part.Len() + f.b.part.Len(); n != 0 {
		t.Errorf("when all have seen a DEL want nothing left, have %d entries", n)
	}
	if !f.fill(f.a, "k", "v", f.miss(f.a, "k")) {
		t.Fatal("the fill was not taken")
	}
	f.heal()
	f.heal()
	f.want("a fill", "v")
	if w := f.a.part.Waiting(); w.Keys != 0 || !f.a.part.Entry("k").Plain(at(f.now).UnixMilli()) {
		t.Errorf("want the fill plain when all have seen it, have %+v", w)
	}
	f.b.write(f.tick(), "k", incr5)
	f.heal()
}

func incr5(m *crdt.Mutator) error {
	m.Set("5", crdt.Never)
	return nil
}

// TestConcurrentFills: of two the later miss counts.
func TestConcurrentFills(t *testing.T) {
	f := newFillers(t, cachesync.Config{})
	first := f.miss(f.a, "k")
	second := f.miss(f.b, "k")
	f.fill(f.b, "k", "later", second)
	f.fill(f.a, "k", "earlier", first)
	f.heal()
	f.want("two fills", "later")
}

// TestMissesAreShared: of several who find a key missing one loads it and the others
// wait; when that takes too long, the next one is let in, and both may fill.
func TestMissesAreShared(t *testing.T) {
	f := newFillers(t, cachesync.Config{FillLead: 100 * ms})
	stamp := f.miss(f.a, "k")
	m, err := f.a.Miss(f.tick(), "k")
	if err != nil || m.Stamp != 0 || m.Wait != 90*ms {
		t.Errorf("the second one: want to wait 90 ms, have %+v, %v", m, err)
	}
	f.now += 100
	if next := f.miss(f.a, "k"); next != stamp {
		t.Errorf("after the lead: want %v again, have %v", stamp, next)
	}
	if !f.fill(f.a, "k", "v", stamp) || f.fill(f.a, "k", "w", stamp) {
		t.Error("want the first of two fills taken, and no other")
	}
	f.heal()
	f.want("two fills of one miss", "v")
	if s := f.a.Stats(); s.Misses != 1 || s.MissesWaited != 1 || s.Fills != 1 || s.FillsRefused != 1 {
		t.Errorf("want one miss, one wait, one fill and one refused, have %+v", s)
	}
}

// TestMissesAreBounded: in number and in time, and nothing that was not given out is
// taken.
func TestMissesAreBounded(t *testing.T) {
	f := newFillers(t, cachesync.Config{Misses: 4, FillFor: time.Second})
	var stamps []crdt.HLC
	for i := range 6 {
		stamps = append(stamps, f.miss(f.a, fmt.Sprint(i)))
	}
	if n := f.a.Stats().MissesDropped; n != 2 {
		t.Errorf("six misses where four are remembered: want 2 dropped, have %d", n)
	}
	if f.fill(f.a, "0", "v", stamps[0]) || !f.fill(f.a, "5", "v", stamps[5]) {
		t.Error("want the oldest forgotten and the newest not")
	}
	if f.fill(f.a, "4", "v", stamps[3]) {
		t.Error("the stamp of another key was taken")
	}
	for what, c := range map[string]struct {
		stamp crdt.HLC
		after int64
		want  error
	}{
		"of the future": {crdt.StampAt(at(f.now + 60_000).UnixMilli()), 0, cachesync.ErrMissUnknown},
		"that is none":  {0, 0, cachesync.ErrMissOld},
		"too old":       {stamps[4], 1100, cachesync.ErrMissOld},
	} {
		if d, err := f.a.Fill(at(f.now+c.after), "4", c.stamp, fillWith("v", c.stamp)); d != nil || !errors.Is(err, c.want) {
			t.Errorf("a stamp %s: want %v, have %v, %v", what, c.want, d, err)
		}
	}
}

// TestFillsWaitForAll: no fill is made while a holder may not have heard of fills, for
// what it removes does not bar them.
func TestFillsWaitForAll(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: ms, AnnounceEvery: 100 * ms}
	a, b, c := newHolder(t, 0x100, "eu", cfg), newHolder(t, 0x200, "us", cfg), newHolder(t, 0x300, "ap", cfg)
	all := ids(a, b, c)
	for i := range int64(20) {
		if m, err := a.Miss(at(100*i), "k"); err != nil || m != (cachesync.Miss{}) {
			t.Fatalf("ap has not been heard of: want no stamp, have %+v, %v", m, err)
		}
		sweep(at(100*i+10), all, a, b)
		settle(at(100*i+20), a, b)
	}
	for i := int64(20); i < 24; i++ {
		sweep(at(100*i+10), all, a, b, c)
		settle(at(100*i+20), a, b, c)
	}
	if m, err := a.Miss(at(2500), "k"); err != nil || m.Stamp == 0 {
		t.Errorf("all have heard: want a stamp, have %+v, %v", m, err)
	}
	if d, _ := c.Write(at(2510), "k", 0, del); d == nil {
		t.Error("a DEL of what is not there: want it told, where fills are made")
	}
}

// TestNoFillsNoBars: where nobody uses fills nothing is told of them.
func TestNoFillsNoBars(t *testing.T) {
	h := newHolder(t, 1, "eu", cachesync.Config{})
	if d, err := h.Write(at(0), "k", 0, del); d != nil || err != nil {
		t.Errorf("DEL of what is not there: want no write, have %v, %v", d, err)
	}
	if d := h.write(at(1), "k", set("v")); len(d.Effects) != 2 {
		t.Errorf("SET: want two effects, have %+v", d.Effects)
	}
}

// TestFillsCoalesce: neighbours become one where fills are made as where they are not.
func TestFillsCoalesce(t *testing.T) {
	f := newFillers(t, cachesync.Config{})
	for _, c := range []struct {
		what   string
		a, b   func(*crdt.Mutator) error
		joined bool
	}{
		{"INCR INCR", incr(1), incr(2), true},
		{"SET SET", set("1"), set("2"), true},
		{"SET DEL", set("1"), del, true},
		{"DEL DEL of nothing", del, del, true},
		{"DEL SET", del, set("1"), true},
	} {
		key := c.what
		if c.what == "INCR INCR" {
			f.a.write(f.tick(), key, incr(1))
		}
		a, b := f.a.write(f.tick(), key, c.a), f.a.write(f.tick(), key, c.b)
		out := cachesync.Coalesce([]*crdt.Delta{a, b})
		if joined := len(out) == 1; joined != c.joined {
			t.Errorf("%s: want joined %v, have %v", c.what, c.joined, joined)
		}
		last := out[len(out)-1].Effects
		if last[len(last)-1].Op != crdt.EffectBar {
			t.Errorf("%s: want it to bar fills, have %+v", c.what, last)
		}
	}
	// A fill does not bar fills: what was before it stays said.
	f.a.write(f.tick(), "k", set("1"))
	removal := f.a.write(f.tick(), "k", del)
	stamp := f.miss(f.a, "k")
	d, err := f.a.Fill(f.tick(), "k", stamp, fillWith("v", stamp))
	if err != nil || d == nil {
		t.Fatalf("fill: %v, %v", d, err)
	}
	if out := cachesync.Coalesce([]*crdt.Delta{removal, d}); len(out) != 2 {
		t.Errorf("DEL and a fill: want both, have %+v", out)
	}
}

// TestMissesThatAreOverTakeNoRoom: of the misses that are remembered the oldest is
// forgotten at the bound, however many there have been of any key.
func TestMissesThatAreOverTakeNoRoom(t *testing.T) {
	f := newFillers(t, cachesync.Config{Misses: 2})
	oldest := f.miss(f.a, "oldest")
	for i := range 10 {
		if !f.fill(f.a, fmt.Sprint(i), "v", f.miss(f.a, fmt.Sprint(i))) {
			t.Errorf("miss %d of two that are remembered: want its fill taken", i)
		}
	}
	if n := f.a.Stats().MissesDropped; n != 0 {
		t.Errorf("never more than two at a time: want none dropped, have %d", n)
	}
	if !f.fill(f.a, "oldest", "v", oldest) {
		t.Error("want the oldest still remembered")
	}
}
