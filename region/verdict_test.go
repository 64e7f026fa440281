package region

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestMajorities(t *testing.T) {
	for _, test := range []struct {
		windows, want []span
	}{
		{[]span{{0, 0}}, []span{{0, 0}}},
		{[]span{{0, 5}, {5, 9}}, []span{{5, 5}}},
		{[]span{{0, 5}, {6, 9}}, nil},
		{[]span{{0, 5}, {6, 9}, {5, 6}}, []span{{5, 6}}},
		{[]span{{0, 9}, {2, 3}, {6, 7}}, []span{{2, 3}, {6, 7}}},
		{[]span{{0, 9}, {2, 3}, {4, 7}}, []span{{2, 7}}},
		{[]span{{0, 9}, {4, 7}, {2, 3}}, []span{{2, 7}}},
		{[]span{{0, 1}, {2, 3}, {4, 5}}, nil},
		{[]span{{2, 3}, {0, 1}, {4, 5}, {6, 7}}, nil},
		{[]span{{-9, -5}, {-6, 0}, {-5, 2}, {-7, -5}}, []span{{-6, -5}}},
		{[]span{{0, 1}, {0, 1}, {2, 3}, {2, 3}}, nil},
		{[]span{{2, 3}, {2, 3}, {0, 1}, {0, 1}, {0, 3}}, []span{{0, 3}}},
	} {
		if have := majorities(test.windows); !slices.Equal(have, test.want) {
			t.Errorf("%v: want %v, have %v", test.windows, test.want, have)
		}
	}
}

// What the samples of a peer say together: from the newest back to the first that
// contradicts, is too old, or was made before this node's clock was set.
func TestClocksSpan(t *testing.T) {
	now := Reading{Wall: hour, Mono: 100 * time.Second}
	at := func(lo, hi, ago, moved int64) sample {
		return sample{span{lo, hi}, now.skew() - moved, now.mono() - ago}
	}
	for _, test := range []struct {
		samples []sample // oldest first
		want    span
		have    evidence
	}{
		{nil, span{}, none},
		{[]sample{at(0, 10, 0, 0)}, span{0, 10}, compared},
		{[]sample{at(3, 20, 9, 0), at(0, 10, 0, 0)}, span{3, 10}, compared},
		{[]sample{at(0, 10, 9, 0), at(3, 20, 0, 0)}, span{3, 10}, compared},
		{[]sample{at(10, 10, 9, 0), at(0, 10, 0, 0)}, span{10, 10}, compared},
		{[]sample{at(3, 10, 9, 0), at(11, 20, 0, 0)}, span{11, 20}, compared},
		{[]sample{at(90, 200, 9, 0), at(1000, 1000, 5, 0), at(0, 100, 0, 0)}, span{0, 100}, compared},
		{[]sample{at(3, 10, 60_000, 0)}, span{3, 10}, compared},
		{[]sample{at(3, 10, 60_001, 0)}, span{}, none},
		{[]sample{at(5, 10, 60_001, 0), at(0, 10, 60_000, 0)}, span{0, 10}, compared},
		{[]sample{at(0, 10, 9, 100)}, span{-100, 10}, compared},
		{[]sample{at(0, 10, 9, -100)}, span{0, 110}, compared},
		{[]sample{at(0, 10, 9, 500)}, span{-500, 10}, compared},
		{[]sample{at(0, 10, 9, 501)}, span{}, outdated},
		{[]sample{at(0, 10, 9, -501)}, span{}, outdated},
		{[]sample{at(0, 10, 60_001, -501)}, span{}, none},
		{[]sample{at(5, 10, 9, hour), at(0, 10, 0, 0)}, span{0, 10}, compared},
		{[]sample{at(5, 10, 9, 0), at(0, 10, 0, hour)}, span{}, outdated},
	} {
		c := newClocks(t, ClockConfig{})
		s, have := c.span(&peerClock{samples: test.samples}, now)
		if s != test.want || have != test.have {
			t.Errorf("%v: want %v, %d; have %v, %d", test.samples, test.want, test.have, s, have)
		}
	}
}

// In line again only after enough judgements in a row, each on something new.
func TestLine(t *testing.T) {
	for _, test := range []struct {
		standings string // o, i, d and u for out, in, doubt and unjudged; upper case: with news
		want      string // ! where out
	}{
		{"IIII", "----"},
		{"DDIU", "----"},
		{"OIII", "!!!-"},
		{"oIiIiI", "!!!!!-"},
		{"OIIOIII", "!!!!!!-"},
		{"OIIoIII", "!!!!!!-"},
		{"OIIDIII", "!!!!!!-"},
		{"OIIdIII", "!!!!!!-"},
		{"OU", "!-"},
		{"Ou", "!-"},
		{"OIIUO", "!!!-!"},
		{"IIOIII", "--!!!-"},
	} {
		var l line
		have := ""
		for _, r := range test.standings {
			s := map[rune]Standing{'o': OutOfLine, 'i': InLine, 'd': Undecided, 'u': Unjudged}[r|0x20]
			l.follow(s, r < 'a', 3)
			have += map[bool]string{true: "!", false: "-"}[l.out]
		}
		check(t, test.standings, test.want, have)
	}
}

// A peer that could not be compared for MaxAge starts anew.
func TestClocksNameAnew(t *testing.T) {
	s := newClockSim(t, ClockConfig{}, fixed(2*msec), 0, 0, hour)
	s.beats(20)
	me, now := s.nodes[0], s.reading(s.nodes[0])
	for range 130 {
		// The others are heard, and echo nothing.
		now.Wall += 500
		now.Mono += 500 * time.Millisecond
		me.clocks.Beat(now)
		me.clocks.Heard(2, now.Wall, nil, now)
		me.clocks.Heard(3, now.Wall+hour, nil, now)
	}
	v := me.clocks.Judge(now)
	check(t, "no echoes", "unjudged", v.Standing.String()+showNamed(v))
	for _, peer := range s.nodes[1:] {
		me.clocks.Heard(peer.id, now.Wall, []Echo{{Peer: 1, Clock: now.Wall}}, now)
	}
	v = me.clocks.Judge(now)
	check(t, "mended meanwhile", "in line", v.Standing.String()+showNamed(v))
}

func TestDurationSaturates(t *testing.T) {
	for millis, want := range map[int64]string{
		0: "0s", -1500: "-1.5s", 1 << 48: "2562047h47m16.854s", -(1 << 48): "-2562047h47m16.854s",
	} {
		check(t, fmt.Sprint(millis), want, duration(millis).String())
	}
}
