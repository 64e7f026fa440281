package nodetest

import (
	"time"

	"github.com/atollcache/atoll/node/core"
)

// watch follows a node from state to state.
func (w *world) watch(n *node) {
	state := n.core.State()
	if state == n.state {
		return
	}
	w.note(n, "is %v", state)
	n.state = state
	w.disturb(w.places[n.at].region)
	if state == core.Ready {
		n.readyAt = w.now
	}
	if state != core.Gone {
		return
	}
	again := n.again
	if n.core.Outlived() {
		w.counts.Outlived++
		w.known(n)
		if !n.told {
			w.broken("%s begins anew although nobody told it to", w.places[n.at].name)
		}
		if n.saver != nil {
			n.saver.outlive()
		}
		w.remove(n, outlived)
		again = max(again, 0)
	} else {
		w.counts.Leaves++
		how := left
		if n.saver != nil {
			if n.saver.finish(); n.killAt > 0 {
				how = crashed
			}
		}
		again = w.lastUse(n)
		w.remove(n, how)
	}
	if again >= 0 {
		w.startAfter(again, n.at)
	}
}

// remove takes a life out of the world.
func (w *world) remove(n *node, how end) {
	w.countEvicted(n)
	for p := range n.held {
		if n.held[p].on {
			w.gone(n, partition(p), how)
		}
	}
	n.ended = true
	w.nodes[n.at] = nil
	delete(w.lives, n.id)
	w.disturb(w.places[n.at].region)
}

// crash ends a life without a word.
func (w *world) crash(n *node, again time.Duration) {
	w.counts.Crashes++
	w.note(n, "crashes")
	w.trouble(0)
	if n.saver != nil {
		n.saver.crash()
	}
	w.remove(n, crashed)
	if again < time.Hour {
		w.startAfter(again, n.at)
	}
}

// leave has a node leave and, unless again is negative, start again so long after
// it has gone.
func (w *world) leave(n *node, again time.Duration) {
	if n.closing || n.frozen || w.gentle && !w.mayLeave(n) {
		return
	}
	w.note(n, "is told to leave")
	n.closing, n.again = true, again
	n.leftAt = w.now
	leave := func() {
		n.core.Leave()
		w.watch(n)
	}
	if n.state == core.Ready {
		n.stir(leave)
	} else {
		leave()
	}
}

// outlive tells a node that it has missed too much.
func (w *world) outlive(n *node) {
	if n.frozen || n.closing {
		return
	}
	w.note(n, "has missed too much")
	n.closing, n.told, n.leftAt = true, true, w.now
	w.trouble(0)
	n.core.Outlive("it was told so")
	w.watch(n)
}

// mayLeave reports whether another node of the region is ready and stays.
func (w *world) mayLeave(n *node) bool {
	for at, o := range w.nodes {
		if o != nil && o != n && w.places[at].region == w.places[n.at].region && o.state == core.Ready && !o.closing {
			return true
		}
	}
	return false
}

// startAfter starts a node at a place after a while.
func (w *world) startAfter(d time.Duration, at int) {
	w.starting++
	w.after(d, func() {
		w.starting--
		w.start(at)
	})
}

// freeze has a node stand still for a while.
func (w *world) freeze(n *node, lasts time.Duration) {
	if n.frozen {
		return
	}
	w.counts.Freezes++
	w.note(n, "freezes for %v", lasts)
	n.frozen = true
	w.disturbFor(w.places[n.at].region, lasts)
	w.after(lasts, func() { w.thaw(n) })
}

func (w *world) thaw(n *node) {
	if n.ended || !n.frozen {
		return
	}
	w.note(n, "thaws")
	n.frozen, n.thawed = false, w.now
}
