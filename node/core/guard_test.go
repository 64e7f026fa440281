package core

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// skewed makes a node's wall clock wrong by what skew says. Its monotonic clock goes
// on evenly.
func (w *world) skewed(skew *time.Duration) func(*Config) {
	return func(c *Config) {
		start := w.now
		c.Now = func() time.Time { return w.now.Add(*skew) }
		c.Mono = func() time.Duration { return w.now.Sub(start) }
	}
}

// writes returns what a node replies to a write in its own memory.
func (a *actor) writes(key string) string {
	return show(a.run(wire.Command{Args: []string{"SET", key, "v"}}))
}

// named reports whether a node names another one's clock as out of line.
func (a *actor) named(o *actor) bool {
	return slices.ContainsFunc(a.Clock().Named, func(p region.PeerClock) bool { return p.Peer == o.Replica() && p.OutOfLine })
}

// startSkewed runs nodes, the last of which has a clock that is wrong by skew.
func startSkewed(t *testing.T, n int, skew *time.Duration) *world {
	w := newWorld(t)
	none := time.Duration(0)
	for i := range n {
		s := &none
		if i == n-1 {
			s = skew
		}
		w.add("eu", fmt.Sprint("eu-", i+1), w.skewed(s))
	}
	w.until("all ready", w.areReady)
	w.pass(5 * time.Second)
	return w
}

// TestClockGuard: of three nodes the one whose clock is an hour off refuses writes
// and is named, the others do not; all go on answering. Mended, it writes again.
func TestClockGuard(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		skew := by
		w := startSkewed(t, 3, &skew)
		one, two, bad := w.nodes[0], w.nodes[1], w.nodes[2]
		if have := bad.writes("k"); !strings.HasPrefix(have, "error: CLOCKSKEW") {
			t.Errorf("off by %v: want the write refused with CLOCKSKEW, have %q", by, have)
		}
		if v := bad.Clock(); v.Standing != region.OutOfLine || (v.Offset > 0) != (by > 0) {
			t.Errorf("off by %v: want it to know, have %v: %v", by, v.Standing, v)
		}
		for _, a := range []*actor{one, two} {
			if v := a.Clock(); v.Standing != region.InLine || !a.named(bad) || len(v.Named) != 1 {
				t.Errorf("%s beside one that is off by %v: want it in line and the other one named, have %v, %v", a.cfg.Name, by, v.Standing, v.Named)
			}
			if offset, _, ok := a.Offset(region.Member{Replica: bad.Replica()}); !ok || (offset-by).Abs() > time.Second {
				t.Errorf("%s: want the other one's offset, %v, have %v, %t", a.cfg.Name, by, offset, ok)
			}
			a.setAll(keysOf(40)) // Those included that the bad one owns.
		}
		w.pass(time.Second)
		bad.wantAll(keysOf(40))
		if by < 0 {
			skew = 0 // Set forward: it takes that for having been frozen, and goes on.
		} else {
			// A clock never goes back in a life, so that this takes another one.
			bad.End()
			again := w.add("eu", "eu-3", nil)
			w.nodes = []*actor{one, two, again}
			bad = again
		}
		w.until("the mended node takes writes", func() bool { return bad.enters() == nil && bad.writes("k") == "OK" })
		w.until("nobody names it", func() bool { return !one.named(bad) && !two.named(bad) && bad.Clock().Standing == region.InLine })
		bad.setAll(keysOf(40))
	}
}

// TestTwoClocks: of two nodes nobody knows which one is wrong. Both write, and both
// say that their clocks differ.
func TestTwoClocks(t *testing.T) {
	skew := time.Hour
	w := startSkewed(t, 2, &skew)
	for _, a := range w.nodes {
		if have := a.writes("k"); have != "OK" {
			t.Errorf("%s: want the write taken, have %q", a.cfg.Name, have)
		}
		if v := a.Clock(); v.Standing != region.Undecided || len(v.Named) != 1 || v.Named[0].OutOfLine {
			t.Errorf("%s: want it undecided and the other one named as different, have %v, %v", a.cfg.Name, v.Standing, v.Named)
		}
	}
}

// TestStampsAhead: a node whose clock has been set back after it wrote makes no
// writes that others would not take, until its clock has come near.
func TestStampsAhead(t *testing.T) {
	skew := 2 * time.Second
	w := newWorld(t)
	a := w.add("eu", "eu-1", w.skewed(&skew))
	w.until("ready", w.areReady)
	if have := a.writes("k"); have != "OK" {
		t.Fatalf("want the write taken, have %q", have)
	}
	skew = 0
	if have := a.writes("k"); have != "error: "+errAhead.Text {
		t.Errorf("stamps 2 s ahead: want CLOCKSKEW, have %q", have)
	}
	a.want("v", "GET k")
	w.now = w.now.Add(1490 * time.Millisecond)
	if have := a.writes("k"); have != "error: "+errAhead.Text {
		t.Errorf("stamps 510 ms ahead: want CLOCKSKEW, have %q", have)
	}
	w.now = w.now.Add(10 * time.Millisecond)
	if have := a.writes("k"); have != "OK" {
		t.Errorf("stamps 500 ms ahead: want the write taken, have %q", have)
	}
}

// TestFormerHeartbeats: nodes of the former version say nothing of echoes, or of
// what they want.
func TestFormerHeartbeats(t *testing.T) {
	m := region.Member{Name: "eu-1", Region: "eu", Replica: 7 * crdt.Lives, State: region.StateReady, Started: 1, Beat: 2}
	echo := []region.Echo{{Peer: 9, Clock: 5, Held: time.Second}}
	for fields := range 3 {
		var e crdt.Encoder
		e.String(string(region.AppendMember(nil, m)))
		e.Int(1_700_000_000_000)
		e.String(string(region.AppendLinks(nil, nil)))
		e.Bool(true)
		if fields > 0 {
			e.String(string(region.AppendEchoes(nil, echo)))
		}
		if fields > 1 {
			e.Bool(true)
		}
		h, err := decodeHeartbeat(e.Append(nil, TagHeartbeat))
		if err != nil || h.member != m || h.clock != 1_700_000_000_000 || !h.leaving {
			t.Errorf("%d of the new fields: want it decoded, have %+v, %v", fields, h, err)
		}
		if (len(h.echoes) == 1) != (fields > 0) || h.wants != (fields > 1) {
			t.Errorf("%d of the new fields: have echoes %v, wants %t", fields, h.echoes, h.wants)
		}
	}
	w := newWorld(t)
	a := w.add("eu", "eu-2", nil)
	var e crdt.Encoder
	e.String(string(region.AppendMember(nil, m)))
	e.Int(w.now.UnixMilli())
	e.String(string(region.AppendLinks(nil, nil)))
	e.Bool(false)
	if err := a.Heard(e.Append(nil, TagHeartbeat)); err != nil {
		t.Fatal(err)
	}
	w.pass(10 * time.Millisecond)
	if _, known := a.Place().Named("eu", "eu-1"); !known {
		t.Error("a heartbeat of the former version: want its sender known")
	}
}
