package cli

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/wire"
)

// The exit codes.
const (
	exitDone        = 0 // what was asked for is done
	exitNo          = 1 // the answer is no: no such key, not equal
	exitUsage       = 2 // the command line, or what was read, makes no sense
	exitUnreachable = 3 // could not reach, timed out, could not start
)

// failure is an error with what the command line says about it.
type failure struct {
	code int
	err  error  // nil: the exit code says it all
	hint string // what to do next, if anything
}

// Error implements error.
func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit code %d", f.code)
	}
	return f.err.Error()
}

// Unwrap lets errors.Is and errors.As see the cause.
func (f *failure) Unwrap() error { return f.err }

// errNo is the answer no where output has said so already.
var errNo = &failure{code: exitNo}

// no returns the answer no with a sentence for people.
func no(format string, args ...any) error {
	return &failure{code: exitNo, err: fmt.Errorf(format, args...)}
}

// usagef returns an error of bad usage.
func usagef(format string, args ...any) *failure {
	return &failure{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// withHint sets what to do next.
func (f *failure) withHint(format string, args ...any) *failure {
	f.hint = fmt.Sprintf(format, args...)
	return f
}

// explain returns any error of a command as a failure.
func explain(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var w *wire.Error
	var timeout net.Error
	switch {
	case errors.As(err, &w):
		return explainReply(w, err)
	case errors.Is(err, nats.ErrNoResponders):
		return noNode(err)
	case errors.Is(err, context.Canceled):
		return &failure{code: exitUnreachable, err: errors.New("interrupted")}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout),
		errors.As(err, &timeout) && timeout.Timeout():
		return &failure{code: exitUnreachable, err: err,
			hint: "a write may or may not have happened; --timeout waits longer, `atoll nodes` shows who answers"}
	}
	return &failure{code: exitUnreachable, err: err}
}

// explainReply says what to do about an error that a node replied.
func explainReply(w *wire.Error, err error) *failure {
	f := &failure{code: exitUsage, err: err}
	switch w.Code {
	case wire.CodeWrongType:
		f.hint = "`atoll inspect KEY` shows what the key holds"
	case wire.CodeBadRequest, wire.CodeTooLarge:
	case wire.CodeOverload:
		f.code, f.hint = exitUnreachable, "the node is busy: try again, or send less at once"
	case wire.CodeTimeout:
		f.code, f.hint = exitUnreachable, "a write may or may not have happened; --timeout waits longer, `atoll nodes` shows who answers"
	case wire.CodeUnavailable, wire.CodeNotOwner:
		return noNode(err)
	case wire.CodeForbidden:
		return denied(err)
	default:
		f.code = exitUnreachable
	}
	return f
}

// denied is the error of a NATS user who may not do what has to be done.
func denied(err error) *failure {
	return &failure{code: exitUnreachable, err: err,
		hint: "NATS turns this user away: log in as another one (--creds, --nkey, --user, --context), or let this one publish and subscribe to what node/natsapi/README.md lists under Permissions"}
}

// noNode is the error of a NATS system that has no node for us, or none that we
// are let through to.
func noNode(err error) *failure {
	if errors.Is(err, nats.ErrPermissionViolation) {
		return denied(err)
	}
	return &failure{code: exitUnreachable, err: err,
		hint: "NATS answers but no node does: check --region and --cluster, or start one with `atoll serve` or `atoll dev`"}
}
