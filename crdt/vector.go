package crdt

import (
	"slices"
	"strings"
)

// Vector is a version vector: per replica, the highest number applied. Because
// numbers have no gaps and are applied in order, it says exactly which writes
// have been seen. It is kept sorted by replica and holds no
// zeros; nil is the empty vector. Only [Vector.Advance] changes a vector in place; share others freely.
type Vector []Dot

// search returns the position of r, or where it belongs.
func (v Vector) search(r ReplicaID) (int, bool) {
	// Vectors have a handful of entries, for which a scan beats bisection.
	for i := range v {
		if v[i].Replica >= r {
			return i, v[i].Replica == r
		}
	}
	return len(v), false
}

// Get returns the highest number seen of r, zero when there is none.
func (v Vector) Get(r ReplicaID) uint64 {
	if i, ok := v.search(r); ok {
		return v[i].N
	}
	return 0
}

// Covers reports whether the write named by d has been seen.
func (v Vector) Covers(d Dot) bool { return v.Get(d.Replica) >= d.N }

// CoversAll reports whether everything that o has seen has been seen by v.
func (v Vector) CoversAll(o Vector) bool {
	i := 0
	for _, d := range o {
		for i < len(v) && v[i].Replica < d.Replica {
			i++
		}
		if i == len(v) || v[i].Replica != d.Replica || v[i].N < d.N {
			return false
		}
	}
	return true
}

// Without returns a copy of v that has seen nothing of r.
func (v Vector) Without(r ReplicaID) Vector {
	if len(v) == 1 && v[0].Replica == r {
		return nil
	}
	return slices.DeleteFunc(v.Clone(), func(d Dot) bool { return d.Replica == r })
}

// Equal reports whether both have seen the same.
func (v Vector) Equal(o Vector) bool { return slices.Equal(v, o) }

// Clone returns a copy that shares nothing with v.
func (v Vector) Clone() Vector { return slices.Clone(v) }

// Advance returns v with the write d seen, changing v's memory where it can.
// A d that v covers changes nothing.
func (v Vector) Advance(d Dot) Vector {
	i, ok := v.search(d.Replica)
	switch {
	case d.N == 0:
		return v
	case ok:
		v[i].N = max(v[i].N, d.N)
		return v
	default:
		return slices.Insert(v, i, d)
	}
}

// Join returns a new vector that has seen what either has seen.
func (v Vector) Join(o Vector) Vector {
	out := v.Clone()
	for _, d := range o {
		out = out.Advance(d)
	}
	return out
}

// Meet returns a new vector that has seen only what both have seen.
func (v Vector) Meet(o Vector) Vector {
	var out Vector
	for _, d := range v {
		if n := min(d.N, o.Get(d.Replica)); n > 0 {
			out = append(out, Dot{d.Replica, n})
		}
	}
	return out
}

// Beyond returns the entries of v that are higher than o's.
func (v Vector) Beyond(o Vector) Vector {
	var out Vector
	for _, d := range v {
		if d.N > o.Get(d.Replica) {
			out = append(out, d)
		}
	}
	return out
}

// String returns the entries in order, "∅" when there are none.
func (v Vector) String() string {
	if len(v) == 0 {
		return "∅"
	}
	var b strings.Builder
	for i, d := range v {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(d.String())
	}
	return b.String()
}
