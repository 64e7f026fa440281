package bench

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/natsd"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// Waits of clusters in this process.
const (
	startWait = 60 * time.Second
	stopWait  = 20 * time.Second
	seePoll   = 10 * time.Millisecond
)

// cluster is regions in this process, of one node each, with a NATS server for
// each region.
type cluster struct {
	name  string
	super *natsd.Super
	nodes []*node.Node // by region
	conns []*natsd.Conns
	stop  context.CancelFunc
	wg    sync.WaitGroup
}

// startCluster starts regions so far apart, and returns when every node serves and
// knows of all others. After an error nothing is left running.
func startCluster(ctx context.Context, regions []string, wan time.Duration) (*cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, startWait)
	defer cancel()
	super, err := natsd.StartSuper(natsd.SuperOptions{Regions: regions, WAN: wan})
	if err != nil {
		return nil, err
	}
	c := &cluster{name: "bench", super: super, stop: func() {}}
	if err := c.start(ctx, regions); err != nil {
		_ = c.Close() // The error is what matters.
		return nil, err
	}
	return c, nil
}

func (c *cluster) start(ctx context.Context, regions []string) error {
	if err := c.super.WaitMesh(ctx); err != nil {
		return err
	}
	run, stop := context.WithCancel(context.Background())
	c.stop = stop
	for _, r := range regions {
		conns, err := natsd.ConnectNode(r+"-1", c.super.Server(r).Connect, natsd.LogOptions(nil)...)
		if err != nil {
			return err
		}
		c.conns = append(c.conns, conns)
		n, err := node.Open(node.Config{
			Cluster: c.name, Region: r, Name: r + "-1", Conn: conns.Data, Control: conns.Control, Bulk: conns.Bulk,
			FrozenAfter: stopWait, // All of it shares a few processors with who drives it.
		})
		if err != nil {
			return err
		}
		c.nodes = append(c.nodes, n)
		c.wg.Go(func() { _ = n.Run(run) }) // A node that has ended answers nothing, which ends the run.
	}
	for _, n := range c.nodes {
		if err := waitFor(ctx, n, len(c.nodes)); err != nil {
			return fmt.Errorf("node %s is not ready: %w", n.Name(), err)
		}
	}
	return nil
}

// waitFor returns when a node serves and knows of so many.
func waitFor(ctx context.Context, n *node.Node, nodes int) error {
	select {
	case <-n.Ready():
	case <-ctx.Done():
		return ctx.Err()
	}
	tick := time.NewTicker(seePoll)
	defer tick.Stop()
	for {
		all, err := n.Nodes(ctx)
		ready := 0
		for _, m := range all {
			if m.State == region.StateReady.String() && !m.Unanswered {
				ready++
			}
		}
		if err != nil || ready == nodes {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close stops everything.
func (c *cluster) Close() error {
	c.stop()
	c.wg.Wait()
	for _, conns := range c.conns {
		conns.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	return c.super.Shutdown(ctx)
}

// client returns a connection to the NATS server of a region.
func (c *cluster) client(region string) (*nats.Conn, error) {
	return c.super.Server(region).Connect(nats.Name("atoll bench"))
}

// embedded is a node in this process as a target: the door of programs that embed
// one, which is the methods of node.Node.
type embedded struct{ *cluster }

// StartEmbedded starts a node in this process.
func StartEmbedded(ctx context.Context) (Target, error) {
	c, err := startCluster(ctx, []string{"one"}, 0)
	if err != nil {
		return nil, err
	}
	return embedded{c}, nil
}

// Name implements Target.
func (embedded) Name() string { return "atoll, embedded" }

// Connect implements Target.
func (e embedded) Connect(context.Context) (Conn, error) { return apiConn{e.nodes[0].API}, nil }

// apiConn is a caller of the Go API: of an embedded node, or of a client over NATS.
type apiConn struct{ api *command.API }

// Close implements Conn.
func (apiConn) Close() error { return nil }

// Do implements Conn. One operation is one method call, as a program would make it;
// several are one batch.
func (c apiConn) Do(ctx context.Context, ops []Op) (misses int, err error) {
	if len(ops) == 1 {
		return c.one(ctx, &ops[0])
	}
	cmds := make([]wire.Command, len(ops))
	for i := range ops {
		cmds[i] = wire.Command{Args: argsOf(&ops[i])}
	}
	for i, r := range c.api.Do(ctx, cmds...) {
		if r.Type == wire.TypeError {
			return misses, fmt.Errorf("%s %s: %w", ops[i].Kind, ops[i].Key, r.Err)
		}
		if ops[i].Kind.reads() && (r.Type == wire.TypeNil || ops[i].Kind == HGetAll && len(r.List) == 0) {
			misses++
		}
	}
	return misses, nil
}

func (c apiConn) one(ctx context.Context, op *Op) (misses int, err error) {
	found := true
	switch op.Kind {
	case Get:
		_, found, err = c.api.Get(ctx, op.Key)
	case Set:
		if op.TTL > 0 {
			_, err = c.api.Set(ctx, op.Key, op.Value, command.TTL(op.TTL))
		} else {
			_, err = c.api.Set(ctx, op.Key, op.Value)
		}
	case Incr:
		_, err = c.api.Incr(ctx, op.Key, 1)
	case Del:
		_, err = c.api.Del(ctx, op.Key)
	case HGet:
		_, found, err = c.api.HGet(ctx, op.Key, op.Field)
	default:
		r := c.api.Do(ctx, wire.Command{Args: argsOf(op)})[0]
		found = op.Kind != HGetAll || len(r.List) > 0
		if r.Type == wire.TypeError {
			err = r.Err
		}
	}
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w", op.Kind, op.Key, err)
	}
	if !found {
		misses++
	}
	return misses, nil
}

// argsOf returns an operation as the words of a command.
func argsOf(op *Op) []string {
	var args []string
	switch op.Kind {
	case Get:
		return []string{"GET", op.Key}
	case Del:
		return []string{"DEL", op.Key}
	case Incr:
		return []string{"INCR", op.Key}
	case HSet:
		return []string{"HSET", op.Key, op.Field, op.Value}
	case HGet:
		return []string{"HGET", op.Key, op.Field}
	case HGetAll:
		return []string{"HGETALL", op.Key}
	case Set:
		args = []string{"SET", op.Key, op.Value}
	case Add:
		args = []string{"SET", op.Key, op.Value, "NX"}
	case Replace:
		args = []string{"SET", op.Key, op.Value, "XX"}
	}
	if op.TTL > 0 {
		args = append(args, "EX", strconv.Itoa(int(op.TTL/time.Second)))
	}
	return args
}

// otterTarget is maypok86/otter, an in-process cache, with room for everything and
// times to live switched on: what is looked up is checked for its expiry, as Atoll's
// entries are.
type otterTarget struct{ cache *otter.Cache[string, string] }

// otterRoom is how many entries it may have: more than any workload that is run on
// it, so that it never evicts.
const otterRoom = 10_000_000

// NewOtter returns an otter cache as a target. It has strings only.
func NewOtter() (Target, error) {
	c, err := otter.New(&otter.Options[string, string]{
		MaximumSize: otterRoom, ExpiryCalculator: otter.ExpiryWriting[string, string](365 * 24 * time.Hour),
	})
	if err != nil {
		return nil, err
	}
	return otterTarget{c}, nil
}

// Name implements Target.
func (otterTarget) Name() string { return "otter" }

// limits implements limited: there is one time to live for all.
func (otterTarget) limits() (depth int, expiry bool) { return maxDepth, false }

// Connect implements Target.
func (t otterTarget) Connect(context.Context) (Conn, error) { return t, nil }

// Close implements Target and Conn.
func (otterTarget) Close() error { return nil }

// Do implements Conn.
func (t otterTarget) Do(_ context.Context, ops []Op) (misses int, err error) {
	for i := range ops {
		switch op := &ops[i]; op.Kind {
		case Get:
			if _, ok := t.cache.GetIfPresent(op.Key); !ok {
				misses++
			}
		case Set:
			t.cache.Set(op.Key, op.Value)
		case Add:
			t.cache.SetIfAbsent(op.Key, op.Value)
		case Del:
			t.cache.Invalidate(op.Key)
		default:
			return misses, fmt.Errorf("otter: %s: %w", op.Kind, ErrUnsupported)
		}
	}
	return misses, nil
}
