package riblt

import (
	"math"
	"math/bits"
)

// MaxIndex is the number of symbols that items can take part in. It is far above
// any number of symbols that a Decoder keeps; symbols from there on are empty.
const MaxIndex = 1 << 30

// never is an index behind every symbol.
const never = math.MaxUint32

// golden is the odd number nearest to 2^64 divided by the golden ratio, the step
// of the generator.
const golden = 0x9e3779b97f4a7c15

// keys is a seed, spread.
type keys struct{ place, check uint64 }

func newKeys(seed uint64) keys {
	place := mix(seed + golden)
	return keys{place: place, check: mix(place + golden)}
}

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, "Fast Splittable
// Pseudorandom Number Generators", OOPSLA 2014, in Stafford's variant 13): a
// bijection in which each bit of the result depends on every bit of z.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// An entry is an item on its way along the symbols it takes part in.
type entry struct {
	item  uint64
	state uint64 // of the item's generator
	check uint32
	next  uint32 // the symbol it takes part in next
}

// entry returns an item before the first symbol: every item is in symbol 0.
func (k keys) entry(item uint64) entry {
	state := mix(item ^ k.place)
	return entry{item: item, state: state, check: k.checkOf(state)}
}

// checksum returns an item's checksum.
func (k keys) checksum(item uint64) uint32 { return k.checkOf(mix(item ^ k.place)) }

func (k keys) checkOf(state uint64) uint32 { return uint32(mix(state^k.check) >> 32) }

// step moves an entry to the next symbol it takes part in.
func (x *entry) step() {
	x.state += golden
	x.next = after(x.next, mix(x.state))
}

// after draws the symbol after symbol i that an item takes part in, by inverse
// transform of the even number r.
//
// That the item is in none of i+1..j has the probability of the product of
// 1 - 1/(1+k/2) = k/(k+2) over them, which is (i+1)(i+2) / ((j+1)(j+2)). So the
// next is the least j > i at which that falls below r/2^64, or
//
//	(j+1)(j+2) > q = ⌊(i+1)(i+2)·2^64 / r⌋.
//
// The paper takes a square for the product and floating point for the rest. Here
// the floating-point root is only a guess, which may be one off, and integers
// decide, so that every machine draws the same.
func after(i uint32, r uint64) uint32 {
	a := (uint64(i) + 1) * (uint64(i) + 2)
	if r == 0 || (r-1)>>4 < a { // q would be 2^60 or more, and j at the end.
		return never
	}
	q, _ := bits.Div64(a, 0, r)
	s := uint64(math.Sqrt(float64(int64(q))))
	// The least m = j+1 with m(m+1) > q is s or s+1: s-1 is not enough even if
	// rounding has made s one too large. Ask without a branch whether s is.
	_, enough := bits.Sub64(q, s*(s+1), 0)
	return uint32(s - enough)
}
