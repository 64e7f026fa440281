package nodetest

import (
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
)

// What package node does around a core for a command, without goroutines.

// Replies of a node that waited in vain.
var (
	errStarting = &wire.Error{Code: wire.CodeUnavailable, Text: "LOADING"}
	errNotSeen  = &wire.Error{Code: wire.CodeTimeout, Text: "TIMEOUT not seen"}
	errTime     = &wire.Error{Code: wire.CodeTimeout, Text: "TIMEOUT"}
	errAnswer   = &wire.Error{Code: wire.CodeUnavailable, Text: "ERR no answer"}
)

// serve runs a command that has come to a node and calls reply with the reply,
// unless the node ends first.
func (n *node) serve(cmd wire.Command, near bool, within time.Duration, reply func(wire.Reply)) {
	spec, err := command.Find(cmd)
	if err != nil {
		n.w.broken("%v: %w", cmd.Args, err)
		return
	}
	if err := n.core.Enter(); err != nil {
		if warm, ok := n.readWarm(cmd, spec); ok {
			reply(warm)
			return
		}
		reply(wire.Fail(err))
		return
	}
	done := func(r wire.Reply) {
		n.core.Exit()
		reply(r)
	}
	until := n.w.now + within
	parts, join, split := command.Split(cmd, n.w.cfg.Partitions)
	if !split {
		n.route(cmd, spec, near, until, done)
		return
	}
	replies, left := make([]wire.Reply, len(parts)), len(parts)
	for i, part := range parts {
		n.route(part, spec, near, until, func(r wire.Reply) {
			replies[i] = r
			if left--; left == 0 {
				done(join(replies))
			}
		})
	}
}

// route runs a command on keys of one partition here or has it run by a node that
// holds them.
func (n *node) route(cmd wire.Command, spec *command.Spec, near bool, until time.Duration, done func(wire.Reply)) {
	f := &fenced{Task: core.NewTask(cmd, spec, n.w.cfg.Partitions), near: near, came: n.w.now}
	n.fence(f, func() {
		if !n.core.RunsHere(&f.Task, near) {
			n.disclaim(f)
			n.passOn(cmd, 0, until, done)
			return
		}
		n.checkFence(f)
		n.runHere(f, cmd, until, func(r wire.Reply) {
			n.disclaim(f)
			n.tell(&f.Task, r.Wrote, func() { done(r) })
		})
	})
}

// passOn sends a command to the holder of its keys that is next to be asked. What
// nobody takes is run here.
func (n *node) passOn(cmd wire.Command, attempt int, until time.Duration, done func(wire.Reply)) {
	w, p := n.w, n.w.cfg.Partitions.Of(cmd.Key())
	to := n.core.Holder(p, attempt)
	switch {
	case w.now >= until:
		done(wire.Fail(errTime))
		return
	case to == 0:
		n.runInstead(cmd, until, done)
		return
	}
	w.counts.Passed++
	passed := cmd
	passed.Hops++
	r := w.ask(n, to, w.waits.answer, encodeRequest(passed), func(answer []byte, ok bool) {
		reply := wire.Fail(errAnswer)
		if ok {
			reply = w.decodeReply(answer)
		}
		if unreachable(reply) {
			n.passOn(cmd, attempt+1, until, done)
			return
		}
		n.seeOwn(cmd, reply, done)
	})
	n.await(func() bool {
		if !r.done && n.core.Patience(to) <= 0 {
			w.answered(r, nil, false)
		}
		return r.done
	})
}

// runInstead runs a command here that no holder has taken.
func (n *node) runInstead(cmd wire.Command, until time.Duration, done func(wire.Reply)) {
	cmd.Hops = wire.MaxHops
	if _, err := n.core.Take(n.w.cfg.Partitions.Of(cmd.Key())); err != nil {
		done(wire.Fail(err))
		return
	}
	spec, _ := command.Find(cmd)
	n.route(cmd, spec, false, until, done)
}

// seeOwn gives a reply once this node has seen what was written, or will not soon.
func (n *node) seeOwn(cmd wire.Command, reply wire.Reply, done func(wire.Reply)) {
	p, until := n.w.cfg.Partitions.Of(cmd.Key()), n.w.now+n.w.waits.seen
	n.await(func() bool {
		s := n.core.Shard(p)
		if s != nil && !reply.Wrote.IsZero() && !s.HasSeen(reply.Wrote) && n.w.now < until {
			return false
		}
		done(reply)
		return true
	})
}

// unreachable reports whether a reply says that a node did not take a command.
func unreachable(r wire.Reply) bool {
	return r.Type == wire.TypeError &&
		(r.Err.Code == wire.CodeUnavailable || r.Err.Code == wire.CodeTimeout || r.Err.Code == wire.CodeNotOwner)
}

// await calls poll now and at every beat until it reports true.
func (n *node) await(poll func() bool) {
	if !poll() {
		n.waiting = append(n.waiting, &waiting{poll})
	}
}

// poll comes back to all that waits.
func (n *node) poll() {
	list := n.waiting
	n.waiting = nil
	for i, o := range list {
		if n.ended {
			return
		}
		if !o.poll() {
			n.waiting = append(n.waiting, list[i])
		}
	}
}

// running is a command that is to run in the memory of a node.
type running struct {
	n     *node
	f     *fenced
	cmd   wire.Command
	until time.Duration
	seen  time.Duration // until when what it refers to is waited for; zero: not yet waited
	room  time.Duration // until when there must be room on the disk for what it writes; zero: not yet waited
	other time.Duration // until when another node that runs it is; zero: not yet waited
	done  func(wire.Reply)
	// What it needs and was evicted here.
	whole bool     // all of that has been asked for beforehand, where it must be
	lost  []string // what nobody has
	over  bool     // somebody has something that was waited for in vain
	tries int      // how often it was asked for
}

func (n *node) runHere(f *fenced, cmd wire.Command, until time.Duration, done func(wire.Reply)) {
	r := &running{n: n, f: f, cmd: cmd, until: until, done: done}
	n.await(r.poll)
}

// poll runs the command if it can run now.
func (r *running) poll() bool {
	n, w := r.n, r.n.w
	s, err := n.core.Take(w.cfg.Partitions.Of(r.cmd.Key()))
	switch {
	case err != nil && wire.AsError(err).Code == wire.CodeNotOwner:
		return r.wait(wire.AsError(err))
	case err != nil:
		r.done(wire.Fail(err))
		return true
	case !s.IsReady():
		return r.wait(errStarting)
	case !s.HasSeen(r.cmd.After):
		if r.seen == 0 {
			w.counts.Waited++
			r.seen = w.now + w.waits.seen
		}
		if w.now < r.seen {
			return false
		}
		r.done(wire.Fail(errNotSeen))
		return true
	case !r.admits():
		if w.now < r.room {
			return false
		}
		r.done(wire.Fail(errDiskSlow))
		return true
	}
	if r.bring(r.needsAll(s)) {
		return true
	}
	n.checkFence(r.f) // Again: what was here may have been let go while the command waited.
	reply := n.exec(s, r.cmd, r.lost)
	if reply.Type == wire.TypeError && reply.Err == core.ErrEvicted && r.tries < bringTries && !r.over {
		spec, _ := command.Find(r.cmd)
		if r.tries++; r.bring(s.Evicted(spec.KeysOf(r.cmd))) {
			return true
		}
		return false // Somebody else has brought it back.
	}
	if reply.Type == wire.TypeError && reply.Err.Code == wire.CodeNotOwner {
		return r.wait(reply.Err)
	}
	if reply.Type == wire.TypeError && reply.Err == core.ErrClaimed {
		if r.other == 0 {
			w.counts.Claimed++
			r.other = w.now + w.waits.seen
		}
		if w.now < r.other {
			return false
		}
	}
	n.acknowledge(s, r.cmd, reply, r.done)
	return true
}

// wait comes back later, unless the time is up.
func (r *running) wait(err *wire.Error) bool {
	if r.n.w.now < r.until {
		return false
	}
	r.done(wire.Fail(err))
	return true
}

// exec runs a command on a shard, noting what it writes and checking what it
// reads.
func (n *node) exec(s *core.Shard, cmd wire.Command, lost []string) wire.Reply {
	w := n.w
	if !s.HasSeen(cmd.After) {
		w.broken("%s runs %v although it has not seen %v", w.places[n.at].name, cmd.Args, cmd.After)
	}
	if w.ownerOf(n, s.ID()) != w.places[n.at].name {
		w.counts.Misplaced++
	}
	reply := command.Exec(&recorder{n: n, shard: s, cmd: cmd, lost: lost}, cmd)
	if !reply.Wrote.IsZero() && w.eager {
		n.flush(s.ID())
	}
	w.look(n, s.ID())
	return reply
}

// ownerOf returns the owner of a partition as a node sees it.
func (w *world) ownerOf(n *node, p partition) string {
	ring := n.core.Place().Serving(w.places[n.at].region)
	if ring == nil || ring.Len() == 0 {
		return ""
	}
	return ring.Owner(p)
}
