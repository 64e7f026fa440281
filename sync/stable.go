package sync

import (
	"errors"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// # Stability
//
// Something is stable here when every holder has announced that it has applied
// it, and has it on its disk if it has one, and this replica has applied all that each
// of them had applied or held back by then. What any of them writes later has seen it,
// in a later life too, and nothing older can still arrive. Then what it removed, hid or made irrelevant can be forgotten
// (crdt.Partition.Collect).
//
// A holder that is silent, or behind, holds that up: for HorizonFor, or for
// HorizonLeast when more than HorizonBytes wait. Then it is left out. What it
// writes without having seen what is forgotten is refused from then on
// ([crdt.ErrHorizon]). It learns of that when it fetches a snapshot that cannot be
// joined: then it drops its own state, with what nobody else had of it, takes the
// snapshot in its place, and writes under a new ID from then on.

// settling is what an engine keeps of what waits to be stable.
type settling struct {
	holders []crdt.ReplicaID // everybody whose word counts, as of the last sweep
	out     []crdt.ReplicaID // of those, the ones that have been left out
	over    []over           // IDs that nobody writes under any more
	held    Backlog
	unmet   crdt.Vector // the first write of each replica that is taken with no state but a later one
	met     []meeting   // by region
	begun   time.Time   // when the own state was last dropped for another's
	rest    time.Time   // before this, no snapshot is asked for only because others refuse the own state
}

// meeting says when a holder in a region was last known to have nothing that is
// missing here, and to lack nothing that has been forgotten here.
type meeting struct {
	region string
	at     time.Time
}

// Backlog says what waits to be forgotten and who holds it up.
type Backlog struct {
	By    []crdt.ReplicaID // who has not seen all that the oldest of it needs
	Since time.Time        // since when the oldest of it waits; zero: nothing waits
	Keys  int
	Bytes int
	Out   []crdt.ReplicaID // who has been left out and has not caught up
}

// Backlog returns what waited at the last sweep. Read only.
func (e *Engine) Backlog() Backlog { return e.settling.held }

// Sweep hides what has expired and forgets what is stable. The holders are all
// replicas, silent ones too, that hold the partition or may; whoever else has
// announced heads of late counts as one. The engine keeps no memory of the slice. Call it about every 200 ms.
func (e *Engine) Sweep(now time.Time, holders []crdt.ReplicaID) {
	s := &e.settling
	s.holders = append(s.holders[:0], holders...)
	e.forgetStrangers(now)
	for i := range e.peers.list {
		// Who holds the partition without being meant to may still write, or have written.
		if p := &e.peers.list[i]; !slices.Contains(s.holders, p.replica) {
			s.holders = append(s.holders, p.replica)
		}
	}
	e.stats.Expired += e.store.Expire(now.UnixMilli(), e.cfg.ExpireKeys)
	e.countIn()
	waiting := len(e.store.Retired())
	var horizon crdt.Horizon
	if len(s.out) > 0 {
		horizon = e.store.Horizon().Clone()
	}
	c := e.store.Collect(now.UnixMilli(), func(v crdt.Vector, after crdt.HLC) bool {
		return e.settled(v, after) == nil
	})
	e.clock.Observe(e.store.Horizon().Stamp)
	if len(s.out) > 0 && !e.store.Horizon().Equal(horizon) {
		e.noteLeftOut()
	}
	if len(e.store.Retired()) < waiting {
		e.forgetRetired()
	}
	e.retire(now)
	e.openFills(now)
	e.stats.Forgotten += c.Entries
	e.stats.Trimmed += c.Trimmed
	w := e.store.Waiting()
	s.held = Backlog{Keys: w.Keys, Bytes: w.Bytes, Out: slices.Clone(s.out)}
	if w.Keys > 0 {
		s.held.Since = w.Since.Time()
		s.held.By = e.settled(w.Mark, w.Since)
		e.leaveOut(now)
	}
}

// settled returns the holders for which v, seen after a stamp, is not settled: nil
// when everything in it is stable.
func (e *Engine) settled(v crdt.Vector, after crdt.HLC) (blocking []crdt.ReplicaID) {
	for _, r := range e.settling.holders {
		if r == e.self.Replica || slices.Contains(e.settling.out, r) {
			continue
		}
		i, ok := e.peers.search(r)
		if !ok {
			blocking = append(blocking, r)
			continue
		}
		p := &e.peers.list[i]
		has := e.store.Sight(p.kept)
		if p.clock <= after || !has.CoversAll(v) || !e.store.CoversAll(p.vector) || !e.store.CoversAll(p.held) {
			blocking = append(blocking, r)
		}
	}
	if len(blocking) == 0 && (!e.store.CoversAll(e.hold.heads()) || !e.keeps(v)) {
		// What is held back here may not have seen it either, nor what a next life writes
		// that begins with what is on the disk.
		return []crdt.ReplicaID{e.self.Replica}
	}
	return blocking
}

// leaveOut leaves out those who have held something up for too long. Who lacks what a
// holder within reach has announced is late itself, and leaves nobody out before
// HorizonFor: among what it lacks may be a write that had not seen what would be
// forgotten, and that the others have.
func (e *Engine) leaveOut(now time.Time) {
	s := &e.settling
	age := now.Sub(s.held.Since)
	if age <= e.cfg.HorizonFor && (age <= e.cfg.HorizonLeast || s.held.Bytes <= e.cfg.HorizonBytes || e.isLate(now)) {
		return
	}
	for _, r := range s.held.By {
		if r != e.self.Replica {
			e.stats.LeftOut++
			s.out = append(s.out, r)
		}
	}
	slices.Sort(s.out)
	s.held.Out = slices.Clone(s.out)
}

// isLate reports whether a peer that was heard of a short while ago, and from which
// writes are taken, has announced something that is missing here.
func (e *Engine) isLate(now time.Time) bool {
	return slices.ContainsFunc(e.peers.list, func(p peer) bool {
		return now.Sub(p.heard) <= 3*e.cfg.AnnounceEvery && !e.paused[p.region] && !e.store.CoversAll(p.vector)
	})
}

// countIn takes back those who were left out and have caught up, or are not
// holders any more.
func (e *Engine) countIn() {
	s := &e.settling
	if len(s.out) == 0 {
		return
	}
	horizon, w := e.store.Horizon().Vector, e.store.Waiting()
	s.out = slices.DeleteFunc(s.out, func(r crdt.ReplicaID) bool {
		if !slices.Contains(s.holders, r) {
			return true
		}
		i, known := e.peers.search(r)
		if !known {
			return false
		}
		p := &e.peers.list[i]
		has := e.store.Sight(p.kept)
		return has.CoversAll(horizon) && e.store.CoversAll(p.vector) &&
			(w.Keys == 0 || p.clock > w.Since && has.CoversAll(w.Mark))
	})
}

// maxMet bounds the regions that are remembered to have been met. It is no matter of
// how many peers are: who remembers fewer regions than there are weighs too little, and
// gives way to one that is behind again and again.
const maxMet = 256

// meet notes that a peer and this replica have nothing to hide from each other, if
// that is so.
func (e *Engine) meet(now time.Time, p *peer) {
	s := &e.settling
	has := e.store.Sight(p.vector)
	if !e.store.CoversAll(p.vector) || !has.CoversAll(e.store.Horizon().Vector) {
		return
	}
	i := slices.IndexFunc(s.met, func(m meeting) bool { return m.region == p.region })
	switch {
	case i >= 0:
		s.met[i].at = now
	case len(s.met) < maxMet:
		s.met = append(s.met, meeting{p.region, now})
	}
}

// standing returns how much the word of this replica weighs where two have each
// forgotten what the other has not seen: how many regions it has met within the
// time for which one may be away, its own included.
func (e *Engine) standing(now time.Time) int {
	n := 1
	for _, m := range e.settling.met {
		if m.region != e.self.Region && now.Sub(m.at) <= e.cfg.HorizonFor {
			n++
		}
	}
	return n
}

// isStale reports whether a peer's snapshot lacks what has been forgotten here,
// although the peer has seen it.
func (e *Engine) isStale(from crdt.ReplicaID, s *crdt.Snapshot) bool {
	horizon := e.store.Horizon().Vector
	i, ok := e.peers.search(from)
	if !ok {
		return false
	}
	had, has := e.store.Sight(s.Vector), e.store.Sight(e.peers.list[i].vector)
	return !had.CoversAll(horizon) && has.CoversAll(horizon)
}

// refuse notes that a peer's state cannot be taken. The peer hears of it with the
// next heads, and decides as [Engine.yields] says.
func (e *Engine) refuse(now time.Time, from crdt.ReplicaID) {
	e.stats.Refused++
	if i, ok := e.peers.search(from); ok {
		e.peers.list[i].refused = true
		e.touch(now)
	}
	e.fruitless(now)
}

// yields decides what a snapshot means that cannot be joined because one side has
// forgotten what the other has not seen: the side that has met fewer regions
// begins anew, and of equal ones the one that has not seen something, or, when
// that is both, whose region, then whose replica, comes later in order.
func (e *Engine) yields(now time.Time, m *Message, err error) bool {
	behind, old := errors.Is(err, crdt.ErrBehind), errors.Is(err, crdt.ErrOldNews)
	if ours := e.standing(now); ours != m.Standing {
		return ours < m.Standing
	}
	if behind && old {
		return e.self.Region > m.Region || e.self.Region == m.Region && e.self.Replica > m.From
	}
	return behind
}

// refused returns the peers whose state cannot be taken.
func (p *peers) refused() (out []crdt.ReplicaID) {
	for i := range p.list {
		if p.list[i].refused {
			out = append(out, p.list[i].replica)
		}
	}
	return out
}

// nextReckoning asks a peer for a snapshot that refuses this replica's state: what
// it has forgotten may be more than this replica has seen, although it has nothing
// that is missing here.
func (e *Engine) nextReckoning(now time.Time) (*Message, crdt.ReplicaID) {
	if now.Before(e.settling.rest) {
		return nil, 0
	}
	for i := range e.peers.list {
		p := &e.peers.list[i]
		if !p.refuses || e.paused[p.region] {
			continue
		}
		p.refuses = false // It says so again if it still does.
		e.settling.rest = now.Add(e.cfg.PullTimeout)
		e.pull = pull{to: p.replica, region: p.region, sent: now, snapshot: &fetch{}}
		return e.fetchMessage(), p.replica
	}
	return nil, 0
}

// rebuild takes a snapshot in place of the own state. What nobody else has seen
// of that is lost, so its numbers must not be used again for other writes.
func (e *Engine) rebuild(s *crdt.Snapshot, unmet crdt.Vector) {
	had := e.store.Vector().Clone()
	e.stats.Rebuilt++
	e.adopt(s, unmet)
	for _, d := range had.Beyond(e.store.Applied()) {
		e.stats.Lost += int(d.N - e.store.Applied().Get(d.Replica))
	}
	e.writer++
	// The disk goes from the one state to the other by itself: only what is in both is safe.
	e.kept.vector = e.kept.vector.Meet(e.store.Vector())
	e.log = deltaLog{limit: e.cfg.LogBytes, dropped: e.store.Vector().Clone()}
	e.queue = queue{limit: e.cfg.QueueBytes}
	e.sessions.list = nil
	// What the peers refused has just been dropped, and they have to hear of it first.
	for i := range e.peers.list {
		e.peers.list[i].refuses = false
	}
}

// forgetStrangers drops what was announced by replicas that are no holders and
// have fallen silent: announcements may arrive long after their sender has ended.
func (e *Engine) forgetStrangers(now time.Time) {
	e.peers.list = slices.DeleteFunc(e.peers.list, func(p peer) bool {
		gone := now.Sub(p.heard) > 3*e.cfg.AnnounceEvery && !slices.Contains(e.settling.holders, p.replica)
		if gone && e.pull.to == p.replica {
			e.pull.end()
		}
		return gone
	})
}
