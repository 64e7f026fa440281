package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// Errors of commands that make no sense. Their texts are Redis's.
var (
	ErrEmpty       = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR empty command"}
	ErrSyntax      = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR syntax error"}
	ErrNotInteger  = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR value is not an integer or out of range"}
	ErrNotFloat    = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR value is not a valid float"}
	ErrBounds      = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR min or max is not a float"}
	ErrCursor      = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR invalid cursor"}
	ErrOverflow    = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR increment or decrement would overflow"}
	ErrNotFinite   = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR increment would produce NaN or Infinity"}
	ErrHashInteger = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR hash value is not an integer"}
	ErrHashFloat   = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR hash value is not a float"}

	ErrPositive       = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR value is out of range, must be positive"}
	ErrRange          = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR value is out of range"}
	ErrOffset         = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR offset is out of range"}
	ErrDecrement      = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR decrement would overflow"}
	ErrBitOffset      = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR bit offset is not an integer or out of range"}
	ErrBit            = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR bit is not an integer or out of range"}
	ErrNaNOrInf       = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR value is NaN or Infinity"}
	ErrScoreNaN       = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR resulting score is not a number (NaN)"}
	ErrLexBounds      = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR min or max not valid string range item"}
	ErrWeight         = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR weight value is not a float"}
	ErrNoKey          = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR no such key"}
	ErrSameObject     = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR source and destination objects are the same"}
	ErrDatabase       = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR DB index is out of range"}
	ErrNumKeys        = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR numkeys should be greater than 0"}
	ErrManyKeys       = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR Number of keys can't be greater than number of args"}
	ErrLimit          = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR LIMIT can't be negative"}
	ErrCount          = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR count should be greater than 0"}
	ErrSpan           = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"}
	ErrIndex          = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR index out of range"}
	ErrRank           = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list"}
	ErrNegativeCount  = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR COUNT can't be negative"}
	ErrNegativeMaxLen = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR MAXLEN can't be negative"}
	ErrNoRoom         = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR no room between two elements of the list: write the list anew"}
	ErrNotTracked     = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."}
	ErrStringLength   = &wire.Error{Code: wire.CodeTooLarge, Text: "ERR string exceeds maximum allowed size (proto-max-bulk-len)"}
)

// Errors of fills.
var (
	ErrToken    = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR invalid token: it is not one that MISS has replied"}
	ErrTokenOld = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR token is too old: the value was loaded too long ago, ask again with MISS"}
	ErrNoFills  = &wire.Error{Code: wire.CodeBadRequest, Text: "ERR keys cannot be filled here"}
)

// ErrReplyLost is the error of a command that takes something away and has run
// already, when it is sent again because its reply had been lost: what it took
// cannot be named any more.
var ErrReplyLost = &wire.Error{Code: wire.CodeTimeout,
	Text: "TIMEOUT the command has run, but its reply was lost on the way: look at the key before running it again"}

// ErrWrongType is the error of a command on a key that holds another kind.
var ErrWrongType = &wire.Error{Code: wire.CodeWrongType,
	Text: "WRONGTYPE Operation against a key holding the wrong kind of value"}

// ErrNotHyperLogLog is the error of a command on a HyperLogLog for a key that holds
// a string.
var ErrNotHyperLogLog = &wire.Error{Code: wire.CodeWrongType, Text: "WRONGTYPE Key is not a valid HyperLogLog string value."}

// DataError returns the error that a command replies when package crdt refused
// it, and any other error as [wire.AsError] does. The verb chooses between
// Redis's texts for strings and for fields.
func DataError(verb string, err error) *wire.Error {
	hash := strings.HasPrefix(verb, "H")
	switch {
	case errors.Is(err, crdt.ErrWrongType):
		return ErrWrongType
	case errors.Is(err, crdt.ErrNoSuchKey):
		return ErrNoKey
	case errors.Is(err, crdt.ErrOutOfRange):
		return ErrIndex
	case errors.Is(err, crdt.ErrNoRoom):
		return ErrNoRoom
	case errors.Is(err, crdt.ErrNotInteger) && hash:
		return ErrHashInteger
	case errors.Is(err, crdt.ErrNotInteger):
		return ErrNotInteger
	case errors.Is(err, crdt.ErrNotFloat) && hash:
		return ErrHashFloat
	case errors.Is(err, crdt.ErrNotFloat):
		return ErrNotFloat
	case errors.Is(err, crdt.ErrOverflow):
		return ErrOverflow
	case errors.Is(err, crdt.ErrNotFinite):
		return ErrNotFinite
	}
	return wire.AsError(err)
}

func badRequest(text string) *wire.Error {
	return &wire.Error{Code: wire.CodeBadRequest, Text: text}
}

func wrongNumber(verb string) *wire.Error {
	return badRequest(fmt.Sprintf("ERR wrong number of arguments for '%s' command", strings.ToLower(verb)))
}

func invalidExpire(verb string) *wire.Error {
	return badRequest(fmt.Sprintf("ERR invalid expire time in '%s' command", strings.ToLower(verb)))
}

// unknownSub is the error of a subcommand that there is not.
func unknownSub(verb, sub string) *wire.Error {
	return badRequest(fmt.Sprintf("ERR unknown subcommand '%.128s'. Try %s HELP.", sub, verb))
}
