package node_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/pebblestore"
	"github.com/atollcache/atoll/node/wire"
)

// TestSentAgainWaitsToo: with sync, a command that is sent again because the disk has
// stood still for too long is not acknowledged before what it wrote the first time is on
// it, whether it is known again or finds its work done.
func TestSentAgainWaitsToo(t *testing.T) {
	fs, g := disks{}, newGate()
	c := newDiskCluster(t, fs, func(cfg *node.Config) {
		cfg.Disk.Durability = node.Sync
		cfg.Disk.Store.FS = errorfs.Wrap(fs[cfg.Name], g)
	})
	m := c.startOne("us", "us-1")
	g.close()
	for _, cmd := range []wire.Command{
		{Args: []string{"INCRBY", "n", "1"}, Request: 7},
		{Args: []string{"SADD", "s", "one"}},
	} {
		for try := range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			if r := m.Do(ctx, cmd)[0]; r.Type != wire.TypeError {
				t.Errorf("%q, sent %d times, the disk stands still: want an error, have %+v", cmd.Args, try+1, r)
			}
			cancel()
		}
	}
	g.open()
	if r := m.Do(t.Context(), wire.Command{Args: []string{"INCRBY", "n", "1"}, Request: 7})[0]; r.Int != 1 {
		t.Errorf("the disk goes on, sent again: want 1, have %+v", r)
	}
}

// TestStopKeepsDigests: a node that stops leaves behind what its partitions show, which
// it has compared with another's, and is still that other's equal when it is back.
func TestStopKeepsDigests(t *testing.T) {
	t.Parallel()
	fs := disks{}
	c := newDiskCluster(t, fs, nil)
	one, two := c.startOne("us", "us-1"), c.startOne("us", "us-2")
	c.untilKnown()
	keys := keysOf(300)
	setAll(t, one, keys)
	c.untilEqual(two) // Each of them has summed up everything now.
	one.stop()

	left := fs["us-1"].CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 2))})
	id := pebblestore.Identity{Cluster: "test", Region: "us", Node: "us-1", Partitions: 16}
	store, found, err := pebblestore.Open("data", pebblestore.Config{FS: left}, id)
	if err != nil || !found.Clean {
		t.Fatalf("open what it has left: %+v, %v", found, err)
	}
	shown := 0
	for _, p := range found.Partitions {
		head, _, err := store.Head(p)
		if err != nil || head.Shown.At == 0 {
			t.Errorf("partition %d: want a digest kept, have %+v, %v", p, head.Shown, err)
		}
		shown += head.Shown.Keys
	}
	if err := store.Close(); err != nil || shown != len(keys) {
		t.Errorf("want %d keys shown, have %d, %v", len(keys), shown, err)
	}

	setAll(t, two, keysOf(400)[300:])
	one = c.startOne("us", "us-1")
	c.untilEqual(two)
	wantAll(t, "it is back", one, keysOf(400))
}
