package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// patience bounds the wait for a reply, so that a target that hangs ends the run.
const patience = 60 * time.Second

// respTarget is anything that speaks RESP: Atoll, redis-server, the null server. All
// are driven by the same client, so what that costs is the same for all.
type respTarget struct {
	name    string
	address string
	end     func() error // what was started for it
	settle  []Op         // written by Settle before it waits; nil: nothing is waited for
}

// RESP returns the server at host:port as a target. It must be there.
func RESP(name, address string) Target { return &respTarget{name: name, address: address} }

// Name implements Target.
func (t *respTarget) Name() string { return t.name }

// Close implements Target.
func (t *respTarget) Close() error {
	if t.end == nil {
		return nil
	}
	return t.end()
}

// Connect implements Target.
func (t *respTarget) Connect(ctx context.Context) (Conn, error) { return dialRESP(ctx, t.address) }

// Settle implements Settler: it writes to every partition and has the server wait
// until somebody else has all of that. In one partition, and on one replication link,
// what was written before has arrived by then.
func (t *respTarget) Settle(ctx context.Context) error {
	if t.settle == nil {
		return nil
	}
	c, err := dialRESP(ctx, t.address)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Do(ctx, t.settle); err != nil {
		return err
	}
	n, err := c.number("WAIT", "1", strconv.Itoa(int(patience.Milliseconds())))
	if err == nil && n < 1 {
		err = fmt.Errorf("%w: nobody else has what was written within %s", ErrReply, patience)
	}
	return err
}

// respConn is one connection.
type respConn struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
	due  time.Time // the deadline that is set
}

func dialRESP(ctx context.Context, address string) (*respConn, error) {
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &respConn{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// Close implements Conn.
func (c *respConn) Close() error { return c.conn.Close() }

// Do implements Conn: it sends all commands in one write and reads as many replies.
func (c *respConn) Do(_ context.Context, ops []Op) (misses int, err error) {
	c.out = c.out[:0]
	for i := range ops {
		c.out = appendOp(c.out, &ops[i])
	}
	if err := c.send(); err != nil {
		return 0, err
	}
	for i := range ops {
		found, err := c.skip()
		if err != nil {
			return misses, fmt.Errorf("%s %s: %w", ops[i].Kind, ops[i].Key, err)
		}
		if !found && ops[i].Kind.reads() {
			misses++
		}
	}
	return misses, nil
}

// send writes what has been collected. The deadline is moved only now and then:
// that costs as much as a small write.
func (c *respConn) send() error {
	if now := time.Now(); c.due.Sub(now) < patience/2 {
		c.due = now.Add(patience)
		if err := c.conn.SetDeadline(c.due); err != nil {
			return err
		}
	}
	_, err := c.conn.Write(c.out)
	return err
}

// number sends one command and returns its reply, an integer.
func (c *respConn) number(args ...string) (int, error) {
	text, err := c.text(args...)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// text sends one command and returns its reply, one that is no list.
func (c *respConn) text(args ...string) (string, error) {
	c.out = appendCommand(c.out[:0], args...)
	if err := c.send(); err != nil {
		return "", err
	}
	kind, line, err := c.line()
	switch {
	case err != nil:
		return "", err
	case kind == '-':
		return "", fmt.Errorf("%w to %s: %s", ErrReply, args[0], line)
	case kind != '$' && kind != '=':
		return string(line), nil
	}
	n, err := strconv.Atoi(string(line))
	if err != nil || n < 0 {
		return "", err
	}
	b := make([]byte, n+2)
	_, err = io.ReadFull(c.in, b)
	return string(b[:n]), err
}

// line reads the first line of a reply. It is good until the next read.
func (c *respConn) line() (kind byte, rest []byte, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 3 {
		return 0, nil, fmt.Errorf("%w: %q is no RESP", ErrReply, line)
	}
	return line[0], line[1 : len(line)-2], nil
}

// skip reads a reply without keeping it, and reports whether there was anything.
func (c *respConn) skip() (found bool, err error) {
	kind, line, err := c.line()
	if err != nil {
		return false, err
	}
	switch kind {
	case '+', ':', ',', '#':
		return true, nil
	case '-':
		return false, fmt.Errorf("%w: %s", ErrReply, line)
	case '_':
		return false, nil
	}
	n, ok := digitsOf(line)
	switch {
	case !ok:
		return false, fmt.Errorf("%w: %q is no RESP", ErrReply, line)
	case n < 0:
		return false, nil
	case kind == '$':
		_, err := c.in.Discard(n + 2)
		return err == nil, err
	case kind == '%':
		n *= 2
	case kind != '*' && kind != '~':
		return false, fmt.Errorf("%w: type %q", ErrReply, kind)
	}
	for range n {
		if _, err := c.skip(); err != nil {
			return false, err
		}
	}
	return n > 0, nil
}

// digitsOf reads a length without taking memory for it.
func digitsOf(b []byte) (n int, ok bool) {
	if string(b) == "-1" {
		return -1, true
	}
	for _, d := range b {
		if d < '0' || d > '9' || n > 1<<30 {
			return 0, false
		}
		n = 10*n + int(d-'0')
	}
	return n, len(b) > 0
}

// appendOp appends an operation as a command.
func appendOp(b []byte, op *Op) []byte {
	switch op.Kind {
	case Get:
		return appendCommand(b, "GET", op.Key)
	case Del:
		return appendCommand(b, "DEL", op.Key)
	case Incr:
		return appendCommand(b, "INCR", op.Key)
	case HSet:
		return appendCommand(b, "HSET", op.Key, op.Field, op.Value)
	case HGet:
		return appendCommand(b, "HGET", op.Key, op.Field)
	case HGetAll:
		return appendCommand(b, "HGETALL", op.Key)
	}
	return appendSet(b, op)
}

// appendSet appends a SET with its options.
func appendSet(b []byte, op *Op) []byte {
	n := 3
	if op.TTL > 0 {
		n += 2
	}
	if op.Kind != Set {
		n++
	}
	b = appendHead(b, n)
	b = appendBulk(appendBulk(appendBulk(b, "SET"), op.Key), op.Value)
	if op.TTL > 0 {
		var seconds [20]byte
		text := strconv.AppendInt(seconds[:0], int64(op.TTL/time.Second), 10)
		b = appendBulk(b, "EX")
		b = append(appendLine(b, '$', len(text)), text...)
		b = append(b, "\r\n"...)
	}
	switch op.Kind {
	case Add:
		b = appendBulk(b, "NX")
	case Replace:
		b = appendBulk(b, "XX")
	}
	return b
}

// appendCommand appends a command of some words.
func appendCommand(b []byte, words ...string) []byte {
	b = appendHead(b, len(words))
	for _, w := range words {
		b = appendBulk(b, w)
	}
	return b
}

func appendHead(b []byte, n int) []byte { return appendLine(b, '*', n) }

func appendBulk(b []byte, s string) []byte {
	b = append(appendLine(b, '$', len(s)), s...)
	return append(b, "\r\n"...)
}

func appendLine(b []byte, kind byte, n int) []byte {
	b = strconv.AppendInt(append(b, kind), int64(n), 10)
	return append(b, "\r\n"...)
}
