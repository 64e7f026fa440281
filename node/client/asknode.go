package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
)

// AskNode sends one node, of any region, a command of those that nodes ask of each
// other, and returns its reply, for the tools that look after a cluster. The connection
// needs what NATS allows nodes. It blocks until there is a reply or ctx ends, without
// asking twice. Errors are *wire.Error: the node's own, wire.ErrForbidden when NATS turns
// the request away, wire.ErrUnavailable when there is no such node, wire.ErrTimeout.
func (c *Client) AskNode(ctx context.Context, to crdt.ReplicaID, args ...string) (wire.Reply, error) {
	var e crdt.Encoder
	e.String(string(wire.AppendRequest(nil, []wire.Command{{Args: args}})))
	subject := c.subjects.Repair(to)
	watched, stop := c.lookOut(ctx, subject, 0)
	defer stop()
	answer, err := c.caller.RequestBounded(watched, subject, e.Append(nil, core.TagRequest))
	if d := (*denial)(nil); err != nil && errors.As(context.Cause(watched), &d) {
		return wire.Reply{}, c.errDenied(d).Err
	}
	if errors.Is(err, nats.ErrNoResponders) {
		return wire.Reply{}, &wire.Error{Code: wire.CodeUnavailable, Text: "ERR there is no such node any more, or no way to it"}
	}
	if err != nil {
		return wire.Reply{}, c.failed(subject, err).failure.Err
	}
	replies, err := wire.DecodeReplies(answer)
	if err != nil || len(replies) != 1 {
		return wire.Reply{}, &wire.Error{Code: wire.CodeInternal, Text: fmt.Sprintf("ERR %d replies to one request: %v", len(replies), err)}
	}
	if r := replies[0]; r.Type == wire.TypeError {
		return r, r.Err
	}
	return replies[0], nil
}
