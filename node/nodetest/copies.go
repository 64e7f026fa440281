package nodetest

import (
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	cachesync "github.com/atollcache/atoll/sync"
)

// end is how a copy of a partition came to its end.
type end uint8

const (
	crashed    end = iota // its node lost its memory
	outlived              // its node had missed too much
	rebuilt               // it was dropped for another one's state, having been away too long
	left                  // its node left
	released              // its node holds others now
	unreadable            // its node's disk does not give it
)

var endNames = [...]string{"crashed", "outlived", "rebuilt", "left", "released", "has lost what it had on its disk"}

// look checks what holds after every call of a partition's engine, and notes what
// the node has applied.
func (w *world) look(n *node, p partition) {
	h := &n.held[p]
	if !h.on || w.err != nil {
		return
	}
	w.lookAtShard(n, p)
	var v crdt.Vector
	var again int
	n.core.Do(p, func(e *cachesync.Engine) {
		w.noteRetirements(n, p, e)
		w.noteStages(n, p, e)
		if v = w.parts[p].full(e.Vector()); !v.Equal(h.seen) && !v.CoversAll(h.seen) {
			again = e.Stats().Rebuilt
		}
		v = v.Clone()
	})
	if v.Equal(h.seen) {
		return
	}
	before := h.seen
	h.seen = v
	if o := n.core.Shard(p); w.log != nil && o != nil {
		s := statsOf(o)
		w.note(n, "partition %d: %v, %d snapshots, %d rebuilt, %d refused, %d left out", p, v.Beyond(before), s.Snapshots, s.Rebuilt, s.Old+s.Refused, s.LeftOut)
	}
	switch {
	case v.CoversAll(before):
	case again > h.rebuilt:
		h.rebuilt = again
		w.counts.Rebuilt++
		w.note(n, "begins partition %d anew at %v, had %v", p, v, before)
		w.dropped(n, p, rebuilt, before)
		w.unassure(n, p, v, before)
		w.audit(n, p)
	default:
		w.broken("%s, partition %d: went back from %v to %v", w.places[n.at].name, p, before, v)
	}
	w.lookAtNews(n, p, before)
}

// lookIfReady notes that a node begins to answer for a partition. It may do so
// without having been filled when that takes too long, which needs a reason.
func (w *world) lookIfReady(n *node, p partition) {
	h := &n.held[p]
	if s := n.core.Shard(p); h.ready || s == nil || !s.IsReady() {
		return
	}
	h.ready = true
	for _, o := range w.nodes {
		if o != nil && o != n && len(o.held[p].seen) > 0 && len(o.held[p].seen.Meet(h.seen)) == 0 {
			w.parts[p].apart = true
		}
	}
	if w.hasForgotten(n, p) {
		w.parts[p].apart = true
	}
	if w.now-h.since <= w.cfg.FillWait {
		return
	}
	w.counts.Unfilled++
	w.parts[p].apart = true
	if w.gentle && n.readyAt > 0 && n.readyAt < h.since { // Doors may take a while to open.
		w.broken("%s answers for partition %d without having been filled although nothing is broken", w.places[n.at].name, p)
	}
}

// lookAtNews checks what a node has applied since before.
func (w *world) lookAtNews(n *node, p partition, before crdt.Vector) {
	if w.light {
		return
	}
	now := n.now()
	for _, d := range n.held[p].seen.Beyond(before) {
		o := w.parts[p].byDot[d]
		switch {
		case o == nil:
			w.broken("%s, partition %d: has applied %v, which was never written", w.places[n.at].name, p, d)
		case d.Replica.Life() == n.id:
		case o.delta.Stamp.Time().Sub(now) > w.cfg.Sync.MaxSkew:
			w.broken("%s, partition %d: has applied %v, which is stamped %v ahead of its clock",
				w.places[n.at].name, p, d, o.delta.Stamp.Time().Sub(now))
		}
	}
}

// gone notes the end of a node's copy of a partition.
func (w *world) gone(n *node, p partition, how end) {
	had := n.held[p].seen
	n.held[p].seen = nil
	n.held[p].on = false
	if s := n.core.Shard(p); s != nil {
		stats := statsOf(s)
		w.counts.Engines = w.counts.Engines.Add(stats)
		w.parts[p].ended = w.parts[p].ended.Add(stats)
	}
	w.dropped(n, p, how, had)
}

// dropped notes that a node has lost what a vector covers and it does not have any
// more. What nobody else has is lost: that is a defect unless the node crashed, or
// was away for so long that it had to begin anew, or left alone.
func (w *world) dropped(n *node, p partition, how end, had crdt.Vector) {
	lost := 0
	var example *write
	for _, o := range w.parts[p].writes {
		if o.died || !had.Covers(o.delta.Dot) {
			continue
		}
		if how == crashed || how == outlived || how == unreadable {
			o.hurt = w.now
		}
		if w.isAnywhere(p, o.delta.Dot) {
			continue
		}
		o.died = true
		lost++
		if example == nil || o.hurt < example.hurt {
			example = o
		}
	}
	if lost == 0 {
		return
	}
	w.counts.Died += lost
	w.note(n, "%s: %d writes of partition %d are nowhere else, such as %v", endNames[how], lost, p, example.delta.Dot)
	if why := w.mayLose(n, p, how, example); why != "" {
		w.broken("%s %s, %s, and with it %d writes to partition %d, such as %v to %s",
			w.places[n.at].name, endNames[how], why, lost, p, example.delta.Dot, example.delta.Key)
	}
}

// mayLose says why a copy that ended in a way must not have had what nobody else
// has, nothing when that may happen.
func (w *world) mayLose(n *node, p partition, how end, o *write) string {
	switch {
	case how == crashed, how == unreadable, o.hurt > 0 && max(o.hurt, n.thawed)+w.cfg.Members.SuspectAfter+2*w.cfg.Members.HeartbeatEvery > w.now:
		return "" // Nobody can know of a crash at once.
	case how == released:
		return "which holders do only when others have everything"
	case how == rebuilt && !w.isPartStrained(p):
		return "although nobody was left out"
	case w.gentle && w.hasHeir(n):
		return "although nothing was broken"
	case how == left && w.isQuick() && w.hasHeir(n) && !w.troubledSince(n.leftAt):
		return "although others were there to take over"
	}
	return ""
}

// isQuick reports whether bounds are wide enough for a node to be filled, or to
// hand over, in the time there is.
func (w *world) isQuick() bool { return w.maxPulls > 1 && w.cfg.Sync.BatchBytes >= 4000 }

// hasHeir reports whether, when a node was told to leave, another one was ready to
// take over and has stayed so.
func (w *world) hasHeir(n *node) bool {
	for _, o := range w.nodes {
		if o != nil && o != n && o.state == core.Ready && !o.closing && !o.frozen && o.readyAt+time.Second < n.leftAt {
			return true
		}
	}
	return false
}

// isAnywhere reports whether some living node has applied a write, or a disk has it that
// a life may begin with.
func (w *world) isAnywhere(p partition, d crdt.Dot) bool {
	return w.isInMemory(p, d) || w.onDisk(p, d)
}

// isInMemory reports whether some living node has applied a write.
func (w *world) isInMemory(p partition, d crdt.Dot) bool {
	return slices.ContainsFunc(w.nodes, func(o *node) bool { return o != nil && o.held[p].on && o.held[p].seen.Covers(d) })
}

// trouble notes that something is broken for a while.
func (w *world) trouble(lasts time.Duration) {
	if w.now > w.troubled {
		w.began = w.now
	}
	w.troubled = max(w.troubled, w.now+lasts)
	w.longest = max(w.longest, w.troubled-w.began)
}

// troubledSince reports whether anything was broken since a time, or shortly
// before.
func (w *world) troubledSince(at time.Duration) bool {
	return w.net.loss > 2 || w.net.hang > 0 || w.troubled+w.calm() > at && w.troubled > 0
}

// calm is how long it takes until membership has settled and partitions are filled
// after something broke or somebody came or went.
func (w *world) calm() time.Duration {
	return w.cfg.Members.SuspectAfter + w.cfg.FillWait + w.cfg.JoinWait + w.waits.try + 4*w.cfg.Sync.AnnounceEvery
}
