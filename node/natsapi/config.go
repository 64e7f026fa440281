package natsapi

import (
	"context"
	"fmt"
	"time"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	"github.com/atollcache/atoll/sync/bulk"
)

// Executor runs commands. The node is one.
type Executor interface {
	// Do runs the commands and returns one reply for each, in their order. It
	// blocks until all are answered or ctx is done.
	Do(ctx context.Context, cmds ...wire.Command) []wire.Reply
}

// Config says whose front door it is and bounds what goes through it. The first
// three fields have no default; of the others a zero field means its default.
type Config struct {
	// Cluster and Region are the names in the subjects, Node is the node's name.
	Cluster, Region, Node string

	// Partitions is the cluster's number of partitions. Zero means the default
	// number. Clients learn it from the service's metadata.
	Partitions region.Partitions

	// Version is the program's, a semantic version. Default: 0.0.0-dev.
	Version string

	// Timeout bounds the run of one request's commands. Clients should wait a
	// little longer, so that they hear of it. It must do for VERIFY of all that the
	// cluster holds. Default: 30 s.
	Timeout time.Duration

	// Running bounds the kv requests that run at once, each in a goroutine. One
	// more is refused with 429. Default: 1024.
	Running int

	// RunningBytes bounds the bodies of the same. One request always fits.
	// Default: 64 MiB.
	RunningBytes int

	// Pending and PendingBytes bound the kv requests of one verb that NATS has
	// delivered and that are not looked at yet. That takes microseconds each;
	// beyond it NATS drops them, which the service's statistics show as errors.
	// Default: 8192, 16 MiB.
	Pending, PendingBytes int

	// DrainTimeout is how long Close lets kv requests finish. Default: 5 s.
	DrainTimeout time.Duration

	// Bulk bounds the requests on the command subjects. Its Workers bound those
	// that run at once. Default: bulk.DefaultConfig.
	Bulk bulk.Config
}

// DefaultConfig returns the defaults of the fields that have one.
func DefaultConfig() Config {
	return Config{
		Partitions:   region.DefaultPartitions,
		Version:      "0.0.0-dev",
		Timeout:      30 * time.Second,
		Running:      1024,
		RunningBytes: 64 << 20,
		Pending:      8192,
		PendingBytes: 16 << 20,
		DrainTimeout: 5 * time.Second,
		Bulk:         bulk.DefaultConfig(),
	}
}

// Validate returns an error of package region or bulk, or one of its own, that
// says what to change. It changes nothing.
func (c Config) Validate() error {
	if err := (region.Subjects{Cluster: c.Cluster, Region: c.Region}).Validate(); err != nil {
		return err
	}
	if err := region.ValidateName("node", c.Node); err != nil {
		return err
	}
	if err := c.Partitions.Validate(); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"Timeout", int(c.Timeout)}, {"Running", c.Running}, {"RunningBytes", c.RunningBytes},
		{"Pending", c.Pending}, {"PendingBytes", c.PendingBytes}, {"DrainTimeout", int(c.DrainTimeout)},
	} {
		if f.value < 0 {
			return fmt.Errorf("natsapi config: %s is negative (%d); use 0 for the default", f.name, f.value)
		}
	}
	return c.Bulk.Validate()
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.Partitions == 0 {
		c.Partitions = d.Partitions
	}
	if c.Version == "" {
		c.Version = d.Version
	}
	for _, f := range []struct{ have, def *int }{
		{&c.Running, &d.Running}, {&c.RunningBytes, &d.RunningBytes},
		{&c.Pending, &d.Pending}, {&c.PendingBytes, &d.PendingBytes},
	} {
		if *f.have == 0 {
			*f.have = *f.def
		}
	}
	if c.Timeout == 0 {
		c.Timeout = d.Timeout
	}
	if c.DrainTimeout == 0 {
		c.DrainTimeout = d.DrainTimeout
	}
	return c
}
