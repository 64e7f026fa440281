package node

import (
	"context"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	cachesync "github.com/atollcache/atoll/sync"
)

const (
	// buryEvery is how often is looked whether too much is left of evicted keys, and
	// buryWait bounds the wait for what other holders say of those of one partition.
	buryEvery = time.Second
	buryWait  = time.Second
	// buryRounds bounds the questions about one partition at a time.
	buryRounds = 8
)

// buryAll removes evicted keys that nobody has any more, while too much is left of them,
// until ctx ends.
func (l *life) buryAll(ctx context.Context) {
	for sleep(ctx, buryEvery) {
		for _, s := range l.core.Shards() {
			for range buryRounds {
				if ctx.Err() != nil || !l.core.Config().Memory.Haunted() || l.bury(ctx, s) == 0 {
					break
				}
			}
		}
	}
}

// bury asks all holders of a partition about some of its evicted keys, and removes those
// that nobody has. It returns how many.
func (l *life) bury(ctx context.Context, s *core.Shard) (n int) {
	keys := s.Ghosts(cachesync.MaxWanted)
	if len(keys) == 0 {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, buryWait)
	defer cancel()
	had, ok := l.whoHas(ctx, s, keys)
	if !ok {
		return 0
	}
	for _, key := range keys {
		if !had[key] && s.Bury(key) {
			n++
		}
	}
	l.wrote(s)
	return n
}

// whoHas returns which of some keys any other holder has. It reports false when not all of
// them have said.
func (l *life) whoHas(ctx context.Context, s *core.Shard, keys []string) (had map[string]bool, ok bool) {
	near, far := s.Holders(l.cfg.Region)
	ask := map[crdt.ReplicaID]bool{}
	for _, r := range append(near, far...) {
		ask[r] = true
	}
	for _, r := range l.core.Place().Replicas(s.ID()) {
		ask[r] = true
	}
	delete(ask, l.core.Replica())
	var mu sync.Mutex
	var asking sync.WaitGroup
	had, ok = map[string]bool{}, true
	for r := range ask {
		asking.Go(func() {
			has, err := l.runner.Bring(ctx, s.ID(), r, keys, true)
			mu.Lock()
			defer mu.Unlock()
			ok = ok && err == nil
			for _, key := range has {
				had[key] = true
			}
		})
	}
	asking.Wait()
	return had, ok
}
