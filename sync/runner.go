package sync

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// Host is where a node keeps its engines.
type Host interface {
	// Do runs f alone with the engine of a partition and reports whether the node
	// holds that partition. f does not block.
	Do(p region.Partition, f func(*Engine)) bool
	// Held returns the partitions that the node holds.
	Held() []region.Partition
	// Lead returns the partition under which what is written to p is published: p
	// itself, or another one that the same nodes hold.
	Lead(p region.Partition) region.Partition
}

// RunnerConfig sets a runner's beats and bounds. A zero field means its default.
type RunnerConfig struct {
	// TickEvery is the beat at which engines are asked for what is due. Shorter
	// ones notice gaps sooner and cost a look at every partition each.
	// Default: 50 ms.
	TickEvery time.Duration
	// BundleBytes is up to how many bytes of deltas of different partitions travel as
	// one message where the same nodes hold them. More make fewer messages and delay
	// the first of them. Default: 64 KiB.
	BundleBytes int
	// Pulls bounds the partitions that pull at the same time; what their answers may
	// add up to is the transport's to bound. More catch up sooner over a long link.
	// Default: 64.
	Pulls int
	// AskTimeout bounds a request with the whole of its answer, which may be as
	// large as the largest entry; transports give up on a peer that does not begin
	// to answer much sooner. Default: 1 min.
	AskTimeout time.Duration
	// Heard is called for every message of deltas or heads, with its sender, from
	// the goroutine that delivers it. Default: nothing.
	Heard func(from crdt.ReplicaID)
	// Now is the wall clock. Default: time.Now.
	Now func() time.Time
	// Log takes what an operator should know. Default: discarded.
	Log *slog.Logger
}

func (c RunnerConfig) withDefaults() RunnerConfig {
	if c.TickEvery <= 0 {
		c.TickEvery = 50 * time.Millisecond
	}
	if c.BundleBytes <= 0 {
		c.BundleBytes = 64 << 10
	}
	if c.Pulls <= 0 {
		c.Pulls = 64
	}
	if c.AskTimeout <= 0 {
		c.AskTimeout = time.Minute
	}
	if c.Heard == nil {
		c.Heard = func(crdt.ReplicaID) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// RunnerStats counts what a runner has done and dropped.
type RunnerStats struct {
	Published     int64 // messages of deltas broadcast
	PublishBytes  int64 // their bytes
	PublishFailed int64 // those that the transport refused; pulled by peers
	TooLarge      int64 // those above the transport's limit; announced, and pulled by peers
	Malformed     int64 // messages that could not be decoded
	AskFailed     int64 // requests without an answer
	AskBytes      int64 // bytes of requests and of their answers
	AnnounceBytes int64 // bytes of heads announced
}

// Runner drives a node's engines: it broadcasts what they queue, beats their
// time, sends their requests and hands them what the transport delivers. It
// holds no protocol decision. Create it with [NewRunner], hand it to the
// transport as its [Receiver], then call [Runner.Run].
type Runner struct {
	cfg       RunnerConfig
	host      Host
	transport Transport
	pulls     chan struct{} // a slot for each partition that may pull
	wake      chan struct{} // holds one element while there is something in dirty

	mu struct {
		sync.Mutex
		dirty   []region.Partition // partitions with something to broadcast
		marked  map[region.Partition]bool
		pulling map[region.Partition]bool
	}
	stats struct {
		published, bytes, failed, tooLarge, malformed, askFailed, askBytes, announceBytes atomic.Int64
	}
}

// NewRunner returns a runner that is not running yet.
func NewRunner(cfg RunnerConfig, host Host, transport Transport) *Runner {
	r := &Runner{cfg: cfg.withDefaults(), host: host, transport: transport, wake: make(chan struct{}, 1)}
	r.pulls = make(chan struct{}, r.cfg.Pulls)
	r.mu.marked = map[region.Partition]bool{}
	r.mu.pulling = map[region.Partition]bool{}
	return r
}

// Wrote tells the runner that a partition has something to broadcast. It does
// not block. What is written while a broadcast is under way goes out together
// with the next: batches grow with the load, and nothing waits when idle.
func (r *Runner) Wrote(p region.Partition) {
	r.mu.Lock()
	if !r.mu.marked[p] {
		r.mu.marked[p] = true
		r.mu.dirty = append(r.mu.dirty, p)
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, then broadcasts what is still queued and returns
// when everything that it started has ended.
func (r *Runner) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { r.broadcasts(ctx) })
	wg.Go(func() { r.beat(ctx, &wg) })
	wg.Wait()
	r.flush()
	return nil
}

// beat gives every engine the time.
func (r *Runner) beat(ctx context.Context, wg *sync.WaitGroup) {
	tick := time.NewTicker(r.cfg.TickEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var heads []*Message
		for _, p := range r.host.Held() {
			var req, head *Message
			var to crdt.ReplicaID
			r.mu.Lock()
			busy := r.mu.pulling[p]
			r.mu.Unlock()
			r.host.Do(p, func(e *Engine) {
				now := r.cfg.Now()
				head = e.Heads(now)
				if !busy {
					req, to = e.Tick(now)
				}
			})
			if head != nil {
				heads = append(heads, head)
			}
			if req != nil {
				r.startPull(ctx, wg, req, to)
			}
		}
		r.announce(heads)
	}
}

// announce sends heads of many partitions in as few messages as fit.
func (r *Runner) announce(heads []*Message) {
	for len(heads) > 0 {
		n := len(heads)
		msg := EncodeHeads(heads)
		for len(msg) > r.transport.MaxMessage() && n > 1 {
			n = (n + 1) / 2
			msg = EncodeHeads(heads[:n])
		}
		r.stats.announceBytes.Add(int64(len(msg)))
		if err := r.transport.Announce(msg); err != nil {
			r.stats.failed.Add(1)
			r.cfg.Log.Debug("announce", "err", err)
		}
		heads = heads[n:]
	}
}

// startPull follows a request with all that it leads to, in a goroutine of its
// own. When too many run already the request is lost; the engine repeats it.
func (r *Runner) startPull(ctx context.Context, wg *sync.WaitGroup, req *Message, to crdt.ReplicaID) {
	select {
	case r.pulls <- struct{}{}:
	default:
		r.refuse(req.Partition, to)
		return
	}
	p := req.Partition
	r.mu.Lock()
	r.mu.pulling[p] = true
	r.mu.Unlock()
	wg.Go(func() {
		defer func() {
			r.mu.Lock()
			delete(r.mu.pulling, p)
			r.mu.Unlock()
			<-r.pulls
		}()
		for req != nil && ctx.Err() == nil {
			req, to = r.pullOnce(ctx, req, to)
		}
	})
}

// pullOnce sends one request, gives its answer to the engine and returns the
// next request that is due at once.
func (r *Runner) pullOnce(ctx context.Context, req *Message, to crdt.ReplicaID) (*Message, crdt.ReplicaID) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.AskTimeout)
	defer cancel()
	msg := Encode(req)
	reply, err := r.transport.Ask(ctx, to, msg)
	r.stats.askBytes.Add(int64(len(msg) + len(reply)))
	if err != nil {
		r.stats.askFailed.Add(1)
		r.cfg.Log.Debug("ask", "partition", req.Partition, "to", to, "err", err)
		r.host.Do(req.Partition, func(e *Engine) { e.Unanswered(r.cfg.Now(), to) })
		return nil, 0
	}
	ms, err := Decode(reply)
	if err != nil || len(ms) != 1 || ms[0].Partition != req.Partition || ms[0].From != to {
		r.stats.malformed.Add(1)
		r.refuse(req.Partition, to)
		return nil, 0
	}
	var next *Message
	r.host.Do(req.Partition, func(e *Engine) {
		now := r.cfg.Now()
		e.Receive(now, ms[0])
		next, to = e.Tick(now)
	})
	return next, to
}

// refuse tells an engine that its request was not sent, or that its answer is none.
func (r *Runner) refuse(p region.Partition, to crdt.ReplicaID) {
	r.host.Do(p, func(e *Engine) {
		e.Receive(r.cfg.Now(), &Message{Kind: KindRefusal, Partition: p, From: to})
	})
}

// Announced implements [Receiver].
func (r *Runner) Announced(msg []byte) {
	ms, err := Decode(msg)
	if err != nil {
		r.stats.malformed.Add(1)
		r.cfg.Log.Debug("announced", "err", err)
		return
	}
	if len(ms) > 0 {
		r.cfg.Heard(ms[0].From)
	}
	for _, m := range ms {
		if m.Kind == KindHeads {
			r.host.Do(m.Partition, func(e *Engine) { e.Receive(r.cfg.Now(), m) })
		}
	}
}

// Asked implements [Receiver].
func (r *Runner) Asked(_ context.Context, msg []byte) []byte {
	ms, err := Decode(msg)
	if err == nil && (len(ms) != 1 || !ms[0].Kind.IsRequest()) {
		err = errors.Join(ErrMessage, errors.New("not a request"))
	}
	if err != nil {
		r.stats.malformed.Add(1)
		r.cfg.Log.Debug("asked", "err", err)
		return nil
	}
	var answer *Message
	r.host.Do(ms[0].Partition, func(e *Engine) { answer = e.Receive(r.cfg.Now(), ms[0]) })
	if answer == nil {
		return nil
	}
	return Encode(answer)
}

// Stats returns the runner's counters.
func (r *Runner) Stats() RunnerStats {
	s := &r.stats
	return RunnerStats{
		Published: s.published.Load(), PublishBytes: s.bytes.Load(), PublishFailed: s.failed.Load(),
		TooLarge: s.tooLarge.Load(), Malformed: s.malformed.Load(), AskFailed: s.askFailed.Load(),
		AskBytes: s.askBytes.Load(), AnnounceBytes: s.announceBytes.Load(),
	}
}
