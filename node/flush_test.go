package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
)

// TestFlushEvicted: FLUSHALL leaves nothing of keys that the region in which it is given
// does not list, and of which something is left where they were evicted.
func TestFlushEvicted(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us", "eu")
	us, eu, ctx := c.nodes["us-1"], c.nodes["eu-1"], t.Context()
	const keys = 20
	for i := range keys {
		key := fmt.Sprintf("k%d", i)
		var err error
		if i%2 == 0 {
			_, err = us.HSet(ctx, key, command.Field{Name: "f", Value: strings.Repeat("v", 100)})
		} else {
			_, err = us.HIncr(ctx, key, "f", 7)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	lists := func(m *member, want int) error {
		if have := show(m.API.Do(ctx, cmd("DBSIZE"))[0]); have != fmt.Sprint(want) {
			return fmt.Errorf("%s: want %d keys, have %s", m.Name(), want, have)
		}
		return nil
	}
	evicted := func(want int) func() error {
		return func() error {
			if have := node.Ghosts(eu.Node) + node.Ghosts(c.nodes["eu-2"].Node); have != 2*want {
				return fmt.Errorf("want %d keys evicted at both nodes, have %d at both together", want, have)
			}
			return lists(eu, want)
		}
	}
	c.until("all has arrived", func() error { return lists(eu, keys) })
	c.untilEqual(eu)
	for _, name := range []string{"eu-1", "eu-2"} {
		node.LimitEntries(c.nodes[name].Node, 1, core.AllKeys)
	}
	c.until("all is evicted", evicted(keys))
	for i := range keys {
		if _, err := us.HDel(ctx, fmt.Sprintf("k%d", i), "f"); err != nil {
			t.Fatal(err)
		}
	}
	c.until("nothing is left where the fields were removed", func() error { return lists(us, 0) })
	c.untilEqual(us)
	if err := evicted(keys)(); err != nil {
		t.Fatalf("who has evicted a hash cannot know that it is empty: %v", err)
	}
	if r := us.API.Do(ctx, cmd("FLUSHALL"))[0]; show(r) != "OK" {
		t.Fatalf("FLUSHALL: want OK, have %s", show(r))
	}
	c.until("nothing is left", evicted(0))
}
