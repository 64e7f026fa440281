package node_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/wire"
)

// lateValue does not fit into a message: another node has to notice that it is
// missing, and to ask for it.
var lateValue = string(make([]byte, 2<<20))

// addressed runs a command as a client has it run that has chosen a node.
func addressed(t testing.TB, m *member, c wire.Command) wire.Reply {
	t.Helper()
	return m.Addressed().Do(t.Context(), c)[0]
}

// startSlow runs two nodes between which a write is long on its way, and returns
// the owner of a key and the other one.
func startSlow(t *testing.T) (owner, other *member, key string) {
	c := newCluster(t, func(cfg *node.Config) {
		cfg.Sync.AnnounceAfter = 300 * time.Millisecond
		cfg.Sync.LogBytes = 32 << 20 // A snapshot carries no request IDs.
		cfg.SeenWait = 10 * time.Second
	})
	c.startAll(2, "us")
	key = ownedBy(t, c.nodes["us-1"], "us-1")
	setAll(t, c.nodes["us-1"], keysOf(20))
	c.untilEqual(c.nodes["us-1"])
	return c.nodes["us-1"], c.nodes["us-2"], key
}

// TestStandInMissesNothing: a client takes another node for the owner, or the owner
// for silent. What has been acknowledged at one node, the other shows.
func TestStandInMissesNothing(t *testing.T) {
	t.Parallel()
	owner, other, key := startSlow(t)
	<-time.After(movingOver) // Nobody asks for other reasons any more.
	for i := range 3 {
		k := fmt.Sprintf("{%s}%d", key, i)
		from, to := owner, other
		if i%2 == 1 {
			from, to = other, owner
		}
		if r := addressed(t, from, cmd("SET", k, lateValue)); r.Type == wire.TypeError {
			t.Fatal(r.Err)
		}
		if r := addressed(t, to, cmd("GET", k)); r.Text != lateValue {
			t.Errorf("written at %s, read at %s at once: want all of it, have %d bytes, type %v", from.Name(), to.Name(), len(r.Text), r.Type)
		}
	}
}

// movingOver is when nodes have settled.
const movingOver = 2500 * time.Millisecond

// TestStandInRunsNothingTwice: a command is sent again to another node, which has
// not received yet what the first wrote.
func TestStandInRunsNothingTwice(t *testing.T) {
	t.Parallel()
	owner, other, key := startSlow(t)
	if r := addressed(t, owner, cmd("SET", fmt.Sprintf("{%s}late", key), lateValue)); r.Type == wire.TypeError {
		t.Fatal(r.Err)
	}
	incr := cmd("INCRBY", fmt.Sprintf("{%s}n", key), "1")
	incr.Request = 12345
	for _, m := range []*member{owner, other} {
		if r := addressed(t, m, incr); r.Type == wire.TypeError {
			t.Errorf("%s: %s", m.Name(), show(r))
		}
	}
	if r := addressed(t, owner, cmd("GET", incr.Args[1])); show(r) != "1" {
		t.Errorf("an increment that was sent twice with one ID: want 1, have %s", show(r))
	}
	if r := addressed(t, other, cmd("GET", incr.Args[1])); show(r) != "1" {
		t.Errorf("the same at the other node: want 1, have %s", show(r))
	}
}

// TestFenceIsBounded: a node that does not answer, and is not known to be dead yet,
// holds nobody up for long, and is not asked each time.
func TestFenceIsBounded(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(cfg *node.Config) { cfg.SeenWait = 300 * time.Millisecond })
	c.startAll(2, "us")
	owner, other := c.nodes["us-1"], c.nodes["us-2"]
	key := ownedBy(t, owner, "us-1")
	setAll(t, owner, keysOf(200))
	c.untilEqual(owner)
	owner.kill()
	began := time.Now()
	for range 50 {
		if r := addressed(t, other, cmd("GET", key)); show(r) != key {
			t.Fatalf("read at us-2: want %s, have %s", key, show(r))
		}
		if r := addressed(t, other, cmd("SET", key, key)); r.Type == wire.TypeError {
			t.Fatal(r.Err)
		}
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("100 commands beside a dead owner: want no wait worth speaking of, have %v", took)
	}
	c.drop("us-1")
}
