package sync

import (
	"time"

	"github.com/atollcache/atoll/crdt"
)

// kept is what a crash cannot take of what has been applied. The zero value says that
// a crash takes all, with the replica's life.
type kept struct {
	on     bool
	vector crdt.Vector
	short  bool // what was announced last was less than what had been applied
	since  time.Time
}

// announce returns what heads say of it beside the vector: nothing where it is the
// same.
func (k *kept) announce(applied crdt.Vector) (keeps bool, v crdt.Vector) {
	if k.short = k.on && !k.vector.Equal(applied); !k.short {
		return false, nil
	}
	return true, k.vector
}

// Keep says what of the store is on a disk now: a later life of this replica begins
// with as much at least. From then on others are told, and nothing counts as stable
// that goes beyond it. The engine keeps v. Whoever never calls it has no disk, or none
// to rely on. What has been dropped since v was saved is not counted: it will be gone from
// the disk as well.
func (e *Engine) Keep(now time.Time, v crdt.Vector) {
	if !e.store.Vector().CoversAll(v) {
		v = v.Meet(e.store.Vector())
	}
	if !e.kept.on {
		e.kept.since = now
	}
	e.kept.on, e.kept.vector = true, v
	if e.kept.short {
		e.kept.short = false
		e.touch(now)
	}
}

// Unkeep says that the disk has failed. From then on what is in memory counts, as at a
// replica without one: a later life may begin with what others have forgotten since,
// and then begins anew.
func (e *Engine) Unkeep(now time.Time) {
	if e.kept.on {
		e.kept = kept{}
		e.touch(now)
	}
}

// keeps reports whether a crash cannot take what a vector says.
func (e *Engine) keeps(v crdt.Vector) bool {
	if !e.kept.on {
		return true
	}
	has := e.store.Sight(e.kept.vector)
	return has.CoversAll(v)
}

// kept returns what the sender of heads keeps.
func (m *Message) kept() crdt.Vector {
	if m.Keeps {
		return m.Kept
	}
	return m.Vector
}

// digestStep is how long after one another the partitions of a replica that has begun
// with a disk sum up for the first time what they show: each reads all of it.
const digestStep = 250 * time.Millisecond

// digests reports whether what is shown may be summed up: it costs nothing much, or
// its turn has come.
func (e *Engine) digests(now time.Time) bool {
	k := &e.kept
	if !k.on || e.store.IsDigested() {
		return true
	}
	turn := e.cfg.AnnounceEvery + time.Duration(e.self.Partition)*digestStep
	return len(e.peers.list) > 0 && now.Sub(k.since) >= turn
}
