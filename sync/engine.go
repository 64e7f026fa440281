package sync

import (
	"errors"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// Identity is who an engine is.
type Identity struct {
	// Replica is the node's present life, which peers send to.
	Replica crdt.ReplicaID
	// Writer is what names the engine's writes: an ID that no engine has had for this
	// partition, unless the store holds all that was written under it. It is
	// Replica's ([crdt.ReplicaID.Life]) or equal to it; a replica that has to drop
	// writes goes on under the next ID. Zero means Replica.
	Writer    crdt.ReplicaID
	Region    string
	Partition region.Partition
	// Clock is a stamp that all of this replica's are to be above. The store's are.
	Clock crdt.HLC
	// MayStamp reports whether a stamp may be given out yet. Nil means any.
	MayStamp func(crdt.HLC) bool
}

// Errors of writing.
var (
	// ErrDuplicate is returned by Engine.Write for a request ID that it
	// remembers: the command has run already, here or at another replica.
	ErrDuplicate = errors.New("request has run already")
	// ErrAhead is returned by Engine.Write while the stamps given so far are further
	// ahead of the clock than Config.MaxSkew: peers would not take the write.
	ErrAhead = errors.New("stamps are ahead of the clock")
	// ErrUnbound is returned by Engine.Write while Identity.MayStamp holds the write's
	// stamp back.
	ErrUnbound = errors.New("stamp may not be given out yet")
)

// Engine replicates one partition at one replica. It is a stepped machine: it
// has no goroutine, lock, clock or I/O, and is not safe for concurrent use.
// Times that are given to it never go back.
type Engine struct {
	cfg    Config
	self   Identity
	writer crdt.ReplicaID
	store  Store
	clock  crdt.Clock
	stats  Stats

	log      deltaLog
	hold     holdback
	queue    queue
	requests requests
	peers    peers
	pull     pull
	sessions sessions
	settling settling
	kept     kept
	misses   misses

	draft    *draft       // of the next write
	mutator  crdt.Mutator // of the command that runs
	lastDeps crdt.Vector  // of the last write

	paused    map[string]bool // regions whose messages are not taken
	changed   time.Time       // first change that has not been announced; zero: none
	announced time.Time       // last announcement
	begun     time.Time       // first announcement
	digested  time.Time       // last announcement with a digest
	passing   bool            // the partition is not meant to be kept
}

// NewEngine returns an engine for a store that only it writes.
func NewEngine(cfg Config, self Identity, store Store) *Engine {
	cfg = cfg.withDefaults()
	if self.Writer == 0 {
		self.Writer = self.Replica
	}
	e := &Engine{
		writer:   self.Writer,
		cfg:      cfg,
		self:     self,
		store:    store,
		log:      deltaLog{limit: cfg.LogBytes, dropped: store.Vector().Clone()},
		hold:     holdback{limit: cfg.HoldBytes},
		queue:    queue{limit: cfg.QueueBytes},
		requests: requests{limit: cfg.Requests},
		peers:    peers{limit: cfg.Peers},
		sessions: sessions{limit: cfg.Snapshots},
		misses:   misses{limit: cfg.Misses},
		paused:   map[string]bool{},
	}
	e.clock.Observe(max(self.Clock, store.Horizon().Stamp, store.Highest()))
	return e
}

// Writer returns the ID under which this replica's next write will be: the one it
// was made with, or a later one of the same life if it had to drop writes since.
func (e *Engine) Writer() crdt.ReplicaID { return e.writer }

// Vector returns what has been applied here. Read only.
func (e *Engine) Vector() crdt.Vector { return e.store.Vector() }

// Has reports whether a peer that has announced a vector has all that was applied here
// at some time, as the engine's vector said then.
func (e *Engine) Has(announced, then crdt.Vector) bool {
	has := e.store.Sight(announced)
	return has.CoversAll(then)
}

// apply applies a delta that is ready, to store and log.
func (e *Engine) apply(now time.Time, d *crdt.Delta) error {
	if err := e.store.Apply(d); err != nil {
		return err
	}
	e.clock.Observe(d.Stamp)
	e.misses.forget(d.Key)
	e.log.add(d)
	for _, r := range d.Requests {
		e.requests.add(r)
	}
	e.touch(now)
	return nil
}

// touch notes that there is something to announce.
func (e *Engine) touch(now time.Time) {
	if e.changed.IsZero() {
		e.changed = now
	}
}

// Next returns the next message to broadcast, nil when there is nothing to send.
// The caller sends it at once or loses it: peers will pull what is lost.
func (e *Engine) Next() *Message {
	ds := e.queue.take(e.cfg.BatchBytes)
	if len(ds) == 0 {
		return nil
	}
	merged := coalesce(ds)
	e.stats.Coalesced += len(ds) - len(merged)
	m := e.message(KindDeltas)
	m.Deltas = merged
	return m
}

func (e *Engine) message(k Kind) *Message {
	return &Message{Kind: k, Partition: e.self.Partition, From: e.self.Replica, Region: e.self.Region}
}

// Heads returns the announcement that is due at a time, nil when none is.
func (e *Engine) Heads(now time.Time) *Message {
	due := now.Sub(e.announced) >= e.cfg.AnnounceEvery ||
		(!e.changed.IsZero() && now.Sub(e.changed) >= e.cfg.AnnounceAfter)
	if !due {
		return nil
	}
	e.announced, e.changed = now, time.Time{}
	if e.begun.IsZero() {
		e.begun = now
	}
	m := e.message(KindHeads)
	m.Vector = e.store.Vector().Clone()
	m.Held, m.Retired = e.hold.heads(), e.lastRetired()
	m.Refused, m.Passing = e.peers.refused(), e.passing
	m.Clock = crdt.StampAt(now.UnixMilli())
	m.Keeps, m.Kept = e.kept.announce(m.Vector)
	e.digest(now, m)
	return m
}

// Announce makes the heads due at once, for a peer that has just appeared or a
// link that has been resumed.
func (e *Engine) Announce() { e.announced, e.digested = time.Time{}, time.Time{} }

// Pass says with every announcement from now on whether this replica means to let
// the partition go: who lets it go as well does not rely on this one.
func (e *Engine) Pass(passing bool) {
	if e.passing != passing {
		e.passing = passing
		e.Announce()
	}
}

// Pause stops taking anything from a region until [Engine.Resume]; what it asks
// for it is still given. Nothing is lost: what is missed is pulled afterwards.
func (e *Engine) Pause(region string) {
	e.paused[region] = true
	e.pull.forgetRegion(region)
}

// Resume takes messages from a region again.
func (e *Engine) Resume(region string) {
	delete(e.paused, region)
	e.Announce()
}

// Receive takes a message from a peer and returns the answer to it, nil when it
// wants none. It never keeps memory of m other than the deltas and entries in
// it, which the caller hands over.
func (e *Engine) Receive(now time.Time, m *Message) *Message {
	if m.From == e.self.Replica || m.From == 0 {
		return nil
	}
	// What a paused region asks for is not its writes: the way there may be open.
	if e.paused[m.Region] && !m.Kind.IsRequest() {
		e.stats.Paused++
		return nil
	}
	switch m.Kind {
	case KindDeltas:
		e.receiveDeltas(now, m)
	case KindHeads:
		e.receiveHeads(now, m)
	case KindPull:
		return e.answerPull(m)
	case KindFetch:
		return e.answerFetch(now, m)
	case KindSnapshot:
		e.receiveSnapshot(now, m)
	case KindCompare:
		return e.answerCompare(now, m)
	case KindSymbols:
		e.receiveSymbols(now, m)
	case KindMend:
		return e.answerMend(now, m)
	case KindMended:
		e.receiveMended(now, m)
	case KindWant:
		return e.answerWant(m)
	case KindGiven:
		e.receiveGiven(now, m)
	case KindRefusal:
		e.refused(now, m.From)
	}
	return nil
}

// receiveHeads notes what a peer has, and sees to it that the peer hears of what
// is here: one that has just appeared, or that took nothing while a link was
// paused, may not know of it.
func (e *Engine) receiveHeads(now time.Time, m *Message) {
	own := e.store.Vector()
	has := e.store.Sight(m.Vector)
	switch isNew := e.peers.heard(now, m, e.self.Replica, e.store.CoversAll); {
	case isNew:
		e.Announce()
	case !has.CoversAll(own):
		e.touch(now)
	}
	e.noteVector(m.From, m.Vector.Join(m.Retired))
	if i, ok := e.peers.search(m.From); ok {
		e.meet(now, &e.peers.list[i])
		e.compareHeads(now, &e.peers.list[i], m)
	}
}

func (e *Engine) receiveDeltas(now time.Time, m *Message) {
	old := e.stats.Old
	for _, d := range m.Deltas {
		e.receiveDelta(now, d)
	}
	e.drain(now)
	e.answered(now, m, e.stats.Old > old)
}

func (e *Engine) receiveDelta(now time.Time, d *crdt.Delta) {
	switch {
	case e.store.Covers(d.Dot):
		e.stats.Repeated++
	case d.Dot.Replica == e.writer:
		// Only this engine numbers its writes. Whoever sends one that it has not
		// made uses its identity, or it has lost its own state.
		e.stats.Foreign++
	case e.ready(now, d):
		e.applyRemote(now, d)
	case !e.hold.add(now, d):
		e.stats.HoldDropped++
	default:
		e.stats.Held++
	}
}

// ready reports whether a delta's causes are here and its stamp is not too far
// ahead of the local clock.
func (e *Engine) ready(now time.Time, d *crdt.Delta) bool {
	if !e.store.Ready(d) {
		return false
	}
	if d.Stamp.Millis() > now.Add(e.cfg.MaxSkew).UnixMilli() {
		e.stats.Skewed++
		e.stats.SkewedBy = d.Dot.Replica
		return false
	}
	return true
}

// drain applies what was held back and is ready now.
func (e *Engine) drain(now time.Time) {
	for !e.hold.empty() {
		d := e.hold.take(now, e.store.Covers, func(d *crdt.Delta) bool { return e.ready(now, d) })
		if d == nil {
			return
		}
		e.applyRemote(now, d)
	}
}

func (e *Engine) applyRemote(now time.Time, d *crdt.Delta) {
	switch err := e.apply(now, d); {
	case err == nil:
		e.stats.Applied++
		if d.Retires() {
			e.renew()
		}
	case errors.Is(err, crdt.ErrHorizon):
		// Its origin had not seen what has been forgotten here. Whoever has applied it
		// before forgetting has a state that it is part of.
		e.stats.Old++
		if !errors.Is(err, crdt.ErrBehind) {
			e.addUnmet(crdt.Dot{Replica: d.Dot.Replica, N: e.store.Vector().Get(d.Dot.Replica) + 1})
		}
	default:
		e.stats.Failed++
	}
}

// Tick does what is due at a time and returns the request to send, if any, and
// the replica to send it to. The answer is given to [Engine.Receive].
func (e *Engine) Tick(now time.Time) (*Message, crdt.ReplicaID) {
	e.drain(now)
	e.stats.HoldExpired += e.hold.expire(now, e.cfg.HoldFor)
	e.sessions.expire(now, e.cfg.SnapshotIdle)
	return e.nextRequest(now)
}

// Stats returns the engine's counters.
func (e *Engine) Stats() Stats {
	s := e.stats
	s.LogBytes, s.HoldBytes, s.QueueBytes = e.log.bytes, e.hold.bytes, e.queue.bytes
	s.Sessions = len(e.sessions.list)
	return s
}
