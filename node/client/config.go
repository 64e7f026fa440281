package client

import (
	"fmt"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/region"
	"github.com/atollcache/atoll/sync/bulk"
)

// Config says whom a client talks to and bounds what it does. A zero field means
// its default.
type Config struct {
	// Cluster is the cluster's name. Default: dev.
	Cluster string

	// Region is the region whose nodes are asked. Default: that of the node that
	// answers first, which is the nearest.
	Region string

	// Partitions is the cluster's number of partitions. Default: what the node
	// that answers first says. With Region and Partitions given, New asks nobody.
	Partitions region.Partitions

	// Members returns the members of the region when the client is not to ask for
	// them itself. It is called from a goroutine of the client, at RefreshEvery
	// and after Refresh. Default: the client asks the region.
	Members func() []region.Member

	// Limits are checked before a command is sent. They should be the nodes'.
	Limits command.Limits

	// Discover bounds the wait of New for a node. Default: 2 s.
	Discover time.Duration

	// Timeout bounds a command whose context has no deadline. Default: 5 s.
	Timeout time.Duration

	// LargeTimeout does so for a command that does not fit into one NATS message.
	// Default: 30 s.
	LargeTimeout time.Duration

	// AttemptTimeout bounds the wait until one node begins to answer before the next
	// is asked. It is trebled in each round. Lower notices a dead node sooner; too
	// low repeats work that was only slow. Default: 1 s.
	AttemptTimeout time.Duration

	// Rounds is how often the owner, the next replica and any node are asked, with
	// growing pauses in between, before a command fails; and how often at most a
	// question about the cluster is asked again, at every AttemptTimeout, while
	// nobody answers. Default: 3.
	Rounds int

	// BatchCommands and BatchBytes bound one message. The commands of one call on
	// one partition stay together, up to MaxCommands of package wire. Larger
	// batches cost fewer messages, and let small commands wait for large ones.
	// Default: 512, 256 KiB.
	BatchCommands, BatchBytes int

	// InFlight bounds the messages under way to one node. Default: 8.
	InFlight int

	// CollectFor is how long a command waits at most for those that are under way
	// to the same node, before it gets a message of its own, within InFlight.
	// Default: 2 ms.
	CollectFor time.Duration

	// Waiting and WaitingBytes bound the commands that wait for a message to one
	// node. Beyond it a command fails with wire.ErrOverload. One always fits.
	// Default: 100 000, 128 MiB.
	Waiting, WaitingBytes int

	// RefreshEvery is the beat at which the members are asked for. They are also
	// asked for when a node says that it is not the owner, or nobody is there.
	// Default: 5 s.
	RefreshEvery time.Duration

	// Bulk bounds requests and replies that do not fit into one NATS message.
	// Default: bulk.DefaultConfig.
	Bulk bulk.Config
}

// DefaultConfig returns the defaults of the fields that have one.
func DefaultConfig() Config {
	return Config{
		Cluster:        "dev",
		Discover:       2 * time.Second,
		Timeout:        5 * time.Second,
		LargeTimeout:   30 * time.Second,
		AttemptTimeout: time.Second,
		Rounds:         3,
		BatchCommands:  512,
		BatchBytes:     256 << 10,
		InFlight:       8,
		CollectFor:     2 * time.Millisecond,
		Waiting:        100_000,
		WaitingBytes:   128 << 20,
		RefreshEvery:   5 * time.Second,
		Bulk:           bulk.DefaultConfig(),
	}
}

// Option changes a Config.
type Option func(*Config)

// WithConfig takes a whole Config; options after it change single fields.
func WithConfig(cfg Config) Option { return func(c *Config) { *c = cfg } }

// WithCluster names the cluster.
func WithCluster(name string) Option { return func(c *Config) { c.Cluster = name } }

// WithRegion names the region whose nodes are asked.
func WithRegion(name string) Option { return func(c *Config) { c.Region = name } }

// WithPartitions says how many partitions the cluster has.
func WithPartitions(n region.Partitions) Option { return func(c *Config) { c.Partitions = n } }

// WithMembers says who the region's members are; the client then asks nobody.
func WithMembers(members func() []region.Member) Option {
	return func(c *Config) { c.Members = members }
}

// WithTimeout bounds a command whose context has no deadline.
func WithTimeout(d time.Duration) Option { return func(c *Config) { c.Timeout = d } }

// WithAttemptTimeout bounds the wait for one node.
func WithAttemptTimeout(d time.Duration) Option { return func(c *Config) { c.AttemptTimeout = d } }

// Validate returns ErrConfig, or an error of package region, command or bulk, and
// says what to change. It changes nothing.
func (c Config) Validate() error {
	c = c.withDefaults()
	if err := region.ValidateName("cluster", c.Cluster); err != nil {
		return err
	}
	if c.Region != "" {
		if err := region.ValidateRegion(c.Region); err != nil {
			return err
		}
	}
	if err := c.Partitions.Validate(); err != nil {
		return err
	}
	if err := c.Limits.Validate(); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"Discover", int(c.Discover)}, {"Timeout", int(c.Timeout)}, {"LargeTimeout", int(c.LargeTimeout)},
		{"AttemptTimeout", int(c.AttemptTimeout)}, {"Rounds", c.Rounds}, {"BatchCommands", c.BatchCommands},
		{"BatchBytes", c.BatchBytes}, {"InFlight", c.InFlight}, {"CollectFor", int(c.CollectFor)},
		{"Waiting", c.Waiting}, {"WaitingBytes", c.WaitingBytes}, {"RefreshEvery", int(c.RefreshEvery)},
	} {
		if f.value < 0 {
			return fmt.Errorf("%w: %s is negative (%d); use 0 for the default", ErrConfig, f.name, f.value)
		}
	}
	return c.Bulk.Validate()
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.Cluster == "" {
		c.Cluster = d.Cluster
	}
	for _, f := range []struct{ have, def *int }{
		{&c.Rounds, &d.Rounds}, {&c.BatchCommands, &d.BatchCommands}, {&c.BatchBytes, &d.BatchBytes},
		{&c.InFlight, &d.InFlight}, {&c.Waiting, &d.Waiting}, {&c.WaitingBytes, &d.WaitingBytes},
	} {
		if *f.have == 0 {
			*f.have = *f.def
		}
	}
	for _, f := range []struct{ have, def *time.Duration }{
		{&c.Discover, &d.Discover}, {&c.Timeout, &d.Timeout}, {&c.LargeTimeout, &d.LargeTimeout},
		{&c.AttemptTimeout, &d.AttemptTimeout}, {&c.CollectFor, &d.CollectFor}, {&c.RefreshEvery, &d.RefreshEvery},
	} {
		if *f.have == 0 {
			*f.have = *f.def
		}
	}
	return c
}
