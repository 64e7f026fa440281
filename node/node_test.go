package node_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/client"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/command/commandtest"
)

// TestThreeRegions writes in one region and reads in the others, writes against
// each other while the links are paused, and finds all equal afterwards.
func TestThreeRegions(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us", "eu", "ap")
	us, eu, ap := c.nodes["us-1"], c.nodes["eu-1"], c.nodes["ap-2"]
	ctx := t.Context()
	if _, err := us.Set(ctx, "greeting", "hello"); err != nil {
		t.Fatal(err)
	}
	for _, m := range []*member{eu, ap} {
		c.until("the write has arrived", func() error { return wantString(m, "greeting", "hello") })
	}
	if _, err := us.Link(ctx, command.LinkPause, "", ""); err != nil {
		t.Fatal(err)
	}
	for i, m := range []*member{us, eu, ap} {
		if _, err := m.Incr(ctx, "hits", int64(i+1)); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Set(ctx, "greeting", m.Region()); err != nil {
			t.Fatal(err)
		}
	}
	v, err := eu.Verify(ctx, 5)
	if err != nil || v.Equal {
		t.Fatalf("verify while paused: %+v, %v; want a difference", v, err)
	}
	for _, m := range []*member{us, eu, ap} {
		if err := wantString(m, "greeting", m.Region()); err != nil {
			t.Errorf("while paused: %v", err)
		}
	}
	if _, err := ap.Link(ctx, command.LinkResume, "", ""); err != nil {
		t.Fatal(err)
	}
	c.untilEqual(eu)
	// Which of the three came last is up to the clocks; all agree on it.
	winner, _, err := us.Get(ctx, "greeting")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range c.nodes {
		if err := wantString(m, "hits", "6"); err != nil {
			t.Error(err)
		}
		if err := wantString(m, "greeting", winner); err != nil {
			t.Error(err)
		}
	}
}

func wantString(m *member, key, want string) error {
	have, ok, err := m.Get(context.Background(), key)
	if err != nil {
		return err
	}
	if !ok || have != want {
		return fmt.Errorf("%s: %s is %.40q (%v), want %.40q", m.Name(), key, have, ok, want)
	}
	return nil
}

// TestContract runs the contract of all commands on an embedded node that owns
// about half of the keys.
func TestContract(t *testing.T) {
	c := startCluster(t, 2, "us")
	commandtest.Run(t, func(*testing.T) *command.API { return c.nodes["us-1"].API }, commandtest.Large())
}

// TestContractThreeNodes: a third of the keys is not held by the node.
func TestContractThreeNodes(t *testing.T) {
	c := startCluster(t, 3, "us")
	commandtest.Run(t, func(*testing.T) *command.API { return c.nodes["us-2"].API })
}

func TestContractThreeRegions(t *testing.T) {
	c := startCluster(t, 2, "us", "eu", "ap")
	commandtest.Run(t, func(*testing.T) *command.API { return c.nodes["eu-2"].API })
}

// TestContractClient runs the same contract through the client, which reaches
// the nodes over NATS alone.
func TestContractClient(t *testing.T) {
	c := startCluster(t, 3, "us", "eu")
	nc, err := nats.Connect(c.server.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	cl, err := client.New(nc, client.WithCluster("test"), client.WithRegion("eu"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cl.Close(); err != nil {
			t.Error(err)
		}
	})
	commandtest.Run(t, func(*testing.T) *command.API { return cl.API })
}
