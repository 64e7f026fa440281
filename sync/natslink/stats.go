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
	AskFailed uint64 // of those, without an answer, and
	AskLost   uint64 // of those, because the connection was lost
	Again     uint64 // requests sent again after that

	Received uint64 // messages of others delivered
	Heard    uint64 // announcements of others delivered
	Own      uint64 // messages that were this link's own
	Foreign  uint64 // messages on a subject that no node publishes to
	Dropped  uint64 // messages that found a lane full
	Lost     uint64 // messages and announcements that NATS dropped here because they came too fast
	Denied   uint64 // permission errors that AsyncError was told of

	Held    int // partitions held, now
	Pending int // messages that wait in lanes, now

	Window bulk.CallerStats // of what is asked for
	Bulk   bulk.Stats       // of the server that answers requests

	// What travels on one connection shows the same connection.
	ControlConn, DataConn, BulkConn ConnStats
}

// ConnStats is what is known of a connection, and of what the link does there.
type ConnStats struct {
	Connected  bool   // there is a server, now
	Reconnects uint64 // how often it was lost and came back, since the link was started
	Lost       uint64 // messages of its kind that NATS dropped here because they came too fast
	Denied     uint64 // permission errors that AsyncError was told of
}

// counters are the live counterparts of Stats.
type counters struct {
	published, announced, failed, asked, askFailed atomic.Uint64
	askLost, askedAgain                            atomic.Uint64
	received, heard, own, foreign, dropped, denied atomic.Uint64
}

// Stats returns the counters at this moment. It waits for a Hold that is under
// way, and for no connection.
func (l *Link) Stats() Stats {
	c := &l.count
	s := Stats{
		Published: c.published.Load(), Announced: c.announced.Load(), Failed: c.failed.Load(),
		Asked: c.asked.Load(), AskFailed: c.askFailed.Load(),
		Received: c.received.Load(), Heard: c.heard.Load(), Own: c.own.Load(),
		AskLost: c.askLost.Load(), Again: c.askedAgain.Load(), Window: l.caller.Stats(),
		Foreign: c.foreign.Load(), Dropped: c.dropped.Load(), Denied: c.denied.Load(),
	}
	for _, lane := range l.lanes {
		s.Pending += len(lane.queue)
	}
	s.ControlConn, s.DataConn, s.BulkConn = l.control.stats(), l.data.stats(), l.bulk.stats()
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Held = len(l.mu.held)
	s.ControlConn.Lost = l.mu.lost.control + dropped(l.mu.member)
	s.DataConn.Lost = l.mu.lost.data
	for _, sub := range l.mu.held {
		s.DataConn.Lost += dropped(sub)
	}
	s.Lost = s.ControlConn.Lost + s.DataConn.Lost
	if l.mu.server != nil {
		s.Bulk = l.mu.server.Stats()
		s.BulkConn.Lost = s.Bulk.Unread
	}
	return s
}

// AsyncError counts an error that the error handler of a connection was called
// with, if it is about permissions. It may be called with any error, and be the
// handler.
func (l *Link) AsyncError(nc *nats.Conn, _ *nats.Subscription, err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	l.count.denied.Add(1)
	for _, c := range l.conns {
		if c.nc == nc {
			c.denied.Add(1)
		}
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
