package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

func TestFallsBackToReplicaThenToAnyNode(t *testing.T) {
	cl := startCluster(t, "us-1", "us-2", "us-3")
	c := cl.client(WithMembers(func() []region.Member { return cl.members })) // The ring stays as it is.
	key := cl.keyOf("us-1")
	next := cl.ring().Replicas(partitions.Of(key))[0]
	last := slices.DeleteFunc([]string{"us-2", "us-3"}, func(s string) bool { return s == next })[0]
	set := func(value string) {
		t.Helper()
		if _, err := c.Set(within(t, 5*time.Second), key, value); err != nil {
			t.Fatalf("set %s: %v", value, err)
		}
	}
	set("owner")
	cl.stop("us-1")
	began := time.Now()
	set("replica")
	if took := time.Since(began); took > c.cfg.AttemptTimeout/2 {
		t.Errorf("nobody on a subject must move on at once, took %v", took)
	}
	cl.stop(next)
	set("any")
	for name, want := range map[string][3]int{"us-1": {1, 1, 0}, next: {1, 1, 0}, last: {0, 0, 1}} {
		messages, commands, fronted := cl.nodes[name].seen()
		if have := [3]int{messages, commands, fronted}; have != want {
			t.Errorf("%s: want messages, commands, fronted %v, have %v", name, want, have)
		}
	}
	cl.stop(last)
	_, err := c.Set(within(t, 5*time.Second), key, "nobody")
	if !errors.Is(err, wire.ErrUnavailable) || !strings.Contains(err.Error(), "region us") || !strings.Contains(err.Error(), "start one") {
		t.Errorf("set with nobody left: want ErrUnavailable that names the region and what to do, have %v", err)
	}
}

// A node that does not answer is left after AttemptTimeout.
func TestSilentOwner(t *testing.T) {
	cl := startCluster(t, "us-1", "us-2")
	c := cl.client(WithAttemptTimeout(50 * time.Millisecond))
	gate := make(chan struct{})
	defer close(gate)
	cl.nodes["us-1"].hook(func(context.Context, []wire.Command) []wire.Reply { <-gate; return nil }, nil)
	if _, err := c.Set(within(t, 5*time.Second), cl.keyOf("us-1"), "v"); err != nil {
		t.Errorf("set: %v", err)
	}
	if s := c.Stats(); s.Timeouts == 0 || s.Resent == 0 {
		t.Errorf("want a timeout and a command sent again, have %+v", s)
	}
}

// A question about the cluster that comes to a node which says nothing is asked again:
// NATS goes on giving that node its share.
func TestFrozenNodeIsAskedAboutTheCluster(t *testing.T) {
	cl := startCluster(t, "us-1", "us-2")
	c := cl.client(WithConfig(Config{AttemptTimeout: 50 * time.Millisecond, Rounds: 30}))
	gate := make(chan struct{})
	defer close(gate)
	var frozen atomic.Pointer[node]
	for _, n := range cl.nodes {
		n.hook(func(_ context.Context, cmds []wire.Command) []wire.Reply {
			if frozen.CompareAndSwap(nil, n); frozen.Load() == n { // Whoever is asked first.
				<-gate
			}
			return []wire.Reply{wire.String("[]")}
		}, nil)
	}
	for range 5 {
		if _, err := c.Nodes(within(t, 5*time.Second)); err != nil {
			t.Fatalf("nodes: %v", err)
		}
	}
	if frozen.Load() == nil {
		t.Error("no node was asked")
	}
}

// The owner runs a command and its reply is lost: the same request ID comes to
// the next node, and the command counts once.
func TestRequestIDIsKeptAfterALostReply(t *testing.T) {
	cl := startCluster(t, "us-1", "us-2")
	c := cl.client(WithAttemptTimeout(50 * time.Millisecond))
	key := cl.keyOf("us-1")
	gate := make(chan struct{})
	defer close(gate)
	cl.nodes["us-1"].hook(nil, func(context.Context) { <-gate }) // Runs it, then says nothing.
	n, err := c.Incr(within(t, 5*time.Second), key, 1)
	if err != nil || n != 1 {
		t.Errorf("incr with a lost reply: want 1, have %d, %v", n, err)
	}
	first, second := cl.nodes["us-1"], cl.nodes["us-2"]
	for _, n := range []*node{first, second} {
		n.mu.Lock()
		defer n.mu.Unlock()
	}
	if len(first.commands) != 1 || len(second.commands) != 1 || first.commands[0].Request == 0 ||
		first.commands[0].Request != second.commands[0].Request {
		t.Errorf("want one request ID at both nodes, have %+v and %+v", first.commands, second.commands)
	}
}

// A command that must not run twice and has no request ID is not sent again when
// it may have run; one that certainly has not run is.
func TestUnsafeCommandWithoutRequestID(t *testing.T) {
	cl := startCluster(t, "us-1", "us-2")
	c := cl.client(WithAttemptTimeout(50 * time.Millisecond))
	incr := wire.Command{Args: []string{"INCRBY", cl.keyOf("us-1"), "1"}}
	for _, x := range []struct {
		code wire.Code
		want wire.Type
	}{{wire.CodeTimeout, wire.TypeError}, {wire.CodeUnavailable, wire.TypeError}, {wire.CodeNotOwner, wire.TypeInt}} {
		cl.nodes["us-1"].hook(repeat(x.code), nil)
		r := doer{c}.Do(within(t, 5*time.Second), incr)[0]
		if r.Type != x.want {
			t.Errorf("owner says %d: want a reply of type %d, have %+v", x.code, x.want, r)
		}
	}
	if _, commands, _ := cl.nodes["us-2"].seen(); commands != 1 {
		t.Errorf("next replica: want 1 command, have %d", commands)
	}
}

func TestErrorsOfTheNodeAreFinal(t *testing.T) {
	cl := startCluster(t, "us-1", "us-2")
	c := cl.client()
	for code, want := range map[wire.Code]error{wire.CodeWrongType: wire.ErrWrongType, wire.CodeOverload: wire.ErrOverload, wire.CodeBadRequest: wire.ErrBadRequest} {
		cl.nodes["us-1"].hook(repeat(code), nil)
		if _, err := c.Set(within(t, 5*time.Second), cl.keyOf("us-1"), "v"); !errors.Is(err, want) {
			t.Errorf("code %d: want %v, have %v", code, code, err)
		}
	}
	if _, commands, _ := cl.nodes["us-2"].seen(); commands != 0 {
		t.Errorf("want no command at us-2, have %d", commands)
	}
}

// A node that is not the owner any more says so: the client asks for the members
// at once, not at its beat.
func TestFollowsTheRing(t *testing.T) {
	cl := startCluster(t, "us-1")
	cfg := DefaultConfig()
	cfg.RefreshEvery = time.Hour
	c := cl.client(WithConfig(cfg))
	n := cl.nodes["us-1"]
	n.mu.Lock()
	n.list = func() []region.Member {
		return []region.Member{{Name: "us-1", Region: "us", Replica: 1, State: region.StateReady}, {Name: "us-2", Region: "us", Replica: 2, State: region.StateReady}}
	}
	n.mu.Unlock()
	if have := c.Stats().Rings; have != 1 {
		t.Fatalf("rings: want 1, have %d", have)
	}
	n.hook(repeat(wire.CodeNotOwner), nil)
	_, _ = c.Set(within(t, 5*time.Second), "k", "v")
	eventually(t, "a ring of two nodes", func() bool { s := c.Stats(); return s.Rings == 2 && s.Nodes == 2 })
}

func TestContextEnds(t *testing.T) {
	cl := startCluster(t, "us-1")
	c := cl.client()
	gate := make(chan struct{})
	defer close(gate)
	cl.nodes["us-1"].hook(func(context.Context, []wire.Command) []wire.Reply { <-gate; return nil }, nil)
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error)
	go func() { _, _, err := c.Get(ctx, "k"); failed <- err }()
	eventually(t, "the message under way", func() bool { return c.Stats().InFlight == 1 })
	cancel()
	if err := <-failed; !errors.Is(err, wire.ErrTimeout) {
		t.Errorf("get with a cancelled context: want ErrTimeout, have %v", err)
	}
	began := time.Now()
	_, _, err := c.Get(within(t, 30*time.Millisecond), "k")
	if took := time.Since(began); !errors.Is(err, wire.ErrTimeout) || took > 5*time.Second {
		t.Errorf("get within 30 ms: want ErrTimeout, have %v after %v", err, took)
	}
	done, stop := context.WithCancel(context.Background())
	stop()
	if r := c.Do(done, wire.Command{Args: []string{"GET", "k"}}, wire.Command{Args: []string{"GET", "l"}}); len(r) != 2 || !errors.Is(r[0].Err, wire.ErrTimeout) || !errors.Is(r[1].Err, wire.ErrTimeout) {
		t.Errorf("do with a context that has ended: want two timeouts, have %+v", r)
	}
}

// What waits for one node is bounded.
func TestOverload(t *testing.T) {
	cl := startCluster(t, "us-1")
	cfg := DefaultConfig()
	cfg.Waiting, cfg.InFlight = 3, 1
	c := cl.client(WithConfig(cfg), WithAttemptTimeout(20*time.Second))
	gate := make(chan struct{})
	cl.nodes["us-1"].hook(func(context.Context, []wire.Command) []wire.Reply { <-gate; return nil }, nil)
	var wg sync.WaitGroup
	var full atomic.Int64
	for i := range 10 {
		wg.Go(func() {
			if _, err := c.Set(within(t, 20*time.Second), fmt.Sprint("k", i), "v"); errors.Is(err, wire.ErrOverload) {
				full.Add(1)
			} else if err != nil {
				t.Errorf("set k%d: %v", i, err)
			}
		})
	}
	eventually(t, "six commands refused", func() bool { return full.Load() == 6 })
	close(gate)
	wg.Wait()
	if s := c.Stats(); s.Overload != 6 {
		t.Errorf("overload: want 6, have %d", s.Overload)
	}
}

func TestServerAway(t *testing.T) {
	cl := startCluster(t, "us-1")
	c := cl.client()
	cl.srv.Shutdown()
	cl.srv.WaitForShutdown()
	eventually(t, "the connection to notice", func() bool { return !c.nc.IsConnected() })
	_, err := c.Set(within(t, 300*time.Millisecond), "k", "v")
	if !errors.Is(err, wire.ErrUnavailable) && !errors.Is(err, wire.ErrTimeout) {
		t.Errorf("set without a server: want ErrUnavailable or ErrTimeout, have %v", err)
	}
}

func TestNonsenseFromANode(t *testing.T) {
	srv := startNATS(t)
	nc := connect(t, srv)
	answers := [][]byte{nil, []byte("x"), wire.AppendReplies(nil, nil), wire.AppendReplies(nil, []wire.Reply{wire.OK, wire.OK})}
	var next atomic.Int64
	if _, err := nc.Subscribe("atoll.dev.us.>", func(m *nats.Msg) { _ = m.Respond(answers[next.Load()]) }); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	c, err := New(connect(t, srv), WithRegion("us"), WithPartitions(partitions))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range answers {
		next.Store(int64(i))
		if _, _, err := c.Get(within(t, 5*time.Second), "k"); err == nil {
			t.Errorf("answer %q: want an error, have none", answers[i])
		}
	}
}
