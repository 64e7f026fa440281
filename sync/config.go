package sync

import (
	"errors"
	"fmt"
	"time"
)

// Config bounds an engine and sets its beats. A zero field means its default.
type Config struct {
	// LogBytes bounds the log of one partition. A peer that misses more than the
	// log reaches back needs a snapshot of the partition. The log always keeps the
	// newest delta, whatever its size. Default: 256 KiB.
	LogBytes int
	// HoldBytes bounds the deltas of one partition that wait for their causes. At
	// the bound the newest is dropped and pulled again later. Default: 1 MiB.
	HoldBytes int
	// HoldFor is how long the deltas of one origin may wait while none of them
	// becomes ready. They are dropped then, and pulled again if any peer has them:
	// what waits for a write that was lost with its replica would wait for ever.
	// Default: 30 s.
	HoldFor time.Duration
	// BatchBytes bounds a message of deltas or a piece of a snapshot, except that
	// one delta or one entry always fits. Larger ones cost fewer messages and more
	// time until the first delta in them is seen. Default: 256 KiB.
	BatchBytes int
	// QueueBytes bounds the deltas of one partition that wait to be broadcast. At
	// the bound the oldest are dropped from the queue; peers pull them from the
	// log. Default: 8 MiB.
	QueueBytes int
	// MaxSkew is how far ahead of the local clock a delta's stamp may be. One that
	// is further ahead waits until the clock has come near, counted, so that a
	// clock gone wrong does not spread. Default: 500 ms.
	MaxSkew time.Duration
	// AnnounceAfter is how long after a change the heads are announced. It should
	// exceed the time that a delta is normally on its way longer than the
	// announcement itself, or peers ask for what is about to arrive. Default: 200 ms.
	AnnounceAfter time.Duration
	// AnnounceEvery is the slow beat at which heads are announced without a change;
	// it bounds how long the loss of both a delta and its announcement goes
	// unnoticed. Default: 5 s.
	AnnounceEvery time.Duration
	// PullAfter is how long a gap may stay before it is pulled: reordered messages
	// fill it by themselves. Default: 100 ms.
	PullAfter time.Duration
	// PullTimeout is how long an answer to a pull is waited for before another
	// peer is asked. Default: 3 s.
	PullTimeout time.Duration
	// Snapshots bounds the snapshots that are being sent of one partition at once;
	// each holds a copy of the partition's index. At the bound another is refused
	// and asked for again later. Default: 4.
	Snapshots int
	// SnapshotIdle is how long a snapshot is kept when its receiver asks for no
	// more of it. Default: 30 s.
	SnapshotIdle time.Duration
	// Requests bounds the client request IDs that are remembered per partition to
	// recognise a command that is sent twice. Default: 1024.
	Requests int
	// CompareWithin is how long what a peer shows may go uncompared. Peers compare
	// digests whenever their vectors are equal as they announce, which costs nothing;
	// where something is always being written they hardly ever are, and then they are
	// compared in full this often. Default: 1 min.
	CompareWithin time.Duration
	// HorizonFor is how long a holder that is away, or behind, may hold back the
	// forgetting of what has been removed or has expired. Then it is left out, and
	// has to be rebuilt when it returns. Default: 24 h.
	HorizonFor time.Duration
	// HorizonBytes bounds what waits to be forgotten in one partition. Beyond it
	// holders are left out already after HorizonLeast, unless this one is late
	// itself: it first has to catch up with those within reach. Default: 1 MiB.
	HorizonBytes int
	// HorizonLeast is how long a holder that is away is waited for in any case.
	// Default: 1 min.
	HorizonLeast time.Duration
	// RetireAfter is how long after a life has ended, or goes on under another ID, its
	// ID may be retired from vectors: longer than a message of its may be on its way.
	// Of what comes later still, nothing is taken. Default: 30 s.
	RetireAfter time.Duration
	// ExpireKeys bounds the keys that one sweep takes from the schedule of expiries,
	// so that it does not keep commands waiting. Default: 4096.
	ExpireKeys int
	// Misses bounds the misses per partition that are remembered so that they may be
	// filled; each costs its key and about 150 bytes. At the bound the oldest is forgotten,
	// and its fill is not taken. Default: 1024.
	Misses int
	// FillFor is how long after a miss it may be filled. Default: 1 min.
	FillFor time.Duration
	// FillLead is how long others who find a key missing are asked to wait for the one who
	// is loading it. Then the next one is let in to load it as well. Default: 3 s.
	FillLead time.Duration
	// Peers bounds the replicas per partition whose heads are remembered. At the
	// bound the one not heard of for longest is forgotten, one that has nothing
	// that is missing here first. It must exceed the holders of a partition in all
	// regions, or nothing is ever known to be stable. Default: 256.
	Peers int
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		LogBytes:      256 << 10,
		HoldBytes:     1 << 20,
		HoldFor:       30 * time.Second,
		BatchBytes:    256 << 10,
		QueueBytes:    8 << 20,
		MaxSkew:       500 * time.Millisecond,
		AnnounceAfter: 200 * time.Millisecond,
		AnnounceEvery: 5 * time.Second,
		PullAfter:     100 * time.Millisecond,
		PullTimeout:   3 * time.Second,
		Snapshots:     4,
		SnapshotIdle:  30 * time.Second,
		Requests:      1024,
		Peers:         256,
		CompareWithin: time.Minute,
		HorizonFor:    24 * time.Hour,
		HorizonBytes:  1 << 20,
		HorizonLeast:  time.Minute,
		RetireAfter:   30 * time.Second,
		ExpireKeys:    4096,
		Misses:        1024,
		FillFor:       time.Minute,
		FillLead:      3 * time.Second,
	}
}

// withDefaults returns c with its zero fields set to their defaults.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	ints := []struct{ have, want *int }{
		{&c.LogBytes, &d.LogBytes}, {&c.HoldBytes, &d.HoldBytes}, {&c.BatchBytes, &d.BatchBytes},
		{&c.QueueBytes, &d.QueueBytes}, {&c.Snapshots, &d.Snapshots}, {&c.Requests, &d.Requests},
		{&c.Peers, &d.Peers}, {&c.HorizonBytes, &d.HorizonBytes}, {&c.ExpireKeys, &d.ExpireKeys}, {&c.Misses, &d.Misses},
	}
	for _, f := range ints {
		if *f.have == 0 {
			*f.have = *f.want
		}
	}
	times := []struct{ have, want *time.Duration }{
		{&c.MaxSkew, &d.MaxSkew}, {&c.AnnounceAfter, &d.AnnounceAfter}, {&c.AnnounceEvery, &d.AnnounceEvery},
		{&c.PullAfter, &d.PullAfter}, {&c.PullTimeout, &d.PullTimeout}, {&c.SnapshotIdle, &d.SnapshotIdle},
		{&c.HoldFor, &d.HoldFor}, {&c.CompareWithin, &d.CompareWithin}, {&c.HorizonFor, &d.HorizonFor},
		{&c.HorizonLeast, &d.HorizonLeast}, {&c.RetireAfter, &d.RetireAfter},
		{&c.FillFor, &d.FillFor}, {&c.FillLead, &d.FillLead},
	}
	for _, f := range times {
		if *f.have == 0 {
			*f.have = *f.want
		}
	}
	return c
}

// Validate reports the first field that makes no sense.
func (c Config) Validate() error {
	c = c.withDefaults()
	for _, f := range []struct {
		name string
		n    int
	}{
		{"LogBytes", c.LogBytes}, {"HoldBytes", c.HoldBytes}, {"BatchBytes", c.BatchBytes}, {"QueueBytes", c.QueueBytes},
		{"Snapshots", c.Snapshots}, {"Requests", c.Requests}, {"Peers", c.Peers},
		{"HorizonBytes", c.HorizonBytes}, {"ExpireKeys", c.ExpireKeys}, {"Misses", c.Misses},
	} {
		if f.n < 0 {
			return fmt.Errorf("sync config: %s is %d, want at least 0", f.name, f.n)
		}
	}
	for _, f := range []struct {
		name string
		d    time.Duration
	}{
		{"HoldFor", c.HoldFor}, {"MaxSkew", c.MaxSkew},
		{"AnnounceAfter", c.AnnounceAfter}, {"AnnounceEvery", c.AnnounceEvery},
		{"PullAfter", c.PullAfter}, {"PullTimeout", c.PullTimeout}, {"SnapshotIdle", c.SnapshotIdle},
		{"CompareWithin", c.CompareWithin}, {"HorizonFor", c.HorizonFor}, {"HorizonLeast", c.HorizonLeast}, {"RetireAfter", c.RetireAfter},
		{"FillFor", c.FillFor}, {"FillLead", c.FillLead},
	} {
		if f.d < 0 {
			return fmt.Errorf("sync config: %s is %v, want at least 0", f.name, f.d)
		}
	}
	if c.AnnounceEvery < c.AnnounceAfter {
		return errors.New("sync config: AnnounceEvery is shorter than AnnounceAfter")
	}
	return nil
}
