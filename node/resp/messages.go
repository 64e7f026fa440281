package resp

import (
	"slices"
	"strings"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// The commands of publish and subscribe.

func messageEntries() []*entry {
	rest := func(args []string) []string { return args[1:] }
	flags := []string{"pubsub", "noscript", "loading", "stale"}
	cats := catPubSub | catSlow
	return []*entry{
		{name: "subscribe", arity: -2, flags: flags, cats: cats, group: "pubsub", args: "channel [channel ...]", is: inPause | flushes,
			summary: "Listen to channels.", channels: rest, run: func(c *conn, args []string) { c.subscribe(args[1:], false) }},
		{name: "psubscribe", arity: -2, flags: flags, cats: cats, group: "pubsub", args: "pattern [pattern ...]", is: inPause | flushes,
			summary: "Listen to the channels that match patterns.", channels: rest, run: func(c *conn, args []string) { c.subscribe(args[1:], true) }},
		{name: "unsubscribe", arity: -1, flags: flags, cats: cats, group: "pubsub", args: "[channel [channel ...]]", is: inPause | flushes,
			summary: "Listen to channels no more.", run: func(c *conn, args []string) { c.unsubscribe(args[1:], false) }},
		{name: "punsubscribe", arity: -1, flags: flags, cats: cats, group: "pubsub", args: "[pattern [pattern ...]]", is: inPause | flushes,
			summary: "Listen to patterns no more.", run: func(c *conn, args []string) { c.unsubscribe(args[1:], true) }},
		{name: "publish", arity: 3, flags: []string{"pubsub", "loading", "stale", "fast"}, cats: catPubSub | catFast, group: "pubsub",
			args: "channel message", summary: "Send a message to the clients of all nodes and regions; reply how many of this node got it.",
			channels: func(args []string) []string { return args[1:2] }, run: publish},
		container("pubsub", "pubsub", catSlow,
			&entry{name: "channels", arity: -2, args: "[pattern]", summary: "List the channels that clients of this node listen to.", run: pubsubChannels},
			&entry{name: "numsub", arity: -2, args: "[channel [channel ...]]", summary: "Count the clients of this node that listen to channels.", run: pubsubNumSub},
			&entry{name: "numpat", arity: 2, summary: "Count the patterns.", run: pubsubNumPat},
			&entry{name: "shardchannels", arity: -2, args: "[pattern]", summary: "List nothing: there are no sharded channels.", run: func(c *conn, _ []string) { c.w.Array(0) }},
			&entry{name: "shardnumsub", arity: -2, args: "[channel [channel ...]]", summary: "Count 0 for each: there are no sharded channels.", run: pubsubShardNumSub},
		),
	}
}

// subscribe confirms when changes are listened to, if they are wanted: a client may
// count on being told of what comes after that.
func (c *conn) subscribe(names []string, isPattern bool) {
	c.runPushing(func() {
		c.out.hold()
		defer c.out.release()
		if err := c.s.hub.subscribe(c, names, isPattern); err != nil {
			c.w.Error(wire.AsError(err).Text)
			return
		}
		c.s.notify.settle()
	})
}

func (c *conn) unsubscribe(names []string, isPattern bool) {
	c.runPushing(func() {
		c.out.hold()
		defer c.out.release()
		c.s.hub.unsubscribe(c, names, isPattern)
		c.s.notify.settle()
	})
}

// runPushing runs what answers by pushing: within EXEC, whose reply has been begun,
// that has to be written first.
func (c *conn) runPushing(f func()) {
	if c.asking {
		c.flushReplies()
	}
	f()
}

func publish(c *conn, args []string) {
	c.s.stats.published.Add(1)
	n, err := c.s.hub.publish(args[1], args[2])
	if err != nil {
		c.w.Error(wire.AsError(err).Text)
		return
	}
	c.w.Int(int64(n))
}

func pubsubChannels(c *conn, args []string) {
	glob := command.NewGlob("*")
	if len(args) > 2 {
		glob = command.NewGlob(args[2])
	}
	h := c.s.hub
	var names []string
	h.mu.Lock()
	for name, t := range h.mu.channels {
		if len(t.clients) > 0 && glob.Match(name) {
			names = append(names, name)
		}
	}
	h.mu.Unlock()
	slices.Sort(names)
	bulks(c, names)
}

func pubsubNumSub(c *conn, args []string) {
	h := c.s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	c.w.Map(len(args) - 2)
	for _, name := range args[2:] {
		c.w.Bulk(name)
		n := 0
		if t := h.mu.channels[name]; t != nil {
			n = len(t.clients)
		}
		c.w.Int(int64(n))
	}
}

func pubsubShardNumSub(c *conn, args []string) {
	c.w.Map(len(args) - 2)
	for _, name := range args[2:] {
		c.w.Bulk(name)
		c.w.Int(0)
	}
}

func pubsubNumPat(c *conn, _ []string) {
	h := c.s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	c.w.Int(int64(len(h.mu.patterns)))
}

// hearsKeys reports whether somebody listens to notifications of keys, or to a
// pattern that may match them.
func (h *hub) hearsKeys() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.mu.patterns) > 0 {
		return true
	}
	for name := range h.mu.channels {
		if strings.HasPrefix(name, keyspacePrefix) || strings.HasPrefix(name, keyeventPrefix) {
			return true
		}
	}
	return false
}
