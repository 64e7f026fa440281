package node_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/backup"
	"github.com/atollcache/atoll/node/client"
	"github.com/atollcache/atoll/node/core"
)

// clientOf returns a client of a cluster's region.
func (c *cluster) clientOf(r string) *client.Client {
	c.t.Helper()
	nc, err := c.server.Connect()
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(nc.Close)
	cl, err := client.New(nc, client.WithConfig(client.Config{Cluster: "test", Region: r, Partitions: 16}))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = cl.Close() })
	return cl
}

// TestBackupOfEvictedKeys: a region's backup has what is in its memory, and says how
// much is not; restored, what it has not is missing, as after an eviction everywhere,
// and removes nothing where it is.
func TestBackupOfEvictedKeys(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	const keys, size = 200, 1000
	value := strings.Repeat("v", size)
	for _, k := range keysOf(keys) {
		if _, err := us.Set(t.Context(), k, value); err != nil {
			t.Fatal(err)
		}
	}
	c.until("all has arrived", func() error { return wantString(eu, fmt.Sprint("key-", keys-1), value) })
	node.LimitEntries(us.Node, keys*size/4, core.AllKeys)
	dirs := map[string]string{}
	for r, want := range map[string]func(m *backup.Manifest) bool{
		"us": func(m *backup.Manifest) bool {
			return m.Evicted >= keys/2 && m.Keys >= keys/10 && m.Keys+m.Evicted == keys
		},
		"eu": func(m *backup.Manifest) bool { return m.Keys == keys && m.Evicted == 0 },
	} {
		dirs[r] = filepath.Join(t.TempDir(), r)
		m, err := backup.Take(t.Context(), backup.Config{Client: c.clientOf(r)}, dirs[r])
		if err != nil || !want(m) {
			t.Fatalf("backup of %s, where us has evicted most of %d keys: have %+v, %v", r, keys, m, err)
		}
	}
	if n := info(t, us).Counters["snapshots_sending"]; n != 0 {
		t.Errorf("after the backup: want no snapshot kept, have %d", n)
	}
	restore := func(dir string, o backup.Options) backup.Result {
		t.Helper()
		b, err := backup.Open(nil, dir)
		if err != nil {
			t.Fatal(err)
		}
		r, err := backup.Restore(t.Context(), backup.Config{Client: c.clientOf("us")}, b, o)
		if err != nil || r.RefusedPartitions > 0 {
			t.Fatalf("restore: %+v, %v", r, err)
		}
		return r
	}
	us.stop()
	eu.stop()
	c.drop("eu-1")
	us = c.startOne("us", "us-1")
	c.untilKnown()
	if r := restore(dirs["us"], backup.Options{}); r.Taken < keys/10 || r.Taken+r.Evicted != keys {
		t.Errorf("what us had: want %d keys in all, have %+v", keys, r)
	}
	missing := 0
	for _, k := range keysOf(keys) {
		v, ok, err := us.Get(t.Context(), k)
		if err != nil || ok && v != value {
			t.Fatalf("get %s: have %.20q, %v", k, v, err)
		}
		if !ok {
			missing++
		}
	}
	if missing < keys/2 {
		t.Errorf("want what us had evicted missing, have %d of %d keys missing", missing, keys)
	}
	if r := restore(dirs["eu"], backup.Options{}); r.Removed > 0 || r.Elsewhere != missing {
		t.Errorf("what eu had: want nothing taken for removed and %d keys that are nowhere, have %+v", missing, r)
	}
	if r := restore(dirs["eu"], backup.Options{AsNew: true}); r.Renewed != missing {
		t.Errorf("as new: want %d keys written anew, have %+v", missing, r)
	}
	for _, k := range keysOf(keys) {
		if v, ok, err := us.Get(t.Context(), k); v != value {
			t.Fatalf("as new: get %s: have %.20q, %t, %v", k, v, ok, err)
		}
	}
}
