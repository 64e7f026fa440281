package resp

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// clientEntries returns CLIENT with its subcommands.
func clientEntries() []*entry {
	admin := catAdmin | catDangerous
	return []*entry{container("client", "connection", catSlow|catConnection,
		&entry{name: "id", arity: 2, summary: "Reply the connection's number.", run: func(c *conn, _ []string) { c.w.Int(c.id) }},
		&entry{name: "getname", arity: 2, summary: "Reply the connection's name.", run: clientGetName},
		&entry{name: "setname", arity: 3, args: "connection-name", summary: "Name the connection.", run: clientSetName},
		&entry{name: "setinfo", arity: 4, args: "LIB-NAME libname|LIB-VER libver", summary: "Say what the client is.", run: clientSetInfo},
		&entry{name: "info", arity: 2, summary: "Describe this connection.", run: func(c *conn, _ []string) { c.w.Verbatim(c.describe() + "\n") }},
		&entry{name: "list", arity: -2, cats: admin, args: "[TYPE type] [ID id [id ...]]", summary: "Describe the connections of this node.", run: clientList},
		&entry{name: "kill", arity: -3, cats: admin, args: "ip:port|[ID id] [TYPE type] [USER name] [ADDR addr] [LADDR addr] [SKIPME yes|no] [MAXAGE s]",
			summary: "End connections.", run: clientKill},
		&entry{name: "no-evict", arity: 3, cats: admin, args: "ON|OFF", summary: "Accept the setting: clients are not evicted.", run: clientFlag},
		&entry{name: "no-touch", arity: 3, args: "ON|OFF", summary: "Accept the setting.", run: clientFlag},
		&entry{name: "reply", arity: 3, args: "ON|OFF|SKIP", summary: "Choose whether commands are answered.", run: clientReply},
		&entry{name: "tracking", arity: -3, args: "ON|OFF [REDIRECT id] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
			summary: "Be told when what was read changes.", run: clientTracking},
		&entry{name: "caching", arity: 3, args: "YES|NO", summary: "Track the next command, or do not.", run: clientCaching},
		&entry{name: "trackinginfo", arity: 2, summary: "Reply what is tracked, and how.", run: clientTrackingInfo},
		&entry{name: "getredir", arity: 2, summary: "Reply which connection is told instead.", run: clientGetRedir},
		&entry{name: "pause", arity: -3, cats: admin, args: "timeout [WRITE|ALL]", summary: "Let the commands of all clients of this node wait.", run: clientPause},
		&entry{name: "unpause", arity: 2, cats: admin, summary: "End CLIENT PAUSE.", run: clientUnpause},
		&entry{name: "unblock", arity: -3, cats: admin, args: "client-id [TIMEOUT|ERROR]", summary: "Reply 0: no command blocks.", run: func(c *conn, _ []string) { c.w.Int(0) }},
	)}
}

// The limits of names.
const badName = "ERR Client names cannot contain spaces, newlines or special characters."

func validName(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' })
}

func (c *conn) setName(name string) {
	c.info.Lock()
	defer c.info.Unlock()
	c.info.name = name
}

func (c *conn) userName() string {
	c.info.Lock()
	defer c.info.Unlock()
	return c.info.user
}

func clientGetName(c *conn, _ []string) {
	c.info.Lock()
	name := c.info.name
	c.info.Unlock()
	if name == "" {
		c.w.Nil()
		return
	}
	c.w.Bulk(name)
}

func clientSetName(c *conn, args []string) {
	if !validName(args[2]) {
		c.w.Error(badName)
		return
	}
	c.setName(args[2])
	c.w.Status("OK")
}

func clientSetInfo(c *conn, args []string) {
	option := strings.ToLower(args[2])
	c.info.Lock()
	defer c.info.Unlock()
	switch {
	case option != "lib-name" && option != "lib-ver":
		c.w.Error("ERR Unrecognized option '" + cut(args[2]) + "'")
		return
	case !validName(args[3]):
		c.w.Error("ERR " + option + " cannot contain spaces, newlines or special characters.")
		return
	case option == "lib-name":
		c.info.libName = args[3]
	default:
		c.info.libVer = args[3]
	}
	c.w.Status("OK")
}

func clientFlag(c *conn, args []string) {
	on := strings.EqualFold(args[2], "on")
	if !on && !strings.EqualFold(args[2], "off") {
		c.w.Error("ERR syntax error")
		return
	}
	c.info.Lock()
	defer c.info.Unlock()
	if strings.EqualFold(args[1], "no-evict") {
		c.info.noEvict = on
	} else {
		c.info.noTouch = on
	}
	c.w.Status("OK")
}

func clientReply(c *conn, args []string) {
	switch strings.ToLower(args[2]) {
	case "on":
		c.mute = muteOff
		c.w.Status("OK")
	case "off":
		c.mute = muteAll
	case "skip":
		if c.mute == muteOff {
			c.mute = muteNext
		}
	default:
		c.w.Error("ERR syntax error")
	}
}

// describe returns a client as CLIENT LIST shows it, without the end of the line.
func (c *conn) describe() string {
	waiting, _ := c.out.held()
	now := time.Now()
	active := time.Unix(0, c.active.Load())
	c.info.Lock()
	defer c.info.Unlock()
	i := &c.info
	flags := ""
	for _, f := range []struct {
		is   bool
		flag string
	}{{i.monitors, "O"}, {i.subs+i.patterns > 0, "P"}, {i.queued >= 0, "x"}, {i.tracking != "", "t"}, {i.noEvict, "e"}, {i.noTouch, "T"}} {
		if f.is {
			flags += f.flag
		}
	}
	if flags == "" {
		flags = "N"
	}
	version := 2
	if i.version3 {
		version = 3
	}
	redirect := int64(-1)
	if i.tracking != "" {
		redirect = i.redirect
	}
	last := i.last
	if last == "" {
		last = "NULL"
	}
	return fmt.Sprintf("id=%d addr=%s laddr=%s fd=%d name=%s age=%d idle=%d flags=%s db=0 sub=%d psub=%d ssub=0 multi=%d watch=%d qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=%d tot-mem=%d events=r cmd=%s user=%s redir=%d resp=%d lib-name=%s lib-ver=%s tot-cmds=%d",
		c.id, c.nc.RemoteAddr(), c.nc.LocalAddr(), c.id, i.name, int64(now.Sub(c.created).Seconds()), int64(now.Sub(active).Seconds()),
		flags, i.subs, i.patterns, i.queued, i.watched, waiting, waiting+perClient, last, i.user, redirect, version, i.libName, i.libVer, i.commands)
}

// perClient is about how many bytes a connection takes while it does nothing.
const perClient = 10 << 10

// isKind reports whether a client is of a type of CLIENT LIST.
func (c *conn) isKind(kind string) bool {
	c.info.Lock()
	defer c.info.Unlock()
	switch kind {
	case "normal":
		return c.info.subs+c.info.patterns == 0
	case "pubsub":
		return c.info.subs+c.info.patterns > 0
	}
	return false
}

func validKind(kind string) bool {
	return kind == "normal" || kind == "pubsub" || kind == "master" || kind == "replica" || kind == "slave"
}

func clientList(c *conn, args []string) {
	wanted := func(*conn) bool { return true }
	switch {
	case len(args) == 2:
	case len(args) == 4 && strings.EqualFold(args[2], "type"):
		kind := strings.ToLower(args[3])
		if !validKind(kind) {
			c.w.Error("ERR Unknown client type '" + cut(args[3]) + "'")
			return
		}
		wanted = func(o *conn) bool { return o.isKind(kind) }
	case len(args) > 3 && strings.EqualFold(args[2], "id"):
		ids := map[int64]bool{}
		for _, a := range args[3:] {
			id, err := strconv.ParseInt(a, 10, 64)
			if err != nil || id < 1 {
				c.w.Error("ERR Invalid client ID")
				return
			}
			ids[id] = true
		}
		wanted = func(o *conn) bool { return ids[o.id] }
	default:
		c.w.Error("ERR syntax error")
		return
	}
	var b strings.Builder
	for _, o := range c.s.byAge() {
		if wanted(o) {
			b.WriteString(o.describe())
			b.WriteByte('\n')
		}
	}
	c.w.Verbatim(b.String())
}

func clientPause(c *conn, args []string) {
	ms, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil || ms < 0 || len(args) > 4 {
		c.w.Error("ERR timeout is not an integer or out of range")
		return
	}
	writesOnly := false
	if len(args) == 4 {
		switch strings.ToLower(args[3]) {
		case "write":
			writesOnly = true
		case "all":
		default:
			c.w.Error("ERR syntax error")
			return
		}
	}
	c.s.pause(time.Duration(min(ms, maxPause.Milliseconds()))*time.Millisecond, writesOnly)
	c.w.Status("OK")
}

func clientUnpause(c *conn, _ []string) {
	c.s.pause(0, false)
	c.w.Status("OK")
}
