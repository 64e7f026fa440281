package region

import "errors"

// Errors of configuration and placement.
var (
	// ErrName: a cluster, region, node or zone name is not a legal token.
	ErrName = errors.New("region: bad name")

	// ErrMember: a member's record makes no sense.
	ErrMember = errors.New("region: bad member")

	// ErrConfig: a setting is out of its range.
	ErrConfig = errors.New("region: bad configuration")
)

// Errors of the member view and the links.
var (
	// ErrFull: a bound is reached, and the new member or link was not taken in.
	ErrFull = errors.New("region: no room")

	// ErrStale: a change carries a version that is not above the one it should
	// replace. The caller's clock must observe that version first.
	ErrStale = errors.New("region: version is not newer")
)

// Errors of subjects. Both mean that the sender is not one of ours, or that a
// client built a subject by hand.
var (
	// ErrKey: a key in a subject is not encoded as EncodeKey encodes it.
	ErrKey = errors.New("region: bad key encoding")

	// ErrSubject: a subject is not of the form the parser expects.
	ErrSubject = errors.New("region: bad subject")
)
