package hyperloglog

import (
	"encoding/binary"
	"math/bits"
)

// The register of an element is its hash's lowest bits, its rank how many zeros
// follow from there on, and one: so rank k has a chance of one in 2^k.
const (
	indexBits = 14
	// Count is how many registers there are.
	Count = 1 << indexBits
	// MaxRank is the highest rank of an element: that of a hash that is zeros
	// behind the register's number.
	MaxRank = 64 - indexBits + 1
)

// Place returns the register that an element falls into, and its rank.
func Place(element string) (register int, rank uint8) {
	h := hash(element)
	rest := h>>indexBits | 1<<(MaxRank-1)
	return int(h % Count), uint8(bits.TrailingZeros64(rest) + 1)
}

// hash is MurmurHash64A with the seed that Redis gives it.
func hash(s string) uint64 {
	const (
		seed  = 0xadc83b19
		m     = 0xc6a4a7935bd1e995
		shift = 47
	)
	h := uint64(seed) ^ uint64(len(s))*m
	for ; len(s) >= 8; s = s[8:] {
		k := binary.LittleEndian.Uint64([]byte(s[:8])) * m
		k = (k ^ k>>shift) * m
		h = (h ^ k) * m
	}
	if s != "" {
		var tail [8]byte
		copy(tail[:], s)
		h = (h ^ binary.LittleEndian.Uint64(tail[:])) * m
	}
	h = (h ^ h>>shift) * m
	return h ^ h>>shift
}
