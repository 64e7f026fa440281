package sync

import (
	"context"
	"errors"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// ErrTooLarge is returned by Transport.Publish and Announce for a message above
// MaxMessage.
var ErrTooLarge = errors.New("message is larger than the transport carries")

// Transport is what replication needs of a network. Publish and Announce are
// hints: what they carry may be lost, repeated, reordered and delayed without
// anybody being told, and nothing depends on any of it arriving. All methods may
// be called at any time from any goroutine.
type Transport interface {
	// Publish sends a message to every other holder of a partition, in every
	// region. It does not wait for anyone and keeps no memory of msg. An error
	// says only that this attempt is lost for sure.
	Publish(p region.Partition, msg []byte) error
	// Announce sends a message to every other node of the cluster, like Publish.
	Announce(msg []byte) error
	// Ask sends a message of any size to one replica and waits for its answer, of
	// any size, until ctx ends. It gives up much sooner on a replica that does not
	// begin to answer.
	Ask(ctx context.Context, to crdt.ReplicaID, msg []byte) ([]byte, error)
	// Hold starts or stops the delivery of a partition's published messages.
	Hold(p region.Partition, hold bool) error
	// MaxMessage returns how many bytes Publish and Announce carry now.
	MaxMessage() int
}

// Receiver is what a transport delivers to. Its methods return soon, may be
// called concurrently, and keep no memory of msg after they return. A message
// may be anything at all: whoever can reach the network can send one.
type Receiver interface {
	// Published takes a message published for a partition.
	Published(p region.Partition, msg []byte)
	// Announced takes an announcement.
	Announced(msg []byte)
	// Asked takes a message sent to this replica alone and returns the answer.
	Asked(ctx context.Context, msg []byte) []byte
}
