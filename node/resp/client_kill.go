package resp

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// byAge returns the clients, the oldest first.
func (s *Server) byAge() []*conn {
	all := s.all()
	slices.SortFunc(all, func(a, b *conn) int { return int(a.id - b.id) })
	return all
}

// end ends a client on behalf of another, which may be itself: then it still gets
// its reply.
func (s *Server) end(by, c *conn) {
	if by == c {
		c.closing = true
		return
	}
	c.kill("")
}

// victims are which clients CLIENT KILL ends. A field that is not set means any.
type victims struct {
	id                      int64
	kind, addr, local, user string
	spareMe                 bool
	least                   time.Duration // that it has been connected
}

func clientKill(c *conn, args []string) {
	if len(args) == 3 {
		for _, o := range c.s.all() {
			if o.nc.RemoteAddr().String() == args[2] {
				c.w.Status("OK")
				c.s.end(c, o)
				return
			}
		}
		c.w.Error("ERR No such client")
		return
	}
	v, problem := parseVictims(c, args[2:])
	if problem != "" {
		c.w.Error(problem)
		return
	}
	n := int64(0)
	for _, o := range c.s.byAge() {
		if v.has(o) && (o != c || !v.spareMe) {
			n++
			c.s.end(c, o)
		}
	}
	c.w.Int(n)
}

func parseVictims(c *conn, args []string) (v victims, problem string) {
	v.spareMe = true
	if len(args)%2 != 0 {
		return v, "ERR syntax error"
	}
	for ; len(args) > 0; args = args[2:] {
		value := args[1]
		switch strings.ToLower(args[0]) {
		case "id":
			id, err := strconv.ParseInt(value, 10, 64)
			if err != nil || id < 1 {
				return v, "ERR client-id should be greater than 0"
			}
			v.id = id
		case "type":
			if v.kind = strings.ToLower(value); !validKind(v.kind) {
				return v, "ERR Unknown client type '" + cut(value) + "'"
			}
		case "addr":
			v.addr = value
		case "laddr":
			v.local = value
		case "user":
			if c.s.users.get(value) == nil {
				return v, "ERR No such user '" + cut(value) + "'"
			}
			v.user = value
		case "maxage":
			s, err := strconv.ParseInt(value, 10, 32)
			if err != nil || s < 1 {
				return v, "ERR maxage is not an integer or out of range"
			}
			v.least = time.Duration(s) * time.Second
		case "skipme":
			if !strings.EqualFold(value, "yes") && !strings.EqualFold(value, "no") {
				return v, "ERR syntax error"
			}
			v.spareMe = strings.EqualFold(value, "yes")
		default:
			return v, "ERR syntax error"
		}
	}
	return v, ""
}

func (v victims) has(c *conn) bool {
	return (v.id == 0 || v.id == c.id) &&
		(v.kind == "" || c.isKind(v.kind)) &&
		(v.addr == "" || v.addr == c.nc.RemoteAddr().String()) &&
		(v.local == "" || v.local == c.nc.LocalAddr().String()) &&
		(v.user == "" || v.user == c.userName()) &&
		time.Since(c.created) >= v.least
}

// maxPause bounds CLIENT PAUSE.
const maxPause = time.Hour

// pause makes commands wait for a time from now on, or only those that write; no
// time ends it.
func (s *Server) pause(d time.Duration, writesOnly bool) {
	s.paused.Lock()
	defer s.paused.Unlock()
	s.paused.until, s.paused.writes = time.Now().Add(d), writesOnly
	if d == 0 {
		s.paused.until = time.Time{}
	}
	s.pauses.Store(d > 0)
}

// pausePoll is how often a command that waits for the end of CLIENT PAUSE looks
// whether that has been ended early.
const pausePoll = 10 * time.Millisecond

// stall waits while CLIENT PAUSE holds one of the commands back.
func (s *Server) stall(ctx context.Context, entries ...*entry) {
	for held := false; s.pauses.Load(); {
		s.paused.Lock()
		left, writesOnly := time.Until(s.paused.until), s.paused.writes
		if left <= 0 {
			s.pauses.Store(false)
		}
		s.paused.Unlock()
		if left <= 0 || !slices.ContainsFunc(entries, func(e *entry) bool {
			return e.upper != "CLIENT" && e.group != "connection" && (!writesOnly || e.is&writes != 0)
		}) {
			return
		}
		if !held {
			held = true
			s.stalled.Add(1)
			defer s.stalled.Add(-1)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(left, pausePoll)):
		}
	}
}
