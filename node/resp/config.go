package resp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/atollcache/atoll/node/command"
)

// Config sets what a server offers and how much clients may take. A zero field
// means its default.
type Config struct {
	// TLS makes clients connect over TLS. Default: they connect in the clear.
	TLS *tls.Config
	// Password is what the user default authenticates with. Default: none, and then
	// everybody is that user.
	Password string
	// Users are further users, each as ACL SETUSER takes them: a name, then rules.
	Users [][]string
	// ClusterMode makes the server say that it is a node of a Redis Cluster, so that
	// clients that know of such find the owners of keys. Clients that do not are
	// served all the same. Default: false.
	ClusterMode bool
	// SentinelMode makes the server answer SENTINEL as well, so that clients which are
	// set up to fail over find a node and, when that is gone, another. Of any name the
	// master is the node that is asked. Where it is false there is no such command: some
	// clients take a server that has it for nothing but a sentinel. Default: false.
	SentinelMode bool
	// MaxClients bounds the connections; the next is refused with an error. Each
	// costs about 10 KiB while it does nothing, and its buffers. Default: 10,000.
	MaxClients int
	// IdleTimeout ends a connection that has sent nothing for so long, unless it
	// listens to messages. Default: never, as Redis.
	IdleTimeout time.Duration
	// StallTimeout ends a connection that takes nothing of what is written to it for
	// so long. Default: 60 s.
	StallTimeout time.Duration
	// CommandTimeout bounds the wait for the reply to commands that do not block.
	// Default: 15 s.
	CommandTimeout time.Duration
	// MaxOutput bounds the bytes that wait to be written to one client. At the bound
	// the client is cut off. It must exceed the largest reply. Default: 256 MiB.
	MaxOutput int
	// MaxPushed bounds those of it that are no replies: messages and invalidations.
	// Default: 32 MiB.
	MaxPushed int
	// MaxQueued bounds the bytes of the commands between MULTI and EXEC.
	// Default: 64 MiB.
	MaxQueued int
	// MaxSubscriptions bounds the channels and patterns of one client.
	// Default: 100,000.
	MaxSubscriptions int
	// MaxTracked bounds the keys that are remembered for CLIENT TRACKING, of all
	// clients. At the bound one is invalidated for each that comes. Each costs about
	// 150 bytes. Default: 1,000,000, as Redis.
	MaxTracked int
	// Debug allows DEBUG, with which a client can keep others from being served.
	// Default: false.
	Debug bool
	// Version is the version of Redis that the server says it is. Clients choose
	// by it what they use. Default: 7.4.0.
	Version string
	// Build is the program's own version, for INFO.
	Build string
	// Limits bound keys, values and commands.
	Limits command.Limits
	// Log takes what an operator should know. Default: discarded.
	Log *slog.Logger
}

// ErrConfig is wrapped by every error about a configuration.
var ErrConfig = errors.New("RESP server configuration")

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		field    *int
		standard int
	}{
		{&c.MaxClients, 10_000}, {&c.MaxOutput, 256 << 20}, {&c.MaxPushed, 32 << 20}, {&c.MaxQueued, 64 << 20},
		{&c.MaxSubscriptions, 100_000}, {&c.MaxTracked, 1_000_000},
	} {
		if *d.field == 0 {
			*d.field = d.standard
		}
	}
	if c.StallTimeout == 0 {
		c.StallTimeout = time.Minute
	}
	if c.CommandTimeout == 0 {
		c.CommandTimeout = 15 * time.Second
	}
	if c.Version == "" {
		c.Version = "7.4.0"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Limits = c.Limits.WithDefaults()
	return c
}

// Validate reports the first field that makes no sense.
func (c Config) Validate() error {
	for _, n := range []int{c.MaxClients, c.MaxOutput, c.MaxPushed, c.MaxQueued, c.MaxSubscriptions, c.MaxTracked} {
		if n < 0 {
			return fmt.Errorf("%w: a bound of %d; use 0 for the default", ErrConfig, n)
		}
	}
	for _, d := range []time.Duration{c.IdleTimeout, c.StallTimeout, c.CommandTimeout} {
		if d < 0 {
			return fmt.Errorf("%w: a time of %v; use 0 for the default", ErrConfig, d)
		}
	}
	if err := c.Limits.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return nil
}
