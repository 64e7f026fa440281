package nodetest

import (
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
)

// What package node does about a disk is here, without goroutines.

// saver saves what a life changes. A nil one belongs to a life without a disk.
type saver struct {
	n       *node
	d       *disk
	pass    *core.Pass    // the round under way; nil: none is
	flight  *flight       // what the disk is doing; nil: nothing
	waiting []func(error) // for the next round
	covered time.Duration // what was acknowledged before is saved
	longest time.Duration // that a round took
	left    bool          // the last round could not save what cannot be read
}

// flight is a change on its way to the disk.
type flight struct {
	reach func()      // the disk has it
	told  func(error) // the node knows, or knows that it failed
	there bool        // it has been reached
}

// errDiskSlow, errUnsaved and errRefused are the replies of a node whose disk is too slow
// or has failed.
var (
	errDiskSlow = &wire.Error{Code: wire.CodeOverload, Text: "BUSY"}
	errUnsaved  = &wire.Error{Code: wire.CodeTimeout, Text: "TIMEOUT not known to be saved"}
	errRefused  = &wire.Error{Code: wire.CodeUnavailable, Text: "MISCONF"}
)

// beginDisk makes the saver of a life, with the life's ID and what it begins with.
func (w *world) beginDisk(n *node, cfg *core.Config) {
	d := w.disk(n.at)
	if d == nil {
		n.id = w.newID()
		return
	}
	n.saver = &saver{n: n, d: d, covered: w.now}
	cfg.Disk, cfg.Loses = d, w.disks.durability == keepNone
	found := *d.last()
	cfg.Kept.Clock = max(found.clock, d.highest)
	first := !d.again
	for p := range d.stamped {
		d.stamped[p] = slices.Max(d.stamped)
	}
	d.again, d.highest = false, 0
	if first {
		w.reset(n.at) // Another process may find that the machine's clock has been set back.
		d.blind = false
		d.mount()
		for p, x := range found.parts {
			if x != nil {
				cfg.Kept.Partitions = append(cfg.Kept.Partitions, partition(p))
			}
		}
	}
	if first && found.clean && found.life != 0 {
		w.counts.Resumed++
		n.id, cfg.Kept.Writer = found.life.Life(), found.life
	} else {
		n.id = w.newID()
	}
	if !d.blind {
		d.setMeta(n.id, max(cfg.Kept.Clock, n.saver.lead()))
	}
}

// live gives a core what its disk allows, and notes what it begins with.
func (s *saver) live(kept core.Kept) {
	n, w := s.n, s.n.w
	n.core.Extend(max(kept.Clock, s.d.last().clock))
	if s.d.blind {
		n.core.FailDisk(s.refusal())
	}
	for _, p := range kept.Partitions {
		w.counts.Warm++
		n.held[p] = hold{on: true, warm: true, since: w.now, seen: s.d.vector(s.d.last(), p), shard: n.core.Shard(p)}
		w.audit(n, p)
	}
	w.after(w.disks.every, s.beat)
}

// lead returns a bound of stamps ahead of the clock.
func (s *saver) lead() crdt.HLC { return crdt.StampAt(s.n.now().Add(s.n.w.disks.lead).UnixMilli()) }

// beat has a round begin now and then.
func (s *saver) beat() {
	if s.n.ended {
		return
	}
	s.n.w.after(s.n.w.disks.every, s.beat)
	s.round()
}

// round saves all that has changed, unless a round is under way: then the next begins
// when that has ended, if somebody waits for it.
func (s *saver) round() {
	n, w := s.n, s.n.w
	if s.pass != nil || n.frozen || n.core == nil {
		return
	}
	w.counts.Rounds++
	began, waiting := w.now, s.waiting
	s.pass, s.waiting = n.core.NewPass(), nil
	s.bound(func(err error) {
		if err == nil {
			s.covered, s.longest = began, max(s.longest, w.now-began)
			s.release()
			if s.left = s.pass.Left() > 0; s.left {
				err = core.ErrUnread // Which of those who wait it is about is not known.
			}
		}
		s.pass = nil
		for _, f := range waiting {
			f(err)
		}
		if len(s.waiting) > 0 {
			s.round()
		}
	})
}

// bound keeps the bound of stamps ahead of the clock, and goes on to save.
func (s *saver) bound(done func(error)) {
	n, d := s.n, s.d
	switch {
	case d.failed != nil:
		done(d.failed)
	case !n.core.WantsBound(n.now().Add(n.w.disks.lead / 2)):
		s.fill(false, done)
	default:
		bound := s.lead()
		s.fly(func() { d.setMeta(n.id, bound) }, func(err error) {
			if err != nil {
				done(err)
				return
			}
			n.core.Extend(bound)
			s.fill(false, done)
		})
	}
}

// fill saves the next batch of a round.
func (s *saver) fill(unsynced bool, done func(error)) {
	loses := s.n.w.disks.durability == keepNone
	b := &batch{d: s.d}
	more, err := s.pass.Fill(b, s.n.w.disks.batch)
	if err != nil {
		s.n.w.broken("%s: fill a batch: %w", s.n.w.places[s.n.at].name, err)
		return
	}
	synced := !more && !loses
	finish := func(err error) {
		s.pass.Committed(err)
		switch {
		case err != nil:
			done(err)
		case more:
			s.fill(unsynced || !b.isEmpty(), done)
		default:
			if !loses {
				s.pass.Synced()
			}
			done(nil)
		}
	}
	if b.isEmpty() && !(synced && unsynced) {
		finish(nil)
		return
	}
	s.fly(func() { b.commit(synced) }, finish)
}

// fly has the disk do something, which takes a while, and may fail.
func (s *saver) fly(reach func(), told func(error)) {
	w, d := s.n.w, s.d
	f := &flight{reach: reach, told: told}
	s.flight = f
	takes := w.disks.takes
	if w.now < w.slowDisks[s.n.at] {
		takes = w.disks.slowTakes
	}
	w.after(takes, func() { s.land(f) })
	if w.disks.fails > 0 && d.chance(w.disks.fails) {
		d.fail = true
	}
}

// land is the disk having done what it was to do, or not.
func (s *saver) land(f *flight) {
	n, d := s.n, s.d
	switch {
	case n.ended || s.flight != f:
	case n.frozen:
		n.inbox = append(n.inbox, func(*node) { s.land(f) })
	case d.fail:
		if d.chance(50) {
			f.reach() // A sync that fails may have synced.
		}
		s.flight = nil
		s.failed()
		f.told(d.failed)
	default:
		f.reach()
		f.there = true
		n.w.after(n.w.disks.telling, func() { s.tell(f) })
	}
}

// tell has the node hear that the disk has done what it was to do.
func (s *saver) tell(f *flight) {
	switch n := s.n; {
	case n.ended || s.flight != f:
	case n.frozen:
		n.inbox = append(n.inbox, func(*node) { s.tell(f) })
	default:
		s.flight = nil
		f.told(nil)
	}
}

// hurry ends what the disk is doing, whatever it takes.
func (s *saver) hurry() {
	for f := s.flight; f != nil; f = s.flight {
		if !f.there {
			f.reach()
		}
		s.flight = nil
		f.told(nil)
	}
}

// failed notes that nothing can be saved any more.
func (s *saver) failed() {
	w := s.n.w
	w.counts.DiskFails++
	w.note(s.n, "disk fails")
	s.d.failed = errFails
	w.trouble(0)
	s.n.core.FailDisk(s.refusal())
}

// refusal is what writes get where nothing can be saved, nil where they go on.
func (s *saver) refusal() *wire.Error {
	if s.n.w.disks.durability == keepSync {
		return errRefused
	}
	return nil
}
