package riblt

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// afterSpec is the definition of after with numbers of any size: the least j > i
// with (j+1)(j+2)·r > (i+1)(i+2)·2^64, by bisection.
func afterSpec(i uint32, r uint64) uint32 {
	product := func(j int64) *big.Int { return new(big.Int).Mul(big.NewInt(j+1), big.NewInt(j+2)) }
	a := product(int64(i))
	a.Lsh(a, 64)
	reached := func(j int64) bool {
		p := product(j)
		return p.Mul(p, new(big.Int).SetUint64(r)).Cmp(a) > 0
	}
	low, high := int64(i), int64(MaxIndex) // Not reached at low.
	if !reached(high - 1) {
		return never
	}
	for high-low > 1 {
		if mid := (low + high) / 2; reached(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return uint32(high)
}

func TestAfterAgainstDefinition(t *testing.T) {
	check := func(i uint32, r uint64) {
		t.Helper()
		want, have := afterSpec(i, r), after(i, r)
		// The very last index may be left out: see the first lines of after.
		if want != have && !(have == never && want == MaxIndex-1) {
			t.Fatalf("after(%d, %#x): want %d, have %d", i, r, want, have)
		}
		if have <= i {
			t.Fatalf("after(%d, %#x): have %d, which is not after", i, r, have)
		}
	}
	for _, i := range []uint32{0, 1, 2, 3, 1000, 1 << 20, 1 << 26, 1<<26 + 1, 1<<29 + 12345, MaxIndex - 3, MaxIndex - 2, MaxIndex - 1} {
		a := (uint64(i) + 1) * (uint64(i) + 2)
		for _, r := range []uint64{0, 1, 2, a - 1, a, a + 1, 16*a - 1, 16 * a, 16*a + 15, 16*a + 16, 1 << 63, math.MaxUint64} {
			check(i, r)
		}
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		check(uint32(rnd.Uint64()>>(34+rnd.UintN(30))), rnd.Uint64()>>rnd.UintN(40))
	}
}

// TestAfterNearItsSteps aims at r where the result steps from one index to the
// next, and where the root of a large number is rounded up to a whole one.
func TestAfterNearItsSteps(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 2))
	for range 5_000 {
		// r is such that q comes close to n(n+1), or to n².
		i, n := uint32(rnd.Uint64()>>(35+rnd.UintN(8))), rnd.Uint64()>>35
		if n <= uint64(i)+1 {
			continue
		}
		a := new(big.Int).SetUint64((uint64(i) + 1) * (uint64(i) + 2))
		r := a.Lsh(a, 64).Div(a, new(big.Int).SetUint64(n*(n+rnd.Uint64N(2))))
		for off := range uint64(5) {
			v := r.Uint64() + off - 2
			if want, have := afterSpec(i, v), after(i, v); r.IsUint64() && want != have && want != MaxIndex-1 {
				t.Fatalf("after(%d, %#x): want %d, have %d", i, v, want, have)
			}
		}
	}
}

// TestDensity: an item takes part in symbol i with probability 1/(1+i/2),
// independent of other items.
func TestDensity(t *testing.T) {
	const items, m = 40_000, 64
	k := newKeys(77)
	var counts [m]int
	for item := range uint64(items) {
		for x := k.entry(item); x.next < m; x.step() {
			counts[x.next]++
		}
	}
	for i, n := range counts {
		p := 1 / (1 + float64(i)/2)
		if sigma := math.Sqrt(items * p * (1 - p)); math.Abs(float64(n)-items*p) > 5*sigma {
			t.Errorf("symbol %d: want about %.0f of %d items, have %d", i, items*p, items, n)
		}
	}
}

// TestSeedsAreIndependent: neither place nor checksum of an item under one seed
// says anything of those under another.
func TestSeedsAreIndependent(t *testing.T) {
	same, collisions := 0, 0
	for seed := range uint64(2000) {
		a, b := newKeys(seed).entry(42), newKeys(seed+1).entry(42)
		if a.check == b.check {
			collisions++
		}
		a.step()
		b.step()
		if a.next == b.next {
			same++
		}
	}
	// The sum over g of ((probability that the first gap is g) squared) is 0.49.
	if collisions > 0 || same < 880 || same > 1080 {
		t.Errorf("2000 pairs of seeds: have %d equal checksums, %d equal first steps", collisions, same)
	}
}
