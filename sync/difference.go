package sync

import (
	"errors"
	"fmt"

	"github.com/atollcache/atoll/sync/riblt"
)

// SymbolSource returns coded symbols of what a holder shows: count of them from a
// number on, of the items in a range ([Engine.Symbols]).
type SymbolSource func(r Range, from, count int) ([]riblt.Symbol, error)

// ErrMoved is returned by Difference when what the holders show changes while it
// is being compared. Another attempt, with another seed, may find them still.
var ErrMoved = errors.New("holders change while they are compared")

// Difference finds the items in which two holders differ, for one that is neither:
// those that only a and those that only b has. It asks both for as many symbols as
// it takes, in parts where the difference is large. The seed is any number; it
// belongs to the items ([Engine.Keys]).
func Difference(seed uint64, a, b SymbolSource) (onlyA, onlyB []uint64, err error) {
	for r, more := (Range{Seed: seed}), true; more; {
		d, err := differenceIn(r, a, b)
		switch {
		case errors.Is(err, riblt.ErrLimit) && r.Bits < maxRangeBits:
			r = r.half()
			continue
		case errors.Is(err, riblt.ErrContradiction), errors.Is(err, riblt.ErrLimit):
			return nil, nil, fmt.Errorf("%w: %w", ErrMoved, err)
		case err != nil:
			return nil, nil, err
		}
		onlyA, onlyB = append(onlyA, d.Remote()...), append(onlyB, d.Local()...)
		r, more = r.next()
	}
	return onlyA, onlyB, nil
}

// differenceIn finds the difference in one range.
func differenceIn(r Range, a, b SymbolSource) (*riblt.Decoder, error) {
	d := riblt.NewDecoder(r.Seed, maxDifference)
	for from, count := 0, firstSymbols; ; from, count = from+count, from+count {
		count = min(count, MaxSymbols-from)
		left, err := a(r, from, count)
		if err != nil {
			return nil, err
		}
		right, err := b(r, from, count)
		if err != nil {
			return nil, err
		}
		if len(left) != count || len(right) != count {
			return nil, fmt.Errorf("%w: %d and %d symbols instead of %d", ErrMoved, len(left), len(right), count)
		}
		if err := d.AddSymbols(riblt.Subtract(left, right)); err != nil || d.Done() {
			return d, err
		}
	}
}
