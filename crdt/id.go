package crdt

import (
	"cmp"
	"fmt"
)

// ReplicaID names one life of a node: it is new after an unclean stop and kept
// after a clean one, so that a dot never names two writes. Zero names nobody.
type ReplicaID uint64

// Lives is how many IDs in a row belong to one life of a node: a replica that has
// to drop writes of a partition goes on there under the next one.
const Lives = 256

// Life returns the first of the IDs that belong to the same life of a node, the
// one that the life is known by.
func (r ReplicaID) Life() ReplicaID { return r &^ (Lives - 1) }

// String returns the ID as sixteen hexadecimal digits.
func (r ReplicaID) String() string { return fmt.Sprintf("%016x", uint64(r)) }

// Dot names one write: the N-th that Replica made in one partition. N starts at
// 1 and has no gaps. The zero dot names nothing.
type Dot struct {
	Replica ReplicaID
	N       uint64
}

// IsZero reports whether the dot names nothing.
func (d Dot) IsZero() bool { return d.N == 0 }

// Compare orders dots by replica, then by number.
func (d Dot) Compare(o Dot) int {
	if c := cmp.Compare(d.Replica, o.Replica); c != 0 {
		return c
	}
	return cmp.Compare(d.N, o.N)
}

// String returns "replica#n", or "ø" for the zero dot.
func (d Dot) String() string {
	if d.IsZero() {
		return "ø"
	}
	return fmt.Sprintf("%v#%d", d.Replica, d.N)
}

// Version is the place of a write in the one total order that decides between
// concurrent writes: by stamp, then by replica. Two writes with equal versions
// are the same write (rule R1).
type Version struct {
	Stamp   HLC
	Replica ReplicaID
}

// Compare returns -1, 0 or 1 as v is lower than, the same as or higher than o.
func (v Version) Compare(o Version) int {
	if c := cmp.Compare(v.Stamp, o.Stamp); c != 0 {
		return c
	}
	return cmp.Compare(v.Replica, o.Replica)
}

// String returns "stamp@replica".
func (v Version) String() string { return fmt.Sprintf("%v@%v", v.Stamp, v.Replica) }
