package natslink

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	"github.com/atollcache/atoll/sync/bulk"
)

// headroom is what a message leaves of max_payload, in bytes, for headers that
// a server or a later version adds on the way.
const headroom = 256

// burst is how many messages of one kind may arrive before the link's reader
// gets a processor. The reader does nothing that waits.
const burst = 4096

// Config says who the link is and bounds what it keeps. Cluster, Region and
// Replica have no default; of the others a zero field means its default.
type Config struct {
	// Cluster and Region are the names in the subjects.
	Cluster, Region string

	// Replica is the node's present life. Requests to it come here.
	Replica crdt.ReplicaID

	// Partitions is the cluster's number of partitions. Zero means the default
	// number.
	Partitions region.Partitions

	// ControlConn is the connection for announcements, sent and received. It keeps
	// them from waiting behind anything else; the package documentation says what
	// that costs. The link does not close it. Default: the connection given to New.
	ControlConn *nats.Conn

	// BulkConn is the connection for Ask and Call, for the requests of others, and
	// for all their chunks. It keeps them from delaying anything else. The link
	// does not close it. Default: the connection given to New.
	BulkConn *nats.Conn

	// Lanes is how many goroutines deliver published messages, each those of
	// some partitions. One more delivers announcements. More use more processors.
	// Default: 4.
	Lanes int

	// Pending is how many messages may wait in a lane. Beyond it the newest is
	// dropped, counted, and repaired later by a pull. Default: 4096.
	Pending int

	// PendingBytes bounds the same in bytes. One message always fits. The price of
	// all lanes is (Lanes + 1) * PendingBytes. Default: 16 MiB.
	PendingBytes int

	// AnswerTimeout bounds the wait until the answer to Ask begins to come; a large
	// one may then take until the context ends. Lower finds a dead replica sooner
	// and gives up on a busy one. A replica that was given up on is waited for twice
	// as long each next time, until it answers: it may need that long to make a large
	// answer. Default: 3 s.
	AnswerTimeout time.Duration

	// Bulk bounds the requests to other replicas and from them. Its Workers bound
	// the requests that are answered at once. Default: bulk.DefaultConfig.
	Bulk bulk.Config
}

// DefaultConfig returns the defaults of the fields that have one.
func DefaultConfig() Config {
	return Config{
		Partitions:    region.DefaultPartitions,
		Lanes:         4,
		Pending:       4096,
		PendingBytes:  16 << 20,
		AnswerTimeout: 3 * time.Second,
		Bulk:          bulk.DefaultConfig(),
	}
}

// Validate returns ErrConfig, or an error of package region or bulk, and says
// what to change. It changes nothing.
func (c Config) Validate() error {
	if err := (region.Subjects{Cluster: c.Cluster, Region: c.Region}).Validate(); err != nil {
		return err
	}
	if err := c.Partitions.Validate(); err != nil {
		return err
	}
	switch {
	case c.Replica == 0:
		return fmt.Errorf("%w: Replica is not set", ErrConfig)
	case c.AnswerTimeout < 0:
		return fmt.Errorf("%w: AnswerTimeout %v; use 0 for the default or more", ErrConfig, c.AnswerTimeout)
	case c.Lanes < 0 || c.Pending < 0 || c.PendingBytes < 0:
		return fmt.Errorf("%w: Lanes %d, Pending %d, PendingBytes %d; use 0 for the default or more", ErrConfig, c.Lanes, c.Pending, c.PendingBytes)
	}
	return c.Bulk.Validate()
}

func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.Lanes == 0 {
		c.Lanes = d.Lanes
	}
	if c.Pending == 0 {
		c.Pending = d.Pending
	}
	if c.PendingBytes == 0 {
		c.PendingBytes = d.PendingBytes
	}
	if c.AnswerTimeout == 0 {
		c.AnswerTimeout = d.AnswerTimeout
	}
	return c
}
