package region

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// Standing says what is known of this node's clock.
type Standing uint8

const (
	// Unjudged: there is nobody to compare with. The node serves.
	Unjudged Standing = iota

	// InLine: nothing shows that the clock is not with the majority.
	InLine

	// Undecided: clocks differ by more than the bound, and there is no majority to
	// say which are wrong, as between two nodes. The node serves; a person should
	// look.
	Undecided

	// OutOfLine: the clock is wrong as far as anybody can know. The node should
	// refuse writes, whose stamps others would not take.
	OutOfLine
)

// String returns the standing as shown by `atoll nodes`.
func (s Standing) String() string {
	names := [...]string{"unjudged", "in line", "undecided", "out of line"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("standing %d", uint8(s))
}

// Verdict is what Judge found. Offsets of more than 292 years are shown as that.
type Verdict struct {
	Standing Standing

	// Offset is how far this node's clock is ahead of the others', negative when
	// behind: of the majority's middle one, or without a majority of all. It is
	// good to Uncertainty.
	Offset      time.Duration
	Uncertainty time.Duration

	// Peers is how many peers' clocks could be compared, and Majority how many of
	// them may belong to a majority, zero if there is none.
	Peers    int
	Majority int

	// Jump is by how much this node's wall clock was set, ahead when positive,
	// since the peers last agreed with it or the node started.
	Jump time.Duration

	// Settling is whether a node that is out of line is within bounds again, and
	// waits for ClockConfig.Steady judgements to confirm it.
	Settling bool

	// Named are the peers that are out of line, and those whose clock differs from
	// this node's by more than the bound, by replica ID.
	Named []PeerClock
}

// PeerClock is how a peer's clock compares with this node's.
type PeerClock struct {
	Peer crdt.ReplicaID

	// Offset is how far its clock is ahead of this node's, negative when behind. It
	// is good to Uncertainty.
	Offset      time.Duration
	Uncertainty time.Duration

	// OutOfLine is whether the majority is against it. If not, it differs from this
	// node, and this node may be the one that is wrong.
	OutOfLine bool
}

// String returns the verdict as a log or an error would give it, such as
// "1h0m0s ahead of 4 of 4 peers, ±3ms".
func (v Verdict) String() string {
	way, offset := "ahead of", v.Offset
	if offset < 0 {
		way, offset = "behind", -offset
	}
	switch {
	case v.Standing == Unjudged:
		return "not compared with any peer"
	case v.Peers == 0:
		return fmt.Sprintf("moved by %v against the monotonic clock, and not compared with any peer since", v.Jump)
	case v.Standing == Undecided || v.Majority == 0:
		return fmt.Sprintf("%v %s %d peers, ±%v, without a majority", offset, way, v.Peers, v.Uncertainty)
	}
	s := fmt.Sprintf("%v %s %d of %d peers, ±%v", offset, way, v.Majority, v.Peers, v.Uncertainty)
	if v.Settling {
		s += ", settling"
	}
	return s
}

// Judge says who is out of line, by what is known now. Call it about once every
// heartbeat; calling it more often changes nothing.
//
// Clocks agree when one window of ClockConfig.MaxSkew can hold them all, each at
// some point of the range in which it is known to be. A clock is out of line when
// more than half of all that were compared, this node's included, agree, and no
// such majority can hold it (after Marzullo and Owicki, "Maintaining the time in a
// distributed system", 1983, and the selection of RFC 5905, section 11.2). Since
// ranges hold the truth, clocks that never were more than MaxSkew apart are never
// found out of line, however late heartbeats are. A clock that is off from those
// of a majority by more than MaxSkew and the round trips to it and to them is
// found out at once.
//
// Without a majority, a node blames itself if its wall clock was set by more than
// MaxSkew since its peers last agreed with it, as the monotonic clock tells; it
// also does until it is compared again, since until then nobody can say that the
// new time is the right one. A node without peers is never out of line.
//
// Who is out of line stays so until ClockConfig.Steady judgements, each on new
// samples, have found it in line, or until nothing is left to compare.
func (c *Clocks) Judge(now Reading) Verdict {
	c.observe(now)
	j := c.ranges(now)
	raw := c.standing(j)
	if raw == InLine && c.confirmed(j) {
		c.jump.total = 0
	}
	c.line.follow(raw, c.news, c.cfg.Steady)
	c.news = false

	v := Verdict{Standing: raw, Peers: len(j.seen), Jump: duration(c.jump.total)}
	if c.line.out {
		v.Standing, v.Settling = OutOfLine, raw == InLine
	}
	v.Majority = j.agreeing()
	if s, ok := j.typical(); ok {
		v.Offset, v.Uncertainty = duration(-s.middle()), duration(s.radius())
	}
	v.Named = c.name(j)
	return v
}

// judgement is the material of one verdict.
type judgement struct {
	seen     []seen // by replica ID
	outdated bool   // peers can be compared no more, since this node's clock was set
	ownIn    bool   // a majority can hold this node's clock
	majority bool   // there is a majority
}

// seen is a peer's clock that was compared.
type seen struct {
	index int // in Clocks.peers
	span
	in bool // a majority can hold it
}

// ranges collects what is known of the peers' clocks, and finds the majority.
func (c *Clocks) ranges(now Reading) judgement {
	var j judgement
	windows := []span{c.window(span{})}
	for i := range c.peers {
		s, have := c.span(&c.peers[i], now)
		switch have {
		case compared:
			j.seen = append(j.seen, seen{index: i, span: s})
			windows = append(windows, c.window(s))
		case outdated:
			j.outdated = true
		case none:
			c.peers[i].line = line{}
		}
	}
	most := majorities(windows)
	holds := func(w span) bool { return slices.ContainsFunc(most, w.meets) }
	j.majority, j.ownIn = len(most) > 0, holds(windows[0])
	for i := range j.seen {
		j.seen[i].in = holds(windows[i+1])
	}
	return j
}

// window returns where a window of MaxSkew may begin that holds a clock whose
// offset is in s.
func (c *Clocks) window(s span) span { return span{s.lo - c.maxSkew(), s.hi} }

// majorities returns the points that more than half of the windows hold, as
// ranges in order.
func majorities(windows []span) []span {
	type edge struct{ at, step int64 }
	edges := make([]edge, 0, 2*len(windows))
	for _, w := range windows {
		edges = append(edges, edge{w.lo, 1}, edge{w.hi + 1, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
	var most []span
	holding, open := int64(0), false
	for i, e := range edges {
		holding += e.step
		if i+1 < len(edges) && edges[i+1].at == e.at {
			continue
		}
		if is := 2*holding > int64(len(windows)); is && !open {
			most = append(most, span{lo: e.at})
			open = true
		} else if !is && open {
			most[len(most)-1].hi = e.at - 1
			open = false
		}
	}
	return most
}

// standing returns what the judgement says of this node's clock, regardless of
// what was said before.
func (c *Clocks) standing(j judgement) Standing {
	switch {
	case len(j.seen) == 0 && j.outdated:
		return OutOfLine
	case len(j.seen) == 0:
		return Unjudged
	case j.ownIn:
		return InLine
	case j.majority, abs(c.jump.total) > c.maxSkew():
		return OutOfLine
	}
	return Undecided
}

// confirmed reports whether more than half of all clocks, this one included, are
// within MaxSkew of this one beyond doubt: then it is as right as can be known,
// whatever was done to it before.
func (c *Clocks) confirmed(j judgement) bool {
	n := 1
	for _, s := range j.seen {
		if s.within(c.maxSkew()) {
			n++
		}
	}
	return 2*n > len(j.seen)+1
}

// agreeing returns how many peers a majority can hold.
func (j judgement) agreeing() int {
	n := 0
	for _, s := range j.seen {
		if s.in {
			n++
		}
	}
	return n
}

// typical returns the middle one of the peers that a majority can hold, or of all
// if there is no majority, and false if there are none.
func (j judgement) typical() (span, bool) {
	var list []span
	for _, s := range j.seen {
		if s.in || !j.majority {
			list = append(list, s.span)
		}
	}
	if len(list) == 0 {
		return span{}, false
	}
	slices.SortFunc(list, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.middle(), b.middle()), cmp.Compare(a.radius(), b.radius()))
	})
	return list[len(list)/2], true
}

// name follows each peer's standing, and returns those that are to be named.
func (c *Clocks) name(j judgement) []PeerClock {
	var named []PeerClock
	for _, s := range j.seen {
		p := &c.peers[s.index]
		raw := Undecided
		switch {
		case s.in:
			raw = InLine
		case j.majority:
			raw = OutOfLine
		}
		p.line.follow(raw, p.news, c.cfg.Steady)
		p.news = false
		if p.line.out || s.beyond(c.maxSkew()) {
			named = append(named, PeerClock{
				Peer: p.peer, Offset: duration(s.middle()), Uncertainty: duration(s.radius()), OutOfLine: p.line.out,
			})
		}
	}
	return named
}

// line is whether a clock is taken to be out of line, and what speaks against it.
type line struct {
	out    bool
	steady int // judgements on new samples in a row that found it in line
}

// follow takes in one judgement, which is on new samples or not.
func (l *line) follow(s Standing, news bool, enough int) {
	switch {
	case s == OutOfLine:
		*l = line{out: true}
	case s == Unjudged:
		*l = line{}
	case s == Undecided:
		l.steady = 0
	case news:
		l.steady++
	}
	if l.steady >= enough {
		*l = line{}
	}
}
