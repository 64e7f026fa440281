package core

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Outside is what a core has effects on. None of its methods waits for anything
// or calls back into the core.
type Outside interface {
	// Announce sends a message to every other node of the cluster, for their
	// [Core.Heard]. It may be lost.
	Announce(msg []byte)
	// Hold starts or stops the delivery of what other holders of a partition
	// publish.
	Hold(p region.Partition, hold bool) error
	// Open opens the front doors. It is called at every step from when the node is
	// filled until it reports true: then the node is ready. An error is final.
	Open() (bool, error)
	// Offer says for which partitions the front doors answer as the owner and for
	// which as the next replica, instead of what was said before.
	Offer(own, alt []region.Partition)
}

// Core is one life of a node. See the package comment for which of its methods
// may be called by whom.
type Core struct {
	cfg  Config
	self crdt.ReplicaID
	out  Outside

	state    atomic.Uint32 // State; changed under mu
	outlived atomic.Bool
	running  atomic.Int64            // commands that were let in and have no reply yet
	shards   []atomic.Pointer[Shard] // by partition; nil where it is not held
	place    atomic.Pointer[Placement]
	paused   atomic.Pointer[[]string]   // regions whose writes are not taken, sorted; changed under holding
	holding  sync.Mutex                 // what is held and what is paused; may be held while another lock is taken
	writers  []crdt.ReplicaID           // by partition: who writes when it is taken again, zero if it never was; guarded by holding
	alive    atomic.Int64               // when the node last looked at the time, by its clock
	waking   atomic.Bool                // the node has been frozen and has not caught up
	froze    atomic.Bool                // the node has been frozen, and no step has dealt with it
	refuses  atomic.Pointer[wire.Error] // why writes are refused; nil: they are not
	moving   atomic.Int64               // until when partitions may be moving, by the node's clock
	guard    guard
	disk     *diskState // nil: there is none
	signs    sync.Map   // by replica ID of a member, when something else than a heartbeat came: *atomic.Int64

	mu struct {
		sync.Mutex
		view   *region.View
		links  *region.Links
		lclock crdt.Clock              // of decisions about links
		served bool                    // the node has been ready
		count  uint64                  // heartbeats announced
		beat   beat                    // of heartbeats
		told   map[crdt.ReplicaID]told // of the members in view
		woke   time.Time               // when the node woke up and began to catch up; zero: it has

		// What the changes of the view leave for the next step to do.
		moved bool             // compute the placement and follow it
		news  bool             // tell a member that has appeared what is here
		gone  []crdt.ReplicaID // lives that have ended, for the engines to forget
	}

	// Only Step touches these.
	step struct {
		joinBy, leaveBy time.Time // when Listening and Leaving are over; zero before they begin
		left            time.Time // when it began to leave
		follow          bool      // the placement has not been followed
		sweep           beat
		judge           beat      // of the clocks
		woke            time.Time // when the node woke up and began to catch up; zero: it has
		remind          beat      // what is missing elsewhere, while leaving
		delivered       bool      // what others publish of the partitions that the life began with is
		heal            beat
	}
}

// maxEnding bounds the lives that have ended and wait for the next step, so that
// heartbeats that come in without end do not pile up; what engines know of one
// beyond it they forget by themselves in time.
const maxEnding = 4096

// New returns a core in its first state. Nothing has gone out, and nothing does
// before the first step. The replica ID is one that no life of any node has had,
// the first of those that belong to it (crdt.ReplicaID.Life).
func New(cfg Config, self crdt.ReplicaID, out Outside) (*Core, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults(self)
	if cfg.Kept.Writer.Life() != self.Life() {
		return nil, fmt.Errorf("%w: writer %v is of another life than %v", ErrConfig, cfg.Kept.Writer, self)
	}
	c := &Core{cfg: cfg, self: self, out: out, shards: make([]atomic.Pointer[Shard], cfg.Partitions.Count())}
	c.writers = make([]crdt.ReplicaID, cfg.Partitions.Count())
	c.paused.Store(&[]string{})
	c.mu.told = map[crdt.ReplicaID]told{}
	c.mu.beat.every = cfg.Members.HeartbeatEvery
	c.step.judge.every = cfg.Members.HeartbeatEvery
	c.step.sweep.every, c.step.remind.every, c.step.heal.every = sweepEvery, remindEvery, healEvery
	var err error
	if c.mu.view, err = region.NewView(cfg.Members); err != nil {
		return nil, err
	}
	if c.mu.links, err = region.NewLinks(cfg.Members); err != nil {
		return nil, err
	}
	if c.guard.clocks, err = region.NewClocks(self, cfg.Clocks); err != nil {
		return nil, err
	}
	pl, err := newPlacement(c.mu.view, cfg)
	if err != nil {
		return nil, fmt.Errorf("place partitions: %w", err)
	}
	c.place.Store(pl)
	if cfg.Disk != nil {
		c.disk = &diskState{disk: cfg.Disk, dropped: map[region.Partition]bool{}}
		c.Extend(cfg.Kept.Clock)
	}
	return c, c.openKept()
}

// Config returns the configuration with its defaults filled in.
func (c *Core) Config() Config { return c.cfg }

// Replica returns the identity of this life.
func (c *Core) Replica() crdt.ReplicaID { return c.self }

// Place returns who holds what, as of the last step.
func (c *Core) Place() *Placement { return c.place.Load() }

// Enter lets commands in when the node is ready. Whoever was let in calls
// [Core.Exit] once they have their replies; a node that leaves waits for them. It
// returns [ErrNotReady], [ErrAwaking] or [ErrStopped] otherwise.
func (c *Core) Enter() error {
	// In this order: a leaving node looks at running after it has changed state.
	c.running.Add(1)
	switch {
	case c.State() != Ready:
	case !c.isAsleep(c.cfg.Now()):
		return nil
	default:
		c.running.Add(-1)
		return ErrAwaking
	}
	c.running.Add(-1)
	return c.refusal()
}

// Exit ends what a successful [Core.Enter] began.
func (c *Core) Exit() { c.running.Add(-1) }

// refusal says why the node runs no commands.
func (c *Core) refusal() error {
	if c.State() < Leaving || c.Outlived() {
		return ErrNotReady
	}
	return ErrStopped
}

// Do implements cachesync.Host: it runs f alone with the engine of a partition
// and reports whether the node holds it.
func (c *Core) Do(p region.Partition, f func(*cachesync.Engine)) bool {
	s := c.Shard(p)
	if s == nil {
		return false
	}
	s.Do(f)
	return true
}

// Held implements cachesync.Host: it returns the partitions that the node holds,
// in order.
func (c *Core) Held() []region.Partition {
	var out []region.Partition
	for _, s := range c.Shards() {
		out = append(out, s.id)
	}
	return out
}

// Lead implements cachesync.Host.
func (c *Core) Lead(p region.Partition) region.Partition { return c.Place().lead(p) }

// Shard returns a partition's shard, nil when it is not held here.
func (c *Core) Shard(p region.Partition) *Shard {
	if int(p) >= len(c.shards) {
		return nil
	}
	return c.shards[p].Load()
}

// Shards returns the shards that the node holds, in order of partitions.
func (c *Core) Shards() []*Shard {
	var out []*Shard
	for i := range c.shards {
		if s := c.shards[i].Load(); s != nil {
			out = append(out, s)
		}
	}
	return out
}
