package region

import (
	"fmt"
	"slices"
	"strings"
)

const (
	// DefaultCopies is how many nodes of a region hold each partition.
	DefaultCopies = 2

	// MaxCopies bounds the copies within one region.
	MaxCopies = 8

	// maxRingMembers is how many nodes the ring's table can name.
	maxRingMembers = 1<<16 - 1
)

// Ring places the partitions of one region on its nodes: for each partition an
// owner and, where there are enough nodes, replicas. It is immutable and safe
// for concurrent use.
type Ring struct {
	partitions int
	width      int // nodes per partition: the copies, or fewer where there are fewer nodes
	nodes      []ringNode
	table      []uint16 // width indexes into nodes per partition, owner first
}

// NewRing computes the ring of the given members, which must be of one region
// and have different names. Their order does not matter, and of each only the
// name, zone and weight do: the caller chooses who takes part, as
// [View.Serving] does. Copies is how many nodes hold each partition, zero
// meaning DefaultCopies; with fewer nodes each holds everything. Without
// members the ring is empty.
//
// The result is pinned by golden files: a change to it would make nodes and
// clients of different versions disagree.
//
// NewRing returns ErrConfig for a bad number of partitions or copies, and
// ErrMember for members it cannot tell apart or that are not of one region. It
// takes time in proportion to partitions * members * copies: 2 ms for 256
// partitions and 20 members.
func NewRing(members []Member, p Partitions, copies int) (*Ring, error) {
	if copies == 0 {
		copies = DefaultCopies
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if copies < 1 || copies > MaxCopies {
		return nil, fmt.Errorf("%w: %d copies; use 1 to %d", ErrConfig, copies, MaxCopies)
	}
	nodes, err := ringNodes(members)
	if err != nil {
		return nil, err
	}
	r := &Ring{partitions: p.Count(), width: min(copies, len(nodes)), nodes: nodes}
	r.table = place(nodes, r.partitions, r.width)
	return r, nil
}

// Len returns the number of nodes on the ring.
func (r *Ring) Len() int { return len(r.nodes) }

// Copies returns how many nodes hold each partition: what NewRing was asked
// for, or fewer where there are fewer nodes.
func (r *Ring) Copies() int { return r.width }

// Owner returns the name of the node that owns p. It is empty when the ring is
// empty or p is not one of its partitions.
func (r *Ring) Owner(p Partition) string {
	holders := r.holders(p)
	if len(holders) == 0 {
		return ""
	}
	return r.nodes[holders[0]].name
}

// Replicas returns the names of the further nodes that hold p, in the order in
// which they stand in for the owner. The caller owns the slice.
func (r *Ring) Replicas(p Partition) []string {
	holders := r.Holders(p)
	if len(holders) == 0 {
		return nil
	}
	return holders[1:]
}

// Holders returns the names of all nodes that hold p, the owner first. The
// caller owns the slice.
func (r *Ring) Holders(p Partition) []string {
	var names []string
	for _, i := range r.holders(p) {
		names = append(names, r.nodes[i].name)
	}
	return names
}

// Holds reports whether the node holds p, as its owner or as a replica.
func (r *Ring) Holds(name string, p Partition) bool {
	return slices.ContainsFunc(r.holders(p), func(i uint16) bool { return r.nodes[i].name == name })
}

// OwnedBy returns the partitions that the node owns, in order.
func (r *Ring) OwnedBy(name string) []Partition {
	return r.where(func(p Partition) bool { return r.Owner(p) == name })
}

// HeldBy returns the partitions that the node owns or has a copy of, in order.
func (r *Ring) HeldBy(name string) []Partition {
	return r.where(func(p Partition) bool { return r.Holds(name, p) })
}

// Balance returns how far the busiest node is above its share of ownership,
// weights counted: 1 is perfect, and 1.15 the bound, rounded up to a whole
// partition. It is 0 for an empty ring. It is for display only.
func (r *Ring) Balance() float64 {
	owned := make([]int, len(r.nodes))
	for p := range r.partitions {
		if r.width > 0 {
			owned[r.table[p*r.width]]++
		}
	}
	total := 0
	for i := range r.nodes {
		total += r.nodes[i].weight
	}
	worst := 0.0
	for i, n := range owned {
		share := float64(r.partitions) * float64(r.nodes[i].weight) / float64(total)
		worst = max(worst, float64(n)/share)
	}
	return worst
}

// Moved compares r with the ring that follows it, next. Owners is how many
// partitions get another owner; copies is how many copies of partitions have to
// be sent to nodes that do not hold them in r. Rings with different numbers of
// partitions have nothing in common.
func (r *Ring) Moved(next *Ring) (owners, copies int) {
	for i := range next.partitions {
		p := Partition(i)
		if r.partitions != next.partitions || r.Owner(p) != next.Owner(p) {
			owners++
		}
		for _, name := range next.Holders(p) {
			if r.partitions != next.partitions || !r.Holds(name, p) {
				copies++
			}
		}
	}
	return owners, copies
}

// holders returns the indexes of p's nodes, none if there is no such partition.
func (r *Ring) holders(p Partition) []uint16 {
	if int(p) >= r.partitions {
		return nil
	}
	return r.table[int(p)*r.width:][:r.width]
}

func (r *Ring) where(keep func(Partition) bool) []Partition {
	var list []Partition
	for p := range r.partitions {
		if keep(Partition(p)) {
			list = append(list, Partition(p))
		}
	}
	return list
}

// ringNodes checks the members and returns them by name.
func ringNodes(members []Member) ([]ringNode, error) {
	if len(members) > maxRingMembers {
		return nil, fmt.Errorf("%w: %d members on one ring; at most %d", ErrConfig, len(members), maxRingMembers)
	}
	nodes := make([]ringNode, len(members))
	for i, m := range members {
		if err := m.Validate(); err != nil {
			return nil, err
		}
		if m.Region != members[0].Region {
			return nil, fmt.Errorf("%w: %s is in region %s, others are in %s; a ring is of one region", ErrMember, m.Name, m.Region, members[0].Region)
		}
		nodes[i] = newRingNode(m)
	}
	slices.SortFunc(nodes, func(a, b ringNode) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(nodes); i++ {
		if nodes[i].name == nodes[i-1].name {
			return nil, fmt.Errorf("%w: two nodes are named %s", ErrMember, nodes[i].name)
		}
	}
	return nodes, nil
}
