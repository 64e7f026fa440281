package resp

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// monitors are the clients that see every command of this node's clients.
type monitors struct {
	any atomic.Bool
	mu  sync.Mutex
	all map[*conn]struct{}
}

func newMonitors() *monitors { return &monitors{all: map[*conn]struct{}{}} }

func monitor(c *conn, _ []string) {
	m := c.s.monitors
	c.monitor = true
	m.mu.Lock() // Whoever has read the reply is shown what comes next, and nothing before it.
	m.all[c] = struct{}{}
	m.any.Store(true)
	c.out.pushed([]byte("+OK\r\n"))
	m.mu.Unlock()
	c.info.Lock()
	c.info.monitors = true
	c.info.Unlock()
}

func (m *monitors) leave(c *conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, c)
	m.any.Store(len(m.all) > 0)
}

// tell shows a command to the monitors, with its name as it was sent. As in Redis,
// those of administrators are not shown.
func (m *monitors) tell(c *conn, e *entry, sent string, args []string) {
	if !m.any.Load() || e.is&hidden != 0 || e.cats&catAdmin != 0 {
		return
	}
	now := time.Now()
	var b strings.Builder
	fmt.Fprintf(&b, "+%d.%06d [0 %s] ", now.Unix(), now.Nanosecond()/1000, c.nc.RemoteAddr())
	quote(&b, sent)
	for _, a := range args[1:] {
		b.WriteByte(' ')
		quote(&b, a)
	}
	b.WriteString("\r\n")
	line := []byte(b.String())
	m.mu.Lock()
	defer m.mu.Unlock()
	for o := range m.all {
		o.out.pushed(line)
	}
}

// quote writes any bytes as Redis shows them.
func quote(b *strings.Builder, s string) {
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case strings.IndexByte("\n\r\t\a\b", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte("nrtab"[strings.IndexByte("\n\r\t\a\b", c)])
		case c < ' ' || c > '~':
			fmt.Fprintf(b, "\\x%02x", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
}
