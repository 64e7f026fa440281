package natslink

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// conn is one NATS connection with what the link last knew of it.
//
// nats.go holds a connection's lock while it writes to the network, so to ask a
// connection even for its state can take as long as its network does. What
// travels on one connection must not wait for another. Therefore only what is
// about to use a connection asks it; everything else reads what is noted here.
type conn struct {
	nc     *nats.Conn
	events chan nats.Status // changes of its state; nil before it is followed
	had    bool             // it had a server; owned by watch
	gone   func()           // called when it is lost; nil: nothing is

	connected  atomic.Bool
	limit      atomic.Int64 // largest message in bytes; 0 before the first server
	reconnects atomic.Uint64
	denied     atomic.Uint64
	span       atomic.Pointer[span] // the present one; changed by watch
}

// span is the time from one loss of a connection to the next: what was asked in it
// and is not answered by then never is.
type span struct {
	back chan struct{} // closed when there is a server again after it

	mu    sync.Mutex
	over  bool
	asked map[*ask]struct{} // requests under way
}

// ask is a request under way.
type ask struct{ end context.CancelCauseFunc }

func newSpan() *span { return &span{back: make(chan struct{}), asked: map[*ask]struct{}{}} }

// bind returns a context that ends with the span, too, and then with ErrLost as its
// cause. The request that it is for has to be forgotten.
func (s *span) bind(ctx context.Context) (context.Context, *ask) {
	ctx, end := context.WithCancelCause(ctx)
	a := &ask{end: end}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		end(ErrLost)
	} else {
		s.asked[a] = struct{}{}
	}
	return ctx, a
}

// forget ends what bind began.
func (s *span) forget(a *ask) {
	s.mu.Lock()
	delete(s.asked, a)
	s.mu.Unlock()
	a.end(nil)
}

// isOver reports whether the span has ended.
func (s *span) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// end ends the span and what was asked in it.
func (s *span) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for a := range s.asked {
		a.end(ErrLost)
	}
}

// use returns the link's record of a connection, one however often it is given.
func (l *Link) use(nc *nats.Conn) (*conn, error) {
	if nc == nil {
		return nil, fmt.Errorf("%w: there is no NATS connection", ErrConfig)
	}
	for _, c := range l.conns {
		if c.nc == nc {
			return c, nil
		}
	}
	if nc.Opts.NoEcho {
		return nil, fmt.Errorf("%w: connection %q was opened with nats.NoEcho, so links that share it cannot hear each other; open it without", ErrConfig, nc.Opts.Name)
	}
	c := &conn{nc: nc}
	c.span.Store(newSpan())
	c.look()
	l.conns = append(l.conns, c)
	return c, nil
}

// look notes how the connection is. It may wait for it.
func (c *conn) look() {
	c.connected.Store(c.nc.IsConnected())
	c.room()
}

// room returns the largest message that the connection takes now and notes it.
// It may wait for the connection.
func (c *conn) room() int {
	limit := max(c.nc.MaxPayload()-headroom, 0)
	c.limit.Store(limit)
	return int(limit)
}

// follow has the connection report changes of its state to watch.
func (c *conn) follow() {
	c.had = c.room() > 0
	c.events = c.nc.StatusChanged()
	c.look() // What changed before is not reported.
}

// watch notes every change of the connection's state until leave. A change that
// finds the channel full is not missed: each one in it has the state read anew.
// nats.go's own count of reconnects has those that came to nothing, too.
func (c *conn) watch() {
	for status := range c.events {
		switch {
		case status == nats.CONNECTED && !c.had:
			c.had = true
		case status == nats.CONNECTED:
			c.reconnects.Add(1)
			c.resume()
		case status == nats.CLOSED:
			c.resume() // Who waits is told by the connection.
		default:
			c.lose()
		}
		c.look() // Last, for it may wait.
	}
}

// resume begins another span.
func (c *conn) resume() {
	c.lose() // Unless that was noticed.
	before := c.span.Swap(newSpan())
	close(before.back)
}

// lose ends what waits for answers over the connection.
func (c *conn) lose() {
	s := c.span.Load()
	if !c.had || s.isOver() {
		return
	}
	if c.gone != nil {
		c.gone() // First: it looks at what is under way.
	}
	s.end()
}

// leave ends watch.
func (c *conn) leave() { c.nc.RemoveStatusListener(c.events) }

// stats returns what is known of the connection. It does not wait.
func (c *conn) stats() ConnStats {
	return ConnStats{Connected: c.connected.Load(), Reconnects: c.reconnects.Load(), Denied: c.denied.Load()}
}
