package core

import (
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// A command that must not run twice may have reached two nodes: its client, or a
// node that passed it on, did not get a reply from the first. What the first wrote
// carries the request ID, and the second does not run it again once it has that. But
// both may be about to run it. So the second, when it asks the first what it has
// seen, claims the request: the first either has run it, and then its answer says so,
// or from then on leaves it to the second, for as long as a claim lasts. Where both
// claim it the lower replica ID has it. Whoever does not have it waits for what the
// other writes, and says after a while that it is not known what became of it.
//
// A claim is given away in the same moment in which the answer is read, under the
// partition's lock, and looked at under that lock when the command writes. So a
// request runs twice only where neither node can reach the other in time.

// maxClaims bounds the requests of a partition that are left to others, in the time
// that a claim lasts. More are not given away: then the other does not run them.
const maxClaims = 1 << 16

// claims are the requests that somebody is about to run in a partition.
type claims struct {
	lasts   time.Duration
	own     map[uint64]time.Time // until when this node may run it
	others  map[uint64]time.Time // until when another one has it
	older   map[uint64]time.Time // others, of the time before
	rotated time.Time
}

// claim claims a request, unless another node has it.
func (c *claims) claim(now time.Time, request uint64) bool {
	if c.isAnothers(now, request) {
		return false
	}
	if c.own == nil {
		c.own = map[uint64]time.Time{}
	}
	c.own[request] = now.Add(c.lasts)
	return true
}

func (c *claims) isAnothers(now time.Time, request uint64) bool {
	return now.Before(c.others[request]) || now.Before(c.older[request])
}

// mayRun reports whether this node may run a request: nobody has claimed it, or it
// did itself and that lasts.
func (c *claims) mayRun(now time.Time, request uint64) bool {
	if until, ok := c.own[request]; ok {
		return now.Before(until)
	}
	return !c.isAnothers(now, request)
}

// give leaves a request to another node and reports whether it does.
func (c *claims) give(now time.Time, request uint64) bool {
	if now.Sub(c.rotated) >= c.lasts { // What is older has ended.
		c.older, c.others, c.rotated = c.others, map[uint64]time.Time{}, now
	}
	if len(c.others) >= maxClaims {
		return false
	}
	delete(c.own, request)
	c.others[request] = now.Add(c.lasts)
	return true
}

// ErrClaimed is the reply to a command that must not run twice and that another
// node is about to run.
var ErrClaimed = &wire.Error{Code: wire.CodeTimeout,
	Text: "TIMEOUT another node was about to run this command; it may or may not have happened"}

// answer returns what the shard has seen and, of the requests that another node asks
// for, those that have run and those that it keeps.
func (s *Shard) answer(from crdt.ReplicaID, requests []uint64) (seen Seen) {
	s.Do(func(e *cachesync.Engine) {
		now := s.now()
		for _, r := range requests {
			until, own := s.mu.claims.own[r]
			switch {
			case e.HasRun(r):
				seen.Ran = append(seen.Ran, r)
			case own && now.Before(until) && s.self < from, !s.mu.claims.give(now, r):
				seen.Kept = append(seen.Kept, r)
			}
		}
		seen.Vector = e.Vector().Clone()
	})
	return seen
}

// claim claims a request and reports whether this node has it.
func (s *Shard) claim(request uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.claims.claim(s.now(), request)
}

// learn takes in what another node has answered: what it has written may come in a
// snapshot, without the request IDs.
func (s *Shard) learn(seen Seen) {
	s.Do(func(e *cachesync.Engine) {
		for _, r := range seen.Ran {
			e.Remember(r)
		}
		for _, r := range seen.Kept {
			s.mu.claims.give(s.now(), r)
		}
	})
}

// Disclaim ends what [Core.Ask] has claimed: the command has run here, or is not
// going to.
func (c *Core) Disclaim(p region.Partition, request uint64) {
	if s := c.Shard(p); s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.mu.claims.own, request)
	}
}
