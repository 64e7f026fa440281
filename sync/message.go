package sync

import (
	"errors"
	"fmt"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	"github.com/atollcache/atoll/sync/riblt"
)

// Kind says what a message is for. It is the tag of its encoding.
type Kind uint8

// The kinds of messages between engines.
const (
	KindDeltas   Kind = iota + 1 // writes: broadcast, or the answer to a pull
	KindHeads                    // what the sender has applied
	KindPull                     // asks for the deltas beyond Vector
	KindFetch                    // asks for piece Index of a snapshot, 0 begins one
	KindSnapshot                 // piece Index of snapshot Session
	KindRefusal                  // the answer to what cannot be answered now
	KindCompare                  // asks for coded symbols of what the receiver shows
	KindSymbols                  // coded symbols, the answer to a comparison
	KindMend                     // brings entries that differ, and asks for others
	KindMended                   // the entries that were asked for
	KindWant                     // asks for entries by their keys
	KindGiven                    // those that the sender has
	numKinds
)

var kindNames = [numKinds]string{
	"", "deltas", "heads", "pull", "fetch", "snapshot", "refusal", "compare", "symbols", "mend", "mended",
	"want", "given",
}

// IsRequest reports whether a message of the kind asks for something: what it
// tells beside that concerns only what both have seen.
func (k Kind) IsRequest() bool {
	return k == KindPull || k == KindFetch || k == KindCompare || k == KindMend || k == KindWant
}

// String returns the kind's name.
func (k Kind) String() string {
	if k > 0 && k < numKinds {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Message is what engines of one partition say to each other. Which fields
// count depends on Kind.
type Message struct {
	Kind      Kind
	Partition region.Partition
	From      crdt.ReplicaID // the sender
	Region    string         // the sender's region
	// Deltas, in an order in which they can be applied. KindDeltas.
	Deltas []*crdt.Delta
	// Answer says that the deltas are the answer to a pull. KindDeltas.
	Answer bool
	// Keys are the keys that are asked for, or those of them that the sender has.
	// KindWant, KindGiven.
	Keys []string
	// Vector is what the sender has applied. KindHeads, KindPull, KindSymbols, KindWant.
	Vector crdt.Vector
	// Held is the highest number of each replica that the sender holds back.
	// KindHeads.
	Held crdt.Vector
	// Refused names the peers whose state the sender cannot take, because it lacks
	// what the sender has forgotten. KindHeads.
	Refused []crdt.ReplicaID
	// Passing says that the sender does not mean to keep the partition. KindHeads.
	Passing bool
	// Kept is what the sender has on a disk, where Keeps says that this may be less
	// than Vector: a crash takes it back to that. KindHeads.
	Kept  crdt.Vector
	Keeps bool
	// Retired is the last write under each ID that the sender knows to be retired, until
	// that is stable: its Vector names them no more. KindHeads.
	Retired crdt.Vector
	// Clock is the sender's wall clock with KindHeads, and its highest stamp with
	// KindSnapshot when the snapshot was taken. No write that it makes later has a
	// lower stamp, and none in the snapshot a higher one.
	Clock crdt.HLC
	// Truncated says that the sender's log does not reach back far enough: a
	// snapshot is needed. KindDeltas.
	Truncated bool
	// Session names a snapshot at its sender, Index a piece of it, counted from 0,
	// and Last says that there are no more. KindFetch, KindSnapshot. With KindWant Last
	// says that the entries themselves are not wanted.
	Session uint64
	Index   int
	Last    bool
	// Piece holds some of the snapshot's entries, with its vector and horizon; with
	// KindMend and KindMended, entries that differ and the sender's vector; with
	// KindGiven, entries that were asked for.
	Piece *crdt.Snapshot
	// Standing is how many regions the sender has met of late, its own included: in
	// how many some holder had nothing that the sender lacked. KindSnapshot.
	Standing int
	// Unmet is the first write of each replica that the sender takes with no state but one
	// that has seen all of its own: it may have been made without having seen what the
	// sender has forgotten. KindSnapshot.
	Unmet crdt.Vector
	// Digest sums up what the sender shows at the wall time At, in milliseconds.
	// KindHeads, where an At of zero says that there is no digest; KindSymbols.
	Digest crdt.Digest
	At     int64
	// Range is the part of the items that is compared. KindCompare, KindSymbols,
	// KindMend.
	Range Range
	// Symbols are the coded symbols of the range's items from Index on. Count is how
	// many are wanted. KindSymbols, KindCompare.
	Symbols []riblt.Symbol
	Count   int
	// Items name the entries that are asked for. KindMend.
	Items []uint64
}

// Range is a part of the items of a comparison. An item is a hash of one visible
// key and all that shows of it.
type Range struct {
	// Seed makes the items of each comparison different ones, so that nobody can
	// choose keys that collide.
	Seed uint64
	// Bits is how many leading bits of an item are those of Prefix.
	Bits   int
	Prefix uint64
}

// ErrMessage is what every error of decoding a message wraps.
var ErrMessage = errors.New("malformed replication message")

// String returns one line for a trace.
func (m *Message) String() string {
	s := fmt.Sprintf("%v from %v", m.Kind, m.From)
	switch m.Kind {
	case KindDeltas:
		for _, d := range m.Deltas {
			if d.From == d.Dot.N {
				s += fmt.Sprintf(" %v", d.Dot)
			} else {
				s += fmt.Sprintf(" %v#%d-%d", d.Dot.Replica, d.From, d.Dot.N)
			}
		}
		if m.Truncated {
			s += " truncated"
		}
	case KindHeads, KindPull:
		s += fmt.Sprintf(" [%v]", m.Vector)
	case KindFetch:
		s += fmt.Sprintf(" %d/%d", m.Session, m.Index)
	case KindSnapshot:
		s += fmt.Sprintf(" %d/%d", m.Session, m.Index)
		if m.Piece != nil {
			s += fmt.Sprintf(" keys=%d [%v]", len(m.Piece.Keys), m.Piece.Vector)
		}
		if m.Last {
			s += " last"
		}
	case KindCompare:
		s += fmt.Sprintf(" at=%d %d+%d", m.At, m.Index, m.Count)
	case KindSymbols:
		s += fmt.Sprintf(" at=%d %d+%d keys=%d", m.At, m.Index, len(m.Symbols), m.Digest.Keys)
	case KindMend, KindMended:
		s += fmt.Sprintf(" at=%d items=%d", m.At, len(m.Items))
		if m.Piece != nil {
			s += fmt.Sprintf(" keys=%d [%v]", len(m.Piece.Keys), m.Piece.Vector)
		}
	}
	return s
}
