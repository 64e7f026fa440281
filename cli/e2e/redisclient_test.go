package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// redisPatience bounds the wait for a reply.
const redisPatience = time.Minute

// maxReply bounds a reply of bytes.
const maxReply = 1 << 20

// redisServer returns the path of redis-server, empty where there is none to measure
// beside: where CI is set that is a failure.
func redisServer(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatalf("%v: install redis-server (Debian's package redis)", err)
	default:
		t.Logf("redis-server was not run: %v", err)
	}
	return path
}

// errReply is a reply that says an error.
type errReply string

// Error implements error.
func (e errReply) Error() string { return string(e) }

// errNil is the reply of what is not there.
var errNil = errors.New("nil")

// redisConn is one connection of a Redis client, to whatever speaks RESP. It is used by
// one goroutine.
type redisConn struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
}

func dialRedis(addr string) (*redisConn, error) {
	conn, err := net.DialTimeout("tcp", addr, redisPatience)
	if err != nil {
		return nil, err
	}
	return &redisConn{conn: conn, in: bufio.NewReaderSize(conn, 64<<10)}, nil
}

func (c *redisConn) close() { _ = c.conn.Close() }

// put adds a command to those that flush sends.
func (c *redisConn) put(args ...string) {
	c.out = fmt.Appendf(c.out, "*%d\r\n", len(args))
	for _, a := range args {
		c.out = append(strconv.AppendInt(append(c.out, '$'), int64(len(a)), 10), "\r\n"...)
		c.out = append(append(c.out, a...), "\r\n"...)
	}
}

func (c *redisConn) flush() error {
	err := c.conn.SetDeadline(time.Now().Add(redisPatience))
	if err == nil {
		_, err = c.conn.Write(c.out)
	}
	c.out = c.out[:0]
	return err
}

// do sends one command and returns its reply.
func (c *redisConn) do(args ...string) (string, error) {
	c.put(args...)
	if err := c.flush(); err != nil {
		return "", err
	}
	return c.reply()
}

// reply reads one reply that is no list. It returns an errReply, errNil, or what has
// become of the connection.
func (c *redisConn) reply() (string, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return "", errors.New("an empty line for a reply")
	}
	rest := line[1:]
	switch line[0] {
	case '+', ':':
		return rest, nil
	case '-':
		return "", errReply(rest)
	case '$':
		n, err := strconv.Atoi(rest)
		if err != nil || n > maxReply {
			return "", fmt.Errorf("a reply of %q bytes", rest)
		}
		if n < 0 {
			return "", errNil
		}
		b := make([]byte, n+2)
		if _, err := io.ReadFull(c.in, b); err != nil {
			return "", err
		}
		return string(b[:n]), nil
	}
	return "", fmt.Errorf("a reply of another kind: %q", line)
}
