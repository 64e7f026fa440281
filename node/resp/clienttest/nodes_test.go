package clienttest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/natsd"
	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/region"
)

// nodes are those of one region, each with a port for Redis clients that it keeps
// when it is started again.
type nodes struct {
	t      *testing.T
	server *natsd.Server
	cfg    resp.Config
	addrs  []string

	has []string // the families of commands that they have

	mu   sync.Mutex
	stop []func() // of each node that runs, nil for others
}

// startNodes starts n nodes, which end with the test.
func startNodes(t *testing.T, cfg resp.Config, n int) *nodes {
	t.Helper()
	server, err := natsd.Start(natsd.Options{Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	ns := &nodes{t: t, server: server, cfg: cfg, addrs: make([]string, n), stop: make([]func(), n)}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(ns.stopAll)
	for i := range n {
		ns.addrs[i] = "127.0.0.1:0"
		if err := ns.start(i); err != nil {
			t.Fatal(err)
		}
	}
	ns.has = ns.families()
	return ns
}

// start starts a node at its address and waits until it serves.
func (ns *nodes) start(i int) error {
	ln, err := net.Listen("tcp", ns.addrs[i])
	if err != nil {
		return err
	}
	ns.addrs[i] = ln.Addr().String()
	name := fmt.Sprintf("eu-%d", i+1)
	nc, err := ns.server.Connect(append(natsd.ConnOptions(name), natsd.LogOptions(nil)...)...)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	n, err := node.Open(node.Config{
		Cluster: "test", Region: "eu", Name: name, Conn: nc, Partitions: 16, JoinWait: 200 * time.Millisecond,
		// All are in one process, which may wait long for the processor.
		FrozenAfter: 20 * time.Second, FillWait: 18 * time.Second,
		Members: region.Config{HeartbeatEvery: 100 * time.Millisecond, SuspectAfter: 15 * time.Second},
		Redis:   node.RedisConfig{Listener: ln, Server: ns.cfg},
	})
	if err != nil {
		nc.Close()
		return errors.Join(err, ln.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	ns.mu.Lock()
	defer ns.mu.Unlock()
	ns.stop[i] = func() {
		cancel()
		if err := <-ended; err != nil {
			ns.t.Errorf("run %s: %v", name, err)
		}
		nc.Close()
	}
	select {
	case <-n.Ready():
		return nil
	case <-time.After(20 * time.Second):
		return fmt.Errorf("%s is not ready after 20 s", name)
	}
}

// halt stops a node as an operator does: it hands over what it has, and its clients
// lose their connections.
func (ns *nodes) halt(i int) {
	ns.mu.Lock()
	stop := ns.stop[i]
	ns.stop[i] = nil
	ns.mu.Unlock()
	if stop != nil {
		stop()
	}
}

func (ns *nodes) stopAll() {
	for i := range ns.stop {
		ns.halt(i)
	}
}

// families returns the families of commands that the nodes have, by a command of each.
func (ns *nodes) families() []string {
	ns.t.Helper()
	c := redis.NewClient(&redis.Options{Addr: ns.addrs[0]})
	defer c.Close()
	var have []string
	for _, name := range []string{"get", "hset", "hexpire", "sadd", "zadd", "lpush", "pfadd"} {
		info, err := c.Do(ns.t.Context(), "COMMAND", "INFO", name).Slice()
		if err != nil {
			ns.t.Fatal(err)
		}
		if info[0] != nil {
			have = append(have, name)
		}
	}
	return have
}

// until waits until check gives nil.
func until(t testing.TB, what string, check func() error) {
	t.Helper()
	err := errors.New("not checked")
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("waited in vain until %s: %v", what, err)
}

// env is what a program is told about the nodes.
func (ns *nodes) env() []string {
	return []string{"ATOLL_NODES=" + strings.Join(ns.addrs, ","), "ATOLL_FAMILIES=" + strings.Join(ns.has, ",")}
}
