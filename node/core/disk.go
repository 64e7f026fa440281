package core

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// # A node with a disk
//
// A core that is given a [Disk] keeps its partitions there. It reads from it when a
// command needs an entry that is not in memory, and writes nothing itself: whoever
// drives the core asks it for what is to be saved ([Core.NewPass]), commits that, and
// says so. What a life begins with it finds in [Config.Kept].
//
// Nobody may count on what a crash can take: a write that others forget something
// for, because this node has it, has to be on the disk. So a node announces beside
// its vector the one that is durable, once [Pass.Synced] was called for it
// (cachesync.Engine.Keep), and that is what others, and the node itself, take for
// stable.
//
// No stamp is given out above the bound that [Core.Extend] was called with last, and
// the next life gives out none below it. So a later write is stamped later, whatever
// became of the former life and whichever way the machine's clock was set meanwhile.

// Disk is where partitions are kept beside memory. Its methods are called with a
// partition's lock held; they may be slow, and do not call back.
type Disk interface {
	// Tier returns what is kept of a partition, as of the last commit.
	Tier(p region.Partition) crdt.Tier
	// Head returns the head that was committed last of a partition, false when nothing
	// is kept of it.
	Head(p region.Partition) (crdt.PartitionHead, bool, error)
}

// Batch is one atomic change of a disk, while it is being put together.
type Batch interface {
	// Save puts into the batch what has changed in a partition ([crdt.Partition.Save]),
	// with its head. After an error the batch is as it was, and so is the partition.
	Save(p region.Partition, from *crdt.Partition) (epoch uint64, err error)
	// Drop forgets all that is kept of a partition.
	Drop(p region.Partition) error
	// Bytes returns about how much the batch holds.
	Bytes() int
}

// Kept is what a life begins with. The zero value is nothing.
type Kept struct {
	// Partitions are those that the disk holds for this life. They answer reads at
	// once, and are brought up to date by the other holders.
	Partitions []region.Partition
	// Writer is the ID under which the life begins to write: a later one of the same
	// life ([Core.NextWriter] of its last run) after a clean stop. Default: the life's.
	Writer crdt.ReplicaID
	// Clock is above all stamps that former lives have given out. Default: there were
	// none.
	Clock crdt.HLC
}

// ErrDisk is the error of a disk that cannot be read when a life begins.
var ErrDisk = errors.New("data directory")

// diskState is what all shards of a core with a disk share.
type diskState struct {
	disk    Disk
	bound   atomic.Uint64              // no stamp is given out above it
	wants   atomic.Bool                // a stamp above it was asked for
	asked   atomic.Int64               // when that was last found, in Unix milliseconds
	keys    atomic.Int64               // that are not saved
	bytes   atomic.Int64               // that they account for
	stamped atomic.Int64               // when a stamp was given out last, by the node's clock
	refuses atomic.Pointer[wire.Error] // why writes are refused; nil in it: they are not
	failed  atomic.Bool                // nothing more can be saved
	broken  atomic.Bool                // some partition cannot be read
	told    bool                       // that has been said; only steps touch it
	dropped map[region.Partition]bool  // partitions that are still to be dropped; guarded by Core.holding
}

// MayStamp reports whether stamps may be given out up to a time. If not, it asks for
// that ([Core.WantsBound]).
func (c *Core) MayStamp(at time.Time) bool {
	return c.disk == nil || c.disk.mayStamp(crdt.StampAt(at.UnixMilli()))
}

func (d *diskState) mayStamp(at crdt.HLC) bool {
	if uint64(at) < d.bound.Load() || d.failed.Load() {
		return true
	}
	d.wants.Store(true)
	return false
}

// Extend lets stamps be given out up to a bound, which is durable on the disk.
func (c *Core) Extend(bound crdt.HLC) {
	if c.disk != nil && uint64(bound) > c.disk.bound.Load() {
		c.disk.bound.Store(uint64(bound))
	}
}

// stampsFor is how long after the last write the bound is still kept ahead of the
// clock, so that the next need not wait for the disk.
const stampsFor = time.Minute

// askedFor is the same after a stamp was asked for that could not be given out: who asked
// comes back at some beat, and must not find that the bound has been passed again.
const askedFor = 2 * MaxLead

// WantsBound reports whether stamps beyond a time are wanted, or soon will be, and
// may not be given out.
func (c *Core) WantsBound(until time.Time) bool {
	d := c.disk
	if d == nil || uint64(crdt.StampAt(until.UnixMilli())) < d.bound.Load() {
		return false
	}
	now := c.cfg.Now()
	if d.wants.Swap(false) {
		d.asked.Store(now.UnixMilli())
		return true
	}
	asked := d.asked.Load()
	granted := uint64(crdt.StampAt(asked)) < d.bound.Load()
	return granted && now.UnixMilli()-asked < askedFor.Milliseconds() || now.UnixNano()-d.stamped.Load() < int64(stampsFor)
}

// Highest returns the highest stamp that has been given out or seen.
func (c *Core) Highest() (highest crdt.HLC) {
	for _, s := range c.Shards() {
		s.Do(func(e *cachesync.Engine) { highest = max(highest, e.Clock()) })
	}
	return highest
}

// NextWriter returns an ID after all that this life has written under, for its next
// run. It is of another life when this one has none left.
func (c *Core) NextWriter() crdt.ReplicaID {
	c.holding.Lock()
	defer c.holding.Unlock()
	next := max(slices.Max(c.writers), c.cfg.Kept.Writer+1, c.self+1)
	for _, s := range c.Shards() {
		next = max(next, s.nextWriter())
	}
	return next
}

// Unsaved returns how many keys have changed and are not known to be on the disk,
// and about how many bytes they hold in memory.
func (c *Core) Unsaved() (keys, bytes int64) {
	if c.disk == nil {
		return 0, 0
	}
	return c.disk.keys.Load(), c.disk.bytes.Load()
}

// FailDisk says that nothing can be saved any more. The node goes on from memory, and
// from what it can still read; with an error, every write gets that for a reply.
func (c *Core) FailDisk(refuse *wire.Error) {
	if c.disk == nil {
		return
	}
	c.disk.failed.Store(true)
	c.disk.refuses.Store(refuse)
	for _, s := range c.Shards() {
		s.Do(func(e *cachesync.Engine) { e.Unkeep(c.cfg.Now()) })
	}
}

// openKept makes the shards of the partitions that the life begins with.
func (c *Core) openKept() error {
	d := c.disk
	if d == nil {
		return nil
	}
	for _, p := range c.cfg.Kept.Partitions {
		if int(p) >= len(c.shards) {
			return fmt.Errorf("%w: partition %d does not exist", ErrDisk, p)
		}
		head, ok, err := d.disk.Head(p)
		if err != nil {
			return fmt.Errorf("%w: partition %d: %w", ErrDisk, p, err)
		}
		if !ok {
			continue
		}
		s := c.newShard(p, c.cfg.Kept.Writer, func(s *crdt.Partition) error { return s.Open(d.disk.Tier(p), head) })
		s.warm = true
		s.Do(func(e *cachesync.Engine) { c.keep(e, head.Vector) })
		c.shards[p].Store(s)
	}
	return nil
}

// keep tells an engine what is durable of what it has.
func (c *Core) keep(e *cachesync.Engine, v crdt.Vector) {
	if !c.cfg.Loses && !c.disk.failed.Load() {
		e.Keep(c.cfg.Now(), v)
	}
}

// holdKept has the deliveries begin for the partitions that the life has begun with.
func (c *Core) holdKept() error {
	c.holding.Lock()
	defer c.holding.Unlock()
	for _, s := range c.Shards() {
		if s.warm && !s.delivered {
			if err := c.out.Hold(s.id, true); err != nil {
				return fmt.Errorf("hold partition %d: %w", s.id, err)
			}
			s.delivered = true
		}
	}
	return nil
}

// blankShard returns a shard that begins with nothing, on the disk neither.
func (c *Core) blankShard(p region.Partition, writer crdt.ReplicaID) *Shard {
	s := c.newShard(p, writer, func(state *crdt.Partition) error { return c.blank(p, state) })
	if c.disk != nil {
		s.Do(func(e *cachesync.Engine) { c.keep(e, nil) })
	}
	return s
}

// blank makes an empty partition the one that a disk keeps, whatever it still has of
// it: that goes when the partition is saved for the first time.
func (c *Core) blank(p region.Partition, s *crdt.Partition) error {
	d := c.disk
	_, ok, err := d.disk.Head(p)
	if openErr := s.Open(unread{d.disk.Tier(p)}, crdt.PartitionHead{}); openErr != nil {
		return openErr
	}
	if ok || err != nil || d.dropped[p] {
		s.Adopt(&crdt.Snapshot{})
	}
	return nil
}

// unread is a tier of which nothing is read when it is opened.
type unread struct{ crdt.Tier }

// Residues implements crdt.Tier.
func (unread) Residues(func(string, int) bool) error { return nil }
