package node

import (
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
)

// A node that starts with a data directory answers reads from it before it has joined
// the others: with what it had when it stopped, until it hears of a node of its region
// that serves, and so may have taken writes since. Everything else waits until it
// serves itself.

// doWarm runs commands before the life serves, if all are reads that can be answered
// now.
func (l *life) doWarm(cmds []wire.Command) ([]wire.Reply, bool) {
	if l.disk == nil || l.isReady() {
		return nil, false
	}
	out := make([]wire.Reply, len(cmds))
	for i, cmd := range cmds {
		reply, ok := l.readWarm(l.prepare(cmd))
		if !ok {
			return nil, false
		}
		out[i] = reply
	}
	return out, true
}

func (l *life) isReady() bool {
	select {
	case <-l.ready:
		return true
	default:
		return false
	}
}

func (l *life) readWarm(j job) (wire.Reply, bool) {
	if j.err != nil {
		return wire.Fail(j.err), true
	}
	name := j.Spec.Name
	if j.Spec.Write || j.Spec.Together || !command.OnKeys(name) || clusterCommand(name) != nil || !j.After.IsZero() {
		return wire.Reply{}, false
	}
	if j.join == nil {
		return l.execWarm(j.Command)
	}
	replies := make([]wire.Reply, len(j.parts))
	for i, part := range j.parts {
		var ok bool
		if replies[i], ok = l.execWarm(part); !ok {
			return wire.Reply{}, false
		}
	}
	return j.join(replies), true
}

func (l *life) execWarm(cmd wire.Command) (wire.Reply, bool) {
	s := l.core.Warm(l.cfg.Partitions.Of(cmd.Key()))
	if s == nil {
		return wire.Reply{}, false
	}
	reply := command.Exec(s, cmd)
	return reply, reply.Type != wire.TypeError || reply.Err != core.ErrUnread && reply.Err != core.ErrReleased && reply.Err != core.ErrEvicted
}

// isWarm reports whether the node can answer reads before it has joined the others.
func (n *Node) isWarm() bool { return n.disk != nil && len(n.disk.found.Partitions) > 0 }

// doEarly is the way of commands that come before the node serves.
func (n *Node) doEarly(cmds []wire.Command) ([]wire.Reply, bool) {
	if n.disk == nil {
		return nil, false
	}
	return n.life.Load().doWarm(cmds)
}
