package node_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/natsd"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// running returns the stacks of goroutines that nodes have started, or that run
// in one.
func running() []string {
	buf := make([]byte, 4<<20)
	var out []string
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		for _, of := range []string{"atoll/node.(", "atoll/sync.(", "atoll/sync/", "atoll/node/natsapi"} {
			if strings.Contains(stack, of) {
				out = append(out, stack)
				break
			}
		}
	}
	return out
}

// untilQuiet waits until no goroutine of a node is left.
func untilQuiet(t testing.TB) {
	t.Helper()
	var left []string
	for range 500 {
		if left = running(); len(left) == 0 {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatalf("%d goroutines are left, one of them\n%s", len(left), left[0])
}

func TestOpenValidates(t *testing.T) {
	nc, err := startServer(t).Connect(natsd.ConnOptions("open")...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for name, change := range map[string]func(*node.Config){
		"no cluster": func(c *node.Config) { c.Cluster = "" }, "bad region": func(c *node.Config) { c.Region = "a.b" },
		"no name": func(c *node.Config) { c.Name = "" }, "bad zone": func(c *node.Config) { c.Zone = "*" },
		"weight": func(c *node.Config) { c.Weight = -1 }, "no connection": func(c *node.Config) { c.Conn = nil },
		"copies": func(c *node.Config) { c.Copies = region.MaxCopies + 1 }, "partitions": func(c *node.Config) { c.Partitions = 3 },
		"negative wait": func(c *node.Config) { c.KeepFor = -1 }, "limits": func(c *node.Config) { c.Limits.MaxValue = -1 },
		"members": func(c *node.Config) { c.Members.SuspectAfter = 1 }, "sync": func(c *node.Config) { c.Sync.LogBytes = -1 },
	} {
		cfg := config("us", "us-1", nc)
		change(&cfg)
		if _, err := node.Open(cfg); !errors.Is(err, node.ErrConfig) {
			t.Errorf("%s: want ErrConfig, have %v", name, err)
		}
	}
	if _, err := node.Open(config("us", "us-1", nc)); err != nil {
		t.Errorf("want it opened, have %v", err)
	}
	if len(running()) != 0 || nc.NumSubscriptions() != 0 {
		t.Errorf("opened and not run: have %d goroutines, %d subscriptions", len(running()), nc.NumSubscriptions())
	}
}

// TestRunEnds: nothing is left when Run has returned, and it cannot be run again.
func TestRunEnds(t *testing.T) {
	c := startCluster(t, 2, "us", "eu")
	setAll(t, c.nodes["us-1"], keysOf(100))
	for _, m := range c.nodes {
		m.stop()
	}
	untilQuiet(t)
	for name, m := range c.nodes {
		if err := m.Run(t.Context()); !errors.Is(err, node.ErrEnded) {
			t.Errorf("%s, run again: want ErrEnded, have %v", name, err)
		}
		if _, _, err := m.Get(t.Context(), "k"); !errors.Is(err, wire.ErrUnavailable) {
			t.Errorf("%s, asked after its end: want it said so, have %v", name, err)
		}
	}
}

// TestStopWhileJoining: at every moment of it.
func TestStopWhileJoining(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us")
	setAll(t, c.nodes["us-1"], keysOf(100))
	for i := range 8 {
		m := c.start("us", fmt.Sprintf("us-x%d", i))
		select {
		case <-m.Ready():
		case <-time.After(time.Duration(i) * 50 * time.Millisecond):
		}
		m.stop()
		c.drop(m.Name())
	}
	c.untilKnown()
	watchOnce(t, c.nodes["us-1"], keysOf(100))
}

// TestCommandsBeforeReady wait for it, and not longer than they may.
func TestCommandsBeforeReady(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(cfg *node.Config) { cfg.JoinWait = 500 * time.Millisecond })
	m := c.start("us", "us-1")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := m.Get(ctx, "k"); !errors.Is(err, wire.ErrUnavailable) {
		t.Errorf("50 ms after the start: want it said that the node is joining, have %v", err)
	}
	if _, err := m.Set(t.Context(), "k", "v"); err != nil {
		t.Errorf("waiting for the node: %v", err)
	}
}

// outliving returns a cluster whose nodes outlive its server: they are connected
// to its address, not to this very server.
func outliving(t *testing.T) *cluster {
	s := startServer(t)
	return &cluster{t: t, server: s, nodes: map[string]*member{}, set: func(cfg *node.Config) {
		opts := append(natsd.ConnOptions(cfg.Name), natsd.LogOptions(nil)...)
		nc, err := nats.Connect(s.ClientURL(), append(opts, nats.ReconnectWait(20*time.Millisecond))...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		cfg.Conn = nc
	}}
}

// TestServerRestarts under a running cluster: each node answers and writes
// meanwhile, and all converge when it is back.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	c := outliving(t)
	c.startAll(2, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	setAll(t, us, keysOf(50))
	c.untilEqual(us)
	if err := c.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, m := range c.nodes {
		if _, err := m.Set(t.Context(), "during", m.Name()); err != nil {
			t.Errorf("set at %s without a server: %v", m.Name(), err)
		}
		if _, err := m.Incr(t.Context(), "n", 1); err != nil {
			t.Errorf("incr at %s without a server: %v", m.Name(), err)
		}
		watchOnce(t, m, keysOf(50))
	}
	url, port := c.server.ClientURL(), 0
	if _, err := fmt.Sscanf(url[strings.LastIndex(url, ":"):], ":%d", &port); err != nil {
		t.Fatal(err)
	}
	again, err := natsd.Start(natsd.Options{Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, m := range c.nodes {
			m.stop()
		}
		if err := again.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	c.untilKnown()
	c.untilEqual(eu)
	for _, m := range c.nodes {
		if err := wantString(m, "n", "4"); err != nil {
			t.Error(err)
		}
	}
}

// TestClockGoesBack by an hour at one node, which goes on writing, announcing and
// asking, and does not fall behind its own writes.
func TestClockGoesBack(t *testing.T) {
	t.Parallel()
	var step atomic.Int64
	c := newCluster(t, func(cfg *node.Config) {
		if cfg.Name == "us-1" {
			cfg.Now = func() time.Time { return time.Now().Add(time.Duration(step.Load())) }
		}
	})
	c.startAll(1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	if _, err := us.Set(t.Context(), "k", "before"); err != nil {
		t.Fatal(err)
	}
	c.untilEqual(us)
	step.Store(int64(-time.Hour))
	if _, err := us.Set(t.Context(), "k", "after"); err != nil {
		t.Fatal(err)
	}
	c.until("the write after the step has won", func() error { return wantString(eu, "k", "after") })
	// What has been missed is noticed and asked for in both directions.
	us.link(t, command.LinkPause, "", "")
	setAll(t, us, []string{"by-us"})
	setAll(t, eu, []string{"by-eu", "by-eu-2"})
	us.link(t, command.LinkResume, "", "")
	c.until("us has what eu wrote", func() error { return wantString(us, "by-eu-2", "by-eu-2") })
	c.until("eu has what us wrote", func() error { return wantString(eu, "by-us", "by-us") })
	c.untilEqual(eu)
}

// TestHostileBytes on every subject that nodes listen to do no harm and are
// counted, and nothing that can be announced without end is remembered.
func TestHostileBytes(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us")
	us := c.nodes["us-1"]
	setAll(t, us, keysOf(20))
	c.untilEqual(us)
	nc, err := c.server.Connect(natsd.ConnOptions("hostile")...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	subjects := region.Subjects{Cluster: "test", Region: "us"}
	seeds := [][]byte{
		nil, {0}, {64}, {65}, {255}, make([]byte, 100), {64, 9, 9, 9},
		cachesync.Encode(&cachesync.Message{Kind: cachesync.KindHeads, Partition: 3, From: 9, Region: "us", Vector: crdt.Vector{{Replica: 9, N: 5}}}),
		cachesync.Encode(&cachesync.Message{Kind: cachesync.KindPull, Partition: 60000, From: 9, Region: "us"}),
		cachesync.Encode(&cachesync.Message{Kind: cachesync.KindSnapshot, Partition: 3, From: 9, Region: "us", Last: true, Piece: &crdt.Snapshot{}}),
	}
	before := us.Malformed()
	for i := range 600 {
		b := append([]byte(nil), seeds[i%len(seeds)]...)
		if i >= len(seeds) && len(b) > 0 {
			b[rnd.IntN(len(b))] ^= byte(1 << rnd.IntN(8))
			b = b[:1+rnd.IntN(len(b))]
		}
		for _, s := range []string{subjects.Delta("us", region.Partition(i%16)), subjects.Member("us"), subjects.Repair(us.Replica())} {
			if err := nc.Publish(s, b); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	c.until("they are counted", func() error {
		if n := us.Malformed() - before; n < 600 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	if _, err := us.Set(t.Context(), "k", "v"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	watchOnce(t, us, keysOf(20))
}
