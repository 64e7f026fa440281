package region

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
)

const hour = 3_600_000 // milliseconds

// set sets nodes' wall clocks by some milliseconds.
func (s *clockSim) set(by int64, nodes ...int) {
	for _, n := range nodes {
		s.nodes[n-1].err += by * msec
	}
}

func TestClocksSituations(t *testing.T) {
	wan := func(from, to int) int64 { return int64(40+(from*37+to*61)%110) * msec }
	lopsided := func(from, to int) int64 { return int64(20+440*min(from, 1)) * msec }
	for _, test := range []struct {
		name  string
		errs  []int64 // milliseconds
		delay func(from, to int) int64
		then  func(s *clockSim) // after 10 s, with 10 s to follow
		want  string
	}{
		{name: "alone", errs: []int64{hour}, want: "1 unjudged"},
		{name: "alone, set", errs: []int64{0}, then: func(s *clockSim) { s.set(hour, 1) }, want: "1 unjudged"},
		{name: "two in line", errs: []int64{0, 400}, want: "1 in line; 2 in line"},
		{name: "two, who knows which is wrong", errs: []int64{0, hour}, want: "1 undecided, names 2; 2 undecided, names 1"},
		{name: "two, one set while running", errs: []int64{0, 0}, then: func(s *clockSim) { s.set(hour, 1) },
			want: "1 out of line, names 2; 2 undecided, names 1"},
		{name: "two, one set back while running", errs: []int64{0, 0}, then: func(s *clockSim) { s.set(-hour, 2) },
			want: "1 undecided, names 2; 2 out of line, names 1"},
		{name: "two, one mended while running", errs: []int64{hour, 0}, then: func(s *clockSim) { s.set(-hour, 1) },
			want: "1 in line; 2 in line"},
		{name: "two, one set in a jam that hides it", errs: []int64{0, 0}, delay: fixed(3 * sec), then: func(s *clockSim) { s.set(2000, 1) },
			want: "1 in line; 2 in line"},
		{name: "two, one set in a jam that is over", errs: []int64{0, 0}, delay: fixed(3 * sec),
			then: func(s *clockSim) { s.set(2000, 1); s.beats(30); s.delay = fixed(2 * msec) },
			want: "1 out of line, names 2; 2 undecided, names 1"},
		{name: "two, both set", errs: []int64{0, 0}, then: func(s *clockSim) { s.set(hour, 1, 2) }, want: "1 in line; 2 in line"},
		{name: "two, one set by less than the bound", errs: []int64{-100, 300}, then: func(s *clockSim) { s.set(490, 1) },
			want: "1 in line; 2 in line"},
		{name: "three, an hour ahead", errs: []int64{0, 100, hour}, delay: wan,
			want: "1 in line, names 3!; 2 in line, names 3!; 3 out of line, names 1 2"},
		{name: "three, an hour behind", errs: []int64{-hour, 0, 100}, delay: wan,
			want: "1 out of line, names 2 3; 2 in line, names 1!; 3 in line, names 1!"},
		{name: "three, a year ahead", errs: []int64{0, 0, 365 * 24 * hour}, delay: wan,
			want: "1 in line, names 3!; 2 in line, names 3!; 3 out of line, names 1 2"},
		{name: "three, just within the bound", errs: []int64{0, 0, 490}, want: "1 in line; 2 in line; 3 in line"},
		{name: "three, just beyond the bound", errs: []int64{0, 0, 515},
			want: "1 in line, names 3!; 2 in line, names 3!; 3 out of line, names 1 2"},
		{name: "three, set while running", errs: []int64{0, 0, 0}, then: func(s *clockSim) { s.set(-hour, 2) },
			want: "1 in line, names 2!; 2 out of line, names 1 3; 3 in line, names 2!"},
		{name: "three, set and mended", errs: []int64{0, 0, 0}, then: func(s *clockSim) { s.set(hour, 3); s.beats(10); s.set(-hour, 3) },
			want: "1 in line; 2 in line; 3 in line"},
		{name: "three, all apart", errs: []int64{0, hour, 2 * hour},
			want: "1 undecided, names 2 3; 2 undecided, names 1 3; 3 undecided, names 1 2"},
		{name: "three, the majority mended", errs: []int64{0, hour, hour}, then: func(s *clockSim) { s.set(-hour, 2, 3) },
			want: "1 in line; 2 in line; 3 in line"},
		{name: "three, lopsided ways", errs: []int64{0, 300, 500}, delay: lopsided, want: "1 in line; 2 in line; 3 in line"},
		{name: "three, one drifting", errs: []int64{0, 0, 0}, then: func(s *clockSim) { s.nodes[1].drift = 5000; s.run(300 * sec) },
			want: "1 in line, names 2!; 2 out of line, names 1 3; 3 in line, names 2!"},
		{name: "three, one standing still", errs: []int64{0, 0, 0}, then: func(s *clockSim) { s.nodes[1].drift = -1e6; s.run(100 * sec) },
			want: "1 in line, names 2!; 2 out of line; 3 in line, names 2!"},
		{name: "three, one silent", errs: []int64{0, hour, 0}, then: func(s *clockSim) { s.nodes[2].stopped = true },
			want: "1 in line, names 2!; 2 out of line, names 1 3"},
		{name: "four, half wrong", errs: []int64{0, 0, hour, hour},
			want: "1 undecided, names 3 4; 2 undecided, names 3 4; 3 undecided, names 1 2; 4 undecided, names 1 2"},
		{name: "four, half set while running", errs: []int64{0, 0, 0, 0}, then: func(s *clockSim) { s.set(hour, 3, 4) },
			want: "1 undecided, names 3 4; 2 undecided, names 3 4; 3 out of line, names 1 2; 4 out of line, names 1 2"},
		{name: "five, two wrong together", errs: []int64{0, -hour, 50, -hour, 100}, delay: wan,
			want: "1 in line, names 2! 4!; 2 out of line, names 1 3 4! 5; 3 in line, names 2! 4!; 4 out of line, names 1 2! 3 5; 5 in line, names 2! 4!"},
		{name: "five, two wrong apart", errs: []int64{0, -hour, 50, hour, 100}, delay: wan,
			want: "1 in line, names 2! 4!; 2 out of line, names 1 3 4! 5; 3 in line, names 2! 4!; 4 out of line, names 1 2! 3 5; 5 in line, names 2! 4!"},
		{name: "five, three wrong together are believed", errs: []int64{0, hour, 0, hour, hour},
			want: "1 out of line, names 2 3! 4 5; 2 in line, names 1! 3!; 3 out of line, names 1! 2 4 5; 4 in line, names 1! 3!; 5 in line, names 1! 3!"},
		{name: "nine, four wrong", errs: []int64{hour, 0, hour, 0, hour, 0, hour, 0, 0},
			want: "1 out of line, names 2 3! 4 5! 6 7! 8 9; 2 in line, names 1! 3! 5! 7!; 3 out of line, names 1! 2 4 5! 6 7! 8 9; " +
				"4 in line, names 1! 3! 5! 7!; 5 out of line, names 1! 2 3! 4 6 7! 8 9; 6 in line, names 1! 3! 5! 7!; " +
				"7 out of line, names 1! 2 3! 4 5! 6 8 9; 8 in line, names 1! 3! 5! 7!; 9 in line, names 1! 3! 5! 7!"},
	} {
		if test.delay == nil {
			test.delay = fixed(2 * msec)
		}
		s := newClockSim(t, ClockConfig{}, test.delay, test.errs...)
		s.beats(20)
		if test.then != nil {
			test.then(s)
			s.beats(20)
		}
		check(t, test.name, test.want, s.show())
	}
}

// What a node says of itself: by how much, against how many, how exactly.
func TestClocksVerdict(t *testing.T) {
	s := newClockSim(t, ClockConfig{}, fixed(20*msec), 0, 100, hour, -200)
	s.beats(20)
	v := s.nodes[2].verdict
	if v.Offset < time.Hour-100*time.Millisecond || v.Offset > time.Hour+200*time.Millisecond || v.Uncertainty > 30*time.Millisecond {
		t.Errorf("an hour ahead: want an hour ±30ms, have %v ±%v", v.Offset, v.Uncertainty)
	}
	if v.Peers != 3 || v.Majority != 3 || v.Jump != 0 || v.Settling {
		t.Errorf("an hour ahead: want 3 of 3 against, have %+v", v)
	}
	if have, want := v.String(), fmt.Sprintf("%v ahead of 3 of 3 peers, ±%v", v.Offset, v.Uncertainty); have != want {
		t.Errorf("an hour ahead: want %q, have %q", want, have)
	}
	s.set(-2*hour, 3)
	s.beats(5)
	if v = s.nodes[2].verdict; v.Offset > -time.Hour+200*time.Millisecond || v.Jump.Round(time.Second) != -2*time.Hour || !strings.Contains(v.String(), " behind 3 of 3 peers") {
		t.Errorf("set back by two hours: have %+v, %v", v, v)
	}
}

// The offset shown is against those who are in line.
func TestClocksOffsetIsAgainstTheMajority(t *testing.T) {
	s := newClockSim(t, ClockConfig{}, fixed(20*msec), 0, 100, -100, hour, hour)
	s.beats(20)
	if v := s.nodes[0].verdict; v.Peers != 4 || v.Majority != 2 || v.Offset.Abs() > 150*time.Millisecond {
		t.Errorf("want an offset against the 2 of 4 in line, have %+v", v)
	}
}

// A clock that is slewed as NTP does it has not jumped, however long nobody
// looked; one that is slewed at half speed or stands still has.
func TestClocksSlewIsNoJump(t *testing.T) {
	for _, test := range []struct {
		drift, gap int64 // parts per million, milliseconds
		jumped     bool
	}{
		{500, 500, false}, {-500, 500, false}, {500, 100_000, false}, {-500, 100_000, false},
		{-500_000, 500, true}, {-500_000, 150, true}, {-1_000_000, 500, true}, {500_000, 500, true},
	} {
		c := newClocks(t, ClockConfig{})
		var v Verdict
		for ms := int64(0); ms <= 200_000; ms += test.gap {
			v = c.Judge(Reading{Wall: simEpoch/msec + ms + ms*test.drift/1e6, Mono: time.Duration(ms) * time.Millisecond})
		}
		want := time.Duration(0)
		if test.jumped {
			want = time.Duration(200*test.drift) * time.Microsecond
		}
		if off := (v.Jump - want).Abs(); off > time.Second {
			t.Errorf("%d ppm for 200 s, looking every %d ms: want a jump of %v, have %v", test.drift, test.gap, want, v.Jump)
		} else if !test.jumped && v.Jump != 0 {
			t.Errorf("%d ppm, looking every %d ms: want no jump, have %v", test.drift, test.gap, v.Jump)
		}
	}
}

func TestClocksPrint(t *testing.T) {
	ms := time.Millisecond
	for _, test := range []struct {
		want string
		v    Verdict
	}{
		{"not compared with any peer", Verdict{}},
		{"moved by -1s against the monotonic clock, and not compared with any peer since", Verdict{Standing: OutOfLine, Jump: -time.Second}},
		{"3ms behind 2 of 3 peers, ±2ms", Verdict{Standing: InLine, Offset: -3 * ms, Uncertainty: 2 * ms, Peers: 3, Majority: 2}},
		{"1s ahead of 1 peers, ±2ms, without a majority", Verdict{Standing: Undecided, Offset: time.Second, Uncertainty: 2 * ms, Peers: 1}},
		{"0s ahead of 2 of 2 peers, ±2ms, settling", Verdict{Standing: OutOfLine, Uncertainty: 2 * ms, Peers: 2, Majority: 2, Settling: true}},
	} {
		check(t, fmt.Sprintf("%+v", test.v), test.want, test.v.String())
	}
	check(t, "standings", "unjudged, in line, undecided, out of line, standing 9",
		fmt.Sprintf("%v, %v, %v, %v, %v", Unjudged, InLine, Undecided, OutOfLine, Standing(9)))
}

// A node whose clock is set knows at its next look that it cannot be sure, before
// any peer has said so, and is out of line until that is settled.
func TestClocksJumpIsSeenAtOnce(t *testing.T) {
	for _, n := range []int{2, 3} {
		s := newClockSim(t, ClockConfig{}, fixed(2*msec), make([]int64, n)...)
		s.beats(20)
		me := s.nodes[0]
		s.set(hour, 1)
		s.run(100 * msec) // looks are at least that far apart
		if v := me.clocks.Judge(s.reading(me)); v.Standing != OutOfLine || v.Jump.Round(time.Second) != time.Hour {
			t.Errorf("%d nodes, right after a jump: want out of line, have %v: %v", n, v.Standing, v)
		}
		s.beats(3)
		if v := me.verdict; v.Standing != OutOfLine || v.Peers != n-1 || v.Settling {
			t.Errorf("%d nodes, soon after a jump: want out of line by %d peers, have %v: %v", n, n-1, v.Standing, v)
		}
		if have := me.clocks.Stats().Jumps; have != 1 {
			t.Errorf("%d nodes: want 1 jump counted, have %d", n, have)
		}
	}
}

// Back in line is who has been found within bounds some times in a row, on new
// samples each time.
func TestClocksSettle(t *testing.T) {
	s := newClockSim(t, ClockConfig{Steady: 4}, fixed(2*msec), 0, 0, hour)
	s.beats(20)
	have := make([][]string, 4)
	s.judged = func(n *simNode) {
		// Judging again on nothing new must not count.
		for range 10 {
			n.clocks.Judge(s.reading(n))
		}
		text := n.verdict.Standing.String() + showNamed(n.verdict)
		if n.verdict.Settling {
			text += ", settling"
		}
		have[n.id] = append(have[n.id], text)
	}
	s.set(-hour, 3)
	s.beats(6)
	for id, want := range map[int]string{
		// Echoes of heartbeats from before the clock was set serve to compare it.
		3: "out of line, settling; out of line, settling; out of line, settling; in line; in line; in line",
		1: "in line, names 3!; in line, names 3!; in line, names 3!; in line; in line; in line",
	} {
		check(t, fmt.Sprintf("node %d, after node 3 was mended", id), want, strings.Join(have[id], "; "))
	}
}

// A machine that slept, its monotonic clock standing still, has a wall clock that
// is right and moved: it is out of line for as long as it takes to compare.
func TestClocksAfterSleep(t *testing.T) {
	for _, n := range []int{2, 3, 9} {
		s := newClockSim(t, ClockConfig{}, fixed(30*msec), make([]int64, n)...)
		s.beats(20)
		me := s.nodes[0]
		me.stopped = true
		s.run(20 * sec)
		me.stopped = false
		me.boot += 20 * sec
		s.run(100 * msec)
		if v := me.clocks.Judge(s.reading(me)); v.Standing != OutOfLine {
			t.Errorf("%d nodes, on waking: want out of line, have %v: %v", n, v.Standing, v)
		}
		s.beats(6)
		for _, node := range s.nodes {
			if v := node.verdict; v.Standing != InLine || v.Jump != 0 || len(v.Named) > 0 {
				t.Errorf("%d nodes, node %d soon after: want in line, have %v: %v", n, node.id, v.Standing, v)
			}
		}
	}
}

// Nothing that was on its way while this machine's clocks moved apart is taken.
func TestClocksTornEchoes(t *testing.T) {
	c := newClocks(t, ClockConfig{})
	c.Beat(Reading{Wall: hour, Mono: 0})
	c.Heard(2, hour, []Echo{{Peer: 1, Clock: hour}}, Reading{Wall: 2 * hour, Mono: time.Second})
	if have := c.Stats(); have.Torn != 1 || have.Samples != 0 {
		t.Errorf("wall clock set on the way: want it counted as torn, have %+v", have)
	}
}

// A node that loses its peers keeps its verdict for MaxAge, and is then alone.
func TestClocksLoseTheirPeers(t *testing.T) {
	s := newClockSim(t, ClockConfig{MaxAge: 20 * time.Second}, fixed(2*msec), hour, 0, 0)
	s.beats(20)
	s.delay = fixed(-1)
	s.run(19 * sec)
	check(t, "cut off", "out of line", s.nodes[0].verdict.Standing.String())
	s.run(3 * sec)
	check(t, "for longer", "1 unjudged; 2 unjudged; 3 unjudged", s.show())
	if have := s.nodes[0].clocks.Len(); have != 0 {
		t.Errorf("for longer: want no peers, have %d", have)
	}
}

func TestClocksForget(t *testing.T) {
	s := newClockSim(t, ClockConfig{}, fixed(2*msec), 0, 0, hour)
	s.beats(20)
	s.delay = func(from, to int) int64 { return []int64{2 * msec, -1}[from/2] }
	for _, n := range s.nodes[:2] {
		n.clocks.Forget(3)
		n.clocks.Forget(99)
	}
	s.beats(2)
	check(t, "one forgotten", "1 in line; 2 in line", s.show()[:len("1 in line; 2 in line")])
	if _, _, ok := s.nodes[0].clocks.Offset(3, s.reading(s.nodes[0])); ok {
		t.Error("one forgotten: want no offset")
	}
}

// While the majority is in doubt a node that was out of line stays so.
func TestClocksStayOutInDoubt(t *testing.T) {
	s := newClockSim(t, ClockConfig{}, fixed(2*msec), 0, 0, hour)
	s.beats(20)
	s.nodes[0].stopped = true
	s.run(100 * msec)
	for _, n := range s.nodes {
		n.clocks.Forget(1)
	}
	s.beats(10)
	check(t, "two left", "2 undecided, names 3!; 3 out of line, names 2", s.show())
}

// Peers take turns in being echoed, whoever comes and goes.
func TestClocksEchoesTakeTurns(t *testing.T) {
	c := newClocks(t, ClockConfig{Echoes: 16})
	now := Reading{Wall: 1000}
	for id := range crdt.ReplicaID(255) {
		c.Heard(id+2, int64(id), nil, now)
	}
	seen := map[crdt.ReplicaID]int{}
	for i := range 32 {
		now.Mono += 500 * time.Millisecond
		echoes := c.Beat(now)
		if len(echoes) != 16 {
			t.Fatalf("beat %d: want 16 echoes, have %d", i, len(echoes))
		}
		for _, e := range echoes {
			seen[e.Peer]++
			if want := (Echo{e.Peer, int64(e.Peer) - 2, now.Mono}); e != want {
				t.Errorf("beat %d: want %v, have %v", i, want, e)
			}
		}
		if i == 3 {
			c.Forget(c.echoed)
		}
	}
	if len(seen) != 255 {
		t.Errorf("32 beats: want 255 peers echoed, have %d", len(seen))
	}
	for id, n := range seen {
		if n < 1 || n > 3 {
			t.Errorf("peer %d: want 2 echoes in 32 beats, have %d", id, n)
		}
	}
	c = newClocks(t, ClockConfig{Echoes: 1})
	for id := range crdt.ReplicaID(3) {
		c.Heard(id+2, 7, nil, now)
	}
	order := ""
	for range 7 {
		order += fmt.Sprint(uint64(c.Beat(now)[0].Peer))
	}
	check(t, "one at a time", "2342342", order)
	c = newClocks(t, ClockConfig{})
	c.Heard(2, 7, nil, now)
	if have := c.Beat(now); len(have) != 1 {
		t.Errorf("one peer: want it echoed once, have %v", have)
	}
}

// With sixteen times as many members as echoes, one of them wrong, each pair is
// compared soon enough for everybody to know.
func TestClocksLargeCluster(t *testing.T) {
	const n = 64
	rng := rand.New(rand.NewPCG(1, 4))
	cs := make([]*Clocks, n)
	err := make([]int64, n)
	for i := range cs {
		cs[i], _ = NewClocks(crdt.ReplicaID(i+1), ClockConfig{Echoes: n / 16})
		err[i] = rng.Int64N(clockSkew)
	}
	err[33] = hour
	for beat := range int64(20) {
		for i, c := range cs {
			at := beat*500 + int64(i)
			echoes := c.Beat(Reading{simEpoch/msec + at + err[i], time.Duration(at) * time.Millisecond})
			for j, peer := range cs {
				if i != j {
					peer.Heard(c.self, simEpoch/msec+at+err[i], echoes, Reading{simEpoch/msec + at + 10 + err[j], time.Duration(at+10) * time.Millisecond})
				}
			}
		}
	}
	for i, c := range cs {
		at := int64(20 * 500)
		v := c.Judge(Reading{simEpoch/msec + at + err[i], time.Duration(at) * time.Millisecond})
		wrong := i == 33
		if (v.Standing == OutOfLine) != wrong || !wrong && (len(v.Named) != 1 || v.Named[0].Peer != 34 || !v.Named[0].OutOfLine) {
			t.Errorf("node %d: want node 34 named by all, have %v, %v", i+1, v, v.Named)
		}
	}
}

func newClocks(t testing.TB, cfg ClockConfig) *Clocks {
	t.Helper()
	c, err := NewClocks(1, cfg)
	if err != nil {
		t.Fatalf("NewClocks(%+v): %v", cfg, err)
	}
	return c
}

func TestClockConfig(t *testing.T) {
	if err := (ClockConfig{}).Validate(); err != nil {
		t.Errorf("zero: %v", err)
	}
	if have := (ClockConfig{}).withDefaults(); have != DefaultClockConfig() {
		t.Errorf("zero: want the defaults, have %+v", have)
	}
	for _, cfg := range []ClockConfig{
		{MaxSkew: -1}, {MaxSkew: time.Microsecond}, {MaxSkew: 25 * time.Hour}, {MaxAge: time.Millisecond}, {MaxAge: math.MaxInt64},
		{Samples: -1}, {Samples: 65}, {Echoes: -1}, {Echoes: MaxEchoes + 1}, {Steady: -1}, {MaxPeers: -1}, {MaxPeers: 1 << 16},
	} {
		if _, err := NewClocks(1, cfg); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: want ErrConfig, have %v", cfg, err)
		}
	}
}
