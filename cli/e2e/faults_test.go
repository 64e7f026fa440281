package e2e

import (
	"fmt"
	"strings"
	"time"
)

// What can be done to a world. Everything returns when it is done, not when it
// has been noticed.

// cut ends the connections of a link and lets none come up.
func (w *world) cut(from, to string) { w.eachProxy(from, to, (*proxy).down) }

// mend undoes cut and poison.
func (w *world) mend(from, to string) { w.eachProxy(from, to, (*proxy).cure) }

// poison does something to the bytes on a link.
func (w *world) poison(from, to string, toxics ...toxic) {
	w.eachProxy(from, to, func(p *proxy) { p.poison(toxics...) })
}

func (w *world) eachProxy(from, to string, f func(*proxy)) {
	w.t.Helper()
	proxies := w.links[link{from, to}]
	if len(proxies) == 0 {
		w.t.Fatalf("no link from %s to %s", from, to)
	}
	for _, p := range proxies {
		f(p)
	}
}

// node returns a node's process.
func (w *world) node(name string) *process {
	w.t.Helper()
	p := w.nodes[name]
	if p == nil {
		w.t.Fatalf("no node %s", name)
	}
	return p
}

// untilMissed waits until a region has noticed that a node, of its own or of
// another region, is silent.
func (w *world) untilMissed(name, by string) {
	w.t.Helper()
	until(w.t, 30*time.Second, by+" misses "+name, func() error {
		states, err := w.states(by)
		if state := states[name]; err == nil && state != "" && !strings.HasPrefix(state, "suspect") {
			err = fmt.Errorf("it sees it as %s", state)
		}
		return err
	})
}

// The toxics. Times are in milliseconds, rates in KB/s.

// silence swallows bytes: the connection stands and nothing arrives.
func silence(stream string) toxic {
	return toxic{Type: "timeout", Stream: stream, Attributes: map[string]int{"timeout": 0}}
}

// breakAfter ends each connection after some bytes, in the middle of a message.
func breakAfter(stream string, bytes int) toxic {
	return toxic{Type: "limit_data", Stream: stream, Attributes: map[string]int{"bytes": bytes}}
}

func latency(stream string, ms, jitter int) toxic {
	return toxic{Type: "latency", Stream: stream, Attributes: map[string]int{"latency": ms, "jitter": jitter}}
}

func bandwidth(stream string, rate int) toxic {
	return toxic{Type: "bandwidth", Stream: stream, Attributes: map[string]int{"rate": rate}}
}
