package sync

import (
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// peer is what is known of another holder of the partition.
type peer struct {
	replica crdt.ReplicaID
	region  string
	vector  crdt.Vector // what it had applied when it announced
	kept    crdt.Vector // what a crash cannot take of that
	held    crdt.Vector
	clock   crdt.HLC
	heard   time.Time
	told    time.Time // when vector and held came
	passed  bool      // it was asked in vain in this round of pulls
	refused bool      // its state lacks what has been forgotten here
	refuses bool      // it says so of this replica's state
	passing bool      // it does not mean to keep the partition

	compared time.Time // when what it shows was last compared, or when it was first heard
	differs  time.Time // since when it shows something else although its vector is equal; zero: it does not
	rest     time.Time // it is not compared in full before
}

// peers is sorted by replica.
type peers struct {
	limit int
	list  []peer
}

func (p *peers) search(r crdt.ReplicaID) (int, bool) {
	return slices.BinarySearchFunc(p.list, r, func(o peer, r crdt.ReplicaID) int {
		return crdt.Dot{Replica: o.replica}.Compare(crdt.Dot{Replica: r})
	})
}

// heard notes an announcement, unless a later one has come before it. It reports
// whether the peer was not known although there is room to know it. covers reports
// whether everything in a vector has been applied here.
func (p *peers) heard(now time.Time, m *Message, self crdt.ReplicaID, covers func(crdt.Vector) bool) (isNew bool) {
	i, ok := p.search(m.From)
	if !ok {
		// At the bound peers come and go with every announcement. If each were
		// answered with one, replicas would announce without end.
		if isNew = len(p.list) < p.limit; !isNew {
			p.forgetOne(covers)
			i, _ = p.search(m.From)
		}
		p.list = slices.Insert(p.list, i, peer{replica: m.From, compared: now})
	}
	o := &p.list[i]
	o.region, o.heard = m.Region, now
	o.refuses = slices.Contains(m.Refused, self)
	o.refused = o.refused && !covers(m.Vector)
	switch {
	case m.Clock > o.clock:
		// Its vector may even be smaller: it has been rebuilt.
		o.clock, o.vector, o.held, o.passing, o.told = m.Clock, m.Vector, m.Held, m.Passing, now
		o.kept = m.kept()
	case m.Clock == o.clock:
		// Which of the two is newer is not known.
		o.vector, o.held = o.vector.Join(m.Vector), o.held.Join(m.Held)
		if m.Keeps {
			o.kept = m.Kept
		}
	}
	return isNew
}

// forgetOne forgets the peer not heard of for longest, of those that have nothing
// that is missing here if there are any: the others would be forgotten again and
// again before they can be asked.
func (p *peers) forgetOne(covers func(crdt.Vector) bool) {
	oldest, idle := -1, false
	for i := range p.list {
		o := &p.list[i]
		covered := covers(o.vector)
		if oldest < 0 || covered && !idle || covered == idle && o.heard.Before(p.list[oldest].heard) {
			oldest, idle = i, covered
		}
	}
	if oldest >= 0 {
		p.list = slices.Delete(p.list, oldest, oldest+1)
	}
}

// Forget drops what is known of a replica that has left for good.
func (e *Engine) Forget(r crdt.ReplicaID) {
	if i, ok := e.peers.search(r); ok {
		e.peers.list = slices.Delete(e.peers.list, i, i+1)
	}
	if e.pull.to == r {
		e.pull.end()
	}
}

// pull is the request that is under way, one at a time per partition.
type pull struct {
	to       crdt.ReplicaID // zero: none
	region   string
	sent     time.Time
	have     crdt.Vector // what was here when it was sent
	gap      time.Time   // since when something is known to be missing; zero: nothing
	rest     time.Time   // nothing is asked for before this time
	last     crdt.ReplicaID
	again    bool // the answer came and there may be more
	vain     bool // an answer of this round brought nothing
	snapshot *fetch
	compare  *comparison // instead of a pull
}

// fetch is a snapshot that is being received.
type fetch struct {
	session uint64
	index   int // the piece to ask for next
	clock   crdt.HLC
	staged  crdt.Snapshot
}

// end forgets the request, but not what the next one depends on.
func (p *pull) end() {
	*p = pull{gap: p.gap, rest: p.rest, vain: p.vain, last: p.to}
}

func (p *pull) forgetRegion(region string) {
	if p.to != 0 && p.region == region {
		p.end()
	}
}

// pass ends the request and passes by the peer that it was sent to until all the
// others have been asked.
func (e *Engine) pass() {
	if i, ok := e.peers.search(e.pull.to); ok {
		e.peers.list[i].passed = true
	}
	e.pull.end()
}

// refused ends a request that the peer cannot answer now; the next one waits.
func (e *Engine) refused(now time.Time, from crdt.ReplicaID) {
	if e.pull.to != 0 && e.pull.to == from {
		e.pass()
		e.pull.gap = now
		e.settling.rest = now.Add(e.cfg.PullTimeout)
	}
}

// Unanswered says that a peer has not answered the request that it was sent and will
// not any more. Whoever carries the requests bounds the wait for each himself, also in
// how long an answer may be on its way that has begun to come, and then tells the
// engine: nobody gives it the time meanwhile, so that it does not ask anybody else.
func (e *Engine) Unanswered(now time.Time, to crdt.ReplicaID) {
	if e.pull.to != 0 && e.pull.to == to {
		e.stats.PullTimeouts++
	}
	e.refused(now, to)
}

// fruitless ends a request whose answer brought nothing, such as writes that
// are stamped too far ahead, or a snapshot that cannot be joined.
func (e *Engine) fruitless(now time.Time) {
	e.pass()
	e.pull.gap, e.pull.vain = now, true
	e.settling.rest = now.Add(e.cfg.PullTimeout)
}

// answered ends a pull. An answer that brought something may not have been all.
// Old says that deltas in it were behind the horizon here.
func (e *Engine) answered(now time.Time, m *Message, old bool) {
	p := &e.pull
	switch {
	case !m.Answer || p.to != m.From || p.snapshot != nil || p.compare != nil:
	case m.Truncated || old:
		p.snapshot, p.sent, p.again = &fetch{}, now, true
	case e.store.Vector().Equal(p.have):
		e.fruitless(now)
	default:
		p.end()
		p.again = true
	}
}

// Behind reports whether some peer is known to have what is missing here.
func (e *Engine) Behind() bool {
	return !e.hold.empty() || slices.ContainsFunc(e.peers.list, func(p peer) bool { return !e.store.CoversAll(p.vector) })
}

// nextRequest decides whether to ask a peer for what is missing.
func (e *Engine) nextRequest(now time.Time) (*Message, crdt.ReplicaID) {
	p := &e.pull
	if p.to != 0 && now.Sub(p.sent) >= e.cfg.PullTimeout {
		e.stats.PullTimeouts++
		e.pass()
	}
	if p.to != 0 {
		if p.snapshot == nil && p.compare == nil || !p.again {
			return nil, 0
		}
		p.again, p.sent = false, now
		if p.compare != nil {
			return e.compareMessage(), p.to
		}
		return e.fetchMessage(), p.to
	}
	if !e.Behind() {
		if m, to := e.nextReckoning(now); m != nil {
			return m, to
		}
		e.newRound()
		e.pull = pull{last: p.last}
		return e.nextComparison(now)
	}
	if p.gap.IsZero() {
		p.gap = now
	}
	if now.Before(p.rest) || (!p.again && now.Sub(p.gap) < e.cfg.PullAfter) {
		return nil, 0
	}
	from := e.choosePeer(now)
	if from == nil {
		return nil, 0
	}
	have := e.store.Vector().Clone()
	*p = pull{to: from.replica, region: from.region, sent: now, have: have, gap: p.gap, vain: p.vain}
	e.stats.Pulls++
	if e.outlives(from) {
		p.snapshot = &fetch{}
		return e.fetchMessage(), from.replica
	}
	m := e.message(KindPull)
	m.Vector = e.store.Applied() // A peer that has not heard of retirements counts by IDs.
	return m, from.replica
}

// choosePeer returns a peer that has something that is missing here. Those that
// have been asked in vain are passed by until all have been: then a new round
// begins, after a rest when asking once more at once would bring the same
// answers and perhaps a whole snapshot each.
func (e *Engine) choosePeer(now time.Time) *peer {
	best := e.bestPeer()
	if best == nil || !best.passed {
		return best
	}
	e.newRound()
	if e.pull.vain {
		e.pull.vain, e.pull.again = false, false
		e.pull.rest = now.Add(e.cfg.PullTimeout)
		return nil
	}
	return e.bestPeer()
}

func (e *Engine) newRound() {
	for i := range e.peers.list {
		e.peers.list[i].passed = false
	}
}

// bestPeer returns the first to ask of those that have something that is missing
// here, nil when there is none.
func (e *Engine) bestPeer() *peer {
	missing := func(p *peer) bool { return !e.paused[p.region] && !e.store.CoversAll(p.vector) }
	var best *peer
	for i := range e.peers.list {
		p := &e.peers.list[i]
		if missing(p) && (best == nil || e.before(p, best)) {
			best = p
		}
	}
	return best
}

// before reports whether p is to be asked rather than o: those that have not
// been asked in vain first, then those of the own region, whose bytes cost least,
// and one after another in the order of their IDs.
func (e *Engine) before(p, o *peer) bool {
	if p.passed != o.passed {
		return o.passed
	}
	if near := p.region == e.self.Region; near != (o.region == e.self.Region) {
		return near
	}
	after := e.pull.last
	if next := p.replica > after; next != (o.replica > after) {
		return next
	}
	return p.replica < o.replica
}

func (e *Engine) answerPull(m *Message) *Message {
	out := e.message(KindDeltas)
	out.Answer = true
	e.noteVector(m.From, m.Vector)
	have := e.store.Sight(m.Vector)
	ds, ok := e.log.after(&have, e.cfg.BatchBytes)
	out.Deltas, out.Truncated = ds, !ok
	return out
}

// Peers returns the replicas that have announced heads, and for each whether
// this replica has applied all that it had applied then, sorted by ID.
func (e *Engine) Peers() []Peer {
	var out []Peer
	for _, p := range e.peers.list {
		has := e.store.Sight(p.vector)
		out = append(out, Peer{
			Replica: p.replica, Region: p.region, Heard: p.heard, Clock: p.clock,
			Behind: !e.store.CoversAll(p.vector), Lags: !has.CoversAll(e.store.Vector()),
			Passing: p.passing, Vector: p.vector, Kept: p.kept,
		})
	}
	return out
}

// Peer is what an engine knows of another holder of its partition.
type Peer struct {
	Replica crdt.ReplicaID
	Region  string
	Heard   time.Time // when it last announced
	Clock   crdt.HLC  // its wall clock when it did
	Behind  bool      // it has something that is missing here
	Lags    bool      // it lacks something that is here, as far as it has announced
	Vector  crdt.Vector
	Kept    crdt.Vector // what a crash cannot take of that
	Passing bool        // it has said that it does not mean to keep the partition
}
