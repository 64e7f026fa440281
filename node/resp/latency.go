package resp

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// latencies keep when something took long, for each of a few events.
type latencies struct {
	least atomic.Int64 // milliseconds that are long; 0: nothing is

	mu struct {
		sync.Mutex
		events map[string]*latencyEvent
	}
}

type latencyEvent struct {
	samples []latencySample // the oldest first
	max     int64
}

type latencySample struct{ at, ms int64 }

const maxSamples = 160

func newLatencies() *latencies {
	l := &latencies{}
	l.mu.events = map[string]*latencyEvent{}
	return l
}

// note keeps how long something took, if that was long: the worst of each second.
func (l *latencies) note(event string, took time.Duration) {
	least := l.least.Load()
	ms := took.Milliseconds()
	if least == 0 || ms < least {
		return
	}
	at := time.Now().Unix()
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.mu.events[event]
	if e == nil {
		e = &latencyEvent{}
		l.mu.events[event] = e
	}
	e.max = max(e.max, ms)
	if n := len(e.samples); n > 0 && e.samples[n-1].at == at {
		e.samples[n-1].ms = max(e.samples[n-1].ms, ms)
		return
	}
	e.samples = append(e.samples, latencySample{at, ms})
	if len(e.samples) > maxSamples {
		e.samples = e.samples[1:]
	}
}

func latencyEntry() *entry {
	admin := catAdmin | catDangerous
	return container("latency", "server", catSlow,
		&entry{name: "latest", arity: 2, cats: admin, summary: "Reply the latest of each event that took long.", run: latencyLatest},
		&entry{name: "history", arity: 3, cats: admin, args: "event", summary: "Reply when an event took long.", run: latencyHistory},
		&entry{name: "reset", arity: -2, cats: admin, args: "[event [event ...]]", summary: "Forget events; reply how many.", run: latencyReset},
		&entry{name: "doctor", arity: 2, cats: admin, summary: "Say whether something took long.", run: latencyDoctor},
		&entry{name: "histogram", arity: -2, cats: admin, args: "[command [command ...]]", summary: "Reply how long commands took.", run: latencyHistogram},
	)
}

func latencyLatest(c *conn, _ []string) {
	l := c.s.latency
	l.mu.Lock()
	defer l.mu.Unlock()
	c.w.Array(len(l.mu.events))
	for _, name := range slices.Sorted(maps.Keys(l.mu.events)) {
		e := l.mu.events[name]
		last := e.samples[len(e.samples)-1]
		c.w.Array(4)
		c.w.Bulk(name)
		c.w.Int(last.at)
		c.w.Int(last.ms)
		c.w.Int(e.max)
	}
}

func latencyHistory(c *conn, args []string) {
	l := c.s.latency
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.mu.events[args[2]]
	if e == nil {
		c.w.Array(0)
		return
	}
	c.w.Array(len(e.samples))
	for _, s := range e.samples {
		c.w.Array(2)
		c.w.Int(s.at)
		c.w.Int(s.ms)
	}
}

func latencyReset(c *conn, args []string) {
	l := c.s.latency
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.mu.events)
	if len(args) == 2 {
		clear(l.mu.events)
	}
	for _, name := range args[2:] {
		delete(l.mu.events, name)
	}
	c.w.Int(int64(before - len(l.mu.events)))
}

func latencyDoctor(c *conn, _ []string) {
	l := c.s.latency
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.least.Load() == 0:
		c.w.Verbatim("Latency monitoring is off: CONFIG SET latency-monitor-threshold <milliseconds> turns it on.\n")
	case len(l.mu.events) == 0:
		c.w.Verbatim("Nothing took longer than the threshold.\n")
	default:
		var b strings.Builder
		for _, name := range slices.Sorted(maps.Keys(l.mu.events)) {
			e := l.mu.events[name]
			fmt.Fprintf(&b, "%s: %d times in different seconds, %d ms at worst; SLOWLOG GET says by which commands.\n", name, len(e.samples), e.max)
		}
		c.w.Verbatim(b.String())
	}
}

func latencyHistogram(c *conn, args []string) {
	var entries []*entry
	c.s.table.each(func(e *entry) {
		wanted := len(args) == 2 || slices.ContainsFunc(args[2:], func(a string) bool {
			return strings.EqualFold(a, e.name) || strings.HasPrefix(e.name, strings.ToLower(a)+"|")
		})
		if wanted && c.s.stats.byEntry[e.index].calls.Load() > 0 {
			entries = append(entries, e)
		}
	})
	slices.SortFunc(entries, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	c.w.Map(len(entries))
	for _, e := range entries {
		s := &c.s.stats.byEntry[e.index]
		c.w.Bulk(e.name)
		c.w.Map(2)
		c.w.Bulk("calls")
		c.w.Int(s.calls.Load())
		c.w.Bulk("histogram_usec")
		var buckets [][2]int64
		sum := int64(0)
		for i := range s.took {
			if n := s.took[i].Load(); n > 0 {
				sum += n
				buckets = append(buckets, [2]int64{1 << i, sum})
			}
		}
		c.w.Map(len(buckets))
		for _, b := range buckets {
			c.w.Int(b[0])
			c.w.Int(b[1])
		}
	}
}
