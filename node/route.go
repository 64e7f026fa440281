package node

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
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
	cmds = slices.Clone(cmds)
	for i := range cmds {
		cmds[i] = command.Wrap(cmds[i], l.cfg.Partitions)
	}
	lagging := l.lagging(cmds, near)
	defer l.disclaim(lagging)
	l.fence.await(ctx, lagging)
	b := batch{l: l, ctx: ctx, cmds: cmds, near: near, lagging: lagging, out: make([]wire.Reply, len(cmds)), pending: map[string]bool{}}
	for i := range cmds {
		b.add(i)
	}
	b.flush()
	l.fence.tell(ctx, b.astray)
	b.acknowledge()
	return b.out
}

// batch is commands that came together.
type batch struct {
	l    *life
	ctx  context.Context
	cmds []wire.Command
	near bool // reads may be answered by any holder
	out  []wire.Reply

	away    []int           // to pass on
	aside   sync.WaitGroup  // those that run in goroutines of their own
	running int             // how many those are, at most maxAside
	pending map[string]bool // keys of both; true for those only in away

	wrote   []int                             // commands that have written here, or found it written
	lagging map[region.Partition]lag          // where others have been asked
	astray  map[crdt.ReplicaID][]core.Awaited // by owner, what this node has written in its place, the last in each partition
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
	spec, err := b.l.check(cmd)
	if err != nil {
		b.out[i] = wire.Fail(err)
		return
	}
	if cluster := clusterCommand(spec.Name); cluster != nil {
		b.goAside(func() { b.out[i] = cluster(b.l, b.ctx, cmd) })
		return
	}
	if cmd.Request == 0 && command.Unsafe(cmd) {
		// It may have to be sent again.
		cmd.Request = rand.Uint64() | 1
		b.cmds[i] = cmd
	}
	keys := spec.KeysOf(cmd)
	parts, join, split := command.Split(cmd, b.l.cfg.Partitions)
	split = split || spec.Together
	here := !split && b.l.core.RunsHere(cmd, spec, b.near)
	if slices.ContainsFunc(keys, func(k string) bool {
		onlyAway, ok := b.pending[k]
		return ok && (here || split || !onlyAway)
	}) {
		b.flush()
	}
	switch {
	case here:
		b.out[i] = b.l.runAdmitted(b.ctx, cmd, spec)
		if b.out[i].Type == wire.TypeError && b.out[i].Err == core.ErrUnread && cmd.Hops == 0 {
			b.away, b.pending[keys[0]] = append(b.away, i), true // Another holder may have it.
			return
		}
		b.note(cmd, b.out[i].Wrote)
		if acknowledges(cmd, b.out[i]) {
			b.wrote = append(b.wrote, i)
		}
		return
	case spec.Together:
		// What it writes depends on what it reads: that is what the owners have.
		d := inside{b.l, b.near && !spec.Write}
		b.goAside(func() { b.out[i] = command.Across(b.ctx, d, b.l.cfg.Partitions, cmd) })
	case split:
		b.goAside(func() { b.out[i] = join(b.l.run(b.ctx, parts, b.near)) })
	default:
		if p := b.l.cfg.Partitions.Of(cmd.Key()); b.lagging[p].requests != nil {
			b.l.core.Disclaim(p, cmd.Request)
		}
		b.away = append(b.away, i)
	}
	for _, k := range keys {
		b.pending[k] = !split
	}
}

// note notes a write that the owner is to see before the reply goes out.
func (b *batch) note(cmd wire.Command, wrote crdt.Dot) {
	owner := b.l.core.Tell(cmd, wrote)
	if owner == 0 {
		return
	}
	w := core.Awaited{Partition: b.l.cfg.Partitions.Of(cmd.Key()), Dot: wrote}
	if b.astray == nil {
		b.astray = map[crdt.ReplicaID][]core.Awaited{}
	}
	// The node's own writes of a partition are seen in order.
	list := b.astray[owner]
	if i := slices.IndexFunc(list, func(o core.Awaited) bool { return o.Partition == w.Partition }); i >= 0 {
		list[i] = w
		return
	}
	b.astray[owner] = append(list, w)
}

// acknowledge waits until what has been written here is as safe as its replies say. A
// command that finds its work done, as when it is sent again, may have been written a
// moment ago.
func (b *batch) acknowledge() {
	if len(b.wrote) == 0 {
		return
	}
	if err := b.l.disk.acknowledge(b.ctx); err != nil {
		for _, i := range b.wrote {
			b.out[i] = wire.Fail(err)
		}
	}
}

// acknowledges reports whether a reply says that something has been written, now or
// before.
func acknowledges(cmd wire.Command, r wire.Reply) bool {
	spec, err := command.Find(cmd)
	return err == nil && spec.Write && r.Type != wire.TypeError
}

// flush waits until all that was added has been answered.
func (b *batch) flush() {
	if len(b.away) > 0 {
		b.l.passOn(b.ctx, b.cmds, b.away, b.out)
	}
	b.aside.Wait()
	b.away, b.running = nil, 0
	clear(b.pending)
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

// check looks a command up and checks its size.
func (l *life) check(cmd wire.Command) (*command.Spec, error) {
	if err := command.Check(cmd, l.cfg.Limits); err != nil {
		return nil, err
	}
	if err := command.CheckTogether(cmd, l.cfg.Partitions); err != nil {
		return nil, err
	}
	return command.Find(cmd)
}

// runAdmitted runs a command on one key here once the disk has room for what it writes.
func (l *life) runAdmitted(ctx context.Context, cmd wire.Command, spec *command.Spec) wire.Reply {
	for {
		if spec.Write {
			if err := l.disk.admit(ctx); err != nil {
				return wire.Fail(err)
			}
		}
		reply := l.runHere(ctx, cmd)
		if reply.Type != wire.TypeError || reply.Err != core.ErrUnbound || ctx.Err() != nil {
			return reply
		}
	}
}

// runHere runs a command on one key in this node's memory.
func (l *life) runHere(ctx context.Context, cmd wire.Command) wire.Reply {
	p := l.cfg.Partitions.Of(cmd.Key())
	for {
		s, err := l.core.Take(p)
		if err == nil {
			reply := l.runIn(ctx, s, cmd)
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
func (l *life) runIn(ctx context.Context, s *core.Shard, cmd wire.Command) wire.Reply {
	if !s.IsReady() {
		select {
		case <-s.Opened():
		case <-ctx.Done():
			return wire.Fail(errStarting)
		}
	}
	if !cmd.After.IsZero() {
		seen, cancel := context.WithTimeout(ctx, l.cfg.SeenWait)
		defer cancel()
		if !awaitSeen(seen, s, cmd.After) {
			return wire.Fail(errNotSeen)
		}
	}
	reply := l.execIn(ctx, s, cmd)
	if !reply.Wrote.IsZero() {
		l.runner.Wrote(s.ID())
	}
	return reply
}

// execIn runs a command. What another node is about to run, and must not run twice,
// waits until that has been seen.
func (l *life) execIn(ctx context.Context, s *core.Shard, cmd wire.Command) wire.Reply {
	reply := l.execHere(ctx, s, cmd)
	if reply.Type != wire.TypeError || reply.Err != core.ErrClaimed {
		return reply
	}
	ctx, cancel := context.WithTimeout(ctx, l.cfg.SeenWait)
	defer cancel()
	for reply.Type == wire.TypeError && reply.Err == core.ErrClaimed && sleep(ctx, stepEvery) {
		reply = l.execHere(ctx, s, cmd)
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
