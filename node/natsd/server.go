package natsd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Server is one embedded nats-server. It is safe for concurrent use.
type Server struct {
	nats    *server.Server
	region  string
	stop    sync.Once
	stopped chan struct{} // closed when everything has ended
}

// Start starts a server and returns when clients can connect, or an error
// after at most ReadyTimeout; after an error nothing is left running.
// errors.Is(err, ErrPortInUse) tells a taken port.
func Start(o Options) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	so, err := o.serverOptions()
	if err != nil {
		return nil, err
	}
	if err := checkPorts(so); err != nil {
		return nil, err
	}
	if o.ReadyTimeout == 0 {
		o.ReadyTimeout = defaultReadyTimeout
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ns, err := server.NewServer(so)
	if err != nil {
		return nil, fmt.Errorf("nats server: %w", err)
	}
	log := &slogger{log: o.Log.With("nats", ns.Name())}
	ns.SetLoggerV2(log, false, false, false)
	s := &Server{nats: ns, region: o.Region, stopped: make(chan struct{})}
	ns.Start()
	if fatal := log.fatal(); fatal != "" || !ns.ReadyForConnections(o.ReadyTimeout) {
		_ = s.Shutdown(context.Background())
		if fatal = log.fatal(); fatal != "" {
			return nil, fmt.Errorf("nats server: %s: %w", fatal, ErrNotReady)
		}
		return nil, fmt.Errorf("nats server: not up after %s: %w", o.ReadyTimeout, ErrNotReady)
	}
	return s, nil
}

// Name returns the server's name.
func (s *Server) Name() string { return s.nats.Name() }

// Region returns Options.Region.
func (s *Server) Region() string { return s.region }

// ClientURL returns the URL that clients on this machine connect to.
func (s *Server) ClientURL() string { return s.nats.ClientURL() }

// GatewayAddr returns where the gateway listens, host:port, or "" when the
// server has none.
func (s *Server) GatewayAddr() string {
	addr := s.nats.GatewayAddr()
	if addr == nil {
		return ""
	}
	return addr.String()
}

// Connect returns a client connection that does not touch the network. It
// reconnects as the options say for as long as this server runs; to outlive a
// restart, connect to ClientURL. The caller closes it. When the ConfigFile asks
// for credentials they go into opts.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	select {
	case <-s.stopped:
		return nil, fmt.Errorf("nats server %s: connect: %w", s.Name(), ErrStopped)
	default:
	}
	nc, err := nats.Connect("", append([]nats.Option{nats.InProcessServer(s.nats)}, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("nats server %s: connect: %w", s.Name(), err)
	}
	return nc, nil
}

// Shutdown stops the server and waits until its connections are closed, its
// ports are free and its goroutines have ended. When ctx ends first it returns
// its error and the rest goes on by itself. It may be called again, also to
// wait longer.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop.Do(func() {
		go func() {
			s.nats.Shutdown()
			s.nats.WaitForShutdown()
			close(s.stopped)
		}()
	})
	select {
	case <-s.stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("nats server %s: shutdown: %w", s.Name(), ctx.Err())
	}
}

// checkPorts tries the ports that were asked for. nats-server itself would say
// the same only in its log. Another process may still be faster; then Start
// reports ErrNotReady.
func checkPorts(so *server.Options) error {
	for _, l := range []struct {
		host, advice string
		port         int
	}{
		{so.Host, "choose --nats-port", clientPort(so)},
		{so.Gateway.Host, "choose another gateway port", so.Gateway.Port},
	} {
		if l.port <= 0 {
			continue // Any port, or none.
		}
		addr := net.JoinHostPort(l.host, strconv.Itoa(l.port))
		listener, err := net.Listen("tcp", addr)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return fmt.Errorf("nats server: port %d is in use: stop the other server or %s: %w", l.port, l.advice, ErrPortInUse)
		case err != nil:
			return fmt.Errorf("nats server: listen on %s: %w", addr, err)
		}
		if err := listener.Close(); err != nil {
			return fmt.Errorf("nats server: listen on %s: %w", addr, err)
		}
	}
	return nil
}

// clientPort returns the port that nats-server will choose.
func clientPort(so *server.Options) int {
	switch {
	case so.DontListen:
		return 0
	case so.Port == 0:
		return server.DEFAULT_PORT
	}
	return so.Port
}

// sees returns the regions that this server's gateway is connected to, and
// those that are connected to it.
func (s *Server) sees() (out, in map[string]bool, err error) {
	z, err := s.nats.Gatewayz(nil)
	if err != nil {
		return nil, nil, fmt.Errorf("nats server %s: gateways: %w", s.Name(), err)
	}
	out, in = map[string]bool{}, map[string]bool{}
	for name := range z.OutboundGateways {
		out[name] = true
	}
	for name, conns := range z.InboundGateways {
		in[name] = len(conns) > 0
	}
	return out, in, nil
}
