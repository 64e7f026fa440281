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

// unretired says which ID a holder's vector names although nobody writes under it,
// nothing when there is none, or when it takes longer than the cluster is waited for.
func (w *world) unretired(n *node, p partition) (why string) {
	if after := w.cfg.Sync.RetireAfter; after == 0 || after > w.patience/4 {
		return ""
	}
	n.core.Do(p, func(e *cachesync.Engine) {
		v := e.Vector()
		for i, d := range v {
			later := i+1 < len(v) && v[i+1].Replica.Life() == d.Replica.Life()
			own := d.Replica.Life() == n.id && d.Replica != e.Writer()
			if w.lives[d.Replica.Life()] == nil || later || own {
				why = "nobody writes under " + d.Replica.String()
			}
		}
	})
	return why
}
