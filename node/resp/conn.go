package resp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/node/resp/proto"
	"github.com/atollcache/atoll/node/wire"
)

// conn is one client's connection. What is not said to be guarded belongs to its
// goroutine.
type conn struct {
	s       *Server
	id      int64
	nc      net.Conn
	in      *proto.Reader
	w       proto.Writer // replies that have not been written out
	out     output
	created time.Time
	ctx     context.Context // ends with the connection
	cancel  context.CancelFunc

	user    *user
	authed  bool
	closing bool      // after the replies so far
	until   time.Time // when it has been idle for too long; zero: never
	mute    muteMode
	batch   batch
	tx      transaction
	marks   marks
	asking  bool          // a command runs within EXEC
	subs    subscriptions // guarded by the hub
	track   trackState
	monitor bool

	dead    atomic.Bool
	pushes3 atomic.Bool  // what is pushed is written in version 3
	active  atomic.Int64 // when it last sent something, in nanoseconds since the epoch
	info    struct {
		sync.Mutex
		name, libName, libVer, user string
		last                        string // the latest command
		version3, inTx, noEvict     bool
		noTouch                     bool
		subs, patterns, watched     int
		queued                      int // commands since MULTI; -1: none
		tracking                    string
		redirect                    int64
		monitors                    bool
		commands                    int64
		why                         string // why it was ended
	}
}

// muteMode is what CLIENT REPLY has chosen.
type muteMode uint8

const (
	muteOff  muteMode = iota // replies are written
	muteNext                 // the reply to the next command is not
	muteThis                 // that is the one which is running
	muteAll
)

func newConn(s *Server, nc net.Conn, id int64) *conn {
	c := &conn{s: s, id: id, nc: nc, created: time.Now()}
	c.ctx, c.cancel = context.WithCancel(s.work)
	l := s.cfg.Limits
	c.in = proto.NewReader(nc, proto.Limits{MaxBulk: max(l.MaxValue, l.MaxKey), MaxArgs: l.MaxArgs, MaxCommand: l.MaxCommand}, s.table.nameOf)
	c.out = output{nc: nc, stall: s.cfg.StallTimeout, limit: s.cfg.MaxOutput, push: s.cfg.MaxPushed, kill: c.kill}
	c.info.queued = -1
	c.active.Store(c.created.UnixNano())
	c.login(s.users.initial())
	return c
}

// nameOf returns what a client sent as the name of a command, without taking memory
// for one that there is in the usual cases.
func (t table) nameOf(b []byte) string {
	e := t[string(b)]
	if e != nil {
		return e.upper
	}
	var up [longestName]byte
	if len(b) <= len(up) {
		e = t[string(upperInto(up[:], b))]
	}
	if e != nil && string(b) == e.name {
		return e.name
	}
	return string(b)
}

// longestName is longer than the name of any command.
const longestName = 32

// upperInto writes a name in upper case into a buffer that it fits in.
func upperInto[T string | []byte](up []byte, name T) []byte {
	for i := range len(name) {
		c := name[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		up[i] = c
	}
	return up[:len(name)]
}

// kill ends the connection, from any goroutine. It does not wait.
func (c *conn) kill(why string) {
	if c.dead.Swap(true) {
		return
	}
	if why != "" {
		c.s.stats.cut.Add(1)
		c.s.cfg.Log.Info("client cut off", "client", c.nc.RemoteAddr(), "why", why)
	}
	c.cancel()
	c.nc.Close()
}

// serve serves the client until it goes or is cut off.
func (c *conn) serve() {
	defer c.end()
	if t, ok := c.nc.(*tls.Conn); ok {
		ctx, cancel := context.WithTimeout(c.ctx, handshakeTimeout)
		err := t.HandshakeContext(ctx)
		cancel()
		if err != nil {
			c.s.cfg.Log.Debug("TLS handshake", "client", c.nc.RemoteAddr(), "err", err)
			return
		}
	}
	for !c.closing && !c.dead.Load() {
		if !c.step() {
			return
		}
	}
	c.flushReplies()
}

// handshakeTimeout bounds the handshake of TLS.
const handshakeTimeout = 10 * time.Second

// step runs the commands that have been received, then waits for more. It reports
// false when there will be none.
func (c *conn) step() bool {
	for !c.closing && !c.dead.Load() {
		args, ok, err := c.in.Next()
		if err != nil {
			c.runBatch()
			c.w.Error("ERR " + err.Error())
			c.s.stats.protocolErrors.Add(1)
			c.closing = true
			return true
		}
		if !ok {
			break
		}
		c.handle(args)
	}
	c.runBatch()
	c.flushReplies()
	c.in.Release()
	if c.closing {
		return true
	}
	return c.wait()
}

// wait receives more.
func (c *conn) wait() bool {
	var until time.Time
	if idle := c.s.settings.idleTimeout(); idle > 0 && c.subs.count() == 0 && !c.monitor {
		until = time.Now().Add(idle)
	}
	if until != c.until { // As hardly ever: clients are not cut off for being idle.
		if err := c.nc.SetReadDeadline(until); err != nil {
			return false
		}
		c.until = until
	}
	if c.s.draining.Load() {
		return false
	}
	err := c.in.Fill()
	c.active.Store(time.Now().UnixNano())
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.s.stats.idled.Add(1)
		return false
	}
	if err != nil && !errors.Is(err, io.EOF) && !c.dead.Load() {
		c.s.cfg.Log.Debug("read from client", "client", c.nc.RemoteAddr(), "err", err)
	}
	return err == nil
}

// end takes back all that the connection has anywhere.
func (c *conn) end() {
	c.kill("")
	c.out.end()
	c.s.hub.leave(c)
	c.s.tracking.leave(c)
	c.s.monitors.leave(c)
	c.s.notify.settle()
	c.s.leave(c)
}

// handle runs a command, or puts it with those that are run together.
func (c *conn) handle(args []string) {
	e, refusal := c.s.table.find(args)
	if refusal == "" {
		refusal = c.refuse(e, args)
	}
	if refusal != "" {
		c.runBatch()
		c.tx.spoil()
		c.fail(e, refusal)
		return
	}
	switch {
	case c.tx.open && e.is&atOnce == 0:
		c.runBatch()
		c.queue(e, args)
	case e.verb != "":
		c.collect(e, args)
	default:
		c.runBatch()
		c.runOwn(e, args)
	}
}

// refuse says why a client may not run a command, empty when it may.
func (c *conn) refuse(e *entry, args []string) string {
	switch {
	case !c.authed && e.is&noAuth == 0:
		return "NOAUTH Authentication required."
	case c.user != nil && !c.user.all.Load() && e.is&noAuth == 0:
		if why := c.user.refuse(e, args); why != "" {
			c.s.users.denied(c, e, why)
			return why
		}
	}
	switch {
	case c.tx.open && e.is&noMulti != 0:
		return "ERR Command not allowed inside a transaction"
	case !c.w.Version3 && e.is&inPause == 0 && c.subs.count() > 0:
		return "ERR Can't execute '" + e.name + "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
	}
	return ""
}

// fail replies an error.
func (c *conn) fail(e *entry, text string) {
	c.s.stats.refused(e, text)
	from := c.muting()
	c.w.Error(text)
	c.muted(from)
}

// muting returns where the reply to the command that runs begins.
func (c *conn) muting() int { return c.w.Len() }

// muted drops the reply since from if the client wants none.
func (c *conn) muted(from int) {
	switch c.mute {
	case muteAll:
		c.w.Truncate(from)
	case muteThis:
		c.w.Truncate(from)
		c.mute = muteOff
	case muteNext:
		c.mute = muteThis
	}
}

// runOwn runs a command that the server runs itself.
func (c *conn) runOwn(e *entry, args []string) {
	began := time.Now()
	c.s.stall(c.ctx, e)
	c.seen(e, 1)
	if e.is&flushes != 0 {
		c.flushReplies()
	}
	from := c.muting()
	e.run(c, args)
	// Shown now, EXEC comes after what it runs.
	c.s.monitors.tell(c, e, args[0], args)
	c.track.next(c, e)
	took := time.Since(began)
	c.ran(e, args[0], args, took, failedSince(&c.w, from))
	c.muted(from)
	if c.w.Len() > writePiece {
		c.flushReplies()
	}
}

// ran notes that a command has been run, sent by a name, and the error that it gave.
func (c *conn) ran(e *entry, sent string, args []string, took time.Duration, failed string) {
	c.s.stats.ran(e, 1, took)
	if failed != "" {
		c.s.stats.failed(e, failed)
	}
	c.s.slow.note(c, e, sent, args, took)
	c.s.latency.note("command", took)
}

// seen notes for CLIENT LIST what the client does, or has done last.
func (c *conn) seen(last *entry, commands int64) {
	c.info.Lock()
	defer c.info.Unlock()
	c.info.last = last.name
	c.info.commands += commands
}

// failedSince returns the error that was written since a place, empty when none
// was.
func failedSince(w *proto.Writer, from int) string {
	b := w.Bytes()
	if from >= len(b) || b[from] != '-' {
		return ""
	}
	text, _, _ := strings.Cut(string(b[from+1:]), "\r\n")
	return text
}

// node runs commands at the node, within the time that they have.
func (c *conn) node(cmds ...wire.Command) []wire.Reply {
	ctx := &within{Context: c.ctx, until: time.Now().Add(c.s.cfg.CommandTimeout)}
	defer ctx.end()
	return c.s.node.Do(ctx, cmds...)
}
