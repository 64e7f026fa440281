package node_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/natsd"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// keysOf returns n keys, spread over the partitions.
func keysOf(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprint("key-", i)
	}
	return out
}

// setAll sets every key to its own name.
func setAll(t testing.TB, m *member, keys []string) {
	t.Helper()
	for _, k := range keys {
		if _, err := m.Set(t.Context(), k, k); err != nil {
			t.Fatalf("set %s at %s: %v", k, m.Name(), err)
		}
	}
}

// watch reads all keys through nodes, again and again, until the function that
// it returns is called: nothing may be missing at any moment. A node that is
// stopped meanwhile is left out from then on.
func watch(t testing.TB, keys []string, nodes ...*member) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, m := range nodes {
		wg.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				values, err := m.MGet(context.Background(), keys...)
				if err != nil {
					t.Errorf("read through %s: %v", m.Name(), err)
					return
				}
				for i, v := range values {
					if !v.OK || v.Text != keys[i] {
						t.Errorf("read through %s, round %d: %s is %q (%t)", m.Name(), round, keys[i], v.Text, v.OK)
						return
					}
				}
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// writeOn sets a key through a node, again and again, until the function that it
// returns is called: every write must be accepted. It returns the last value.
func writeOn(t testing.TB, m *member, key string) (stop func() string) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	last := ""
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			last = fmt.Sprint(i)
			if _, err := m.Set(context.Background(), key, last); err != nil {
				t.Errorf("write %d through %s: %v", i, m.Name(), err)
				return
			}
		}
	})
	return func() string { cancel(); wg.Wait(); return last }
}

// untilCopies waits until every partition of a region has so many holders, as
// its nodes say themselves.
func (c *cluster) untilCopies(want int, nodes ...*member) {
	c.t.Helper()
	c.until(fmt.Sprintf("every partition has %d holders", want), func() error {
		count := map[int]int{}
		for _, m := range nodes {
			for _, p := range m.HeldPartitions() {
				count[int(p)]++
			}
		}
		for p := range 16 {
			if count[p] != want {
				return fmt.Errorf("partition %d has %d holders", p, count[p])
			}
		}
		return nil
	})
}

// TestSecondNodeJoins: it is filled before it serves, and no reader misses
// anything at any moment, whichever of the two it asks.
func TestSecondNodeJoins(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us")
	one := c.nodes["us-1"]
	keys := keysOf(500)
	setAll(t, one, keys)
	stop := watch(t, keys, one)
	two := c.start("us", "us-2")
	stop2 := watch(t, keys, two) // From the first moment: it waits until the node serves.
	c.awaitReady(two)
	if !two.AllFilled() {
		t.Error("us-2 says that it is ready before it is filled")
	}
	c.untilKnown()
	stop()
	stop2()
	c.untilEqual(two)
	c.untilCopies(2, one, two)
	nodes, err := two.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if n.Holds != 16 || n.Keys != len(keys) || n.Owns < 6 || n.Owns > 10 {
			t.Errorf("%s: want all 16 partitions held, about half owned, %d keys; have %+v", n.Name, len(keys), n)
		}
	}
}

// TestManyNodesStart at once on a region with data: none of them answers from
// nothing, not even from another one that is not filled.
func TestManyNodesStart(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us")
	keys := keysOf(300)
	setAll(t, c.nodes["us-1"], keys)
	var stops []func()
	for i := 2; i <= 4; i++ {
		m := c.start("us", fmt.Sprintf("us-%d", i))
		stops = append(stops, watch(t, keys, m))
	}
	for _, m := range c.nodes {
		c.awaitReady(m)
	}
	c.untilKnown()
	for _, stop := range stops {
		stop()
	}
	c.untilEqual(c.nodes["us-4"])
}

// TestCleanStop: the node hands over, so that nothing is missing and no
// acknowledged write is lost, however large it was and however late it came.
func TestCleanStop(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us")
	one, two := c.nodes["us-1"], c.nodes["us-2"]
	keys := keysOf(300)
	setAll(t, one, keys)
	c.untilEqual(one)
	stopReads, stopWrites := watch(t, keys, one), writeOn(t, one, "busy")
	// Two that do not fit into a message, so that nobody is sent them unasked.
	ring, err := two.Ring(t.Context())
	if err != nil || len(ring.Nodes) != 2 {
		t.Fatalf("ring: %+v, %v", ring, err)
	}
	var large []string
	for _, k := range keysOf(8) {
		large = append(large, "large-"+k)
		if _, err := two.Set(t.Context(), "large-"+k, string(make([]byte, 2<<20))); err != nil {
			t.Fatal(err)
		}
	}
	two.stop()
	c.drop("us-2")
	if n, err := one.Exists(t.Context(), large...); err != nil || n != len(large) {
		t.Errorf("large values written just before a clean stop: want %d, have %d, %v", len(large), n, err)
	}
	c.untilKnown()
	stopReads()
	if last := stopWrites(); wantString(one, "busy", last) != nil {
		t.Error(wantString(one, "busy", last))
	}
	c.untilEqual(one)
	if r := two.Do(t.Context(), wire.Command{Args: []string{"SET", "k", "v"}})[0]; r.Type != wire.TypeError || r.Err.Code != wire.CodeUnavailable {
		t.Errorf("a command to a node that has been stopped: want it refused, have %+v", r)
	}
}

// TestCleanStopOverNATS: while a node stops, whoever asks any node by plain NATS
// requests has answers, none of them that the node has been stopped.
func TestCleanStopOverNATS(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us")
	one, two := c.nodes["us-1"], c.nodes["us-2"]
	setAll(t, one, keysOf(20))
	c.untilEqual(one)
	ctx, cancel := context.WithCancel(t.Context())
	subjects := region.Subjects{Cluster: "test", Region: "us"}
	var wg sync.WaitGroup
	for range 4 {
		nc, err := c.server.Connect(natsd.ConnOptions("asker")...)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := keysOf(20)[i%20]
				m, err := nc.Request(subjects.KV("get", key), nil, 10*time.Second)
				if err != nil || m.Header.Get("Nats-Service-Error") != "" || string(m.Data) != key {
					t.Errorf("get %s: %v, %+v", key, err, m)
					return
				}
			}
		})
	}
	two.stop()
	c.drop("us-2")
	cancel()
	wg.Wait()
}

// TestOnlyCopyIsHandedOver: with one copy the node that leaves has the only one.
func TestOnlyCopyIsHandedOver(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(cfg *node.Config) { cfg.Copies = 1 })
	c.startAll(2, "us")
	one, two := c.nodes["us-1"], c.nodes["us-2"]
	keys := keysOf(300)
	setAll(t, one, keys)
	two.stop()
	c.drop("us-2")
	c.untilKnown()
	watchOnce(t, one, keys)
}

// watchOnce reads all keys once.
func watchOnce(t testing.TB, m *member, keys []string) {
	t.Helper()
	values, err := m.MGet(t.Context(), keys...)
	if err != nil {
		t.Fatalf("read through %s: %v", m.Name(), err)
	}
	for i, v := range values {
		if !v.OK || v.Text != keys[i] {
			t.Fatalf("read through %s: %s is %q (%t)", m.Name(), keys[i], v.Text, v.OK)
		}
	}
}

// TestKilledNode: reads and writes go on without a pause worth speaking of, and
// its successor under the same name takes its place and is filled.
func TestKilledNode(t *testing.T) {
	t.Parallel()
	c := startMortal(t, 2, "us", "eu")
	one, two, eu := c.nodes["us-1"], c.nodes["us-2"], c.nodes["eu-1"]
	keys := keysOf(300)
	setAll(t, one, keys)
	c.untilEqual(one)
	stopReads, stopWrites := watch(t, keys, one, eu), writeOn(t, one, "busy")
	two.kill()
	c.drop("us-2")
	c.until("it is suspected", func() error {
		nodes, err := one.Nodes(t.Context())
		i := slices.IndexFunc(nodes, func(n wire.NodeInfo) bool { return n.Name == "us-2" })
		if err != nil || i < 0 || nodes[i].State != "suspect" {
			return fmt.Errorf("%+v, %v", nodes, err)
		}
		return nil
	})
	again := c.start("us", "us-2")
	stopAgain := watch(t, keys, again)
	c.awaitReady(again)
	c.untilKnown()
	stopReads()
	stopAgain()
	last := stopWrites()
	c.untilEqual(again)
	if err := wantString(again, "busy", last); err != nil {
		t.Error(err)
	}
	if again.Replica() == two.Replica() {
		t.Error("want another replica ID in another life")
	}
}

// TestRestartBeforeAnyoneNotices: the same name comes back while the others still
// think that its former life serves.
func TestRestartBeforeAnyoneNotices(t *testing.T) {
	t.Parallel()
	c := startMortal(t, 2, "us")
	one, two := c.nodes["us-1"], c.nodes["us-2"]
	keys := keysOf(300)
	setAll(t, one, keys)
	c.untilEqual(one)
	stopReads := watch(t, keys, one)
	two.kill()
	again := c.start("us", "us-2")
	stopAgain := watch(t, keys, again)
	c.awaitReady(again)
	c.untilKnown()
	stopReads()
	stopAgain()
	c.untilEqual(one)
}

// TestPartitionsMove: with three nodes and two copies each partition is at two of
// them; who held it before lets it go after a while, and commands reach it.
func TestPartitionsMove(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(cfg *node.Config) { cfg.KeepFor = 500 * time.Millisecond })
	c.startAll(2, "us")
	one, two := c.nodes["us-1"], c.nodes["us-2"]
	keys := keysOf(300)
	setAll(t, one, keys)
	c.untilEqual(one)
	stop := watch(t, keys, one, two)
	three := c.start("us", "us-3")
	c.awaitReady(three)
	c.untilKnown()
	stopThree := watch(t, keys, three)
	c.untilCopies(2, one, two, three)
	for i, m := range []*member{one, two, three} {
		for _, k := range keys[i*50 : i*50+50] {
			if n, err := m.Incr(t.Context(), "n-"+k, 1); err != nil || n != 1 {
				t.Fatalf("incr through %s: %d, %v", m.Name(), n, err)
			}
		}
	}
	stop()
	stopThree()
	c.untilEqual(one)
	// And back: two nodes hold everything again.
	stop = watch(t, keys, one, two)
	three.stop()
	c.drop("us-3")
	c.untilKnown()
	c.untilCopies(2, one, two)
	stop()
	c.untilEqual(two)
	for _, k := range keys[:150] {
		if err := wantString(two, "n-"+k, "1"); err != nil {
			t.Error(err)
		}
	}
}

// TestLateWritesOfFormerHolder: what a node takes for a partition that has moved
// elsewhere, up to the moment at which it lets go of it, is not lost. The values
// do not fit into a message, so that they have to be asked for.
func TestLateWritesOfFormerHolder(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(cfg *node.Config) { cfg.KeepFor, cfg.Copies = 300*time.Millisecond, 1 })
	c.startAll(1, "us")
	one := c.nodes["us-1"]
	two := c.start("us", "us-2")
	c.awaitReady(two)
	c.untilKnown()
	key := ownedBy(t, one, "us-2")
	ring, err := one.Ring(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	value := string(make([]byte, 1<<20))
	var written []string
	for began := time.Now(); time.Since(began) < 600*time.Millisecond; {
		x := cmd("SET", fmt.Sprintf("{%s}%d", key, len(written)), value)
		if r := one.Addressed().Do(t.Context(), x)[0]; r.Type == wire.TypeError {
			t.Fatal(r.Err)
		}
		written = append(written, x.Args[1])
		<-time.After(20 * time.Millisecond)
	}
	c.until("us-1 has let go", func() error {
		if held := one.HeldPartitions(); slices.Contains(held, region.Partition(ring.Key.Partition)) {
			return fmt.Errorf("it holds %v", held)
		}
		return nil
	})
	if n, err := two.Exists(t.Context(), written...); err != nil || n != len(written) {
		t.Errorf("written at us-1 while it let go: want all %d, have %d, %v", len(written), n, err)
	}
}

// TestRegionAlone: all others are dead, and nobody knows yet.
func TestRegionAlone(t *testing.T) {
	t.Parallel()
	c := startMortal(t, 1, "us", "eu", "ap")
	us := c.nodes["us-1"]
	c.nodes["eu-1"].kill()
	c.nodes["ap-1"].kill()
	keys := keysOf(50)
	setAll(t, us, keys)
	watchOnce(t, us, keys)
	second := c.start("us", "us-2")
	c.awaitReady(second)
	watchOnce(t, second, keys)
}

// TestRegionStartsLater: a region that joins a cluster with data is filled from
// another region before it serves.
func TestRegionStartsLater(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us")
	keys := keysOf(300)
	setAll(t, c.nodes["us-1"], keys)
	c.untilEqual(c.nodes["us-1"])
	eu := c.start("eu", "eu-1")
	stop := watch(t, keys, eu)
	c.awaitReady(eu)
	c.untilKnown()
	stop()
	c.untilEqual(eu)
}
