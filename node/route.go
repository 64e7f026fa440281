package node

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// How a command gets to where it runs. Writes run at the owner of their key, so
// that in a region they happen one after another; while the owner cannot be
// reached any node runs them. Reads run at the owner too, or at a nearer holder
// where the front door allows it.

// embedded is the front door of the program that the node is part of: it reads
// from the node's own memory what the node holds.
type embedded struct{ n *Node }

// Do implements command.Doer.
func (d embedded) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	return d.n.admit(ctx, cmds, true)
}

// fronted is the front door of clients that reach any node.
type fronted struct{ n *Node }

// Do implements command.Doer.
func (d fronted) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	return d.n.admit(ctx, cmds, false)
}

// addressed is the front door of clients that have chosen this node for what it
// holds: it does not pass on what it can run.
type addressed struct{ n *Node }

// Do implements command.Doer.
func (d addressed) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	cmds = append([]wire.Command(nil), cmds...)
	for i := range cmds {
		cmds[i].Hops = max(cmds[i].Hops, 1)
	}
	return d.n.admit(ctx, cmds, true)
}

// admit runs commands that come from outside, once the node serves and until it
// leaves.
func (n *Node) admit(ctx context.Context, cmds []wire.Command, near bool) []wire.Reply {
	if err := n.enter(ctx); err != nil {
		return failAll(err, len(cmds))
	}
	defer n.exit()
	return n.run(ctx, cmds, near)
}

// run runs commands and returns a reply for each. Those on one key keep their
// order, others may run side by side.
func (n *Node) run(ctx context.Context, cmds []wire.Command, near bool) []wire.Reply {
	b := batch{n: n, ctx: ctx, cmds: slices.Clone(cmds), near: near, out: make([]wire.Reply, len(cmds)), pending: map[string]bool{}}
	for i := range cmds {
		b.add(i)
	}
	b.flush()
	return b.out
}

// batch is commands that came together.
type batch struct {
	n    *Node
	ctx  context.Context
	cmds []wire.Command
	near bool // reads may be answered by any holder
	out  []wire.Reply

	away    []int           // to pass on
	aside   sync.WaitGroup  // those that run in goroutines of their own
	running int             // how many those are, at most maxAside
	pending map[string]bool // keys of both; true for those only in away
}

// maxAside bounds the commands of one request that run side by side: those that
// look at the cluster or whose keys are in several partitions. The next one waits
// until they are answered.
const maxAside = 64

// goAside runs f beside the batch.
func (b *batch) goAside(f func()) {
	if b.running == maxAside {
		b.flush()
	}
	b.running++
	b.aside.Go(f)
}

// add runs a command or puts it with those that wait for flush.
func (b *batch) add(i int) {
	cmd := b.cmds[i]
	spec, err := b.n.check(cmd)
	if err != nil {
		b.out[i] = wire.Fail(err)
		return
	}
	if cluster := clusterCommand(spec.Name); cluster != nil {
		b.goAside(func() { b.out[i] = cluster(b.n, b.ctx, cmd) })
		return
	}
	if cmd.Request == 0 && command.Unsafe(cmd) {
		// It may have to be sent again.
		cmd.Request = rand.Uint64() | 1
		b.cmds[i] = cmd
	}
	parts, join, split := command.Split(cmd, b.n.cfg.Partitions)
	here := !split && b.n.runsHere(cmd, spec, b.near)
	keys := spec.KeysOf(cmd)
	if slices.ContainsFunc(keys, func(k string) bool {
		onlyAway, ok := b.pending[k]
		return ok && (here || split || !onlyAway)
	}) {
		b.flush()
	}
	switch {
	case here:
		b.out[i] = b.n.runHere(b.ctx, cmd)
		return
	case split:
		b.goAside(func() { b.out[i] = join(b.n.run(b.ctx, parts, b.near)) })
	default:
		b.away = append(b.away, i)
	}
	for _, k := range keys {
		b.pending[k] = !split
	}
}

// flush waits until all that was added has been answered.
func (b *batch) flush() {
	if len(b.away) > 0 {
		b.n.passOn(b.ctx, b.cmds, b.away, b.out)
	}
	b.aside.Wait()
	b.away, b.running = nil, 0
	clear(b.pending)
}

// check looks a command up and checks its size.
func (n *Node) check(cmd wire.Command) (*command.Spec, error) {
	if err := command.Check(cmd, n.cfg.Limits); err != nil {
		return nil, err
	}
	return command.Find(cmd)
}

// runsHere reports whether this node is to run a command on a key itself.
func (n *Node) runsHere(cmd wire.Command, spec *command.Spec, near bool) bool {
	p := n.cfg.Partitions.Of(cmd.Key())
	if cmd.Hops >= wire.MaxHops {
		return true
	}
	s := n.shard(p)
	if s == nil || !s.isReady() {
		return false
	}
	if cmd.Hops > 0 || n.place.Load().owner(n.cfg.Region, p) == n.cfg.Name {
		return true
	}
	// Where a write is missing here the owner, who took it as a rule, is quicker
	// than to wait for it.
	return near && !spec.Write && s.hasSeen(cmd.After)
}

// runHere runs a command on one key in this node's memory.
func (n *Node) runHere(ctx context.Context, cmd wire.Command) wire.Reply {
	p := n.cfg.Partitions.Of(cmd.Key())
	for {
		s, err := n.take(p)
		if err == nil {
			reply := n.runIn(ctx, s, cmd)
			if reply.Type != wire.TypeError || reply.Err != errReleased {
				return reply
			}
			err = errReleased
		}
		if err != errReleased || !sleep(ctx, fillEvery) {
			return wire.Fail(err)
		}
	}
}

// runIn runs a command in a shard once that is filled and has seen what the
// command refers to.
func (n *Node) runIn(ctx context.Context, s *shard, cmd wire.Command) wire.Reply {
	if !n.awaitFilled(ctx, s) {
		return wire.Fail(errStarting)
	}
	if !cmd.After.IsZero() {
		seen, cancel := context.WithTimeout(ctx, n.cfg.SeenWait)
		defer cancel()
		if !s.wait(seen, cmd.After) {
			return wire.Fail(errNotSeen)
		}
	}
	reply := command.Exec(s, cmd)
	if !reply.Wrote.IsZero() {
		n.runner.Wrote(s.id)
	}
	return reply
}

// errStarting is the reply of a node that is not filled in time.
var errStarting = &wire.Error{Code: wire.CodeUnavailable,
	Text: "LOADING the node is still being filled from its peers: try again shortly"}

// errNotSeen is the reply to a command with a session token that has not been
// seen in time.
var errNotSeen = &wire.Error{Code: wire.CodeTimeout,
	Text: "TIMEOUT the write that the session refers to has not arrived here yet: try again shortly"}
