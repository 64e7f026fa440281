package riblt

import "errors"

var (
	// ErrMalformed is wrapped by the error for bytes that AppendSymbols does not
	// write, or that hold more symbols than asked for. The same bytes fail again.
	ErrMalformed = errors.New("malformed symbols")

	// ErrLimit is wrapped by the error of a Decoder that has found the difference
	// to be larger than its limit, or that has not found it in as many symbols as
	// its limit allows. Sets with different seeds end here too. Use a larger limit
	// or compare the sets in another way.
	ErrLimit = errors.New("difference exceeds the limit")

	// ErrContradiction is wrapped by the error of a Decoder that was given what
	// cannot be the symbols of two sets under its seed: another seed, an item that
	// was added to a set twice, a damaged or hostile peer, symbols out of order, or
	// once in many millions bad luck. Try once more with a new seed.
	ErrContradiction = errors.New("symbols contradict each other")
)
