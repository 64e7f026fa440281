package node

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/pack"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Tags of the messages that nodes send each other beside replication's.
const (
	tagHeartbeat = 64 // announced: a member, its clock, links, whether it leaves
	tagRequest   = 65 // asked: a request as in package wire
)

// heartbeat is what a node announces of itself.
type heartbeat struct {
	member  region.Member
	clock   int64 // wall time in milliseconds
	links   []region.LinkState
	leaving bool
}

func encodeHeartbeat(h heartbeat) []byte {
	var e crdt.Encoder
	e.String(string(region.AppendMember(nil, h.member)))
	e.Int(h.clock)
	e.String(string(region.AppendLinks(nil, h.links)))
	e.Bool(h.leaving)
	return e.Append(nil, tagHeartbeat)
}

// errHeartbeat is the error of a message that is no heartbeat.
var errHeartbeat = errors.New("malformed heartbeat")

func decodeHeartbeat(b []byte) (heartbeat, error) {
	var h heartbeat
	d, tag := crdt.NewDecoder(b)
	if tag != tagHeartbeat {
		return h, errHeartbeat
	}
	member := pack.NewReader(d.Bytes())
	h.member = region.ReadMember(member)
	h.clock = d.Int()
	links := pack.NewReader(d.Bytes())
	h.links = region.ReadLinks(links)
	h.leaving = d.Bool()
	if err := errors.Join(d.Err(), member.Done(), links.Done()); err != nil {
		return h, errors.Join(errHeartbeat, err)
	}
	return h, nil
}

// greet announces the node at once.
func (n *Node) greet() { n.announce(false) }

func (n *Node) announce(leaving bool) {
	now := n.clock.now()
	n.mu.Lock()
	n.mu.beat++
	h := heartbeat{member: n.member(), clock: now.UnixMilli(), links: n.mu.links.List(), leaving: leaving}
	changes, err := n.mu.view.Heartbeat(h.member, now)
	n.mu.Unlock()
	n.changed(changes, err)
	if err := n.link.Announce(encodeHeartbeat(h)); err != nil {
		n.cfg.Log.Debug("announce", "err", err)
	}
}

// member returns what the node says of itself. The caller holds the lock.
func (n *Node) member() region.Member {
	return region.Member{
		Name: n.cfg.Name, Region: n.cfg.Region, Zone: n.cfg.Zone, Weight: n.cfg.Weight,
		Replica: n.self, State: n.mu.state, Started: uint64(n.started.UnixMilli()), Beat: n.mu.beat,
	}
}

func (n *Node) setState(s region.State) {
	n.mu.Lock()
	n.mu.state = s
	n.mu.Unlock()
	n.greet()
}

// beats announces the node, watches the others and follows the placement until
// ctx ends. Nothing else does the latter, so that the latest is followed last.
func (n *Node) beats(ctx context.Context) {
	tick := time.NewTicker(n.cfg.Members.HeartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.moved:
			n.follow()
			continue
		case <-tick.C:
		}
		n.mu.Lock()
		n.touch()
		changes := n.mu.view.Tick(n.clock.now())
		n.mu.Unlock()
		n.changed(changes, nil)
		n.greet()
	}
}

// heard takes a heartbeat in.
func (n *Node) heard(h heartbeat) {
	if h.member.Replica == n.self {
		return
	}
	now := n.clock.now()
	n.mu.Lock()
	var changes []region.Change
	var err error
	if h.leaving {
		changes = n.mu.view.Leave(h.member.Region, h.member.Name, h.member.Replica, now)
	} else {
		changes, err = n.mu.view.Heartbeat(h.member, now)
	}
	n.listen(h, now)
	relinked := false
	for _, l := range h.links {
		relinked = n.mu.links.Apply(l) || relinked
	}
	n.mu.Unlock()
	n.changed(changes, err)
	if relinked {
		n.obeyLinks()
	}
}

// told is what a life of a member has said of itself beside its record.
type told struct {
	heard time.Time
	skew  time.Duration // its clock against this node's
	ready crdt.HLC      // its clock when it was first heard to be ready; zero: not yet
}

// listen notes what the sender of a heartbeat tells, if it is the member of its
// name: whoever can reach the network can announce any number of replica IDs.
// The caller holds the lock.
func (n *Node) listen(h heartbeat, now time.Time) {
	m, known := n.mu.view.Member(h.member.Region, h.member.Name)
	if !known || m.Replica != h.member.Replica {
		return
	}
	t := n.mu.told[m.Replica]
	t.heard = now
	t.skew = time.Duration(h.clock-now.UnixMilli()) * time.Millisecond
	if t.ready == 0 && h.member.State == region.StateReady {
		t.ready = crdt.StampAt(h.clock)
	}
	n.mu.told[m.Replica] = t
	n.signs.LoadOrStore(m.Replica, new(atomic.Int64))
}

// sign notes that something came from a replica.
func (n *Node) sign(from crdt.ReplicaID) {
	if at, ok := n.signs.Load(from); ok {
		at.(*atomic.Int64).Store(n.clock.now().UnixNano())
	}
}

// touch tells the view of the members from which something else came than
// heartbeats. The caller holds the lock.
func (n *Node) touch() {
	n.signs.Range(func(replica, at any) bool {
		if t := at.(*atomic.Int64).Load(); t > 0 {
			n.mu.view.Touch(replica.(crdt.ReplicaID), time.Unix(0, t))
		}
		return true
	})
}

// changed acts on changes of the member view.
func (n *Node) changed(changes []region.Change, err error) {
	if err != nil {
		n.cfg.Log.Warn("member refused", "err", err)
	}
	if len(changes) == 0 {
		return
	}
	news := false
	for _, c := range changes {
		n.logChange(c)
		switch c.Kind {
		case region.Joined, region.Back, region.Replaced:
			news = news || c.Member.Replica != n.self
		}
		switch c.Kind {
		case region.Left, region.Forgotten:
			n.forget(c.Member.Replica)
		case region.Replaced:
			n.forget(c.Former.Replica)
		}
	}
	if err := n.replan(); err != nil {
		n.cfg.Log.Error("placement", "err", err)
		return
	}
	if news {
		// The new one should learn of this node and of what it holds at once.
		n.greet()
		n.announceHeads()
	}
	n.followSoon()
}

func (n *Node) logChange(c region.Change) {
	level := n.cfg.Log.Info
	if c.Kind == region.Suspected || c.Kind == region.Conflict {
		level = n.cfg.Log.Warn
	}
	level("member", "change", c.String())
}

// forget drops what the engines know of a life that has ended.
func (n *Node) forget(r crdt.ReplicaID) {
	n.mu.Lock()
	delete(n.mu.told, r)
	n.mu.Unlock()
	n.signs.Delete(r)
	for _, s := range n.held() {
		s.do(func(e *cachesync.Engine) { e.Forget(r) })
	}
}

// announceHeads makes every engine announce at its next beat.
func (n *Node) announceHeads() {
	for _, s := range n.held() {
		s.do(func(e *cachesync.Engine) { e.Announce() })
	}
}

// replan computes the placement anew from the member view.
func (n *Node) replan() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	pl, err := newPlacement(n.mu.view, n.cfg.Region, n.cfg.Partitions, n.cfg.Copies)
	if err != nil {
		return err
	}
	n.place.Store(pl)
	return nil
}

// readLinks reads what region.AppendLinks wrote.
func readLinks(s string) ([]region.LinkState, error) {
	r := pack.NewReader([]byte(s))
	states := region.ReadLinks(r)
	return states, r.Done()
}
