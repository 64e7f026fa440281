package nodetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	cachesync "github.com/atollcache/atoll/sync"
)

// checkKept checks what a life leaves on its disk when it ends, whichever way it does:
// what it has answered for, within what its durability allows, and nothing that it has
// let go.
func (s *saver) checkKept() {
	n, d, w := s.n, s.d, s.n.w
	name := w.places[n.at].name
	for q := range w.parts {
		p := partition(q)
		has := d.vector(d.last(), p)
		if d.last().parts[p] != nil && !n.held[p].on && n.held[p].letGo > 0 && n.held[p].letGo < s.covered && w.disks.durability != keepNone {
			w.broken("%s still keeps partition %d on its disk, which it let go at %v", name, p, n.held[p].letGo)
		}
		if !n.held[p].on || d.damaged[p] || n.core.Shard(p) == nil || isUnread(n.core.Shard(p)) {
			continue
		}
		for _, o := range w.parts[p].writes {
			if n.held[p].seen.Covers(o.delta.Dot) && !has.Covers(o.delta.Dot) {
				s.checkLost(p, o)
			}
		}
	}
}

// checkLost checks whether a disk may lack a write that its node had in memory.
func (s *saver) checkLost(p partition, o *write) {
	n, w := s.n, s.n.w
	for _, a := range o.assured {
		window := w.disks.window
		if s.longest >= window/2 {
			// A round that takes so long is waited for before much else is acknowledged.
			window += s.longest + w.disks.slowTakes*4
		}
		switch {
		case a.life != n.id, a.at < n.held[p].since: // Another copy, which others had when it ended.
		case s.d.failed != nil && w.disks.durability != keepSync:
		case w.disks.durability == keepSync, w.disks.durability == keepInterval && a.at < w.now-window:
			w.broken("%s, partition %d: %v to %s is not on its disk, which has %v, and it has acknowledged that at %v", w.places[n.at].name, p, o.delta.Dot, o.delta.Key, s.d.vector(s.d.last(), p), a.at)
		}
	}
	w.counts.Unsynced++
}

// checkComplete checks that a disk has everything after a clean stop.
func (w *world) checkComplete(n *node) {
	d := n.saver.d
	for q := range w.parts {
		p, has := partition(q), d.vector(d.last(), partition(q))
		s := n.core.Shard(p)
		switch {
		case s == nil && d.last().parts[p] == nil, d.damaged[p], s != nil && isUnread(s):
		case !has.Equal(n.held[p].seen):
			w.broken("%s stops with %v of partition %d, and its disk has %v", w.places[n.at].name, n.held[p].seen, p, has)
		}
	}
}

// checkAnnounced checks that a node announces nothing as kept that a crash can take.
func (w *world) checkAnnounced(n *node, head *cachesync.Message) {
	if n.saver == nil || w.disks.durability == keepNone || n.saver.d.failed != nil {
		return
	}
	d, p := n.saver.d, head.Partition
	kept, has := head.Vector, d.images[0].parts[p]
	if head.Keeps {
		kept = head.Kept
	}
	var safe crdt.Vector
	if has != nil {
		h, err := has.Head()
		if err != nil {
			w.broken("%s, partition %d: head on disk: %w", w.places[n.at].name, p, err)
		}
		safe = w.parts[p].full(h.Vector)
	}
	if !d.damaged[p] && !safe.CoversAll(w.parts[p].full(kept)) {
		w.broken("%s announces that it keeps %v of partition %d, and a crash leaves %v", w.places[n.at].name, kept, p, safe)
	}
}

// checkStamp checks that a later write of a place is stamped later, whatever became of
// the lives before.
func (w *world) checkStamp(n *node, p partition, delta *crdt.Delta) {
	if n.saver == nil {
		return
	}
	d := n.saver.d
	if d.failed != nil {
		return
	}
	if before := d.stamped[p]; delta.Stamp <= before {
		w.broken("%s stamps %v with %v, and has stamped an earlier write with %v", w.places[n.at].name, delta.Dot, delta.Stamp, before)
	}
	if bound := d.last().clock; delta.Stamp > bound {
		w.broken("%s stamps %v with %v, and the bound on its disk is %v", w.places[n.at].name, delta.Dot, delta.Stamp, bound)
	}
	d.stamped[p] = delta.Stamp
}

// isUnread reports whether a shard's disk has failed to give what it keeps.
func isUnread(s *core.Shard) (unread bool) {
	s.Look(func(_ *cachesync.Engine, state *crdt.Partition) { unread = state.Err() != nil })
	return unread
}

// lookAtShard notes that a node has put an empty copy of a partition in the place of one
// that its disk has failed to give.
func (w *world) lookAtShard(n *node, p partition) {
	h, s := &n.held[p], n.core.Shard(p)
	if n.saver == nil || s == nil || h.shard == s {
		return
	}
	old := h.shard
	if h.shard = s; old == nil || !isUnread(old) {
		return
	}
	w.counts.Replaced++
	w.note(n, "begins partition %d anew, which cannot be read", p)
	stats := statsOf(old)
	w.counts.Engines = w.counts.Engines.Add(stats)
	w.parts[p].ended = w.parts[p].ended.Add(stats)
	had := h.seen
	h.seen, h.rebuilt, h.retired, h.ready, h.warm, h.since = nil, 0, 0, false, false, w.now
	w.dropped(n, p, unreadable, had)
}

// onDisk reports whether a disk that nobody uses has a write.
func (w *world) onDisk(p partition, dot crdt.Dot) bool {
	return slices.ContainsFunc(w.drives, func(d *disk) bool { return d != nil && d.resting && d.vectors[p].Covers(dot) })
}

// hasForgotten reports whether a disk that nobody uses holds a state in which something
// was forgotten, or an ID retired, that neither a node nor anybody who lives has seen. Who
// stops cleanly is not waited for any more from then on, and may come back to its own disk
// while nobody is there to tell it what has become of the partition. What it writes then
// has not seen that, as with who was left out: of the two states one gives way, with what
// nobody else has of it. Had anybody who lives seen it, the node would have to have it
// from there.
func (w *world) hasForgotten(n *node, p partition) bool {
	unseen := func(d crdt.Dot) bool {
		return !slices.ContainsFunc(w.nodes, func(o *node) bool { return o != nil && o.held[p].on && o.held[p].seen.Covers(d) })
	}
	return len(n.held[p].seen) > 0 && slices.ContainsFunc(w.drives, func(d *disk) bool {
		return d != nil && d.resting && slices.ContainsFunc(d.horizon(p), unseen)
	})
}

// horizon returns the vector of what was forgotten in the state that a disk has of a
// partition.
func (d *disk) horizon(p partition) crdt.Vector {
	state := d.last().parts[p]
	if state == nil || d.damaged[p] {
		return nil
	}
	head, err := state.Head()
	if err != nil {
		d.w.broken("%s, partition %d: head on disk: %w", d.w.places[d.at].name, p, err)
	}
	return head.Horizon.Vector
}

// destroy is the end of a disk that nobody uses, with all that it has.
func (w *world) destroy(at int) {
	d := w.drives[at]
	w.counts.Destroyed++
	w.note(nil, "the disk of %s is no more", w.places[at].name)
	had := d.vectors
	w.drives[at] = nil
	for p, h := range w.parts {
		for _, o := range h.writes {
			if !o.died && had[p].Covers(o.delta.Dot) && !w.isAnywhere(partition(p), o.delta.Dot) {
				o.died = true
				w.counts.Died++
			}
		}
	}
}

// unsavedDisk says what is still to be saved, nothing when nothing is.
func (w *world) unsavedDisk(n *node) string {
	s := n.saver
	if s == nil || s.d.failed != nil {
		return ""
	}
	if keys, bytes := n.core.Unsaved(); keys > 0 {
		return fmt.Sprintf("%s has not saved %d keys of %d bytes", w.places[n.at].name, keys, bytes)
	}
	for p := range n.holds() {
		if has := s.d.vector(&s.d.images[0], partition(p)); w.disks.durability != keepNone && !has.Equal(n.held[p].seen) {
			return fmt.Sprintf("%s has %v of partition %d, and on its disk %v", w.places[n.at].name, n.held[p].seen, p, has)
		}
	}
	return ""
}

// compareDisk compares what a disk keeps of a partition with what its node has.
func (w *world) compareDisk(n *node, p partition) {
	s := n.saver
	if s == nil || s.d.failed != nil || w.err != nil || w.disks.durability == keepNone {
		return
	}
	var kept crdt.Partition
	head, ok, err := s.d.Head(p)
	if err == nil && ok {
		err = kept.Open(s.d.last().parts[p].Clone(), head)
	}
	if err != nil {
		w.broken("%s, partition %d: open what is on its disk: %w", w.places[n.at].name, p, err)
		return
	}
	if have, want := stateOf(&kept), stateOf(stateIn(n.core.Shard(p))); !slices.Equal(have, want) {
		w.broken("%s, partition %d: on its disk there is %x, in memory %x", w.places[n.at].name, p, have, want)
	}
}

// reset has a place's clock be read by another process.
func (w *world) reset(at int) {
	c := &w.clocks[at]
	if c.last.After(w.shown) {
		w.shown = c.last
	}
	c.last = time.Time{}
}

// refuses reports whether a node of a region refuses writes, since its disk has failed.
func (w *world) refuses(region string) bool {
	return slices.ContainsFunc(w.nodes, func(n *node) bool {
		return n != nil && n.saver != nil && n.saver.d.failed != nil && w.places[n.at].region == region && w.disks.durability == keepSync
	})
}
