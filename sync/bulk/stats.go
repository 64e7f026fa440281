package bulk

import (
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// Stats is what a Server has counted since it was made, and what it holds now.
type Stats struct {
	Requests      uint64 // handlers begun
	LargeRequests uint64 // of those, requests that came in chunks
	LargeReplies  uint64 // replies that were parked

	Busy           uint64 // requests refused for want of a worker, queue place or memory
	TooLarge       uint64 // requests and replies over the size limit
	Refused        uint64 // messages that made no sense, or came for a transfer not held
	ExpiredUploads uint64 // unfinished requests freed by HoldFor
	DroppedReplies uint64 // large replies lost: no room, HoldFor, or Close
	ReplyErrors    uint64 // answers that NATS did not take
	Unread         uint64 // messages that NATS dropped here because they came too fast

	HeldBytes int // of MaxHeld, now
	Uploads   int // requests arriving or being handled in chunks, now
	Parked    int // replies waiting to be pulled, now
	Queued    int // requests waiting for a worker, now
	Running   int // handlers running, now
}

// counters are the live counterparts of Stats.
type counters struct {
	requests, largeRequests, largeReplies atomic.Uint64
	busy, tooLarge, refused               atomic.Uint64
	expiredUploads, droppedReplies        atomic.Uint64
	replyErrors                           atomic.Uint64
	running                               atomic.Int64
}

// Stats returns the counters at this moment. It does not block.
func (s *Server) Stats() Stats {
	bytes, uploads, replies := s.ledger.held()
	unread := dropped(s.direct)
	s.mu.Lock()
	for sub := range s.mu.subs {
		unread += dropped(sub.sub)
	}
	s.mu.Unlock()
	c := &s.count
	return Stats{
		Requests:       c.requests.Load(),
		LargeRequests:  c.largeRequests.Load(),
		LargeReplies:   c.largeReplies.Load(),
		Busy:           c.busy.Load(),
		TooLarge:       c.tooLarge.Load(),
		Refused:        c.refused.Load(),
		ExpiredUploads: c.expiredUploads.Load(),
		DroppedReplies: c.droppedReplies.Load(),
		ReplyErrors:    c.replyErrors.Load(),
		Unread:         unread,
		HeldBytes:      bytes,
		Uploads:        uploads,
		Parked:         replies,
		Queued:         len(s.tasks),
		Running:        int(c.running.Load()),
	}
}

// dropped returns what NATS dropped for one subscription; one that has ended no
// longer knows.
func dropped(sub *nats.Subscription) uint64 {
	n, err := sub.Dropped()
	if err != nil || n < 0 {
		return 0
	}
	return uint64(n)
}
