package natsd

import (
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
)

// Timing of client connections.
const (
	pingInterval    = 2 * time.Second
	pingsLost       = 2
	writeTimeout    = 5 * time.Second
	reconnectWait   = 250 * time.Millisecond
	reconnectJitter = 250 * time.Millisecond
)

// ConnOptions returns the options that every NATS connection of a node starts
// from. name is what `nats server report connections` shows.
//
//   - It reconnects for ever, every 250 to 500 ms: nats.go's own default gives
//     up after two minutes and then stays closed.
//   - Publishing while disconnected fails at once instead of filling a buffer
//     that is lost with the process: whoever publishes has a log to resend from.
//   - A dead link is noticed after 4 to 6 s (pings every 2 s, two unanswered)
//     instead of 4 to 6 minutes.
//   - A server that takes no bytes any more is noticed after 5 s: pings wait behind
//     a write that is stuck, which by default may be for a minute. What was to be
//     written is not dropped silently then, the connection is made anew.
//   - An authentication error, such as while credentials are being changed, does
//     not end it either.
//   - nats.NoEcho is not set: a node's connection sends requests that the same
//     connection may have to answer, such as a command for a partition it owns.
//   - Disconnects, reconnects and asynchronous errors (slow consumers, missing
//     permissions, which nothing else reports) go to slog.Default.
//
// nats.RetryOnFailedConnect is left to those who can work without a server at
// first. Options that follow these replace them; LogOptions sends the log
// elsewhere.
func ConnOptions(name string) []nats.Option {
	return append([]nats.Option{
		nats.Name(name),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.ReconnectBufSize(-1),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(pingsLost),
		nats.FlusherTimeout(writeTimeout),
		nats.ReconnectOnFlusherError(),
		nats.IgnoreAuthErrorAbort(),
	}, LogOptions(slog.Default())...)
}

// LogOptions returns the handlers that tell log what happens to a connection.
// nil discards.
func LogOptions(log *slog.Logger) []nats.Option {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return []nats.Option{
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if err == nil {
				return // Closed on purpose.
			}
			log.Warn("nats disconnected", "connection", nc.Opts.Name, "err", err)
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			log.Info("nats reconnected", "connection", nc.Opts.Name, "url", nc.ConnectedUrlRedacted(), "max_payload", nc.MaxPayload())
		}),
		nats.ClosedHandler(func(nc *nats.Conn) {
			if err := nc.LastError(); err != nil {
				log.Error("nats closed for good", "connection", nc.Opts.Name, "err", err)
			}
		}),
		nats.ErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			log.Error("nats error", "connection", nc.Opts.Name, "subject", subject, "err", err)
		}),
	}
}

// Conns are the connections of one node. Announcements, by which nodes know that
// the others live, must not wait behind data, and data not behind large transfers.
type Conns struct {
	Data    *nats.Conn // deltas and commands
	Control *nats.Conn // heartbeats and heads
	Bulk    *nats.Conn // what is asked for and its answers
}

// ConnectNode opens the connections of a node, with the options of ConnOptions and
// those given, by a function such as [Server.Connect]. After an error none is left
// open.
func ConnectNode(name string, connect func(...nats.Option) (*nats.Conn, error), opts ...nats.Option) (*Conns, error) {
	c := &Conns{}
	for _, conn := range []struct {
		to   **nats.Conn
		name string
	}{{&c.Data, name}, {&c.Control, name + "/control"}, {&c.Bulk, name + "/bulk"}} {
		var err error
		if *conn.to, err = connect(append(ConnOptions(conn.name), opts...)...); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// Close closes the connections.
func (c *Conns) Close() {
	for _, nc := range []*nats.Conn{c.Data, c.Control, c.Bulk} {
		if nc != nil {
			nc.Close()
		}
	}
}
