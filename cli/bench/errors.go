package bench

import "errors"

var (
	// ErrUnsupported is returned for an operation that a target does not have.
	ErrUnsupported = errors.New("the target has no such operation")

	// ErrUnknown is returned for the name of a target, workload or row that there is
	// not.
	ErrUnknown = errors.New("no such name")

	// ErrConfig is returned for a load or a workload that makes no sense.
	ErrConfig = errors.New("bench")

	// ErrMissing is returned when a program that a row needs is not installed.
	ErrMissing = errors.New("program is not installed")

	// ErrReply is returned for a reply that is an error, or none that RESP has.
	ErrReply = errors.New("reply")
)
