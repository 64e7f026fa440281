package resp

import (
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// batch is commands of a pipeline that the node runs together: one request for
// each other node that it takes, not one for each command.
type batch struct {
	cmds    []wire.Command
	entries []*entry
	sent    []string // the commands' names as they were sent
	most    int      // commands that are run together; follows the size of their replies
}

const (
	firstBatch = 16
	maxBatch   = 256
	// wideReplies is how many bytes the replies of a batch may have for the next one
	// to be larger: what a batch takes in memory is bounded by the largest replies of
	// as many commands.
	wideReplies = 64 << 10
	// largeReplies is how many make the next batch a single command.
	largeReplies = 4 << 20
)

// collect puts a command with those that are run together.
func (c *conn) collect(e *entry, args []string) {
	if c.batch.most == 0 {
		c.batch.most = firstBatch
	}
	if e.is&alone != 0 {
		c.runBatch()
	}
	c.s.monitors.tell(c, e, args[0], args)
	c.batch.sent = append(c.batch.sent, args[0])
	args[0] = e.verb
	c.batch.cmds = append(c.batch.cmds, wire.Command{Args: args})
	c.batch.entries = append(c.batch.entries, e)
	if len(c.batch.cmds) >= c.batch.most || e.is&alone != 0 {
		c.runBatch()
	}
}

// runBatch runs what has been collected and writes the replies.
func (c *conn) runBatch() {
	b := &c.batch
	if len(b.cmds) == 0 {
		return
	}
	began := time.Now()
	c.s.stall(c.ctx, b.entries...)
	c.beforeRun(b.entries, b.cmds)
	before := c.w.Len()
	replies := c.node(b.cmds...)
	took := time.Since(began) / time.Duration(len(b.cmds))
	var found looks
	for i := range replies {
		found.found(b.entries[i], &replies[i])
		c.answer(b.entries[i], b.cmds[i].Args, &replies[i])
	}
	c.s.stats.found(found)
	c.s.stats.ranAll(b.entries, took)
	c.s.latency.note("command", took)
	if c.s.slow.isLong(took) {
		for i, e := range b.entries {
			c.s.slow.note(c, e, b.sent[i], b.cmds[i].Args, took)
		}
	}
	c.seen(b.entries[len(b.entries)-1], int64(len(b.entries)))
	switch size := c.w.Len() - before; {
	case size > largeReplies:
		b.most = 1
	case size < wideReplies && len(b.cmds) == b.most:
		b.most = min(2*b.most, maxBatch)
	}
	clear(b.cmds)
	clear(b.sent)
	b.cmds, b.entries, b.sent = b.cmds[:0], b.entries[:0], b.sent[:0]
	if c.w.Len() > writePiece {
		c.flushReplies()
	}
}

// answer writes the reply of one command, and notes what it leaves.
func (c *conn) answer(e *entry, args []string, r *wire.Reply) {
	from := c.muting()
	render(&c.w, r, e.spec.Shape(wire.Command{Args: args}))
	switch {
	case r.Type == wire.TypeError && r.Err != nil:
		c.s.stats.failed(e, r.Err.Text)
	case e.is&writes != 0:
		c.marks.note(c.s, e, args, r.Wrote)
	}
	c.muted(from)
}

// beforeRun notes what commands are going to read, for a client that tracks it,
// and keeps back what it is to be told of that until it has the replies.
func (c *conn) beforeRun(entries []*entry, cmds []wire.Command) {
	if !c.track.on {
		return
	}
	c.out.hold()
	for i, e := range entries {
		c.trackRead(e, cmds[i].Args)
		if !c.tx.open {
			c.track.caching = cachingUnset // It was for one command.
		}
	}
}
