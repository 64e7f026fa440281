package node_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/pebblestore"
)

// disks are the file systems of a cluster's nodes, by name.
type disks map[string]*vfs.MemFS

// newDiskCluster returns a cluster whose nodes have a data directory each.
func newDiskCluster(t testing.TB, fs disks, set func(*node.Config)) *cluster {
	t.Helper()
	return newCluster(t, func(cfg *node.Config) {
		if fs[cfg.Name] == nil {
			fs[cfg.Name] = vfs.NewCrashableMem()
		}
		cfg.Disk = node.DiskConfig{Dir: "data", Store: pebblestore.Config{FS: fs[cfg.Name]}}
		if set != nil {
			set(cfg)
		}
	})
}

// startOne starts a node and waits until it serves.
func (c *cluster) startOne(r, name string) *member {
	c.t.Helper()
	m := c.start(r, name)
	c.awaitReady(m)
	return m
}

// wantAll checks that keys have the values that setAll gives them.
func wantAll(t testing.TB, what string, m *member, keys []string) {
	t.Helper()
	for _, k := range keys {
		if v, ok, err := m.Get(t.Context(), k); err != nil || !ok || v != k {
			t.Fatalf("%s: get %s: want %s, have %q, %t, %v", what, k, k, v, ok, err)
		}
	}
}

// TestCleanRestart: a node that has stopped goes on with all it had, in the same life.
func TestCleanRestart(t *testing.T) {
	for _, d := range []node.Durability{node.Sync, node.Interval, node.None} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			fs := disks{}
			c := newDiskCluster(t, fs, func(cfg *node.Config) { cfg.Disk.Durability = d })
			keys := keysOf(300)
			m := c.startOne("us", "us-1")
			setAll(t, m, keys)
			first := m.Replica()
			for range 3 {
				m.stop()
				m = c.startOne("us", "us-1")
				if m.Replica() != first {
					t.Errorf("started again: want life %v, have %v", first, m.Replica())
				}
				wantAll(t, "started again", m, keys)
				if n, err := m.Incr(t.Context(), "n", 1); err != nil {
					t.Fatalf("incr: %v, %v", n, err)
				}
			}
			if v, _, err := m.Get(t.Context(), "n"); v != "3" || err != nil {
				t.Errorf("counted in three runs: want 3, have %q, %v", v, err)
			}
			m.stop()
		})
	}
}

// TestKilled: what a killed node has acknowledged is there when it starts again, with
// Sync, and no number is used again.
func TestKilled(t *testing.T) {
	t.Parallel()
	fs := disks{}
	c := newDiskCluster(t, fs, func(cfg *node.Config) { cfg.Disk.Durability = node.Sync })
	m := c.startOne("us", "us-1")
	var lives []crdt.ReplicaID
	want := 0
	for round := range 4 {
		for range 50 {
			if _, err := m.Incr(t.Context(), "n", 1); err != nil {
				t.Fatal(err)
			}
			want++
		}
		setAll(t, m, keysOf(50*(round+1)))
		lives = append(lives, m.Replica())
		crashed := fs["us-1"].CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})
		m.kill()
		fs["us-1"] = crashed
		m = c.startOne("us", "us-1")
		if v, _, err := m.Get(t.Context(), "n"); v != fmt.Sprint(want) || err != nil {
			t.Fatalf("round %d: want %d, have %q, %v", round, want, v, err)
		}
		wantAll(t, fmt.Sprintf("round %d", round), m, keysOf(50*(round+1)))
		for _, l := range lives {
			if l == m.Replica() {
				t.Errorf("round %d: want a new life, have %v again", round, l)
			}
		}
	}
}

// TestKilledInterval: a killed node loses no more than the last Window of what it has
// acknowledged, and nothing out of order.
func TestKilledInterval(t *testing.T) {
	t.Parallel()
	const window = time.Second
	fs := disks{}
	c := newDiskCluster(t, fs, func(cfg *node.Config) { cfg.Disk.Window = window })
	m := c.startOne("us", "us-1")
	var acknowledged []time.Time
	for began := time.Now(); time.Since(began) < 2*window; {
		if _, err := m.Incr(t.Context(), "n", 1); err != nil {
			t.Fatal(err)
		}
		acknowledged = append(acknowledged, time.Now())
	}
	killed := time.Now()
	crashed := fs["us-1"].CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})
	m.kill()
	fs["us-1"] = crashed
	m = c.startOne("us", "us-1")
	v, _, err := m.Get(t.Context(), "n")
	var have int
	if _, scanErr := fmt.Sscan(v, &have); err != nil || scanErr != nil {
		t.Fatalf("have %q, %v", v, err)
	}
	if have < len(acknowledged) {
		if age := killed.Sub(acknowledged[have]); age > window {
			t.Errorf("%d of %d left: want the lost no older than %v, have %v", have, len(acknowledged), window, age)
		}
	}
	t.Logf("%d of %d acknowledged increments are left", have, len(acknowledged))
}

// TestWarmReads: a node that starts again answers reads before it has joined the
// others.
func TestWarmReads(t *testing.T) {
	t.Parallel()
	fs := disks{}
	joins := 200 * time.Millisecond
	c := newDiskCluster(t, fs, func(cfg *node.Config) { cfg.JoinWait = joins })
	keys := keysOf(100)
	m := c.startOne("us", "us-1")
	setAll(t, m, keys)
	m.stop()
	joins = 20 * time.Second
	m = c.start("us", "us-1")
	wantAll(t, "not joined", m, keys)
	values, err := m.MGet(t.Context(), keys...)
	if err != nil || len(values) != len(keys) {
		t.Errorf("mget over partitions: %d values, %v", len(values), err)
	}
	select {
	case <-m.Ready():
		t.Error("joined already: nothing was tested")
	default:
	}
}

// TestForeignDirectory: what is not the node's is not opened, and not touched.
func TestForeignDirectory(t *testing.T) {
	t.Parallel()
	fs := disks{}
	c := newDiskCluster(t, fs, nil)
	m := c.startOne("us", "us-1")
	open := func(name string, fs *vfs.MemFS, change func(*node.Config)) error {
		cfg := config("us", name, m.nc)
		cfg.Disk = node.DiskConfig{Dir: "data", Store: pebblestore.Config{FS: fs}}
		if change != nil {
			change(&cfg)
		}
		n, err := node.Open(cfg)
		if err == nil {
			err = errors.Join(errors.New("it was opened"), n.Close())
		}
		return err
	}
	if err := open("us-1", fs["us-1"], nil); !errors.Is(err, pebblestore.ErrLocked) {
		t.Errorf("while the node runs: want ErrLocked, have %v", err)
	}
	setAll(t, m, keysOf(10))
	m.stop()
	nc := c.startOne("us", "us-2").nc
	m.nc = nc
	for what, change := range map[string]func(*node.Config){
		"another node": func(cfg *node.Config) { cfg.Name = "us-3" }, "another region": func(cfg *node.Config) { cfg.Region = "eu" },
		"another cluster": func(cfg *node.Config) { cfg.Cluster = "other" }, "other partitions": func(cfg *node.Config) { cfg.Partitions = 32 },
	} {
		if err := open("us-1", fs["us-1"], change); !errors.Is(err, pebblestore.ErrForeign) {
			t.Errorf("%s: want ErrForeign, have %v", what, err)
		}
	}
	wantAll(t, "after all of them", c.startOne("us", "us-1"), keysOf(10))
}

// TestRestartPullsWhatItMissed: a node that starts again beside others asks them for
// what has been written meanwhile, and not for what it has.
func TestRestartPullsWhatItMissed(t *testing.T) {
	t.Parallel()
	fs := disks{}
	c := newDiskCluster(t, fs, nil)
	one, two := c.startOne("us", "us-1"), c.startOne("us", "us-2")
	c.untilKnown()
	value := strings.Repeat("v", 200)
	for _, k := range keysOf(3000) {
		if _, err := two.Set(t.Context(), k, value); err != nil {
			t.Fatal(err)
		}
	}
	c.untilEqual(two)
	first := one.Replica()
	one.stop()
	missed := keysOf(3050)[3000:]
	setAll(t, two, missed)
	if _, err := two.Del(t.Context(), keysOf(10)...); err != nil {
		t.Fatal(err)
	}
	one = c.startOne("us", "us-1")
	c.untilKnown()
	if one.Replica() != first {
		t.Errorf("started again: want life %v, have %v", first, one.Replica())
	}
	c.until("it has what it missed", func() error {
		if !one.AllFilled() {
			return errors.New("not filled")
		}
		return nil
	})
	wantAll(t, "what was missed", one, missed)
	if v, ok, err := one.Get(t.Context(), "key-3"); ok || err != nil {
		t.Errorf("removed meanwhile: have %q, %v", v, err)
	}
	if v, ok, err := one.Get(t.Context(), "key-2999"); v != value || err != nil {
		t.Errorf("kept: have %q, %t, %v", v, ok, err)
	}
	asked, _ := one.Sent()
	if all := int64(3000 * len(value)); asked > all/10 {
		t.Errorf("%d writes missed of %d bytes in all: want less than a tenth asked for, have %d", len(missed), all, asked)
	}
	c.untilEqual(two)
	t.Logf("%d bytes asked for", asked)
}

// TestUnsavedIsBounded: where the disk is slower than the writes, these wait.
func TestUnsavedIsBounded(t *testing.T) {
	t.Parallel()
	fs := disks{}
	c := newDiskCluster(t, fs, func(cfg *node.Config) {
		// Nothing is saved by the beat: only who waits has it done.
		cfg.Disk.Durability, cfg.Disk.MaxUnsaved = node.None, 64<<10
	})
	m := c.startOne("us", "us-1")
	value, most := strings.Repeat("v", 4<<10), 0
	for _, k := range keysOf(200) {
		if _, err := m.Set(t.Context(), k, value); err != nil {
			t.Fatal(err)
		}
		_, bytes := m.Unsaved()
		most = max(most, int(bytes))
	}
	if most > 64<<10+8<<10 {
		t.Errorf("want at most 64 KiB and one write unsaved, have %d bytes", most)
	}
	if n := info(t, m).Counters["disk_waited"]; n == 0 {
		t.Error("no write has waited: nothing was tested")
	}
}
