package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// NATS drops what a user may not publish. It tells the error handler of the
// connection and nobody else, and that a reply never comes is all that the sender
// would see. So clients put a handler of their own before the program's.

// denial is the error of a request that NATS has turned away.
type denial struct {
	err  error // of NATS; names the subject
	bulk bool  // part of the request or of its reply had passed: the commands may have run
}

// Error implements error.
func (d *denial) Error() string { return d.err.Error() }

// Unwrap returns the error of NATS.
func (d *denial) Unwrap() error { return d.err }

// names reports whether an error says that a permission is missing and names a
// subject. Only its text does; who looks for none of the words around the subject
// is not misled when those change.
func names(err error, subject string) bool {
	return errors.Is(err, nats.ErrPermissionViolation) && strings.Contains(err.Error(), subject)
}

// tap is what stands before the error handler of a connection.
type tap struct {
	mu      sync.Mutex
	clients map[*Client]bool
}

// taps has one tap for each connection that has had a client and is not closed, so
// that there is only one before the program's handler however many clients come
// and go.
var taps struct {
	sync.Mutex
	of map[*nats.Conn]*tap
}

// listen has a client hear of the errors of its connection.
func (c *Client) listen() {
	taps.Lock()
	defer taps.Unlock()
	for nc := range taps.of {
		if nc.IsClosed() {
			delete(taps.of, nc)
		}
	}
	t := taps.of[c.nc]
	if t == nil {
		if taps.of == nil {
			taps.of = map[*nats.Conn]*tap{}
		}
		t = &tap{clients: map[*Client]bool{}}
		taps.of[c.nc] = t
		before := c.nc.ErrorHandler()
		c.nc.SetErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
			t.pass(err)
			if before != nil {
				before(nc, sub, err)
			}
		})
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clients[c] = true
	c.tap = t
}

// pass tells the clients of an error.
func (t *tap) pass(err error) {
	if !errors.Is(err, nats.ErrPermissionViolation) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.clients {
		c.denials.pass(err)
	}
}

// deafen ends what listen began.
func (c *Client) deafen() {
	c.tap.mu.Lock()
	defer c.tap.mu.Unlock()
	delete(c.tap.clients, c)
}

// denials ends the requests of a client that NATS turns away.
type denials struct {
	bulk string // how the subjects of large transfers begin

	mu      sync.Mutex
	waiting map[*lookout]bool
}

// lookout is a request under way.
type lookout struct {
	subject string    // in quotes, as NATS names it
	bulkAt  time.Time // from then on it moves large pieces, or has ended
	end     context.CancelCauseFunc
	timer   *time.Timer // runs when NATS has turned away a piece before bulkAt; guarded by the lock of denials
}

// lookOut returns a context that ends with a *denial as its cause when NATS turns
// away a request to a subject. A request that is still under way after within moves
// large pieces, which may be turned away too.
func (c *Client) lookOut(ctx context.Context, subject string, within time.Duration) (_ context.Context, stop func()) {
	d := &c.denials
	l := &lookout{subject: strconv.Quote(subject), bulkAt: time.Now().Add(within)}
	ctx, l.end = context.WithCancelCause(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting[l] = true
	return ctx, func() { d.forget(l) }
}

func (d *denials) forget(l *lookout) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.waiting, l)
	if l.timer != nil {
		l.timer.Stop()
	}
	l.end(nil)
}

// pass ends the requests that an error of NATS is about.
func (d *denials) pass(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	bulk := names(err, d.bulk)
	for l := range d.waiting {
		switch {
		case names(err, l.subject):
			l.end(&denial{err: err})
		case bulk && l.timer == nil:
			l.timer = time.AfterFunc(time.Until(l.bulkAt), func() { l.end(&denial{err: err, bulk: true}) })
		}
	}
}

// inboxes is how the subjects begin on which the client waits for replies.
func inboxes(nc *nats.Conn) string {
	if p := nc.Opts.InboxPrefix; p != "" {
		return p + "."
	}
	return nats.InboxPrefix
}

// whyLate says what may have kept a reply from coming, empty if nothing is known:
// that the user may not receive replies NATS says only once, at the first request.
func (c *Client) whyLate() string {
	if err := c.nc.LastError(); names(err, inboxes(c.nc)) {
		return fmt.Sprintf(" NATS lets no replies through (%v): node/natsapi/README.md lists what a client needs.", err)
	}
	return ""
}
