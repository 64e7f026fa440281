package natslink

import "errors"

// Errors of a Link, besides cachesync.ErrTooLarge and those of package bulk.
var (
	// ErrNotRunning: the link has not been started, or is closed.
	ErrNotRunning = errors.New("link is not running")

	// ErrDisconnected: there is no NATS server at the moment. The message is lost;
	// the connection goes on trying.
	ErrDisconnected = errors.New("not connected to a NATS server")

	// ErrConfig: a setting is missing or makes no sense.
	ErrConfig = errors.New("natslink config")
)
