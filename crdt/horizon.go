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
// it came after, and its origin, which had seen ctx, had seen all of it, or nothing
// of any replica that had written by then. The latter is a newcomer that wrote
// before it met anybody: it can neither have kept anything of what is forgotten nor
// have removed a part of it.
func (h Horizon) admits(d *Delta, ctx *Sight) bool {
	if h.IsZero() {
		return true
	}
	if d.Stamp <= h.Stamp {
		return false
	}
	ctx.gone = ctx.CoversAll(h.Vector)
	return ctx.gone || ctx.apart(h.Vector)
}

// Horizon returns what has been forgotten here. Read only, until the next change.
func (p *Partition) Horizon() Horizon { return p.horizon }

// encounter is two states that are about to be joined, and what each has seen as far
// as both together can tell.
type encounter struct {
	us, them Sight
	retired  []Retirement // known to either
	// ahead says that we have seen all that they have, behind that they have seen all
	// that we have. evicts says that something was evicted on either side, fills that either knows of fills.
	ahead, behind, evicts, fills bool
}

func (p *Partition) encounter(s *Snapshot) *encounter {
	m := &encounter{retired: joinRetirements(p.retired, s.Retired)}
	m.us = Sight{vector: p.vector, retired: m.retired, named: s.Vector, ended: p.ended}
	m.them = Sight{vector: s.Vector, retired: m.retired, named: p.vector, ended: s.Ended}
	m.us.gone = !s.Horizon.IsZero() && m.us.CoversAll(s.Horizon.Vector)
	m.them.gone = !p.horizon.IsZero() && m.them.CoversAll(p.horizon.Vector)
	m.ahead, m.behind = m.us.CoversAll(s.Vector), m.them.CoversAll(p.vector)
	m.evicts = p.evicts || s.Evicts
	m.fills = p.fills.stage != NoFills || s.Fills != NoFills
	return m
}

// reaches reports whether a state that has seen v holds nothing that what was
// forgotten at h would have hidden or removed: it has seen all of that too, or
// nothing of any replica that had written by then, having begun after it; and what
// is news in it, of which low returns the lowest stamp, came after.
func (h Horizon) reaches(v *Sight, first HLC, low func() HLC) bool {
	return h.IsZero() || (v.gone || (first == 0 || first > h.Stamp) && v.apart(h.Vector)) && low() > h.Stamp
}

// Meets returns the error that [Partition.Join] would give for a snapshot, nil when it
// would take it in.
func (p *Partition) Meets(s *Snapshot) error {
	err := p.meets(s, p.encounter(s))
	if p.Err() != nil {
		return p.Err()
	}
	return err
}

// meets reports, as an error, which side of a join has forgotten what the other
// has not seen.
func (p *Partition) meets(s *Snapshot, m *encounter) error {
	var behind, old error
	if namesEnded(p.vector, s.Ended) || !s.Horizon.reaches(&m.us, p.first, func() HLC { return p.lowest(&m.them) }) {
		behind = fmt.Errorf("%w: it has seen %v, not %v", ErrBehind, p.vector, s.Horizon)
	}
	if namesEnded(s.Vector, p.ended) || !p.horizon.reaches(&m.them, s.First, func() HLC { return s.lowest(&m.us) }) {
		old = fmt.Errorf("%w: it has seen %v, not %v", ErrOldNews, s.Vector, p.horizon)
	}
	if r, ok := outlived(s.Retired, p.vector, p.retired, p.ended); ok {
		behind = fmt.Errorf("%w: %w after %v: it has seen %v", ErrBehind, ErrRetired, r.Last, p.vector)
	}
	if r, ok := outlived(p.retired, s.Vector, s.Retired, s.Ended); ok {
		old = fmt.Errorf("%w: %w after %v: it has seen %v", ErrOldNews, ErrRetired, r.Last, s.Vector)
	}
	return errors.Join(behind, old)
}
