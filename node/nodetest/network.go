package nodetest

import (
	"time"

	"github.com/atollcache/atoll/crdt"
)

// link is one direction between two places.
type link struct {
	cut       time.Duration // it carries nothing before this time
	sent      int           // messages
	delivered int           // the highest that has arrived
}

// care says what may happen to a message.
type care uint8

const (
	hint  care = iota // published or announced: lost and doubled as the weather is
	asked             // a request or an answer: one copy, which may hang
)

// send puts a message on the link to a place, where do takes it, and reports
// whether a copy of it is on its way.
func (w *world) send(from, to int, c care, do func(*node)) bool {
	l := &w.links[from][to]
	l.sent++
	seq := l.sent
	w.pcg.Seed(w.seed, uint64(from)<<56|uint64(to)<<48|uint64(seq))
	w.counts.Sent++
	lost, doubled := w.net.loss, w.net.double
	if c == asked {
		lost, doubled = w.net.hang, 0
	}
	if w.rand.IntN(100) < lost {
		w.counts.Lost++
		return false
	}
	arrive := func() { w.arrive(from, to, seq, c, do) }
	w.after(w.delay(from, to), arrive)
	if w.rand.IntN(100) < doubled {
		w.counts.Doubled++
		w.after(w.delay(from, to), arrive)
	}
	return true
}

func (w *world) delay(from, to int) time.Duration {
	d := w.net.least + time.Duration(w.rand.Int64N(int64(w.net.spread)))
	if w.rand.IntN(100) < w.net.slow {
		d *= time.Duration(w.net.slowness)
	}
	if w.places[from].region != w.places[to].region {
		d += w.net.far
	}
	return d
}

// arrive hands a message over at the end of its link.
func (w *world) arrive(from, to, seq int, c care, do func(*node)) {
	l := &w.links[from][to]
	if w.now < l.cut {
		w.counts.Cut++
		return
	}
	n := w.nodes[to]
	if n == nil {
		return
	}
	if seq < l.delivered {
		w.counts.Overtaken++
	}
	l.delivered = max(l.delivered, seq)
	w.give(n, do)
}

// give has a node do something with what has come to it, when it gets around to
// it. A frozen or slow node takes it later, or never when too much has come.
func (w *world) give(n *node, do func(*node)) {
	switch {
	case !n.frozen && w.now >= n.slowUntil && len(n.inbox) == 0:
		do(n)
	case len(n.inbox) < w.waits.idle:
		n.inbox = append(n.inbox, do)
	default:
		w.counts.Dropped++
	}
}

// slowTakes is how many messages a slow node takes at each beat.
const slowTakes = 2

// takeInbox has a node take what has been waiting for it.
func (w *world) takeInbox(n *node) {
	most := len(n.inbox)
	if w.now < n.slowUntil {
		most = min(most, slowTakes)
	}
	late := n.inbox[:most]
	n.inbox = append([]func(*node){}, n.inbox[most:]...)
	for _, do := range late {
		w.counts.Late++
		if do(n); n.ended {
			return
		}
	}
}

// request is something that a node has asked another life.
type request struct {
	from *node
	to   crdt.ReplicaID
	done bool
	then func(answer []byte, ok bool)
}

// ask sends a request to a life and has then called once: with the answer, or
// with none when there will be none or the time is up.
func (w *world) ask(n *node, to crdt.ReplicaID, within time.Duration, msg []byte, then func([]byte, bool)) *request {
	r := &request{from: n, to: to, then: then}
	w.trace.Write(msg)
	o := w.lives[to]
	if o == nil {
		// Nobody is there to take it, and the network says so.
		w.after(w.net.least+w.net.spread, func() { w.answered(r, nil, false) })
		return r
	}
	w.send(n.at, o.at, asked, func(o *node) {
		if o.id != to {
			return
		}
		w.asked(o, msg, func(answer []byte) {
			w.trace.Write(answer)
			w.send(o.at, n.at, asked, func(*node) { w.answered(r, answer, true) })
		})
	})
	w.after(within, func() { w.answered(r, nil, false) })
	return r
}

// answered ends a request, unless it has ended or the asker has.
func (w *world) answered(r *request, answer []byte, ok bool) {
	n := r.from
	if r.done || n.ended {
		return
	}
	if n.frozen {
		// It will notice when it thaws.
		n.inbox = append(n.inbox, func(*node) { w.answered(r, answer, ok) })
		return
	}
	r.done = true
	r.then(answer, ok)
}
