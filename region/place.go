package region

import (
	"encoding/binary"
	"math"
	"math/bits"

	"github.com/zeebo/xxh3"
)

// This file decides which nodes hold a partition: weighted rendezvous hashing
// with a bounded load. Each partition has an order of preference over the nodes,
// drawn by hashing both names, and takes the first node that has room. README.md
// specifies it step by step for those who write a client.
//
// Thaler and Ravishankar, "Using name-based mappings to increase hit rates",
// IEEE/ACM Transactions on Networking 6(1), 1998 (rendezvous hashing). Karger et
// al., "Consistent hashing and random trees", STOC 1997. Mirrokni, Thorup and
// Zadimoghaddam, "Consistent hashing with bounded loads", SODA 2018.

// ringNode is what placement needs of a member.
type ringNode struct {
	name   string
	seed   uint64
	zone   string
	weight int
}

func newRingNode(m Member) ringNode {
	return ringNode{name: m.Name, seed: xxh3.HashString(m.Name), zone: m.Zone, weight: m.weight()}
}

// cost returns how little a partition prefers this node; the lowest is chosen.
// It is -log2(u)/weight for a u drawn uniformly from (0, 1] by hashing: the
// minimum of such exponential variables falls on each node in proportion to its
// weight, and does not change among the nodes that stay when others come or go.
//
// It is computed in integers because every machine must get the same result:
// floating-point logarithms differ in the last bit between architectures.
func (n *ringNode) cost(p int) uint64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(p))
	return minusLog2(xxh3.HashSeed(b[:], n.seed)) << 24 / uint64(n.weight)
}

// minusLog2 returns -log2(u / 2^64) with 32 fractional bits, rounded up; it is
// at most 64 << 32. A u of zero counts as one. The fraction comes bit by bit:
// squaring a number doubles its logarithm, and the bit is whether it reached 2.
func minusLog2(u uint64) uint64 {
	u |= 1
	whole := bits.Len64(u) - 1
	mantissa := u << (63 - whole) // in [1, 2), with 63 fractional bits
	log := uint64(whole)
	for range 32 {
		high, low := bits.Mul64(mantissa, mantissa)
		log <<= 1
		if high>>63 == 1 {
			log |= 1
			mantissa = high
		} else {
			mantissa = high<<1 | low>>63
		}
	}
	return 64<<32 - log
}

// placement is the state of one computation of a ring's table.
type placement struct {
	nodes []ringNode
	zone  []int // each node's zone, as a number
	zones int
	width int
	table []uint16
	load  []int // partitions held so far, by node
	limit []int // how many each node should hold at most
}

// place returns the table of a ring: width nodes for each partition. It goes
// through the partitions once per copy. All owners come first, so they do not
// depend on the number of copies.
func place(nodes []ringNode, partitions, width int) []uint16 {
	pl := &placement{nodes: nodes, width: width, table: make([]uint16, partitions*width), load: make([]int, len(nodes))}
	pl.numberZones()
	for k := range width {
		if k == 0 {
			pl.limit = ownerLimits(nodes, partitions)
		} else {
			pl.limit = holderLimits(pl.nodes, pl.zone, pl.zones, partitions, k+1)
		}
		for p := range partitions {
			i := pl.choose(p, k)
			pl.table[p*width+k] = uint16(i)
			pl.load[i]++
		}
	}
	return pl.table
}

// numberZones gives each zone a number, in the order of the nodes.
func (pl *placement) numberZones() {
	numbers := make(map[string]int)
	for _, n := range pl.nodes {
		z, ok := numbers[n.zone]
		if !ok {
			z = len(numbers)
			numbers[n.zone] = z
		}
		pl.zone = append(pl.zone, z)
	}
	pl.zones = len(numbers)
}

// choose returns the node for copy k of partition p, when copies 0 to k-1 are
// placed. It is the preferred one of those with room. Where no candidate has
// room, an earlier partition makes some; where none can, which only happens when
// zones are very uneven, the candidate that is fullest by least goes over its
// limit, because an independent copy is worth more than balance.
func (pl *placement) choose(p, k int) int {
	if i := pl.preferred(p, k); i >= 0 {
		return i
	}
	if i := pl.makeRoom(p, k); i >= 0 {
		return i
	}
	spill := -1
	for i := range pl.nodes {
		if pl.candidate(i, p, k) && (spill < 0 || pl.load[i]*pl.limit[spill] < pl.load[spill]*pl.limit[i]) {
			spill = i
		}
	}
	return spill
}

// preferred returns the candidate of least cost that has room, -1 if none has.
func (pl *placement) preferred(p, k int) int {
	best, bestCost := -1, uint64(math.MaxUint64)
	for i := range pl.nodes {
		if pl.load[i] < pl.limit[i] && pl.candidate(i, p, k) {
			if cost := pl.nodes[i].cost(p); cost < bestCost {
				best, bestCost = i, cost
			}
		}
	}
	return best
}

// makeRoom lets the latest partition that can do so move its copy k from a
// candidate for p to a node with room, and returns that candidate; -1 if there
// is no such partition.
func (pl *placement) makeRoom(p, k int) int {
	for q := p - 1; q >= 0; q-- {
		i := int(pl.table[q*pl.width+k])
		if !pl.candidate(i, p, k) {
			continue
		}
		if to := pl.preferred(q, k); to >= 0 {
			pl.table[q*pl.width+k] = uint16(to)
			pl.load[to]++
			pl.load[i]--
			return i
		}
	}
	return -1
}

// candidate reports whether node i may get copy k of partition p: it has none
// and, as long as there are zones without one, is in such a zone.
func (pl *placement) candidate(i, p, k int) bool {
	for _, j := range pl.table[p*pl.width:][:k] {
		if int(j) == i || k < pl.zones && pl.zone[j] == pl.zone[i] {
			return false
		}
	}
	return true
}
