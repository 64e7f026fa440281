package crdt

import "slices"

func (d *Decoder) snapshot() *Snapshot {
	s := &Snapshot{Vector: d.vector(), Horizon: d.horizon()}
	if !s.Vector.CoversAll(s.Horizon.Vector) {
		d.r.Fail(errNumber)
	}
	d.bindTo(s.Vector)
	d.entries(s)
	d.bound = nil
	if d.r.Err() != nil {
		return nil
	}
	return s
}

func (d *Decoder) horizon() (h Horizon) {
	rec := d.r.Record()
	if rec.More() {
		h.Vector = d.vector()
	}
	if rec.More() && d.must(&rec) { // A stamp is two values.
		h.Stamp = d.stamp(0)
	}
	rec.End()
	if d.r.Err() != nil {
		return Horizon{}
	}
	return h
}

// bindTo makes dots that v does not cover an error.
func (d *Decoder) bindTo(v Vector) {
	d.bound = make([]uint64, 0, len(d.ids))
	for _, r := range d.ids {
		n := uint64(0)
		if i, ok := slices.BinarySearchFunc(v, r, Dot.compareReplica); ok {
			n = v[i].N
		}
		d.bound = append(d.bound, n)
	}
}

func (d *Decoder) entries(s *Snapshot) {
	n := d.pairs()
	if n == 0 {
		return
	}
	s.Keys, s.Entries = make([]string, 0, n), make([]*Entry, 0, n)
	for i := range n {
		key := d.r.String()
		if i > 0 && key <= s.Keys[i-1] {
			d.r.Fail(errOrder)
		}
		x := d.entry()
		if x == nil {
			return
		}
		s.Keys, s.Entries = append(s.Keys, key), append(s.Entries, x)
	}
}
