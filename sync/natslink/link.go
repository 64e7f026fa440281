package natslink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
	"github.com/atollcache/atoll/sync/bulk"
)

var _ cachesync.Transport = (*Link)(nil)

// Link is a cachesync.Transport on one NATS connection, or on up to three. It is
// safe for concurrent use. Make it with [New], hand it to a runner, then
// [Link.Start] it with the receiver.
type Link struct {
	control, data, bulk *conn // several may be the same
	conns               []*conn

	cfg      Config
	subjects region.Subjects
	caller   *bulk.Caller
	patience *patience
	echoes   *echoes
	count    counters

	deltas  chan *nats.Msg // shared by the subscriptions of all held partitions
	members chan *nats.Msg
	lanes   []*lane // the last one is for announcements
	stop    chan struct{}
	ended   chan struct{} // closed when Close has finished
	state   atomic.Uint32 // one of the states; changed under mu only

	mu struct {
		sync.Mutex
		held   map[region.Partition]*nats.Subscription
		member *nats.Subscription
		server *bulk.Server
		lost   struct{ control, data uint64 } // dropped by NATS for subscriptions that have ended
	}
	running sync.WaitGroup
}

// The states of a link's life.
const (
	stateNew uint32 = iota
	stateRunning
	stateClosed
)

// New returns a link that is not running yet. It does nothing on the network. nc
// carries all that Config gives no connection of its own, and published messages
// always; the link does not close it.
func New(nc *nats.Conn, cfg Config) (*Link, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	l := &Link{
		cfg:      cfg,
		subjects: region.Subjects{Cluster: cfg.Cluster, Region: cfg.Region},
		deltas:   make(chan *nats.Msg, burst),
		members:  make(chan *nats.Msg, burst),
		stop:     make(chan struct{}),
		echoes:   newEchoes(),
		ended:    make(chan struct{}),
		patience: newPatience(cfg.AnswerTimeout),
	}
	for range cfg.Lanes + 1 {
		l.lanes = append(l.lanes, newLane(cfg.Pending, cfg.PendingBytes))
	}
	l.mu.held = map[region.Partition]*nats.Subscription{}
	if err := l.connect(nc); err != nil {
		return nil, err
	}
	l.caller = bulk.NewCaller(l.bulk.nc, cfg.Bulk)
	l.bulk.gone = l.caller.Lost
	return l, nil
}

// connect decides what travels on which connection.
func (l *Link) connect(nc *nats.Conn) (err error) {
	if l.data, err = l.use(nc); err != nil {
		return err
	}
	l.control, l.bulk = l.data, l.data
	if own := l.cfg.ControlConn; own != nil {
		if l.control, err = l.use(own); err != nil {
			return err
		}
	}
	if own := l.cfg.BulkConn; own != nil {
		l.bulk, err = l.use(own)
	}
	return err
}

// Start begins to deliver to r: announcements and requests at once, published
// messages for the partitions that Hold names. It returns when the NATS servers
// know of the subscriptions. A connection that has no server is not waited for:
// its subscriptions come into force with it. A link is started once; a further
// call returns ErrNotRunning.
func (l *Link) Start(r cachesync.Receiver) error {
	if err := l.start(r); err != nil {
		return err
	}
	var flushes sync.WaitGroup
	for _, c := range l.conns {
		if c.nc.IsConnected() {
			flushes.Go(func() {
				_ = c.nc.Flush() // An error says that there is no server by now.
			})
		}
	}
	flushes.Wait()
	return nil
}

func (l *Link) start(r cachesync.Receiver) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.Load() != stateNew {
		return fmt.Errorf("start link: %w: it was started before", ErrNotRunning)
	}
	if err := l.subscribe(r); err != nil {
		return fmt.Errorf("start link: %w", err)
	}
	l.state.Store(stateRunning)
	for _, c := range l.conns {
		c.follow()
		l.running.Go(c.watch)
	}
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
	server, err := bulk.NewServer(l.bulk.nc, address+".bulk", l.cfg.Bulk)
	if err != nil {
		return err
	}
	_, err = server.Handle(address, "", func(ctx context.Context, _ string, msg []byte) []byte {
		return r.Asked(ctx, msg)
	})
	if err == nil {
		l.mu.member, err = l.control.nc.ChanSubscribe(l.subjects.MemberWildcard(), l.members)
	}
	if err != nil {
		_ = server.Close() // The first error is the one to report.
		return err
	}
	l.mu.server = server
	return nil
}

// Publish implements cachesync.Transport. It waits for nobody but the network, to
// take what nats.go has collected, and returns ErrDisconnected at once while there
// is no server.
func (l *Link) Publish(p region.Partition, msg []byte) error {
	if err := l.send(l.data, l.subjects.Delta(l.cfg.Region, p), msg); err != nil {
		return fmt.Errorf("publish to partition %d: %w", p, err)
	}
	l.count.published.Add(1)
	return nil
}

// Announce implements cachesync.Transport. What is announced reaches the
// receivers of all other links of the cluster; it need not be a message of
// package sync. It waits no longer than Publish.
func (l *Link) Announce(msg []byte) error {
	if err := l.send(l.control, l.subjects.Member(l.cfg.Region), msg); err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	l.count.announced.Add(1)
	return nil
}

func (l *Link) send(c *conn, subject string, msg []byte) error {
	err := l.check(c, len(msg))
	if err == nil {
		l.echoes.sent(msg)
		err = c.nc.Publish(subject, msg)
	}
	if err != nil {
		l.count.failed.Add(1)
	}
	return err
}

// check returns why n bytes cannot be sent on a connection now.
func (l *Link) check(c *conn, n int) error {
	if !l.isRunning() {
		return ErrNotRunning
	}
	if !c.nc.IsConnected() {
		return ErrDisconnected
	}
	if limit := min(c.room(), l.MaxMessage()); n > limit {
		return fmt.Errorf("%w: %d bytes, limit is %d; raise max_payload of the NATS server", cachesync.ErrTooLarge, n, limit)
	}
	return nil
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
	if !l.isRunning() {
		return fmt.Errorf("hold partition %d: %w", p, ErrNotRunning)
	}
	sub, held := l.mu.held[p]
	switch {
	case hold && !held:
		sub, err := l.data.nc.ChanSubscribe(l.subjects.DeltaWildcard(p), l.deltas)
		if err != nil {
			return fmt.Errorf("hold partition %d: %w", p, err)
		}
		l.mu.held[p] = sub
	case !hold && held:
		delete(l.mu.held, p)
		l.mu.lost.data += dropped(sub)
		if err := end(sub); err != nil {
			return fmt.Errorf("drop partition %d: %w", p, err)
		}
	}
	return nil
}

// end ends a subscription. One whose connection is closed has ended already.
func end(sub *nats.Subscription) error {
	if err := sub.Unsubscribe(); !errors.Is(err, nats.ErrConnectionClosed) {
		return err
	}
	return nil
}

// MaxMessage implements cachesync.Transport. It is the smaller limit of the two
// connections that Publish and Announce use, follows the servers that they have
// reached, leaves out one that has not reached any yet, and is 0 before either
// has. It does not wait.
func (l *Link) MaxMessage() int {
	control, data := l.control.limit.Load(), l.data.limit.Load()
	if control == 0 || data == 0 {
		return int(max(control, data))
	}
	return int(min(control, data))
}

func (l *Link) isRunning() bool { return l.state.Load() == stateRunning }
