package region

import (
	"cmp"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// Clocks answers whether this node's wall clock is in line with its peers', and
// whose is not. It is a state machine: heartbeats and readings of this machine's
// clocks go in, echoes and verdicts come out. Nothing happens between calls.
//
// # How far apart two clocks are
//
// A heartbeat carries its sender's clock, but how long it was on its way nobody
// knows: the difference on arrival is no offset. So every heartbeat also gives
// some peers the clock of their own latest heartbeat back, and says how long that
// was held. Who hears its clock back knows that the peer sent at a moment between
// its own sending and now, and by its monotonic clock how long that is, less the
// time held: the round trip. The peer's clock is then ahead of this one by at
// least what the heartbeat shows, and at most by the round trip more, however
// unequal the two ways were (Cristian, "Probabilistic clock synchronization",
// Distributed Computing 3, 1989). That range is a sample.
//
// Of each peer the last few samples are kept, and since the offset is in all of
// them it is in what they have in common, so that one fast round trip makes up
// for many slow ones. Where they have nothing in common a clock was set: the
// newest hold, and older ones count no more.
//
// How the verdict is reached from the ranges is said at [Clocks.Judge].
//
// # What it does not promise
//
// A majority that is wrong together is believed: without a better clock nobody
// can know. A peer that lies about its clock is taken at its word, which harms
// nobody else; who can announce many replica IDs can be a majority, so only
// members should be let in.
type Clocks struct {
	self   crdt.ReplicaID
	cfg    ClockConfig
	peers  []peerClock    // sorted by replica ID
	sent   []Reading      // of this node's heartbeats, oldest first
	echoed crdt.ReplicaID // the peer that the last echo was for
	jump   jump
	line   line
	news   bool // a sample has come since the last judgement
	stats  ClockStats
}

// ClockStats counts what Clocks has seen. The numbers only grow.
type ClockStats struct {
	Samples   uint64 // comparisons made
	Unmatched uint64 // echoes of heartbeats that were not sent, or too long ago
	Absurd    uint64 // echoes held for longer than the whole round trip took
	Torn      uint64 // echoes on whose way this machine's wall clock leapt ahead of its monotonic one
	Refused   uint64 // heartbeats of new peers beyond ClockConfig.MaxPeers
	Jumps     uint64 // times that the wall clock moved by more than MaxSkew against the monotonic one
}

// peerClock is what is kept of one peer.
type peerClock struct {
	peer    crdt.ReplicaID
	clock   int64 // in its latest heartbeat
	heard   int64 // when that was heard, by the monotonic clock, in milliseconds
	samples []sample
	line    line
	news    bool // a sample has come since the last judgement
}

// maxSent bounds the heartbeats that are remembered, for MaxAge at most. Nodes
// announce themselves out of turn when others join, so the count has a bound too.
// At the bound the oldest is forgotten, and its echo, if still to come, is lost.
const maxSent = 256

// NewClocks returns the state of a node that has heard nobody, or ErrConfig.
func NewClocks(self crdt.ReplicaID, cfg ClockConfig) (*Clocks, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Clocks{self: self, cfg: cfg.withDefaults()}, nil
}

// Beat takes in that the node announces itself with the clock now.Wall, and
// returns the echoes for that heartbeat, at most ClockConfig.Echoes: the peers
// take turns, in order of their replica IDs. The caller owns the slice.
func (c *Clocks) Beat(now Reading) []Echo {
	c.observe(now)
	c.peers = slices.DeleteFunc(c.peers, func(p peerClock) bool { return c.aged(p.heard, now) })
	c.sent = slices.DeleteFunc(c.sent, func(r Reading) bool { return c.aged(r.mono(), now) })
	if len(c.sent) >= maxSent {
		c.sent = slices.Delete(c.sent, 0, len(c.sent)-maxSent+1)
	}
	c.sent = append(c.sent, now)
	if len(c.peers) == 0 {
		return nil
	}
	next, found := c.find(c.echoed)
	if found {
		next++
	}
	echoes := make([]Echo, 0, min(len(c.peers), c.cfg.Echoes))
	for i := range cap(echoes) {
		p := &c.peers[(next+i)%len(c.peers)]
		held := time.Duration(max(now.mono()-p.heard, 0)) * time.Millisecond
		echoes = append(echoes, Echo{Peer: p.peer, Clock: p.clock, Held: held})
		c.echoed = p.peer
	}
	return echoes
}

// Heard takes in a heartbeat of another member with all of its echoes, of which
// the one to this node, if any, is compared. Give only heartbeats of members:
// every peer that is compared has a say. What makes no sense is counted and
// otherwise ignored.
func (c *Clocks) Heard(peer crdt.ReplicaID, clock int64, echoes []Echo, now Reading) {
	c.observe(now)
	if peer == 0 || peer == c.self {
		return
	}
	i, known := c.find(peer)
	if !known {
		if len(c.peers) >= c.cfg.MaxPeers {
			c.stats.Refused++
			return
		}
		c.peers = slices.Insert(c.peers, i, peerClock{peer: peer})
	}
	p := &c.peers[i]
	p.clock, p.heard = clock, now.mono()
	if e := slices.IndexFunc(echoes, func(e Echo) bool { return e.Peer == c.self }); e >= 0 {
		c.compare(p, echoes[e], now)
	}
}

// compare makes a sample of a peer's latest heartbeat and the echo in it.
func (c *Clocks) compare(p *peerClock, e Echo, now Reading) {
	// Should two heartbeats have shown one clock, the earlier gives the longer
	// round trip, which is less exact but never wrong.
	i := slices.IndexFunc(c.sent, func(r Reading) bool { return r.Wall == e.Clock })
	if i < 0 || c.aged(c.sent[i].mono(), now) {
		c.stats.Unmatched++
		return
	}
	sent := c.sent[i]
	// A monotonic clock may stand still while the machine sleeps, and a wall clock
	// may be set: the longer of the two times is safe. Where it is the wall clock's
	// by far, it says too little to be of use.
	mono, wall := now.mono()-sent.mono(), now.wall()-sent.wall()
	if wall-mono > c.maxSkew() {
		c.stats.Torn++
		return
	}
	// Each of the two times, cut to whole milliseconds at both ends, and the
	// allowance for how fast they pass may make the round trip one too short.
	held := e.Held.Milliseconds()
	trip := max(mono, wall) - held + max(held, 0)/slewLimit + 3
	if held < 0 || trip < 0 {
		c.stats.Absurd++
		return
	}
	// The two clocks compared were cut as well.
	ahead := stampable(p.clock) - now.wall()
	s := sample{span: span{ahead - 1, ahead + trip + 1}, skew: now.skew(), at: now.mono()}
	if len(p.samples) >= c.cfg.Samples {
		p.samples = slices.Delete(p.samples, 0, len(p.samples)-c.cfg.Samples+1)
	}
	p.samples = append(p.samples, s)
	p.news, c.news = true, true
	c.stats.Samples++
}

// Forget drops what is known of a peer, for a life that has ended. It is judged
// anew if it is heard again.
func (c *Clocks) Forget(peer crdt.ReplicaID) {
	if i, known := c.find(peer); known {
		c.peers = slices.Delete(c.peers, i, i+1)
	}
}

// Offset returns how far a peer's clock is ahead of this node's, negative when it
// is behind: the true offset is within uncertainty of that. It returns false when
// the two have not been compared within ClockConfig.MaxAge.
func (c *Clocks) Offset(peer crdt.ReplicaID, now Reading) (offset, uncertainty time.Duration, ok bool) {
	i, known := c.find(peer)
	if !known {
		return 0, 0, false
	}
	s, found := c.span(&c.peers[i], now)
	if found != compared {
		return 0, 0, false
	}
	return duration(s.middle()), duration(s.radius()), true
}

// Len returns the number of peers that are known, whether compared or not.
func (c *Clocks) Len() int { return len(c.peers) }

// Stats returns what has been counted.
func (c *Clocks) Stats() ClockStats { return c.stats }

// evidence says what there is to judge a peer's clock by.
type evidence uint8

const (
	none     evidence = iota // no sample that is young enough
	outdated                 // this node's own clock was set since the last one
	compared
)

// span returns the offsets that all samples of a peer have in common, newest
// first, up to the first sample that contradicts the newer ones.
func (c *Clocks) span(p *peerClock, now Reading) (span, evidence) {
	var all span
	have := none
	for _, s := range slices.Backward(p.samples) {
		if c.aged(s.at, now) {
			break
		}
		one, moved := s.by(now)
		if moved > c.maxSkew() {
			return all, max(have, outdated)
		}
		if have == none {
			all, have = one, compared
			continue
		}
		if !all.meets(one) {
			break
		}
		all = all.and(one)
	}
	return all, have
}

// observe looks for jumps of this machine's wall clock.
func (c *Clocks) observe(now Reading) {
	if moved := c.jump.look(now); abs(moved) > c.maxSkew() {
		c.stats.Jumps++
	}
}

// aged reports whether a moment of the monotonic clock is too long ago to count.
func (c *Clocks) aged(at int64, now Reading) bool {
	return now.mono()-at > c.cfg.MaxAge.Milliseconds()
}

// maxSkew returns ClockConfig.MaxSkew in milliseconds.
func (c *Clocks) maxSkew() int64 { return c.cfg.MaxSkew.Milliseconds() }

// find returns the index of a peer, or where it belongs.
func (c *Clocks) find(peer crdt.ReplicaID) (int, bool) {
	return slices.BinarySearchFunc(c.peers, peer, func(p peerClock, id crdt.ReplicaID) int { return cmp.Compare(p.peer, id) })
}
