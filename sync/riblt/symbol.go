package riblt

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// A Symbol is one coded symbol of a set, or of the difference of two.
type Symbol struct {
	// Sum is the exclusive or of the items.
	Sum uint64
	// Check is the exclusive or of the items' seeded checksums.
	Check uint32
	// Count is the number of items; in a difference, the number of those that
	// only the first set has less that of those that only the second has.
	Count int64
}

// add adds an item, count times.
func (s *Symbol) add(x *entry, count int64) {
	s.Sum ^= x.item
	s.Check ^= x.check
	s.Count += count
}

// apply adds entries, count times each, to the symbols from, from+1, and so on,
// and leaves the entries behind the last of them. No entry may be before from.
func apply(symbols []Symbol, from int, entries []entry, count int64) {
	end := min(uint64(from)+uint64(len(symbols)), MaxIndex)
	for i := range entries {
		x := &entries[i]
		for uint64(x.next) < end {
			symbols[int(x.next)-from].add(x, count)
			x.step()
		}
	}
}

// Symbols returns the symbols [from, to) of a set, the same as an Encoder's. It
// keeps nothing per item and serves whoever answers requests without state: the
// way of each item is walked from its start, at O(log to) per item. It allocates
// the symbols, 24 bytes each: bound to-from before calling, as both may come from
// a peer. It returns none unless 0 <= from < to.
func Symbols(seed uint64, items iter.Seq[uint64], from, to int) []Symbol {
	if from < 0 || from >= to {
		return nil
	}
	k := newKeys(seed)
	symbols := make([]Symbol, to-from)
	for item := range items {
		x := [1]entry{k.entry(item)}
		for uint64(x[0].next) < uint64(min(from, MaxIndex)) {
			x[0].step()
		}
		apply(symbols, from, x[:], 1)
	}
	return symbols
}

// Subtract returns the symbols of the difference of two sets from the symbols of
// each, which start at the same index and have the same seed. When one has more
// symbols than the other, the surplus is left out. The arguments stay as they
// are.
func Subtract(a, b []Symbol) []Symbol {
	out := make([]Symbol, min(len(a), len(b)))
	for i := range out {
		out[i] = Symbol{Sum: a[i].Sum ^ b[i].Sum, Check: a[i].Check ^ b[i].Check, Count: a[i].Count - b[i].Count}
	}
	return out
}

// minSymbolBytes is the least that a symbol takes in a message.
const minSymbolBytes = 8 + 4 + 1

// AppendSymbols appends the symbols' bytes to dst: per symbol the sum and the
// check, 12 bytes big-endian, and the count as a zigzag varint: one byte up to
// 63, two up to 8191. So a set of 4,000 takes 14 bytes for each of its first
// symbols, some 120, and 13 for those behind. The number of symbols is not written: a message
// carries the bytes as one string.
func AppendSymbols(dst []byte, symbols []Symbol) []byte {
	for _, s := range symbols {
		dst = binary.BigEndian.AppendUint64(dst, s.Sum)
		dst = binary.BigEndian.AppendUint32(dst, s.Check)
		dst = binary.AppendVarint(dst, s.Count)
	}
	return dst
}

// DecodeSymbols reads all of b as at most limit symbols. The bytes may be hostile:
// an error wraps [ErrMalformed], and no more than twice their size is allocated.
// What it accepts, AppendSymbols would write as the same bytes.
func DecodeSymbols(b []byte, limit int) ([]Symbol, error) {
	out := make([]Symbol, 0, max(0, min(limit, len(b)/minSymbolBytes)))
	for i := 0; len(b) > 0; i++ {
		if i >= limit {
			return nil, fmt.Errorf("%w: more than the %d asked for", ErrMalformed, limit)
		}
		if len(b) < minSymbolBytes {
			return nil, fmt.Errorf("%w: symbol %d is cut off after %d bytes", ErrMalformed, i, len(b))
		}
		s := Symbol{Sum: binary.BigEndian.Uint64(b), Check: binary.BigEndian.Uint32(b[8:])}
		count, n := binary.Varint(b[12:])
		switch {
		case n == 0:
			return nil, fmt.Errorf("%w: symbol %d is cut off inside its count", ErrMalformed, i)
		case n < 0 || n > 1 && b[12+n-1] == 0:
			return nil, fmt.Errorf("%w: symbol %d has a count that is too long", ErrMalformed, i)
		}
		s.Count = count
		out = append(out, s)
		b = b[12+n:]
	}
	return out, nil
}
