package client

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/natsapi"
	"github.com/atollcache/atoll/node/natsapi/natsapitest"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	"github.com/atollcache/atoll/sync/bulk/natstest"
)

var (
	eventually = natstest.Eventually
	within     = natstest.Within
)

func startNATS(t testing.TB) *server.Server {
	t.Helper()
	return natstest.Start(t, -1, 0)
}

func connect(t testing.TB, srv *server.Server) *nats.Conn {
	t.Helper()
	return natstest.Connect(t, srv.ClientURL())
}

const partitions = region.Partitions(16)

// cluster is one region of stand-in nodes over one store.
type cluster struct {
	t       testing.TB
	srv     *server.Server
	store   *natsapitest.Store
	members []region.Member
	nodes   map[string]*node
}

// node is a front door that notes what comes through it.
type node struct {
	name   string
	store  *natsapitest.Store
	list   func() []region.Member
	server *natsapi.Server

	mu       sync.Mutex
	messages int            // on do and alt subjects
	commands []wire.Command // on do and alt subjects
	fronted  int            // commands on any subjects
	before   func(ctx context.Context, cmds []wire.Command) []wire.Reply
	after    func(ctx context.Context)
}

// startCluster starts nodes that serve the partitions of their ring.
func startCluster(t testing.TB, names ...string) *cluster {
	t.Helper()
	return startClusterOn(t, startNATS(t), names...)
}

// startClusterOn is startCluster on a server that runs.
func startClusterOn(t testing.TB, srv *server.Server, names ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, srv: srv, store: natsapitest.NewStore(0xa1), nodes: map[string]*node{}}
	for i, name := range names {
		c.members = append(c.members, region.Member{Name: name, Region: "us", Replica: crdt.ReplicaID(i + 1), State: region.StateReady})
	}
	for _, name := range names {
		c.start(name)
	}
	return c
}

func (c *cluster) ring() *region.Ring {
	c.t.Helper()
	ring, err := region.NewRing(c.members, partitions, 2)
	if err != nil {
		c.t.Fatalf("new ring: %v", err)
	}
	return ring
}

func (c *cluster) start(name string) *node {
	c.t.Helper()
	n := &node{name: name, store: c.store, list: func() []region.Member { return c.members }}
	s, err := natsapi.New(connect(c.t, c.srv), door{n, true}, door{n, false}, natsapi.Config{Cluster: "dev", Region: "us", Node: name, Partitions: partitions})
	if err != nil {
		c.t.Fatalf("new node %s: %v", name, err)
	}
	var alt []region.Partition
	ring := c.ring()
	for p := range region.Partition(partitions) {
		if r := ring.Replicas(p); len(r) > 0 && r[0] == name {
			alt = append(alt, p)
		}
	}
	if err := s.Serve(ring.OwnedBy(name), alt); err != nil {
		c.t.Fatalf("serve %s: %v", name, err)
	}
	if err := s.Start(); err != nil {
		c.t.Fatalf("start %s: %v", name, err)
	}
	c.t.Cleanup(func() { s.Close() })
	n.server = s
	c.nodes[name] = n
	return n
}

// stop ends a node, as a clean stop does.
func (c *cluster) stop(name string) {
	c.t.Helper()
	if err := c.nodes[name].server.Close(); err != nil {
		c.t.Fatalf("stop %s: %v", name, err)
	}
}

// client returns a client whose ring is up to date.
func (c *cluster) client(opts ...Option) *Client {
	c.t.Helper()
	cl, err := New(connect(c.t, c.srv), opts...)
	if err != nil {
		c.t.Fatalf("new client: %v", err)
	}
	c.t.Cleanup(func() { cl.Close() })
	eventually(c.t, "the ring", func() bool { return cl.Stats().Nodes > 0 })
	return cl
}

// keyOf returns a key that a node owns.
func (c *cluster) keyOf(name string) string {
	c.t.Helper()
	ring := c.ring()
	for i := range 10_000 {
		if key := fmt.Sprint("key-", i); ring.Owner(partitions.Of(key)) == name {
			return key
		}
	}
	c.t.Fatalf("no key is owned by %s", name)
	return ""
}

// door is one of a node's two executors.
type door struct {
	*node
	front bool
}

func (d door) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	n := d.node
	if cmds[0].Args[0] == "MEMBERS" {
		n.mu.Lock()
		defer n.mu.Unlock()
		return []wire.Reply{wire.String(string(region.AppendMembers(nil, n.list())))}
	}
	n.mu.Lock()
	if d.front {
		n.fronted += len(cmds)
	} else {
		n.messages++
		n.commands = append(n.commands, cmds...)
	}
	before, after := n.before, n.after
	n.mu.Unlock()
	if before != nil {
		if replies := before(ctx, cmds); replies != nil {
			return replies
		}
	}
	replies := n.store.Do(ctx, cmds...)
	if after != nil {
		after(ctx)
	}
	return replies
}

// hook sets what happens before and after commands run.
func (n *node) hook(before func(context.Context, []wire.Command) []wire.Reply, after func(context.Context)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.before, n.after = before, after
}

// seen returns how many messages and commands have come addressed to the node,
// and how many commands through its front.
func (n *node) seen() (messages, commands, fronted int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.messages, len(n.commands), n.fronted
}

// repeat answers every command with one error.
func repeat(code wire.Code) func(context.Context, []wire.Command) []wire.Reply {
	return func(_ context.Context, cmds []wire.Command) []wire.Reply {
		out := make([]wire.Reply, len(cmds))
		for i := range out {
			out[i] = wire.Fail(&wire.Error{Code: code, Text: "ERR as told"})
		}
		return out
	}
}
