package region

import (
	"fmt"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/pack"
)

// MaxEchoes is how many echoes one heartbeat may carry.
const MaxEchoes = 256

// Echo gives a peer the clock of its own heartbeat back, so that it can tell how
// long the way there and back took. See [Clocks].
type Echo struct {
	// Peer is whose heartbeat it was. It is never zero.
	Peer crdt.ReplicaID

	// Clock is the clock in that heartbeat, in milliseconds since the Unix epoch,
	// exactly as it was sent.
	Clock int64

	// Held is how long ago the heartbeat was heard, by the monotonic clock of the
	// node that echoes it, in whole milliseconds, less than 2^32.
	Held time.Duration
}

const (
	echoFields = 3

	// minEcho is the least bytes of a valid echo: its header and its fields, none
	// of which may be missing.
	minEcho = 1 + echoFields

	// heldLimit is above every Echo.Held in milliseconds.
	heldLimit = 1 << 32
)

// AppendEchoes appends a list of echoes, in the order given: peer, clock and held
// in milliseconds. A Held out of range is written as the nearest that is not.
func AppendEchoes(b []byte, echoes []Echo) []byte {
	b = pack.AppendArray(b, len(echoes))
	for _, e := range echoes {
		b = pack.AppendArray(b, echoFields)
		b = pack.AppendUint(b, uint64(e.Peer))
		b = pack.AppendInt(b, e.Clock)
		b = pack.AppendUint(b, uint64(min(max(e.Held.Milliseconds(), 0), heldLimit-1)))
	}
	return b
}

// ReadEchoes reads a list of echoes for Clocks.Heard. More than MaxEchoes, and an
// echo that lacks a field or is nobody's, fail the reader with ErrMember.
func ReadEchoes(r *pack.Reader) []Echo {
	n := r.Array(minEcho)
	if n > MaxEchoes {
		r.Fail(fmt.Errorf("%w: %d echoes; at most %d", ErrMember, n, MaxEchoes))
		return nil
	}
	var list []Echo
	for range n {
		e := readEcho(r)
		if r.Err() != nil {
			return nil
		}
		list = append(list, e)
	}
	return list
}

func readEcho(r *pack.Reader) Echo {
	var e Echo
	rec := r.Record()
	if rec.More() {
		e.Peer = crdt.ReplicaID(r.Uint())
	}
	if rec.More() {
		e.Clock = r.Int()
	}
	if !rec.More() {
		r.Fail(fmt.Errorf("%w: an echo of fewer than %d fields", ErrMember, echoFields))
		return e
	}
	e.Held = time.Duration(readBelow(r, "held", heldLimit)) * time.Millisecond
	rec.End()
	if r.Err() == nil && e.Peer == 0 {
		r.Fail(fmt.Errorf("%w: an echo to no replica ID", ErrMember))
	}
	return e
}
