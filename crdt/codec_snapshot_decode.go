package crdt

import (
	"math"
	"slices"
)

func (d *Decoder) snapshot() *Snapshot {
	s := &Snapshot{Vector: d.vector()}
	d.roll(s)
	if d.r.Err() != nil {
		return nil
	}
	d.checkRoll(s)
	d.bindTo(s)
	d.entries(s)
	d.bound = nil
	if d.r.Err() != nil {
		return nil
	}
	return s
}

func (d *Decoder) horizon() Horizon {
	var s Snapshot
	d.roll(&s)
	return s.Horizon
}

// roll reads what a snapshot says beside its vector and entries. A stamp that is
// zero says that there is none; then something follows it.
func (d *Decoder) roll(s *Snapshot) {
	rec := d.r.Record()
	if rec.More() {
		s.Horizon.Vector = d.vector()
	}
	none := false
	if rec.More() && d.must(&rec) { // A stamp is two values.
		s.Horizon.Stamp = d.stampOrZero(0)
		none = s.Horizon.Stamp == 0
	}
	if rec.More() {
		s.Retired, none = d.retired(), false
	}
	if rec.More() {
		s.Ended = d.ended()
	}
	if rec.More() && d.must(&rec) {
		s.First = d.stamp(0)
	}
	if rec.More() {
		s.Evicts = d.r.Bool()
	}
	if rec.More() {
		d.stage(&rec, s)
	}
	rec.End()
	if none {
		d.r.Fail(errStamp)
	}
	if d.r.Err() != nil {
		*s = Snapshot{}
	}
}

func (d *Decoder) retired() []Retirement {
	n := d.list(retirementStride)
	if n == 0 {
		return nil
	}
	out := make([]Retirement, 0, n)
	for range n {
		out = append(out, Retirement{Last: d.dot(), By: d.dot(), Stamp: d.stamp(0)})
		if d.r.Err() != nil {
			return nil
		}
	}
	return out
}

func (d *Decoder) ended() []Dot {
	n := d.pairs()
	if n > maxEnded {
		d.r.Fail(errCount)
	}
	var out []Dot
	for range n {
		x := d.dot()
		if d.r.Err() != nil {
			return nil
		}
		if slices.ContainsFunc(out, func(o Dot) bool { return o.Replica == x.Replica }) {
			d.r.Fail(errOrder)
		}
		out = append(out, x)
	}
	return out
}

// checkRoll makes sure that a snapshot has seen what it has forgotten, and all
// retirements that it knows, in order.
func (d *Decoder) checkRoll(s *Snapshot) {
	same := 0
	for i, r := range s.Retired {
		same++
		if i > 0 && s.Retired[i-1].Last.Replica != r.Last.Replica {
			same = 1
		}
		switch {
		case i > 0 && compareRetirements(s.Retired[i-1], r) >= 0 || same > maxRetirements:
			d.r.Fail(errOrder)
		case r.Last.Replica == r.By.Replica || s.names(r.Last.Replica):
			d.r.Fail(errRetires)
		}
	}
	if d.r.Err() != nil {
		return
	}
	for _, r := range s.Retired {
		if left := maxChain; !s.coversRetirement(r, &left) {
			d.r.Fail(errNumber)
		}
	}
	for _, h := range s.Horizon.Vector {
		if left := maxChain; !s.covers(h, &left) {
			d.r.Fail(errNumber)
		}
	}
}

// names reports whether the vector names a replica, by bisection: it may be
// anybody's.
func (s *Snapshot) names(r ReplicaID) bool {
	_, ok := slices.BinarySearchFunc(s.Vector, r, Dot.compareReplica)
	return ok
}

// covers is [Sight.Covers], by bisection, with as many looks as are left.
func (s *Snapshot) covers(d Dot, left *int) bool {
	*left--
	if i, ok := slices.BinarySearchFunc(s.Vector, d.Replica, Dot.compareReplica); ok {
		return d.N <= s.Vector[i].N
	}
	i, _ := slices.BinarySearchFunc(s.Retired, d.Replica, Retirement.compareReplica)
	for ; *left > 0 && i < len(s.Retired) && s.Retired[i].Last.Replica == d.Replica; i++ {
		if d.N <= s.Retired[i].Last.N && s.coversRetirement(s.Retired[i], left) {
			return true
		}
	}
	return false
}

// coversRetirement reports whether the retirement has been seen. Who made it may itself
// have been retired since, and that be forgotten: then it was before the horizon, for one
// of several retirements of an ID is kept until all are stable.
func (s *Snapshot) coversRetirement(r Retirement, left *int) bool {
	by := r.By.Replica
	_, known := slices.BinarySearchFunc(s.Retired, by, Retirement.compareReplica)
	if !known && !s.names(by) {
		return r.Stamp <= s.Horizon.Stamp
	}
	return s.covers(r.By, left)
}

// bindTo makes dots that s has not seen an error. Of replicas that it does not name
// it may have seen anything before they were retired.
func (d *Decoder) bindTo(s *Snapshot) {
	d.bound = make([]uint64, 0, len(d.ids))
	for _, r := range d.ids {
		n := uint64(math.MaxUint64)
		if i, ok := slices.BinarySearchFunc(s.Vector, r, Dot.compareReplica); ok {
			n = s.Vector[i].N
		} else if i, ok := slices.BinarySearchFunc(s.Retired, r, Retirement.compareReplica); ok {
			n = s.Retired[i].Last.N
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
