package bulk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Handler answers one request. It gets the subject the request was sent to and
// the whole request, which it may keep, and returns the whole reply, which it
// must not change afterwards. It runs beside other handlers, so it may block,
// but it takes a worker while it does. ctx ends when the Server is closed and
// DrainTimeout is over; a Handler that does not heed it holds up Close.
type Handler func(ctx context.Context, subject string, data []byte) []byte

// Server answers requests of any size. It is safe for concurrent use.
type Server struct {
	nc     *nats.Conn
	inbox  string // the direct subject
	cfg    Config
	ledger *ledger
	count  counters
	direct *nats.Subscription

	tasks   chan task
	workers sync.WaitGroup
	sweeper sync.WaitGroup
	ctx     context.Context // of the handlers; ends in Close
	cancel  context.CancelFunc
	closing sync.Once

	mu struct {
		sync.Mutex
		draining bool // no new subscription, no new announcement
		closed   bool // nothing enters tasks any more
		waiting  int  // bytes of plain requests in tasks
		subs     map[*Subscription]struct{}
	}
}

// task is one whole request on its way to a worker.
type task struct {
	sub     *Subscription
	subject string
	reply   string
	data    []byte
	room    int     // bytes that the reply may bring at once; 0: what fits into a message
	upload  *upload // nil when the request came as one message
}

// queuedBytes is what t counts in QueueBytes: chunked requests are in the
// ledger.
func (t task) queuedBytes() int {
	if t.upload != nil {
		return 0
	}
	return len(t.data)
}

// NewServer returns a Server on nc, which stays the caller's to close (after
// the Server). direct is a subject that only this process listens on, such as
// atoll.dev.us.bulk.<id>; callers need the right to publish to it. It must not
// have wildcards and at most 256 bytes. Config.Workers goroutines start here.
func NewServer(nc *nats.Conn, direct string, cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := checkDirect(direct); err != nil {
		return nil, fmt.Errorf("bulk server: %w", err)
	}
	cfg = cfg.withDefaults()
	s := &Server{nc: nc, inbox: direct, cfg: cfg, ledger: newLedger(cfg.MaxHeld, cfg.HoldFor), tasks: make(chan task, cfg.Queue)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.mu.subs = map[*Subscription]struct{}{}
	sub, err := nc.Subscribe(direct, s.serveDirect)
	if err == nil {
		// Chunks wait here only for being copied.
		err = sub.SetPendingLimits(nats.DefaultSubPendingMsgsLimit, max(cfg.MaxHeld/4, nats.DefaultSubPendingBytesLimit))
	}
	if err != nil {
		s.cancel()
		return nil, fmt.Errorf("bulk server: subscribe to %s: %w", direct, err)
	}
	s.direct = sub
	for range cfg.Workers {
		s.workers.Go(s.work)
	}
	s.sweeper.Go(s.sweep)
	return s, nil
}

// serve takes one message that came on a subject of Handle. It never blocks on
// a handler.
func (s *Server) serve(sub *Subscription, msg *nats.Msg) {
	f, present, err := parseFrame(msg.Header)
	switch {
	case err != nil:
		s.refuse(msg.Reply, err)
	case !present:
		room, err := parseRoom(msg.Header)
		if err == nil {
			err = s.submit(task{sub: sub, subject: msg.Subject, reply: msg.Reply, data: msg.Data, room: room})
		}
		if err != nil {
			s.refuse(msg.Reply, err)
		}
	case f.verb != announce:
		s.refuse(msg.Reply, fmt.Errorf("%q on a request subject: %w", f.verb, ErrProtocol))
	default:
		if err := s.admit(sub, msg, f); err != nil {
			s.refuse(msg.Reply, err)
		}
	}
}

// admit answers an announcement.
func (s *Server) admit(sub *Subscription, msg *nats.Msg, f frame) error {
	own, err := chunkLimit(s.nc)
	switch {
	case err != nil:
		return err
	case f.total > s.cfg.MaxMessage:
		return fmt.Errorf("request has %d bytes, limit is %d, raise MaxMessage on both sides: %w", f.total, s.cfg.MaxMessage, ErrTooLarge)
	case f.size < minChunk || f.total <= f.size || msg.Reply == "":
		return fmt.Errorf("announcement of %d bytes in chunks of %d: %w", f.total, f.size, ErrProtocol)
	case s.isDraining():
		return fmt.Errorf("server is closing: %w", ErrBusy)
	}
	size := min(f.size, own)
	u := &upload{
		id:      f.id,
		sub:     sub,
		subject: msg.Subject,
		whole:   newAssembly(f.total, size),
		cost:    transferCost(f.total, size),
	}
	if err := s.ledger.open(u, time.Now()); err != nil {
		return err
	}
	s.answer(frame{verb: accept, id: f.id, size: size, direct: s.inbox}.message(msg.Reply, nil))
	return nil
}

// serveDirect takes one message of a transfer.
func (s *Server) serveDirect(msg *nats.Msg) {
	f, present, err := parseFrame(msg.Header)
	if err == nil && !present {
		err = fmt.Errorf("plain message on a direct subject: %w", ErrProtocol)
	}
	if err != nil {
		s.refuse(msg.Reply, err)
		return
	}
	switch f.verb {
	case chunk:
		err = s.takeChunk(msg, f)
	case pull:
		var data []byte
		if data, err = s.ledger.part(f.id, f.index, time.Now()); err == nil {
			s.answer(frame{verb: part, id: f.id, index: f.index}.message(msg.Reply, data))
		}
	case drop:
		s.ledger.drop(f.id)
	default:
		err = fmt.Errorf("%q on a direct subject: %w", f.verb, ErrProtocol)
	}
	if err != nil {
		s.refuse(msg.Reply, err)
	}
}

// takeChunk acknowledges a chunk, or hands the request on when it is whole.
func (s *Server) takeChunk(msg *nats.Msg, f frame) error {
	room, err := parseRoom(msg.Header)
	if err != nil {
		return err
	}
	u, ignore, err := s.ledger.put(f.id, f.index, msg.Data, msg.Reply, time.Now())
	if err != nil {
		return err
	}
	if ignore {
		s.count.refused.Add(1)
		return nil
	}
	if u == nil {
		s.answer(frame{verb: ack, id: f.id, index: f.index}.message(msg.Reply, nil))
		return nil
	}
	err = s.submit(task{sub: u.sub, subject: u.subject, reply: msg.Reply, data: u.whole.buf, room: room, upload: u})
	if err != nil {
		s.ledger.close(u)
	}
	return err
}

// submit queues a request without blocking, or returns why it cannot.
func (s *Server) submit(t task) error {
	n := t.queuedBytes()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closed {
		return fmt.Errorf("server is closing: %w", ErrBusy)
	}
	if s.mu.waiting > 0 && s.mu.waiting+n > s.cfg.QueueBytes {
		return fmt.Errorf("%d bytes wait for a worker, QueueBytes is %d: %w", s.mu.waiting, s.cfg.QueueBytes, ErrBusy)
	}
	select {
	case s.tasks <- t:
		s.mu.waiting += n
		return nil
	default:
		return fmt.Errorf("%d requests wait for a worker: %w", len(s.tasks), ErrBusy)
	}
}

// work runs handlers until tasks is closed and empty.
func (s *Server) work() {
	for t := range s.tasks {
		s.mu.Lock()
		s.mu.waiting -= t.queuedBytes()
		s.mu.Unlock()
		s.run(t)
	}
}

// run runs one handler and sends its reply.
func (s *Server) run(t task) {
	s.count.requests.Add(1)
	if t.upload != nil {
		s.count.largeRequests.Add(1)
	}
	s.count.running.Add(1)
	reply := t.sub.handler(s.ctx, t.subject, t.data)
	s.count.running.Add(-1)
	if t.upload != nil && !s.ledger.close(t.upload) {
		return // The caller has given up.
	}
	if t.reply == "" {
		return // A publish, not a request.
	}
	if len(reply) > s.cfg.MaxMessage {
		s.refuse(t.reply, fmt.Errorf("reply has %d bytes, limit is %d, raise MaxMessage on both sides: %w", len(reply), s.cfg.MaxMessage, ErrTooLarge))
		return
	}
	if fits(s.nc, len(reply)) && (t.room == 0 || len(reply) <= t.room) {
		err := s.nc.Publish(t.reply, reply)
		if err == nil {
			return
		}
		// A reconnect to a server with a smaller limit may come in between.
		if !errors.Is(err, nats.ErrMaxPayload) {
			s.count.replyErrors.Add(1)
			return
		}
	}
	s.parkReply(t.reply, t.room, reply)
}

// parkReply keeps a large reply and tells the caller where to pull it, in chunks of
// what may come at once.
func (s *Server) parkReply(inbox string, room int, reply []byte) {
	size, err := chunkLimit(s.nc)
	if err != nil {
		s.refuse(inbox, err)
		return
	}
	if room > 0 {
		size = min(size, room)
	}
	if len(reply) <= size {
		// The limit has grown since it was found too small: it fits again.
		s.answer(&nats.Msg{Subject: inbox, Data: reply})
		return
	}
	id, err := s.ledger.park(reply, size, time.Now())
	if err != nil {
		s.count.droppedReplies.Add(1)
		s.refuse(inbox, err)
		return
	}
	s.count.largeReplies.Add(1)
	notice := frame{verb: parked, id: id, total: len(reply), size: size, direct: s.inbox}
	if !s.answer(notice.message(inbox, reply[:size])) {
		s.ledger.drop(id)
	}
}

// refuse answers with an error and counts it.
func (s *Server) refuse(inbox string, err error) {
	switch {
	case errors.Is(err, ErrBusy):
		s.count.busy.Add(1)
	case errors.Is(err, ErrTooLarge):
		s.count.tooLarge.Add(1)
	default:
		s.count.refused.Add(1)
	}
	if inbox != "" {
		s.answer(frame{verb: refusal, code: codeOf(err), text: err.Error()}.message(inbox, nil))
	}
}

// answer sends one message of the protocol and reports whether NATS took it.
func (s *Server) answer(msg *nats.Msg) bool {
	if msg.Subject == "" {
		return false // Nobody asked for an answer.
	}
	if err := s.nc.PublishMsg(msg); err != nil {
		s.count.replyErrors.Add(1)
		return false
	}
	return true
}

// sweep frees what is over its time until the server is closed.
func (s *Server) sweep() {
	ticker := time.NewTicker(max(s.cfg.HoldFor/4, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case now := <-ticker.C:
			uploads, replies := s.ledger.expire(now)
			s.count.expiredUploads.Add(uint64(uploads))
			s.count.droppedReplies.Add(uint64(replies))
		}
	}
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.draining
}
