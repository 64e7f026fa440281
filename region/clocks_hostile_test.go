package region

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
)

var oddClocks = []int64{math.MinInt64, math.MinInt64 + 1, -hour, -1, 0, 1, hour, crdt.MaxMillis - 1, crdt.MaxMillis, crdt.MaxMillis + 1, math.MaxInt64 - 1, math.MaxInt64}

// Whatever the clocks show, no sum overflows and nothing is blamed on whoever is
// right.
func TestClocksOddValues(t *testing.T) {
	for _, theirs := range oddClocks {
		s := newClockSim(t, ClockConfig{}, fixed(2*msec), 0, 0, 0)
		odd := func(c *Clocks, now Reading) {
			echoes := []Echo{{Peer: c.self, Clock: now.Wall}}
			c.Heard(4, theirs, echoes, now)
		}
		s.judged = func(n *simNode) { odd(n.clocks, s.reading(n)) }
		s.beats(10)
		for _, n := range s.nodes {
			if v := n.verdict; v.Standing != InLine || len(v.Named) != 1 || v.Named[0].Peer != 4 || !v.Named[0].OutOfLine {
				t.Errorf("a peer at %d: want it named and node %d in line, have %v: %v, %v", theirs, n.id, v.Standing, v, v.Named)
			} else if ahead := v.Named[0].Offset > 0; ahead != (theirs > simEpoch/msec) {
				t.Errorf("a peer at %d, of node %d: want ahead %v, have %v", theirs, n.id, !ahead, v.Named[0])
			}
		}
	}
	for _, mine := range oddClocks {
		c := newClocks(t, ClockConfig{})
		for i := range 10 {
			now := Reading{Wall: mine, Mono: time.Duration(i) * 500 * time.Millisecond}
			c.Beat(now)
			for id := range crdt.ReplicaID(3) {
				c.Heard(id+2, simEpoch/msec, []Echo{{Peer: 1, Clock: mine}}, now)
			}
			if v := c.Judge(now); v.Standing != OutOfLine || v.Majority != 3 || (v.Offset > 0) != (mine > simEpoch/msec) {
				t.Errorf("this node at %d, beat %d: want out of line, have %v: %v", mine, i, v.Standing, v)
			}
		}
	}
}

// Two clocks beyond all bounds at different ends do not agree because of it.
func TestClocksExtremesDoNotAgree(t *testing.T) {
	c := newClocks(t, ClockConfig{})
	now := Reading{Wall: simEpoch / msec}
	c.Beat(now)
	for i, clock := range []int64{math.MaxInt64, math.MinInt64, crdt.MaxMillis - 10*hour} {
		c.Heard(crdt.ReplicaID(i+2), clock, []Echo{{Peer: 1, Clock: now.Wall}}, now)
	}
	if v := c.Judge(now); v.Standing != Undecided || v.Peers != 3 || len(v.Named) != 3 {
		t.Errorf("want undecided among four, have %v: %v", v.Standing, v)
	}
}

func TestClocksRefuse(t *testing.T) {
	c := newClocks(t, ClockConfig{MaxPeers: 10})
	now := Reading{Wall: hour}
	c.Heard(0, hour, nil, now)
	c.Heard(1, hour, nil, now)
	if c.Len() != 0 {
		t.Errorf("nobody and the node itself: want no peers, have %d", c.Len())
	}
	for id := range crdt.ReplicaID(5000) {
		c.Heard(id+2, hour, nil, now)
	}
	if have := c.Stats().Refused; c.Len() != 10 || have != 4990 {
		t.Errorf("5000 peers: want 10 and 4990 refused, have %d and %d", c.Len(), have)
	}
	for range 5000 {
		now.Wall++
		now.Mono += time.Millisecond
		c.Beat(now)
		c.Heard(2, hour, []Echo{{Peer: 1, Clock: now.Wall}}, now)
	}
	if have := len(c.peers[0].samples); len(c.sent) != maxSent || have != c.cfg.Samples {
		t.Errorf("5000 beats: want %d sent and %d samples, have %d and %d", maxSent, c.cfg.Samples, len(c.sent), have)
	}

	before := c.Stats()
	recent := now.Wall
	now.Wall += 1000
	now.Mono += time.Second
	for _, test := range []struct {
		what string
		echo Echo
		want ClockStats // what is counted
	}{
		{"another's", Echo{Peer: 3, Clock: recent}, ClockStats{}},
		{"never sent", Echo{Peer: 1, Clock: recent + 1}, ClockStats{Unmatched: 1}},
		{"too long ago", Echo{Peer: 1, Clock: recent - maxSent}, ClockStats{Unmatched: 1}},
		{"from the future", Echo{Peer: 1, Clock: math.MaxInt64}, ClockStats{Unmatched: 1}},
		{"held for too long", Echo{Peer: 1, Clock: recent, Held: 1010 * time.Millisecond}, ClockStats{Absurd: 1}},
		{"held for ever", Echo{Peer: 1, Clock: recent, Held: math.MaxInt64}, ClockStats{Absurd: 1}},
		{"held for less than nothing", Echo{Peer: 1, Clock: recent, Held: math.MinInt64}, ClockStats{Absurd: 1}},
		{"good", Echo{Peer: 1, Clock: recent, Held: 990 * time.Millisecond}, ClockStats{Samples: 1}},
	} {
		c.Heard(2, hour, []Echo{test.echo}, now)
		have := c.Stats()
		have.Samples -= before.Samples
		if have.Refused, have.Jumps = 0, 0; have != test.want {
			t.Errorf("%s: want %+v, have %+v", test.what, test.want, have)
		}
		c.stats = before
	}
}

// Two heartbeats may show one clock: the echo is matched with the earlier, so that
// the range is wider than need be and not wrong.
func TestClocksSameClockTwice(t *testing.T) {
	c := newClocks(t, ClockConfig{})
	c.Beat(Reading{Wall: hour, Mono: 0})
	c.Beat(Reading{Wall: hour, Mono: 300 * time.Millisecond})
	now := Reading{Wall: hour + 100, Mono: 400 * time.Millisecond}
	// The peer is in line, and sent its heartbeat 399 ms ago.
	c.Heard(2, hour-299, []Echo{{Peer: 1, Clock: hour}}, now)
	if offset, within, ok := c.Offset(2, now); !ok || offset.Abs() > within {
		t.Errorf("want an offset that may be 0, have %v ±%v, %v", offset, within, ok)
	}
}

// FuzzClocks: whatever comes in whatever order, nothing panics, all is bounded,
// and the same again gives the same.
func FuzzClocks(f *testing.F) {
	f.Add([]byte("a heartbeat, an echo, a judgement, and so on and on"))
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255, 254, 253, 252, 127, 128, 129, 130})
	f.Fuzz(func(t *testing.T, b []byte) {
		one, two := newClocks(t, ClockConfig{MaxPeers: 4, Samples: 2}), newClocks(t, ClockConfig{MaxPeers: 4, Samples: 2})
		first := playClocks(one, b)
		if second := playClocks(two, b); first != second {
			t.Errorf("%x: want %s again, have %s", b, first, second)
		}
		if one.Len() > 4 || len(one.sent) > maxSent {
			t.Errorf("%x: %d peers, %d sent", b, one.Len(), len(one.sent))
		}
		for _, p := range one.peers {
			if len(p.samples) > 2 {
				t.Errorf("%x: %d samples", b, len(p.samples))
			}
		}
	})
}

// playClocks does what the bytes say and returns all verdicts.
func playClocks(c *Clocks, b []byte) string {
	var now Reading
	var out string
	for len(b) >= 10 {
		op, arg, n := b[0], b[1], int64(binary.BigEndian.Uint64(b[2:]))
		b = b[10:]
		switch op % 8 {
		case 0:
			now.Wall = n
		case 1:
			now.Wall = oddClocks[int(arg)%len(oddClocks)]
		case 2:
			now.Mono = time.Duration(n)
		case 3:
			now.Wall += int64(arg)
			now.Mono += time.Duration(arg) * time.Millisecond
		case 4:
			c.Beat(now)
		case 5:
			c.Heard(crdt.ReplicaID(arg%8), n, []Echo{{Peer: 1, Clock: now.Wall, Held: time.Duration(n)}}, now)
		case 6:
			c.Heard(crdt.ReplicaID(arg%8), oddClocks[int(arg)%len(oddClocks)], []Echo{{Peer: 1, Clock: now.Wall}}, now)
		case 7:
			v := c.Judge(now)
			out += v.String() + v.Standing.String() + showNamed(v) + ";"
		}
	}
	return out
}
