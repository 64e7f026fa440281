package backup

import (
	"context"
	"strconv"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Bounds of the writes that travel together.
const (
	renewKeys  = 64
	renewBytes = 1 << 20
)

// renew writes anew what a partition's backup has and the cluster has not.
func (r *restoring) renew(ctx context.Context, p region.Partition) (out Result, err error) {
	var cmds []wire.Command
	bytes := 0
	err = r.b.each(p, func(m *cachesync.Message, _ []byte) error {
		for i, key := range m.Piece.Keys {
			cmd, ok := r.renewal(key, m.Piece.Entries[i], &out)
			if !ok {
				continue
			}
			cmds = append(cmds, cmd)
			bytes += len(key) + m.Piece.Entries[i].Size()
			if len(cmds) == renewKeys || bytes >= renewBytes {
				if err := r.write(ctx, cmds, &out); err != nil {
					return err
				}
				cmds, bytes = cmds[:0], 0
			}
		}
		return nil
	})
	if err == nil {
		err = r.write(ctx, cmds, &out)
	}
	return out, err
}

// renewal returns the command that writes a key anew, and counts keys that have
// nothing to be written.
func (r *restoring) renewal(key string, e *crdt.Entry, out *Result) (wire.Command, bool) {
	out.Keys++
	v := e.View(r.Now().UnixMilli())
	cmd, ok := command.Renewal(key, v)
	switch {
	case v.IsEvicted():
		out.Evicted++
	case !ok:
		out.Expired++
	}
	return cmd, ok
}

// write runs commands that write keys anew and counts what came of them. What cannot be
// written, for it is too large for a command, is counted too; whatever else fails ends
// the restore.
func (r *restoring) write(ctx context.Context, cmds []wire.Command, out *Result) error {
	wait := pause
	for i := 0; len(cmds) > 0; i++ {
		within, cancel := context.WithTimeout(ctx, r.Timeout)
		replies := r.Client.Do(within, cmds...)
		cancel()
		var left []wire.Command
		var failed error
		for j, reply := range replies {
			switch {
			case reply.Type != wire.TypeError && reply.Int > 0:
				out.Renewed++
			case reply.Type != wire.TypeError:
				out.Changed++
			case again(reply.Err):
				left, failed = append(left, cmds[j]), reply.Err
			default:
				out.Failed++
				if out.Failure == "" {
					out.Failure = strconv.Quote(cmds[j].Key()) + ": " + reply.Err.Error()
				}
			}
		}
		if cmds = left; len(left) == 0 {
			return nil
		}
		if i == attempts-1 {
			return failed
		}
		select {
		case <-time.After(wait):
			wait *= 2
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// uints writes numbers as arguments.
func uints(n ...uint64) []string {
	out := make([]string, len(n))
	for i, x := range n {
		out[i] = strconv.FormatUint(x, 10)
	}
	return out
}
