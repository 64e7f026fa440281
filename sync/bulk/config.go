package bulk

import (
	"fmt"
	"time"
)

// Limits of the protocol. They are the same everywhere and so no settings.
const (
	// headroom is what a chunk leaves of max_payload, in bytes, for the
	// header that travels with it.
	headroom = 512

	// minChunk is the smallest chunk, in bytes, that is agreed upon. It bounds
	// what a peer can make us keep per byte it sends.
	minChunk = 1024

	// maxWindow is the most chunks of one transfer that may be in flight. A
	// receiver refuses a chunk further ahead, so its buffer grows only with
	// what has really arrived.
	maxWindow = 64

	// maxDirect is the longest direct subject, in bytes: with its header it
	// has to fit into headroom.
	maxDirect = 256

	// wholeHold is how many times Config.HoldFor a transfer may take in all.
	wholeHold = 10
)

// Config bounds what a Caller and a Server use. The zero value of a field means
// its default.
type Config struct {
	// MaxMessage is the largest request and the largest reply, in bytes. A
	// larger one is refused with ErrTooLarge. The price is memory: a caller and
	// a server each hold a whole message. Both sides need the same value.
	// Default: 72 MiB.
	MaxMessage int

	// Window is how many chunks of one transfer are in flight. More is faster
	// over a long link, as far as WindowBytes lets it be. At most 64. Default: 8.
	Window int

	// WindowBytes is how many bytes all transfers of one Caller have in flight
	// together: of chunks, and of the replies to RequestWithin from the moment
	// they are asked for. One chunk always may be. It is never more than 16 times
	// the server's max_payload, a quarter of what servers keep for a connection
	// before they end it (max_pending) where both have their defaults, and falls
	// to half each time the connection is lost while something is in flight, to 64
	// KiB at least. More is faster over a long link, at most WindowBytes in a
	// round trip, and delays other traffic on the way more: so much stands in
	// front of it, also where a connection of its own ends, at gateways and leaf
	// nodes. A 24th of it is how much one reply may bring at once; the rest is
	// pulled, a round trip later. Default: 8 MiB.
	WindowBytes int

	// WindowRegain is in what time the window grows by WindowBytes after it has
	// fallen. Shorter is fast again sooner, and loses the connection again sooner
	// where a server keeps less than WindowBytes for it. Default: 5 min.
	WindowRegain time.Duration

	// MaxHeld is how many bytes a server keeps in all: requests that are
	// arriving or being handled, and parked replies. Beyond it a large request
	// is refused with ErrBusy and a large reply is dropped (ErrExpired), both
	// counted. Chunks that wait unread may add a quarter of it or 64 MiB,
	// whichever is more. Must not be less than MaxMessage and its bookkeeping.
	// Default: 256 MiB.
	MaxHeld int

	// HoldFor is how long a server keeps an unfinished transfer since its last
	// progress; the whole of it may take ten times as long. Shorter frees the
	// memory of lost callers sooner, such as those that asked somebody else
	// meanwhile, and fails slow ones. Default: 10 s.
	HoldFor time.Duration

	// Workers is how many handlers a server runs at once, over all its
	// subscriptions. Each costs a goroutine. Default: 64.
	Workers int

	// Queue is how many requests wait while all workers are busy. Beyond it a
	// request is refused with ErrBusy, counted. A longer queue means longer
	// waits before a caller hears of it. Default: 1024.
	Queue int

	// QueueBytes bounds the same queue in bytes of plain requests (larger
	// requests count in MaxHeld). One request is always let in when none
	// waits. Default: 64 MiB.
	QueueBytes int

	// Timeout bounds a whole request whose context has no deadline.
	// Default: 30 s.
	Timeout time.Duration

	// ChunkTimeout bounds the wait for the answer to an announcement and for
	// each chunk; the context's deadline cuts it shorter. Lower notices a lost
	// chunk sooner and fails on slow links. Default: 10 s.
	ChunkTimeout time.Duration

	// DrainTimeout is how long Server.Close lets handlers finish and parked
	// replies be pulled, before it cancels the handlers' context and drops the
	// replies. Default: 5 s.
	DrainTimeout time.Duration
}

// DefaultConfig returns a Config with every default spelled out.
func DefaultConfig() Config {
	return Config{
		MaxMessage:   72 << 20,
		Window:       8,
		WindowBytes:  8 << 20,
		WindowRegain: 5 * time.Minute,
		MaxHeld:      256 << 20,
		HoldFor:      10 * time.Second,
		Workers:      64,
		Queue:        1024,
		QueueBytes:   64 << 20,
		Timeout:      30 * time.Second,
		ChunkTimeout: 10 * time.Second,
		DrainTimeout: 5 * time.Second,
	}
}

// withDefaults returns c with zero fields replaced by their defaults.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	ints := []struct{ have, def *int }{
		{&c.MaxMessage, &d.MaxMessage}, {&c.Window, &d.Window}, {&c.WindowBytes, &d.WindowBytes},
		{&c.MaxHeld, &d.MaxHeld}, {&c.Workers, &d.Workers}, {&c.Queue, &d.Queue}, {&c.QueueBytes, &d.QueueBytes},
	}
	for _, f := range ints {
		if *f.have == 0 {
			*f.have = *f.def
		}
	}
	times := []struct{ have, def *time.Duration }{
		{&c.HoldFor, &d.HoldFor}, {&c.WindowRegain, &d.WindowRegain}, {&c.Timeout, &d.Timeout},
		{&c.ChunkTimeout, &d.ChunkTimeout}, {&c.DrainTimeout, &d.DrainTimeout},
	}
	for _, f := range times {
		if *f.have == 0 {
			*f.have = *f.def
		}
	}
	return c
}

// Validate reports the first field that cannot be worked with. Zero fields are
// judged by their defaults. It changes nothing.
func (c Config) Validate() error {
	c = c.withDefaults()
	for _, f := range []struct {
		name  string
		value int
	}{
		{"MaxMessage", c.MaxMessage}, {"Window", c.Window}, {"WindowBytes", c.WindowBytes},
		{"MaxHeld", c.MaxHeld}, {"Workers", c.Workers}, {"Queue", c.Queue}, {"QueueBytes", c.QueueBytes},
		{"HoldFor", int(c.HoldFor)}, {"WindowRegain", int(c.WindowRegain)}, {"Timeout", int(c.Timeout)},
		{"ChunkTimeout", int(c.ChunkTimeout)}, {"DrainTimeout", int(c.DrainTimeout)},
	} {
		if f.value < 0 {
			return fmt.Errorf("bulk config: %s is negative (%d); use 0 for the default", f.name, f.value)
		}
	}
	if c.Window > maxWindow {
		return fmt.Errorf("bulk config: Window of %d is above %d", c.Window, maxWindow)
	}
	if need := transferCost(c.MaxMessage, minChunk); c.MaxHeld < need {
		return fmt.Errorf("bulk config: MaxHeld of %d bytes cannot hold one message of MaxMessage (%d bytes); raise it to %d or more",
			c.MaxHeld, c.MaxMessage, need)
	}
	return nil
}
