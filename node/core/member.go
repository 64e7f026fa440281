package core

import (
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Beat announces the node and watches the others when that is due. [Core.Step]
// does the same; who cannot tell how long a step may be held up by a partition
// that is busy calls Beat from elsewhere too, so that the node is not taken for
// dead meanwhile.
func (c *Core) Beat() {
	now := c.cfg.Now()
	c.lives(now)
	c.mu.Lock()
	if c.State() == Gone || !c.mu.beat.isDue(now) {
		c.mu.Unlock()
		return
	}
	c.touch()
	c.changed(c.mu.view.Tick(now), nil)
	c.mu.Unlock()
	c.greet()
}

// greet announces the node at once.
func (c *Core) greet() { c.announce(false) }

func (c *Core) announce(leaving bool) {
	now := c.cfg.Now()
	c.mu.Lock()
	c.mu.count++
	at := c.reading(now)
	h := heartbeat{
		member: c.member(), clock: at.Wall, links: c.mu.links.List(), leaving: leaving,
		echoes: c.guard.beat(at), wants: c.waking.Load(), silent: c.silent(now),
	}
	c.changed(c.mu.view.Heartbeat(h.member, now))
	c.mu.Unlock()
	c.out.Announce(encodeHeartbeat(h))
}

// silent returns the members that are counted and not heard. The caller holds the
// lock.
func (c *Core) silent(now time.Time) (out []silent) {
	for _, m := range c.mu.view.Members() {
		if m.State == region.StateSuspect && len(out) < maxSilent {
			out = append(out, silent{m, now.Sub(c.mu.view.Heard(m.Region, m.Name))})
		}
	}
	return out
}

// member returns what the node says of itself. The caller holds the lock.
func (c *Core) member() region.Member {
	state := region.StateJoining
	if c.mu.served {
		if state = region.StateReady; c.State() >= Leaving {
			state = region.StateLeaving
		}
	}
	return region.Member{
		Name: c.cfg.Name, Region: c.cfg.Region, Zone: c.cfg.Zone, Address: c.cfg.Address, Weight: c.cfg.Weight,
		Replica: c.self, State: state, Started: uint64(c.cfg.Started.UnixMilli()), Beat: c.mu.count,
	}
}

// Heard takes in what another node has announced that is no message of package
// sync. The bytes may be hostile; an error wraps [ErrHeartbeat], and then nothing
// has changed. What follows from it is done by the next step.
func (c *Core) Heard(msg []byte) error {
	h, err := decodeHeartbeat(msg)
	if err != nil || h.member.Replica == c.self {
		return err
	}
	now := c.cfg.Now()
	c.mu.Lock()
	if h.leaving {
		c.changed(c.mu.view.Leave(h.member.Region, h.member.Name, h.member.Replica, now), nil)
	} else {
		c.changed(c.mu.view.Heartbeat(h.member, now))
	}
	c.listen(h, now)
	c.mu.Unlock()
	c.Apply(h.links)
	return nil
}

// told is what a life of a member has said of itself beside its record.
type told struct {
	heard time.Time
	skew  time.Duration // its clock against this node's
	ready crdt.HLC      // its clock when it was first heard to be ready; zero: not yet
	anew  crdt.HLC      // its clock when it was first known to speak since this node woke; zero: not yet
}

// listen notes what the sender of a heartbeat tells, if it is the member of its
// name: whoever can reach the network can announce any number of replica IDs.
// The caller holds the lock.
func (c *Core) listen(h heartbeat, now time.Time) {
	m, known := c.mu.view.Member(h.member.Region, h.member.Name)
	if !known || m.Replica != h.member.Replica {
		return
	}
	t := c.mu.told[m.Replica]
	t.heard = now
	t.skew = time.Duration(h.clock-now.UnixMilli()) * time.Millisecond
	for _, s := range h.silent {
		if s.member.Replica != c.self {
			c.changed(c.mu.view.Recall(s.member, s.since, now), nil)
		}
	}
	c.guard.heard(m.Replica, h.clock, h.echoes, c.reading(now))
	c.mu.news = c.mu.news || h.wants
	if m.Region == c.cfg.Region && h.member.State == region.StateLeaving {
		c.stir(now)
	}
	if h.member.State == region.StateJoining {
		t.ready = 0 // It has been started again, in the same life.
	}
	if t.ready == 0 && h.member.State == region.StateReady {
		t.ready = crdt.StampAt(h.clock)
	}
	if t.anew == 0 && c.isAnew(h) {
		t.anew = crdt.StampAt(h.clock)
	}
	c.mu.told[m.Replica] = t
	c.signs.LoadOrStore(m.Replica, new(atomic.Int64))
}

// Sign notes that something else than a heartbeat came from a replica.
func (c *Core) Sign(from crdt.ReplicaID) {
	if at, ok := c.signs.Load(from); ok {
		at.(*atomic.Int64).Store(c.cfg.Now().UnixNano())
	}
}

// touch tells the view of the members from which something else came than
// heartbeats. The caller holds the lock.
func (c *Core) touch() {
	for _, m := range c.mu.view.Members() {
		if at, ok := c.signs.Load(m.Replica); ok {
			if t := at.(*atomic.Int64).Load(); t > 0 {
				c.mu.view.Touch(m.Replica, time.Unix(0, t))
			}
		}
	}
}

// changed notes what changes of the member view leave to do. The caller holds the
// lock.
func (c *Core) changed(changes []region.Change, err error) {
	if err != nil {
		c.cfg.Log.Warn("member refused", "err", err)
	}
	for _, change := range changes {
		c.logChange(change)
		switch change.Kind {
		case region.Joined, region.Back, region.Replaced:
			c.mu.news = c.mu.news || change.Member.Replica != c.self
		case region.Updated:
			// Who leaves waits to hear that others have everything.
			leaves := change.Member.State == region.StateLeaving && change.Former.State != region.StateLeaving
			c.mu.news = c.mu.news || leaves && change.Member.Replica != c.self
		}
		switch change.Kind {
		case region.Left, region.Forgotten:
			c.ended(change.Member.Replica)
		case region.Replaced:
			c.ended(change.Former.Replica)
		}
		c.mu.moved = true
	}
}

func (c *Core) logChange(change region.Change) {
	level := c.cfg.Log.Info
	if change.Kind == region.Suspected || change.Kind == region.Conflict {
		level = c.cfg.Log.Warn
	}
	level("member", "change", change.String())
}

// ended drops what is known of a life that has ended. The caller holds the lock.
func (c *Core) ended(r crdt.ReplicaID) {
	delete(c.mu.told, r)
	c.signs.Delete(r)
	c.guard.forget(r)
	if len(c.mu.gone) < maxEnding {
		c.mu.gone = append(c.mu.gone, r)
	}
}

// forget drops what the engines know of a life that has ended.
func (c *Core) forget(r crdt.ReplicaID) {
	for _, s := range c.Shards() {
		s.Do(func(e *cachesync.Engine) { e.Forget(r) })
	}
}

// announceHeads makes every engine announce at its next beat.
func (c *Core) announceHeads() {
	for _, s := range c.Shards() {
		s.Do(func(e *cachesync.Engine) { e.Announce() })
	}
}

// Skew returns how far a member's clock was ahead of this node's when it was last
// heard, and when that was; zero for one that is not known.
func (c *Core) Skew(m region.Member) (skew time.Duration, heard time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.told[m.Replica].skew, c.mu.view.Heard(m.Region, m.Name)
}

// Patience returns how much longer a replica may be silent before it is
// suspected. For one that is no member's there is none.
func (c *Core) Patience(r crdt.ReplicaID) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, known := c.mu.told[r]
	if !known {
		return 0
	}
	return c.cfg.Members.SuspectAfter - c.cfg.Now().Sub(t.heard)
}
