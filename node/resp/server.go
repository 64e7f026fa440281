package resp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves Redis clients. Make it with [New], then call [Server.Serve].
type Server struct {
	cfg      Config
	node     Backend
	table    table
	settings *settings
	users    *users
	hub      *hub
	tracking *tracking
	notify   *notifier
	monitors *monitors
	slow     *slowLog
	latency  *latencies
	stats    stats
	runID    string
	started  time.Time

	clients struct {
		sync.Mutex
		byID map[int64]*conn
		next int64
		port int // that the server listens at
	}
	paused struct {
		sync.Mutex
		until  time.Time
		writes bool // only writes are
	}
	stalled  atomic.Int64    // clients that it holds back now
	pauses   atomic.Bool     // CLIENT PAUSE holds commands back
	work     context.Context // ends when the server does
	stop     context.CancelFunc
	ran      atomic.Bool
	draining atomic.Bool // connections end when they have their replies
	wg       sync.WaitGroup
}

// ErrServed is returned by Serve of a server that has served.
var ErrServed = errors.New("RESP server has been stopped: make a new one")

// New returns a server that does not listen yet.
func New(node Backend, cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var mode []*entry
	if cfg.SentinelMode {
		mode = append(mode, sentinelEntry())
	}
	s := &Server{cfg: cfg.withDefaults(), node: node, table: newTable(mode...), started: time.Now(), slow: newSlowLog(), latency: newLatencies(), monitors: newMonitors()}
	s.runID = fmt.Sprintf("%016x%016x%08x", rand.Uint64(), rand.Uint64(), rand.Uint32())
	s.stats.byEntry = make([]commandStats, s.table.size())
	s.clients.byID = map[int64]*conn{}
	s.work, s.stop = context.WithCancel(context.Background())
	s.settings = newSettings(s.cfg)
	s.hub = newHub(node)
	s.tracking = newTracking(s.cfg.MaxTracked)
	s.notify = newNotifier(s)
	var err error
	if s.users, err = newUsers(s.table, s.cfg); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return s, nil
}

// Serve serves the clients that come to ln until ctx ends, closes ln and all
// connections, and returns when everything that it started has ended. A server
// serves once.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	if !s.ran.CompareAndSwap(false, true) {
		return ErrServed
	}
	if addr, ok := ln.Addr().(*net.TCPAddr); ok {
		s.clients.Lock()
		s.clients.port = addr.Port
		s.clients.Unlock()
	}
	unhook := context.AfterFunc(ctx, func() { ln.Close() })
	defer unhook()
	s.wg.Go(s.stats.sample(s.work))
	err := s.accept(ctx, ln)
	ln.Close()
	s.drain()
	s.stop()
	for _, c := range s.all() {
		c.kill("")
	}
	s.wg.Wait()
	s.notify.close()
	s.hub.close()
	return err
}

// drainFor is how long clients that are being served have at the end.
const drainFor = 2 * time.Second

// drain lets every client have the replies to what it has sent, for a bounded
// time, and nothing more.
func (s *Server) drain() {
	s.draining.Store(true)
	for _, c := range s.all() {
		_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // A connection that is closed needs none.
	}
	for until := time.Now().Add(drainFor); s.count() > 0 && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
}

// accept takes connections until ctx ends.
func (s *Server) accept(ctx context.Context, ln net.Listener) error {
	pause := time.Millisecond
	for {
		nc, err := ln.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				nc.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept clients: %w", err)
		case err != nil:
			// Too many open files, as a rule: others will be closed.
			s.cfg.Log.Warn("accept client", "err", err)
			pause = min(2*pause, time.Second)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			continue
		}
		pause = time.Millisecond
		s.admit(nc)
	}
}

// admit starts to serve a client, unless there are too many.
func (s *Server) admit(nc net.Conn) {
	s.stats.connections.Add(1)
	if s.cfg.TLS != nil {
		nc = tls.Server(nc, s.cfg.TLS)
	}
	s.clients.Lock()
	full := len(s.clients.byID) >= s.settings.maxClients()
	var c *conn
	if !full {
		s.clients.next++
		c = newConn(s, nc, s.clients.next)
		s.clients.byID[c.id] = c
	}
	s.clients.Unlock()
	if !full {
		s.wg.Go(c.serve)
		return
	}
	s.stats.rejected.Add(1)
	_ = nc.SetDeadline(time.Now().Add(time.Second))
	s.wg.Go(func() {
		_, _ = nc.Write([]byte("-ERR max number of clients reached\r\n")) // It is refused either way.
		nc.Close()
	})
}

// leave forgets a client that has gone.
func (s *Server) leave(c *conn) {
	s.clients.Lock()
	defer s.clients.Unlock()
	delete(s.clients.byID, c.id)
}

// all returns the clients that have not been ended.
func (s *Server) all() []*conn {
	s.clients.Lock()
	defer s.clients.Unlock()
	out := make([]*conn, 0, len(s.clients.byID))
	for _, c := range s.clients.byID {
		if !c.dead.Load() {
			out = append(out, c)
		}
	}
	return out
}

// client returns the client of an ID, nil when there is none.
func (s *Server) client(id int64) *conn {
	s.clients.Lock()
	defer s.clients.Unlock()
	return s.clients.byID[id]
}

// count returns how many clients there are.
func (s *Server) count() int {
	s.clients.Lock()
	defer s.clients.Unlock()
	return len(s.clients.byID)
}

func (s *Server) port() int {
	s.clients.Lock()
	defer s.clients.Unlock()
	return s.clients.port
}
