package nodetest

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// startPull follows a request with all that it leads to. When too many partitions
// pull already the request is lost; the engine repeats it.
func (n *node) startPull(req *cachesync.Message, to crdt.ReplicaID) {
	if n.pulls >= n.w.maxPulls {
		n.refuse(req.Partition, to)
		return
	}
	n.pulls++
	n.held[req.Partition].pulling = true
	n.pull(req, to)
}

// pull sends one request, gives its answer to the engine, and goes on with the
// next request that is due at once.
func (n *node) pull(req *cachesync.Message, to crdt.ReplicaID) {
	p := req.Partition
	n.w.ask(n, to, n.w.waits.ask, cachesync.Encode(req), func(answer []byte, ok bool) {
		var next *cachesync.Message
		ms, err := cachesync.Decode(answer)
		switch {
		case !ok:
			n.core.Do(p, func(e *cachesync.Engine) { e.Unanswered(n.now(), to) })
		case err != nil || len(ms) != 1 || ms[0].Partition != p || ms[0].From != to:
			n.refuse(p, to)
		default:
			n.core.Do(p, func(e *cachesync.Engine) {
				e.Receive(n.now(), ms[0])
				next, to = e.Tick(n.now())
			})
			n.w.look(n, p)
		}
		if next != nil {
			n.pull(next, to)
			return
		}
		n.pulls--
		n.held[p].pulling = false
	})
}

// refuse tells an engine that its request was not sent, or that its answer is none.
func (n *node) refuse(p region.Partition, to crdt.ReplicaID) {
	n.core.Do(p, func(e *cachesync.Engine) {
		e.Receive(n.now(), &cachesync.Message{Kind: cachesync.KindRefusal, Partition: p, From: to})
	})
}

// tagRequest is the tag of commands that nodes pass on.
const tagRequest = 65

// encodeRequest returns the message that one node has another run a command by.
func encodeRequest(cmd wire.Command) []byte {
	var e crdt.Encoder
	e.String(string(wire.AppendRequest(nil, []wire.Command{cmd})))
	return e.Append(nil, tagRequest)
}

// decodeReply reads the answer to such a message.
func (w *world) decodeReply(answer []byte) wire.Reply {
	rs, err := wire.DecodeReplies(answer)
	if err != nil || len(rs) != 1 {
		w.broken("decode replies %x: %v", answer, err)
		return wire.Fail(errAnswer)
	}
	return rs[0]
}

// asked takes a request of another node and has answer called with the answer.
func (w *world) asked(n *node, msg []byte, answer func([]byte)) {
	if !cachesync.IsMessage(msg) {
		d, tag := crdt.NewDecoder(msg)
		cmds, err := wire.DecodeRequest(d.Bytes())
		if tag != tagRequest || err != nil || d.Done() != nil || len(cmds) != 1 {
			w.broken("decode request %x: %v", msg, err)
			return
		}
		reply := func(r wire.Reply) { answer(wire.AppendReplies(nil, []wire.Reply{r})) }
		if args := cmds[0].Args; !n.answerFence(args[0], args[1:], reply) {
			n.serve(cmds[0], false, w.waits.try, reply)
		}
		return
	}
	ms, err := cachesync.Decode(msg)
	if err != nil || len(ms) != 1 {
		w.broken("decode %x: %d messages, %v", msg, len(ms), err)
		return
	}
	var out *cachesync.Message
	n.core.Do(ms[0].Partition, func(e *cachesync.Engine) { out = e.Receive(n.now(), ms[0]) })
	w.look(n, ms[0].Partition)
	if out == nil {
		answer(nil)
		return
	}
	answer(cachesync.Encode(out))
}
