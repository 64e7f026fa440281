package resp

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/atollcache/atoll/node/command"
)

// settings are what CONFIG reads and sets. What is set holds for this node and
// until it ends.
type settings struct {
	cfg Config

	mu struct {
		sync.Mutex
		values map[string]string
		idle   time.Duration
		most   int
		events events
		away   bool
	}
}

// newSettings returns the settings that a configuration begins with.
func newSettings(cfg Config) *settings {
	s := &settings{cfg: cfg}
	yes := map[bool]string{true: "yes", false: "no"}
	s.mu.idle, s.mu.most, s.mu.away = cfg.IdleTimeout, cfg.MaxClients, true
	s.mu.values = map[string]string{
		"appendonly": "no", "save": "", "databases": "1", "maxmemory": "0", "maxmemory-policy": "noeviction",
		"timeout": strconv.Itoa(int(cfg.IdleTimeout.Seconds())), "maxclients": strconv.Itoa(cfg.MaxClients),
		"proto-max-bulk-len": strconv.Itoa(cfg.Limits.MaxValue), "replica-read-only": "no", "slave-read-only": "no",
		"notify-keyspace-events": "", "notify-other-regions": "yes", "slowlog-log-slower-than": "10000", "slowlog-max-len": "128",
		"latency-monitor-threshold": "0", "cluster-enabled": yes[cfg.ClusterMode], "tracking-table-max-keys": strconv.Itoa(cfg.MaxTracked),
		"requirepass": cfg.Password, "tcp-keepalive": "300", "lfu-log-factor": "10", "hz": "10", "port": "0",
		"client-output-buffer-limit": fmt.Sprintf("normal %d 0 0 slave 0 0 0 pubsub %d 0 0", cfg.MaxOutput, cfg.MaxPushed),
	}
	standardLayouts(s.mu.values)
	return s
}

// setters are the parameters that can be set beside those of memory and layout. They
// check the value and then use it; with the lock held.
var setters = map[string]func(*Server, string) error{
	"timeout": func(s *Server, v string) error {
		n, err := number(v, 0, 1<<31-1)
		s.settings.mu.idle = time.Duration(n) * time.Second
		return err
	},
	"maxclients": func(s *Server, v string) error {
		n, err := number(v, 1, 1<<31-1)
		if err == nil {
			s.settings.mu.most = int(n)
		}
		return err
	},
	"notify-keyspace-events": func(s *Server, v string) error {
		e, ok := parseEvents(v)
		if !ok {
			return fmt.Errorf("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
		}
		s.settings.mu.events = e
		return nil
	},
	"notify-other-regions": func(s *Server, v string) error {
		if v != "yes" && v != "no" {
			return fmt.Errorf("argument must be 'yes' or 'no'")
		}
		s.settings.mu.away = v == "yes"
		return nil
	},
	"slowlog-log-slower-than": func(s *Server, v string) error {
		n, err := number(v, -1, 1<<62)
		if err == nil {
			s.slow.least.Store(n)
		}
		return err
	},
	"slowlog-max-len": func(s *Server, v string) error {
		n, err := number(v, 0, 100_000)
		if err == nil {
			s.slow.most.Store(n)
		}
		return err
	},
	"latency-monitor-threshold": func(s *Server, v string) error {
		n, err := number(v, 0, 1<<62)
		if err == nil {
			s.latency.least.Store(n)
		}
		return err
	},
	"requirepass": func(s *Server, v string) error {
		modifiers := []string{"resetpass", ">" + v}
		if v == "" {
			modifiers = []string{"nopass"}
		}
		return s.users.change(defaultUser, modifiers)
	},
}

// number reads a number within bounds.
func number(v string, least, most int64) (int64, error) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("argument couldn't be parsed into an integer")
	}
	if n < least || n > most {
		return 0, fmt.Errorf("argument must be between %d and %d inclusive", least, most)
	}
	return n, nil
}

func configEntry() *entry {
	admin := catAdmin | catDangerous
	return container("config", "server", catSlow,
		&entry{name: "get", arity: -3, cats: admin, args: "parameter [parameter ...]", summary: "Reply the settings whose names match.", run: configGet},
		&entry{name: "set", arity: -4, cats: admin, is: hidden, args: "parameter value [parameter value ...]",
			summary: "Change settings of this node until it ends.", run: configSet},
		&entry{name: "resetstat", arity: 2, cats: admin, summary: "Begin to count anew.", run: func(c *conn, _ []string) {
			c.s.stats.reset()
			c.w.Status("OK")
		}},
		&entry{name: "rewrite", arity: 2, cats: admin, summary: "Fail: there is no configuration file.", run: func(c *conn, _ []string) {
			c.w.Error("ERR The server is running without a config file")
		}},
	)
}

func configGet(c *conn, args []string) {
	set := c.s.settings
	set.mu.Lock()
	defer set.mu.Unlock()
	var names []string
	for name := range set.mu.values {
		if slices.ContainsFunc(args[2:], func(a string) bool { return command.NewGlob(strings.ToLower(a)).Match(name) }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	c.w.Map(len(names))
	for _, name := range names {
		value := set.mu.values[name]
		switch {
		case name == "port":
			value = strconv.Itoa(c.s.port())
		case isMemory(name):
			value = c.s.memoryValue(name)
		}
		c.w.Bulk(name)
		c.w.Bulk(value)
	}
}

// configSet sets all parameters, or none when there is one that cannot be set.
func configSet(c *conn, args []string) {
	pairs, set := args[2:], c.s.settings
	if len(pairs)%2 != 0 {
		c.w.Error("ERR wrong number of arguments for 'config|set' command")
		return
	}
	before, wanted := map[string]string{}, map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		name := strings.ToLower(pairs[i])
		if problem := set.problem(name, pairs[i], pairs[i+1]); problem != "" {
			c.w.Error(problem)
			return
		}
		if _, twice := before[name]; twice {
			c.w.Error(configFailed(name, "duplicate parameter"))
			return
		}
		before[name], wanted[name] = set.value(name), pairs[i+1]
		if isMemory(name) {
			before[name] = c.s.memoryValue(name)
		}
	}
	for i := 0; i < len(pairs); i += 2 {
		name := strings.ToLower(pairs[i])
		if err := set.set(c.s, name, wanted); err != nil {
			for j := 0; j <= i; j += 2 {
				_ = set.set(c.s, strings.ToLower(pairs[j]), before) // They were good values before.
			}
			c.w.Error(configFailed(name, err.Error()))
			return
		}
	}
	c.s.notify.settle()
	c.w.Status("OK")
}

// configFailed is Redis's text for a parameter that was not set.
func configFailed(name, why string) string {
	return "ERR CONFIG SET failed (possibly related to argument '" + name + "') - " + why
}

// problem says why a parameter cannot be set to any value but the one that it has,
// empty when it can. sent is its name as it was sent.
func (set *settings) problem(name, sent, value string) string {
	switch {
	case set.settable(name, value):
		return ""
	case set.has(name):
		return configFailed(name, "can't set immutable config")
	}
	return "ERR Unknown option or number of arguments for CONFIG SET - '" + cut(sent) + "'"
}

func (set *settings) has(name string) bool {
	set.mu.Lock()
	defer set.mu.Unlock()
	_, ok := set.mu.values[name]
	return ok
}

// set sets one parameter of those that are wanted.
func (set *settings) set(s *Server, name string, wanted map[string]string) error {
	set.mu.Lock()
	defer set.mu.Unlock()
	value := wanted[name]
	if isMemory(name) {
		return s.setMemory(name, wanted)
	}
	if l := layoutOf(name); l != nil {
		return l.keep(set.mu.values, value)
	}
	if setters[name] == nil { // It has the value.
		return nil
	}
	if err := setters[name](s, value); err != nil {
		return err
	}
	if name == "notify-keyspace-events" {
		value = set.mu.events.String()
	}
	set.mu.values[name] = value
	return nil
}

func (set *settings) idleTimeout() time.Duration {
	set.mu.Lock()
	defer set.mu.Unlock()
	return set.mu.idle
}

func (set *settings) maxClients() int {
	set.mu.Lock()
	defer set.mu.Unlock()
	return set.mu.most
}

func (set *settings) events() events {
	set.mu.Lock()
	defer set.mu.Unlock()
	return set.mu.events
}

// notifiesAway reports whether changes made in other regions are notified of.
func (set *settings) notifiesAway() bool {
	set.mu.Lock()
	defer set.mu.Unlock()
	return set.mu.away
}
