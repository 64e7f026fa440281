package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// receiver sorts what the transport delivers: replication's messages go to the
// runner, the nodes' own to the core, and commands to where they run.
type receiver struct{ l *life }

// Published implements cachesync.Receiver.
func (r receiver) Published(p region.Partition, msg []byte) { r.l.runner.Published(p, msg) }

// Announced implements cachesync.Receiver.
func (r receiver) Announced(msg []byte) {
	if cachesync.IsMessage(msg) {
		r.l.runner.Announced(msg)
		return
	}
	if err := r.l.core.Heard(msg); err != nil {
		r.l.malformed.Add(1)
		r.l.cfg.Log.Debug("announced", "err", err)
	}
}

// Asked implements cachesync.Receiver.
func (r receiver) Asked(ctx context.Context, msg []byte) []byte {
	if cachesync.IsMessage(msg) {
		return r.l.runner.Asked(ctx, msg)
	}
	d, tag := crdt.NewDecoder(msg)
	cmds, err := wire.DecodeRequest(d.Bytes())
	if tag != core.TagRequest || err != nil || d.Done() != nil {
		r.l.malformed.Add(1)
		return nil
	}
	return wire.AppendReplies(nil, r.l.runAsked(ctx, cmds))
}

// runAsked runs what another node asks of this one.
func (l *life) runAsked(ctx context.Context, cmds []wire.Command) []wire.Reply {
	if len(cmds) == 1 && len(cmds[0].Args) > 0 && strings.HasPrefix(cmds[0].Args[0], "_") {
		return []wire.Reply{l.runInternal(cmds[0])}
	}
	select {
	case <-l.ready:
		return l.admit(ctx, cmds, false)
	default:
		return failAll(core.ErrNotReady, len(cmds))
	}
}

// ask sends commands to a node and returns a reply for each.
func (l *life) ask(ctx context.Context, to crdt.ReplicaID, cmds []wire.Command) []wire.Reply {
	if to == l.core.Replica() {
		return l.runAsked(ctx, cmds)
	}
	var e crdt.Encoder
	e.String(string(wire.AppendRequest(nil, cmds)))
	answer, err := l.link.Call(ctx, to, e.Append(nil, core.TagRequest))
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
func (l *life) askNode(ctx context.Context, to crdt.ReplicaID, args ...string) wire.Reply {
	return l.ask(ctx, to, []wire.Command{{Args: args}})[0]
}
