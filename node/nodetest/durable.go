package nodetest

import (
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	cachesync "github.com/atollcache/atoll/sync"
)

// durability says what a disk has to do with an acknowledgement.
type durability uint8

const (
	keepSync     durability = iota // a write is acknowledged when it is on the disk
	keepInterval                   // it is on the disk soon after
	keepNone                       // it is there some time
)

// assured is that a node has answered for a write.
type assured struct {
	life crdt.ReplicaID
	at   time.Duration
}

// hasRoom reports whether a write may run now.
func (s *saver) hasRoom() bool {
	w := s.n.w
	if s.d.failed != nil {
		return true
	}
	if !s.n.core.MayStamp(s.n.now().Add(2 * w.beat)) {
		return false
	}
	keys, _ := s.n.core.Unsaved()
	return keys == 0 || w.disks.durability == keepNone || w.now-s.covered <= w.disks.window/2
}

// admits reports whether a command may run now. If not, it has been waited for.
func (r *running) admits() bool {
	s := r.n.saver
	if spec, err := command.Find(r.cmd); s == nil || err != nil || !spec.Write || s.hasRoom() {
		return true
	}
	s.round()
	if r.room == 0 {
		r.n.w.counts.Stalled++
		r.room = r.n.w.now + r.n.w.disks.wait
	}
	return s.hasRoom() // The round may have had nothing to do.
}

// acknowledge gives the reply to a command when what it has written, or found to be
// written, is as safe as the reply says.
func (n *node) acknowledge(s *core.Shard, cmd wire.Command, reply wire.Reply, done func(wire.Reply)) {
	w := n.w
	spec, err := command.Find(cmd)
	if n.saver == nil || err != nil || !spec.Write || reply.Type == wire.TypeError {
		done(reply)
		return
	}
	answers := n.answersFor(s, cmd, reply)
	if w.disks.durability != keepSync {
		n.assure(answers)
		done(reply)
		return
	}
	over := false
	n.saver.waiting = append(n.saver.waiting, func(err error) {
		if over {
			return
		}
		if over = true; err != nil {
			reply = wire.Fail(errUnsaved)
		} else {
			n.assure(answers)
		}
		done(reply)
	})
	w.after(w.disks.wait, func() {
		if !over && !n.ended {
			over = true
			done(wire.Fail(errUnsaved))
		}
	})
	n.saver.round()
}

// answersFor returns the writes that a reply is about: what the command has written, or
// what ran under its request before.
func (n *node) answersFor(s *core.Shard, cmd wire.Command, reply wire.Reply) (out []*write) {
	h := n.w.parts[s.ID()]
	if o := h.byDot[reply.Wrote]; o != nil {
		return append(out, o)
	}
	for _, run := range n.w.requests[cmd.Request] {
		if o := h.byDot[run.dot]; cmd.Request != 0 && o != nil && run.p == s.ID() && n.held[run.p].seen.Covers(run.dot) {
			out = append(out, o)
		}
	}
	return out
}

// assure notes that the node has answered for writes.
func (n *node) assure(writes []*write) {
	for _, o := range writes {
		o.assured = append(o.assured, assured{n.id, n.w.now})
	}
}

// unassure takes back what a node has answered for and has dropped as it began a partition
// anew: its disk drops that, too. Whether it may be dropped is checked there and then;
// should it come again from others, it is another copy, for which nobody here has answered.
func (w *world) unassure(n *node, p partition, has, had crdt.Vector) {
	for _, o := range w.parts[p].writes {
		if had.Covers(o.delta.Dot) && !has.Covers(o.delta.Dot) {
			o.assured = slices.DeleteFunc(o.assured, func(a assured) bool { return a.life == n.id })
		}
	}
}

// finish ends the use of a disk after a clean stop, unless the process is killed on the
// way.
func (s *saver) finish() {
	n, d, w := s.n, s.d, s.n.w
	s.hurry()
	stages := []func(){
		func() { n.core.KeepDigests(); s.round(); s.hurry() },
		func() {
			next := n.core.NextWriter()
			if next.Life() != n.id.Life() {
				next = 0
			}
			d.setMeta(next, n.core.Highest())
		},
		d.markClean,
	}
	for i, do := range stages {
		if n.killAt == i+1 {
			w.note(n, "is killed while it stops")
			w.counts.Crashes++
			d.crash(d.chance(w.disks.loss))
			break
		}
		if d.failed == nil && !s.left {
			do()
		}
	}
	if d.failed == nil && n.killAt == 0 && !s.left {
		w.checkComplete(n)
	}
	s.checkKept()
	d.crash(false)
	d.rest()
}

// outlive drops what a disk has, for the next life in the process.
func (s *saver) outlive() {
	s.hurry()
	d := s.d
	d.again, d.highest = true, s.n.core.Highest()
	if d.blind = d.blind || d.failed != nil; !d.blind {
		d.clear()
	}
	d.rest()
	if d.blind {
		clear(d.vectors) // As long as the process lives.
	}
}

// release lets entries go from memory, as if there were no room.
func (s *saver) release() {
	w := s.n.w
	if w.disks.release == 0 {
		return
	}
	for _, sh := range s.n.core.Shards() {
		sh.Look(func(_ *cachesync.Engine, state *crdt.Partition) {
			for _, key := range w.keysOf(sh.ID()) {
				if s.d.chance(w.disks.release) && state.Release(key) {
					w.counts.Paged++
				}
			}
		})
	}
}

// readWarm answers a command from what a node has begun with, if it can.
func (n *node) readWarm(cmd wire.Command, spec *command.Spec) (wire.Reply, bool) {
	if n.saver == nil || n.core == nil || spec.Write || !cmd.After.IsZero() {
		return wire.Reply{}, false
	}
	parts, join, split := command.Split(cmd, n.w.cfg.Partitions)
	if !split {
		parts = []wire.Command{cmd}
	}
	replies := make([]wire.Reply, len(parts))
	for i, part := range parts {
		s := n.core.Warm(n.w.cfg.Partitions.Of(part.Key()))
		if s == nil {
			return wire.Reply{}, false
		}
		replies[i] = command.Exec(&recorder{n: n, shard: s, cmd: part}, part)
		if replies[i].Type == wire.TypeError && (replies[i].Err == core.ErrUnread || replies[i].Err == core.ErrEvicted) {
			return wire.Reply{}, false
		}
		n.w.counts.WarmReads++
	}
	if !split {
		return replies[0], true
	}
	return join(replies), true
}

// isWarm reports whether a node that has not joined the others may answer reads of a
// partition.
func (n *node) isWarm(p partition) bool { return n.core != nil && n.core.Warm(p) != nil }

// crash ends a process while it uses a disk.
func (s *saver) crash() {
	n, d := s.n, s.d
	if f := s.flight; f != nil && !f.there && d.chance(50) {
		f.reach()
	}
	s.flight = nil
	d.crash(d.chance(n.w.disks.loss))
	s.checkKept()
	d.again = false
	d.rest()
}
