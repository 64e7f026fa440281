package sync

import (
	"context"
	"fmt"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// # Bringing back what was evicted
//
// A key that was evicted here is asked for when somebody wants it: a holder that has it,
// and has applied the same writes to it, gives its entry. As with what a comparison
// brings ([Engine.Receive]), the logs say whether the two have; where they cannot tell, or
// one is behind for the moment, nothing is given or nothing taken.

// maxWanted bounds the keys that one message asks for.
const maxWanted = 1024

// Want returns the message that asks another holder for keys that were evicted here, of
// which it asks for as many as one message may.
func (e *Engine) Want(keys []string) *Message {
	m := e.message(KindWant)
	m.Vector, m.Keys = e.store.Vector().Clone(), keys[:min(len(keys), maxWanted)]
	return m
}

// answerWant gives the entries that are asked for and are here.
func (e *Engine) answerWant(m *Message) *Message {
	var found []Found
	for _, key := range m.Keys {
		if x := e.store.Entry(key); x != nil && !x.IsEvicted() {
			found = append(found, Found{key, true})
		}
	}
	out := e.message(KindGiven)
	out.Count = len(found)
	out.Piece, _ = e.piece(found, m.Vector)
	e.stats.Given += len(out.Piece.Keys)
	return out
}

// receiveGiven takes in the entries that were asked for.
func (e *Engine) receiveGiven(now time.Time, m *Message) {
	if m.Piece == nil || len(m.Piece.Keys) != len(m.Piece.Entries) {
		return
	}
	e.eachSettled(now, m.Piece, func(key string, x *crdt.Entry) {
		if e.store.Restore(key, x, m.Piece.Vector) {
			e.stats.Restored++
		}
	})
}

// encodeWant writes what the messages of this file have beside their head.
func encodeWant(e *crdt.Encoder, m *Message) {
	if m.Kind == KindGiven {
		e.Snapshot(m.Piece, 0, len(m.Piece.Keys))
		e.Uint(uint64(m.Count))
		return
	}
	e.Vector(m.Vector)
	e.Array(len(m.Keys))
	for _, key := range m.Keys {
		e.String(key)
	}
}

// decodeWant reads what encodeWant wrote.
func decodeWant(d *crdt.Decoder, m *Message) {
	if m.Kind == KindGiven {
		m.Piece, m.Count = d.Snapshot(), decodeIndex(d)
		return
	}
	m.Vector = d.Vector()
	n := d.Array(1)
	if n > maxWanted {
		d.Fail(fmt.Errorf("%d keys are asked for, at most %d are allowed", n, maxWanted))
		return
	}
	for range n {
		if d.Err() == nil {
			m.Keys = append(m.Keys, d.String())
		}
	}
}

// Bring asks a holder of a partition for keys that were evicted here and gives what it
// has to the engine. It returns how many of them the holder has: not all of these need have
// come back yet ([Engine.Want]). It waits for the answer until ctx ends, and its error is
// that there is none.
func (r *Runner) Bring(ctx context.Context, p region.Partition, from crdt.ReplicaID, keys []string) (had int, err error) {
	var req *Message
	r.host.Do(p, func(e *Engine) { req = e.Want(keys) })
	if req == nil {
		return 0, nil
	}
	msg := Encode(req)
	reply, err := r.transport.Ask(ctx, from, msg)
	r.stats.askBytes.Add(int64(len(msg) + len(reply)))
	if err != nil {
		r.stats.askFailed.Add(1)
		return 0, fmt.Errorf("bring back keys from %v: %w", from, err)
	}
	ms, err := Decode(reply)
	if err != nil || len(ms) != 1 || ms[0].Partition != p || ms[0].From != from || ms[0].Kind != KindGiven {
		r.stats.malformed.Add(1)
		return 0, fmt.Errorf("bring back keys from %v: %w", from, ErrMessage)
	}
	r.host.Do(p, func(e *Engine) { e.Receive(r.cfg.Now(), ms[0]) })
	return ms[0].Count, nil
}
