package core

import (
	"strconv"
	"strings"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// What nodes of a region ask each other so that no command runs before what others
// have acknowledged is here, and what they answer. Who sends it and waits for it is
// package node.

// FenceRest is how long a node that has not answered is not asked again: others
// run what it was to be asked for, and should not wait for it each time.
const FenceRest = time.Second

// Ask returns whom to ask what they have seen before this node runs a command on
// keys of one partition: nobody where none may be ahead, or where the command runs
// elsewhere. now and near are as for [Core.MayLag] and [Core.RunsHere]. The
// partition is held from then on, for as long as a claim lasts at least: what the
// others answer is of no use to another shard. A request other than zero has been
// claimed for this node: it is asked for as well, and ends with [Core.Disclaim].
func (c *Core) Ask(t *Task, near bool, now time.Time) (others []crdt.ReplicaID, request uint64) {
	if !c.MayLag(t, now) || !c.RunsHere(t, near) {
		return nil, 0
	}
	s := c.holdAsked(t.Partition)
	if s == nil {
		return nil, 0 // It cannot be held, and whoever runs the command is told why.
	}
	if others = c.Others(t.Partition); len(others) == 0 || t.Request == 0 || !t.Unsafe {
		return others, 0
	}
	if !s.claim(t.Request) {
		return others, 0 // Another node has it.
	}
	return others, t.Request
}

// Tell returns the node that is to see a write before it is acknowledged: the
// owner, where somebody has asked this node to write in its place. Zero means that
// there is none.
func (c *Core) Tell(t *Task, wrote crdt.Dot) crdt.ReplicaID {
	if wrote.IsZero() || t.Hops == 0 || c.Place().Owns(t.Partition) {
		return 0
	}
	return c.Holder(t.Partition, 0)
}

// Near returns the other members of the region that are not silent: those who are
// told before partitions move.
func (c *Core) Near() (out []region.Member) {
	for _, m := range c.Place().members {
		if m.Region == c.cfg.Region && m.Replica != c.self && m.State != region.StateSuspect {
			out = append(out, m)
		}
	}
	return out
}

// The verbs of what nodes ask each other for the fence.
const (
	VerbSeen  = "_SEEN"  // what have you seen of some partitions
	VerbAwait = "_AWAIT" // answer when you have seen some writes
	VerbMoves = "_MOVES" // partitions are about to move
)

// tagSeen is the tag of an answer to VerbSeen.
const tagSeen = TagHeartbeat + 2

// Question is what a node is asked about a partition.
type Question struct {
	Partition region.Partition
	Requests  []uint64 // that the asker is about to run
}

// Seen is what a node answers.
type Seen struct {
	Vector crdt.Vector // what it has seen
	Ran    []uint64    // of the requests, those that have run
	Kept   []uint64    // and those that it is about to run itself
}

// SeenArgs is the question what a node has seen of partitions.
func (c *Core) SeenArgs(questions []Question) []string {
	args := make([]string, 0, 2+len(questions))
	args = append(args, VerbSeen, strconv.FormatUint(uint64(c.self), 16))
	for _, q := range questions {
		text := strconv.Itoa(int(q.Partition))
		for _, r := range q.Requests {
			text += "/" + strconv.FormatUint(r, 16)
		}
		args = append(args, text)
	}
	return args
}

// AnswerSeen answers the arguments of [Core.SeenArgs] with what has been seen here of
// those partitions that are held.
func (c *Core) AnswerSeen(args []string) (wire.Reply, error) {
	if len(args) == 0 {
		return wire.Reply{}, command.ErrSyntax
	}
	from, err := strconv.ParseUint(args[0], 16, 64)
	if err != nil {
		return wire.Reply{}, command.ErrNotInteger
	}
	var e crdt.Encoder
	for _, text := range args[1:] {
		q, err := readQuestion(text)
		if err != nil {
			return wire.Reply{}, err
		}
		if s := c.Shard(q.Partition); s != nil {
			seen := s.answer(crdt.ReplicaID(from), q.Requests)
			e.Uint(uint64(q.Partition))
			e.Vector(seen.Vector)
			for _, list := range [][]uint64{seen.Ran, seen.Kept} {
				e.Uint(uint64(len(list)))
				for _, r := range list {
					e.Uint(r)
				}
			}
		}
	}
	return wire.String(string(e.Append(nil, tagSeen))), nil
}

func readQuestion(text string) (q Question, err error) {
	text, requests, some := strings.Cut(text, "/")
	p, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return q, command.ErrNotInteger
	}
	for q.Partition = region.Partition(p); some; {
		text, requests, some = strings.Cut(requests, "/")
		r, err := strconv.ParseUint(text, 16, 64)
		if err != nil {
			return q, command.ErrNotInteger
		}
		q.Requests = append(q.Requests, r)
	}
	return q, nil
}

// ReadSeen reads an answer of [Core.AnswerSeen]. It may be hostile; whatever is not
// one gives an error.
func ReadSeen(reply wire.Reply) (map[region.Partition]Seen, error) {
	if reply.Type == wire.TypeError {
		return nil, reply.Err
	}
	out := map[region.Partition]Seen{}
	d, tag := crdt.NewDecoder([]byte(reply.Text))
	if tag != tagSeen {
		return nil, errSeen
	}
	for d.More() {
		p := region.Partition(d.Uint())
		s := Seen{Vector: d.Vector()}
		for _, list := range []*[]uint64{&s.Ran, &s.Kept} {
			for n := d.Uint(); n > 0 && d.More(); n-- {
				*list = append(*list, d.Uint())
			}
		}
		out[p] = s
	}
	return out, d.Done()
}

// Learn takes in what another node has answered about a partition, and returns the
// writes to wait for.
func (c *Core) Learn(p region.Partition, seen Seen) []crdt.Dot {
	if s := c.Shard(p); s != nil && len(seen.Ran)+len(seen.Kept) > 0 {
		s.learn(seen)
	}
	return c.Missing(p, seen.Vector)
}

// errSeen is the error of an answer of another kind.
var errSeen = &wire.Error{Code: wire.CodeInternal, Text: "ERR not an answer to " + VerbSeen}

// Awaited is a write that a node is to see.
type Awaited struct {
	Partition region.Partition
	Dot       crdt.Dot
}

// AwaitArgs is the request to answer when writes have been seen.
func AwaitArgs(writes []Awaited) []string {
	args := make([]string, 0, 1+3*len(writes))
	args = append(args, VerbAwait)
	for _, w := range writes {
		args = append(args, strconv.Itoa(int(w.Partition)), strconv.FormatUint(uint64(w.Dot.Replica), 16), strconv.FormatUint(w.Dot.N, 10))
	}
	return args
}

// ReadAwait reads the arguments of [AwaitArgs].
func ReadAwait(args []string) ([]Awaited, error) {
	if len(args)%3 != 0 {
		return nil, command.ErrSyntax
	}
	out := make([]Awaited, 0, len(args)/3)
	for ; len(args) > 0; args = args[3:] {
		p, err := strconv.ParseUint(args[0], 10, 16)
		r, err2 := strconv.ParseUint(args[1], 16, 64)
		n, err3 := strconv.ParseUint(args[2], 10, 64)
		if err != nil || err2 != nil || err3 != nil {
			return nil, command.ErrNotInteger
		}
		out = append(out, Awaited{region.Partition(p), crdt.Dot{Replica: crdt.ReplicaID(r), N: n}})
	}
	return out, nil
}
