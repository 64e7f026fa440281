package nodetest

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	cachesync "github.com/atollcache/atoll/sync"
)

// full returns all that has been seen by who has seen v, under IDs too that have been
// retired from vectors.
func (h *history) full(v crdt.Vector) crdt.Vector { return crdttest.Unretire(v, h.retirements) }

// noteRetirements notes what a node has retired by itself since it was last looked at.
func (w *world) noteRetirements(n *node, p partition, e *cachesync.Engine) {
	if e.Stats().Retired == n.held[p].retired {
		return
	}
	n.held[p].retired = e.Stats().Retired
	h := w.parts[p]
	for _, d := range e.Retirements() {
		if d.Dot.Replica.Life() != n.id || d.Dot.N <= h.issued[d.Dot.Replica] {
			continue
		}
		h.issued[d.Dot.Replica] = d.Dot.N
		h.retirements = append(h.retirements, d)
		h.byDot[d.Dot] = &write{delta: d, at: w.now}
		w.trace.Write(crdt.AppendDelta(nil, d))
		w.note(n, "retires IDs in partition %d: %v %v", p, d.Dot, d.Effects)
	}
}
