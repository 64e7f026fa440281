package resp

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// slowLog keeps the commands that took long.
type slowLog struct {
	least atomic.Int64 // microseconds that are long; negative: nothing is
	most  atomic.Int64 // commands that are kept

	mu struct {
		sync.Mutex
		next    int64
		entries []slowEntry // the latest first
	}
}

type slowEntry struct {
	id           int64
	at           time.Time
	took         time.Duration
	args         []string
	client, name string
}

// What SLOWLOG keeps of a command.
const (
	slowArgs  = 32
	slowBytes = 128
)

func newSlowLog() *slowLog {
	l := &slowLog{}
	l.least.Store(10_000)
	l.most.Store(128)
	return l
}

// isLong reports whether a command that took so long is kept.
func (l *slowLog) isLong(took time.Duration) bool {
	least := l.least.Load()
	return least >= 0 && took.Microseconds() >= least
}

// note keeps a command if it took long, with its name as it was sent.
func (l *slowLog) note(c *conn, e *entry, sent string, args []string, took time.Duration) {
	if !l.isLong(took) || e.is&hidden != 0 {
		return
	}
	short := make([]string, 0, min(len(args), slowArgs))
	for i, a := range args {
		if i == 0 {
			a = sent
		}
		if i == slowArgs-1 && len(args) > slowArgs {
			short = append(short, fmt.Sprintf("... (%d more arguments)", len(args)-i))
			break
		}
		if len(a) > slowBytes {
			a = fmt.Sprintf("%s... (%d more bytes)", a[:slowBytes], len(a)-slowBytes)
		}
		short = append(short, strings.Clone(a))
	}
	c.info.Lock()
	name := c.info.name
	c.info.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	s := slowEntry{id: l.mu.next, at: time.Now(), took: took, args: short, client: c.nc.RemoteAddr().String(), name: name}
	l.mu.next++
	l.mu.entries = append([]slowEntry{s}, l.mu.entries...)
	l.trim()
}

// trim drops what is too much. The caller holds the lock.
func (l *slowLog) trim() {
	if most := int(l.most.Load()); len(l.mu.entries) > most {
		l.mu.entries = l.mu.entries[:most]
	}
}

func slowlogEntry() *entry {
	admin := catAdmin | catDangerous
	return container("slowlog", "server", catSlow,
		&entry{name: "get", arity: -2, cats: admin, args: "[count]", summary: "List the commands that took long.", run: slowlogGet},
		&entry{name: "len", arity: 2, cats: admin, summary: "Count them.", run: func(c *conn, _ []string) {
			c.s.slow.mu.Lock()
			defer c.s.slow.mu.Unlock()
			c.w.Int(int64(len(c.s.slow.mu.entries)))
		}},
		&entry{name: "reset", arity: 2, cats: admin, summary: "Forget them.", run: func(c *conn, _ []string) {
			c.s.slow.mu.Lock()
			defer c.s.slow.mu.Unlock()
			c.s.slow.mu.entries = nil
			c.w.Status("OK")
		}},
	)
}

func slowlogGet(c *conn, args []string) {
	count := 10
	if len(args) > 2 {
		n, err := strconv.Atoi(args[2])
		if err != nil || n < -1 || len(args) > 3 {
			c.w.Error("ERR count should be greater than or equal to -1")
			return
		}
		count = n
	}
	l := c.s.slow
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.mu.entries
	if count >= 0 {
		list = list[:min(count, len(list))]
	}
	c.w.Array(len(list))
	for _, s := range list {
		c.w.Array(6)
		c.w.Int(s.id)
		c.w.Int(s.at.Unix())
		c.w.Int(s.took.Microseconds())
		bulks(c, s.args)
		c.w.Bulk(s.client)
		c.w.Bulk(s.name)
	}
}
