package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/client"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/natsd"
	"github.com/atollcache/atoll/region"
)

// Bounds of a local cluster.
const (
	maxLocalNodes = 64
	meshWait      = 15 * time.Second // gateways; a WAN round trip and more
	readyWait     = 60 * time.Second // nodes, of which there may be many on few cores
	seePoll       = 20 * time.Millisecond
	stopWait      = 20 * time.Second
	localFrozen   = 20 * time.Second // all nodes and their servers are frozen together, and nobody answers for another
)

// localOptions say what a local cluster is like.
type localOptions struct {
	cluster  string
	regions  []string
	nodes    int             // of each region
	wan      time.Duration   // round trip between two regions
	natsPort int             // of the first region; 0 takes free ones
	doors    *localDoors     // for Redis clients and over HTTP; nil: none
	disk     node.DiskConfig // of all nodes, each in a directory of its own under Dir
	log      *slog.Logger
}

// diskOf returns where a node keeps its data.
func (o localOptions) diskOf(name string) node.DiskConfig {
	cfg := o.disk
	if cfg.Dir != "" {
		cfg.Dir = filepath.Join(cfg.Dir, name)
	}
	return cfg
}

func (o localOptions) validate() error {
	for i, r := range o.regions {
		if err := region.ValidateRegion(r); err != nil {
			return usagef("%w", err)
		}
		if slices.Contains(o.regions[:i], r) {
			return usagef("region %s is named twice", r)
		}
	}
	switch n := o.nodes * len(o.regions); {
	case len(o.regions) == 0:
		return usagef("no region").withHint("name at least one, such as --regions us,eu")
	case o.nodes < 1 || n > maxLocalNodes:
		return usagef("%d nodes in each of %d regions; use 1 to %d nodes in all", o.nodes, len(o.regions), maxLocalNodes)
	case o.wan < 0 || o.wan > meshWait/3:
		return usagef("a round trip of %s; use 0 to %s", o.wan, meshWait/3)
	case o.natsPort < 0 || o.natsPort+len(o.regions)-1 > 65535:
		return usagef("port %d; use 1 to 65535 for all regions, or 0 for any", o.natsPort)
	}
	return o.doors.validate(len(o.regions), o.nodes)
}

// local is a whole cluster in this process: a NATS server for each region, joined
// by gateways, and nodes.
type local struct {
	super  *natsd.Super
	nodes  []*localNode
	failed chan error // what ended a node that nobody stopped
}

// localNode is one node of a local cluster.
type localNode struct {
	*node.Node
	conns *natsd.Conns
	redis net.Listener // nil: no Redis clients
	web   *webServer   // nil: nothing over HTTP
	stop  context.CancelFunc
	done  chan struct{} // closed when Run has returned
}

// startLocal starts a cluster and returns when every node serves and knows all
// others. After an error nothing is left running.
func startLocal(ctx context.Context, o localOptions) (*local, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	super, err := natsd.StartSuper(natsd.SuperOptions{Regions: o.regions, BasePort: o.natsPort, WAN: o.wan, Log: o.log})
	if err != nil {
		return nil, startFailure(err)
	}
	l := &local{super: super, failed: make(chan error, maxLocalNodes)}
	if err := l.start(ctx, o); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// startFailure says what to do about a server that does not start.
func startFailure(err error) error {
	f := &failure{code: exitUnreachable, err: err}
	if errors.Is(err, natsd.ErrPortInUse) {
		return f.withHint("another server, perhaps another `atoll dev`, listens there: stop it, or choose other ports")
	}
	return f
}

func (l *local) start(ctx context.Context, o localOptions) error {
	mesh, cancel := context.WithTimeout(ctx, meshWait)
	defer cancel()
	if err := l.super.WaitMesh(mesh); err != nil {
		return err
	}
	for ri, r := range o.regions {
		for i := range o.nodes {
			n, err := l.open(o, r, fmt.Sprintf("%s-%d", r, i+1), ri, i)
			if err != nil {
				return err
			}
			l.nodes = append(l.nodes, n)
		}
	}
	for _, n := range l.nodes {
		l.run(n)
	}
	ready, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	for _, n := range l.nodes {
		if err := l.waitFor(ready, n, len(l.nodes)); err != nil {
			return err
		}
	}
	return nil
}

// open makes one node.
func (l *local) open(o localOptions, r, name string, regionIndex, index int) (*localNode, error) {
	redis, web, err := o.doors.listen(regionIndex, index)
	if err != nil {
		return nil, err
	}
	n := &localNode{web: web, redis: redis.Listener, done: make(chan struct{})}
	conns, err := natsd.ConnectNode(name, l.super.Server(r).Connect, natsd.LogOptions(o.log)...)
	if err != nil {
		n.closeDoors()
		return nil, err
	}
	n.conns = conns
	n.Node, err = node.Open(node.Config{
		Cluster: o.cluster, Region: r, Name: name, Conn: conns.Data, Control: conns.Control, Bulk: conns.Bulk, Log: o.log,
		FrozenAfter: localFrozen, Redis: redis, Disk: o.diskOf(name),
	})
	if err != nil {
		n.closeDoors()
		conns.Close()
		return nil, openFailure(err)
	}
	return n, nil
}

// run starts a node. One that ends by itself is reported to failed.
func (l *local) run(n *localNode) {
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	n.web.serve(n.Availability())
	go func() {
		defer close(n.done)
		defer n.closeDoors()
		if err := n.Run(ctx); ctx.Err() == nil {
			l.failed <- fmt.Errorf("node %s has stopped: %w", n.Name(), err)
		}
	}()
}

// waitFor returns when a node serves and knows of so many nodes that serve.
func (l *local) waitFor(ctx context.Context, n *localNode, nodes int) error {
	select {
	case <-n.Ready():
	case err := <-l.failed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("node %s is not ready: %w", n.Name(), ctx.Err())
	}
	return poll(ctx, seePoll, func() (bool, error) {
		all, err := n.Nodes(ctx)
		if err != nil {
			return false, err
		}
		serving := 0
		for _, m := range all {
			if m.State == region.StateReady.String() && !m.Unanswered {
				serving++
			}
		}
		return serving == nodes, nil
	})
}

// poll asks again until the answer is yes, ctx ends, or asking fails.
func poll(ctx context.Context, every time.Duration, ask func() (bool, error)) error {
	for {
		if ok, err := ask(); ok || err != nil {
			return err
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// client connects to a region as any program would. The caller calls end when it
// is done.
func (l *local) client(cluster, r string) (api *command.API, end func(), err error) {
	conn, err := nats.Connect(l.super.Server(r).ClientURL(), nats.Name("atoll demo"))
	if err != nil {
		return nil, nil, err
	}
	c, err := client.New(conn, client.WithCluster(cluster), client.WithRegion(r))
	if err != nil {
		conn.Close()
		return nil, nil, err
	}
	return c.API, func() { _ = c.Close(); conn.Close() }, nil
}

// kill ends a node as a crash does: nobody hears another word from it.
func (n *localNode) kill() {
	n.conns.Close()
	n.stop()
	<-n.done
}

// close stops the nodes, which leave, and then the servers.
func (l *local) close() {
	var wg sync.WaitGroup
	for _, n := range l.nodes {
		wg.Go(func() {
			if n.stop != nil {
				n.stop()
				<-n.done
			}
			_ = n.Close() // Of one that was not run.
			n.closeDoors()
			n.conns.Close()
		})
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	_ = l.super.Shutdown(ctx) // What does not end now ends with the process.
}
