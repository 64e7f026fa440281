package resp

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The commands on the connection itself.

func connectionEntries() []*entry {
	fast := catFast | catConnection
	return []*entry{
		{name: "ping", arity: -1, flags: []string{"fast"}, cats: fast, group: "connection", args: "[message]",
			summary: "Reply PONG, or the message.", run: ping, is: inPause},
		{name: "echo", arity: 2, flags: []string{"fast"}, cats: fast, group: "connection", args: "message",
			summary: "Reply the message.", run: func(c *conn, args []string) { c.w.Bulk(args[1]) }},
		{name: "hello", arity: -1, flags: []string{"noscript", "no_auth", "fast"}, cats: fast, group: "connection",
			args: "[protover [AUTH username password] [SETNAME clientname]]", summary: "Choose the protocol.", run: hello, is: noAuth},
		{name: "auth", arity: -2, flags: []string{"noscript", "no_auth", "fast"}, cats: fast, group: "connection",
			args: "[username] password", summary: "Authenticate.", run: auth, is: noAuth | hidden},
		{name: "quit", arity: -1, flags: []string{"noscript", "no_auth", "fast"}, cats: fast, group: "connection",
			summary: "Close the connection.", run: quit, is: noAuth | inPause | atOnce},
		{name: "reset", arity: 1, flags: []string{"noscript", "no_auth", "fast"}, cats: fast, group: "connection",
			summary: "Make the connection as it was at the beginning.", run: func(c *conn, _ []string) { c.reset(); c.w.Status("RESET") },
			is: noAuth | inPause | atOnce},
		{name: "select", arity: 2, flags: []string{"fast"}, cats: fast, group: "connection", args: "index",
			summary: "Choose the database, of which there is one.", run: selectDB},
		{name: "readonly", arity: 1, flags: []string{"fast"}, cats: fast, group: "cluster",
			summary: "Accept replies of replicas, as ever.", run: ok},
		{name: "readwrite", arity: 1, flags: []string{"fast"}, cats: fast, group: "cluster",
			summary: "Take back READONLY.", run: ok},
		{name: "asking", arity: 1, flags: []string{"fast"}, cats: fast, group: "cluster",
			summary: "Do nothing: a node answers for any key.", run: ok},
		{name: "time", arity: 1, flags: []string{"random", "loading", "fast"}, cats: catFast, group: "server",
			summary: "Reply the node's clock: seconds and microseconds.", run: clock},
		{name: "lolwut", arity: -1, flags: []string{"readonly", "fast"}, cats: catRead | catFast, group: "server",
			args: "[VERSION version]", summary: "Reply a picture and the version.", run: lolwut},
	}
}

func ok(c *conn, _ []string) { c.w.Status("OK") }

func ping(c *conn, args []string) {
	switch {
	case len(args) > 2:
		c.w.Error("ERR wrong number of arguments for 'ping' command")
	case c.subs.count() > 0 && !c.w.Version3:
		c.w.Array(2)
		c.w.Bulk("pong")
		c.w.Bulk(strings.Join(args[1:], ""))
	case len(args) == 2:
		c.w.Bulk(args[1])
	default:
		c.w.Status("PONG")
	}
}

// hello chooses the version of the protocol, and may authenticate and name the
// connection. Either all of it is done or nothing.
func hello(c *conn, args []string) {
	version3, rest := c.w.Version3, args[1:]
	if len(rest) > 0 {
		n, err := strconv.Atoi(rest[0])
		switch {
		case err != nil:
			c.w.Error("ERR Protocol version is not an integer or out of range")
			return
		case n != 2 && n != 3:
			c.w.Error("NOPROTO unsupported protocol version")
			return
		}
		version3, rest = n == 3, rest[1:]
	}
	var name *string
	user := c.user
	authed := c.authed
	for len(rest) > 0 {
		switch option := strings.ToUpper(rest[0]); {
		case option == "AUTH" && len(rest) >= 3:
			u := c.s.users.authenticate(c, rest[1], rest[2])
			if u == nil {
				c.w.Error(wrongPass)
				return
			}
			user, authed, rest = u, true, rest[3:]
		case option == "SETNAME" && len(rest) >= 2:
			if !validName(rest[1]) {
				c.w.Error(badName)
				return
			}
			name, rest = &rest[1], rest[2:]
		default:
			c.w.Error("ERR Syntax error in HELLO option '" + cut(rest[0]) + "'")
			return
		}
	}
	if !authed {
		c.w.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
		return
	}
	c.login(user)
	if name != nil {
		c.setName(*name)
	}
	c.setVersion3(version3)
	c.greet()
}

// greet replies what HELLO does.
func (c *conn) greet() {
	mode, version := "standalone", int64(2)
	if c.s.cfg.ClusterMode {
		mode = "cluster"
	}
	if c.w.Version3 {
		version = 3
	}
	c.w.Map(7)
	c.w.Bulk("server")
	c.w.Bulk("redis")
	c.w.Bulk("version")
	c.w.Bulk(c.s.cfg.Version)
	c.w.Bulk("proto")
	c.w.Int(version)
	c.w.Bulk("id")
	c.w.Int(c.id)
	c.w.Bulk("mode")
	c.w.Bulk(mode)
	c.w.Bulk("role")
	c.w.Bulk("master")
	c.w.Bulk("modules")
	c.w.Array(0)
}

func (c *conn) setVersion3(on bool) {
	c.w.Version3 = on
	c.pushes3.Store(on)
	c.info.Lock()
	defer c.info.Unlock()
	c.info.version3 = on
}

const wrongPass = "WRONGPASS invalid username-password pair or user is disabled."

func auth(c *conn, args []string) {
	name, password := "default", args[1]
	switch {
	case len(args) > 3:
		c.w.Error("ERR syntax error")
		return
	case len(args) == 3:
		name, password = args[1], args[2]
	case c.s.users.isOpen():
		c.w.Error("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?")
		return
	}
	u := c.s.users.authenticate(c, name, password)
	if u == nil {
		c.w.Error(wrongPass)
		return
	}
	c.login(u)
	c.w.Status("OK")
}

// login makes the connection that of a user, nil for nobody yet.
func (c *conn) login(u *user) {
	c.user, c.authed = u, u != nil
	c.in.Trust(c.authed)
	name := "default"
	if u != nil {
		name = u.name
	}
	c.info.Lock()
	defer c.info.Unlock()
	c.info.user = name
}

func quit(c *conn, _ []string) {
	c.w.Status("OK")
	c.closing = true
}

// reset makes the connection as it was at the beginning.
func (c *conn) reset() {
	c.tx.drop(c)
	c.s.hub.leave(c)
	c.s.tracking.leave(c)
	c.track = trackState{}
	c.noteTracking()
	c.s.monitors.leave(c)
	c.s.notify.settle()
	c.mute, c.monitor = muteOff, false
	c.setVersion3(false)
	c.setName("")
	c.login(c.s.users.initial())
}

func selectDB(c *conn, args []string) {
	switch n, err := strconv.ParseInt(args[1], 10, 64); {
	case err != nil:
		c.w.Error("ERR value is not an integer or out of range")
	case n != 0:
		c.w.Error("ERR DB index is out of range")
	default:
		c.w.Status("OK")
	}
}

func clock(c *conn, _ []string) {
	now := time.Now()
	c.w.Array(2)
	c.w.Bulk(strconv.FormatInt(now.Unix(), 10))
	c.w.Bulk(strconv.Itoa(now.Nanosecond() / 1000))
}

func lolwut(c *conn, _ []string) {
	c.w.Verbatim(fmt.Sprintf(`
        ~  ~      . o O ( which island has it? all of them )
   ~   __/\__  ~
     _/  ~~  \_     ~
 ~  (_  ~~~~  _)  ~
      \__~~__/        ~
Redis ver. %s
`, c.s.cfg.Version))
}
