package sync

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// # Taking in a backup
//
// A backup of a partition is a snapshot that some holder gave out a while ago. It is
// joined as one is that a peer sends: what has been seen here and does not show was
// removed, and stays so. A backup has no sender that could be rebuilt, though, so one
// that cannot be joined is refused, and nothing changes.
//
// What is news in it is stamped long before now, which no write is that a live peer
// sends. A holder that has forgotten something since refuses such news, and would
// refuse every peer that has them. So whoever restores asks all holders before any
// takes a backup in, and none of them forgets anything in between.

// Errors of taking in a backup. Nothing has changed. Where something has been
// forgotten the error wraps crdt.ErrHorizon.
var (
	// ErrFuture is returned for stamps that are further ahead of the clock than
	// Config.MaxSkew.
	ErrFuture = errors.New("stamped ahead of this node's clock: check the clocks")
	// ErrOwnNews is returned for writes of this replica's own life that it does not
	// know of: their numbers may be in use for others.
	ErrOwnNews = errors.New("has writes of this node's present life that it has not made: restart the node without its data")
)

// Backup is what a holder gave out of a partition a while ago.
type Backup struct {
	Snapshot *crdt.Snapshot
	// Clock and Unmet are those of its messages: no write in it has a stamp above Clock.
	Clock crdt.HLC
	Unmet crdt.Vector
}

// MayTake returns the error that [Engine.TakeIn] would give, nil when it would take
// the backup in or finds nothing new in it.
func (e *Engine) MayTake(now time.Time, b *Backup) error {
	_, err := e.mayTake(now, b)
	return err
}

// mayTake returns what is news in a backup, or why it cannot be taken in.
func (e *Engine) mayTake(now time.Time, b *Backup) ([]crdt.Dot, error) {
	s := b.Snapshot
	if max(b.Clock, s.Horizon.Stamp).Millis() > now.Add(e.cfg.MaxSkew).UnixMilli() {
		return nil, ErrFuture
	}
	for _, x := range s.Entries {
		if x.Latest() > b.Clock {
			return nil, fmt.Errorf("%w: an entry is stamped after the snapshot", ErrMessage)
		}
	}
	news := e.newsOf(s)
	if slices.ContainsFunc(news, func(d crdt.Dot) bool { return d.Replica.Life() == e.self.Replica.Life() }) {
		return nil, ErrOwnNews
	}
	if len(news) == 0 {
		return nil, nil
	}
	err := errors.Join(e.contradicts(s, b.Unmet), e.store.Meets(s))
	if errors.Is(err, crdt.ErrHorizon) && s.Applied().CoversAll(e.store.Vector()) {
		return news, nil // It takes the place of what is here, all of which it has seen.
	}
	return news, err
}

// newsOf returns the last write of each replica in a snapshot, of those that have not
// been applied here.
func (e *Engine) newsOf(s *crdt.Snapshot) []crdt.Dot {
	return slices.DeleteFunc(s.Vector.Beyond(e.store.Vector()), e.store.Covers)
}

// TakeIn makes a backup part of what is here, as a peer's snapshot. What is new comes in,
// what was removed or replaced since does not come back. An error says that it cannot be
// told what was, and that nothing has changed.
func (e *Engine) TakeIn(now time.Time, b *Backup) error {
	news, err := e.mayTake(now, b)
	if err != nil || len(news) == 0 {
		return err
	}
	if err := e.take(b.Snapshot, b.Unmet, true); err != nil {
		return err
	}
	e.log.skipTo(news)
	e.renew()
	e.forgetRetired()
	e.stats.Snapshots++
	e.clock.Observe(max(b.Clock, e.store.Horizon().Stamp))
	e.touch(now)
	e.drain(now)
	return nil
}
