package node_test

import (
	"context"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/atollcache/atoll/node"
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
