package natslink

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
	"github.com/atollcache/atoll/sync/bulk"
)

var _ cachesync.Transport = (*Link)(nil)

// Link is a cachesync.Transport on one NATS connection. It is safe for
// concurrent use. Make it with [New], hand it to a runner, then [Link.Start] it
// with the receiver.
type Link struct {
	nc       *nats.Conn
	cfg      Config
	subjects region.Subjects
	caller   *bulk.Caller
	echoes   *echoes
	count    counters

	deltas  chan *nats.Msg // shared by the subscriptions of all held partitions
	members chan *nats.Msg
	lanes   []*lane // the last one is for announcements
	stop    chan struct{}
	ended   chan struct{} // closed when Close has finished

	mu struct {
		sync.Mutex
		state  state
		held   map[region.Partition]*nats.Subscription
		member *nats.Subscription
		server *bulk.Server
		lost   uint64 // dropped by NATS for subscriptions that have ended
	}
	running sync.WaitGroup
}

// state is where a link is in its life.
type state uint8

const (
	stateNew state = iota
	stateRunning
	stateClosed
)

// New returns a link that is not running yet. It does nothing on the network.
func New(nc *nats.Conn, cfg Config) (*Link, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	l := &Link{
		nc:       nc,
		cfg:      cfg,
		subjects: region.Subjects{Cluster: cfg.Cluster, Region: cfg.Region},
		caller:   bulk.NewCaller(nc, cfg.Bulk),
		deltas:   make(chan *nats.Msg, burst),
		members:  make(chan *nats.Msg, burst),
		stop:     make(chan struct{}),
		echoes:   newEchoes(),
		ended:    make(chan struct{}),
	}
	for range cfg.Lanes + 1 {
		l.lanes = append(l.lanes, newLane(cfg.Pending, cfg.PendingBytes))
	}
	l.mu.held = map[region.Partition]*nats.Subscription{}
	return l, nil
}

// Start begins to deliver to r: announcements and requests at once, published
// messages for the partitions that Hold names. It returns when the NATS server
// knows of the subscriptions, or at once while there is no server: then they
// come into force with the connection. A link is started once; a further call
// returns ErrNotRunning.
func (l *Link) Start(r cachesync.Receiver) error {
	if err := l.start(r); err != nil {
		return err
	}
	if l.nc.IsConnected() {
		_ = l.nc.Flush() // An error says that there is no server by now.
	}
	return nil
}

func (l *Link) start(r cachesync.Receiver) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.state != stateNew {
		return fmt.Errorf("start link: %w: it was started before", ErrNotRunning)
	}
	if err := l.subscribe(r); err != nil {
		return fmt.Errorf("start link: %w", err)
	}
	l.mu.state = stateRunning
	l.running.Go(l.sort)
	last := len(l.lanes) - 1
	for _, lane := range l.lanes[:last] {
		l.running.Go(func() {
			lane.run(func(it item) {
				l.count.received.Add(1)
				r.Published(it.partition, it.data)
			})
		})
	}
	l.running.Go(func() {
		l.lanes[last].run(func(it item) {
			l.count.heard.Add(1)
			r.Announced(it.data)
		})
	})
	return nil
}

// subscribe subscribes to what every node hears, or to nothing.
func (l *Link) subscribe(r cachesync.Receiver) error {
	address := l.subjects.Repair(l.cfg.Replica)
	server, err := bulk.NewServer(l.nc, address+".bulk", l.cfg.Bulk)
	if err != nil {
		return err
	}
	_, err = server.Handle(address, "", func(ctx context.Context, _ string, msg []byte) []byte {
		return r.Asked(ctx, msg)
	})
	if err == nil {
		l.mu.member, err = l.nc.ChanSubscribe(l.subjects.MemberWildcard(), l.members)
	}
	if err != nil {
		_ = server.Close() // The first error is the one to report.
		return err
	}
	l.mu.server = server
	return nil
}

// Publish implements cachesync.Transport. It does not block, and returns
// ErrDisconnected at once while there is no server.
func (l *Link) Publish(p region.Partition, msg []byte) error {
	if err := l.send(l.subjects.Delta(l.cfg.Region, p), msg); err != nil {
		return fmt.Errorf("publish to partition %d: %w", p, err)
	}
	l.count.published.Add(1)
	return nil
}

// Announce implements cachesync.Transport. What is announced reaches the
// receivers of all other links of the cluster; it need not be a message of
// package sync.
func (l *Link) Announce(msg []byte) error {
	if err := l.send(l.subjects.Member(l.cfg.Region), msg); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	l.count.announced.Add(1)
	return nil
}

func (l *Link) send(subject string, msg []byte) error {
	err := l.check(len(msg))
	if err == nil {
		l.echoes.sent(msg)
		err = l.nc.Publish(subject, msg)
	}
	if err != nil {
		l.count.failed.Add(1)
	}
	return err
}

// check returns why n bytes cannot be sent now.
func (l *Link) check(n int) error {
	if !l.isRunning() {
		return ErrNotRunning
	}
	if !l.nc.IsConnected() {
		return ErrDisconnected
	}
	if limit := l.MaxMessage(); n > limit {
		return fmt.Errorf("%w: %d bytes, limit is %d; raise max_payload of the NATS server", cachesync.ErrTooLarge, n, limit)
	}
	return nil
}

// Ask implements cachesync.Transport. Errors are those of bulk.Caller.Request;
// nats.ErrNoResponders says that the replica is not there, or in a part of the
// network that has no way here.
func (l *Link) Ask(ctx context.Context, to crdt.ReplicaID, msg []byte) ([]byte, error) {
	return l.request(ctx, l.cfg.AnswerTimeout, to, msg)
}

// Call is like Ask, but lets the other side take as long as ctx does before it
// begins to answer.
func (l *Link) Call(ctx context.Context, to crdt.ReplicaID, msg []byte) ([]byte, error) {
	return l.request(ctx, 0, to, msg)
}

func (l *Link) request(ctx context.Context, within time.Duration, to crdt.ReplicaID, msg []byte) ([]byte, error) {
	if !l.isRunning() {
		return nil, fmt.Errorf("ask %v: %w", to, ErrNotRunning)
	}
	l.count.asked.Add(1)
	answer, err := l.caller.RequestWithin(ctx, within, l.subjects.Repair(to), msg)
	if err != nil {
		l.count.askFailed.Add(1)
		return nil, fmt.Errorf("ask %v: %w", to, err)
	}
	return answer, nil
}

// Hold implements cachesync.Transport. It does not wait for the NATS server to
// know of a new subscription: what is published until then shows as a gap. To
// hold what is held already, and to drop what is not, does nothing. A message
// that had arrived before may still be delivered after a partition was dropped.
func (l *Link) Hold(p region.Partition, hold bool) error {
	if int(p) >= l.cfg.Partitions.Count() {
		return fmt.Errorf("hold partition %d: %w: there are %d partitions", p, ErrConfig, l.cfg.Partitions.Count())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.state != stateRunning {
		return fmt.Errorf("hold partition %d: %w", p, ErrNotRunning)
	}
	sub, held := l.mu.held[p]
	switch {
	case hold && !held:
		sub, err := l.nc.ChanSubscribe(l.subjects.DeltaWildcard(p), l.deltas)
		if err != nil {
			return fmt.Errorf("hold partition %d: %w", p, err)
		}
		l.mu.held[p] = sub
	case !hold && held:
		delete(l.mu.held, p)
		if err := l.end(sub); err != nil {
			return fmt.Errorf("drop partition %d: %w", p, err)
		}
	}
	return nil
}

// end ends a subscription and keeps its count.
func (l *Link) end(sub *nats.Subscription) error {
	l.mu.lost += dropped(sub)
	if err := sub.Unsubscribe(); err != nil && !l.nc.IsClosed() {
		return err
	}
	return nil
}

// MaxMessage implements cachesync.Transport. It follows the server that the
// connection has reached, and is 0 before the first.
func (l *Link) MaxMessage() int { return int(max(l.nc.MaxPayload()-headroom, 0)) }

func (l *Link) isRunning() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.state == stateRunning
}
