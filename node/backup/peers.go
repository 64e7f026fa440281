package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// peer is a node of the cluster.
type peer struct {
	wire.NodeInfo
	replica crdt.ReplicaID
	holding wire.HoldingInfo
	err     error // why it has not said what it holds
}

func (p *peer) String() string { return p.Region + "/" + p.Name }

// ask sends a node a request and waits for the answer for a bounded time.
func (c *Config) ask(ctx context.Context, to *peer, args ...string) (wire.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	r, err := c.Client.AskNode(ctx, to.replica, args...)
	if err != nil {
		return r, fmt.Errorf("node %v: %w", to, err)
	}
	return r, nil
}

// aboutTimeout bounds the wait for a node to say what it holds, which it does at once.
const aboutTimeout = 5 * time.Second

// roster asks all nodes of the cluster, of all regions, what they hold.
func (c *Config) roster(ctx context.Context) ([]*peer, error) {
	within, cancel := context.WithTimeout(ctx, c.Timeout)
	nodes, err := c.Client.Nodes(within)
	cancel()
	if err != nil {
		return nil, err
	}
	out := make([]*peer, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		p := &peer{NodeInfo: n}
		id, err := strconv.ParseUint(n.Replica, 16, 64)
		if err != nil {
			return nil, fmt.Errorf("node %v: %w", p, err)
		}
		p.replica, out[i] = crdt.ReplicaID(id), p
		wg.Go(func() { p.holding, p.err = c.about(ctx, p) })
	}
	wg.Wait()
	return out, ctx.Err()
}

func (c *Config) about(ctx context.Context, p *peer) (h wire.HoldingInfo, err error) {
	ctx, cancel := context.WithTimeout(ctx, aboutTimeout)
	defer cancel()
	r, err := c.ask(ctx, p, "_BACKUP", "ABOUT")
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal([]byte(r.Text), &h); err != nil {
		return h, fmt.Errorf("node %v: %w", p, err)
	}
	if h.Cluster != c.Client.Cluster() {
		return h, fmt.Errorf("node %v is of cluster %q, not %q", p, h.Cluster, c.Client.Cluster())
	}
	return h, region.Partitions(h.Partitions).Validate()
}

// partitionsOf returns the cluster's number of partitions.
func partitionsOf(peers []*peer) (region.Partitions, error) {
	var first error
	for _, p := range peers {
		if p.err == nil {
			return region.Partitions(p.holding.Partitions), nil
		}
		first = errors.Join(first, p.err)
	}
	return 0, fmt.Errorf("no node answers: %w", errors.Join(first, ErrNotHeld))
}

// holders returns the nodes that hold a partition, those of a region first and its
// owner there before all.
func holders(peers []*peer, r string, p region.Partition) (out []*peer) {
	for _, x := range peers {
		if x.err == nil && slices.Contains(x.holding.Holds, int(p)) {
			out = append(out, x)
		}
	}
	rank := func(x *peer) int {
		switch {
		case x.Region == r && slices.Contains(x.holding.Owns, int(p)):
			return 0
		case x.Region == r:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(out, func(a, b *peer) int { return rank(a) - rank(b) })
	return out
}

// again reports whether an error may be gone when the partition is begun anew.
func again(err error) bool {
	if w := (*wire.Error)(nil); errors.As(err, &w) && w.Code == wire.CodeNotOwner {
		return true
	}
	return errors.Is(err, wire.ErrOverload) || errors.Is(err, wire.ErrUnavailable) || errors.Is(err, wire.ErrTimeout)
}
