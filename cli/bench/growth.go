package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// growth counts what an operation costs in messages and bytes in regions of more and
// more nodes. Nothing is timed: whole nodes run in a simulation, on a network that
// loses nothing, each asked as much as the others are. Half of the operations are
// writes. A second region of one node receives them all.
func growth(ctx context.Context, e *Env) (*Measured, error) {
	var first, worst cost
	notes := []string{"nodes: messages and bytes sent for each operation; of them announcements"}
	for _, nodes := range e.Scale.Growth {
		e.progress("growth, %d nodes", nodes)
		w, err := newSimulation(nodes)
		if err != nil {
			return nil, err
		}
		if err := w.run(ctx, nodes*e.Scale.GrowthOps); err != nil {
			return nil, fmt.Errorf("%d nodes: %w", nodes, err)
		}
		c := w.cost()
		if nodes == 1 {
			first = c
		}
		worst.messages = max(worst.messages, c.messages/first.messages)
		worst.bytes = max(worst.bytes, c.bytes/first.bytes)
		notes = append(notes, fmt.Sprintf("%d: %.3f and %.1f B; %.3f and %.1f B", nodes, c.messages, c.bytes, c.announced, c.announcedBytes))
	}
	return &Measured{Figures: []Spread{spreadOf([]float64{worst.messages}), spreadOf([]float64{worst.bytes})}, Notes: notes}, nil
}

// cost is what one operation costs.
type cost struct{ messages, bytes, announced, announcedBytes float64 }

// Settings of the simulation.
const (
	simBeat    = 20 * time.Millisecond
	simLasts   = 2 * time.Second // of operations
	simJoin    = time.Minute     // in which all nodes must be ready
	simRest    = 3 * time.Second // after that, until nothing is moving any more and nothing is counted
	simKeys    = 10_000
	simRegion  = "one"
	simSecond  = "two"
	simFirstID = 7919 // replica IDs are multiples of it, so that their order is not that of the names
)

// simulation is whole nodes in one goroutine.
type simulation struct {
	now      time.Time
	nodes    []*simNode
	work     *work
	parts    region.Partitions
	ops      int
	messages int64
	bytes    int64
	said     int64 // announcements, of the messages
	saidSize int64
}

// simNode is one node, and what lies outside of its core.
type simNode struct {
	s      *simulation
	region string
	core   *core.Core
	held   map[region.Partition]bool
	outbox [][]byte // announcements that have not been handed over
}

// newSimulation starts a region of some nodes, and a second one of a single node.
func newSimulation(nodes int) (*simulation, error) {
	s := &simulation{now: time.UnixMilli(1_700_000_000_000).UTC()}
	var err error
	w := sets
	w.Keys, w.Mix = simKeys, []Share{{Get, 1}, {Set, 1}}
	if s.work, err = w.prepare(); err != nil {
		return nil, err
	}
	for i := range nodes + 1 {
		n := &simNode{s: s, region: simRegion, held: map[region.Partition]bool{}}
		name := fmt.Sprintf("%s-%d", simRegion, i)
		if i == nodes {
			n.region, name = simSecond, simSecond+"-0"
		}
		cfg := core.Config{Region: n.region, Name: name, Now: func() time.Time { return s.now }, FrozenAfter: time.Hour}
		if n.core, err = core.New(cfg, crdt.ReplicaID((i+1)*simFirstID)*crdt.Lives, n); err != nil {
			return nil, err
		}
		s.nodes = append(s.nodes, n)
	}
	s.parts = s.nodes[0].core.Config().Partitions
	return s, nil
}

// Announce implements core.Outside.
func (n *simNode) Announce(msg []byte) { n.outbox = append(n.outbox, msg) }

// Hold implements core.Outside.
func (n *simNode) Hold(p region.Partition, on bool) error {
	n.held[p] = on
	return nil
}

// Open implements core.Outside.
func (n *simNode) Open() (bool, error) { return true, nil }

// Offer implements core.Outside.
func (n *simNode) Offer([]region.Partition, []region.Partition) {}

// sent counts a message.
func (s *simulation) sent(size int) {
	s.messages++
	s.bytes += int64(size)
}

// run waits until all nodes are ready and at rest, and then runs operations.
func (s *simulation) run(ctx context.Context, ops int) error {
	for began := s.now; !s.ready(); {
		if s.now.Sub(began) > simJoin {
			return errors.New("the nodes do not come to serve")
		}
		if err := s.beat(); err != nil {
			return err
		}
	}
	for range simRest / simBeat {
		if err := s.beat(); err != nil {
			return err
		}
	}
	s.messages, s.bytes, s.said, s.saidSize, s.ops = 0, 0, 0, 0, ops
	made := s.work.ops(0)
	beats := int(simLasts / simBeat)
	for beat := range beats {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := ops * beat / beats; i < ops*(beat+1)/beats; i++ {
			if err := s.operate(wire.Command{Args: argsOf(&made[i%len(made)])}); err != nil {
				return err
			}
		}
		if err := s.beat(); err != nil {
			return err
		}
	}
	return nil
}

func (s *simulation) ready() bool {
	for _, n := range s.nodes {
		if n.core.State() != core.Ready {
			return false
		}
	}
	return true
}

// operate runs one command as a client does that knows the ring: a request to the
// owner, its reply, and whatever the owner publishes.
func (s *simulation) operate(cmd wire.Command) error {
	spec, err := command.Find(cmd)
	if err != nil {
		return err
	}
	task := core.NewTask(cmd, spec, s.parts)
	for _, n := range s.nodes {
		if n.region != simRegion || !n.core.RunsHere(&task, false) {
			continue
		}
		if asked, _ := n.core.Ask(&task, false, n.core.Config().Now()); len(asked) > 0 {
			return fmt.Errorf("%d nodes are asked before a command runs, with nothing moving", len(asked))
		}
		shard, err := n.core.Take(task.Partition)
		if err != nil {
			return err
		}
		reply := command.Exec(shard, cmd)
		if reply.Type == wire.TypeError {
			return reply.Err
		}
		s.sent(len(wire.AppendRequest(nil, []wire.Command{cmd})))
		s.sent(len(wire.AppendReplies(nil, []wire.Reply{reply})))
		return n.publish(shard.ID())
	}
	return fmt.Errorf("nobody runs %s", cmd.Args[0])
}

// publish sends what a partition has queued to all who hold it. That is one message
// however many those are: NATS does the rest.
func (n *simNode) publish(p region.Partition) error {
	for {
		var m *cachesync.Message
		n.core.Do(p, func(e *cachesync.Engine) { m = e.Next() })
		if m == nil {
			return nil
		}
		msg := cachesync.Encode(m)
		n.s.sent(len(msg))
		for _, o := range n.s.nodes {
			if o != n && o.held[p] {
				if err := o.receive(msg); err != nil {
					return err
				}
			}
		}
	}
}

// receive takes a message of package sync in.
func (n *simNode) receive(msg []byte) error {
	ms, err := cachesync.Decode(msg)
	if err != nil {
		return err
	}
	for _, m := range ms {
		n.core.Sign(m.From)
		n.core.Do(m.Partition, func(e *cachesync.Engine) { e.Receive(n.s.now, m) })
	}
	return nil
}

// beat lets time pass and gives it to every node.
func (s *simulation) beat() error {
	s.now = s.now.Add(simBeat)
	for _, n := range s.nodes {
		if err := n.core.Step(); err != nil {
			return err
		}
		if err := n.drive(); err != nil {
			return err
		}
		if err := n.handOver(); err != nil {
			return err
		}
	}
	return nil
}

// drive does for each partition what is due.
func (n *simNode) drive() error {
	var heads []*cachesync.Message
	for _, p := range n.core.Held() {
		if err := n.publish(p); err != nil {
			return err
		}
		var head, ask *cachesync.Message
		var to crdt.ReplicaID
		n.core.Do(p, func(e *cachesync.Engine) {
			head = e.Heads(n.s.now)
			ask, to = e.Tick(n.s.now)
		})
		if head != nil {
			heads = append(heads, head)
		}
		if err := n.pull(p, ask, to); err != nil {
			return err
		}
	}
	if len(heads) > 0 {
		n.Announce(cachesync.EncodeHeads(heads))
	}
	return nil
}

// pull asks another node for what is missing, until nothing more is to be asked.
func (n *simNode) pull(p region.Partition, ask *cachesync.Message, to crdt.ReplicaID) error {
	for ask != nil {
		n.s.sent(len(cachesync.Encode(ask)))
		answer := &cachesync.Message{Kind: cachesync.KindRefusal, Partition: p, From: to}
		for _, o := range n.s.nodes {
			if o.core.Replica() != to {
				continue
			}
			var got *cachesync.Message
			o.core.Do(p, func(e *cachesync.Engine) { got = e.Receive(n.s.now, ask) })
			if got == nil {
				continue
			}
			msg := cachesync.Encode(got)
			n.s.sent(len(msg))
			ms, err := cachesync.Decode(msg)
			if err != nil {
				return err
			}
			answer = ms[0]
		}
		n.core.Do(p, func(e *cachesync.Engine) {
			e.Receive(n.s.now, answer)
			ask, to = e.Tick(n.s.now)
		})
	}
	return nil
}

// handOver gives everybody what a node has announced: one message each.
func (n *simNode) handOver() error {
	for _, msg := range n.outbox {
		n.s.sent(len(msg))
		n.s.said++
		n.s.saidSize += int64(len(msg))
		for _, o := range n.s.nodes {
			if o == n {
				continue
			}
			var err error
			if cachesync.IsMessage(msg) {
				err = o.receive(msg)
			} else {
				err = o.core.Heard(msg)
			}
			if err != nil {
				return err
			}
		}
	}
	n.outbox = n.outbox[:0]
	return nil
}

func (s *simulation) cost() cost {
	each := func(n int64) float64 { return float64(n) / float64(s.ops) }
	return cost{each(s.messages), each(s.bytes), each(s.said), each(s.saidSize)}
}
