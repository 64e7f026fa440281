package natsapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/nats-io/nuid"

	"github.com/atollcache/atoll/region"
	"github.com/atollcache/atoll/sync/bulk"
)

// ErrNotRunning is returned by a Server that has been closed, or started before.
var ErrNotRunning = errors.New("natsapi server is not running")

// queueGroup is the group in which the nodes of a region share the command
// subjects. The subjects name the region already.
const queueGroup = "atoll"

// Server serves commands for one node. It is safe for concurrent use. Make it
// with [New], then [Server.Start] it.
type Server struct {
	nc        *nats.Conn
	cfg       Config
	front     Executor
	addressed Executor
	subjects  region.Subjects
	kv        *kvServer
	count     counters
	ended     chan struct{} // closed when Close has finished

	mu struct {
		sync.Mutex
		state    state
		bulk     *bulk.Server
		service  micro.Service
		own, alt []region.Partition // what Serve was last called with
		doSubs   map[region.Partition]*bulk.Subscription
		altSubs  map[region.Partition]*bulk.Subscription
	}
}

// state is where a server is in its life.
type state uint8

const (
	stateNew state = iota
	stateRunning
	stateClosed
)

// New returns a server that is not running yet. It does nothing on the network.
// Commands on the any subjects and of the kv API run at front; those on the do
// and alt subjects, whose senders have chosen this node for what it holds, at
// addressed. The two may be the same.
func New(nc *nats.Conn, front, addressed Executor, cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	s := &Server{
		nc: nc, cfg: cfg, front: front, addressed: addressed,
		subjects: region.Subjects{Cluster: cfg.Cluster, Region: cfg.Region},
		ended:    make(chan struct{}),
	}
	s.kv = newKVServer(s)
	s.mu.doSubs = map[region.Partition]*bulk.Subscription{}
	s.mu.altSubs = map[region.Partition]*bulk.Subscription{}
	return s, nil
}

// Start begins to serve what every node serves, the any subjects and the kv API,
// and the partitions that Serve has named. It returns when the NATS server knows
// of it, or at once while there is none. The connection stays the caller's to
// close, after the Server; see the package comment for what it must be like. A
// server is started once; a further call returns ErrNotRunning.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.state != stateNew {
		return fmt.Errorf("natsapi start: %w: it was started before", ErrNotRunning)
	}
	if err := s.start(); err != nil {
		if s.mu.bulk != nil {
			_ = s.mu.bulk.Close() // The first error is the one to report.
			s.mu.bulk = nil
		}
		return fmt.Errorf("natsapi start: %w", err)
	}
	s.mu.state = stateRunning
	s.flush()
	return nil
}

func (s *Server) start() error {
	var err error
	if s.mu.bulk, err = bulk.NewServer(s.nc, directSubject(s.subjects), s.cfg.Bulk); err != nil {
		return err
	}
	if err = s.serve(); err != nil {
		return err
	}
	if _, err = s.mu.bulk.Handle(s.subjects.AnyWildcard(), queueGroup, s.handler(s.front)); err != nil {
		return err
	}
	s.mu.service, err = s.kv.register()
	return err
}

// directSubject returns a subject of the region that only this process listens
// on: atoll.<cluster>.<region>.bulk.<random>.
func directSubject(s region.Subjects) string {
	return strings.TrimSuffix(s.AnyWildcard(), "any.*") + "bulk." + nuid.Next()
}

// Serve says for which partitions the node is the owner and for which the next
// replica; it is called whenever the ring changes. New subjects are subscribed
// before old ones are given up, and what has been delivered on those is still
// answered, so a change fails no command. It returns when the NATS server knows,
// or at once while there is none. Before Start it only takes note. After an
// error some of the new subjects may be missing, nothing is given up, and a
// further call tries again.
func (s *Server) Serve(own, alt []region.Partition) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.own, s.mu.alt = slices.Clone(own), slices.Clone(alt)
	switch s.mu.state {
	case stateNew:
		return nil
	case stateClosed:
		return fmt.Errorf("natsapi serve: %w", ErrNotRunning)
	}
	if err := s.serve(); err != nil {
		return fmt.Errorf("natsapi serve: %w", err)
	}
	s.flush()
	return nil
}

// serve subscribes to what Serve has named and is not subscribed to, then gives
// up the rest.
func (s *Server) serve() error {
	if err := s.subscribe(s.mu.doSubs, s.mu.own, s.subjects.Do); err != nil {
		return err
	}
	if err := s.subscribe(s.mu.altSubs, s.mu.alt, s.subjects.Alt); err != nil {
		return err
	}
	release(s.mu.doSubs, s.mu.own)
	release(s.mu.altSubs, s.mu.alt)
	return nil
}

func (s *Server) subscribe(have map[region.Partition]*bulk.Subscription, want []region.Partition, subject func(region.Partition) string) error {
	for _, p := range want {
		if have[p] != nil {
			continue
		}
		sub, err := s.mu.bulk.Handle(subject(p), queueGroup, s.handler(s.addressed))
		if err != nil {
			return err
		}
		have[p] = sub
	}
	return nil
}

// release gives up what is not wanted any more.
func release(have map[region.Partition]*bulk.Subscription, want []region.Partition) {
	keep := make(map[region.Partition]bool, len(want))
	for _, p := range want {
		keep[p] = true
	}
	for p, sub := range have {
		if !keep[p] {
			_ = sub.Drain() // It fails only with the connection, which ends it too.
			delete(have, p)
		}
	}
}

// flush waits until the NATS server has taken all that was sent, if there is one.
func (s *Server) flush() {
	if s.nc.IsConnected() {
		_ = s.nc.Flush() // An error says that there is none by now.
	}
}

// Close stops the server and returns when nothing of it runs any more. Others
// answer from the moment that it is called; requests that have been delivered
// are answered, for at most DrainTimeout and that of Bulk, then their contexts
// end. The connection stays open. Further calls do nothing and return when the
// first has.
func (s *Server) Close() error {
	s.mu.Lock()
	before := s.mu.state
	s.mu.state = stateClosed
	server, service := s.mu.bulk, s.mu.service
	s.mu.Unlock()
	switch before {
	case stateClosed:
		<-s.ended
		return nil
	case stateNew:
		s.kv.cancel()
		close(s.ended)
		return nil
	}
	defer close(s.ended)
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.DrainTimeout)
	defer cancel()
	err := service.Stop()
	if s.nc.IsClosed() {
		err = nil // With the connection the service has stopped by itself.
	}
	s.flush()
	err = errors.Join(err, server.Close())
	s.kv.close(ctx)
	if err != nil {
		return fmt.Errorf("natsapi close: %w", err)
	}
	return nil
}
