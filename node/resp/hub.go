package resp

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/resp/proto"
)

// hub brings messages to the clients of this node that listen to them: those of
// its own clients directly, those of other nodes as the [Messenger] brings them.
type hub struct {
	node Messenger

	mu struct {
		sync.Mutex
		channels map[string]*topic
		patterns map[string]*topic
		stopAll  func() // ends ListenAll, which goes on while there are patterns
	}
}

// topic is who listens to one channel or pattern.
type topic struct {
	clients map[*conn]struct{}
	opening int // clients that are about to listen
	glob    command.Glob
	stop    func()
}

// subscriptions are what one client listens to.
type subscriptions struct{ channels, patterns map[string]struct{} }

func (s *subscriptions) count() int { return len(s.channels) + len(s.patterns) }

func newHub(node Messenger) *hub {
	h := &hub{node: node}
	h.mu.channels, h.mu.patterns = map[string]*topic{}, map[string]*topic{}
	return h
}

// flushWait bounds the wait until the NATS server knows what is listened to.
const flushWait = 2 * time.Second

var errSubscriptions = errors.New("too many subscriptions on this connection")

// subscribe makes a client listen to channels or patterns. The client is told of
// each before it gets a message of it.
func (h *hub) subscribe(c *conn, names []string, isPattern bool) error {
	if c.subs.count()+len(names) > c.s.cfg.MaxSubscriptions {
		return errSubscriptions
	}
	opened, err := h.open(names, isPattern)
	if err == nil && opened {
		ctx, cancel := context.WithTimeout(c.ctx, flushWait)
		err = h.node.Flush(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			err = nil // NATS is away. Clients of this node hear each other all the same.
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	topics, own, sign := h.sortOf(c, isPattern)
	for _, name := range names {
		t := topics[name]
		if t == nil {
			continue // It could not be opened.
		}
		t.opening--
		if err != nil {
			h.closeIfIdle(topics, name)
			continue
		}
		t.clients[c] = struct{}{}
		if *own == nil {
			*own = map[string]struct{}{}
		}
		(*own)[name] = struct{}{}
		c.confirm(sign+"subscribe", name)
	}
	return err
}

// open makes sure that there is a topic for each name, and reports whether one is
// new.
func (h *hub) open(names []string, isPattern bool) (opened bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	topics := h.mu.channels
	if isPattern {
		topics = h.mu.patterns
	}
	for _, name := range names {
		t := topics[name]
		if t == nil {
			t = &topic{clients: map[*conn]struct{}{}}
			if isPattern {
				t.glob = command.NewGlob(name)
				err = errors.Join(err, h.listenAll())
			} else {
				var failed error
				t.stop, failed = h.node.Listen(name, func(channel, message string) { h.deliver(channel, message, true, false) })
				err = errors.Join(err, failed)
			}
			topics[name] = t
			opened = true
		}
		t.opening++
	}
	return opened, err
}

// listenAll listens to all channels, for the patterns. The caller holds the lock.
func (h *hub) listenAll() error {
	if h.mu.stopAll != nil {
		return nil
	}
	stop, err := h.node.ListenAll(func(channel, message string) { h.deliver(channel, message, false, true) })
	if err == nil {
		h.mu.stopAll = stop
	}
	return err
}

// sortOf returns what subscriptions of one sort are kept in, and what the
// words of their confirmations begin with.
func (h *hub) sortOf(c *conn, isPattern bool) (topics map[string]*topic, own *map[string]struct{}, sign string) {
	if isPattern {
		return h.mu.patterns, &c.subs.patterns, "p"
	}
	return h.mu.channels, &c.subs.channels, ""
}

// closeIfIdle ends a topic that nobody listens to. The caller holds the lock.
func (h *hub) closeIfIdle(topics map[string]*topic, name string) {
	t := topics[name]
	if t == nil || len(t.clients) > 0 || t.opening > 0 {
		return
	}
	if t.stop != nil {
		t.stop()
	}
	delete(topics, name)
	if len(h.mu.patterns) == 0 && h.mu.stopAll != nil {
		h.mu.stopAll()
		h.mu.stopAll = nil
	}
}

// unsubscribe makes a client listen no more to channels or patterns; no names
// mean all of them.
func (h *hub) unsubscribe(c *conn, names []string, isPattern bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	topics, own, sign := h.sortOf(c, isPattern)
	if len(names) == 0 {
		for name := range *own {
			names = append(names, name)
		}
		if len(names) == 0 {
			c.confirmNone(sign + "unsubscribe")
			return
		}
	}
	for _, name := range names {
		h.remove(c, topics, *own, name)
		c.confirm(sign+"unsubscribe", name)
	}
}

func (h *hub) remove(c *conn, topics map[string]*topic, own map[string]struct{}, name string) {
	if _, listens := own[name]; !listens {
		return
	}
	delete(own, name)
	delete(topics[name].clients, c)
	h.closeIfIdle(topics, name)
}

// leave makes a client listen to nothing, without telling it.
func (h *hub) leave(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name := range c.subs.channels {
		h.remove(c, h.mu.channels, c.subs.channels, name)
	}
	for name := range c.subs.patterns {
		h.remove(c, h.mu.patterns, c.subs.patterns, name)
	}
	c.noteSubs()
}

// publish sends a message to all who listen in all regions, and returns how many
// clients of this node do.
func (h *hub) publish(channel, message string) (int, error) {
	n := h.deliver(channel, message, true, true)
	return n, h.node.Publish(channel, message)
}

// deliver gives a message to the clients of this node that listen to its channel,
// to a pattern that it matches, or both.
func (h *hub) deliver(channel, message string, toChannel, toPatterns bool) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if toChannel {
		if t := h.mu.channels[channel]; t != nil {
			n += t.send("message", channel, message)
		}
	}
	if toPatterns {
		for name, t := range h.mu.patterns {
			if t.glob.Match(channel) {
				n += t.send("pmessage", name, channel, message)
			}
		}
	}
	return n
}

// send pushes a message to all of a topic.
func (t *topic) send(words ...string) int {
	var rendered [2][]byte
	for c := range t.clients {
		v := 0
		if c.pushes3.Load() {
			v = 1
		}
		if rendered[v] == nil {
			w := proto.Writer{Version3: v == 1}
			w.Push(len(words))
			for _, s := range words {
				w.Bulk(s)
			}
			rendered[v] = w.Bytes()
		}
		c.out.pushed(rendered[v])
	}
	return len(t.clients)
}

// confirm tells the client of one subscription. The caller holds the hub's lock.
func (c *conn) confirm(word, name string) {
	w := proto.Writer{Version3: c.w.Version3}
	w.Push(3)
	w.Bulk(word)
	w.Bulk(name)
	w.Int(int64(c.subs.count()))
	c.out.pushed(w.Bytes())
	c.noteSubs()
}

func (c *conn) confirmNone(word string) {
	w := proto.Writer{Version3: c.w.Version3}
	w.Push(3)
	w.Bulk(word)
	w.Nil()
	w.Int(int64(c.subs.count()))
	c.out.pushed(w.Bytes())
}

// noteSubs notes the subscriptions for CLIENT LIST.
func (c *conn) noteSubs() {
	c.info.Lock()
	defer c.info.Unlock()
	c.info.subs, c.info.patterns = len(c.subs.channels), len(c.subs.patterns)
}

// close ends all listening.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range h.mu.channels {
		if t.stop != nil {
			t.stop()
		}
	}
	if h.mu.stopAll != nil {
		h.mu.stopAll()
		h.mu.stopAll = nil
	}
	clear(h.mu.channels)
	clear(h.mu.patterns)
}
