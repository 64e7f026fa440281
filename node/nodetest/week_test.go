package nodetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	cachesync "github.com/atollcache/atoll/sync"
)

// sees reports whether the nodes of a region show a key, any of them.
func (s *scenario) sees(region, key string) (who string, ok bool) {
	p := s.cfg.Partitions.Of(key)
	for at, n := range s.nodes {
		if n == nil || s.places[at].region != region || n.core.Shard(p) == nil || n.state != core.Ready {
			continue
		}
		n.core.Shard(p).Look(func(_ *cachesync.Engine, state *crdt.Partition) {
			if state.Entry(key).View(n.now().UnixMilli()).Exists() {
				who, ok = s.places[at].name, true
			}
		})
	}
	return who, ok
}

// neverSees fails when a key that has been deleted shows in one of the regions.
func (s *scenario) neverSees(deleted []string, regions ...string) {
	s.Helper()
	for _, key := range deleted {
		for _, region := range regions {
			if who, ok := s.sees(region, key); ok {
				s.Fatalf("%v: %s, which was deleted, shows at %s", s.now, key, who)
			}
		}
	}
}

// create returns the command that writes the i-th of some keys, of all kinds.
func create(i int, key string) []string {
	return [][]string{
		{"SET", key, "v"}, {"INCRBY", key, "5"}, {"HSET", key, "f", "1", "g", "2"}, {"SADD", key, "m"}, {"ZADD", key, "1", "m"},
	}[i%5]
}

// TestWeekAway cuts a region off, for a week at most. Others delete meanwhile what
// it has and forget that they did. When it returns it catches up or begins anew,
// and what was deleted is seen nowhere: not elsewhere at any time, and not there
// as soon as it has heard from the others.
func TestWeekAway(t *testing.T) {
	for _, c := range []struct {
		away, beat time.Duration
		busy       bool // it goes on writing meanwhile
		rebuilt    bool // it has to begin anew: the others have retired its IDs
	}{
		{time.Hour, 15 * time.Second, true, false},
		{23 * time.Hour, 90 * time.Second, true, false},
		{7 * 24 * time.Hour, 5 * time.Minute, false, true},
		{7 * 24 * time.Hour, 5 * time.Minute, true, true},
	} {
		t.Run(fmt.Sprintf("%v,busy=%v", c.away, c.busy), func(t *testing.T) {
			s := newScenario(t, slowPlan(c.beat, 3, 2))
			var keys []string
			for i := range 60 {
				keys = append(keys, fmt.Sprintf("k%d", i))
				s.call([]string{"ap", "eu", "us"}[i%3], i, create(i, keys[i])...)
			}
			s.wait(60 * c.beat)
			deleted := s.beAway("us", c.away, c.busy, keys)
			// A message takes a while, and so does finding out that something is missing.
			s.wait(30 * s.cfg.Sync.AnnounceEvery)
			for range 50 {
				s.neverSees(deleted, "ap", "eu", "us")
				s.wait(10 * c.beat)
			}
			s.rest()
			s.neverSees(deleted, "ap", "eu", "us")
			for _, key := range keys {
				if !slices.Contains(deleted, key) {
					if _, ok := s.sees("us", key); !ok {
						t.Errorf("%s, which nobody deleted, is gone", key)
					}
				}
			}
			if have := s.result(0).Counts.Engines.Rebuilt > 0; have != c.rebuilt {
				t.Errorf("away for %v: want it to begin anew: %v, have %v", c.away, c.rebuilt, have)
			}
		})
	}
}

// beAway cuts a region off for a while, in which others delete half of the keys,
// and some of those are changed and deleted in the region too when it is busy. It
// returns what must not be seen any more.
func (s *scenario) beAway(region string, away time.Duration, busy bool, keys []string) (deleted []string) {
	s.isolate(region, true, true, away)
	end := s.now + away
	s.wait(away / 10)
	for i, key := range keys {
		if i%2 == 0 {
			s.call("eu", i, "DEL", key)
			deleted = append(deleted, key)
		}
		if busy && i%4 == 1 {
			s.call(region, i, create(i, key)...)
		}
		if busy && i%8 == 2 {
			s.call(region, i, "DEL", key)
		}
	}
	for s.now < end {
		s.wait(min(end-s.now, away/20))
		s.neverSees(deleted, "ap", "eu")
		// Something is always being written, and forgotten.
		s.call("ap", 0, "INCRBY", "busy", "1")
		s.call("eu", 0, "SET", "passing", "x", "PX", "60000")
	}
	return deleted
}
