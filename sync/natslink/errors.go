package natslink

import "errors"

// Errors of a Link, besides cachesync.ErrTooLarge and those of package bulk.
var (
	// ErrNotRunning: the link has not been started, or is closed.
	ErrNotRunning = errors.New("link is not running")

	// ErrDisconnected: there is no NATS server at the moment. The message is lost;
	// the connection goes on trying.
	ErrDisconnected = errors.New("not connected to a NATS server")

	// ErrLost: the NATS connection was lost while an answer was due, which never
	// comes. Whether the other side has done what it was asked is not known.
	ErrLost = errors.New("the NATS connection was lost before the answer came")

	// ErrConfig: a setting is missing or makes no sense.
	ErrConfig = errors.New("natslink config")
)
