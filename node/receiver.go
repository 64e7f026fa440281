package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// receiver sorts what the transport delivers: replication's messages go to the
// runner, the nodes' own to the node.
type receiver struct{ n *Node }

// Published implements cachesync.Receiver.
func (r receiver) Published(p region.Partition, msg []byte) { r.n.runner.Published(p, msg) }

// Announced implements cachesync.Receiver.
func (r receiver) Announced(msg []byte) {
	if cachesync.IsMessage(msg) {
		r.n.runner.Announced(msg)
		return
	}
	h, err := decodeHeartbeat(msg)
	if err != nil {
		r.n.malformed.Add(1)
		r.n.cfg.Log.Debug("announced", "err", err)
		return
	}
	r.n.heard(h)
}

// Asked implements cachesync.Receiver.
func (r receiver) Asked(ctx context.Context, msg []byte) []byte {
	if cachesync.IsMessage(msg) {
		return r.n.runner.Asked(ctx, msg)
	}
	d, tag := crdt.NewDecoder(msg)
	cmds, err := wire.DecodeRequest(d.Bytes())
	if tag != tagRequest || err != nil || d.Done() != nil {
		r.n.malformed.Add(1)
		return nil
	}
	return wire.AppendReplies(nil, r.n.runAsked(ctx, cmds))
}

// runAsked runs what another node asks of this one.
func (n *Node) runAsked(ctx context.Context, cmds []wire.Command) []wire.Reply {
	if len(cmds) == 1 && len(cmds[0].Args) > 0 && strings.HasPrefix(cmds[0].Args[0], "_") {
		return []wire.Reply{n.runInternal(cmds[0])}
	}
	select {
	case <-n.ready:
		return n.admit(ctx, cmds, false)
	default:
		return failAll(errNotReady, len(cmds))
	}
}

// ask sends commands to a node and returns a reply for each.
func (n *Node) ask(ctx context.Context, to crdt.ReplicaID, cmds []wire.Command) []wire.Reply {
	if to == n.self {
		return n.runAsked(ctx, cmds)
	}
	var e crdt.Encoder
	e.String(string(wire.AppendRequest(nil, cmds)))
	answer, err := n.link.Call(ctx, to, e.Append(nil, tagRequest))
	if err == nil {
		var replies []wire.Reply
		if replies, err = wire.DecodeReplies(answer); err == nil && len(replies) == len(cmds) {
			return replies
		}
	}
	code := wire.CodeUnavailable
	if errors.Is(err, context.DeadlineExceeded) {
		code = wire.CodeTimeout
	}
	return failAll(&wire.Error{Code: code, Text: fmt.Sprintf("ERR node %v does not answer: %v", to, err)}, len(cmds))
}

// failAll returns the same error as the reply to each of n commands.
func failAll(err error, n int) []wire.Reply {
	return slices.Repeat([]wire.Reply{wire.Fail(err)}, n)
}

// askNode sends one internal command to a node and returns its reply.
func (n *Node) askNode(ctx context.Context, to crdt.ReplicaID, args ...string) wire.Reply {
	return n.ask(ctx, to, []wire.Command{{Args: args}})[0]
}
