package natslink

import (
	"errors"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/sync/bulk"
)

// Stats is what a link has counted since it was made, and what it holds now.
type Stats struct {
	Published uint64 // messages handed to NATS
	Announced uint64 // announcements handed to NATS
	Failed    uint64 // of either kind: refused, because disconnected or too large
	Asked     uint64 // requests sent to other replicas
	AskFailed uint64 // of those, without an answer

	Received uint64 // messages of others delivered
	Heard    uint64 // announcements of others delivered
	Own      uint64 // messages that were this link's own
	Foreign  uint64 // messages on a subject that no node publishes to
	Dropped  uint64 // messages that found a lane full
	Lost     uint64 // messages that NATS dropped here because they came too fast
	Denied   uint64 // permission errors that AsyncError was told of

	Held    int // partitions held, now
	Pending int // messages that wait in lanes, now

	Bulk bulk.Stats // of the server that answers requests
}

// counters are the live counterparts of Stats.
type counters struct {
	published, announced, failed, asked, askFailed atomic.Uint64
	received, heard, own, foreign, dropped, denied atomic.Uint64
}

// Stats returns the counters at this moment. It does not block.
func (l *Link) Stats() Stats {
	c := &l.count
	s := Stats{
		Published: c.published.Load(), Announced: c.announced.Load(), Failed: c.failed.Load(),
		Asked: c.asked.Load(), AskFailed: c.askFailed.Load(),
		Received: c.received.Load(), Heard: c.heard.Load(), Own: c.own.Load(),
		Foreign: c.foreign.Load(), Dropped: c.dropped.Load(), Denied: c.denied.Load(),
	}
	for _, lane := range l.lanes {
		s.Pending += len(lane.queue)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Held = len(l.mu.held)
	s.Lost = l.mu.lost + dropped(l.mu.member)
	for _, sub := range l.mu.held {
		s.Lost += dropped(sub)
	}
	if l.mu.server != nil {
		s.Bulk = l.mu.server.Stats()
	}
	return s
}

// AsyncError counts an error that the connection's error handler was called
// with, if it is about permissions. It may be called with any error.
func (l *Link) AsyncError(_ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrPermissionViolation) {
		l.count.denied.Add(1)
	}
}

// dropped returns what NATS dropped for one subscription.
func dropped(sub *nats.Subscription) uint64 {
	if sub == nil {
		return 0
	}
	n, err := sub.Dropped()
	if err != nil || n < 0 {
		return 0
	}
	return uint64(n)
}
