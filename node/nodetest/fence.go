package nodetest

import (
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// What package node does so that no command runs before what other nodes of the
// region have acknowledged is here, without goroutines.

// fenced is a command on its way to run here.
type fenced struct {
	core.Task
	near bool
	came time.Duration // when it came to this node
	late bool          // not all who may be ahead have answered, or it was not waited for
	mine uint64        // the request that has been claimed for it
}

// fence goes on when all is here that others of the region had of a command's
// partition, or will not be soon.
func (n *node) fence(f *fenced, on func()) {
	w, p := n.w, f.Partition
	ask, request := n.core.Ask(&f.Task, f.near, n.core.Config().Now())
	question := core.Question{Partition: p}
	if f.mine = request; request != 0 {
		question.Requests = []uint64{request}
	}
	if len(ask) == 0 {
		on()
		return
	}
	w.counts.Fenced++
	until, open := w.now+w.waits.seen, 0
	var missing []crdt.Dot
	for _, r := range ask {
		if w.now < n.rests[r] {
			f.late = true
			continue
		}
		open++
		n.askNode(r, w.waits.seen, n.core.SeenArgs([]core.Question{question}), func(reply wire.Reply) {
			open--
			seen, err := core.ReadSeen(reply)
			if err != nil {
				n.rest(r)
				f.late = true
				return
			}
			missing = append(missing, n.core.Learn(p, seen[p])...)
		})
	}
	n.await(func() bool {
		seen, s := open == 0, n.core.Shard(p)
		for _, d := range missing {
			seen = seen && (s == nil || s.HasSeen(d))
		}
		if !seen && w.now < until {
			return false
		}
		f.late = f.late || !seen
		on()
		return true
	})
}

// disclaim ends what fence has claimed.
func (n *node) disclaim(f *fenced) {
	if f.mine != 0 {
		n.core.Disclaim(f.Partition, f.mine)
	}
}

// tell goes on when the owner of a key has seen what this node has written in its
// place, or will not soon.
func (n *node) tell(t *core.Task, wrote crdt.Dot, on func()) {
	owner := n.core.Tell(t, wrote)
	if owner == 0 || n.w.now < n.rests[owner] {
		on()
		return
	}
	args := core.AwaitArgs([]core.Awaited{{Partition: t.Partition, Dot: wrote}})
	n.askNode(owner, n.w.waits.seen, args, func(reply wire.Reply) {
		if reply.Type == wire.TypeError {
			n.rest(owner)
		}
		on()
	})
}

// stir tells the nodes of the region that partitions are about to move, and goes
// on when they know or cannot be reached.
func (n *node) stir(on func()) {
	n.core.Stir()
	open := 1
	done := func(wire.Reply) {
		if open--; open == 0 {
			on()
		}
	}
	for _, m := range n.core.Near() {
		open++
		n.askNode(m.Replica, time.Second, []string{core.VerbMoves}, done)
	}
	done(wire.OK)
}

func (n *node) rest(r crdt.ReplicaID) { n.rests[r] = n.w.now + core.FenceRest }

// askNode asks a node something beside commands on keys.
func (n *node) askNode(to crdt.ReplicaID, within time.Duration, args []string, then func(wire.Reply)) {
	n.w.ask(n, to, within, encodeRequest(wire.Command{Args: args}), func(answer []byte, ok bool) {
		reply := wire.Fail(errAnswer)
		if ok {
			reply = n.w.decodeReply(answer)
		}
		then(reply)
	})
}

// answerFence answers what another node asks by a verb, and reports whether there
// is such a verb.
func (n *node) answerFence(verb string, args []string, answer func(wire.Reply)) bool {
	switch verb {
	case core.VerbMoves:
		n.core.Stir()
		answer(wire.OK)
	case core.VerbSeen:
		reply, err := n.core.AnswerSeen(args)
		if err != nil {
			reply = wire.Fail(err)
		}
		answer(reply)
	case core.VerbAwait:
		n.answerAwait(args, answer)
	default:
		return false
	}
	return true
}

func (n *node) answerAwait(args []string, answer func(wire.Reply)) {
	writes, err := core.ReadAwait(args)
	if err != nil {
		answer(wire.Fail(err))
		return
	}
	until := n.w.now + n.w.waits.seen
	n.await(func() bool {
		for _, o := range writes {
			if s := n.core.Shard(o.Partition); s != nil && !s.HasSeen(o.Dot) && n.w.now < until {
				return false
			}
		}
		answer(wire.OK)
		return true
	})
}

// Open implements core.Outside: the doors are open once the others know that
// partitions are about to move.
func (n *node) Open() (bool, error) {
	if !n.opening {
		n.opening = true
		n.w.after(0, func() {
			if !n.ended {
				n.stir(func() { n.open = true })
			}
		})
	}
	return n.open, nil
}

// known notes the members that a life knew, for the next one at its place.
func (w *world) known(n *node) {
	w.knew[n.at] = w.knew[n.at][:0]
	for _, m := range n.core.Place().Members() {
		if m.Replica != n.id && m.State <= region.StateReady {
			w.knew[n.at] = append(w.knew[n.at], m)
		}
	}
}

var _ core.Outside = (*node)(nil)
