package sync

// has reports whether an item is in the range.
func (r Range) has(item uint64) bool { return r.Bits == 0 || item>>(64-r.Bits) == r.Prefix }

// next returns the range after r of those of its size, or a larger one where
// those to its left have been done, and reports whether there is one.
func (r Range) next() (Range, bool) {
	for r.Bits > 0 && r.Prefix&1 == 1 {
		r.Bits, r.Prefix = r.Bits-1, r.Prefix>>1
	}
	if r.Bits == 0 {
		return r, false
	}
	r.Prefix++
	return r, true
}

// half returns the left half of the range.
func (r Range) half() Range {
	r.Bits, r.Prefix = r.Bits+1, r.Prefix<<1
	return r
}

// item returns the item of a key's digest: a bijection that the seed chooses
// (Steele et al., "Fast splittable pseudorandom number generators", 2014).
func (r Range) item(digest uint64) uint64 {
	x := digest ^ r.Seed
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
