package sync

import "github.com/atollcache/atoll/crdt"

// Store is what an engine needs of a partition's state. [crdt.Partition] is one.
// An engine is its store's only writer.
type Store interface {
	// Vector returns what has been applied. The engine does not change it.
	Vector() crdt.Vector
	// Entry returns the entry of a key, nil when nothing is kept. Read only.
	Entry(key string) *crdt.Entry
	// Apply applies a delta and advances the vector, both or neither.
	Apply(d *crdt.Delta) error
	// Snapshot returns a copy that later changes do not reach.
	Snapshot() *crdt.Snapshot
	// Join takes in another replica's state, or fails and changes nothing. Meets returns
	// the error with which it would.
	Join(s *crdt.Snapshot) error
	Meets(s *crdt.Snapshot) error
	// Adopt takes another replica's state in place of the own one.
	Adopt(s *crdt.Snapshot)
	// Horizon returns what has been forgotten here. Read only.
	Horizon() crdt.Horizon
	// Highest returns the highest stamp that was applied or joined.
	Highest() crdt.HLC
	// Expire hides what has expired by now, at most limit keys, and Collect forgets
	// what is stable; Waiting tells what waits for that.
	Expire(now int64, limit int) int
	Collect(now int64, stable func(v crdt.Vector, after crdt.HLC) bool) crdt.Collected
	Waiting() crdt.Waiting
	// Digest and EachDigest sum up what is shown at a time, and Repair takes in what
	// another holder shows of a key.
	// IsDigested says that a Digest need not read everything first.
	Digest(at int64) (crdt.Digest, bool)
	IsDigested() bool
	EachDigest(at int64, f func(key string, digest uint64) bool) bool
	Repair(key string, o *crdt.Entry, theirs crdt.Vector, at int64) bool
	// Fills says how far letting fills be made has got, and by which write.
	Fills() (crdt.FillStage, crdt.Dot)
	// Restore takes in an evicted entry as another holder has it.
	Restore(key string, o *crdt.Entry, theirs crdt.Vector) bool
	// Ready reports whether Apply would decide about a delta now, Covers and CoversAll
	// whether writes have been applied, and Sight what somebody has who announced a
	// vector. IsRetired and Retired tell of IDs that vectors name no more.
	Ready(d *crdt.Delta) bool
	Covers(d crdt.Dot) bool
	CoversAll(v crdt.Vector) bool
	Sight(v crdt.Vector) crdt.Sight
	// Applied is Vector and the IDs that it names no more.
	Applied() crdt.Vector
	IsRetired(r crdt.ReplicaID) bool
	Retired() []crdt.Retirement
}
