package e2e

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/atollcache/atoll/node/command"
)

// killCounter is the key that all writers increment.
const killCounter = "kill9-count"

// note is what was done to a key that is written once.
type note struct {
	key         string
	there, gone tally // setting and removing it
}

// tally is what became of operations of one kind.
type tally struct {
	acked   []time.Time // when those that were acknowledged were
	unknown int         // that may or may not have happened, or may have happened twice
	base    int64       // of a counter: what has been there before
	broken  error
}

// note notes how an operation went.
func (t *tally) note(err error) {
	switch outcomeOf(err) {
	case acked:
		t.acked = append(t.acked, time.Now())
	case unknown:
		t.unknown++
	case broken:
		t.broken = err
	}
}

// add adds what another one has counted, what may be lost as unknown.
func (t *tally) add(o *tally, mayBeLost func(time.Time) bool) {
	for _, at := range o.acked {
		if mayBeLost(at) {
			t.unknown++
		} else {
			t.acked = append(t.acked, at)
		}
	}
	t.unknown += o.unknown
	if o.broken != nil {
		t.broken = o.broken
	}
}

// mayBeLost reports whether what was acknowledged at a time may have been lost with the
// last kill.
func (k *killed) mayBeLost(at time.Time) bool {
	return !k.exact && (at.After(k.struck.Add(-lossWindow)) || k.isSlow()) && at.Before(k.ready)
}

// isKept reports whether one of the operations must have outlasted the last kill.
func (k *killed) isKept(t *tally) bool { return len(t.acked) > 0 && !k.mayBeLost(t.acked[0]) }

// check wants what was acknowledged to be there, and what was removed not to be.
func (k *killed) check(notes []*note) {
	k.Helper()
	const many = 200
	for len(notes) > 0 {
		some := notes[:min(many, len(notes))]
		notes = notes[len(some):]
		until(k, startWithin, "what was acknowledged is there", func() error { return k.checkSome(some) })
	}
}

func (k *killed) checkSome(notes []*note) error {
	keys := make([]string, len(notes))
	for i, o := range notes {
		keys[i] = o.key
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	values, err := k.client.MGet(ctx, keys...)
	if err != nil {
		return err
	}
	for i, o := range notes {
		value, ok := values[i].Text, values[i].OK
		switch removed := len(o.gone.acked)+o.gone.unknown > 0; {
		case o.there.broken != nil || o.gone.broken != nil:
			return fmt.Errorf("%s: want an error that a document names, have %v, %v", o.key, o.there.broken, o.gone.broken)
		case ok && value != o.key:
			return fmt.Errorf("%s: want %s, have %s", o.key, o.key, value)
		case !ok && !removed && k.isKept(&o.there):
			return fmt.Errorf("%s was acknowledged %v before the kill and is gone", o.key, k.struck.Sub(o.there.acked[0]))
		case ok && k.isKept(&o.gone):
			return fmt.Errorf("%s was removed %v before the kill and is there again", o.key, k.struck.Sub(o.gone.acked[0]))
		}
	}
	k.settle(notes, values)
	return nil
}

// settle notes what is there: that was read from what a disk has kept, and nothing takes
// it any more.
func (k *killed) settle(notes []*note, values []command.Value) {
	for i, o := range notes {
		lost := &o.there
		switch removed := len(o.gone.acked)+o.gone.unknown > 0; {
		case values[i].OK && removed:
			lost = &o.gone
		case values[i].OK || removed:
			continue
		}
		if len(lost.acked) > 0 { // A node that was not killed may have it yet.
			k.lost++
			if k.first.IsZero() || lost.acked[0].Before(k.first) {
				k.first = lost.acked[0]
			}
			if lost.acked[0].After(k.last) {
				k.last = lost.acked[0]
			}
			k.oldest = max(k.oldest, k.struck.Sub(lost.acked[0]))
			lost.acked, lost.unknown = nil, 1
		}
	}
}

// probe lets time pass, and returns how long the machine took at most to have a few bytes
// on its disk meanwhile.
func (k *killed) probe(lasts time.Duration) (longest time.Duration) {
	k.Helper()
	f, err := os.CreateTemp(k.dir, "probe-")
	if err != nil {
		k.Fatal(err)
	}
	defer func() { _ = os.Remove(f.Name()) }()
	defer func() { _ = f.Close() }()
	for until := time.Now().Add(lasts); time.Now().Before(until); <-time.After(min(pollEvery, time.Until(until))) {
		began := time.Now()
		if _, err := f.WriteString("probe"); err != nil {
			k.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			k.Fatal(err)
		}
		longest = max(longest, time.Since(began))
	}
	return longest
}

// isSlow reports whether the machine was too slow before the last kill for a window to
// hold: a commit must take less than half of it. What is at stake then is older, and no
// more.
func (k *killed) isSlow() bool { return k.stall > lossWindow/2 }

// checkSpread wants what the last kill took to have been acknowledged within one window.
func (k *killed) checkSpread() {
	k.Helper()
	if k.exact || !k.isSlow() {
		return
	}
	k.slow++
	if spread := k.last.Sub(k.first); spread > lossWindow+k.stall {
		k.Errorf("what was lost was acknowledged within %v, want at most %v", spread, lossWindow)
	}
}

// checkCount wants the counter to have what was acknowledged, and no more than may have
// happened: a call that a killed node has not answered may have run twice.
func (k *killed) checkCount() {
	k.Helper()
	until(k, startWithin, "the counter is right", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		text, _, err := k.client.Get(ctx, killCounter)
		if err != nil {
			return err
		}
		have, _ := strconv.ParseInt(text, 10, 64)
		c := &k.count
		least := c.base + int64(len(c.acked))
		if most := least + int64(c.unknown+killWriters); have < least || have > most || c.broken != nil {
			return fmt.Errorf("counter: want %d to %d, have %d, %v", least, most, have, c.broken)
		}
		// What is not settled yet may still come.
		c.base, c.acked = have, nil
		return nil
	})
}
