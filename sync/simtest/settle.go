package simtest

import (
	"bytes"
	"errors"
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
	for (w.now <= late || !w.quiet()) && w.err == nil {
		if w.now > deadline {
			w.broken("after %v without faults %v:%v", patience, w.unfinished(), w.vectors())
			return
		}
		w.round()
	}
	w.compare()
	w.stayQuiet()
	w.compareRequests()
}

// heal ends all faults.
func (w *world) heal() {
	w.net = weather{least: w.net.least, spread: w.net.spread, forgetsTheDead: true}
	for i, r := range w.replicas {
		r.skew = w.skews[i]
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
		case s.QueueBytes > 0:
			return "something is queued"
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
		if have, want := r.part.Vector().Get(r.id), w.issued(r.id); have != want {
			w.broken("replica %d has %d of its own %d writes", r.slot, have, want)
		}
		for _, at := range []int64{w.wall(), epoch.Add(time.Hour).UnixMilli()} {
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
	if w.err != nil || w.counts.Crashes > 0 || w.cfg.Requests < 1000 {
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
