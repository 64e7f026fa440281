package nodetest

import (
	"log/slog"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// node is one life at a place.
type node struct {
	w     *world
	at    int // the place
	id    crdt.ReplicaID
	core  *core.Core
	ended bool // of no use any more
	state core.State
	began time.Duration

	frozen    bool
	thawed    time.Duration
	slowUntil time.Duration
	inbox     []func(*node) // what has come and has not been taken yet

	held    []hold // by partition
	pulls   int    // partitions that pull
	offered []bool // by partition: it answers for it as its owner
	waiting []*waiting
	rests   map[crdt.ReplicaID]time.Duration // until when a node that did not answer is not asked
	opening bool
	open    bool          // its doors are
	again   time.Duration // started again so long after it has left; negative: never
	closing bool          // it was told to leave
	told    bool          // it was told that it has missed too much
	leftAt  time.Duration // when it was
	saver   *saver        // nil: it has no disk
	killAt  int           // which step of finishing with its disk it does not live to see; zero: it does
	readyAt time.Duration
	memory  *core.Memory              // nil: it has room for everything
	gone    map[goneKey]time.Duration // until when it is remembered that nobody has a key
}

// hold is what the world knows of a partition that a node holds.
type hold struct {
	on        bool
	warm      bool          // the life has begun with it
	delivered bool          // what others publish of it is
	letGo     time.Duration // when it was let go
	shard     *core.Shard   // of a node with a disk
	since     time.Duration
	pulling   bool
	ready     bool        // it answers for it
	seen      crdt.Vector // what it had applied when it was last looked at
	rebuilt   int         // how often it has begun anew
	retired   int         // IDs that it has retired by itself
	heads     int         // announcements made
}

// waiting is something that a node comes back to at every beat until it is done.
type waiting struct {
	poll func() (done bool)
}

// start begins a new life at a place.
func (w *world) start(at int) {
	if w.nodes[at] != nil {
		return
	}
	p := w.places[at]
	clock := &w.clocks[at]
	cfg := w.cfg
	cfg.Region, cfg.Name, cfg.Zone, cfg.Weight = p.region, p.name, p.zone, p.weight
	cfg.Now = func() time.Time { return clock.now(w.now) }
	cfg.Mono = func() time.Duration { return w.now }
	cfg.Started = cfg.Now()
	if !cfg.Started.After(w.started[at]) {
		cfg.Started = w.started[at].Add(ms)
	}
	w.started[at], cfg.Known = cfg.Started, slices.Clone(w.knew[at])
	n := &node{w: w, at: at, rests: map[crdt.ReplicaID]time.Duration{}, gone: map[goneKey]time.Duration{}, began: w.now, again: -1}
	n.held = make([]hold, w.cfg.Partitions.Count())
	n.offered = make([]bool, w.cfg.Partitions.Count())
	n.memory = w.newMemory(at)
	cfg.Memory = n.memory
	w.beginDisk(n, &cfg)
	if w.log != nil {
		cfg.Log = slog.New(logHandler{w, n})
	}
	w.nodes[at], w.lives[n.id] = n, n
	w.counts.Joins++
	w.disturb(p.region)
	c, err := core.New(cfg, n.id, n)
	if err != nil {
		w.broken("start %s: %w", p.name, err)
		return
	}
	n.core = c
	w.note(n, "starts as %v", n.id)
	if n.saver != nil {
		n.saver.live(cfg.Kept)
	}
	first := time.Duration(at) * w.beat / time.Duration(len(w.places))
	w.after(first, func() { w.beatOf(n) })
	if w.memory != nil && w.memory.buries {
		w.after(buryEvery, n.buryBeat)
	}
}

// newID returns the identity of the next life. The order of the IDs says nothing
// about the order of the lives.
func (w *world) newID() crdt.ReplicaID {
	w.born++
	return crdt.ReplicaID(uint64(w.born)*7919%10007+1) * crdt.Lives
}

// beatOf gives a node the time, as its goroutines do.
func (w *world) beatOf(n *node) {
	if n.ended {
		return
	}
	w.after(w.beat, func() { w.beatOf(n) })
	if n.frozen {
		return
	}
	if w.takeInbox(n); n.ended {
		return
	}
	if err := n.core.Step(); err != nil {
		w.broken("%s: step: %w", w.places[n.at].name, err)
		return
	}
	n.drive()
	n.poll()
	w.watch(n)
}

// drive does what a runner does at a beat: it broadcasts what is queued,
// announces what is due and sends what is to be asked.
func (n *node) drive() {
	var heads []*cachesync.Message
	for _, p := range n.core.Held() {
		n.flush(p)
		var head, req *cachesync.Message
		var to crdt.ReplicaID
		n.core.Do(p, func(e *cachesync.Engine) {
			now := n.now()
			if head = e.Heads(now); !n.held[p].pulling {
				req, to = e.Tick(now)
			}
		})
		if head != nil {
			n.w.checkAnnounced(n, head)
			n.held[p].heads++
			heads = append(heads, head)
		}
		if req != nil {
			n.startPull(req, to)
		}
		n.w.look(n, p)
		n.w.lookIfReady(n, p)
	}
	if len(heads) > 0 {
		n.Announce(cachesync.EncodeHeads(heads))
	}
}

// flush publishes what a partition has queued.
func (n *node) flush(p region.Partition) {
	for {
		var m *cachesync.Message
		n.core.Do(p, func(e *cachesync.Engine) { m = e.Next() })
		if m == nil {
			return
		}
		n.publish(p, cachesync.Encode(m))
	}
}

// publish sends deltas to those who hold their partition, as far as the network
// has heard of it.
func (n *node) publish(p region.Partition, msg []byte) {
	w := n.w
	w.trace.Write(msg)
	for at, o := range w.nodes {
		if o == nil || o == n || !o.held[p].delivered || w.now-o.held[p].since < w.net.least+w.net.far {
			continue
		}
		w.send(n.at, at, hint, func(o *node) {
			if o.held[p].delivered {
				o.published(p, msg)
			}
		})
	}
}

// published takes deltas in.
func (n *node) published(p region.Partition, msg []byte) {
	ms, err := cachesync.Decode(msg)
	if err != nil || len(ms) != 1 || ms[0].Kind != cachesync.KindDeltas || ms[0].Partition != p {
		n.w.broken("decode %x: %d messages, %v", msg, len(ms), err)
		return
	}
	n.core.Sign(ms[0].From)
	n.core.Do(p, func(e *cachesync.Engine) { e.Receive(n.now(), ms[0]) })
	n.w.look(n, p)
}

// announced takes an announcement in: a heartbeat, or heads.
func (n *node) announced(msg []byte) {
	if !cachesync.IsMessage(msg) {
		if err := n.core.Heard(msg); err != nil {
			n.w.broken("%s hears %x: %w", n.w.places[n.at].name, msg, err)
		}
		return
	}
	ms, err := cachesync.Decode(msg)
	if err != nil || len(ms) == 0 {
		n.w.broken("decode %x: %d messages, %v", msg, len(ms), err)
		return
	}
	n.core.Sign(ms[0].From)
	for _, m := range ms {
		n.core.Do(m.Partition, func(e *cachesync.Engine) { e.Receive(n.now(), m) })
		n.w.look(n, m.Partition)
	}
}

func (n *node) now() time.Time { return n.w.clocks[n.at].now(n.w.now) }

// Announce implements core.Outside.
func (n *node) Announce(msg []byte) {
	w := n.w
	w.trace.Write(msg)
	for at, o := range w.nodes {
		if o != nil && o != n {
			w.send(n.at, at, hint, func(o *node) { o.announced(msg) })
		}
	}
}

// Hold implements core.Outside.
func (n *node) Hold(p region.Partition, on bool) error {
	h := &n.held[p]
	switch {
	case on == h.on:
		h.delivered = on
	case on:
		n.w.counts.Taken++
		*h = hold{on: true, delivered: true, since: n.w.now, pulling: h.pulling}
	default:
		n.w.counts.Released++
		n.w.gone(n, p, released)
		h.letGo = n.w.now
	}
	return nil
}

// Offer implements core.Outside.
func (n *node) Offer(own, alt []region.Partition) {
	clear(n.offered)
	for _, p := range append(own[:len(own):len(own)], alt...) {
		n.offered[p] = true
	}
}

// holds iterates over the partitions that a node holds; none for no node.
func (n *node) holds() func(yield func(int) bool) {
	return func(yield func(int) bool) {
		if n == nil {
			return
		}
		for p := range n.held {
			if n.held[p].on && !yield(p) {
				return
			}
		}
	}
}
