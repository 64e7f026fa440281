package core

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Config describes one life of a node. Region, Name and Now are needed; a zero
// value of the others means their default.
type Config struct {
	// Region is the region that the node is in.
	Region string
	// Name is the node's name, unique in its region.
	Name string
	// Zone is what fails together with the node. Default: none.
	Zone string
	// Weight is the node's share of the partitions against the others'.
	// Default: 100.
	Weight int
	// Partitions is the cluster's number of partitions. Default: 256.
	Partitions region.Partitions
	// Copies is how many nodes of a region hold each partition. Default: 2.
	Copies int
	// Members sets the beats of membership.
	Members region.Config
	// Sync bounds and sets the beats of replication.
	Sync cachesync.Config
	// Limits bound the values that commands make of others. Default: as
	// command.Limits says.
	Limits command.Limits
	// JoinWait is how long a starting node listens for others before it takes
	// partitions. Default: 1 s.
	JoinWait time.Duration
	// Known is other members that are there for all that is known, as from a former
	// life of the node. It goes on listening until it has heard of them all, for at
	// most FillWait. Default: none.
	Known []region.Member
	// FillWait bounds how long a node that takes a partition waits to be filled
	// from another holder before it answers from what it has. Default: 10 s.
	FillWait time.Duration
	// LeaveWait bounds how long a node that leaves waits until other nodes have
	// what it holds. Default: 5 s.
	LeaveWait time.Duration
	// KeepFor is how long a node keeps a partition that has moved elsewhere.
	// Default: 30 s.
	KeepFor time.Duration
	// FrozenAfter is how long the node may go without a step before it takes itself
	// to have been frozen: what it was asked meanwhile others have answered, so that
	// it runs none of it, and nothing else until it has caught up. It must exceed the
	// longest wait for the processor, and be no longer than clients wait before they
	// ask another node. Default: 1 s.
	FrozenAfter time.Duration
	// Address is the host:port at which RESP clients reach the node. Default: none.
	Address string
	// Disk is where partitions are kept beside memory, with Kept in it when the life
	// begins. Default: nowhere.
	Disk Disk
	// Kept is what the life begins with.
	Kept Kept
	// Loses says that what was committed to the disk may be lost all the same, for it
	// is not synced: others then take what is in memory for what is kept. A life that
	// ends uncleanly may have to be filled anew.
	Loses bool
	// Observer is told of changes. Default: nobody is.
	Observer Observer
	// ClaimFor is for how long a command that must not run twice is left to another
	// node that is about to run it. It must be four times the wait for the answers
	// of others before a command runs; a node that dies before it has run the command holds up
	// its repetition for so long. For so long a partition that belongs elsewhere is
	// not let go, too, after others have been asked before a command runs in it.
	// Default: 2 s.
	ClaimFor time.Duration
	// Memory says what may be kept in memory. Default: everything.
	Memory *Memory
	// Clocks says when clocks are out of line. Default: as region.ClockConfig says.
	Clocks region.ClockConfig
	// Started is when this life began, later than any former life of the same
	// name: of two lives the later one has the name. Default: Now when the core is
	// made.
	Started time.Time
	// Now is the node's clock. It never goes back.
	Now func() time.Time
	// Mono is a clock that nobody sets, from any moment on. Default: as Now.
	Mono func() time.Duration
	// Log takes what an operator should know. Default: discarded.
	Log *slog.Logger
}

// ErrConfig is what every error about a configuration wraps.
var ErrConfig = errors.New("node configuration")

func (c Config) withDefaults(self crdt.ReplicaID) Config {
	members := region.DefaultConfig()
	for _, d := range []struct {
		field    *time.Duration
		standard time.Duration
	}{
		{&c.JoinWait, time.Second}, {&c.FillWait, 10 * time.Second},
		{&c.LeaveWait, 5 * time.Second}, {&c.KeepFor, 30 * time.Second}, {&c.FrozenAfter, time.Second},
		{&c.ClaimFor, 2 * time.Second},
		{&c.Members.HeartbeatEvery, members.HeartbeatEvery}, {&c.Members.SuspectAfter, members.SuspectAfter},
	} {
		if *d.field == 0 {
			*d.field = d.standard
		}
	}
	if c.Weight == 0 {
		c.Weight = region.DefaultWeight
	}
	if c.Partitions == 0 {
		c.Partitions = region.DefaultPartitions
	}
	if c.Copies == 0 {
		c.Copies = region.DefaultCopies
	}
	if c.Started.IsZero() {
		c.Started = c.Now()
	}
	if c.Kept.Writer == 0 {
		c.Kept.Writer = self
	}
	if c.Mono == nil {
		started := c.Now()
		c.Mono = func() time.Duration { return c.Now().Sub(started) }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports the first field that is missing or makes no sense.
func (c Config) Validate() error {
	m := region.Member{Name: c.Name, Region: c.Region, Zone: c.Zone, Address: c.Address, Weight: c.Weight, Replica: 1}
	if err := m.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if c.Now == nil {
		return fmt.Errorf("%w: no clock", ErrConfig)
	}
	if c.Copies < 0 || c.Copies > region.MaxCopies {
		return fmt.Errorf("%w: %d copies; use 1 to %d", ErrConfig, c.Copies, region.MaxCopies)
	}
	for _, w := range []struct {
		name string
		wait time.Duration
	}{
		{"JoinWait", c.JoinWait}, {"FillWait", c.FillWait}, {"LeaveWait", c.LeaveWait}, {"KeepFor", c.KeepFor},
		{"FrozenAfter", c.FrozenAfter}, {"ClaimFor", c.ClaimFor},
	} {
		if w.wait < 0 {
			return fmt.Errorf("%w: %s is %v; use 0 for the default", ErrConfig, w.name, w.wait)
		}
	}
	for _, err := range []error{c.Partitions.Validate(), c.Members.Validate(), c.Sync.Validate(), c.Limits.Validate(), c.Clocks.Validate()} {
		if err != nil {
			return fmt.Errorf("%w: %w", ErrConfig, err)
		}
	}
	return nil
}
