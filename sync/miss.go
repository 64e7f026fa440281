package sync

import (
	"errors"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// # Misses
//
// Who finds a key missing and means to load its value is given a stamp, with which the
// value may come back: a fill (crdt.Mutator.Fill). The engine remembers the miss until
// anything happens to the key, and takes the fill only while it does. That is a lease as
// memcached has them (Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013), but
// for one thing: what happens to the key in other regions counts as well, by what package
// crdt says of fills, also when it comes after the fill.
//
// Of several that find a key missing one is given the stamp; the others are asked to wait
// until it has come back, or had the time to.

// Errors of fills.
var (
	// ErrMissOld is returned by Engine.Fill for a miss that is older than Config.FillFor.
	ErrMissOld = errors.New("the miss is too old to be filled")
	// ErrMissUnknown is returned by Engine.Fill for a stamp that has never been given out.
	ErrMissUnknown = errors.New("no such miss has been given out")
)

// Miss is what somebody is told who has found a key missing.
type Miss struct {
	// Stamp is what the fill has to come with, zero when it may not come.
	Stamp crdt.HLC
	// Wait says, without a Stamp, how long it is expected to take until somebody else has
	// filled the key. Zero: nobody is about to, and the key cannot be filled yet.
	Wait time.Duration
}

// miss is a miss that may be filled.
type miss struct {
	stamp crdt.HLC
	since time.Time // when the key was found missing
	given time.Time // when the stamp was last given out
}

// misses are those of one partition.
type misses struct {
	limit  int
	byKey  map[string]miss
	oldest []listed    // in the order of their stamps; some may be over
	wanted bool        // somebody has asked since the engine began
	mark   crdt.Vector // what all have to have seen before fills are made
}

// listed is a miss in the order of all.
type listed struct {
	key   string
	stamp crdt.HLC
}

// forget ends the miss of a key to which something has happened.
func (m *misses) forget(key string) { delete(m.byKey, key) }

// forgetAll ends all misses.
func (m *misses) forgetAll() { m.byKey, m.oldest = nil, nil }

// add remembers a miss and returns how many it has forgotten for want of room.
func (m *misses) add(key string, x miss) (dropped int) {
	if m.byKey == nil {
		m.byKey = map[string]miss{}
	}
	m.byKey[key] = x
	m.oldest = append(m.oldest, listed{key, x.stamp})
	for ; len(m.byKey) > m.limit; m.oldest = m.oldest[1:] {
		if first := m.oldest[0]; !m.isOver(first) {
			delete(m.byKey, first.key)
			dropped++
		}
	}
	if len(m.oldest) > 2*m.limit {
		m.oldest = slices.DeleteFunc(m.oldest, m.isOver)
	}
	return dropped
}

// isOver reports whether a miss is not remembered any more.
func (m *misses) isOver(l listed) bool {
	x, ok := m.byKey[l.key]
	return !ok || x.stamp != l.stamp
}

// Miss notes that a key has been found missing here by somebody who means to load it.
// The first in a partition have to wait until every holder is known to have heard that
// fills are made there: to them it gives neither a stamp nor a time to wait. Errors are
// those of [Engine.Write].
func (e *Engine) Miss(now time.Time, key string) (Miss, error) {
	if e.isAhead(now) {
		e.stats.Ahead++
		return Miss{}, ErrAhead
	}
	if !e.mayStamp(now) {
		return Miss{}, ErrUnbound
	}
	e.misses.wanted = true
	switch stage, _ := e.store.Fills(); stage {
	case crdt.NoFills:
		return Miss{}, e.stage(now, crdt.FillsSoon)
	case crdt.FillsSoon:
		return Miss{}, nil
	}
	x, ok := e.misses.byKey[key]
	if ok && now.Sub(x.since) > e.cfg.FillFor {
		ok = false
	}
	if ok {
		if left := e.cfg.FillLead - now.Sub(x.given); left > 0 {
			e.stats.MissesWaited++
			return Miss{Wait: left}, nil
		}
		x.given = now
		e.misses.byKey[key] = x
		return Miss{Stamp: x.stamp}, nil
	}
	x = miss{stamp: e.clock.Next(now.UnixMilli()), since: now, given: now}
	e.stats.MissesDropped += e.misses.add(key, x)
	e.stats.Misses++
	return Miss{Stamp: x.stamp}, nil
}

// Fill takes the value of a key that was missing when a stamp was given out: run calls
// [crdt.Mutator.Fill] with that stamp. It gives nil when the fill was not taken, because
// something has happened to the key since, or the miss has been forgotten; and
// [ErrMissOld], [ErrMissUnknown] or an error of [Engine.Write].
func (e *Engine) Fill(now time.Time, key string, stamp crdt.HLC, run func(*crdt.Mutator) error) (*crdt.Delta, error) {
	if stamp > e.clock.Last() {
		return nil, ErrMissUnknown
	}
	if now.Sub(stamp.Time()) > e.cfg.FillFor {
		return nil, ErrMissOld
	}
	if e.misses.byKey[key].stamp != stamp || stamp == 0 {
		e.stats.FillsRefused++
		return nil, nil
	}
	d, err := e.Write(now, key, 0, run)
	switch {
	case err != nil:
	case d == nil:
		e.stats.FillsRefused++
	default:
		e.stats.Fills++
	}
	return d, err
}

// ForgetMisses lets nothing be filled any more that has been missing by now.
func (e *Engine) ForgetMisses() { e.misses.forgetAll() }

// stage writes that the partition has come to a stage of letting fills be made.
func (e *Engine) stage(now time.Time, s crdt.FillStage) error {
	d := e.nextDelta(now)
	d.Effects = []crdt.Effect{crdt.Stage(s)}
	return e.issue(now, d)
}

// openFills lets fills be made, if somebody wants to, once every holder that is waited for
// has heard that writes have to bar them. Who said so first may have been retired since, so
// that it cannot be asked who has seen that: what is asked for is all that had been seen
// here, the retirement in its place among it.
func (e *Engine) openFills(now time.Time) {
	stage, _ := e.store.Fills()
	if stage != crdt.FillsSoon || !e.misses.wanted || e.isAhead(now) || !e.mayStamp(now) {
		return
	}
	if v := e.store.Vector(); len(e.misses.mark) == 0 || !v.CoversAll(e.misses.mark) {
		e.misses.mark = v.Clone()
	}
	if e.settled(e.misses.mark, 0) != nil {
		return
	}
	if err := e.stage(now, crdt.FillsOpen); err != nil {
		e.stats.Failed++
	}
}
