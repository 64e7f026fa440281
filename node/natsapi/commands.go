package natsapi

import (
	"context"
	"fmt"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/sync/bulk"
)

// handler returns the handler of a command subject.
func (s *Server) handler(exec Executor) bulk.Handler {
	return func(ctx context.Context, _ string, data []byte) []byte { return s.commands(ctx, exec, data) }
}

// commands answers a request of many commands by as many replies. A request that
// cannot be read is answered by one error.
func (s *Server) commands(ctx context.Context, exec Executor, data []byte) []byte {
	s.count.requests.Add(1)
	cmds, err := wire.DecodeRequest(data)
	if err != nil {
		s.count.malformed.Add(1)
		text := fmt.Sprintf("ERR %v; client and node must be of the same or of neighbouring releases", err)
		return wire.AppendReplies(nil, []wire.Reply{wire.Fail(&wire.Error{Code: wire.CodeBadRequest, Text: text})})
	}
	return wire.AppendReplies(nil, s.run(ctx, exec, cmds))
}

// run runs commands within the time limit and makes sure that each has a reply.
func (s *Server) run(ctx context.Context, exec Executor, cmds []wire.Command) []wire.Reply {
	if len(cmds) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	s.count.commands.Add(uint64(len(cmds)))
	replies := exec.Do(ctx, cmds...)
	if len(replies) == len(cmds) {
		return replies
	}
	text := fmt.Sprintf("ERR node %s gave %d replies to %d commands", s.cfg.Node, len(replies), len(cmds))
	replies = make([]wire.Reply, len(cmds))
	for i := range replies {
		replies[i] = wire.Fail(&wire.Error{Code: wire.CodeInternal, Text: text})
	}
	return replies
}
