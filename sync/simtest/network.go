package simtest

import (
	"fmt"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// event is something that is due at a time: a replica's beat, or a message that
// arrives.
type event struct {
	at   time.Duration
	seq  int // decides between events of one time
	slot int // the replica it happens to
	// A message; nil for a beat.
	msg    []byte
	from   int
	sent   int            // counts the messages of the link
	life   crdt.ReplicaID // the only one that takes it; zero: whoever is there
	answer bool           // to a request: the asker goes on with the next one
}

// before reports whether e happens before o.
func (e *event) before(o *event) bool {
	if e.at != o.at {
		return e.at < o.at
	}
	return e.seq < o.seq
}

// events is a binary heap, the earliest first.
type events []event

func (q *events) push(e event) {
	*q = append(*q, e)
	for i := len(*q) - 1; i > 0; {
		up := (i - 1) / 2
		if !(*q)[i].before(&(*q)[up]) {
			return
		}
		(*q)[i], (*q)[up] = (*q)[up], (*q)[i]
		i = up
	}
}

func (q *events) pop() event {
	old := *q
	first, n := old[0], len(old)-1
	old[0] = old[n]
	*q = old[:n]
	for i := 0; ; {
		least := i
		for down := 2*i + 1; down <= 2*i+2 && down < n; down++ {
			if old[down].before(&old[least]) {
				least = down
			}
		}
		if least == i {
			return first
		}
		old[i], old[least] = old[least], old[i]
		i = least
	}
}

// link is one direction between two replicas.
type link struct {
	cut       bool
	sent      int // messages
	delivered int // the highest that has arrived
}

func (w *world) schedule(e event) {
	w.seq++
	e.seq = w.seq
	w.events.push(e)
}

// broadcast sends a message to every other replica.
func (w *world) broadcast(r *replica, m *cachesync.Message) {
	msg := w.encode(r, m)
	for slot := range w.replicas {
		if slot != r.slot {
			w.send(event{slot: slot, from: r.slot, msg: msg})
		}
	}
}

// ask sends a request to the replica of an ID.
func (w *world) ask(r *replica, m *cachesync.Message, to crdt.ReplicaID) {
	w.looksUseful(r, m, to)
	msg := w.encode(r, m)
	slot, alive := w.slots[to]
	if alive && w.send(event{slot: slot, from: r.slot, msg: msg, life: to}) {
		return
	}
	if w.net.failFast > w.rand.IntN(100) {
		w.fail(r, to)
	}
}

// fail tells the asker that its request or the answer to it is lost, as its
// transport would.
func (w *world) fail(r *replica, to crdt.ReplicaID) {
	refusal := &cachesync.Message{Kind: cachesync.KindRefusal, From: to, Region: r.region}
	if slot, ok := w.slots[to]; ok {
		refusal.Region = w.replicas[slot].region
	}
	w.schedule(event{at: w.now + w.delay(), slot: r.slot, from: r.slot, msg: cachesync.Encode(refusal), life: r.id})
}

// send puts a message on a link and reports whether a copy of it is on its way.
func (w *world) send(e event) bool {
	l := &w.links[e.from][e.slot]
	l.sent++
	e.sent = l.sent
	w.pcg.Seed(w.seed, uint64(e.from)<<48|uint64(e.slot)<<32|uint64(l.sent))
	w.counts.Sent++
	if w.rand.IntN(100) < w.net.loss {
		w.counts.Lost++
		return false
	}
	e.at = w.now + w.delay()
	w.schedule(e)
	if w.rand.IntN(100) < w.net.double {
		w.counts.Doubled++
		e.at = w.now + w.delay()
		w.schedule(e)
	}
	return true
}

func (w *world) delay() time.Duration {
	d := w.net.least + time.Duration(w.rand.Int64N(int64(w.net.spread)))
	if w.rand.IntN(100) < w.net.slow {
		d *= time.Duration(w.net.slowness)
	}
	return d
}

// pass lets time pass and everything happen that is due.
func (w *world) pass(d time.Duration) {
	until := w.now + d
	for len(w.events) > 0 && w.events[0].at <= until && w.err == nil {
		e := w.events.pop()
		w.now = e.at
		if e.msg == nil {
			w.beat(w.replicas[e.slot])
		} else {
			w.deliver(e)
		}
	}
	w.now = until
}

// deliver gives a message to the replica that it is for.
func (w *world) deliver(e event) {
	r, l := w.replicas[e.slot], &w.links[e.from][e.slot]
	if l.cut {
		w.counts.Cut++
		return
	}
	if r.frozen {
		return
	}
	if e.life != 0 && e.life != r.id {
		return
	}
	if e.sent < l.delivered {
		w.counts.Overtaken++
	}
	l.delivered = max(l.delivered, e.sent)
	ms, err := cachesync.Decode(e.msg)
	if err != nil || len(ms) != 1 {
		w.broken("decode %x: %d messages, %v", e.msg, len(ms), err)
		return
	}
	m := ms[0]
	w.note(r, "takes", m)
	answer := r.engine.Receive(r.time(w), m)
	w.look(r)
	if answer != nil {
		w.reply(r, m, answer)
	}
	if e.answer {
		w.tick(r)
	}
}

// reply sends an engine's answer to the life that asked.
func (w *world) reply(r *replica, asked, answer *cachesync.Message) {
	switch {
	case !asked.Kind.IsRequest():
		w.broken("replica %d answers to %v", r.slot, asked)
		return
	case answer.Kind == cachesync.KindRefusal:
		w.counts.Refusals++
	case answer.Truncated:
		w.counts.Truncated++
	case answer.Kind == cachesync.KindSnapshot && answer.Index > 0:
		w.counts.Pieces++
	}
	w.fits(r, answer)
	msg := w.encode(r, answer)
	slot, alive := w.slots[asked.From]
	if !alive {
		return
	}
	if !w.send(event{slot: slot, from: r.slot, msg: msg, life: asked.From, answer: true}) && w.net.failFast > w.rand.IntN(100) {
		w.fail(w.replicas[slot], r.id)
	}
}

// encode returns a message's bytes and adds them to the trace.
func (w *world) encode(r *replica, m *cachesync.Message) []byte {
	if m.From != r.id || m.Region != r.region || m.Partition != partition {
		w.broken("replica %d sends %v as %v in %q", r.slot, m, m.From, m.Region)
	}
	for _, d := range m.Deltas {
		w.largest = max(w.largest, d.Size())
	}
	w.note(r, "sends", m)
	msg := cachesync.Encode(m)
	w.trace.Write(msg)
	return msg
}

// note writes a line about a message to the log.
func (w *world) note(r *replica, what string, m *cachesync.Message) {
	if w.log != nil {
		fmt.Fprintf(w.log, "%8v   %d %s %v\n", w.now, r.slot, what, m)
	}
}
