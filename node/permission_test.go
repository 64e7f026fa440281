package node_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/client"
	"github.com/atollcache/atoll/node/natsd"
	"github.com/atollcache/atoll/region"
)

// newConfigured returns a cluster without nodes on a NATS server with a
// configuration.
func newConfigured(t testing.TB, config string) *cluster {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return &cluster{t: t, server: startServerWith(t, natsd.Options{Port: -1, ConfigFile: file}), nodes: map[string]*member{}}
}

// documentedUsers returns the NATS configuration in natsapi's README, for the
// cluster of these tests.
func documentedUsers(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("natsapi/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\nauthorization {")
	block, _, ended := strings.Cut(rest, "```")
	if !found || !ended {
		t.Fatal("natsapi/README.md: want a configuration that begins with authorization, have none")
	}
	return "authorization {" + strings.ReplaceAll(block, "atoll.prod.", "atoll.test.")
}

// TestDocumentedPermissions: with the users that the README of natsapi gives,
// nodes and clients can do all that they do, large values included, and NATS turns
// nothing away.
func TestDocumentedPermissions(t *testing.T) {
	t.Parallel()
	c := newConfigured(t, documentedUsers(t))
	c.login = []nats.Option{nats.UserInfo("node", "change-me")}
	c.startAll(2, "us", "eu")
	denied := make(chan error, 64)
	nc, err := c.server.Connect(nats.UserInfo("client", "change-me"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		denied <- err
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	us, err := client.New(nc, client.WithCluster("test"), client.WithRegion("us"))
	if err != nil {
		t.Fatal(err)
	}
	defer us.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	large := strings.Repeat("x", 3<<20)
	for key, value := range map[string]string{"small": "v", "large": large} {
		if _, err := us.Set(ctx, key, value); err != nil {
			t.Fatalf("set %s: %v", key, err)
		}
		if have, _, err := us.Get(ctx, key); err != nil || have != value {
			t.Errorf("get %s: have %d bytes, %v", key, len(have), err)
		}
		for _, m := range c.nodes {
			c.until("it is everywhere", func() error { return wantString(m, key, value) })
		}
	}
	if nodes, err := us.Nodes(ctx); err != nil || len(nodes) != 4 {
		t.Errorf("nodes: %+v, %v", nodes, err)
	}
	subjects := region.Subjects{Cluster: "test", Region: "eu"}
	if m, err := nc.RequestWithContext(ctx, subjects.KV("get", "small"), nil); err != nil || string(m.Data) != "v" {
		t.Errorf("plain get: %v, %v", m, err)
	}
	if v, err := us.Verify(ctx, 5); err != nil || !v.Equal {
		t.Errorf("verify: %+v, %v", v, err)
	}
	c.nodes["us-2"].stop()
	c.drop("us-2")
	c.until("us-1 has heard of it", func() error {
		nodes, err := c.nodes["us-1"].Nodes(ctx)
		if err == nil && len(nodes) != 3 {
			err = fmt.Errorf("it knows of %d nodes", len(nodes))
		}
		return err
	})
	if have, _, err := us.Get(ctx, "large"); err != nil || have != large {
		t.Errorf("get from who is left: have %d bytes, %v", len(have), err)
	}
	for name, n := range counters(t, c.nodes["us-1"]) {
		if n["data_denied"] != 0 {
			t.Errorf("%s: NATS turned %d messages away", name, n["data_denied"])
		}
	}
	select {
	case err := <-denied:
		t.Errorf("the client: want nothing turned away, have %v", err)
	default:
	}
}
