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

// MaxWanted bounds the keys that one message asks for.
const MaxWanted = 1024

// Want returns the message that asks another holder for keys that were evicted here, or
// only which of them it has. It asks for at most [MaxWanted].
func (e *Engine) Want(keys []string, only bool) *Message {
	m := e.message(KindWant)
	m.Vector, m.Keys, m.Last = e.store.Vector().Clone(), keys[:min(len(keys), MaxWanted)], only
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
	for _, f := range found {
		out.Keys = append(out.Keys, f.Key)
	}
	if m.Last {
		found = nil
	}
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
	} else {
		e.Vector(m.Vector)
		e.Bool(m.Last)
	}
	e.Array(len(m.Keys))
	for _, key := range m.Keys {
		e.String(key)
	}
}

// decodeWant reads what encodeWant wrote.
func decodeWant(d *crdt.Decoder, m *Message) {
	if m.Kind == KindGiven {
		m.Piece = d.Snapshot()
	} else {
		m.Vector, m.Last = d.Vector(), d.Bool()
	}
	n := d.Array(1)
	if n > MaxWanted {
		d.Fail(fmt.Errorf("%d keys in one message, at most %d are allowed", n, MaxWanted))
		return
	}
	for range n {
		if d.Err() == nil {
			m.Keys = append(m.Keys, d.String())
		}
	}
}

// Bring asks a holder of a partition for keys that were evicted here and gives what it
// has to the engine, unless it only wants to know. It returns those that the holder has:
// not all of them need have come back yet ([Engine.Want]). It waits for the answer until
// ctx ends, and its error is that there is none.
func (r *Runner) Bring(ctx context.Context, p region.Partition, from crdt.ReplicaID, keys []string, only bool) (has []string, err error) {
	var req *Message
	r.host.Do(p, func(e *Engine) { req = e.Want(keys, only) })
	if req == nil {
		return nil, nil
	}
	msg := Encode(req)
	reply, err := r.transport.Ask(ctx, from, msg)
	r.stats.askBytes.Add(int64(len(msg) + len(reply)))
	if err != nil {
		r.stats.askFailed.Add(1)
		return nil, fmt.Errorf("bring back keys from %v: %w", from, err)
	}
	ms, err := Decode(reply)
	if err != nil || len(ms) != 1 || ms[0].Partition != p || ms[0].From != from || ms[0].Kind != KindGiven {
		r.stats.malformed.Add(1)
		return nil, fmt.Errorf("bring back keys from %v: %w", from, ErrMessage)
	}
	if !only {
		r.host.Do(p, func(e *Engine) { e.Receive(r.cfg.Now(), ms[0]) })
	}
	return ms[0].Keys, nil
}
