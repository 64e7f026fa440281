package node

import (
	"context"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
)

// How a command gets to where it runs. Writes run at the owner of their key, so
// that in a region they happen one after another; while the owner cannot be
// reached any node runs them. Reads run at the owner too, or at a nearer holder
// where the front door allows it.

// embedded is the front door of the program that the node is part of: it reads
// from the node's own memory what the node holds. It outlasts the node's lives.
type embedded struct{ n *Node }

// Do implements command.Doer.
func (d embedded) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	if replies, ok := d.n.doEarly(cmds); ok {
		return replies
	}
	l, err := d.n.enter(ctx)
	if err != nil {
		return failAll(err, len(cmds))
	}
	defer l.core.Exit()
	return l.run(ctx, cmds, true)
}

// enter lets commands into the present life once that serves. While one life
// follows another they wait, as they do for the first.
func (n *Node) enter(ctx context.Context) (*life, error) {
	for {
		l := n.life.Load()
		err := l.enter(ctx)
		if err == core.ErrAwaking && sleep(ctx, stepEvery) {
			continue // Whoever calls from within has been frozen as well, and waits.
		}
		if err == nil || !l.core.Outlived() {
			return l, err
		}
		select {
		case <-l.replaced:
		case <-n.ended:
			return nil, core.ErrStopped
		case <-ctx.Done():
			return nil, core.ErrNotReady
		}
	}
}

// fronted is the front door of clients that reach any node.
type fronted struct{ l *life }

// Do implements command.Doer.
func (d fronted) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	return d.l.admit(ctx, cmds, false)
}

// addressed is the front door of clients that have chosen this node for what it
// holds: it does not pass on what it can run.
type addressed struct{ l *life }

// Do implements command.Doer.
func (d addressed) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	cmds = append([]wire.Command(nil), cmds...)
	for i := range cmds {
		cmds[i].Hops = max(cmds[i].Hops, 1)
	}
	return d.l.admit(ctx, cmds, true)
}

// admit runs commands that come from outside, once the life serves and until it
// ends.
func (l *life) admit(ctx context.Context, cmds []wire.Command, near bool) []wire.Reply {
	if err := l.enter(ctx); err != nil {
		return failAll(err, len(cmds))
	}
	defer l.core.Exit()
	return l.run(ctx, cmds, near)
}

// enter lets commands in once the life serves. Whoever was let in calls
// core.Core.Exit once they have their replies.
func (l *life) enter(ctx context.Context) error {
	select {
	case <-l.ready:
	default:
		select {
		case <-l.ready:
		case <-l.closed:
		case <-ctx.Done():
			return core.ErrNotReady
		}
	}
	return l.core.Enter()
}

// run runs commands and returns a reply for each. Those on one key keep their
// order, others may run side by side.
func (l *life) run(ctx context.Context, cmds []wire.Command, near bool) []wire.Reply {
	b := batches.Get().(*batch)
	b.l, b.ctx, b.near, b.out = l, ctx, near, make([]wire.Reply, len(cmds))
	b.jobs = l.prepareAll(b.jobs, cmds)
	b.lagging = l.lagging(b.jobs, near)
	defer l.disclaim(b.lagging)
	l.fence.await(ctx, b.lagging)
	for i := range b.jobs {
		b.add(i)
	}
	b.flush()
	l.fence.tell(ctx, b.astray)
	b.acknowledge()
	out := b.out
	b.release()
	return out
}

// inside runs the parts of a command that has been let in.
type inside struct {
	l    *life
	near bool
}

// Do implements command.Doer.
func (d inside) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	return d.l.run(ctx, cmds, d.near)
}

// runAdmitted runs a command on one key here once the disk has room for what it writes.
func (l *life) runAdmitted(ctx context.Context, t *core.Task) wire.Reply {
	for {
		if t.Spec.Write {
			if err := l.disk.admit(ctx); err != nil {
				return wire.Fail(err)
			}
		}
		reply := l.runHere(ctx, t)
		if reply.Type != wire.TypeError || reply.Err != core.ErrUnbound || ctx.Err() != nil {
			return reply
		}
	}
}

// runHere runs a command on one key in this node's memory.
func (l *life) runHere(ctx context.Context, t *core.Task) wire.Reply {
	for {
		s, err := l.core.Take(t.Partition)
		if err == nil {
			reply := l.runIn(ctx, s, t)
			if reply.Type != wire.TypeError || reply.Err != core.ErrReleased {
				return reply
			}
			err = core.ErrReleased
		}
		if err != core.ErrReleased || !sleep(ctx, stepEvery) {
			return wire.Fail(err)
		}
	}
}

// runIn runs a command in a shard once that is filled and has seen what the
// command refers to.
func (l *life) runIn(ctx context.Context, s *core.Shard, t *core.Task) wire.Reply {
	if !s.IsReady() {
		select {
		case <-s.Opened():
		case <-ctx.Done():
			return wire.Fail(errStarting)
		}
	}
	if !t.After.IsZero() && !l.awaitAfter(ctx, s, t.After) {
		return wire.Fail(errNotSeen)
	}
	reply := l.execIn(ctx, s, t)
	if !reply.Wrote.IsZero() {
		l.wrote(s)
	}
	return reply
}

// awaitAfter waits until a shard has seen what a command refers to, and reports
// whether it has.
func (l *life) awaitAfter(ctx context.Context, s *core.Shard, d crdt.Dot) bool {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.SeenWait)
	defer cancel()
	return awaitSeen(ctx, s, d)
}

// execIn runs a command. What another node is about to run, and must not run twice,
// waits until that has been seen.
func (l *life) execIn(ctx context.Context, s *core.Shard, t *core.Task) wire.Reply {
	reply := l.execHere(ctx, s, t)
	if reply.Type != wire.TypeError || reply.Err != core.ErrClaimed {
		return reply
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.SeenWait)
	defer cancel()
	for reply.Type == wire.TypeError && reply.Err == core.ErrClaimed && sleep(ctx, stepEvery) {
		reply = l.execHere(ctx, s, t)
	}
	return reply
}

// runInstead runs commands here that none of their holders has taken. Somebody may
// have run them all the same, or be ahead of this node.
func (l *life) runInstead(ctx context.Context, cmds []wire.Command) []wire.Reply {
	for i := range cmds {
		cmds[i].Hops = wire.MaxHops
		if _, err := l.core.Take(l.cfg.Partitions.Of(cmds[i].Key())); err != nil {
			return failAll(err, len(cmds))
		}
	}
	return l.run(ctx, cmds, false)
}

// errStarting is the reply of a node that is not filled in time.
var errStarting = &wire.Error{Code: wire.CodeUnavailable,
	Text: "LOADING the node is still being filled from its peers: try again shortly"}

// errNotSeen is the reply to a command with a session token that has not been
// seen in time.
var errNotSeen = &wire.Error{Code: wire.CodeTimeout,
	Text: "TIMEOUT the write that the session refers to has not arrived here yet: try again shortly"}

// awaitSeen returns when a shard has seen the write d, or ctx ends, and reports
// whether it has seen it.
func awaitSeen(ctx context.Context, s *core.Shard, d crdt.Dot) bool {
	if s.HasSeen(d) {
		return true
	}
	seen := s.Await(d)
	if seen == nil {
		return false
	}
	select {
	case <-seen:
		return true
	case <-ctx.Done():
		s.Forgo(seen)
		return false
	}
}
