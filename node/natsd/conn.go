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
		nats.ErrorHandler(func(nc *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			log.Error("nats error", "connection", nc.Opts.Name, "subject", subject, "err", err)
		}),
	}
}
