package natslink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// Ask implements cachesync.Transport. What is asked for at once is bounded by
// bulk.Config.WindowBytes. Errors are those of bulk.Caller.Request, and ErrLost at
// once when the connection is lost; nats.ErrNoResponders says that the replica is
// not there, or in a part of the network that has no way here.
func (l *Link) Ask(ctx context.Context, to crdt.ReplicaID, msg []byte) ([]byte, error) {
	within := l.patience.with(to)
	answer, err := l.request(ctx, to, func(ctx context.Context, subject string) ([]byte, error) {
		return l.caller.RequestWithin(ctx, within, subject, msg)
	})
	l.patience.learn(to, within, err)
	return answer, err
}

// Call is like Ask, but lets the other side take as long as ctx does before it
// begins to answer, and does not wait for others to be answered. When the connection
// is lost meanwhile it asks again as soon as there is one, so the other side may be
// asked more than once, as it may hear of more than one that is the same.
func (l *Link) Call(ctx context.Context, to crdt.ReplicaID, msg []byte) ([]byte, error) {
	for {
		now := l.bulk.span.Load()
		answer, err := l.request(ctx, to, func(ctx context.Context, subject string) ([]byte, error) {
			return l.caller.RequestBounded(ctx, subject, msg)
		})
		if !errors.Is(err, ErrLost) {
			return answer, err
		}
		select {
		case <-now.back:
			l.count.askedAgain.Add(1)
		case <-l.stop:
			return nil, err
		case <-ctx.Done():
			return nil, fmt.Errorf("ask %v: %w: %w", to, err, ctx.Err())
		}
	}
}

// request asks a replica and ends when the connection is lost.
func (l *Link) request(ctx context.Context, to crdt.ReplicaID, ask func(ctx context.Context, subject string) ([]byte, error)) ([]byte, error) {
	if !l.isRunning() {
		return nil, fmt.Errorf("ask %v: %w", to, ErrNotRunning)
	}
	l.count.asked.Add(1)
	span := l.bulk.span.Load()
	bound, own := span.bind(ctx)
	defer span.forget(own)
	answer, err := ask(bound, l.subjects.Repair(to))
	if err == nil {
		return answer, nil
	}
	l.count.askFailed.Add(1)
	if ctx.Err() == nil && errors.Is(context.Cause(bound), ErrLost) {
		l.count.askLost.Add(1)
		err = ErrLost
	}
	return nil, fmt.Errorf("ask %v: %w", to, err)
}

// maxImpatient bounds the replicas of which it is remembered that they were given
// up on. Beyond that all are forgotten, and waited for as long as any.
const maxImpatient = 256

// patience is how long the answers of each replica may take to begin. To make a
// large one can take longer than a replica that is not there is worth waiting for.
// If that time were fixed, such an answer would be asked for, made and thrown away
// for ever.
type patience struct {
	usual time.Duration

	mu   sync.Mutex
	more map[crdt.ReplicaID]time.Duration // of those that were given up on
}

func newPatience(usual time.Duration) *patience {
	return &patience{usual: usual, more: map[crdt.ReplicaID]time.Duration{}}
}

// with returns how long to wait for a replica.
func (p *patience) with(r crdt.ReplicaID) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if more, ok := p.more[r]; ok {
		return more
	}
	return p.usual
}

// learn notes what came of waiting for a replica.
func (p *patience) learn(r crdt.ReplicaID, waited time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil:
		delete(p.more, r)
	case errors.Is(err, context.DeadlineExceeded):
		if _, known := p.more[r]; !known && len(p.more) >= maxImpatient {
			clear(p.more)
		}
		// Others that waited as long at the same time have noted it as well.
		p.more[r] = min(max(p.more[r], 2*waited), time.Hour)
	}
}
