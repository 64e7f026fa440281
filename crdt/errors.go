package crdt

import (
	"errors"
	"fmt"
)

// Errors of applying and joining.
var (
	// ErrNotReady is returned by Partition.Apply for a delta whose causes have
	// not been applied yet.
	ErrNotReady = errors.New("delta's causes have not been applied yet")
	// ErrHorizon is wrapped by every error for what is older than what has been
	// forgotten. Nothing has changed.
	ErrHorizon = errors.New("older than what has been forgotten")
	// ErrBehind is returned by Partition.Join when the snapshot's partition has
	// forgotten what this one has not seen: this one must be rebuilt, that is, take
	// the snapshot's state in place of its own.
	ErrBehind = fmt.Errorf("%w: this state has not seen it and must be rebuilt from a peer", ErrHorizon)
	// ErrOldNews is returned by Partition.Join when this partition has forgotten
	// what the snapshot's has not seen, and by Partition.Apply for a delta whose
	// origin had not: it is the other side that must be rebuilt. A Join where both
	// sides are behind gives an error that wraps both.
	ErrOldNews = fmt.Errorf("%w: the other side has not seen it and must be rebuilt", ErrHorizon)
	// ErrRetired is wrapped as well where a side has seen writes of a replica beyond
	// the last that it was retired after, whatever else the two have seen. Apply gives
	// it, with ErrBehind, for the retirement: then it is this state that has to be
	// rebuilt from one that has applied it.
	ErrRetired = errors.New("written under an ID that has been retired")
)

// ErrEvicted is returned by Mutator.Err for a command that needs the values of an entry
// which has been evicted: get them from another holder, by Partition.Restore, and run it
// again.
var ErrEvicted = errors.New("the key has been evicted here: its value has to be brought from another holder")

// Errors of a partition that keeps entries outside memory.
var (
	// ErrTier is wrapped by the error of a partition whose tier has failed to give
	// what it keeps: drop the partition and fill it from another holder.
	ErrTier = errors.New("what is kept outside memory cannot be read: the partition must be filled again")
	// ErrSaving is returned by Partition.Save while the last one has been neither
	// confirmed nor taken back.
	ErrSaving = errors.New("the last save has been neither confirmed nor taken back")
	// ErrNoTier is returned by Partition.Save of a partition without a tier.
	ErrNoTier = errors.New("the partition has no tier to be saved to")
)

// Errors of mutators. The entry is unchanged.
var (
	// ErrWrongType is returned for an operation on a key of another kind.
	ErrWrongType = errors.New("operation against a key holding the wrong kind of value")
	// ErrNotInteger is returned for an integer increment of what is not one.
	ErrNotInteger = errors.New("value is not an integer or out of range")
	// ErrNotFloat is returned for an increment of what is not a number.
	ErrNotFloat = errors.New("value is not a valid float")
	// ErrOverflow is returned for an increment that leaves the 64-bit range.
	ErrOverflow = errors.New("increment or decrement would overflow")
	// ErrNotFinite is returned for an increment by, or a result of, an infinity
	// or what is not a number.
	ErrNotFinite = errors.New("increment would produce NaN or Infinity")
	// ErrNoSuchKey is returned for an element of a list that does not exist.
	ErrNoSuchKey = errors.New("no such key")
	// ErrOutOfRange is returned for an element that a list does not have.
	ErrOutOfRange = errors.New("index out of range")
	// ErrNoRoom is returned for an insert between two elements that were themselves
	// inserted between their neighbours, and so on, some sixty times: the list has to
	// be written anew.
	ErrNoRoom = errors.New("no room between two elements of the list: write the list anew")
)

// Errors of decoding. Every one wraps exactly one of the two.
var (
	// ErrCodec is wrapped by the error for bytes that no version writes. The same
	// bytes fail again: drop them and count it.
	ErrCodec = errors.New("malformed bytes")
	// ErrUnknown is wrapped by the error for bytes of a newer version: a message
	// version, an effect or a kind that this one does not know. They must not be
	// skipped, or replicas would differ: hold them until this one is upgraded.
	ErrUnknown = errors.New("written by a newer version: upgrade this one")
)
