package nodetest

import (
	"slices"
	"time"

	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/region"
)

// cut has the link between two places carry nothing for a while.
func (w *world) cut(from, to int, lasts time.Duration) {
	if from == to {
		return
	}
	w.counts.Cuts++
	w.links[from][to].cut = max(w.links[from][to].cut, w.now+lasts)
	w.trouble(lasts)
	if r := w.places[from].region; r == w.places[to].region {
		w.disturbFor(r, lasts)
	}
}

// isolate cuts a region off from the others, in both directions or in one.
func (w *world) isolate(name string, in, out bool, lasts time.Duration) {
	w.counts.Cuts++
	w.trouble(lasts)
	for i := range w.places {
		for j := range w.places {
			from, to := w.places[i].region == name, w.places[j].region == name
			if out && from && !to || in && to && !from {
				w.links[i][j].cut = max(w.links[i][j].cut, w.now+lasts)
			}
		}
	}
}

// jump sets a clock wrong for a while.
func (w *world) jump(at int, by, lasts time.Duration) {
	w.counts.Jumps++
	w.clocks[at].skew = w.places[at].skew + by
	// A clock that was ahead is not right before the time has caught up with it.
	w.disturbFor(w.places[at].region, lasts+2*by.Abs())
	w.after(lasts, func() { w.clocks[at].skew = w.places[at].skew })
}

// slow has a node take its messages slowly for a while.
func (w *world) slow(n *node, lasts time.Duration) {
	w.counts.Slowed++
	n.slowUntil = w.now + lasts
	w.disturbFor(w.places[n.at].region, lasts)
}

// pause stops replication from one region to another for a while.
func (w *world) pause(n *node, from, to string, lasts time.Duration) {
	if from == to || n.frozen {
		return
	}
	w.counts.Pauses++
	w.decide(n, []region.Link{{From: from, To: to}}, true)
	w.trouble(lasts)
	w.after(lasts, func() { w.resume(from, to) })
}

// resume has somebody who knows of a pause restart replication from one region to
// another.
func (w *world) resume(from, to string) {
	for _, n := range w.nodes {
		if n != nil && !n.frozen && n.core.Paused(from, to) {
			w.decide(n, []region.Link{{From: from, To: to}}, false)
			return
		}
	}
}

// resumeAll restarts replication wherever somebody knows that it is paused.
func (w *world) resumeAll() {
	for i := range w.places {
		for j := range w.places {
			if a, b := w.places[i].region, w.places[j].region; a != b {
				w.resume(a, b)
			}
		}
	}
}

func (w *world) decide(n *node, links []region.Link, pause bool) {
	w.note(n, "decides %v paused: %v", links, pause)
	states, err := n.core.Decide(links, pause)
	if err != nil {
		w.note(n, "cannot decide: %v", err)
		return
	}
	// Who answers knows at once; the others hear of it with heartbeats.
	for at, o := range w.nodes {
		if o != nil && o != n {
			w.send(n.at, at, asked, func(o *node) { o.core.Apply(states) })
		}
	}
}

// power has all nodes of a region, or all that there are, crash at once, and be started
// again some time later.
func (w *world) power(name string, s step) {
	w.counts.Powers++
	for at, n := range w.nodes {
		if n != nil && (s.other%2 == 0 || w.places[at].region == name) {
			w.crash(n, s.lasts+time.Duration(s.other*at%7)*10*ms)
		}
	}
}

// damage has a partition on a node's disk not be readable any more, if another node has
// it.
func (w *world) damage(n *node, p partition) {
	if n.saver == nil || !n.held[p].on || n.frozen {
		return
	}
	for _, o := range w.nodes {
		if o != nil && o != n && o.state == core.Ready && o.held[p].on && o.held[p].ready && o.held[p].seen.CoversAll(n.held[p].seen) {
			w.note(n, "partition %d is damaged on disk", p)
			n.saver.d.damaged[p] = true
			w.disturbFor(w.places[n.at].region, 2*time.Second)
			return
		}
	}
}

// slowDisk has a node's disk be slow for a while.
func (w *world) slowDisk(n *node, lasts time.Duration) {
	if n.saver == nil {
		return
	}
	w.slowDisks[n.at] = w.now + lasts
	w.disturbFor(w.places[n.at].region, lasts+w.disks.wait)
}

// healDisks ends all faults of disks: nodes that cannot read theirs are started anew,
// and disks that nobody uses are used again, or are no more. What a node uses that is
// leaving by now comes to its turn when it has gone: [world.lastUse].
func (w *world) healDisks() {
	if w.disks == nil {
		return
	}
	w.disks.fails = 0
	clear(w.slowDisks)
	for at, d := range w.drives {
		if d == nil {
			continue
		}
		clear(d.damaged)
		switch n := w.nodes[at]; {
		case n != nil && n.cannotRead():
			w.crash(n, 0)
		case n != nil:
		case w.disks.returns:
			w.startAfter(0, at)
		default:
			w.destroy(at)
		}
	}
}

// lastUse decides what becomes of the disk of a node that goes for good after everything
// has healed, as healDisks does of those that nobody uses then: it is used again, or it is
// no more. Otherwise what only it has would count as kept to the end, and nobody would ever
// bring it. Where it is no more that is so before the end of the life, which answers then
// for what nobody else has as one without a disk does. It returns in how long the next life
// begins, negative for never.
func (w *world) lastUse(n *node) (again time.Duration) {
	switch {
	case !w.settling || n.saver == nil || n.again >= 0:
		return n.again
	case w.disks.returns:
		return 0
	default:
		w.destroy(n.at)
		return n.again
	}
}

// cannotRead reports whether a partition of a node cannot be read.
func (n *node) cannotRead() bool {
	return slices.ContainsFunc(n.core.Shards(), isUnread)
}

// blackout has everybody crash at once when all are equal, and start again.
func (w *world) blackout() {
	if w.disks == nil || !w.disks.blackout || w.err != nil {
		return
	}
	w.note(nil, "everything stops")
	w.counts.Blackouts++
	w.power("", step{lasts: w.cfg.Members.SuspectAfter})
	w.becomeEqual("after everybody crashed")
}
