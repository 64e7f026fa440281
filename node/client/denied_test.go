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

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/sync/bulk/natstest"
)

// What a client needs, see node/natsapi/README.md.
var mayPublish = []string{"atoll.dev.us.do.*", "atoll.dev.us.alt.*", "atoll.dev.us.any.*", "atoll.dev.us.bulk.*", pingSubject}

// startGuarded starts a cluster on a server that lets a user publish and receive
// only what is said, and nodes everything. The function that it returns connects
// as that user; told counts what the program's own error handler hears.
func startGuarded(t testing.TB, publish, subscribe []string) (connect func() *nats.Conn, cl *cluster, told *atomic.Int64) {
	t.Helper()
	srv := natstest.StartWith(t, server.Options{Port: -1, NoAuthUser: "node", Users: []*server.User{
		{Username: "node", Password: "node"},
		{Username: "client", Password: "client", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe},
		}},
	}})
	told = new(atomic.Int64)
	return func() *nats.Conn {
		return natstest.Connect(t, srv.ClientURL(), nats.UserInfo("client", "client"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) { told.Add(1) }))
	}, startClusterOn(t, srv, "us-1", "us-2"), told
}

func without(list []string, words ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(s, w) })
	})
}

// TestDenied: a command that NATS turns away fails soon and says why, whichever
// subject is missing, and the program's own handler hears of it as ever.
func TestDenied(t *testing.T) {
	large := strings.Repeat("x", 3<<20)
	for name, test := range map[string]struct {
		missing []string
		run     func(c *Client) error
		names   string
	}{
		"ask": {[]string{".do.", ".alt.", ".any."}, func(c *Client) error {
			_, err := c.Set(within(t, 20*time.Second), "k", "v")
			return err
		}, "atoll.dev.us.any."},
		"large request": {[]string{".bulk."}, func(c *Client) error {
			_, err := c.Set(within(t, 20*time.Second), "k", large)
			return err
		}, "atoll.dev.us.bulk."},
		"large reply": {[]string{".bulk."}, func(c *Client) error {
			_, _, err := c.Get(within(t, 20*time.Second), "large")
			return err
		}, "atoll.dev.us.bulk."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connect, cl, told := startGuarded(t, without(mayPublish, test.missing...), []string{"_INBOX.>"})
			if _, err := cl.client().Set(within(t, 20*time.Second), "large", large); err != nil {
				t.Fatalf("set by a user who may: %v", err)
			}
			c, err := New(connect(), WithRegion("us"), WithPartitions(partitions))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			began := time.Now()
			err = test.run(c)
			if !errors.Is(err, wire.ErrForbidden) || !strings.Contains(err.Error(), test.names) {
				t.Errorf("want ErrForbidden that names %s, have %v", test.names, err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("want it to fail soon, took %v", took)
			}
			eventually(t, "the program's handler", func() bool { return told.Load() > 0 })
		})
	}
}

// TestPartlyDenied: who may not ask the owner still asks any node.
func TestPartlyDenied(t *testing.T) {
	t.Parallel()
	connect, _, _ := startGuarded(t, without(mayPublish, ".do.", ".alt."), []string{"_INBOX.>"})
	c, err := New(connect())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Set(within(t, 20*time.Second), "k", "v"); err != nil {
		t.Errorf("set: %v", err)
	}
}

// TestDeniedReplies: NATS says once, at the first request, that replies will not
// be let through; what times out later says so too.
func TestDeniedReplies(t *testing.T) {
	t.Parallel()
	connect, _, _ := startGuarded(t, mayPublish, []string{"nothing"})
	c, err := New(connect(), WithRegion("us"), WithPartitions(partitions), WithTimeout(300*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, when := range []string{"first", "later"} {
		if _, err := c.Set(t.Context(), "k", "v"); !errors.Is(err, wire.ErrTimeout) || !strings.Contains(err.Error(), "_INBOX.") {
			t.Errorf("%s: want a timeout that names the inbox, have %v", when, err)
		}
	}
}

// TestDeniedDiscovery: who may not look for nodes, or not hear them, is told so.
func TestDeniedDiscovery(t *testing.T) {
	t.Parallel()
	for name, may := range map[string][2][]string{
		"$SRV.PING.atoll": {without(mayPublish, "$SRV"), {"_INBOX.>"}},
		"_INBOX.":         {mayPublish, {"nothing"}},
	} {
		connect, _, _ := startGuarded(t, may[0], may[1])
		_, err := New(connect(), WithConfig(Config{Discover: 300 * time.Millisecond}))
		if !errors.Is(err, ErrNotFound) || !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), name) {
			t.Errorf("want ErrNotFound that names %s, have %v", name, err)
		}
	}
}

// TestOthersDenied: what NATS turns away of something else on a shared connection
// is not taken for the client's.
func TestOthersDenied(t *testing.T) {
	t.Parallel()
	connect, cl, told := startGuarded(t, mayPublish, []string{"_INBOX.>"})
	nc := connect()
	c, err := New(nc, WithTimeout(time.Second), WithAttemptTimeout(500*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	turnedAway := func(n int64) {
		if err := nc.Publish("of.the.program", nil); err != nil {
			t.Error(err)
		}
		eventually(t, "the program's handler", func() bool { return told.Load() >= n })
	}
	turnedAway(1)
	for _, n := range cl.nodes {
		n.hook(func(context.Context, []wire.Command) []wire.Reply {
			turnedAway(told.Load() + 1)
			return nil
		}, nil)
	}
	if _, err := c.Set(within(t, 5*time.Second), "k", "v"); err != nil {
		t.Errorf("set: %v", err)
	}
	gate := make(chan struct{})
	defer close(gate)
	for _, n := range cl.nodes {
		n.hook(func(context.Context, []wire.Command) []wire.Reply { <-gate; return nil }, nil)
	}
	if _, err := c.Set(t.Context(), "k", "v"); !errors.Is(err, wire.ErrTimeout) || strings.Contains(err.Error(), "NATS") {
		t.Errorf("set at nodes that hang: want a timeout without a word of permissions, have %v", err)
	}
}

// TestManyDenied: of many requests that are turned away at once every one fails.
func TestManyDenied(t *testing.T) {
	t.Parallel()
	connect, _, _ := startGuarded(t, without(mayPublish, ".do.", ".alt.", ".any."), []string{"_INBOX.>"})
	c, err := New(connect(), WithRegion("us"), WithPartitions(partitions))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			if _, err := c.Incr(within(t, 20*time.Second), fmt.Sprint("k", i), 1); !errors.Is(err, wire.ErrForbidden) {
				t.Errorf("incr %d: want ErrForbidden, have %v", i, err)
			}
		})
	}
	wg.Wait()
}

// TestOneTap: however many clients a connection has had, the program's handler is
// called once for each error.
func TestOneTap(t *testing.T) {
	t.Parallel()
	connect, _, told := startGuarded(t, mayPublish, []string{"_INBOX.>"})
	nc := connect()
	for range 3 {
		for range 2 {
			c, err := New(nc, WithRegion("us"), WithPartitions(partitions))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
		c, err := New(nc, WithRegion("us"), WithPartitions(partitions))
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	taps.Lock()
	have := len(taps.of[nc].clients)
	taps.Unlock()
	if have != 6 {
		t.Errorf("want the 6 clients that are open, have %d", have)
	}
	for range 3 {
		if err := nc.Publish("of.the.program", nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := nc.Request("atoll.dev.us.any.0", nil, 10*time.Second); err != nil { // The errors have come before.
		t.Fatal(err)
	}
	eventually(t, "the program's handler", func() bool { return told.Load() >= 3 })
	if n := told.Load(); n != 3 {
		t.Errorf("want the handler called 3 times, have %d", n)
	}
	nc.Close()
	other, err := New(connect(), WithRegion("us"), WithPartitions(partitions))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	taps.Lock()
	defer taps.Unlock()
	if taps.of[nc] != nil {
		t.Error("want nothing kept of a connection that is closed")
	}
}
