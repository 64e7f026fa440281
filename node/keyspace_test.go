package node_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// TestWholeKeyspace counts, lists, draws and drops the keys of a region from each
// of its nodes, which hold a part of them.
func TestWholeKeyspace(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(cfg *node.Config) { cfg.Copies = 1 })
	c.startAll(3, "us")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var want []string
	api := c.nodes["us-1"].API
	for i := range 500 {
		want = append(want, fmt.Sprint("key", i))
		if _, err := api.Set(ctx, want[i], "v"); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	do := func(api *command.API, args ...string) wire.Reply { return api.Do(ctx, wire.Command{Args: args})[0] }
	for name, m := range c.nodes {
		if r := do(m.API, "DBSIZE"); r.Int != 500 {
			t.Errorf("%s: DBSIZE: want 500, have %s", name, show(r))
		}
		var have []string
		for _, k := range do(m.API, "KEYS", "*").List {
			have = append(have, k.Text)
		}
		if slices.Sort(have); !slices.Equal(have, want) {
			t.Errorf("%s: KEYS *: want 500 keys, have %d", name, len(have))
		}
		if r := do(m.API, "KEYS", "key12?"); len(r.List) != 10 {
			t.Errorf("%s: KEYS key12?: want 10 keys, have %s", name, show(r))
		}
		drawn := map[string]bool{}
		for range 30 {
			k := do(m.API, "RANDOMKEY").Text
			drawn[k] = true
			if _, ok := slices.BinarySearch(want, k); !ok {
				t.Errorf("%s: RANDOMKEY: have %q, which is not there", name, k)
			}
		}
		if len(drawn) < 10 {
			t.Errorf("%s: RANDOMKEY draws %d different keys of 500 in 30 times", name, len(drawn))
		}
	}
	if r := do(api, "FLUSHALL", "NOW"); r.Type != wire.TypeError {
		t.Errorf("FLUSHALL NOW: want an error, have %s", show(r))
	}
	if r := do(c.nodes["us-2"].API, "FLUSHALL"); show(r) != "OK" {
		t.Errorf("FLUSHALL: have %s", show(r))
	}
	for name, m := range c.nodes {
		if size, key := do(m.API, "DBSIZE"), do(m.API, "RANDOMKEY"); size.Int != 0 || key.Type != wire.TypeNil {
			t.Errorf("%s: after FLUSHALL: have %s keys, %s among them", name, show(size), show(key))
		}
	}
}
