package crdt

import (
	"errors"
	"fmt"
)

// Horizon is what a partition has forgotten: the join of the marks at which
// something was ([Partition.Collect]). Who has not seen Vector may still hold, or
// write on top of, what is gone here. The zero value is that of a partition that
// has forgotten nothing.
type Horizon struct {
	// Vector is what had been seen of whatever has been forgotten.
	Vector Vector
	// Stamp is not below any stamp or expiry of it.
	Stamp HLC
}

// IsZero reports whether nothing has been forgotten.
func (h Horizon) IsZero() bool { return len(h.Vector) == 0 && h.Stamp == 0 }

// Equal reports whether both have forgotten up to the same.
func (h Horizon) Equal(o Horizon) bool { return h.Stamp == o.Stamp && h.Vector.Equal(o.Vector) }

// Join returns the horizon of what has forgotten up to both.
func (h Horizon) Join(o Horizon) Horizon {
	return Horizon{Vector: h.Vector.Join(o.Vector), Stamp: max(h.Stamp, o.Stamp)}
}

// Clone returns a copy that shares nothing with h.
func (h Horizon) Clone() Horizon { return Horizon{Vector: h.Vector.Clone(), Stamp: h.Stamp} }

// String returns the vector and the stamp.
func (h Horizon) String() string { return fmt.Sprintf("%v until %v", h.Vector, h.Stamp) }

// admits reports whether a write may still be applied where h has been forgotten:
// it came after, and its origin had seen all of it, or nothing of any replica that
// had written by then. The latter is a newcomer that wrote before it met anybody:
// it can neither have kept anything of what is forgotten nor have removed a part
// of it.
func (h Horizon) admits(d *Delta) bool {
	if h.IsZero() {
		return true
	}
	if d.Stamp <= h.Stamp {
		return false
	}
	ctx, apart := d.context(), true
	covers := true
	for _, o := range h.Vector {
		covers = covers && ctx.covers(o)
		apart = apart && !ctx.covers(Dot{o.Replica, 1})
	}
	return covers || apart
}

// reaches reports whether a state that has seen v holds nothing that what was
// forgotten at h would have hidden or removed: it has seen all of that too, or
// nothing of any replica that had written by then, and what is news in it, of which
// low returns the lowest stamp, came after.
func (h Horizon) reaches(v Vector, low func() HLC) bool {
	return h.IsZero() || (v.CoversAll(h.Vector) || len(v.Meet(h.Vector)) == 0) && low() > h.Stamp
}

// Horizon returns what has been forgotten here. Read only, until the next change.
func (p *Partition) Horizon() Horizon { return p.horizon }

// meets reports, as an error, which side of a join has forgotten what the other
// has not seen.
func (p *Partition) meets(s *Snapshot) error {
	var behind, old error
	if !s.Horizon.reaches(p.vector, func() HLC { return p.lowest(s.Vector) }) {
		behind = fmt.Errorf("%w: it has seen %v, not %v", ErrBehind, p.vector, s.Horizon)
	}
	if !p.horizon.reaches(s.Vector, func() HLC { return s.lowest(p.vector) }) {
		old = fmt.Errorf("%w: it has seen %v, not %v", ErrOldNews, s.Vector, p.horizon)
	}
	return errors.Join(behind, old)
}
