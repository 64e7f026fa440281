package node

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
)

// Node is one running cache node. Its embedded API has every command; they can
// be called as soon as Run has begun, and wait until the node is ready. All
// methods are safe for concurrent use.
type Node struct {
	*command.API

	cfg     Config
	life    atomic.Pointer[life] // the present one
	ready   chan struct{}        // closed when the node serves for the first time
	serving sync.Once            // closes it
	ended   chan struct{}        // closed when Run has returned
	ran     atomic.Bool
}

// ErrEnded is returned by Run of a node that has run already.
var ErrEnded = errors.New("node has been stopped: open a new one")

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
	n := &Node{cfg: cfg, ready: make(chan struct{}), ended: make(chan struct{})}
	n.API = command.New(embedded{n})
	l, err := n.newLife(nil)
	if err != nil {
		return nil, err
	}
	n.life.Store(l)
	return n, nil
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
