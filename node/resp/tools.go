package resp

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// The commands that people and their tools ask a server.

// serverEntries returns the commands on the server itself.
func serverEntries() []*entry {
	admin := catAdmin | catDangerous
	return []*entry{
		commandEntry(), configEntry(), slowlogEntry(), latencyEntry(),
		{name: "info", arity: -1, flags: []string{"loading", "stale"}, cats: catSlow | catDangerous, group: "server", args: "[section [section ...]]",
			summary: "Say how the node does.", run: info},
		{name: "monitor", arity: 1, flags: []string{"admin", "noscript", "loading", "stale"}, cats: admin | catSlow, group: "server",
			summary: "Show every command of this node's clients.", run: monitor, is: noMulti | flushes | hidden},
		{name: "role", arity: 1, flags: []string{"noscript", "loading", "stale", "fast"}, cats: admin | catFast, group: "server",
			summary: "Reply master: every node takes writes.", run: role},
		{name: "lastsave", arity: 1, flags: []string{"loading", "stale", "fast"}, cats: admin | catFast, group: "server",
			summary: "Reply when the server started.", run: func(c *conn, _ []string) { c.w.Int(c.s.started.Unix()) }},
	}
}

// toolEntries returns what tools look at memory and modules with.
func toolEntries() []*entry {
	admin := catAdmin | catDangerous
	return []*entry{
		container("memory", "server", catSlow,
			&entry{name: "usage", arity: -3, cats: catRead, args: "key [SAMPLES count]", keys: keyRange{2, 2, 1},
				summary: "Reply the bytes that a key takes at one node.", run: memoryUsage},
			&entry{name: "doctor", arity: 2, summary: "Say whether memory is short.", run: func(c *conn, _ []string) {
				c.w.Verbatim("Memory is managed by the Go runtime; INFO memory and `atoll nodes` say how much there is.\n")
			}},
			&entry{name: "stats", arity: 2, summary: "Say where memory goes.", run: memoryStats},
			&entry{name: "purge", arity: 2, summary: "Give memory back that is not used.", run: ok},
			&entry{name: "malloc-stats", arity: 2, summary: "Say nothing of an allocator.", run: func(c *conn, _ []string) {
				c.w.Verbatim("Stats not supported for the current allocator")
			}},
		),
		container("module", "server", catSlow,
			&entry{name: "list", arity: 2, cats: admin, summary: "List no modules.", run: func(c *conn, _ []string) { c.w.Array(0) }},
		),
		container("function", "scripting", catSlow,
			&entry{name: "list", arity: -2, args: "[LIBRARYNAME library-name-pattern] [WITHCODE]", summary: "List no functions.", run: func(c *conn, _ []string) { c.w.Array(0) }},
			&entry{name: "flush", arity: -2, args: "[ASYNC|SYNC]", is: writes, summary: "Do nothing: there are no functions.", run: ok},
		),
		container("debug", "server", catSlow,
			&entry{name: "sleep", arity: 3, cats: admin, args: "seconds", is: flushes, summary: "Let this connection wait, where it is allowed.", run: debugSleep},
			&entry{name: "set-active-expire", arity: 3, cats: admin, args: "0|1", summary: "Accept the setting, where it is allowed.", run: func(c *conn, _ []string) {
				if c.debugAllowed() {
					c.w.Status("OK")
				}
			}},
		),
	}
}

func role(c *conn, _ []string) {
	c.w.Array(3)
	c.w.Bulk("master")
	c.w.Int(0)
	c.w.Array(0)
}

func memoryUsage(c *conn, args []string) {
	if len(args) != 3 && (len(args) != 5 || !strings.EqualFold(args[3], "samples")) {
		c.w.Error("ERR syntax error")
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, c.s.cfg.CommandTimeout)
	defer cancel()
	state, err := c.s.node.State(ctx, args[2])
	switch {
	case err != nil:
		c.w.Error(wire.AsError(err).Text)
	case state.Digest == 0:
		c.w.Nil()
	default:
		c.w.Int(int64(state.Bytes))
	}
}

func memoryStats(c *conn, _ []string) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	node := c.s.node.Node()
	stats := []struct {
		name  string
		value int64
	}{
		{"peak.allocated", int64(m.HeapSys)}, {"total.allocated", int64(m.HeapAlloc)}, {"startup.allocated", 0},
		{"clients.normal", int64(c.s.count() * perClient)}, {"keys.count", int64(node.Keys)}, {"dataset.bytes", int64(node.Bytes)},
	}
	c.w.Map(len(stats))
	for _, s := range stats {
		c.w.Bulk(s.name)
		c.w.Int(s.value)
	}
}

// debugAllowed says so to the client when DEBUG is not.
func (c *conn) debugAllowed() bool {
	if !c.s.cfg.Debug {
		c.w.Error("ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.")
	}
	return c.s.cfg.Debug
}

func debugSleep(c *conn, args []string) {
	if !c.debugAllowed() {
		return
	}
	s, err := strconv.ParseFloat(args[2], 64)
	if err != nil || s < 0 || s > maxPause.Seconds() {
		c.w.Error("ERR value is not a valid float")
		return
	}
	select {
	case <-time.After(time.Duration(s * float64(time.Second))):
	case <-c.ctx.Done():
	}
	c.w.Status("OK")
}
