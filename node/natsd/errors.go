package natsd

import "errors"

// Errors of starting servers. Callers compare with errors.Is.
var (
	// ErrPortInUse means that another process, or another server of this one,
	// listens on the port.
	ErrPortInUse = errors.New("port is in use")

	// ErrNotReady means that the server did not come up within ReadyTimeout.
	ErrNotReady = errors.New("nats server is not ready")

	// ErrUnknownRegion is returned for a region that a Super does not have.
	ErrUnknownRegion = errors.New("unknown region")

	// ErrStopped is returned by a server that has been shut down.
	ErrStopped = errors.New("nats server is stopped")
)
