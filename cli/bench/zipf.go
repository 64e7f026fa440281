package bench

import (
	"math"
	"math/rand/v2"
	"slices"
)

// zipf draws ranks 0 … n-1, rank r with a weight of 1/(r+1)^alpha. Alpha 0 is the
// uniform distribution. The generator of math/rand needs an alpha above 1, which
// few of the traces have.
type zipf struct {
	n          int
	cumulative []float64 // of the weights, ending in 1; nil: uniform
}

func newZipf(n int, alpha float64) zipf {
	z := zipf{n: n}
	if alpha == 0 {
		return z
	}
	z.cumulative = make([]float64, n)
	sum := 0.0
	for r := range n {
		sum += math.Pow(float64(r+1), -alpha)
		z.cumulative[r] = sum
	}
	for r := range z.cumulative {
		z.cumulative[r] /= sum
	}
	return z
}

// draw returns a rank.
func (z zipf) draw(r *rand.Rand) int {
	if z.cumulative == nil {
		return r.IntN(z.n)
	}
	i, _ := slices.BinarySearch(z.cumulative, r.Float64())
	return min(i, z.n-1)
}
