package client

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/region"
	"github.com/atollcache/atoll/sync/bulk"
)

// Client runs commands in one region of a cluster. It is safe for concurrent use.
// It has the methods of command.API; API.Do runs commands as they are.
type Client struct {
	*command.API

	nc       *nats.Conn
	cfg      Config
	subjects region.Subjects
	caller   *bulk.Caller
	count    counters
	denials  denials
	tap      *tap // on the connection

	ring   atomic.Pointer[region.Ring] // nil until the members are known
	ringOf []region.Member             // what ring was made of; owned by refreshes
	kick   chan struct{}               // holds one element when a refresh is wanted

	ctx     context.Context // ends in Close
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu struct {
		sync.Mutex
		closed bool
		queues map[queueKey]*queue
	}
}

// New returns a client on nc, which stays the caller's to close, after the
// client. Unless the region and the number of partitions are given it looks for
// a node first, for at most Config.Discover, and returns ErrNotFound when there
// is none. Any number of clients may share a connection. The connection must not
// have been opened with nats.NoEcho if nodes use it too. The first client of a
// connection puts a handler before its error handler, which passes everything on;
// a program that sets its own later keeps clients from hearing that NATS turns
// requests away, so that they time out.
func New(nc *nats.Conn, opts ...Option) (*Client, error) {
	var cfg Config
	for _, o := range opts {
		o(&cfg)
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if cfg.Region == "" || cfg.Partitions == 0 {
		var err error
		if cfg, err = discover(nc, cfg); err != nil {
			return nil, err
		}
	}
	c := &Client{
		nc: nc, cfg: cfg,
		subjects: region.Subjects{Cluster: cfg.Cluster, Region: cfg.Region},
		caller:   bulk.NewCaller(nc, cfg.Bulk),
		kick:     make(chan struct{}, 1),
	}
	c.API = command.New(doer{c})
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.mu.queues = map[queueKey]*queue{}
	c.denials.waiting = map[*lookout]bool{}
	c.denials.bulk = strings.TrimSuffix(c.subjects.AnyWildcard(), "any.*") + "bulk."
	c.listen()
	c.running.Go(c.refreshes)
	return c, nil
}

// Cluster returns the cluster's name.
func (c *Client) Cluster() string { return c.cfg.Cluster }

// Region returns the region whose nodes are asked.
func (c *Client) Region() string { return c.cfg.Region }

// Partitions returns the cluster's number of partitions.
func (c *Client) Partitions() region.Partitions { return c.cfg.Partitions }

// String returns "atoll client of cluster/region".
func (c *Client) String() string {
	return fmt.Sprintf("atoll client of %s/%s", c.cfg.Cluster, c.cfg.Region)
}

// Close fails the commands that wait or are under way and returns when nothing
// of the client runs any more. The connection stays open. Further calls do
// nothing and return when the first has.
func (c *Client) Close() error {
	c.mu.Lock()
	c.mu.closed = true
	var waiting []*unit
	for _, q := range c.mu.queues {
		waiting = append(waiting, q.drop()...)
	}
	c.mu.Unlock()
	for _, u := range waiting {
		u.finish(c.errClosed())
	}
	c.cancel()
	c.running.Wait()
	c.deafen()
	return nil
}
