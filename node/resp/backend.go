package resp

import (
	"context"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// Backend is the node behind the door. All its methods may be called from any
// goroutine.
type Backend interface {
	command.Doer
	Transactor
	Messenger
	Observer
	Reporter
}

// Transactor runs transactions and knows what has reached other regions.
type Transactor interface {
	// State returns how a key stands.
	State(ctx context.Context, key string) (KeyState, error)
	// Transact runs commands as one unit for each partition, in the order in which
	// partitions first occur, unless a watched key has changed: then it runs none and
	// reports false. Replies are as those of Do.
	Transact(ctx context.Context, watched []Watched, cmds []wire.Command) (replies []wire.Reply, done bool)
	// Reached waits until at least n other regions have all the marks, or ctx ends,
	// and returns how many have.
	Reached(ctx context.Context, marks []Mark, n int) int
	// Partitions returns the number of the cluster's partitions.
	Partitions() region.Partitions
}

// KeyState is how a key stands.
type KeyState struct {
	// Digest changes with everything that is written to the key, also when the value
	// stays. It is zero while the key does not exist.
	Digest uint64
	// Bytes is what the key accounts for in memory at one node, about.
	Bytes int
}

// Watched is a key and its digest when it was watched.
type Watched struct {
	Key    string
	Digest uint64
}

// Mark is the last write of a client in a partition. The zero dot stands for all
// that the partition's owner has written so far.
type Mark struct {
	Partition region.Partition
	Wrote     crdt.Dot
}

// Messenger carries messages between clients of all nodes and regions.
type Messenger interface {
	// Publish sends a message to the listeners of all other nodes. They may miss it
	// while they cannot be reached.
	Publish(channel, message string) error
	// Listen calls f with each message that another node publishes to a channel, one
	// at a time and in the order in which each node sent them, until stop is called.
	// It does not wait; see Flush.
	Listen(channel string, f func(channel, message string)) (stop func(), err error)
	// ListenAll is Listen for every channel.
	ListenAll(f func(channel, message string)) (stop func(), err error)
	// Flush returns once what was listened to before is known to the NATS server of
	// this node.
	Flush(ctx context.Context) error
}

// Observer tells of changes.
type Observer interface {
	// Observe calls f with the changes of all keys of the region, wherever in the
	// region they are held and in whatever region they were made, until stop is
	// called. It returns once the other nodes of the region know, or after a bounded
	// time. What changes while partitions move may be missed; f is then called with
	// a change that says so. f returns soon.
	Observe(ctx context.Context, f func(Change)) (stop func(), err error)
}

// Change is what happened to one key, or to many that are not known one by one.
type Change struct {
	Key string
	// Events are the names of Redis's keyspace notifications, in order.
	Events []string
	// Away says that another region made the change.
	Away bool
	// All says that keys of a partition may have changed and nobody knows which;
	// Everywhere that it is so for every partition.
	All, Everywhere bool
	Partition       region.Partition
}

// Reporter says how the node does.
type Reporter interface {
	// Node returns the node's own report.
	Node() wire.NodeInfo
	// Keyspace returns how many keys the node answers for, about, and of those how
	// many expire.
	Keyspace() (keys, expiring int)
	// KeysIn returns at most so many of the keys in a slot that this node holds, and
	// how many there are.
	KeysIn(slot region.Slot, most int) (keys []string, total int)
	// Topology returns who answers for what in the region.
	Topology() Topology
}

// Topology is the region as cluster clients see it.
type Topology struct {
	Region  string
	Cluster string
	Self    string // name of this node
	Epoch   uint64
	Members []Member // by name
	// Holders are, by partition, the indexes in Members of the owner and of the
	// replicas, of those that clients can reach.
	Holders [][]int
}

// Member is a node of the region.
type Member struct {
	Name    string
	Address string // host:port, empty when clients cannot reach it
	Alive   bool
}
