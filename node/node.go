package node

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nuid"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/resp"
)

// Node is one running cache node. Its embedded API has every command; they can
// be called as soon as Run has begun, and wait until the node is ready. All
// methods are safe for concurrent use.
type Node struct {
	*command.API

	cfg      Config
	redis    *resp.Server // the front door for Redis clients; nil: there is none
	feed     *feed
	disk     *disk // nil: there is none
	memory   *core.Memory
	identity string               // of this process among all nodes
	life     atomic.Pointer[life] // the present one
	ready    chan struct{}        // closed when the node serves for the first time
	serving  sync.Once            // closes it
	ended    chan struct{}        // closed when Run has returned
	ran      atomic.Bool
}

// ErrEnded is returned by Run of a node that has run already.
var ErrEnded = errors.New("node has been stopped: open a new one")

// Open checks a configuration and makes a node of it. Nothing runs and nothing
// is subscribed to before [Node.Run]. The data directory, if there is one, is opened,
// which may take a second after an unclean stop; Run closes it, or [Node.Close] where
// Run is never called. Errors of the directory wrap those of package pebblestore, which
// say what to do.
func Open(cfg Config) (*Node, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	clk := &clock{}
	if cfg.Now == nil {
		base := time.Now()
		clk.base = &base
	}
	cfg = cfg.withDefaults()
	cfg.Log = cfg.Log.With("node", cfg.Region+"/"+cfg.Name)
	clk.source, cfg.Now = cfg.Now, clk.now
	n := &Node{cfg: cfg, ready: make(chan struct{}), ended: make(chan struct{})}
	n.API = command.New(embedded{n})
	n.identity = nuid.Next()
	n.feed = newFeed(n)
	var err error
	if n.redis, err = n.newRedis(); err != nil {
		return nil, err
	}
	cfg.Memory, cfg.Disk = cfg.Memory.forDisk(cfg.Disk)
	n.cfg, n.memory = cfg, newMemory(cfg.Memory)
	if n.disk, err = openDisk(cfg); err != nil {
		return nil, err
	}
	if n.disk != nil {
		if behind := clk.begin(n.disk.wasUsed()); behind > 0 {
			cfg.Log.Warn("the clock has been set back since the data directory was used: time goes at half speed until it has caught up", "by", behind)
		}
	}
	l, err := n.newLife(nil)
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	n.life.Store(l)
	return n, nil
}

// Close closes what Open has opened of a node that was not run, and does nothing to
// any other.
func (n *Node) Close() error {
	if n.disk == nil || !n.ran.CompareAndSwap(false, true) {
		return nil
	}
	close(n.ended)
	return n.disk.close()
}

// Ready returns a channel that is closed when the node serves.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Name returns the node's name.
func (n *Node) Name() string { return n.cfg.Name }

// Region returns the node's region.
func (n *Node) Region() string { return n.cfg.Region }

// Replica returns the identity of the node's present life. A node that finds that
// it has missed too much to go on drops what it holds and gets another.
func (n *Node) Replica() crdt.ReplicaID { return n.life.Load().core.Replica() }

// Run works until ctx ends, then leaves: it takes no more commands, waits for a
// bounded time until other nodes have what it holds, says goodbye, and returns
// when everything that it started has ended. A node runs once.
func (n *Node) Run(ctx context.Context) error {
	if !n.ran.CompareAndSwap(false, true) {
		return ErrEnded
	}
	defer close(n.ended)
	defer n.heedErrors()()
	defer n.feed.close()
	// Redis clients are served until ctx ends, and only then the node leaves.
	work, leave := context.WithCancel(context.WithoutCancel(ctx))
	served, stop := context.WithCancel(ctx)
	var door sync.WaitGroup
	defer door.Wait()
	defer stop()
	door.Go(func() {
		defer leave()
		n.serveRedis(served)
		<-served.Done()
	})
	err := n.live(work)
	if n.disk != nil {
		err = errors.Join(err, n.disk.finish())
	}
	return err
}

// live lives one life after the other until ctx ends.
func (n *Node) live(ctx context.Context) error {
	for {
		l := n.life.Load()
		err := l.live(ctx)
		if !errors.Is(err, errOutlived) {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		next, err := n.newLife(l)
		if err != nil {
			return err
		}
		n.life.Store(next)
		close(l.replaced)
	}
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
