package region

import "math/big"

// A node's load is bounded at 115 % of its share, rounded up. A lower bound
// balances better and moves more partitions when a node comes or goes.
const (
	loadPercent = 115
	percent     = 100
)

// ownerLimits returns how many partitions each node may own. Their sum is at
// least the number of partitions, so owners always find room.
func ownerLimits(nodes []ringNode, partitions int) []int {
	var total int64
	for _, n := range nodes {
		total += int64(n.weight)
	}
	limits := make([]int, len(nodes))
	for i, n := range nodes {
		share := loadPercent * int64(partitions) * int64(n.weight) // times percent * total
		limits[i] = int((share + percent*total - 1) / (percent * total))
	}
	return limits
}

// holderLimits returns how many partitions each node should hold at most when
// each partition has the given number of copies. A node's share is in
// proportion to its weight as far as zones allow: a small zone that must have a
// copy of everything holds everything, and no zone can hold more than one copy
// of each partition as long as there are enough zones.
func holderLimits(nodes []ringNode, zoneOf []int, zones, partitions, copies int) []int {
	members := make([][]int, zones)
	zoneParts := make([]part, zones)
	for i, n := range nodes {
		members[zoneOf[i]] = append(members[zoneOf[i]], i)
		zoneParts[zoneOf[i]].weight += n.weight
	}
	for z := range zoneParts {
		zoneParts[z].high = partitions
		if zones < copies {
			zoneParts[z].low, zoneParts[z].high = partitions, partitions*len(members[z])
		}
	}
	limits := make([]int, len(nodes))
	for z, zoneShare := range divide(big.NewRat(int64(partitions*copies), 1), zoneParts) {
		parts := make([]part, len(members[z]))
		for j, i := range members[z] {
			parts[j] = part{weight: nodes[i].weight, high: partitions}
		}
		for j, share := range divide(zoneShare, parts) {
			limits[members[z][j]] = min(partitions, boundedLoad(share))
		}
	}
	return limits
}

// boundedLoad returns 115 % of a share, rounded up.
func boundedLoad(share *big.Rat) int {
	limit := new(big.Rat).Mul(share, big.NewRat(loadPercent, percent))
	rounded := new(big.Int).Add(limit.Num(), limit.Denom())
	rounded.Sub(rounded, big.NewInt(1)).Quo(rounded, limit.Denom())
	return int(rounded.Int64())
}

// part is one taker of a division: its weight, and the least and most it takes.
type part struct {
	weight    int
	low, high int
}

// divide splits total in proportion to the weights, as far as the parts' bounds
// allow. The total must lie between the sums of the bounds.
//
// It splits what is left among the parts that are not settled, and settles those
// that got less than their low or more than their high bound: the side on which
// more is out of bounds, because settling that side can only make the other side
// better. Fractions are exact, so the result does not depend on the machine.
func divide(total *big.Rat, parts []part) []*big.Rat {
	shares := make([]*big.Rat, len(parts))
	for left := len(parts); left > 0; {
		rest, weight := new(big.Rat).Set(total), int64(0)
		for i, p := range parts {
			if shares[i] != nil {
				rest.Sub(rest, shares[i])
			} else {
				weight += int64(p.weight)
			}
		}
		offers := make([]*big.Rat, len(parts))
		bounds := make([]*big.Rat, len(parts))
		excess := new(big.Rat) // by how much bounds lie below offers, in sum
		for i, p := range parts {
			if shares[i] == nil {
				offers[i] = new(big.Rat).Mul(rest, big.NewRat(int64(p.weight), weight))
				bounds[i] = clamp(offers[i], p)
				excess.Add(excess, new(big.Rat).Sub(offers[i], bounds[i]))
			}
		}
		for i := range parts {
			if shares[i] == nil && (excess.Sign() == 0 || offers[i].Cmp(bounds[i]) == excess.Sign()) {
				shares[i] = bounds[i]
				left--
			}
		}
	}
	return shares
}

// clamp returns x, or the bound of p that it lies beyond.
func clamp(x *big.Rat, p part) *big.Rat {
	if low := big.NewRat(int64(p.low), 1); x.Cmp(low) < 0 {
		return low
	}
	if high := big.NewRat(int64(p.high), 1); x.Cmp(high) > 0 {
		return high
	}
	return x
}
