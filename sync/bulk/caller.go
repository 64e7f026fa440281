package bulk

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Caller sends requests of any size. It is safe for concurrent use and has no
// goroutine of its own; there is nothing to close.
type Caller struct {
	nc     *nats.Conn
	cfg    Config
	credit *credit
	bad    error // what is wrong with the Config; every Request reports it
}

// NewCaller returns a Caller that uses nc, which stays the caller's to close.
// A Config that does not Validate makes every Request fail with that error.
func NewCaller(nc *nats.Conn, cfg Config) *Caller {
	c := &Caller{nc: nc, cfg: cfg.withDefaults(), bad: cfg.Validate()}
	c.credit = newCredit(c.cfg)
	return c
}

// Lost tells the Caller that its connection was lost. What was in flight may have
// been more than the server keeps for a slow reader, so less will be from now on:
// see Config.WindowBytes. Requests under way are not ended.
func (c *Caller) Lost() { c.credit.lost() }

// Stats returns the numbers at this moment. It does not block.
func (c *Caller) Stats() CallerStats { return c.credit.stats() }

// Request sends data to subject and returns the reply, which is the caller's to
// keep. It blocks until the reply is there, an error is certain or ctx ends; a
// ctx without a deadline is given Config.Timeout. data is read until Request
// returns and not kept.
//
// Errors: nats.ErrNoResponders when nobody listens; ErrTooLarge, ErrBusy,
// ErrExpired and ErrProtocol as they say; context.DeadlineExceeded when an
// answer did not come in time; and what nats.go returns for a connection that
// is down. When ctx ends in the middle of a transfer, the server is told to
// free its memory.
func (c *Caller) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	return wrap(subject)(c.request(ctx, asking{}, subject, data))
}

// RequestBounded is like Request for a caller that asks many at once. After Lost,
// for as long as less may be in flight than Config.WindowBytes, a reply of more than
// a 24th of that is parked, and pulled as far as there is room. Nothing waits for
// that before it is asked, and before Lost it costs nothing.
func (c *Caller) RequestBounded(ctx context.Context, subject string, data []byte) ([]byte, error) {
	return wrap(subject)(c.request(ctx, asking{bounded: true}, subject, data))
}

// RequestWithin is like Request for what can wait: the request is only sent when a
// 24th of what may be in flight has room, and a reply of more than that is parked and
// pulled. From then on it gives up with
// context.DeadlineExceeded when the reply has not begun to come within a time, for
// a caller that would rather ask somebody else than wait for the whole time of a
// large reply. Zero waits as long as ctx lets it.
func (c *Caller) RequestWithin(ctx context.Context, within time.Duration, subject string, data []byte) ([]byte, error) {
	return wrap(subject)(c.request(ctx, asking{patient: true, within: within}, subject, data))
}

// asking is how a request is made.
type asking struct {
	bounded bool          // no more of the reply comes unasked than a share of a window that has fallen
	patient bool          // nor of any window, and it is asked for when that has room for it
	within  time.Duration // how long it may take to begin; 0: as long as ctx lets it
}

// wrap says what an error is about.
func wrap(subject string) func([]byte, error) ([]byte, error) {
	return func(reply []byte, err error) ([]byte, error) {
		if err != nil {
			return nil, fmt.Errorf("bulk request to %s: %w", subject, err)
		}
		return reply, nil
	}
}

func (c *Caller) request(ctx context.Context, how asking, subject string, data []byte) ([]byte, error) {
	if c.bad != nil {
		return nil, c.bad
	}
	if len(data) > c.cfg.MaxMessage {
		return nil, fmt.Errorf("request has %d bytes, limit is %d, raise MaxMessage on both sides: %w", len(data), c.cfg.MaxMessage, ErrTooLarge)
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.cfg.Timeout)
		defer cancel()
	}
	c.credit.meet(c.nc.MaxPayload())
	if fits(c.nc, len(data)) {
		msg, err := c.ask(ctx, how, &nats.Msg{Subject: subject, Data: data})
		if err == nil {
			return c.receive(ctx, msg)
		}
		// A reconnect to a server with a smaller limit may come in between.
		if !errors.Is(err, nats.ErrMaxPayload) {
			return nil, err
		}
	}
	return c.upload(ctx, how, subject, data)
}

// upload sends a request that does not fit into one message.
func (c *Caller) upload(ctx context.Context, how asking, subject string, data []byte) ([]byte, error) {
	limit, err := chunkLimit(c.nc)
	if err != nil {
		return nil, err
	}
	id := newTransferID()
	msg, err := c.exchange(ctx, frame{verb: announce, id: id, total: len(data), size: limit}.message(subject, nil))
	if err != nil {
		return nil, fmt.Errorf("announce: %w", err)
	}
	f, err := expect(msg, accept, id)
	if err != nil {
		return nil, fmt.Errorf("announce: %w", err)
	}
	if f.size < minChunk || f.size > limit {
		return nil, fmt.Errorf("announce: server wants chunks of %d bytes, possible are %d to %d: %w", f.size, minChunk, limit, ErrProtocol)
	}
	last := chunks(len(data), f.size) - 1
	err = windowed(ctx, 0, last-1, c.cfg.Window, func(ctx context.Context, index int) error {
		return c.sendChunk(ctx, f, index, data)
	})
	if err == nil {
		// The last chunk waits for the handler.
		from, to, _ := span(len(data), f.size, last)
		msg, err = c.ask(ctx, how, frame{verb: chunk, id: id, index: last}.message(f.direct, data[from:to]))
		err = gone(err)
	}
	if err != nil {
		c.drop(f)
		return nil, fmt.Errorf("send chunks: %w", err)
	}
	return c.receive(ctx, msg)
}

// ask sends what a handler answers and waits for the answer to begin.
func (c *Caller) ask(ctx context.Context, how asking, msg *nats.Msg) (answer *nats.Msg, err error) {
	room := c.room(how)
	if room > 0 {
		if msg.Header == nil {
			msg.Header = nats.Header{}
		}
		msg.Header.Set(RoomHeader, strconv.Itoa(room))
	}
	if how.patient {
		giveBack, err := c.credit.take(ctx, room)
		if err != nil {
			return nil, err
		}
		defer func() { giveBack(answer != nil) }()
	}
	if how.within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, how.within)
		defer cancel()
	}
	return c.nc.RequestMsgWithContext(ctx, msg)
}

// room returns how many bytes a reply may bring at once, 0 for any.
func (c *Caller) room(how asking) int {
	if !how.patient && !how.bounded {
		return 0
	}
	room, narrow := c.credit.share()
	if how.bounded && !narrow {
		return 0
	}
	return room
}

// sendChunk sends one chunk and waits for its acknowledgement.
func (c *Caller) sendChunk(ctx context.Context, f frame, index int, data []byte) error {
	from, to, err := span(len(data), f.size, index)
	if err != nil {
		return err
	}
	msg, err := c.move(ctx, to-from, frame{verb: chunk, id: f.id, index: index}.message(f.direct, data[from:to]))
	if err != nil {
		return gone(err)
	}
	answer, err := expect(msg, ack, f.id)
	if err == nil && answer.index != index {
		err = fmt.Errorf("chunk %d acknowledged as %d: %w", index, answer.index, ErrProtocol)
	}
	return err
}

// receive turns the answer to a request into the reply, pulling what is parked.
func (c *Caller) receive(ctx context.Context, msg *nats.Msg) ([]byte, error) {
	f, present, err := parseFrame(msg.Header)
	switch {
	case err != nil:
		return nil, err
	case !present:
		return msg.Data, nil
	case f.verb == refusal:
		return nil, newRemoteError(f.code, f.text)
	case f.verb != parked:
		return nil, fmt.Errorf("%q where a reply was due: %w", f.verb, ErrProtocol)
	}
	reply, err := c.download(ctx, f, msg.Data)
	if err != nil {
		c.drop(f)
		return nil, fmt.Errorf("pull reply: %w", err)
	}
	return reply, nil
}

// download pulls a parked reply, of which the first chunk is there.
func (c *Caller) download(ctx context.Context, f frame, first []byte) ([]byte, error) {
	if f.total > c.cfg.MaxMessage {
		return nil, fmt.Errorf("reply has %d bytes, limit is %d, raise MaxMessage on both sides: %w", f.total, c.cfg.MaxMessage, ErrTooLarge)
	}
	if f.size < minChunk || f.total <= f.size {
		return nil, fmt.Errorf("reply of %d bytes in chunks of %d: %w", f.total, f.size, ErrProtocol)
	}
	var mu sync.Mutex // guards whole
	whole := newAssembly(f.total, f.size)
	if err := whole.put(0, first); err != nil {
		return nil, err
	}
	err := windowed(ctx, 1, chunks(f.total, f.size)-1, c.cfg.Window, func(ctx context.Context, index int) error {
		msg, err := c.move(ctx, f.size, frame{verb: pull, id: f.id, index: index}.message(f.direct, nil))
		if err != nil {
			return gone(err)
		}
		answer, err := expect(msg, part, f.id)
		if err != nil {
			return err
		}
		if answer.index != index {
			return fmt.Errorf("part %d came for %d: %w", answer.index, index, ErrProtocol)
		}
		mu.Lock()
		defer mu.Unlock()
		return whole.put(index, msg.Data)
	})
	if err != nil {
		return nil, err
	}
	return whole.buf, nil
}

// move is exchange for a message that moves a chunk of n bytes, here or there. It
// first waits until so much may be in flight.
func (c *Caller) move(ctx context.Context, n int, msg *nats.Msg) (*nats.Msg, error) {
	giveBack, err := c.credit.take(ctx, n)
	if err != nil {
		return nil, err
	}
	answer, err := c.exchange(ctx, msg)
	giveBack(err == nil)
	return answer, err
}

// exchange sends one message of a transfer and waits for its answer, at most
// Config.ChunkTimeout.
func (c *Caller) exchange(ctx context.Context, msg *nats.Msg) (*nats.Msg, error) {
	short, cancel := context.WithTimeout(ctx, c.cfg.ChunkTimeout)
	defer cancel()
	answer, err := c.nc.RequestMsgWithContext(short, msg)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("no answer within %s: %w", c.cfg.ChunkTimeout.Round(time.Millisecond), err)
	}
	return answer, err
}

// drop tells a server that nobody waits for the transfer any more. It is a
// courtesy: if the message is lost, HoldFor frees the memory.
func (c *Caller) drop(f frame) {
	_ = c.nc.PublishMsg(frame{verb: drop, id: f.id}.message(f.direct, nil))
}

// expect returns the frame of an answer that must be of the given kind.
func expect(msg *nats.Msg, want verb, id transferID) (frame, error) {
	f, present, err := parseFrame(msg.Header)
	switch {
	case err != nil:
		return frame{}, err
	case !present:
		return frame{}, fmt.Errorf("plain answer where %q was due; is a bulk server listening there?: %w", want, ErrProtocol)
	case f.verb == refusal:
		return frame{}, newRemoteError(f.code, f.text)
	case f.verb != want || f.id != id:
		return frame{}, fmt.Errorf("%q where %q was due: %w", f.verb, want, ErrProtocol)
	}
	return f, nil
}

// gone turns "no responders" on a direct subject into ErrExpired: the server
// has left in the middle, which must not look like a request nobody took.
func gone(err error) error {
	if errors.Is(err, nats.ErrNoResponders) {
		return fmt.Errorf("the server has gone: %w", ErrExpired)
	}
	return err
}

// fits reports whether n bytes are one plain message at this moment: the limit
// can change with every reconnect. Before the first connection it is unknown,
// and nats.go decides.
func fits(nc *nats.Conn, n int) bool {
	limit := nc.MaxPayload()
	return limit <= 0 || int64(n) <= limit
}

// chunkLimit returns the largest chunk that can be sent at this moment.
func chunkLimit(nc *nats.Conn) (int, error) {
	limit := nc.MaxPayload() - headroom
	if limit < minChunk {
		return 0, fmt.Errorf("max_payload of the NATS server is %d bytes, raise it to %d or more: %w", nc.MaxPayload(), minChunk+headroom, ErrTooLarge)
	}
	return int(min(limit, 1<<30)), nil
}
