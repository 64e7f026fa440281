package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/natsapi"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
	"github.com/atollcache/atoll/sync/bulk"
	"github.com/atollcache/atoll/sync/natslink"
)

// Node is one running cache node. Its embedded API has every command; they can
// be called as soon as Run has begun, and wait until the node is ready. All
// methods are safe for concurrent use.
type Node struct {
	*command.API

	cfg     Config
	self    crdt.ReplicaID // this life
	started time.Time
	clock   *clock

	link   *natslink.Link
	runner *cachesync.Runner
	server atomic.Pointer[natsapi.Server] // nil until the node serves

	shards []atomic.Pointer[shard] // by partition; nil where it is not held
	place  atomic.Pointer[placement]
	paused atomic.Pointer[pausedLinks]
	moved  chan struct{} // holds one element while the placement has not been followed
	ready  chan struct{} // closed when the node serves
	ended  chan struct{} // closed when the node takes no more commands
	ran    atomic.Bool

	signs     sync.Map     // by replica ID of a member, when something else than a heartbeat came: *atomic.Int64
	malformed atomic.Int64 // messages of nodes that could not be decoded

	mu struct {
		sync.Mutex
		view    *region.View
		links   *region.Links
		lclock  crdt.Clock // of decisions about links
		state   region.State
		beat    uint64
		told    map[crdt.ReplicaID]told // of the members in view
		running int                     // commands that were let in and have no reply yet
		closed  bool                    // no more commands are let in
	}
}

// ErrEnded is returned by Run of a node that has run already.
var ErrEnded = errors.New("node has been stopped: open a new one")

// maxEntry is the most bytes that all of one key may have, to be handed to another
// holder: an entry travels whole.
const maxEntry = 256 << 20

// Open checks a configuration and makes a node of it. Nothing runs and nothing
// is subscribed to before [Node.Run].
func Open(cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	cfg.Log = cfg.Log.With("node", cfg.Region+"/"+cfg.Name)
	clk := &clock{source: cfg.Now}
	cfg.Now = clk.now
	n := &Node{
		cfg: cfg, clock: clk, started: clk.now(),
		self:   crdt.ReplicaID(rand.Uint64() | 1),
		shards: make([]atomic.Pointer[shard], cfg.Partitions.Count()),
		moved:  make(chan struct{}, 1),
		ready:  make(chan struct{}),
		ended:  make(chan struct{}),
	}
	n.API = command.New(embedded{n})
	n.paused.Store(&pausedLinks{})
	n.mu.told = map[crdt.ReplicaID]told{}
	var err error
	if n.mu.view, err = region.NewView(cfg.Members); err != nil {
		return nil, err
	}
	if n.mu.links, err = region.NewLinks(cfg.Members); err != nil {
		return nil, err
	}
	if err = n.replan(); err != nil {
		return nil, err
	}
	if n.link, err = natslink.New(cfg.Conn, natslink.Config{
		Cluster: cfg.Cluster, Region: cfg.Region, Replica: n.self, Partitions: cfg.Partitions,
		Bulk: bulk.Config{MaxMessage: maxEntry, MaxHeld: 2*maxEntry + maxEntry/4},
	}); err != nil {
		return nil, err
	}
	n.runner = cachesync.NewRunner(cachesync.RunnerConfig{AskTimeout: cfg.AskWait, Heard: n.sign, Now: cfg.Now, Log: cfg.Log}, host{n}, n.link)
	return n, nil
}

// Ready returns a channel that is closed when the node serves.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Name returns the node's name.
func (n *Node) Name() string { return n.cfg.Name }

// Region returns the node's region.
func (n *Node) Region() string { return n.cfg.Region }

// Replica returns the identity of this life of the node.
func (n *Node) Replica() crdt.ReplicaID { return n.self }

// Run works until ctx ends, then leaves: it takes no more commands, waits for a
// bounded time until other nodes have what it holds, says goodbye, and returns
// when everything that it started has ended. A node runs once.
func (n *Node) Run(ctx context.Context) error {
	if !n.ran.CompareAndSwap(false, true) {
		return ErrEnded
	}
	defer n.close()
	if err := n.link.Start(receiver{n}); err != nil {
		return fmt.Errorf("start replication: %w", err)
	}
	work, stop := context.WithCancel(context.Background())
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { _ = n.runner.Run(work) })
	wg.Go(func() { n.beats(work) })
	wg.Go(func() { n.sweeps(work) })
	err := n.serve(ctx)
	if err == nil {
		<-ctx.Done()
		n.leave()
	}
	stop()
	wg.Wait()
	return errors.Join(err, n.link.Close())
}

// serve joins the region and opens the front doors.
func (n *Node) serve(ctx context.Context) error {
	n.greet()
	if !sleep(ctx, n.cfg.JoinWait) {
		return nil
	}
	if err := n.holdPlanned(); err != nil {
		return err
	}
	for !n.filled() {
		if !sleep(ctx, fillEvery) {
			return nil
		}
		// Who is to hold what may have changed since.
		if err := n.holdPlanned(); err != nil {
			return err
		}
	}
	server, err := natsapi.New(n.cfg.Conn, fronted{n}, addressed{n}, natsapi.Config{
		Cluster: n.cfg.Cluster, Region: n.cfg.Region, Node: n.cfg.Name, Partitions: n.cfg.Partitions,
	})
	if err == nil {
		err = server.Start()
	}
	if err != nil {
		return fmt.Errorf("start command service: %w", err)
	}
	n.server.Store(server)
	n.setState(region.StateReady)
	n.announceHeads() // Joining nodes wait for heads of a node that is filled.
	select {
	case <-n.ready:
		n.cfg.Log.Info("ready", "replica", n.self)
	case <-ctx.Done():
	}
	return nil
}

// sleep waits and reports whether ctx lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// do runs f alone with the engine of a partition and reports whether the node
// holds it.
func (n *Node) do(p region.Partition, f func(*cachesync.Engine)) bool {
	s := n.shard(p)
	if s == nil {
		return false
	}
	s.do(f)
	return true
}

// shard returns a partition's shard, nil when it is not held here.
func (n *Node) shard(p region.Partition) *shard {
	if int(p) >= len(n.shards) {
		return nil
	}
	return n.shards[p].Load()
}

// held returns the shards that the node holds, in order.
func (n *Node) held() []*shard {
	var out []*shard
	for i := range n.shards {
		if s := n.shards[i].Load(); s != nil {
			out = append(out, s)
		}
	}
	return out
}

// host lets the runner reach the engines.
type host struct{ n *Node }

func (h host) Do(p region.Partition, f func(*cachesync.Engine)) bool { return h.n.do(p, f) }

func (h host) Held() []region.Partition {
	var out []region.Partition
	for _, s := range h.n.held() {
		out = append(out, s.id)
	}
	return out
}
