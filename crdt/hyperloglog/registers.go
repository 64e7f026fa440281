package hyperloglog

import "math"

// Registers is a whole set of registers. The zero value has seen nothing.
type Registers [Count]uint8

// Raise gives a register a rank, if that is higher than its own.
func (r *Registers) Raise(register int, rank uint8) { r[register] = max(r[register], rank) }

// Merge takes over what o has seen.
func (r *Registers) Merge(o *Registers) {
	for i, rank := range o {
		r.Raise(i, rank)
	}
}

// Estimate returns about how many different elements have been seen.
func (r *Registers) Estimate() uint64 {
	var ranks [math.MaxUint8 + 1]int
	for _, rank := range r {
		ranks[rank]++
	}
	return estimate(&ranks)
}

// estimate is Ertl's: for each rank how many registers have it. The chance of each
// rank is turned into one sum by Horner's rule, from the highest rank to the
// lowest; registers that are full or empty count by series of their own.
func estimate(ranks *[math.MaxUint8 + 1]int) uint64 {
	const m = float64(Count)
	sum := m * full(1-float64(ranks[MaxRank])/m)
	for rank := MaxRank - 1; rank >= 1; rank-- {
		sum = (sum + float64(ranks[rank])) / 2
	}
	sum += m * empty(float64(ranks[0])/m)
	const bias = 0.721347520444481703680 // 1/(2 ln 2)
	return uint64(math.Round(bias * m * m / sum))
}

// full is Ertl's tau: what the registers of the highest rank add, given the share of
// the others.
func full(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	z, y := 1-x, 1.0
	for before := -1.0; z != before; {
		before = z
		x = math.Sqrt(x)
		y /= 2
		z -= float64((1 - x) * (1 - x) * y) // No other rounding anywhere, as by fusing the two.
	}
	return z / 3
}

// empty is Ertl's sigma: what the registers that have seen nothing add, given their
// share.
func empty(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	z, y := x, 1.0
	for before := -1.0; z != before; {
		before = z
		x *= x
		z += float64(x * y)
		y *= 2
	}
	return z
}
