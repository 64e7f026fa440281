package client

import (
	"errors"
	"fmt"

	"github.com/atollcache/atoll/node/wire"
)

// Errors of New. Those of commands are *wire.Error; compare with wire.ErrTimeout
// and its like.
var (
	// ErrNotFound: no node of the cluster, or of the region, has answered.
	ErrNotFound = errors.New("no node found")

	// ErrConfig: a setting makes no sense.
	ErrConfig = errors.New("client config")
)

func fail(code wire.Code, format string, args ...any) wire.Reply {
	return wire.Fail(&wire.Error{Code: code, Text: "ERR " + fmt.Sprintf(format, args...)})
}

// errClosed is the reply to commands of a client that has been closed.
func (c *Client) errClosed() wire.Reply {
	return fail(wire.CodeUnavailable, "the client has been closed")
}

// errLate is the reply to a command that was not answered in time.
func (c *Client) errLate() wire.Reply {
	return fail(wire.CodeTimeout, "region %s of cluster %s did not answer in time; a write may or may not have happened.%s Is the region under load or cut off?", c.cfg.Region, c.cfg.Cluster, c.whyLate())
}

// errDenied is the reply to a command that NATS has turned away.
func (c *Client) errDenied(d *denial) wire.Reply {
	ran := "nothing has happened"
	if d.bulk {
		ran = "a write may or may not have happened"
	}
	return fail(wire.CodeForbidden, "region %s of cluster %s: NATS does not let this user ask: %v; %s; node/natsapi/README.md lists what a client needs", c.cfg.Region, c.cfg.Cluster, d, ran)
}

// errNobody is the reply to a command that no node took.
func (c *Client) errNobody(subject string) wire.Reply {
	return fail(wire.CodeUnavailable, "no node of region %s, cluster %s, takes commands (nobody listens on %s); start one there, or choose another region", c.cfg.Region, c.cfg.Cluster, subject)
}

// errOffline is the reply to a command while there is no NATS server.
func (c *Client) errOffline() wire.Reply {
	return fail(wire.CodeUnavailable, "not connected to a NATS server, so region %s cannot be asked; the connection is %v", c.cfg.Region, c.nc.Status())
}
