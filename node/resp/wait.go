package resp

import (
	"context"
	"strconv"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// marks are the latest writes of a connection, by partition: what WAIT waits for.
// There are at most as many as partitions.
type marks map[region.Partition]crdt.Dot

// note notes a write. One on keys of several partitions has no dot: then all that
// the owners have written so far is waited for.
func (m *marks) note(s *Server, e *entry, args []string, wrote crdt.Dot) {
	if *m == nil {
		*m = marks{}
	}
	keys := e.keysOf(args)
	if wrote.IsZero() && len(keys) < 2 {
		return // It changed nothing.
	}
	n := s.node.Partitions()
	for _, key := range keys {
		p := n.Of(key)
		if old, seen := (*m)[p]; !seen || wrote.IsZero() || old.Replica != wrote.Replica || old.N < wrote.N {
			(*m)[p] = wrote
		}
	}
}

// wait waits until other regions have what the connection has written.
func wait(c *conn, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 32)
	if err != nil {
		c.w.Error("ERR value is not an integer or out of range")
		return
	}
	ms, err := strconv.ParseInt(args[2], 10, 64)
	switch {
	case err != nil:
		c.w.Error("ERR timeout is not an integer or out of range")
		return
	case ms < 0:
		c.w.Error("ERR timeout is negative")
		return
	}
	list := make([]Mark, 0, len(c.marks))
	for p, d := range c.marks {
		list = append(list, Mark{p, d})
	}
	ctx, cancel := c.ctx, context.CancelFunc(func() {})
	if ms > 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(min(ms, int64(maxPause/time.Millisecond)))*time.Millisecond)
	}
	if c.asking {
		n = 0 // Within EXEC nothing waits.
	}
	reached := c.s.node.Reached(ctx, list, int(n))
	cancel()
	c.w.Int(int64(reached))
}

// flushReplies writes the replies so far out, before something that may take long.
func (c *conn) flushReplies() {
	c.out.reply(c.w.Bytes())
	c.out.release()
	c.w.Reset()
}
