package node_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/pebblestore"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

var (
	expiryKeys    = flag.Int("expiry-keys", 10_000, "keys that expire in TestExpiryAtScale")
	expiryLongest = flag.Duration("expiry-longest", 3*time.Second, "the longest time to live in it; the others are in proportion")
)

// lifetimes are times to live in seconds and their shares of the keys, as caches in
// production have them: clusters of Twitter's of March 2020, by
// https://github.com/twitter/cache-trace.
var lifetimes = map[string]map[int]float64{
	"cluster 4":  {60: 0.39, 300: 0.24, 3600: 0.13, 600: 0.12, 14_400: 0.09, 86_400: 0.03},
	"cluster 21": {7920: 0.62, 10: 0.23, 900: 0.15},
	"cluster 23": {120: 0.93, 2700: 0.05, 5: 0.02},
	"cluster 26": {60: 0.67, 120: 0.10, 360: 0.09, 600: 0.09, 660: 0.03, 180: 0.02},
	"cluster 31": {60: 1},
	"cluster 37": {20: 0.91, 300: 0.06, 7200: 0.02, 600: 0.01},
}

// drawLifetimes returns times to live for keys, of all clusters alike, the longest of
// each made as long as longest.
func drawLifetimes(r *rand.Rand, n int, longest time.Duration) []time.Duration {
	var names []string
	for name := range lifetimes {
		names = append(names, name)
	}
	slices.Sort(names)
	out := make([]time.Duration, n)
	for i := range out {
		mix := lifetimes[names[r.IntN(len(names))]]
		var all []int
		for s := range mix {
			all = append(all, s)
		}
		slices.Sort(all)
		at, drawn := r.Float64(), all[len(all)-1]
		for _, s := range all {
			if at -= mix[s]; at < 0 {
				drawn = s
				break
			}
		}
		out[i] = max(longest*time.Duration(drawn)/time.Duration(all[len(all)-1]), time.Millisecond)
	}
	return out
}

// TestExpiryAtScale: keys with the times to live that caches in production have go from
// memory and disk of all who hold them, are never shown after their time, in any region
// and after a restart, and do not hold up those who read. `make bench-expiry` does it with
// two million keys.
func TestExpiryAtScale(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dir := t.TempDir()
	c := newCluster(t, func(cfg *node.Config) { cfg.Disk = node.DiskConfig{Dir: filepath.Join(dir, cfg.Name)} })
	eu, us := c.startOne("eu", "eu-1"), c.startOne("us", "us-1")
	c.untilKnown()

	const lasting = 2000
	x := &expiring{t: t, of: map[string]*member{"eu": eu, "us": us}, at: make([]atomic.Int64, *expiryKeys)}
	each(t, lasting, func(i int) error { _, err := eu.Set(t.Context(), lastingKey(i), "lasting"); return err })
	c.untilEqual(eu)
	plain := map[string]int{"eu": bytesOf(t, eu), "us": bytesOf(t, us)}

	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for name, m := range x.of {
		readers.Go(func() { x.read(ctx, name, m) })
	}
	lives := drawLifetimes(rand.New(rand.NewPCG(seed, 0)), *expiryKeys, *expiryLongest)
	began := time.Now()
	each(t, *expiryKeys, func(i int) error {
		at := time.UnixMilli(time.Now().Add(lives[i]).UnixMilli())
		x.at[i].Store(at.UnixMilli())
		_, err := eu.Set(t.Context(), key(i), "expiring", command.ExpireAt(at))
		return err
	})
	t.Logf("written in %v", time.Since(began).Round(time.Millisecond))
	for name, m := range x.of {
		c.untilWithin(*expiryLongest+time.Minute, name+" has forgotten what has expired", func() error {
			if n := infoOf(t, m); n.Keys != lasting || n.Bytes > plain[name] {
				return fmt.Errorf("want %d keys of %d bytes, have %d of %d", lasting, plain[name], n.Keys, n.Bytes)
			}
			return nil
		})
	}
	t.Logf("forgotten after %v", time.Since(began).Round(time.Millisecond))
	cancel()
	readers.Wait()
	x.report()
	for name, m := range x.of {
		m.stop()
		wantRows(t, filepath.Join(dir, m.Name()), name, m.Name(), lasting)
	}
	for name := range x.of {
		m := c.startOne(name, name+"-1")
		wantExpired(t, name+", started again", m, lasting)
		m.stop()
	}
}

func lastingKey(i int) string { return fmt.Sprintf("lasting:%d", i) }

// expiring is what is known of keys that expire.
type expiring struct {
	t  *testing.T
	of map[string]*member
	at []atomic.Int64 // when each expires, in milliseconds since the Unix epoch; 0 before it is written

	mu    sync.Mutex
	took  []time.Duration // by those who read
	late  int             // reads of keys whose time had come
	shown int
}

// read reads keys at random until ctx ends, and complains of those that are shown after
// their time.
func (x *expiring) read(ctx context.Context, name string, m *member) {
	r := rand.New(rand.NewPCG(1, uint64(len(name))))
	pace := time.NewTicker(200 * time.Microsecond)
	defer pace.Stop()
	for ctx.Err() == nil {
		<-pace.C
		i := r.IntN(len(x.at))
		at := x.at[i].Load()
		if at == 0 {
			continue
		}
		began := time.Now()
		_, ok, err := m.Get(x.t.Context(), key(i))
		took := time.Since(began)
		switch late := began.UnixMilli() >= at; {
		case err != nil:
			x.t.Errorf("%s: get %s: %v", name, key(i), err)
			return
		case ok && late:
			x.t.Errorf("%s shows %s %d ms after it has expired", name, key(i), began.UnixMilli()-at)
			return
		}
		x.mu.Lock()
		x.took = append(x.took, took)
		if began.UnixMilli() >= at {
			x.late++
		}
		if ok {
			x.shown++
		}
		x.mu.Unlock()
	}
}

// report prints how long reads took, and wants them to have met both.
func (x *expiring) report() {
	x.t.Helper()
	if x.late == 0 || x.shown == 0 {
		x.t.Errorf("want reads of keys before and after their time, have %d that were shown and %d late", x.shown, x.late)
	}
	slices.Sort(x.took)
	at := func(share float64) time.Duration { return x.took[int(share*float64(len(x.took)-1))] }
	x.t.Logf("%d reads while keys expired: p50 %v, p99 %v, p99.9 %v, longest %v", len(x.took), at(0.5), at(0.99), at(0.999), at(1))
}

// bytesOf returns how many bytes a node's keys take in memory.
func bytesOf(t *testing.T, m *member) int { return infoOf(t, m).Bytes }

// infoOf returns what a node says of itself.
func infoOf(t *testing.T, m *member) wire.NodeInfo {
	t.Helper()
	nodes, err := m.Nodes(t.Context())
	if err != nil {
		t.Fatalf("nodes: %v", err)
	}
	for _, n := range nodes {
		if n.Name == m.Name() {
			return n
		}
	}
	t.Fatalf("%s does not name itself among %d nodes", m.Name(), len(nodes))
	return wire.NodeInfo{}
}

// wantRows checks that the directory of a node that is stopped holds the lasting keys and
// no other.
func wantRows(t *testing.T, dir, r, name string, want int) {
	t.Helper()
	store, _, err := pebblestore.Open(dir, pebblestore.Config{}, pebblestore.Identity{Cluster: "test", Region: r, Node: name, Partitions: 16})
	if err != nil {
		t.Fatalf("open the directory of %s: %v", name, err)
	}
	rows := 0
	for p := range region.Partition(16) {
		if err := store.Tier(p).Each("", func(string, *crdt.Entry) bool { rows++; return true }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if rows != want {
		t.Errorf("%s: want %d keys on disk, have %d", name, want, rows)
	}
	if err := store.Close(); err != nil {
		t.Errorf("close the directory of %s: %v", name, err)
	}
}

// wantExpired checks that a node shows the lasting keys and none of the others.
func wantExpired(t *testing.T, what string, m *member, lasting int) {
	t.Helper()
	each(t, *expiryKeys, func(i int) error {
		if _, ok, err := m.Get(t.Context(), key(i)); ok || err != nil {
			return fmt.Errorf("%s: get %s: want nothing, have %t, %v", what, key(i), ok, err)
		}
		return nil
	})
	each(t, lasting, func(i int) error {
		if v, ok, err := m.Get(t.Context(), lastingKey(i)); v != "lasting" || err != nil {
			return fmt.Errorf("%s: get %s: want it, have %q, %t, %v", what, lastingKey(i), v, ok, err)
		}
		return nil
	})
}
