package node

import (
	"cmp"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Config describes a node. Cluster, Region, Name and Conn are needed; a zero
// value of the others means their default.
type Config struct {
	// Cluster is the name of the keyspace that all regions share.
	Cluster string
	// Region is the region that the node is in.
	Region string
	// Name is the node's name, unique in its region. A node that is started again
	// under a name takes the place of the former one.
	Name string
	// Zone is what fails together with the node, such as a rack. Copies are placed
	// on different zones where there are several. Default: none.
	Zone string
	// Weight is the node's share of the partitions against the others'.
	// Default: 100.
	Weight int
	// Conn is the NATS connection that the node talks over. The node does not
	// close it. It should reconnect for ever: see natsd.ConnOptions. Run puts a
	// handler before the connection's error handler, which counts and passes on.
	Conn *nats.Conn
	// Control and Bulk are connections of the same account for announcements and for
	// large transfers, so that the former do not wait behind the others: see
	// natsd.ConnectNode. The node does not close them. Default: Conn.
	Control, Bulk *nats.Conn
	// Partitions is the cluster's number of partitions, the same at every node for
	// the cluster's life. Default: 256.
	Partitions region.Partitions
	// Copies is how many nodes of a region hold each partition, the same at every
	// node of the region. Each costs the memory of one more. Default: 2.
	Copies int
	// Limits bound keys, values and commands.
	Limits command.Limits
	// Members sets the beats of membership.
	Members region.Config
	// FrozenAfter is how long the process may stand still before the node takes it
	// for frozen: it then runs nothing of what it was asked meanwhile, and nothing else
	// until it has caught up. Default: 1 s.
	FrozenAfter time.Duration
	// Sync bounds and sets the beats of replication.
	Sync cachesync.Config
	// JoinWait is how long a starting node listens for others before it takes
	// partitions. Too short makes a lone start of several nodes move partitions
	// about; it delays each start. Default: 1 s.
	JoinWait time.Duration
	// FillWait bounds how long a node that takes a partition waits to be filled
	// from another holder before it answers from what it has. Default: 10 s.
	FillWait time.Duration
	// SeenWait bounds how long a command waits until the node has seen a write that
	// the command refers to (a session token, or the command's own write at
	// another node), or that others have acknowledged while partitions move. Then it
	// is answered as it is. Default: 500 ms.
	SeenWait time.Duration
	// AskWait bounds the wait for a peer's answer when something missing is pulled
	// from it. The largest value has to cross the slowest link in it; a peer that
	// hangs is waited for as long before another is asked. Default: 3 s and a second
	// for each 4 MiB of the largest value.
	AskWait time.Duration
	// AskBytes bounds the bytes that the node may have under way at once of what it
	// asks other nodes for, so that a NATS server does not take it for a slow consumer
	// (max_pending, 64 MiB by default). Less is asked for with a small max_payload and
	// after a lost connection: see bulk.Config. More catches up faster over a long
	// link, at most AskBytes in a round trip. Default: 8 MiB.
	AskBytes int
	// RestoreBytes bounds what may be in memory of backups that are being restored here,
	// in bytes of their files; entries take several times that. A partition whose backup
	// has more cannot be merged, only written anew key by key. At the bound another one
	// waits. Default: 256 MiB.
	RestoreBytes int64
	// LeaveWait bounds how long a node that is stopped waits until other nodes have
	// what it holds. Default: 5 s.
	LeaveWait time.Duration
	// KeepFor is how long a node keeps a partition that has moved elsewhere, for
	// commands that are still on their way to it. It costs the partition's memory
	// for so long. Default: 30 s.
	KeepFor time.Duration
	// Disk keeps the node's data in a directory. Default: in memory only.
	Disk DiskConfig
	// Memory says what may be kept in memory.
	Memory MemoryConfig
	// Redis opens a front door for Redis clients. Default: there is none.
	Redis RedisConfig
	// Now is the wall clock. Default: time.Now.
	Now func() time.Time
	// Log takes what an operator should know. Default: discarded.
	Log *slog.Logger
}

// ErrConfig is what every error about a configuration wraps.
var ErrConfig = core.ErrConfig

// core returns what of the configuration the core needs.
func (c Config) core() core.Config {
	started := time.Now()
	return core.Config{
		Region: c.Region, Name: c.Name, Zone: c.Zone, Weight: c.Weight,
		Partitions: c.Partitions, Copies: c.Copies, Members: c.Members, Sync: c.Sync, Limits: c.Limits,
		Address:  c.Redis.address(),
		JoinWait: c.JoinWait, FillWait: c.FillWait, LeaveWait: c.LeaveWait, KeepFor: c.KeepFor, FrozenAfter: c.FrozenAfter,
		ClaimFor: max(2*time.Second, 4*c.withDefaults().SeenWait),
		Clocks:   region.ClockConfig{MaxSkew: c.Sync.MaxSkew},
		Loses:    c.Disk.loses(),
		Now:      c.Now, Mono: func() time.Duration { return time.Since(started) }, Log: c.Log,
	}
}

// withDefaults fills in the defaults of what the core does not see to.
func (c Config) withDefaults() Config {
	if c.SeenWait == 0 {
		c.SeenWait = 500 * time.Millisecond
	}
	if c.AskWait == 0 {
		c.AskWait = 3*time.Second + time.Duration(c.Limits.WithDefaults().MaxValue>>22)*time.Second
	}
	if c.RestoreBytes == 0 {
		c.RestoreBytes = 256 << 20
	}
	c.Memory.logs = c.Memory.logs || c.Sync.LogBytes == 0
	if c.Memory.Limit > 0 && c.Sync.LogBytes == 0 {
		c.Sync.LogBytes = logBytes(c.Memory.Limit, cmp.Or(c.Partitions, region.DefaultPartitions))
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Validate reports the first field that is missing or makes no sense.
func (c Config) Validate() error {
	if err := region.ValidateName("cluster", c.Cluster); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if c.Conn == nil {
		return fmt.Errorf("%w: no NATS connection", ErrConfig)
	}
	if c.SeenWait < 0 || c.AskWait < 0 {
		return fmt.Errorf("%w: SeenWait is %v and AskWait %v; use 0 for the default", ErrConfig, c.SeenWait, c.AskWait)
	}
	if c.Memory.Limit < 0 {
		return fmt.Errorf("%w: Memory.Limit is %d; use 0 for no limit", ErrConfig, c.Memory.Limit)
	}
	if c.AskBytes < 0 || c.RestoreBytes < 0 {
		return fmt.Errorf("%w: AskBytes is %d and RestoreBytes %d; use 0 for the default", ErrConfig, c.AskBytes, c.RestoreBytes)
	}
	if err := c.Disk.validate(); err != nil {
		return err
	}
	if err := c.Limits.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return c.withDefaults().core().Validate()
}
