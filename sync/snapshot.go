package sync

import (
	"errors"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// sessions are the snapshots that are being sent.
type sessions struct {
	limit int
	next  uint64
	list  []session
}

// session is one snapshot for one receiver: a consistent cut, whatever is
// written while its pieces travel.
type session struct {
	id       uint64
	to       crdt.ReplicaID
	used     time.Time
	snapshot *crdt.Snapshot
	unmet    crdt.Vector // what was unmet then
	clock    crdt.HLC    // no write in the snapshot has a higher stamp
	done     bool        // its last piece has been sent
	starts   []int       // first key of each piece that has been cut so far
}

func (s *sessions) expire(now time.Time, idle time.Duration) {
	s.list = slices.DeleteFunc(s.list, func(o session) bool { return now.Sub(o.used) >= idle })
}

func (s *sessions) find(id uint64, to crdt.ReplicaID) *session {
	for i := range s.list {
		if s.list[i].id == id && s.list[i].to == to {
			return &s.list[i]
		}
	}
	return nil
}

// begin opens a session in place of an older one for the same receiver, or at
// the limit of one that has been sent whole. It returns nil when there are too
// many.
func (s *sessions) begin(now time.Time, to crdt.ReplicaID) *session {
	s.list = slices.DeleteFunc(s.list, func(o session) bool { return o.to == to })
	if len(s.list) >= s.limit {
		if i := slices.IndexFunc(s.list, func(o session) bool { return o.done }); i >= 0 {
			s.list = slices.Delete(s.list, i, i+1)
		}
	}
	if len(s.list) >= s.limit {
		return nil
	}
	s.next++
	s.list = append(s.list, session{id: s.next, to: to, used: now, starts: []int{0}})
	return &s.list[len(s.list)-1]
}

// EndFetch forgets a snapshot that is being sent to a replica, which has all of it:
// otherwise it is kept for Config.SnapshotIdle, in case its last piece was lost.
func (e *Engine) EndFetch(to crdt.ReplicaID) {
	e.sessions.list = slices.DeleteFunc(e.sessions.list, func(o session) bool { return o.to == to })
}

// answerFetch cuts the next piece of a snapshot, or the same one again when its
// receiver asks again.
func (e *Engine) answerFetch(now time.Time, m *Message) *Message {
	var s *session
	if m.Index == 0 {
		if s = e.sessions.begin(now, m.From); s != nil {
			s.snapshot, s.clock, s.unmet = e.store.Snapshot(), e.clock.Last(), e.unmet().Clone()
		}
	} else {
		s = e.sessions.find(m.Session, m.From)
	}
	if s == nil || m.Index < 0 || m.Index >= len(s.starts) {
		return e.message(KindRefusal)
	}
	s.used = now
	from := s.starts[m.Index]
	to, bytes := from, 0
	for to < len(s.snapshot.Keys) {
		bytes += s.snapshot.Entries[to].Size() + len(s.snapshot.Keys[to])
		if bytes > e.cfg.BatchBytes && to > from {
			break
		}
		to++
	}
	out := e.message(KindSnapshot)
	out.Clock = s.clock
	out.Session, out.Index, out.Last, out.Standing = s.id, m.Index, to == len(s.snapshot.Keys), e.standing(now)
	out.Unmet = s.unmet
	out.Piece = &crdt.Snapshot{
		Vector: s.snapshot.Vector, Horizon: s.snapshot.Horizon,
		Retired: s.snapshot.Retired, Ended: s.snapshot.Ended, First: s.snapshot.First, Evicts: s.snapshot.Evicts,
		Fills: s.snapshot.Fills, FillsBy: s.snapshot.FillsBy,
		Keys: s.snapshot.Keys[from:to], Entries: s.snapshot.Entries[from:to],
	}
	s.done = s.done || out.Last
	if !out.Last && m.Index == len(s.starts)-1 {
		s.starts = append(s.starts, to)
	}
	return out
}

func (e *Engine) fetchMessage() *Message {
	f := e.pull.snapshot
	m := e.message(KindFetch)
	m.Session, m.Index = f.session, f.index
	return m
}

// receiveSnapshot stages a piece and, with the last one, joins the whole: a part
// of a snapshot is no state of anything.
func (e *Engine) receiveSnapshot(now time.Time, m *Message) {
	f := e.pull.snapshot
	if e.pull.to != m.From || f == nil || m.Index != f.index || (m.Index > 0 && m.Session != f.session) ||
		m.Piece == nil || len(m.Piece.Keys) != len(m.Piece.Entries) {
		return
	}
	if m.Index == 0 {
		// What has been forgotten there pushes this clock ahead as well.
		if max(m.Clock, m.Piece.Horizon.Stamp).Millis() > now.Add(e.cfg.MaxSkew).UnixMilli() {
			e.stats.Skewed++
			e.stats.SkewedBy = m.From
			e.fruitless(now)
			return
		}
		f.session, f.clock = m.Session, m.Clock
		f.staged = crdt.Snapshot{
			Vector: m.Piece.Vector, Horizon: m.Piece.Horizon,
			Retired: m.Piece.Retired, Ended: m.Piece.Ended, First: m.Piece.First, Evicts: m.Piece.Evicts,
			Fills: m.Piece.Fills, FillsBy: m.Piece.FillsBy,
		}
	}
	for _, entry := range m.Piece.Entries {
		if entry.Latest() > f.clock {
			// It breaks the promise of Clock: taken in, it would push this clock ahead.
			e.stats.Skewed++
			e.stats.SkewedBy = m.From
			e.fruitless(now)
			return
		}
	}
	f.staged.Keys = append(f.staged.Keys, m.Piece.Keys...)
	f.staged.Entries = append(f.staged.Entries, m.Piece.Entries...)
	f.index++
	e.pull.again = true
	if !m.Last {
		return
	}
	e.install(now, m, f)
}

// install joins a staged snapshot that is complete, or takes it in place of the
// own state.
func (e *Engine) install(now time.Time, m *Message, f *fetch) {
	news := e.newsOf(&f.staged)
	err := e.take(&f.staged, m.Unmet, len(news) > 0)
	switch {
	case err != nil && e.isStale(m.From, &f.staged):
		// Something has been forgotten since it was taken, which its sender has seen.
		e.fruitless(now)
		return
	case err != nil && e.yields(now, m, err):
		if now.Sub(e.settling.begun) < e.cfg.AnnounceEvery {
			// Two that cannot take each other's state would be followed in turn.
			e.fruitless(now)
			return
		}
		e.settling.begun = now
		e.rebuild(&f.staged, m.Unmet)
	case err != nil:
		e.refuse(now, m.From)
		return
	case len(news) == 0:
		e.forgetRetired() // It may have known of retirements that they are stable.
		e.fruitless(now)
		return
	default:
		e.log.skipTo(news)
	}
	e.renew()
	e.forgetRetired()
	if i, ok := e.peers.search(m.From); ok && e.outlives(&e.peers.list[i]) {
		e.peers.list[i].vector = f.staged.Vector // It has begun anew since it announced.
	}
	e.stats.Snapshots++
	e.settling.rest = now.Add(e.cfg.PullTimeout)
	e.clock.Observe(max(f.clock, e.store.Horizon().Stamp))
	e.pull.end()
	e.pull.again = true
	e.touch(now)
	e.drain(now)
}

// take makes a snapshot part of what is here. One that has seen all that is here is a
// later state of the same history, whoever has forgotten what. Whoever was filled by
// several holders, of which one had forgotten more than another, comes to that without
// having been away, and so does whoever was away and wrote nothing that has not
// arrived. Taking such a snapshot in place of the own state is joining it, and nothing
// begins anew: no write is lost, so the numbers of this replica's writes go on.
//
// That is done where it cannot be joined, and where something has been forgotten here
// that has not been there: what has been forgotten without waiting for somebody may
// count again by a write that the snapshot brings and that had not seen it. For the same
// reason nothing is taken of an earlier state in which more has been forgotten.
func (e *Engine) take(s *crdt.Snapshot, unmet crdt.Vector, hasNews bool) error {
	isLater := s.Applied().CoversAll(e.store.Vector())
	ours, theirs := e.store.Horizon().Vector, s.Horizon.Vector
	odds := e.contradicts(s, unmet)
	switch {
	case isLater && hasNews && (odds != nil || len(e.settling.out) > 0 || !theirs.CoversAll(ours)):
		e.adopt(s, unmet)
		return nil
	case !isLater && !hasNews && (odds != nil || !ours.CoversAll(theirs)):
		return nil
	case odds != nil:
		return odds
	}
	err := e.store.Join(s)
	e.misses.forgetAll()
	switch {
	case errors.Is(err, crdt.ErrHorizon) && isLater:
		e.adopt(s, unmet)
		return nil
	case err == nil:
		e.addAllUnmet(unmet)
	}
	return err
}

// adopt takes a snapshot in place of the own state, with what is unmet at its sender: that
// is unmet here now, and nothing else. Of what was evicted there the values stay that are
// here and that it stands for: eviction is nobody else's (R11).
func (e *Engine) adopt(s *crdt.Snapshot, unmet crdt.Vector) {
	had, held := e.store.Vector().Clone(), map[string]*crdt.Entry{}
	for i, key := range s.Keys {
		ghost, x := s.Entries[i], e.store.Entry(key)
		if ghost.IsEvicted() && x != nil && !x.IsEvicted() && x.Plain(0) && x.Digest(key, 0) == ghost.Digest(key, 0) {
			held[key] = x.Clone()
		}
	}
	e.store.Adopt(s)
	e.misses.forgetAll()
	for key, x := range held { // Each for itself: the order does not matter.
		e.store.Restore(key, x, had)
	}
	e.settling.unmet = nil
	e.addAllUnmet(unmet)
}
