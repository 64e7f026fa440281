package bulk

import (
	"errors"
	"fmt"
)

// Errors of a request. Callers compare with errors.Is. A request that nobody
// listens to gives nats.ErrNoResponders, and one that is not answered in time
// gives context.DeadlineExceeded.
var (
	// ErrTooLarge means that the request or the reply exceeds
	// Config.MaxMessage here or at the server. If it is the request the
	// handler has not run; if it is the reply it has.
	ErrTooLarge = errors.New("message is too large")

	// ErrBusy means that the server had no worker, queue place or memory for
	// the request. The handler has not run: try again later or elsewhere.
	ErrBusy = errors.New("server is busy")

	// ErrExpired means that the server no longer keeps the transfer: it was
	// closed or restarted, HoldFor went by, or there was no room to park the
	// reply. The handler may have run.
	ErrExpired = errors.New("transfer is no longer held")

	// ErrProtocol means that a message of a transfer does not make sense: a
	// peer of an incompatible version, or a hostile one.
	ErrProtocol = errors.New("transfer protocol violated")

	// ErrClosed is returned by a Server that has been closed.
	ErrClosed = errors.New("bulk server is closed")
)

// codes are the names under which errors travel. The order is that of
// looking them up, so it must not be a map.
var codes = []struct {
	name string
	err  error
}{
	{"too-large", ErrTooLarge},
	{"busy", ErrBusy},
	{"expired", ErrExpired},
	{"protocol", ErrProtocol},
}

// codeOf returns the name under which err travels.
func codeOf(err error) string {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.name
		}
	}
	return "protocol"
}

// remoteError is an error that the other side reported.
type remoteError struct {
	err  error
	text string
}

// newRemoteError turns what travelled back into an error. A code of a later
// version counts as a protocol error, and its text is kept.
func newRemoteError(code, text string) error {
	for _, c := range codes {
		if c.name == code {
			return &remoteError{err: c.err, text: text}
		}
	}
	return &remoteError{err: ErrProtocol, text: fmt.Sprintf("unknown error code %q: %s", code, text)}
}

func (e *remoteError) Error() string { return "server refused: " + e.text }

func (e *remoteError) Unwrap() error { return e.err }
