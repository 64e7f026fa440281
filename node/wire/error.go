package wire

import "errors"

// Code classifies an error for programs. The numbers are those that the NATS
// micro convention borrows from HTTP.
type Code uint16

// The codes.
const (
	CodeBadRequest  Code = 400 // the command makes no sense: unknown verb, wrong arguments, not a number
	CodeForbidden   Code = 403 // NATS does not let the client's user ask; a client says so, never a node
	CodeWrongType   Code = 409 // the key holds another kind of value
	CodeTooLarge    Code = 413 // key, value or command above its limit
	CodeNotOwner    Code = 421 // asked for local execution of what is not held here
	CodeOverload    Code = 429 // a queue is full: try again later
	CodeInternal    Code = 500 // a defect
	CodeUnavailable Code = 503 // nobody that could answer is reachable, or the node is starting or stopping
	CodeTimeout     Code = 504 // the time was up; a write may or may not have happened
)

// Error is an error that travels. Text is for the user: what was wrong and,
// where that helps, what to do. It begins with a word in capitals as Redis's
// errors do (ERR, WRONGTYPE, …).
type Error struct {
	Code Code
	Text string
}

// Error implements error.
func (e *Error) Error() string { return e.Text }

// Is makes errors.Is match by code and, where the target has one, by text.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Text == "" || t.Text == e.Text)
}

// AsError returns err as an [Error].
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeInternal, Text: "ERR " + err.Error()}
}

// Targets for errors.Is: they match every error of their code.
var (
	ErrBadRequest  = &Error{Code: CodeBadRequest}
	ErrForbidden   = &Error{Code: CodeForbidden}
	ErrWrongType   = &Error{Code: CodeWrongType}
	ErrTooLarge    = &Error{Code: CodeTooLarge}
	ErrOverload    = &Error{Code: CodeOverload}
	ErrUnavailable = &Error{Code: CodeUnavailable}
	ErrTimeout     = &Error{Code: CodeTimeout}
)
