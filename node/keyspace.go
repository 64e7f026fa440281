package node

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// The commands on all keys of the region. They ask the owner of each partition,
// and another holder where that does not answer.

// maxKeys bounds the keys that KEYS replies.
const maxKeys = 1_000_000

// eachPage calls f with pages of the region's keys that a pattern matches until f
// reports false. It returns an error reply when a partition's holders are silent.
func (l *life) eachPage(ctx context.Context, match string, f func(keys []wire.Reply) bool) (wire.Reply, bool) {
	cmd := wire.Command{Args: []string{"SCAN", "0", "MATCH", match}}
	for p := range l.cfg.Partitions.Count() {
		for place := uint64(0); ; {
			page := l.pageOf(ctx, region.Partition(p), place, command.MaxScanCount, cmd, false)
			if page.Type != wire.TypeList || len(page.List) == 0 {
				return page, false
			}
			if !f(page.List[1:]) {
				return wire.Reply{}, true
			}
			if place = uint64(page.List[0].Int); place == 0 {
				break
			}
		}
	}
	return wire.Reply{}, true
}

// keys is KEYS.
func (l *life) keys(ctx context.Context, cmd wire.Command) wire.Reply {
	keys := []wire.Reply{}
	if failed, ok := l.eachPage(ctx, cmd.Args[1], func(page []wire.Reply) bool {
		keys = append(keys, page...)
		return len(keys) <= maxKeys
	}); !ok {
		return failed
	}
	if len(keys) > maxKeys {
		return wire.Fail(&wire.Error{Code: wire.CodeTooLarge, Text: "ERR more than " + strconv.Itoa(maxKeys) + " keys match: use SCAN"})
	}
	return wire.List(keys...)
}

// randomKey is RANDOMKEY: the first key behind a random place of a random
// partition. Keys behind a wide gap come more often.
func (l *life) randomKey(ctx context.Context, _ wire.Command) wire.Reply {
	n := l.cfg.Partitions.Count()
	first, place := rand.IntN(n), rand.Uint64N(1<<placeBits)
	cmd := wire.Command{Args: []string{"SCAN", "0"}}
	for i := range n + 1 { // The first one again, from its beginning.
		page := l.pageOf(ctx, region.Partition((first+i)%n), place, 1, cmd, false)
		if page.Type != wire.TypeList || len(page.List) == 0 {
			return page
		}
		if len(page.List) > 1 {
			return page.List[1]
		}
		place = 0
	}
	return wire.Nil
}

// size is DBSIZE.
func (l *life) size(ctx context.Context, _ wire.Command) wire.Reply {
	sum, left := int64(0), make([]region.Partition, l.cfg.Partitions.Count())
	for p := range left {
		left[p] = region.Partition(p)
	}
	for attempt := 0; len(left) > 0; attempt++ {
		asked, rest := l.byHolder(left, attempt)
		if len(asked) == 0 {
			return wire.Fail(errNoHolder)
		}
		var mu sync.Mutex
		var wg sync.WaitGroup
		left = rest
		for holder, partitions := range asked {
			wg.Go(func() {
				r := l.countAt(ctx, holder, partitions)
				mu.Lock()
				defer mu.Unlock()
				if r.Type != wire.TypeInt {
					left = append(left, partitions...)
					return
				}
				sum += r.Int
			})
		}
		wg.Wait()
	}
	return wire.Int(sum)
}

// errNoHolder is the reply when all holders of a partition are silent.
var errNoHolder = &wire.Error{Code: wire.CodeUnavailable, Text: "ERR no holder of a partition answers: try again shortly"}

// byHolder sorts partitions by the node to ask at an attempt, counted from 0.
// Those that have no further holder are left.
func (l *life) byHolder(partitions []region.Partition, attempt int) (asked map[crdt.ReplicaID][]region.Partition, left []region.Partition) {
	asked = map[crdt.ReplicaID][]region.Partition{}
	for _, p := range partitions {
		holders := l.holders(p)
		if attempt < len(holders) {
			to := holders[attempt].Replica
			asked[to] = append(asked[to], p)
		} else {
			left = append(left, p)
		}
	}
	return asked, left
}

// holders returns the nodes of the region that answer for a partition, the owner
// first.
func (l *life) holders(p region.Partition) (out []region.Member) {
	pl := l.core.Place()
	ring := pl.Serving(l.cfg.Region)
	if ring == nil || ring.Len() == 0 {
		return nil
	}
	for _, name := range ring.Holders(p) {
		if m, ok := pl.Named(l.cfg.Region, name); ok {
			out = append(out, m)
		}
	}
	return out
}

// countAt asks a node, which may be this one, for the keys of partitions.
func (l *life) countAt(ctx context.Context, holder crdt.ReplicaID, partitions []region.Partition) wire.Reply {
	args := make([]string, len(partitions))
	for i, p := range partitions {
		args[i] = strconv.Itoa(int(p))
	}
	if holder == l.core.Replica() {
		r, err := l.answerCount(args)
		if err != nil {
			return wire.Fail(err)
		}
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return l.askNode(ctx, holder, append([]string{"_COUNT"}, args...)...)
}

// answerCount replies how many keys partitions have, which it must all hold.
func (l *life) answerCount(args []string) (wire.Reply, error) {
	sum, now := 0, l.cfg.Now().UnixMilli()
	for _, a := range args {
		p, err := strconv.ParseUint(a, 10, 16)
		if err != nil {
			return wire.Reply{}, command.ErrNotInteger
		}
		s := l.core.Shard(region.Partition(p))
		if s == nil || !s.IsReady() {
			return wire.Reply{}, core.ErrReleased
		}
		_, keys := s.Count(now)
		sum += keys
	}
	return wire.Int(int64(sum)), nil
}
