package pack

import "errors"

// The errors a Reader sticks. Each arrives wrapped with the byte at which the
// offending value begins ("at byte 17"), so match it with errors.Is. None is
// worth a retry: the same bytes fail again.
var (
	// ErrTruncated: the message ends where a value, or the rest of one, should be.
	ErrTruncated = errors.New("pack: message ends inside a value")

	// ErrType: the next value is not of the type asked for.
	ErrType = errors.New("pack: wrong type")

	// ErrRange: an integer does not fit the type asked for; for Uint that
	// includes every negative one.
	ErrRange = errors.New("pack: integer out of range")

	// ErrLength: a string, array, map or ext announces more than the bytes left
	// can hold. A message cut inside such a value reports this too.
	ErrLength = errors.New("pack: length exceeds the message")

	// ErrDepth: arrays and maps are nested deeper than MaxDepth.
	ErrDepth = errors.New("pack: nested too deep")

	// ErrTrailing: the message was read in full and bytes are left.
	ErrTrailing = errors.New("pack: bytes left after the message")
)
