package sync

import (
	"time"

	"github.com/atollcache/atoll/crdt"
)

// Write runs one command on a key and makes its effects a write: numbered,
// stamped, applied to the store, logged and queued for broadcast. A command
// without effects makes no write and gives nil. An error of the command is
// returned as it is; nothing has changed then. One that needs the values of a key that
// was evicted here gives [crdt.ErrEvicted].
//
// A request ID other than zero is remembered, here and at every replica that the
// write reaches as a delta (a snapshot does not carry them); a second command
// with the same ID gives [ErrDuplicate].
//
// The write is to read, until the engine's next call.
func (e *Engine) Write(now time.Time, key string, request uint64, command func(*crdt.Mutator) error) (*crdt.Delta, error) {
	if request != 0 && e.requests.has(request) {
		e.stats.Duplicates++
		return nil, ErrDuplicate
	}
	if e.isAhead(now) {
		e.stats.Ahead++
		return nil, ErrAhead
	}
	if !e.mayStamp(now) {
		return nil, ErrUnbound
	}
	d := e.nextDelta(now)
	d.Key = key
	stage, _ := e.store.Fills()
	m := &e.mutator
	m.Reset(e.store.Entry(key), crdt.NewWrite{Dot: d.Dot, Stamp: d.Stamp, Now: now.UnixMilli(), Fills: stage != crdt.NoFills}, e.draft.effects[:])
	err, evicted := command(m), m.Err()
	d.Effects = m.Effects()
	e.mutator = crdt.Mutator{} // It would keep the entry, wherever that goes.
	if d.Size() > maxDraft {
		e.draft = nil
	}
	switch {
	case evicted != nil:
		return nil, evicted
	case err != nil:
		return nil, err
	case len(d.Effects) == 0:
		return nil, nil
	}
	if request != 0 {
		d.Requests = []uint64{request}
	}
	if err := e.issue(now, d); err != nil {
		return nil, err
	}
	e.stats.Written++
	return d, nil
}

// issue applies a write of this replica and queues it, if somebody may be there to take it.
func (e *Engine) issue(now time.Time, d *crdt.Delta) error {
	if err := e.apply(now, d); err != nil {
		return err
	}
	if e.isAlone(now) {
		e.stats.Unheard++
		return nil
	}
	e.stats.QueueDropped += e.queue.add(d)
	e.draft = nil // The queue keeps it.
	return nil
}

// answerWithin is how many times Config.AnnounceAfter whoever holds the partition has for
// answering this replica's first announcement, which they do at once.
const answerWithin = 5

// isAlone reports whether nobody else is known to hold the partition. Whoever begins to
// hears what has been written here from the next announcement, and pulls it: a wrong guess
// costs time, and no write.
func (e *Engine) isAlone(now time.Time) bool {
	return len(e.peers.list) == 0 && !e.begun.IsZero() && now.Sub(e.begun) > answerWithin*e.cfg.AnnounceAfter
}

// HasQueued reports whether [Engine.Next] has something to broadcast.
func (e *Engine) HasQueued() bool { return len(e.queue.deltas) > 0 }

// draft is a write in the making, with room for the effects that most have.
type draft struct {
	delta   crdt.Delta
	effects [2]crdt.Effect
}

// maxDraft is the size in bytes up to which a write stays in the draft until the next one,
// whatever becomes of its key: a large value must not be kept by that.
const maxDraft = 4 << 10

// nextDelta returns this replica's next write, which says nothing yet. It is in the draft,
// which is used again unless somebody keeps the write.
func (e *Engine) nextDelta(now time.Time) *crdt.Delta {
	if e.draft == nil {
		e.draft = &draft{}
	}
	d, own := &e.draft.delta, e.store.Vector().Get(e.writer)
	*d = crdt.Delta{
		Dot:   crdt.Dot{Replica: e.writer, N: own + 1},
		From:  own + 1,
		Stamp: e.clock.Next(now.UnixMilli()),
		Deps:  e.deps(),
	}
	return d
}

// deps returns what has been applied of other writers than this one. Deltas share it as
// long as it stays the same: it does not change.
func (e *Engine) deps() crdt.Vector {
	old := e.lastDeps
	for _, d := range e.store.Vector() {
		if d.Replica == e.writer {
			continue
		}
		if len(old) == 0 || old[0] != d {
			e.lastDeps = e.store.Vector().Without(e.writer)
			return e.lastDeps
		}
		old = old[1:]
	}
	if len(old) > 0 {
		e.lastDeps = e.store.Vector().Without(e.writer)
	}
	return e.lastDeps
}
