package node

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Availability returns what answers the health checks of Redis clients that fail
// over between regions; see [resp.Availability].
func (n *Node) Availability() http.Handler {
	return resp.Availability(health{n}, n.cfg.Redis.address())
}

// health is the node as its health checks see it.
type health struct{ n *Node }

var _ resp.Health = health{}

// Serving implements resp.Health.
func (h health) Serving() error {
	l := h.n.life.Load()
	if s := l.core.State(); s != core.Ready {
		return fmt.Errorf("the node is %s", s)
	}
	if why := l.unready(l.core.Clock(), l.link.Stats()); why != "" {
		return errors.New(why)
	}
	return nil
}

// owed is what a partition lacks: the last write of a replica that somebody there
// has announced.
type owed struct {
	shard *core.Shard
	dot   crdt.Dot
}

// Lag implements resp.Health. A region that is silent counts as lost, not as ahead,
// unless most of them are: then it is this one that is cut off.
func (h health) Lag(ctx context.Context) error {
	l := h.n.life.Load()
	if err := l.isCutOff(); err != nil {
		return err
	}
	var missing []owed
	for _, s := range l.core.Shards() {
		s.Do(func(e *cachesync.Engine) {
			own := e.Vector()
			for _, p := range e.Peers() {
				if p.Region == l.cfg.Region || !p.Behind {
					continue
				}
				for _, d := range p.Vector.Beyond(own) {
					missing = append(missing, owed{s, d})
				}
			}
		})
	}
	for _, m := range missing {
		if !awaitSeen(ctx, m.shard, m.dot) {
			return fmt.Errorf("write %v, and %d more at most, has not arrived from another region in time", m.dot, len(missing)-1)
		}
	}
	return nil
}

// isCutOff says so when a region's writes are not taken, or when fewer than half
// of the regions are heard.
func (l *life) isCutOff() error {
	heard := map[string]bool{}
	for _, m := range l.core.Place().Members() {
		heard[m.Region] = heard[m.Region] || m.State != region.StateSuspect
	}
	var silent []string
	for name, is := range heard {
		if l.core.Paused(name, l.cfg.Region) {
			return fmt.Errorf("what region %s writes is not taken: the link is paused", name)
		}
		if !is {
			silent = append(silent, name)
		}
	}
	if 2*len(silent) > len(heard) {
		return fmt.Errorf("nothing is heard of most regions: %s", strings.Join(silent, ", "))
	}
	return nil
}
