package node_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
)

// fault makes the calls of a file system that write fail once so many have been made.
type fault struct {
	left atomic.Int64 // below zero: fails; far above: does not
	err  error
}

const never = 1 << 40

// String implements errorfs.Injector.
func (f *fault) String() string { return "fault" }

// MaybeError implements errorfs.Injector.
func (f *fault) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo,
		errorfs.OpCreate, errorfs.OpFilePreallocate, errorfs.OpReuseForWrite:
		if f.left.Add(-1) < 0 {
			return f.err
		}
	}
	return nil
}

// info returns what a node says of itself.
func info(t testing.TB, m *member) wire.NodeInfo {
	t.Helper()
	nodes, err := m.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		if n.Name == m.Name() {
			return n
		}
	}
	t.Fatalf("%s does not know of itself", m.Name())
	return wire.NodeInfo{}
}

// TestDiskFails from different calls on: the node says so and goes on from memory, or,
// with Sync, refuses writes. Nothing that was acknowledged with Sync is lost.
func TestDiskFails(t *testing.T) {
	for _, c := range []struct {
		durability node.Durability
		err        error
		says       string
	}{
		{node.Sync, syscall.ENOSPC, "disk full"}, {node.Sync, syscall.EIO, "disk failed"},
		{node.Interval, syscall.ENOSPC, "disk full"}, {node.None, syscall.EIO, "disk failed"},
	} {
		for _, after := range []int64{0, 7, 40} {
			t.Run(fmt.Sprintf("%s/%v/%d", c.durability, c.err, after), func(t *testing.T) {
				t.Parallel()
				failingDisk(t, c.durability, c.err, c.says, after)
			})
		}
	}
}

func failingDisk(t *testing.T, durability node.Durability, fails error, says string, after int64) {
	fs, f := disks{}, &fault{err: fails}
	f.left.Store(never)
	wrap := true
	c := newDiskCluster(t, fs, func(cfg *node.Config) {
		cfg.Disk.Durability, cfg.Disk.Window = durability, 200*time.Millisecond
		if wrap {
			cfg.Disk.Store.FS = errorfs.Wrap(fs[cfg.Name], f)
		}
	})
	m := c.startOne("us", "us-1")
	setAll(t, m, keysOf(20))
	f.left.Store(after)
	acknowledged := 0
	c.until("the disk has failed", func() error {
		if _, err := m.Incr(t.Context(), "n", 1); err == nil {
			acknowledged++
		}
		if said := info(t, m).Disk.Error; !strings.Contains(said, says) {
			return fmt.Errorf("it says %q", said)
		}
		return nil
	})
	if n := info(t, m); n.Ready || !strings.Contains(n.Reason, "disk has failed") {
		t.Errorf("want it said that the node is not as it should be, have %t, %q", n.Ready, n.Reason)
	}
	_, err := m.Set(t.Context(), "later", "later")
	if refused := errors.Is(err, wire.ErrUnavailable) && strings.Contains(err.Error(), "MISCONF"); refused != (durability == node.Sync) {
		t.Errorf("a write: have %v", err)
	}
	wantAll(t, "the disk has failed", m, keysOf(20))
	f.left.Store(never)
	m.end() // It says that not everything has been saved.
	wrap = false
	m = c.startOne("us", "us-1")
	if durability != node.Sync {
		return
	}
	wantAll(t, "started again", m, keysOf(20))
	var have int
	if v, _, err := m.Get(t.Context(), "n"); err != nil {
		t.Error(err)
	} else if _, _ = fmt.Sscan(v, &have); have < acknowledged {
		t.Errorf("started again: want all %d acknowledged increments, have %q", acknowledged, v)
	}
}

// end ends a node and returns what Run does.
func (m *member) end() error {
	m.fails = true
	m.stop()
	return m.failed
}

// gate makes syncs wait while it is shut.
type gate struct{ shut chan chan struct{} }

func newGate() *gate {
	g := &gate{make(chan chan struct{}, 1)}
	g.shut <- nil
	return g
}

// String implements errorfs.Injector.
func (g *gate) String() string { return "gate" }

// MaybeError implements errorfs.Injector.
func (g *gate) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		shut := <-g.shut
		g.shut <- shut
		if shut != nil {
			<-shut
		}
	}
	return nil
}

func (g *gate) close() {
	<-g.shut
	g.shut <- make(chan struct{})
}

func (g *gate) open() {
	close(<-g.shut)
	g.shut <- nil
}

// TestDiskStandsStill: while it does, no more is acknowledged than its durability can
// answer for, and when it goes on so do writes.
func TestDiskStandsStill(t *testing.T) {
	for _, durability := range []node.Durability{node.Sync, node.Interval} {
		t.Run(string(durability), func(t *testing.T) {
			t.Parallel()
			const window = 200 * time.Millisecond
			fs, g := disks{}, newGate()
			c := newDiskCluster(t, fs, func(cfg *node.Config) {
				cfg.Disk.Durability, cfg.Disk.Window = durability, window
				cfg.Disk.Store.FS = errorfs.Wrap(fs[cfg.Name], g)
			})
			m := c.startOne("us", "us-1")
			setAll(t, m, keysOf(20))
			g.close()
			shut := time.Now()
			acknowledged := make(chan time.Time)
			stop := make(chan struct{})
			go func() {
				defer close(acknowledged)
				for {
					if _, err := m.Incr(t.Context(), "n", 1); err != nil {
						t.Error(err)
						return
					}
					select {
					case acknowledged <- time.Now():
					case <-stop:
						return
					}
				}
			}()
			last := shut
			for waiting := true; waiting; {
				select {
				case last = <-acknowledged:
				case <-time.After(5 * window):
					waiting = false
				}
			}
			// What is acknowledged when a round has begun, and before it is over, counts from
			// when that has begun: a beat before the disk stood still at the earliest.
			if late := last.Sub(shut); late > 2*window {
				t.Errorf("the disk stands still: want nothing acknowledged after %v, have it %v after", window, late)
			}
			wantAll(t, "the disk stands still", m, keysOf(20))
			g.open()
			if _, ok := <-acknowledged; !ok {
				t.Error("the disk goes on: want the write acknowledged that waited")
			}
			close(stop)
			for range acknowledged { // Until it has seen that.
				continue
			}
		})
	}
}

// TestOutliveOnDisk: a node that begins anew has nothing of its former life on the disk.
func TestOutliveOnDisk(t *testing.T) {
	t.Parallel()
	fs := disks{}
	c := newDiskCluster(t, fs, nil)
	m := c.startOne("us", "us-1")
	setAll(t, m, keysOf(100))
	first := m.Replica()
	m.Outlive("the test says so")
	c.until("another life", func() error {
		if m.Replica() == first {
			return errors.New("the same")
		}
		return nil
	})
	setAll(t, m, keysOf(10))
	second := m.Replica()
	m.stop()
	m = c.startOne("us", "us-1")
	if m.Replica() != second {
		t.Errorf("started again: want life %v, have %v", second, m.Replica())
	}
	wantAll(t, "started again", m, keysOf(10))
	if n, err := m.Exists(t.Context(), keysOf(100)[10:]...); n != 0 || err != nil {
		t.Errorf("of the former life: want nothing, have %d keys, %v", n, err)
	}
}

// TestClockSetBack while a node is down: nothing that has expired is seen again, and
// what is written is stamped later than before.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	fs, back := disks{}, time.Duration(0)
	c := newDiskCluster(t, fs, func(cfg *node.Config) {
		shift := back
		cfg.Now = func() time.Time { return time.Now().Add(-shift) }
	})
	m := c.startOne("us", "us-1")
	if _, err := m.Set(t.Context(), "short", "v", command.TTL(50*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	c.until("it has expired", func() error {
		if _, ok, err := m.Get(t.Context(), "short"); ok || err != nil {
			return fmt.Errorf("%t, %v", ok, err)
		}
		return nil
	})
	expired := time.Now()
	c.until("the directory says that it was used after that", func() error {
		if time.Since(expired) < core.MaxLead {
			return errors.New("not yet")
		}
		return nil
	})
	setAll(t, m, keysOf(10))
	m.stop()
	back = time.Hour
	m = c.startOne("us", "us-1")
	if v, ok, err := m.Get(t.Context(), "short"); ok || err != nil {
		t.Errorf("expired before: want nothing, have %q, %v", v, err)
	}
	if _, err := m.Set(t.Context(), "key-1", "later"); err != nil {
		t.Fatal(err)
	}
	if v, _, err := m.Get(t.Context(), "key-1"); v != "later" || err != nil {
		t.Errorf("written later: want that, have %q, %v", v, err)
	}
}
