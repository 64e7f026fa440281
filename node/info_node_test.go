package node_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/wire"
)

// nodeOf returns how a node sees another, or itself.
func nodeOf(t testing.TB, m *member, name string) wire.NodeInfo {
	t.Helper()
	nodes, err := m.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if n.Name == name {
			return n
		}
	}
	t.Fatalf("%s: want node %s, have %+v", m.Name(), name, nodes)
	return wire.NodeInfo{}
}

// TestNodesSayIfReady: of three nodes one has a clock that is an hour ahead. It
// says so itself, and that it refuses writes; the others are ready. A node that is
// dead does not answer.
func TestNodesSayIfReady(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(cfg *node.Config) {
		suspectSoon(cfg)
		if cfg.Name == "us-3" {
			cfg.Now = func() time.Time { return time.Now().Add(time.Hour) }
		}
	})
	c.startAll(3, "us")
	one := c.nodes["us-1"]
	c.until("us-3 finds its clock out of line", func() error {
		n := nodeOf(t, one, "us-3")
		if n.Ready || n.Clock == nil || n.Clock.Standing != "out of line" || !strings.Contains(n.Reason, "clock") {
			return fmt.Errorf("%+v, clock %+v", n, n.Clock)
		}
		for what, ahead := range map[string]string{"clock": n.Clock.Offset, "skew": n.Skew} {
			if d, err := time.ParseDuration(ahead); err != nil || (d-time.Hour).Abs() > time.Second {
				return fmt.Errorf("%s: want an hour ahead, have %q", what, ahead)
			}
		}
		return nil
	})
	c.until("the others are in line and ready", func() error {
		for _, name := range []string{"us-1", "us-2"} {
			n := nodeOf(t, one, name)
			if !n.Ready || n.Reason != "" || n.Clock == nil || n.Clock.Standing != "in line" || n.Clock.Majority == 0 {
				return fmt.Errorf("%+v, clock %+v", n, n.Clock)
			}
			if d, err := time.ParseDuration(n.Skew); err != nil || d.Abs() > time.Second || n.SkewWithin == "" {
				return fmt.Errorf("%s: skew %q ± %q", name, n.Skew, n.SkewWithin)
			}
		}
		return nil
	})
	c.nodes["us-2"].kill()
	c.until("us-2 does not answer", func() error {
		if n := nodeOf(t, one, "us-2"); n.Ready || !n.Unanswered || n.Reason == "" || n.Clock != nil {
			return fmt.Errorf("%+v", n)
		}
		return nil
	})
}

// TestNodeSaysWhatIsDown: a connection that is gone is named, each once.
func TestNodeSaysWhatIsDown(t *testing.T) {
	t.Parallel()
	var control *nats.Conn
	c := newCluster(t, nil)
	c.set = func(cfg *node.Config) {
		var err error
		if control, err = c.server.Connect(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(control.Close)
		cfg.Control = control
	}
	c.startAll(1, "us")
	one := c.nodes["us-1"]
	if n := nodeOf(t, one, "us-1"); !n.Ready || n.Reason != "" {
		t.Errorf("all up: want it ready, have %+v", n)
	}
	control.Close()
	c.until("the connection is named", func() error {
		if n := nodeOf(t, one, "us-1"); n.Ready || n.Reason != "its NATS connection for control is down" {
			return fmt.Errorf("%+v", n)
		}
		return nil
	})
}

// TestDeniedIsCounted: what NATS turns away on a node's connection is counted by
// its present life, and the program's own handler hears of it, each time once.
func TestDeniedIsCounted(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, `authorization { users: [
		{ user: node, password: secret, permissions: { publish: { deny: ["nobody.>"] } } } ] }`)
	c.login = []nats.Option{nats.UserInfo("node", "secret")}
	var told atomic.Int64
	c.login = append(c.login, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		if errors.Is(err, nats.ErrPermissionViolation) {
			told.Add(1)
		}
	}))
	c.startAll(1, "us")
	one := c.nodes["us-1"]
	deny := func(when string, want int64) {
		t.Helper()
		if err := one.nc.Publish("nobody.may", nil); err != nil {
			t.Fatal(err)
		}
		c.until(when+": it is counted", func() error {
			if n, have := counters(t, one)["us-1"]["data_denied"], told.Load(); n != 1 || have != want {
				return fmt.Errorf("counted %d, want 1; told %d, want %d", n, have, want)
			}
			return nil
		})
	}
	deny("first life", 1)
	before := one.Replica()
	one.Outlive("a test")
	c.until("another life serves", func() error {
		if n, err := one.Nodes(t.Context()); err != nil || one.Replica() == before || !n[0].Ready {
			return fmt.Errorf("%+v, %v", n, err)
		}
		return nil
	})
	deny("second life", 2)
}
