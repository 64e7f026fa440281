package simtest

import (
	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

const numAbsurd = 7

// absurd gives a replica a message that no engine would send at this time. It
// must change nothing that is known.
func (w *world) absurd(r *replica, which int) {
	w.counts.Absurd++
	w.tick(r) // what had only waited for the time is not to be mistaken for an effect
	stranger := crdt.ReplicaID(4242)
	m := &cachesync.Message{Partition: partition, From: stranger, Region: "nowhere"}
	switch which {
	case 0: // from itself
		m.Kind, m.From, m.Vector = cachesync.KindHeads, r.id, crdt.Vector{{Replica: stranger, N: 9}}
	case 1: // from nobody
		m.Kind, m.From, m.Vector = cachesync.KindHeads, 0, crdt.Vector{{Replica: stranger, N: 9}}
	case 2: // a piece of a session that was never opened
		m.Kind, m.Session, m.Index = cachesync.KindFetch, 99, 3
	case 3: // a piece before the first
		m.Kind, m.Index = cachesync.KindFetch, -1
	case 4: // a snapshot that nobody asked for
		m.Kind, m.Last = cachesync.KindSnapshot, true
		m.Piece = &crdt.Snapshot{Vector: crdt.Vector{{Replica: stranger, N: 9}}}
	case 5: // a write in the replica's own name
		m.Kind = cachesync.KindDeltas
		n := w.issued(r.writer()) + 1
		m.Deltas = []*crdt.Delta{{
			Dot: crdt.Dot{Replica: r.writer(), N: n}, From: n, Stamp: crdt.StampAt(w.wall()), Key: "k",
			Effects: []crdt.Effect{{Op: crdt.EffectCut, Cut: crdt.StampAt(w.wall())}},
		}}
	case 6: // an answer to a request that was never made
		m.Kind, m.Answer, m.Truncated = cachesync.KindDeltas, true, true
	}
	before := r.part.Vector().Clone()
	answer := r.engine.Receive(r.time(w), m)
	if !r.part.Vector().Equal(before) || answer != nil && answer.Kind != cachesync.KindRefusal {
		w.broken("replica %d takes %v seriously: %v, %v", r.slot, m, r.part.Vector(), answer)
	}
	w.look(r)
}
