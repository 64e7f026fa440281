package simtest

import (
	"bytes"
	"errors"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// patience is how long after the end of all faults the replicas may take to
// become equal, in simulated time.
const patience = 20 * time.Second

// settle ends all faults, waits until nothing more happens and checks what must
// hold then.
func (w *world) settle() {
	late := w.now + (w.net.least+w.net.spread)*time.Duration(w.net.slowness) // what is on its way has come by then
	w.heal()
	deadline := w.now + patience
	// Whoever was left out may still be told so, and begin anew.
	calm := 5 * ms
	if w.forgetful() {
		calm = 2*w.cfg.AnnounceEvery + w.cfg.PullTimeout
	}
	for since := w.now; (w.now <= late || w.now-since < calm) && w.err == nil; {
		if w.now > deadline {
			w.broken("after %v without faults %v:%v", patience, w.unfinished(), w.vectors())
			return
		}
		w.round()
		if !w.quiet() || !w.same() {
			since = w.now
		}
	}
	w.compare()
	w.stayQuiet()
	w.compareRequests()
	w.forgetAll(deadline)
	w.damage(deadline)
}

// forgetAll waits until nothing waits to be forgotten any more, and checks that
// then nothing is kept but what shows, the same everywhere to the byte.
func (w *world) forgetAll(deadline time.Duration) {
	if w.cfg.Peers < len(w.replicas) {
		return // they do not know of each other what it takes
	}
	waits := func(r *replica) bool {
		return r.part.Waiting().Keys > 0 || len(r.part.Retired()) > 0 || r.mayForget(w.latest())
	}
	for w.err == nil && slices.ContainsFunc(w.replicas, waits) {
		if w.now > deadline+patience {
			for _, r := range w.replicas {
				w.broken("replica %d still waits to forget: %+v, %v", r.slot, r.engine.Backlog(), r.part.Retired())
			}
			return
		}
		w.round()
	}
	if w.err == nil {
		w.compare()
		w.comparePlain()
	}
}

// comparePlain checks that the replicas keep the same, to the byte, and nothing
// that does not show.
func (w *world) comparePlain() {
	want := w.replicas[0].part
	for _, r := range w.replicas {
		if r.part.Len() != want.Len() || r.part.Bytes() != want.Bytes() {
			w.broken("replica %d keeps %d entries of %d bytes, replica 0 %d of %d", r.slot, r.part.Len(), r.part.Bytes(), want.Len(), want.Bytes())
		}
		for _, k := range r.part.Keys() {
			e := r.part.Entry(k)
			if !e.Plain(w.latest()) {
				w.broken("replica %d keeps more of %s than what shows: %x", r.slot, k, crdt.AppendEntry(nil, e))
			}
			if o := want.Entry(k); o == nil || !bytes.Equal(crdt.AppendEntry(nil, e), crdt.AppendEntry(nil, o)) {
				w.broken("replicas 0 and %d keep different things of %s", r.slot, k)
			}
		}
	}
}

// damage drops keys behind the backs of some replicas and waits until they are
// back.
func (w *world) damage(deadline time.Duration) {
	if w.err != nil || len(w.replicas) < 2 {
		return
	}
	whole := w.replicas[w.rand.IntN(len(w.replicas))]
	for _, r := range w.replicas {
		for _, k := range r.part.Keys() {
			if r != whole && w.rand.IntN(2) == 0 {
				r.part.Lose(k)
				w.counts.Damaged++
			}
		}
	}
	for w.err == nil && !w.same() {
		if w.now > deadline+2*patience {
			w.broken("what was damaged is not repaired")
		}
		w.round()
	}
	w.compare()
	w.stayQuiet()
}

// same reports whether all replicas show the same.
func (w *world) same() bool {
	at := w.latest()
	want := w.replicas[0].state(at)
	return !slices.ContainsFunc(w.replicas, func(r *replica) bool { return !bytes.Equal(r.state(at), want) })
}

// heal ends all faults.
func (w *world) heal() {
	w.net = weather{least: w.net.least, spread: w.net.spread, forgetsTheDead: true}
	for i, r := range w.replicas {
		r.skew = w.skews[i]
		w.thaw(r)
		for j := range w.links[i] {
			w.links[i][j].cut = false
		}
		for _, o := range w.replicas {
			if r.paused[o.region] {
				w.resume(r, o.region)
			}
		}
	}
}

// round lets a little time pass in a world without faults.
func (w *world) round() {
	w.forget()
	w.revive()
	for _, r := range w.replicas {
		w.flush(r)
	}
	w.pass(5 * ms)
}

// quiet reports whether all replicas are equal and have nothing left to do.
func (w *world) quiet() bool { return w.unfinished() == "" }

// unfinished says what is left to do, nothing when nothing is.
func (w *world) unfinished() string {
	for _, r := range w.replicas {
		s := r.engine.Stats()
		switch {
		case !r.part.Vector().Equal(w.replicas[0].part.Vector()):
			return "vectors differ"
		case s.HoldBytes > 0:
			return "deltas are held back"
		case r.engine.Behind():
			return "a replica thinks that it is behind"
		case len(w.missing(r)) > 0:
			return "a key is evicted"
		case w.opens(r):
			return "fills are wanted and not made"
		case s.QueueBytes > 0:
			return "something is queued"
		case w.retires() && w.unretired(r) != 0:
			return "nobody writes under " + w.unretired(r).String()
		}
	}
	return ""
}

func (w *world) vectors() (s string) {
	for _, r := range w.replicas {
		s += "\n  " + r.id.String() + ": " + r.part.Vector().String()
	}
	return s
}

// compare checks that all replicas hold what they should.
func (w *world) compare() {
	if w.err != nil {
		return
	}
	first := w.replicas[0]
	for _, r := range w.replicas {
		w.audit(r)
		if have, want := w.seenBy(r).Get(r.writer()), w.issued(r.writer()); have != want {
			w.broken("replica %d has %d of its own %d writes", r.slot, have, want)
		}
		for _, at := range []int64{w.latest(), epoch.Add(time.Hour).UnixMilli()} {
			if have, want := r.state(at), first.state(at); !bytes.Equal(have, want) {
				w.broken("replicas 0 and %d at %v differ: %x and %x", r.slot, r.part.Vector(), want, have)
			}
		}
	}
}

// stayQuiet checks that nothing is asked for any more and nothing changes.
func (w *world) stayQuiet() {
	if w.err != nil {
		return
	}
	for range 5 { // what was announced before is heard
		w.round()
	}
	before, vector := w.pulls(), w.replicas[0].part.Vector().Clone()
	for _, r := range w.replicas {
		r.heads = 0
	}
	for end := w.now + 3*w.cfg.AnnounceEvery; w.now < end && w.err == nil; {
		w.round()
	}
	if !w.quiet() || !w.replicas[0].part.Vector().Equal(vector) {
		w.broken("all were equal at %v and are not any more: %v%s", vector, w.unfinished(), w.vectors())
	}
	w.headsAtRest()
	// One pull may still have been under way.
	if after := w.pulls(); after > before+len(w.replicas) {
		w.broken("%d pulls although everything is equal", after-before)
	}
}

// headsAtRest checks that replicas announce at their slow beat and no faster.
func (w *world) headsAtRest() {
	for _, r := range w.replicas {
		if r.heads > 4 {
			w.broken("replica %d announced %d times in 3 beats although everything is equal", r.slot, r.heads)
		}
	}
}

func (w *world) pulls() (n int) {
	for _, r := range w.replicas {
		n += r.engine.Stats().Pulls
	}
	return n
}

// compareRequests checks that every replica knows every request that has run, as
// long as no bound and no snapshot has made it forget.
func (w *world) compareRequests() {
	if w.err != nil || w.counts.Crashes+w.counts.Rebuilt > 0 || w.cfg.Requests < 1000 {
		return
	}
	for _, r := range w.replicas {
		if r.engine.Stats().Snapshots > 0 {
			continue
		}
		for _, h := range w.history {
			for _, id := range h.delta.Requests {
				_, err := r.engine.Write(r.time(w), "k", id, func(*crdt.Mutator) error { return errRan })
				if !errors.Is(err, cachesync.ErrDuplicate) {
					w.broken("replica %d: request %d of %v is not known: %v", r.slot, id, h.delta.Dot, err)
					return
				}
			}
		}
	}
}

var errRan = errors.New("the command has run")
