package sync

import (
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// holdback keeps deltas that wait: for their causes, or for the local clock.
type holdback struct {
	limit int
	bytes int
	// byOrigin is sorted by replica, so that nothing depends on map order, and
	// each origin's deltas by their first number.
	byOrigin []heldOrigin
}

type heldOrigin struct {
	replica crdt.ReplicaID
	deltas  []*crdt.Delta
	since   time.Time // when the first of them began to wait, or the last one was taken
}

func (h *holdback) find(r crdt.ReplicaID) (int, bool) {
	return slices.BinarySearchFunc(h.byOrigin, r, func(o heldOrigin, r crdt.ReplicaID) int {
		return crdt.Dot{Replica: o.replica}.Compare(crdt.Dot{Replica: r})
	})
}

// add keeps d and reports false when there is no room for it.
func (h *holdback) add(now time.Time, d *crdt.Delta) bool {
	i, ok := h.find(d.Dot.Replica)
	var ds []*crdt.Delta
	if ok {
		ds = h.byOrigin[i].deltas
	}
	j, _ := slices.BinarySearchFunc(ds, d.From, func(o *crdt.Delta, n uint64) int {
		return crdt.Dot{N: o.From}.Compare(crdt.Dot{N: n})
	})
	for k := j; k < len(ds) && ds[k].From == d.From; k++ {
		if ds[k].Dot == d.Dot {
			return true
		}
	}
	if h.bytes+d.Size() > h.limit {
		return false
	}
	h.bytes += d.Size()
	if !ok {
		h.byOrigin = slices.Insert(h.byOrigin, i, heldOrigin{replica: d.Dot.Replica, since: now})
	}
	h.byOrigin[i].deltas = slices.Insert(ds, j, d)
	return true
}

// take removes and returns the first delta for which ready holds, dropping on
// its way those that have been seen. It returns nil when there is none.
func (h *holdback) take(now time.Time, seen func(crdt.Dot) bool, ready func(*crdt.Delta) bool) *crdt.Delta {
	for i := 0; i < len(h.byOrigin); i++ {
		o := &h.byOrigin[i]
		for len(o.deltas) > 0 && seen(o.deltas[0].Dot) {
			h.drop(o)
		}
		if len(o.deltas) == 0 {
			h.byOrigin = slices.Delete(h.byOrigin, i, i+1)
			i--
			continue
		}
		if d := o.deltas[0]; ready(d) {
			h.drop(o)
			o.since = now
			return d
		}
	}
	return nil
}

func (h *holdback) drop(o *heldOrigin) {
	h.bytes -= o.deltas[0].Size()
	o.deltas[0] = nil
	o.deltas = o.deltas[1:]
}

// expire drops what is held of origins of which nothing could be taken for too
// long, and returns how many deltas that were.
func (h *holdback) expire(now time.Time, most time.Duration) (dropped int) {
	h.byOrigin = slices.DeleteFunc(h.byOrigin, func(o heldOrigin) bool {
		if now.Sub(o.since) < most {
			return false
		}
		for len(o.deltas) > 0 {
			h.drop(&o)
			dropped++
		}
		return true
	})
	return dropped
}

// empty reports whether nothing is held.
func (h *holdback) empty() bool { return len(h.byOrigin) == 0 }

// heads returns the highest number held of each replica.
func (h *holdback) heads() crdt.Vector {
	var v crdt.Vector
	for _, o := range h.byOrigin {
		for _, d := range o.deltas {
			v = v.Advance(d.Dot)
		}
	}
	return v
}
