package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atollcache/atoll/node"
)

// TestEvictedIsNotRemoved lets the nodes of one region evict, and finds everything in the
// other and through the first.
func TestEvictedIsNotRemoved(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	ctx := t.Context()
	const keys, size = 200, 1000
	value := func(i int) string { return fmt.Sprintf("%d ", i) + strings.Repeat("v", size) }
	for i := range keys {
		if _, err := us.Set(ctx, fmt.Sprintf("k%d", i), value(i)); err != nil {
			t.Fatal(err)
		}
	}
	c.until("all has arrived", func() error { return wantString(eu, fmt.Sprintf("k%d", keys-1), value(keys-1)) })
	node.LimitEntries(us.Node, keys*size/4)
	if s := us.Memory(); s.Evicted < keys/2 || s.Entries > keys*size/4 {
		t.Fatalf("want most of %d keys evicted and at most %d bytes left, have %+v", keys, keys*size/4, s)
	}
	if s := eu.Memory(); s.Evicted != 0 {
		t.Fatalf("want nothing evicted in the other region, have %+v", s)
	}
	for i := range keys {
		key := fmt.Sprintf("k%d", i)
		if have, ok, err := us.Get(ctx, key); err != nil || !ok || have != value(i) {
			t.Fatalf("%s where it was evicted: want it brought back, have %.20q, %t, %v", key, have, ok, err)
		}
		if err := wantString(eu, key, value(i)); err != nil {
			t.Fatal(err)
		}
	}
	if s := us.Memory(); s.Entries > keys*size/4 {
		t.Fatalf("having read all: want at most %d bytes, have %+v", keys*size/4, s)
	}
	v, err := eu.Verify(ctx, 5)
	if err != nil || !v.Equal {
		t.Fatalf("want all equal, have %+v, %v", v, err)
	}
}
