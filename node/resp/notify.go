package resp

import (
	"context"
	"strings"
	"sync"
	"time"
)

// The channels of keyspace notifications.
const (
	keyspacePrefix = "__keyspace@0__:"
	keyeventPrefix = "__keyevent@0__:"
)

// notifier listens to the changes of the region's keys while a client of this node
// wants to hear of them.
type notifier struct {
	s  *Server
	mu sync.Mutex
	on func() // ends what listens; nil: nothing does
}

func newNotifier(s *Server) *notifier { return &notifier{s: s} }

// observeWait bounds the wait until the other nodes know that changes are wanted.
const observeWait = 2 * time.Second

// settle begins or ends to listen, as is needed now.
func (n *notifier) settle() {
	want := n.s.tracking.any() || n.s.settings.events().any() && n.s.hub.hearsKeys()
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case want && n.on == nil && n.s.work.Err() == nil:
		ctx, cancel := context.WithTimeout(n.s.work, observeWait)
		stop, err := n.s.node.Observe(ctx, n.changed)
		cancel()
		if err != nil {
			n.s.cfg.Log.Warn("observe changes", "err", err)
			return
		}
		n.on = stop
	case !want && n.on != nil:
		n.on()
		n.on = nil
	}
}

func (n *notifier) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.on != nil {
		n.on()
		n.on = nil
	}
}

// changed tells clients of a change.
func (n *notifier) changed(ch Change) {
	n.s.tracking.changed(n.s, ch)
	events := n.s.settings.events()
	if !events.any() || ch.Away && !n.s.settings.notifiesAway() {
		return
	}
	for _, name := range ch.Events {
		if !events.wants(name) {
			continue
		}
		if events.keyspace {
			n.s.hub.deliver(keyspacePrefix+ch.Key, name, true, true)
		}
		if events.keyevent {
			n.s.hub.deliver(keyeventPrefix+name, ch.Key, true, true)
		}
	}
}

// events are what notify-keyspace-events chooses.
type events struct {
	keyspace, keyevent bool
	classes            string // of eventClasses
}

// eventClasses are the classes of events, allClasses those that A stands for.
const (
	eventClasses = "g$lshzxedtmn"
	allClasses   = "g$lshzxetd"
)

// parseEvents reads the value of notify-keyspace-events.
func parseEvents(text string) (e events, ok bool) {
	for _, r := range text {
		switch {
		case r == 'K':
			e.keyspace = true
		case r == 'E':
			e.keyevent = true
		case r == 'A':
			e.classes += allClasses
		case strings.ContainsRune(eventClasses, r):
			e.classes += string(r)
		default:
			return events{}, false
		}
	}
	return e, true
}

// String returns the events as CONFIG GET shows them.
func (e events) String() string {
	out, rest := "", e.classes
	if !strings.ContainsFunc(allClasses, func(r rune) bool { return !strings.ContainsRune(rest, r) }) {
		out, rest = "A", strings.Map(func(r rune) rune {
			if strings.ContainsRune(allClasses, r) {
				return -1
			}
			return r
		}, rest)
	}
	for _, r := range eventClasses {
		if strings.ContainsRune(rest, r) {
			out += string(r)
		}
	}
	if e.keyspace {
		out += "K"
	}
	if e.keyevent {
		out += "E"
	}
	return out
}

// any reports whether there is anything to tell.
func (e events) any() bool { return (e.keyspace || e.keyevent) && e.classes != "" }

// wants reports whether an event is of a class that is chosen.
func (e events) wants(name string) bool { return strings.IndexByte(e.classes, classOf(name)) >= 0 }

// classOf returns the class of an event.
func classOf(name string) byte {
	switch name {
	case "expired":
		return 'x'
	case "evicted":
		return 'e'
	case "new":
		return 'n'
	case "set", "setrange", "setbit", "append", "incrby", "incrbyfloat", "pfadd":
		return '$'
	case "lset", "linsert", "lrem", "ltrim", "rpush", "rpop":
		return 'l'
	}
	switch {
	case strings.HasPrefix(name, "hset") || strings.HasPrefix(name, "hdel") || strings.HasPrefix(name, "hincr") ||
		strings.HasPrefix(name, "hexpire") || name == "hpersist":
		return 'h'
	case name[0] == 'z':
		return 'z'
	case name[0] == 's':
		return 's'
	case strings.HasPrefix(name, "lp"):
		return 'l'
	}
	return 'g'
}
