package node_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/natsd"
	"github.com/atollcache/atoll/region"
)

// cluster is nodes of some regions on one NATS server.
type cluster struct {
	t      testing.TB
	server *natsd.Server
	nodes  map[string]*member
	set    func(*node.Config) // changes what start configures
	login  []nats.Option      // of the nodes' connections, beside the usual ones
}

// member is a node that runs.
type member struct {
	*node.Node
	nc   *nats.Conn
	stop func() // leaves and waits

	fails  bool  // Run is to return an error
	failed error // which it has
}

// kill ends a node as a power cut does: nobody hears anything of it any more.
func (m *member) kill() {
	m.nc.Close()
	m.stop()
}

// startServer starts a NATS server that ends with the test.
func startServer(t testing.TB) *natsd.Server {
	t.Helper()
	return startServerWith(t, natsd.Options{Port: -1})
}

// startServerWith is startServer with options.
func startServerWith(t testing.TB, o natsd.Options) *natsd.Server {
	t.Helper()
	s, err := natsd.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

// startCluster starts nodes named REGION-1 to REGION-perRegion and waits until
// they serve.
func startCluster(t testing.TB, perRegion int, regions ...string) *cluster {
	t.Helper()
	c := newCluster(t, nil)
	c.startAll(perRegion, regions...)
	return c
}

// suspectSoon is for tests in which nodes fall silent. Elsewhere a machine that has
// more to do than it can must not make nodes suspect each other.
func suspectSoon(cfg *node.Config) { cfg.Members.SuspectAfter = 2 * time.Second }

// startMortal is startCluster with suspectSoon.
func startMortal(t testing.TB, perRegion int, regions ...string) *cluster {
	t.Helper()
	c := newCluster(t, suspectSoon)
	c.startAll(perRegion, regions...)
	return c
}

// newCluster returns a cluster without nodes. set changes the configuration of
// each that is started.
func newCluster(t testing.TB, set func(*node.Config)) *cluster {
	t.Helper()
	return &cluster{t: t, server: startServer(t), nodes: map[string]*member{}, set: set}
}

// startAll starts nodes named REGION-1 to REGION-perRegion and waits until they
// serve and know of each other.
func (c *cluster) startAll(perRegion int, regions ...string) {
	c.t.Helper()
	for _, r := range regions {
		for i := range perRegion {
			c.start(r, fmt.Sprintf("%s-%d", r, i+1))
		}
	}
	for _, m := range c.nodes {
		c.awaitReady(m)
	}
	c.untilKnown()
}

// untilKnown waits until every node sees every other serve, and nobody else.
func (c *cluster) untilKnown() {
	c.t.Helper()
	c.until("every node sees every other", func() error {
		for _, m := range c.nodes {
			nodes, err := m.Nodes(c.t.Context())
			if err != nil {
				return err
			}
			for _, n := range nodes {
				if n.State != "ready" {
					return fmt.Errorf("%s sees %s as %s", m.Name(), n.Name, n.State)
				}
			}
			if len(nodes) != len(c.nodes) {
				return fmt.Errorf("%s sees %d of %d nodes", m.Name(), len(nodes), len(c.nodes))
			}
		}
		return nil
	})
}

// start starts a node; the test's end stops it.
func (c *cluster) start(r, name string) *member {
	c.t.Helper()
	nc, err := c.server.Connect(append(natsd.ConnOptions(name), append(natsd.LogOptions(nil), c.login...)...)...)
	if err != nil {
		c.t.Fatal(err)
	}
	cfg := config(r, name, nc)
	if c.set != nil {
		c.set(&cfg)
	}
	n, err := node.Open(cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	stopped := false
	m := &member{Node: n, nc: nc}
	m.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		killed := nc.IsClosed()
		if m.failed = <-ended; m.failed != nil && !killed && !m.fails {
			c.t.Errorf("run %s: %v", name, m.failed)
		}
		nc.Close()
	}
	c.t.Cleanup(m.stop)
	c.nodes[name] = m
	return m
}

// config returns the configuration of a node in tests: few partitions, quick
// beats.
func config(r, name string, nc *nats.Conn) node.Config {
	return node.Config{
		Cluster: "test", Region: r, Name: name, Conn: nc, Partitions: 16, JoinWait: 200 * time.Millisecond,
		// All are in one process, which may wait long for the processor.
		FrozenAfter: 20 * time.Second, FillWait: 18 * time.Second,
		Members: region.Config{HeartbeatEvery: 100 * time.Millisecond, SuspectAfter: 15 * time.Second},
	}
}

// drop takes a node that was stopped out of the cluster.
func (c *cluster) drop(name string) { delete(c.nodes, name) }

func (c *cluster) awaitReady(m *member) {
	c.t.Helper()
	select {
	case <-m.Ready():
	case <-time.After(20 * time.Second):
		c.t.Fatalf("%s is not ready after 20 s", m.Name())
	}
}

// until waits until check gives nil.
func (c *cluster) until(what string, check func() error) {
	c.t.Helper()
	c.untilWithin(20*time.Second, what, check)
}

// untilWithin waits until check gives nil, for a time at most.
func (c *cluster) untilWithin(most time.Duration, what string, check func() error) {
	c.t.Helper()
	deadline := time.Now().Add(most)
	err := errors.New("not checked")
	for time.Now().Before(deadline) {
		if err = check(); err == nil {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	c.t.Fatalf("waited in vain until %s: %v", what, err)
}

// whileProgress waits until check gives nil, for as long as what progress returns
// goes on to change.
func (c *cluster) whileProgress(what string, progress func() any, check func() error) {
	c.t.Helper()
	const still = 20 * time.Second
	last, since := progress(), time.Now()
	for {
		err := check()
		if err == nil {
			return
		}
		if now := progress(); !reflect.DeepEqual(now, last) {
			last, since = now, time.Now()
		}
		if time.Since(since) > still {
			c.t.Fatalf("waited in vain until %s: %v; for %v nothing has changed in %+v", what, err, still, last)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// untilEqual waits until all holders hold the same.
func (c *cluster) untilEqual(m *member) {
	c.t.Helper()
	c.until("all holders are equal", func() error {
		v, err := m.Verify(c.t.Context(), 5)
		if err != nil {
			return err
		}
		if !v.Equal || !v.Complete {
			return fmt.Errorf("verify: %+v", v)
		}
		return nil
	})
}
