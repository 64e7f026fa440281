package nodetest

import (
	"slices"
	"strings"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// session is a client that remembers its last write to each slot.
type session struct {
	wrote map[region.Slot]crdt.Dot
	busy  bool
	queue []*call
	// What it last set its own key to, empty when it is not known.
	acked   string
	version crdt.Version // of the write that did
}

// maxQueued bounds the commands of a session that wait for the one before; what is
// more is not run at all.
const maxQueued = 4

// call is one command of a client, from its first sending to its reply.
type call struct {
	w       *world
	step    clientStep
	nth     int // which of the region's nodes it reaches first
	cmd     wire.Command
	session *session // nil for none
	began   time.Duration
	tries   int
	turn    int // what an earlier turn still waits for comes too late
	over    bool
	warm    bool // the reply came from a node that has not joined the others
}

// command has a client do what a step says.
func (w *world) command(s step) {
	for i := range s.call.count {
		c := &call{w: w, step: s.call, nth: s.at}
		c.cmd = wire.Command{Args: slices.Clone(s.call.args)}
		if c.cmd.Args[0] == "FILL" && !c.bringToken() {
			return
		}
		if command.Unsafe(c.cmd) {
			c.cmd.Request = s.call.request + uint64(i)
		}
		if spec, err := command.Find(c.cmd); err != nil {
			w.broken("%v: %w", c.cmd.Args, err)
			return
		} else if s.call.session > 0 && spec.Keys == command.KeysFirst {
			c.session = w.sessions[s.call.session]
		}
		c.start()
	}
}

// start sends the command, after those of its session that came before.
func (c *call) start() {
	w := c.w
	if o := c.session; o != nil {
		if o.busy {
			if len(o.queue) < maxQueued {
				o.queue = append(o.queue, c)
			}
			return
		}
		o.busy = true
		c.cmd.After = o.wrote[region.SlotOf(c.cmd.Key())]
	}
	w.counts.Calls++
	w.open++
	c.began = w.now
	c.try()
}

// try sends the command to the next node, and again when there is no reply.
func (c *call) try() {
	w := c.w
	if c.tries++; c.tries > 1 {
		w.counts.Repeats++
	}
	c.turn++
	this := c.turn
	next := func(r wire.Reply) {
		if !c.over && c.turn == this {
			c.again(r)
		}
	}
	n := c.choose()
	if n == nil && w.settling && !w.isInhabited(c.step.region) {
		c.fail(wire.Fail(errAnswer))
		return
	}
	if n == nil {
		w.after(100*ms, func() { next(wire.Fail(errAnswer)) })
		return
	}
	cmd, near := c.cmd, c.step.way != anyNode
	if c.step.way == byOwner {
		cmd.Hops = 1
	}
	w.after(w.waits.try, func() { next(wire.Fail(errTime)) })
	w.give(n, func(n *node) {
		n.serve(cmd, near, w.waits.try, func(r wire.Reply) {
			c.warm = n.state < core.Ready
			w.trace.Write(wire.AppendReplies(nil, []wire.Reply{r}))
			// A reply crosses the network, too, and may come from a try before.
			w.after(w.net.least, func() { c.replied(n, r, next) })
		})
	})
}

// choose returns the node that the next try reaches: one that offers to answer
// for the key where the client looks for it, otherwise any whose doors are open.
func (c *call) choose() *node {
	w, p := c.w, c.w.cfg.Partitions.Of(c.cmd.Key())
	var open, offering []*node
	for at, n := range w.nodes {
		if n == nil || w.places[at].region != c.step.region || n.state != core.Ready && (n.saver == nil || !n.isWarm(p)) {
			continue
		}
		open = append(open, n)
		if n.offered[p] {
			offering = append(offering, n)
		}
	}
	if c.step.way == byOwner && len(offering) > 0 && c.tries == 1 {
		open = offering
	}
	if len(open) == 0 {
		return nil
	}
	return open[(c.nth+c.tries-1)%len(open)]
}

// replied takes a reply; what no node could answer is tried again.
func (c *call) replied(n *node, r wire.Reply, next func(wire.Reply)) {
	switch {
	case c.over:
	case unreachable(r):
		next(r)
	default:
		c.end(n, r)
	}
}

// again tries another node after a while, as long as there is time.
func (c *call) again(r wire.Reply) {
	w := c.w
	if w.now-c.began >= w.waits.call {
		c.fail(r)
		return
	}
	c.turn++
	this := c.turn
	w.after(20*ms, func() {
		if !c.over && c.turn == this {
			c.try()
		}
	})
}

// end notes the reply to a command.
func (c *call) end(n *node, r wire.Reply) {
	w := c.w
	w.noteCall(c, "%d tries: %v", c.tries, r)
	if r.Type == wire.TypeError && r.Err.Code == wire.CodeInternal {
		w.broken("%v: reply %v", c.cmd.Args, r.Err)
	}
	if o := c.session; o != nil && !r.Wrote.IsZero() {
		o.wrote[region.SlotOf(c.cmd.Key())] = r.Wrote
	}
	c.checkOwn(r)
	switch c.cmd.Args[0] {
	case "MISS":
		c.missed(r)
	case "FILL":
		c.filled(r)
	}
	w.checkPresent(c, r)
	w.acknowledged(c, r)
	c.close()
}

// checkOwn checks that a session sees its own last write, or what somebody whom it
// had asked in vain wrote in its name with a higher version.
func (c *call) checkOwn(r wire.Reply) {
	w, o := c.w, c.session
	if o == nil || !strings.HasPrefix(c.cmd.Key(), "own") {
		return
	}
	if c.cmd.Args[0] == "SET" {
		if at := w.parts[w.cfg.Partitions.Of(c.cmd.Key())].byDot[r.Wrote]; at != nil {
			o.acked, o.version = c.cmd.Args[2], at.delta.Version()
		}
		return
	}
	w.counts.Owns++
	if missed, lost := w.missed[c.cmd.Key()]; lost && missed >= c.began {
		return
	}
	if o.acked != "" && r.Text != o.acked && w.ownRuns[r.Text].Compare(o.version) <= 0 {
		w.broken("a session that has set %s to %s reads %q", c.cmd.Key(), o.acked, r.Text)
	}
}

// fail notes that nobody has answered.
func (c *call) fail(r wire.Reply) {
	w := c.w
	w.counts.Unavailable++
	w.noteCall(c, "fails after %v and %d tries: %v", w.now-c.began, c.tries, r.Err)
	if why := w.mustAnswer(c, r); why != "" {
		w.broken("%v in %s fails after %v and %d tries, although %s: %v", c.cmd.Args, c.step.region, w.now-c.began, c.tries, why, r.Err)
	}
	if o := c.session; o != nil {
		// The client begins anew.
		clear(o.wrote)
		o.acked = ""
	}
	c.close()
}

// close ends a call and starts the next one of its session.
func (c *call) close() {
	c.over = true
	c.w.open--
	o := c.session
	if o == nil {
		return
	}
	o.busy = false
	if len(o.queue) > 0 {
		next := o.queue[0]
		o.queue = o.queue[1:]
		next.start()
	}
}
