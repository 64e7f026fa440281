package node

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/pebblestore"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// disk is a node's data directory, over all lives of the node in this process.
type disk struct {
	cfg   DiskConfig
	store *pebblestore.Store
	found pebblestore.Found
	parts region.Partitions
	now   func() time.Time
	log   *slog.Logger

	core    atomic.Pointer[core.Core] // of the present life
	failure atomic.Pointer[error]     // what has ended saving
	wake    chan struct{}             // holds one element while somebody waits for a round
	covered atomic.Int64              // what was acknowledged before is saved; nanoseconds, monotonic since began
	began   time.Time
	closing sync.Once

	mu struct {
		sync.Mutex
		waiting []chan error // for the next round
		stats   diskStats
	}
}

// diskStats says what a disk has done.
type diskStats struct {
	rounds  int64 // that saved something
	saves   int64 // of partitions
	waited  int64 // writes that waited at a bound
	refused int64 // writes that waited in vain
	saved   time.Time
	took    time.Duration // the last round
	longest time.Duration
}

// openDisk opens the data directory of a node, nil when it has none. Its errors say
// what to do ([pebblestore.Open]); nothing in the directory has been overwritten then.
func openDisk(cfg Config) (*disk, error) {
	if cfg.Disk.Dir == "" {
		return nil, nil
	}
	d := &disk{cfg: cfg.Disk.withDefaults(), now: cfg.Now, log: cfg.Log, wake: make(chan struct{}, 1), began: time.Now()}
	store := d.cfg.Store
	store.OnError, store.Log = d.fail, cfg.Log
	d.parts = region.Partitions(cfg.Partitions.Count())
	id := pebblestore.Identity{Cluster: cfg.Cluster, Region: cfg.Region, Node: cfg.Name, Partitions: d.parts}
	var err error
	if d.store, d.found, err = pebblestore.Open(d.cfg.Dir, store, id); err != nil {
		return nil, fmt.Errorf("%w %s: %w", core.ErrDisk, d.cfg.Dir, err)
	}
	return d, nil
}

// Tier implements core.Disk.
func (d *disk) Tier(p region.Partition) crdt.Tier { return d.store.Tier(p) }

// Head implements core.Disk.
func (d *disk) Head(p region.Partition) (crdt.PartitionHead, bool, error) { return d.store.Head(p) }

// begin returns the identity of the node's next life in this process, and what it
// begins with: the first goes on from what was found. Both and a bound of its stamps
// are on the disk when it returns nil.
func (d *disk) begin(first bool) (crdt.ReplicaID, core.Kept, error) {
	self := newReplica()
	kept := core.Kept{Clock: d.found.Clock}
	if first {
		kept.Partitions = d.found.Partitions
		if d.found.Clean && d.found.Life != 0 {
			self, kept.Writer = d.found.Life.Life(), d.found.Life
		}
	} else {
		d.clear()
		kept.Clock = d.found.Clock
	}
	if err := d.setMeta(self, max(kept.Clock, d.lead())); err != nil && first {
		return 0, kept, fmt.Errorf("%w %s: %w", core.ErrDisk, d.cfg.Dir, err)
	} else if err != nil {
		d.fail(err)
	}
	return self, kept, nil
}

// wasUsed returns a time at which the directory was in use, zero when it never was.
func (d *disk) wasUsed() time.Time {
	if d.found.Clock == 0 {
		return time.Time{}
	}
	return d.found.Clock.Time().Add(-core.MaxLead)
}

// newReplica returns an ID that no life has had.
func newReplica() crdt.ReplicaID { return crdt.ReplicaID(rand.Uint64() | crdt.Lives).Life() }

// clear drops everything after a life: the next one begins with nothing.
func (d *disk) clear() {
	d.found.Clock = max(d.found.Clock, d.core.Load().Highest())
	if d.failed() != nil {
		return // What is there cannot be changed, and is not looked at again in this process.
	}
	b := d.store.NewBatch()
	var err error
	for p := range d.parts.Count() {
		if err == nil {
			err = b.Drop(region.Partition(p))
		}
	}
	if err == nil {
		err = b.Commit(true)
	}
	if err != nil {
		d.fail(fmt.Errorf("drop all partitions: %w", err))
	}
}

// lead returns a bound of stamps ahead of the clock.
func (d *disk) lead() crdt.HLC { return crdt.StampAt(d.now().Add(core.MaxLead).UnixMilli()) }

// setMeta has a life and a bound of its stamps on the disk. A disk that fails later
// than at the start does not end the node.
func (d *disk) setMeta(life crdt.ReplicaID, bound crdt.HLC) error {
	if d.failed() != nil {
		return nil
	}
	return d.store.SetMeta(life, bound)
}

// live makes a core the one that is saved.
func (d *disk) live(c *core.Core) {
	d.core.Store(c)
	c.Extend(max(d.found.Clock, d.lead()))
	if err := d.failed(); err != nil {
		d.tell(c, err)
	}
}

// failed returns what has ended saving, nil while nothing has.
func (d *disk) failed() error {
	if err := d.failure.Load(); err != nil {
		return *err
	}
	return nil
}

// fail ends saving: the node goes on from memory, and says so, or refuses writes.
func (d *disk) fail(err error) {
	if !d.failure.CompareAndSwap(nil, &err) {
		return
	}
	d.log.Error("data directory: nothing is saved any more", "dir", d.cfg.Dir, "durability", string(d.cfg.Durability), "err", err)
	if c := d.core.Load(); c != nil {
		d.tell(c, err)
	}
	d.kick()
}

// tell tells a core that the disk has failed.
func (d *disk) tell(c *core.Core, err error) {
	var refuse *wire.Error
	if d.cfg.Durability == Sync {
		refuse = &wire.Error{Code: wire.CodeUnavailable, Text: "MISCONF writes are refused, for the node's disk has failed and its durability is sync: " + err.Error()}
	}
	c.FailDisk(refuse)
}

// finish ends the use of the directory after the last life: what is still to be saved
// is, and then the directory is marked as complete. It is closed in any case.
func (d *disk) finish() error {
	err := d.failed()
	if c := d.core.Load(); err == nil && c != nil {
		c.KeepDigests()
		if err = d.round(); err == nil {
			next := c.NextWriter()
			if next.Life() != c.Replica().Life() {
				next = 0 // The life has no more IDs.
			}
			err = d.setMeta(next, c.Highest())
		}
		if err == nil {
			err = d.store.MarkClean()
		}
	}
	if closed := d.close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("%w %s: not everything has been saved: %w", core.ErrDisk, d.cfg.Dir, err)
	}
	return nil
}

func (d *disk) close() (err error) {
	d.closing.Do(func() { err = d.store.Close() })
	return err
}
