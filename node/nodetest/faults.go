package nodetest

import (
	"time"

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
