package client

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

func TestCommandsOfAllKinds(t *testing.T) {
	c := startCluster(t, "us-1", "us-2", "us-3").client()
	ctx := within(t, 20*time.Second)
	for i := range 100 {
		if done, err := c.Set(ctx, fmt.Sprint("k", i), fmt.Sprint("v", i)); err != nil || !done {
			t.Fatalf("set k%d: %v, %v", i, done, err)
		}
	}
	var keys []string
	for i := range 100 {
		key := fmt.Sprint("k", i)
		keys = append(keys, key)
		if v, ok, err := c.Get(ctx, key); err != nil || !ok || v != fmt.Sprint("v", i) {
			t.Fatalf("get %s: have %q, %v, %v", key, v, ok, err)
		}
	}
	values, err := c.MGet(ctx, append(keys, "none")...)
	if err != nil || len(values) != 101 || values[42].Text != "v42" || values[100].OK {
		t.Fatalf("mget: have %d values, %v", len(values), err)
	}
	if n, err := c.Del(ctx, append(keys, "none")...); err != nil || n != 100 {
		t.Errorf("del: want 100, have %d, %v", n, err)
	}
	if n, err := c.Incr(ctx, "n", 5); err != nil || n != 5 {
		t.Errorf("incr: want 5, have %d, %v", n, err)
	}
	if _, err := c.HGetAll(ctx, "none"); err != nil {
		t.Errorf("hgetall: %v", err)
	}
	if err := c.Ping(ctx); err != nil {
		t.Errorf("ping: %v", err)
	}
	if members, err := c.Members(ctx); err != nil || len(members) != 3 {
		t.Errorf("members: want 3, have %v, %v", members, err)
	}
	if _, err := c.Set(ctx, strings.Repeat("k", 1<<20), "v"); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("set with a key of 1 MiB: want ErrTooLarge, have %v", err)
	}
	replies := c.Do(ctx, wire.Command{Args: []string{"NONSENSE"}}, wire.Command{}, wire.Command{Args: []string{"GET", "n"}})
	if len(replies) != 3 || replies[0].Err.Code != 400 || replies[1].Err.Code != 400 || replies[2].Text != "5" {
		t.Errorf("nonsense, empty, get: have %+v", replies)
	}
}

// Every command goes to the owner of its key, and none needs a second message.
func TestCommandsGoToTheOwner(t *testing.T) {
	cl := startCluster(t, "us-1", "us-2", "us-3")
	c := cl.client()
	ring := cl.ring()
	for i := range 200 {
		if _, err := c.Set(within(t, 5*time.Second), fmt.Sprint("k", i), "v"); err != nil {
			t.Fatal(err)
		}
	}
	for name, n := range cl.nodes {
		n.mu.Lock()
		for _, cmd := range n.commands {
			if owner := ring.Owner(partitions.Of(cmd.Key())); owner != name {
				t.Errorf("key %s of %s came to %s", cmd.Key(), owner, name)
			}
		}
		n.mu.Unlock()
	}
	if s := c.Stats(); s.Resent != 0 {
		t.Errorf("resent: want 0, have %+v", s)
	}
}

// What collects while a message is under way goes out together.
func TestConcurrentCallersShareMessages(t *testing.T) {
	cl := startCluster(t, "us-1")
	cfg := DefaultConfig()
	cfg.CollectFor = time.Minute // So that chance has no part in it.
	cfg.Timeout, cfg.AttemptTimeout = 20*time.Second, 20*time.Second
	c := cl.client(WithConfig(cfg))
	gate := make(chan struct{})
	n := cl.nodes["us-1"]
	n.hook(func(context.Context, []wire.Command) []wire.Reply { <-gate; return nil }, nil)
	var wg sync.WaitGroup
	const callers = 64
	for i := range callers {
		wg.Go(func() {
			if _, err := c.Set(within(t, 20*time.Second), fmt.Sprint("k", i), "v"); err != nil {
				t.Errorf("set k%d: %v", i, err)
			}
		})
	}
	eventually(t, "all but one to wait", func() bool { return c.Stats().Waiting == callers-1 })
	close(gate)
	wg.Wait()
	messages, commands, _ := n.seen()
	if messages != 2 || commands != callers {
		t.Errorf("want %d commands in 2 messages, have %d in %d", callers, commands, messages)
	}
}

// A slow command does not hold up others to the same node for long.
func TestSlowCommandDoesNotBlockTheQueue(t *testing.T) {
	cl := startCluster(t, "us-1")
	c := cl.client(WithAttemptTimeout(20 * time.Second))
	gate := make(chan struct{})
	cl.nodes["us-1"].hook(func(_ context.Context, cmds []wire.Command) []wire.Reply {
		if cmds[0].Key() == "slow" {
			<-gate
		}
		return nil
	}, nil)
	slow := make(chan error)
	go func() { _, err := c.Set(within(t, 20*time.Second), "slow", "v"); slow <- err }()
	eventually(t, "the slow one under way", func() bool { return c.Stats().InFlight == 1 })
	if _, err := c.Set(within(t, 5*time.Second), "fast", "v"); err != nil {
		t.Errorf("set behind a slow one: %v", err)
	}
	close(gate)
	if err := <-slow; err != nil {
		t.Errorf("slow set: %v", err)
	}
}

// Commands of one call on one key run in order, whatever else is under way.
func TestOrderWithinACall(t *testing.T) {
	cl := startCluster(t, "us-1", "us-2")
	cfg := DefaultConfig()
	cfg.BatchCommands = 3 // So that a call needs several messages.
	c := cl.client(WithConfig(cfg))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			key := fmt.Sprint("list-", g)
			var cmds []wire.Command
			for i := range 20 {
				cmds = append(cmds, wire.Command{Args: []string{"SET", key, fmt.Sprint(i)}}, wire.Command{Args: []string{"GET", key}})
			}
			replies := c.Do(within(t, 10*time.Second), cmds...)
			for i := range 20 {
				if want, have := fmt.Sprint(i), replies[2*i+1]; have.Text != want {
					t.Errorf("%s: want %s after it was set, have %+v", key, want, have)
				}
			}
		})
	}
	wg.Wait()
}

func TestLargeValues(t *testing.T) {
	cl := startCluster(t, "us-1", "us-2")
	c := cl.client(WithAttemptTimeout(30 * time.Second))
	ctx := within(t, 60*time.Second)
	value := strings.Repeat("0123456789abcdef", 64<<20/16)
	if _, err := c.Set(ctx, "large", value); err != nil {
		t.Fatalf("set 64 MiB: %v", err)
	}
	v, ok, err := c.Get(ctx, "large")
	if err != nil || !ok || v != value {
		t.Fatalf("get 64 MiB: have %d bytes, %v, %v", len(v), ok, err)
	}
	if _, err := c.Set(ctx, "larger", value+"x"); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("set 64 MiB and one: want ErrTooLarge, have %v", err)
	}
}

func TestDiscovery(t *testing.T) {
	cl := startCluster(t, "us-1")
	c := cl.client(WithCluster("dev"))
	if c.Region() != "us" || c.Partitions() != partitions || c.Cluster() != "dev" {
		t.Errorf("want dev, us, %d, have %v, %d", partitions, c, c.Partitions())
	}
	quick := func(c *Config) { c.Discover = 100 * time.Millisecond }
	for want, opts := range map[string][]Option{
		"dev/us":                 {quick, WithCluster("prod")},
		"region eu of cluster":   {quick, WithRegion("eu")},
		"1 to 32 of the charact": {WithRegion("E U")},
	} {
		_, err := New(connect(t, cl.srv), opts...)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, have %v", want, err)
		}
	}
	if _, err := New(connect(t, startNATS(t)), quick); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "start a node") {
		t.Errorf("empty NATS: want ErrNotFound that says what to do, have %v", err)
	}
}

// With everything given New needs no node, and no server.
func TestNewWithoutNetwork(t *testing.T) {
	srv := startNATS(t)
	nc := connect(t, srv)
	srv.Shutdown()
	c, err := New(nc, WithRegion("us"), WithPartitions(partitions), WithMembers(func() []region.Member { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestForeignAnswersToDiscovery(t *testing.T) {
	srv := startNATS(t)
	nc := connect(t, srv)
	for _, answer := range []string{"", "x", "{}", `{"metadata":{"cluster":"dev","region":"../..","partitions":"16"}}`,
		`{"metadata":{"cluster":"dev","region":"us","partitions":"3"}}`, `{"metadata":{"cluster":"\u0000","region":"us","partitions":"16"}}`} {
		if _, err := nc.Subscribe(pingSubject, func(m *nats.Msg) { _ = m.Respond([]byte(answer)) }); err != nil {
			t.Fatal(err)
		}
	}
	_, err := New(connect(t, srv), func(c *Config) { c.Discover = 100 * time.Millisecond })
	if !errors.Is(err, ErrNotFound) || strings.Contains(err.Error(), "\x00") {
		t.Errorf("want ErrNotFound, have %v", err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	cl := startCluster(t, "us-1")
	nc := connect(t, cl.srv)
	if _, err := nc.Request("$SRV.PING.atoll", nil, time.Second); err != nil { // Its own goroutines and subscription.
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	c, err := New(nc)
	if err != nil {
		t.Fatal(err)
	}
	gate := make(chan struct{})
	cl.nodes["us-1"].hook(func(context.Context, []wire.Command) []wire.Reply { <-gate; return nil }, nil)
	failed := make(chan error)
	for i := range 10 {
		go func() { _, _, err := c.Get(within(t, 20*time.Second), fmt.Sprint("k", i)); failed <- err }()
	}
	eventually(t, "messages under way", func() bool { s := c.Stats(); return s.InFlight > 0 })
	for range 2 {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		if err := <-failed; !errors.Is(err, wire.ErrUnavailable) {
			t.Errorf("get at close: want ErrUnavailable, have %v", err)
		}
	}
	if _, _, err := c.Get(context.Background(), "k"); !errors.Is(err, wire.ErrUnavailable) {
		t.Errorf("get after close: want ErrUnavailable, have %v", err)
	}
	close(gate)
	eventually(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
	if !nc.IsConnected() {
		t.Error("the connection was closed")
	}
}

func TestConfig(t *testing.T) {
	if want, have := DefaultConfig(), (Config{}).withDefaults(); want.Rounds != have.Rounds || want.CollectFor != have.CollectFor {
		t.Errorf("zero config: want %+v, have %+v", want, have)
	}
	v := reflect.ValueOf(&Config{}).Elem()
	for i := range v.NumField() {
		c := Config{}
		f := reflect.ValueOf(&c).Elem().Field(i)
		if !f.CanInt() {
			continue
		}
		f.SetInt(-1)
		if err := c.Validate(); err == nil {
			t.Errorf("%s of -1: want an error, have none", v.Type().Field(i).Name)
		}
	}
	if _, err := New(nil, func(c *Config) { c.Limits = command.Limits{MaxKey: -1} }); err == nil {
		t.Error("negative limit: want an error, have none")
	}
}
