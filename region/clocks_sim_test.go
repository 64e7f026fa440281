package region

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/pack"
)

// A simulated cluster of nodes that do nothing but announce themselves. True time
// is in microseconds, finer than anything that Clocks sees.

const (
	msec      = int64(1000)
	sec       = 1000 * msec
	simBeat   = 500 * msec
	simEpoch  = int64(1_700_000_000) * sec // the wall time at which simulations begin
	clockSkew = 500                        // the default of ClockConfig.MaxSkew, in milliseconds
)

type simNode struct {
	id      crdt.ReplicaID
	clocks  *Clocks
	err     int64 // of the wall clock against true time, in microseconds
	drift   int64 // of the wall clock, in parts per million
	boot    int64 // of the monotonic clock against true time
	stopped bool
	verdict Verdict
}

type simEvent struct {
	at, seq int64
	do      func()
}

type simEvents []simEvent

func (e simEvents) Len() int { return len(e) }
func (e simEvents) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e simEvents) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *simEvents) Push(x any)   { *e = append(*e, x.(simEvent)) }
func (e *simEvents) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

type clockSim struct {
	t      testing.TB
	now    int64
	seq    int64
	events simEvents
	nodes  []*simNode
	delay  func(from, to int) int64 // negative: lost
	judged func(*simNode)           // called after each verdict
}

// newClockSim returns a cluster of nodes whose wall clocks are off by errs, in
// milliseconds. Replica IDs are 1 and up.
func newClockSim(t testing.TB, cfg ClockConfig, delay func(from, to int) int64, errs ...int64) *clockSim {
	t.Helper()
	s := &clockSim{t: t, delay: delay, judged: func(*simNode) {}}
	for i, e := range errs {
		id := crdt.ReplicaID(i + 1)
		c, err := NewClocks(id, cfg)
		if err != nil {
			t.Fatalf("NewClocks(%+v): %v", cfg, err)
		}
		n := &simNode{id: id, clocks: c, err: e * msec, boot: int64(i) * 1234567}
		s.nodes = append(s.nodes, n)
		s.after(int64(i)*simBeat/int64(len(errs))+int64(i)*137, func() { s.beat(i) })
	}
	return s
}

func (s *clockSim) after(d int64, do func()) {
	s.seq++
	heap.Push(&s.events, simEvent{s.now + d, s.seq, do})
}

func (s *clockSim) reading(n *simNode) Reading {
	wall := simEpoch + s.now + n.err + s.now*n.drift/1e6
	return Reading{Wall: wall / msec, Mono: time.Duration(s.now-n.boot) * time.Microsecond}
}

func (s *clockSim) beat(i int) {
	n := s.nodes[i]
	s.after(simBeat, func() { s.beat(i) })
	if n.stopped {
		return
	}
	now := s.reading(n)
	b := AppendEchoes(nil, n.clocks.Beat(now))
	for to := range s.nodes {
		if d := s.delay(i, to); to != i && d >= 0 {
			s.after(d, func() { s.deliver(s.nodes[to], n.id, now.Wall, b) })
		}
	}
	n.verdict = n.clocks.Judge(now)
	s.judged(n)
}

func (s *clockSim) deliver(to *simNode, from crdt.ReplicaID, clock int64, b []byte) {
	r := pack.NewReader(b)
	echoes := ReadEchoes(r)
	if r.Done() != nil {
		s.t.Fatalf("echoes %x: %v", b, r.Done())
	}
	if !to.stopped {
		to.clocks.Heard(from, clock, echoes, s.reading(to))
	}
}

// run lets time pass.
func (s *clockSim) run(d int64) {
	for end := s.now + d; ; {
		if len(s.events) == 0 || s.events[0].at > end {
			s.now = end
			return
		}
		e := heap.Pop(&s.events).(simEvent)
		s.now = e.at
		e.do()
	}
}

// beats lets that many beats of every node pass.
func (s *clockSim) beats(n int) { s.run(int64(n) * simBeat) }

// show writes the verdicts as "1 in line; 2 out of line, names 1 3!", where the
// mark says that the majority is against a peer.
func (s *clockSim) show() string {
	var list []string
	for _, n := range s.nodes {
		if !n.stopped {
			list = append(list, fmt.Sprintf("%d %v%s", n.id, n.verdict.Standing, showNamed(n.verdict)))
		}
	}
	return strings.Join(list, "; ")
}

func showNamed(v Verdict) string {
	var b strings.Builder
	for _, p := range v.Named {
		fmt.Fprintf(&b, " %d", p.Peer)
		if p.OutOfLine {
			b.WriteByte('!')
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return ", names" + b.String()
}

// truth returns by how many microseconds a is ahead of b.
func (s *clockSim) truth(a, b *simNode) int64 { return a.err - b.err + s.now*(a.drift-b.drift)/1e6 }

func fixed(d int64) func(from, to int) int64 { return func(int, int) int64 { return d } }

// network returns delays as they may be at their worst: each way has its own
// least delay, jitter, now and then a queue of seconds, and loss.
func network(rng *rand.Rand, nodes int, most int64) func(from, to int) int64 {
	base := make([]int64, nodes*nodes)
	for i := range base {
		base[i] = rng.Int64N(most)
	}
	queues, loss := rng.Float64()/4, rng.Float64()/3
	return func(from, to int) int64 {
		d := base[from*nodes+to] + rng.Int64N(1+most/10)
		switch r := rng.Float64(); {
		case r < queues:
			d += rng.Int64N(8 * sec)
		case r < queues+loss:
			return -1
		}
		return d
	}
}

// Whatever delays there are, the offsets shown hold the truth.
func TestClocksOffsetsHoldTheTruth(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 1))
		most := []int64{1, 200, 2 * msec, 150 * msec, 3 * sec}[seed%5]
		n := 2 + rng.IntN(4)
		errs := make([]int64, n)
		s := newClockSim(t, ClockConfig{}, network(rng, n, most), errs...)
		for _, node := range s.nodes {
			node.err = rng.Int64N(20*sec) - 10*sec
		}
		s.judged = func(me *simNode) {
			for _, peer := range s.nodes {
				have, within, ok := me.clocks.Offset(peer.id, s.reading(me))
				truth := time.Duration(s.truth(peer, me)) * time.Microsecond
				if off := (truth - have).Abs(); ok && off > within {
					t.Fatalf("seed %d, %v, offset of %d at %d: want within %v of %v, have %v", seed, time.Duration(s.now)*time.Microsecond, peer.id, me.id, within, truth, have)
				}
			}
		}
		s.beats(40)
		if st := s.nodes[0].clocks.Stats(); st.Samples == 0 || st.Absurd+st.Torn+st.Jumps > 0 {
			t.Errorf("seed %d: want samples and nothing odd, have %+v", seed, st)
		}
	}
}

// Clocks that are within the bound of each other are never found out of line and
// never named, whatever the network does and however they wander within it.
func TestClocksNoFalseAlarm(t *testing.T) {
	for seed := range uint64(80) {
		rng := rand.New(rand.NewPCG(seed, 2))
		most := []int64{1, 5 * msec, 150 * msec, 3 * sec}[seed%4]
		n := []int{2, 3, 5, 9}[rng.IntN(4)]
		s := newClockSim(t, ClockConfig{Samples: 1 + rng.IntN(10), MaxAge: time.Duration(2+rng.IntN(60)) * time.Second},
			network(rng, n, most), make([]int64, n)...)
		wander := rng.IntN(2) == 0
		for i, node := range s.nodes {
			// At the very edge of the bound, to have the most of uncertainty matter.
			node.err = int64(i%2) * clockSkew * msec
			if rng.IntN(2) == 0 {
				node.err = rng.Int64N(clockSkew*msec + 1)
			}
		}
		s.judged = func(me *simNode) {
			if v := me.verdict; v.Standing > InLine || len(v.Named) > 0 {
				t.Fatalf("seed %d, %v, node %d: want in line and nobody named, have %v%s: %v", seed, time.Duration(s.now)*time.Microsecond, me.id, v.Standing, showNamed(v), v)
			}
			if wander && rng.IntN(4) == 0 {
				me.err = rng.Int64N(clockSkew*msec + 1)
			}
		}
		s.beats(60)
	}
}

// A minority that is off by more than twice the bound and the round trips is
// named by every other node within some beats, knows it itself, and nobody else
// is blamed.
func TestClocksNameTheWrong(t *testing.T) {
	const within = 12
	for seed := range uint64(80) {
		rng := rand.New(rand.NewPCG(seed, 3))
		most := []int64{1, 5 * msec, 120 * msec}[seed%3]
		n := []int{3, 5, 9}[rng.IntN(3)]
		network := network(rng, n, most)
		s := newClockSim(t, ClockConfig{Steady: 1 + rng.IntN(4)}, network, make([]int64, n)...)
		bad := rng.Perm(n)[:1+rng.IntN((n-1)/2)]
		for i, node := range s.nodes {
			node.err = rng.Int64N(clockSkew*msec + 1)
			if k := slices.Index(bad, i); k >= 0 {
				// Each is off by itself, from a little to years, to either side.
				least := 3*clockSkew*msec + 4*most + int64(k)*10*sec
				node.err = (least + rng.Int64N(1<<rng.IntN(50))) * (1 - 2*rng.Int64N(2))
			}
		}
		// No queues on the way of at least one echo in the time given.
		s.delay = func(from, to int) int64 { return max(network(from, to), 0) % (2 * most) }
		s.beats(within)
		s.judged = func(me *simNode) {
			isBad := func(id crdt.ReplicaID) bool { return slices.Contains(bad, int(id)-1) }
			want := InLine
			if isBad(me.id) {
				want = OutOfLine
			}
			var named []int
			for _, p := range me.verdict.Named {
				if p.OutOfLine {
					named = append(named, int(p.Peer)-1)
				}
			}
			wantNamed := slices.DeleteFunc(slices.Sorted(slices.Values(bad)), func(i int) bool { return i == int(me.id)-1 })
			if me.verdict.Standing != want || !slices.Equal(named, wantNamed) {
				t.Fatalf("seed %d, node %d with %v wrong: want %v, naming %v; have %v, naming %v: %v", seed, me.id-1, bad, want, wantNamed, me.verdict.Standing, named, me.verdict)
			}
		}
		s.beats(4)
	}
}
