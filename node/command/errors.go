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
)

// ErrWrongType is the error of a command on a key that holds another kind.
var ErrWrongType = &wire.Error{Code: wire.CodeWrongType,
	Text: "WRONGTYPE Operation against a key holding the wrong kind of value"}

// DataError returns the error that a command replies when package crdt refused
// it, and any other error as [wire.AsError] does. The verb chooses between
// Redis's texts for strings and for fields.
func DataError(verb string, err error) *wire.Error {
	hash := strings.HasPrefix(verb, "H")
	switch {
	case errors.Is(err, crdt.ErrWrongType):
		return ErrWrongType
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
