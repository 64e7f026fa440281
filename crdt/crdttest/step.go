package crdttest

import (
	"errors"
	"fmt"

	"github.com/atollcache/atoll/crdt"
)

// action is what a step of a history does.
type action uint8

const (
	doCommand     action = iota + 1
	pullDelta            // take one delta of an origin, or several as one
	catchUp              // take all deltas that another replica has seen
	mergeState           // join the whole state of another replica
	saveState            // send a whole state off, to arrive later
	loadState            // join a state that was saved
	passTime             // for everybody
	setSkew              // of one replica's wall clock
	collectStable        // hide what has expired and forget what is stable
	leave                // be cut off and not waited for
	comeBack             // and meet the others again
	retireOver           // IDs that nobody writes under any more
	beginAnew            // under another ID
	storeChanges         // save to the tier
	releaseKey           // from memory
	crash                // and begin again with what the tier has
	reopen               // having saved everything
	sumUp                // compare digests
	evictKey             // forget its values
	restoreKey           // from another replica
	repairKey            // as comparing does
	announceFills        // from now on writes bar them
	expectValue          // only in scripts written by hand
)

// step is one step of a history. It names things relative to what there is, so
// that it still means something when the steps before it are left out.
type step struct {
	action   action
	at       int       // the replica, from 0
	other    int       // the other replica, or the saved state
	offset   int       // pullDelta
	count    int       // pullDelta, storeChanges
	millis   int64     // passTime, setSkew
	commands []Command // doCommand; all on one key
	key      string    // expectValue, releaseKey, evictKey, restoreKey, repairKey
	expect   string    // expectValue
}

// run does one step and checks the replica that it touched.
func (w *world) run(s step) (err error) {
	r := w.replicas[s.at%len(w.replicas)]
	other := w.replicas[s.other%len(w.replicas)]
	var keys []string
	before := w.present(r)
	switch s.action {
	case evictKey, restoreKey, repairKey:
		keys, err = []string{s.key}, w.runEvict(r, other, s)
	case doCommand:
		keys = []string{s.commands[0].Key}
		err = w.doOrMiss(r, s.commands)
	case pullDelta:
		keys, err = w.pull(r, other.id, s.offset, s.count)
	case catchUp:
		keys, err = w.catchUp(r, other)
	case mergeState:
		if r.away == other.away {
			keys, err = w.join(r, other.state())
		}
	case saveState:
		w.save(r)
	case loadState:
		if len(w.saved) > 0 {
			keys, err = w.join(r, w.saved[s.other%len(w.saved)])
		}
	case collectStable:
		keys, err = w.collect(r)
	case leave:
		w.leave(r)
	case comeBack:
		keys, err = w.comeBack(r)
	case retireOver, announceFills:
		err = w.runKeyless(r, s.action)
	case beginAnew:
		w.begin(r)
	case storeChanges, releaseKey, crash, reopen, sumUp:
		keys, err = w.runStored(r, s)
	case passTime:
		w.wall += s.millis
	case setSkew:
		r.skew = s.millis
	case expectValue:
		view := r.part.Entry(s.key).View(w.now(r))
		have := read(view).String()
		if view.IsEvicted() {
			have = "evicted"
		}
		if have != s.expect {
			err = fmt.Errorf("%s at r%d: want %s, have %s", s.key, r.id, s.expect, have)
		}
	}
	if s.action == doCommand || s.action == pullDelta || s.action == catchUp {
		err = errors.Join(err, w.stays(r, before))
	}
	if err != nil {
		return err
	}
	return w.check(r, keys)
}

// replay runs a whole history and then the exchange of everything.
func replay(o Options, steps []step) error {
	w := newWorld(o)
	for i, s := range steps {
		if err := w.run(s); err != nil {
			return fmt.Errorf("step %d, %v: %w", i+1, s, err)
		}
	}
	return w.settle()
}

// settle checks the laws of joining on the states there are, exchanges
// everything, half by deltas and half by states, and checks that all replicas
// hold the same.
func (w *world) settle() error {
	for _, r := range w.replicas {
		w.save(r)
	}
	if err := w.laws(); err != nil {
		return err
	}
	if err := w.converge(); err != nil || !w.collects {
		return err
	}
	return w.forgetAll()
}

// converge brings every replica to the join of all, by deltas and by states in
// turns, and compares them.
func (w *world) converge() error {
	for i := range w.replicas {
		if err := w.run(step{action: comeBack, at: i}); err != nil {
			return fmt.Errorf("final return: %w", err)
		}
	}
	for i := range w.exchanges() {
		there, back := catchUp, mergeState
		if i%2 == 1 {
			there, back = back, there
		}
		other := 1 + i%(len(w.replicas)-1)
		if err := w.run(step{action: there, at: 0, other: other}); err != nil {
			return fmt.Errorf("final exchange: %w", err)
		}
		if err := w.run(step{action: back, at: other, other: 0}); err != nil {
			return fmt.Errorf("final exchange: %w", err)
		}
	}
	if !w.evicts {
		return w.compare(!w.collects)
	}
	if err := w.compare(false); err != nil {
		return err
	}
	if err := w.heal(); err != nil {
		return err
	}
	return w.compare(false)
}

// compare brings everybody to what r1 has seen and compares all: what they show,
// and when it is to be exact what they hold, to the byte.
func (w *world) compare(exact bool) error {
	first := w.replicas[0]
	for _, r := range w.replicas {
		if _, err := w.catchUp(r, first); err != nil {
			return err
		}
		if err := w.check(r, w.keys(), w.expiries()...); err != nil {
			return fmt.Errorf("in the end: %w", err)
		}
		if len(r.held) > 0 {
			return fmt.Errorf("in the end r%d still holds %v back", r.id, r.held[0].Dot)
		}
		if w.evicts && !w.settling {
			continue // What is evicted cannot be compared.
		}
		if err := sameLive(&r.part, &first.part, w.wall+maxSkew, afterAll); err != nil {
			return fmt.Errorf("in the end r1 and r%d show the same: %w", r.id, err)
		}
		if !exact {
			continue
		}
		if have, want := canonical(&r.part), canonical(&first.part); string(have) != string(want) {
			return fmt.Errorf("in the end r1 and r%d show the same but hold %x and %x", r.id, want, have)
		}
	}
	return nil
}

// expiries returns the moments around every expiry that was ever asserted.
func (w *world) expiries() (times []int64) {
	for _, k := range w.keys() {
		for _, o := range w.ops[k] {
			if (o.assertsExpiry() || o.assertsFieldExpiry()) && o.At != crdt.Never {
				times = append(times, o.At-1, o.At)
			}
		}
	}
	return times
}
