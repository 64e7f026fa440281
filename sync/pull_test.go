package sync_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// asks lets time pass in small steps, tells nobody's answer, and returns who is
// asked.
func asks(h *holder, from, to int64, answer func(req *cachesync.Message, to crdt.ReplicaID) *cachesync.Message) (asked []crdt.ReplicaID) {
	for now := from; now <= to; now += 10 {
		req, peer := h.Tick(at(now))
		if req == nil {
			continue
		}
		asked = append(asked, peer)
		if answer == nil {
			continue
		}
		if m := answer(req, peer); m != nil {
			h.Receive(at(now), m)
		}
	}
	return asked
}

// TestPullWaitsForReordering: a gap that fills by itself is not pulled.
func TestPullWaitsForReordering(t *testing.T) {
	a, b := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{PullAfter: 100 * ms})
	first, second := a.incr(at(0), "k"), a.incr(at(0), "k")
	b.takes(at(0), a, second)
	b.Receive(at(0), a.heads("eu", at(0), dot(1, 2)))
	if asked := asks(b, 0, 90, nil); len(asked) > 0 {
		t.Errorf("a gap of 90 ms: want nobody asked, have %v", asked)
	}
	b.takes(at(95), a, first)
	if asked := asks(b, 100, 300, nil); len(asked) > 0 {
		t.Errorf("the gap is filled: want nobody asked, have %v", asked)
	}
}

// TestPullOwnRegionFirst: its bytes cost least.
func TestPullOwnRegionFirst(t *testing.T) {
	b := newHolder(t, 5, "eu", cachesync.Config{})
	for id, name := range map[crdt.ReplicaID]string{1: "us", 2: "ap", 7: "eu", 9: "us"} {
		peer := newHolder(t, id, name, cachesync.Config{})
		b.Receive(at(0), peer.heads(name, at(0), dot(1, 3)))
	}
	if asked := asks(b, 0, 200, nil); fmt.Sprint(short(asked)) != "[7]" {
		t.Errorf("want 7, of the own region, asked, have %v", short(asked))
	}
}

// TestPullOnlyWhoHasIt: a peer that lacks the same is not asked.
func TestPullOnlyWhoHasIt(t *testing.T) {
	b := newHolder(t, 5, "eu", cachesync.Config{})
	near, far := newHolder(t, 6, "eu", cachesync.Config{}), newHolder(t, 1, "us", cachesync.Config{})
	b.Receive(at(0), near.heads("eu", at(0)))
	b.Receive(at(0), far.heads("us", at(0), dot(1, 3)))
	if asked := asks(b, 0, 200, nil); short(asked) != "[1]" {
		t.Errorf("want 1, which has it, asked, have %v", short(asked))
	}
}

// TestPullPassesByTheSilent: of four that have it only the last answers. Every
// one is asked before any is asked again.
func TestPullPassesByTheSilent(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		good := newHolder(t, 9, "us", cachesync.Config{})
		d := good.incr(at(0), "k")
		b := newHolder(t, 5, "eu", cachesync.Config{PullTimeout: 100 * ms, PullAfter: 20 * ms})
		for id, name := range map[crdt.ReplicaID]string{1: "eu", 2: "eu", 3: "us", 9: "us"} {
			b.Receive(at(0), newHolder(t, id, name, cachesync.Config{}).heads(name, at(0), d.Dot))
		}
		asked := asks(b, 0, 1000, func(req *cachesync.Message, to crdt.ReplicaID) *cachesync.Message {
			switch {
			case to == good.id:
				return good.Receive(at(0), req)
			case refuse:
				return newHolder(t, to, "", cachesync.Config{}).message(cachesync.KindRefusal, "")
			}
			return nil
		})
		if short(asked) != "[1 2 3 9]" {
			t.Errorf("refusing %v: want 1, 2 and 3 asked once, then 9, have %v", refuse, short(asked))
		}
		b.wantVector("9#1")
		if timeouts := b.Stats().PullTimeouts; refuse == (timeouts > 0) {
			t.Errorf("refusing %v: have %d timeouts", refuse, timeouts)
		}
	}
}

// TestPullUnanswered: whoever carries requests says so when one has no answer: the
// next peer is asked, and it counts as a timeout. What has been answered, or was never
// asked, does not.
func TestPullUnanswered(t *testing.T) {
	good := newHolder(t, 9, "us", cachesync.Config{})
	d := good.incr(at(0), "k")
	b := newHolder(t, 5, "eu", cachesync.Config{PullTimeout: time.Minute, PullAfter: 20 * ms})
	for id, name := range map[crdt.ReplicaID]string{1: "eu", 2: "eu", 9: "us"} {
		b.Receive(at(0), newHolder(t, id, name, cachesync.Config{}).heads(name, at(0), d.Dot))
	}
	asked := asks(b, 0, 1000, func(req *cachesync.Message, to crdt.ReplicaID) *cachesync.Message {
		if to == good.id {
			return good.Receive(at(0), req)
		}
		b.Unanswered(at(0), to+1)
		b.Unanswered(at(0), to)
		b.Unanswered(at(0), to)
		return nil
	})
	b.Unanswered(at(1000), good.id)
	if short(asked) != "[1 2 9]" || b.Stats().PullTimeouts != 2 {
		t.Errorf("want 1 and 2 asked in vain, then 9, have %v and %d timeouts", short(asked), b.Stats().PullTimeouts)
	}
	b.wantVector("9#1")
}

// TestPullRefusedWaits: who has refused is not asked again at once.
func TestPullRefusedWaits(t *testing.T) {
	a, b := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{PullAfter: 100 * ms})
	b.Receive(at(0), a.heads("eu", at(0), dot(1, 1)))
	asked := asks(b, 0, 1000, func(*cachesync.Message, crdt.ReplicaID) *cachesync.Message {
		return a.message(cachesync.KindRefusal, "eu")
	})
	if len(asked) != 10 {
		t.Errorf("refused for 1 s: want it asked every 100 ms, have %d times", len(asked))
	}
}

// TestPullNotFromPausedRegion, not even what was under way; afterwards it is.
func TestPullNotFromPausedRegion(t *testing.T) {
	a := newHolder(t, 1, "us", cachesync.Config{})
	d := a.incr(at(0), "k")
	b := newHolder(t, 2, "eu", cachesync.Config{PullAfter: 20 * ms})
	heads := a.heads("us", at(0), d.Dot)
	b.Receive(at(0), heads)
	if asked := asks(b, 0, 50, nil); len(asked) != 1 {
		t.Fatalf("want a asked, have %v", asked)
	}
	b.Pause("us")
	late := a.message(cachesync.KindDeltas, "us")
	late.Deltas, late.Answer = []*crdt.Delta{d}, true
	b.Receive(at(60), late)
	b.wantVector("∅")
	if answer := b.Receive(at(60), a.message(cachesync.KindPull, "us")); answer == nil || answer.Kind != cachesync.KindDeltas {
		t.Errorf("a pull by a paused region: want it answered, the way there is open; have %v", answer)
	}
	if asked := asks(b, 60, 9000, nil); len(asked) != 0 {
		t.Errorf("paused: want nobody asked, have %v", asked)
	}
	if s := b.Stats(); s.Paused != 1 {
		t.Errorf("want 1 message counted as not taken, have %d", s.Paused)
	}
	b.Resume("us")
	if b.Heads(at(9000)) == nil {
		t.Error("resumed: want heads at once")
	}
	asks(b, 9010, 9100, func(req *cachesync.Message, _ crdt.ReplicaID) *cachesync.Message {
		m := a.Receive(at(0), req)
		m.Region = "us"
		return m
	})
	b.wantVector("1#1")
}

// TestPullDoesNotSpin: what is answered but cannot be applied yet is not asked
// for over and over.
func TestPullDoesNotSpin(t *testing.T) {
	a := newHolder(t, 1, "eu", cachesync.Config{})
	for range 5 {
		a.incr(at(60_000), "k") // by a clock that is a minute ahead
	}
	cfg := cachesync.DefaultConfig()
	b := newHolder(t, 2, "eu", cfg)
	b.Receive(at(0), a.heads("eu", at(0), dot(1, 5)))
	asked := asks(b, 0, 29_000, func(req *cachesync.Message, _ crdt.ReplicaID) *cachesync.Message { return a.Receive(at(0), req) })
	if most := 2 + int(29_000/cfg.PullTimeout.Milliseconds()); len(asked) > most {
		t.Errorf("29 s: want at most %d pulls, one in %v, have %d", most, cfg.PullTimeout, len(asked))
	}
	b.Tick(at(59_600))
	b.Receive(at(59_600), a.deltas(a.History("k")...))
	b.wantVector("1#5")
}

// TestPullContinues: an answer that is full is followed by the next at once.
func TestPullContinues(t *testing.T) {
	a, b := newHolder(t, 1, "eu", cachesync.Config{BatchBytes: 1}), newHolder(t, 2, "eu", cachesync.Config{})
	for range 20 {
		a.incr(at(0), "k")
	}
	b.Receive(at(0), a.heads("eu", at(0), dot(1, 20)))
	b.Tick(at(0))
	asked := settle(at(100), a, b)
	if len(asked) != 20 {
		t.Errorf("20 deltas, one a message: want 20 pulls at once, have %d", len(asked))
	}
	b.wantVector("1#20")
	b.wantSame(a, at(200))
}

// TestPullOthersWrites: any holder's log serves, the origin may be gone.
func TestPullOthersWrites(t *testing.T) {
	origin, relay, b := newHolder(t, 1, "us", cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{}), newHolder(t, 3, "eu", cachesync.Config{})
	relay.takes(at(0), origin, origin.incr(at(0), "k"), origin.incr(at(0), "l"))
	announce(at(1), relay, b)
	b.Tick(at(1))
	settle(at(200), relay, b)
	b.wantVector("1#2")
}

func TestPullAnswerIsLate(t *testing.T) {
	a := newHolder(t, 1, "eu", cachesync.Config{})
	d := a.incr(at(0), "k")
	b := newHolder(t, 2, "eu", cachesync.Config{PullAfter: 20 * ms, PullTimeout: 100 * ms})
	b.Receive(at(0), a.heads("eu", at(0), d.Dot))
	var answer *cachesync.Message
	asked := asks(b, 0, 1000, func(req *cachesync.Message, _ crdt.ReplicaID) *cachesync.Message {
		answer = a.Receive(at(0), req)
		return nil
	})
	if len(asked) != 10 {
		t.Errorf("a silent peer for 1 s: want it asked every 100 ms, have %d times", len(asked))
	}
	b.Receive(at(2000), answer)
	b.wantVector("1#1")
	if asked := asks(b, 2010, 3000, nil); len(asked) != 0 {
		t.Errorf("the late answer was all: want nobody asked, have %v", asked)
	}
}

// TestForget: the dead are not asked, and what only they had is not missed.
func TestForget(t *testing.T) {
	b := newHolder(t, 2, "eu", cachesync.Config{})
	b.Receive(at(0), newHolder(t, 1, "eu", cachesync.Config{}).heads("eu", at(0), dot(1, 3)))
	if asked := asks(b, 0, 200, nil); len(asked) != 1 {
		t.Fatalf("want one asked, have %v", asked)
	}
	b.Forget(1)
	if asked := asks(b, 210, 9000, nil); len(asked) != 0 || b.Behind() || len(b.Peers()) != 0 {
		t.Errorf("forgotten: want nobody asked or known, have %v, behind %v, %v", asked, b.Behind(), b.Peers())
	}
}

// TestPeersBound: at the bound one that has news stays.
func TestPeersBound(t *testing.T) {
	b := newHolder(t, 9, "eu", cachesync.Config{Peers: 2})
	hear := func(millis int64, id crdt.ReplicaID, v ...crdt.Dot) {
		b.Receive(at(millis), newHolder(t, id, "eu", cachesync.Config{}).heads("eu", at(millis), v...))
	}
	hear(0, 1, dot(1, 1))
	hear(1, 2)
	hear(2, 3)
	hear(3, 4)
	var ids []crdt.ReplicaID
	for _, p := range b.Peers() {
		ids = append(ids, p.Replica)
	}
	if !slices.Equal(ids, []crdt.ReplicaID{1, 4}) {
		t.Errorf("two peers at most: want 1, which has news, and the latest, 4, have %v", short(ids))
	}
}

// TestNewPeerHearsAtOnce, unless it is new only because peers had to be forgotten:
// replicas would announce to each other without end.
func TestNewPeerHearsAtOnce(t *testing.T) {
	b := newHolder(t, 9, "eu", cachesync.Config{Peers: 2})
	b.Heads(at(0))
	for i, want := range []bool{true, true, false, false, false} {
		id, now := crdt.ReplicaID(i%3+1), at(int64(10*i+10))
		b.Receive(now, newHolder(t, id, "eu", cachesync.Config{}).heads("eu", now))
		if have := b.Heads(now) != nil; have != want {
			t.Errorf("heads of %v, number %d, room for two peers: want heads at once %v, have %v", short(id), i+1, want, have)
		}
	}
}

func TestPeers(t *testing.T) {
	b := newHolder(t, 9, "eu", cachesync.Config{})
	b.incr(at(0), "k")
	b.Receive(at(5), newHolder(t, 2, "us", cachesync.Config{}).heads("us", at(5), dot(9, 1), dot(2, 1)))
	b.Receive(at(6), newHolder(t, 1, "eu", cachesync.Config{}).heads("eu", at(6)))
	want := []cachesync.Peer{
		{Replica: 1, Region: "eu", Heard: at(6), Clock: crdt.StampAt(at(6).UnixMilli()), Lags: true},
		{Replica: 2, Region: "us", Heard: at(5), Clock: crdt.StampAt(at(5).UnixMilli()), Behind: true, Vector: crdt.Vector{dot(9, 1), dot(2, 1)},
			Kept: crdt.Vector{dot(9, 1), dot(2, 1)}},
	}
	if have := b.Peers(); !reflect.DeepEqual(have, want) {
		t.Errorf("want %+v, have %+v", want, have)
	}
}

// TestStable takes each condition away in turn.
func TestStable(t *testing.T) {
	wanted := crdt.Vector{dot(1, 1)}
	for _, c := range []struct {
		what   string
		heads  func(p, q *holder) []*cachesync.Message
		stable bool
	}{
		{"both have it and said so later", func(p, q *holder) []*cachesync.Message {
			return []*cachesync.Message{p.heads("eu", at(20), dot(1, 1)), q.heads("us", at(20), dot(1, 1))}
		}, true},
		{"one was never heard", func(p, q *holder) []*cachesync.Message {
			return []*cachesync.Message{p.heads("eu", at(20), dot(1, 1))}
		}, false},
		{"one lacks it", func(p, q *holder) []*cachesync.Message {
			return []*cachesync.Message{p.heads("eu", at(20), dot(1, 1)), q.heads("us", at(20))}
		}, false},
		{"one said so too early", func(p, q *holder) []*cachesync.Message {
			return []*cachesync.Message{p.heads("eu", at(20), dot(1, 1)), q.heads("us", at(10), dot(1, 1))}
		}, false},
		{"one has what is missing here", func(p, q *holder) []*cachesync.Message {
			return []*cachesync.Message{p.heads("eu", at(20), dot(1, 1)), q.heads("us", at(20), dot(1, 1), dot(3, 1))}
		}, false},
		{"one holds back what is missing here", func(p, q *holder) []*cachesync.Message {
			m := q.heads("us", at(20), dot(1, 1))
			m.Held = crdt.Vector{dot(7, 4)}
			return []*cachesync.Message{p.heads("eu", at(20), dot(1, 1)), m}
		}, false},
		{"what one held back came to nothing", func(p, q *holder) []*cachesync.Message {
			m := q.heads("us", at(20), dot(1, 1))
			m.Held = crdt.Vector{dot(7, 4)}
			return []*cachesync.Message{p.heads("eu", at(20), dot(1, 1)), m, q.heads("us", at(30), dot(1, 1))}
		}, true},
		{"an older announcement, without what is held, comes late", func(p, q *holder) []*cachesync.Message {
			m := q.heads("us", at(30), dot(1, 1))
			m.Held = crdt.Vector{dot(7, 4)}
			return []*cachesync.Message{p.heads("eu", at(20), dot(1, 1)), m, q.heads("us", at(20), dot(1, 1))}
		}, false},
		{"the same, in the same millisecond", func(p, q *holder) []*cachesync.Message {
			m := q.heads("us", at(20), dot(1, 1))
			m.Held = crdt.Vector{dot(7, 4)}
			return []*cachesync.Message{p.heads("eu", at(20), dot(1, 1)), m, q.heads("us", at(20), dot(1, 1))}
		}, false},
	} {
		a, p, q := newHolder(t, 1, "eu", cachesync.Config{}), newHolder(t, 2, "eu", cachesync.Config{}), newHolder(t, 3, "us", cachesync.Config{})
		a.incr(at(0), "k")
		for _, m := range c.heads(p, q) {
			a.Receive(at(40), m)
		}
		after := crdt.StampAt(at(10).UnixMilli())
		if have := a.Stable(wanted, after, []crdt.ReplicaID{1, 2, 3}); have != c.stable {
			t.Errorf("%s: want stable %v, have %v", c.what, c.stable, have)
		}
	}
}
