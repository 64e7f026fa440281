package resp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/resp/proto"
)

// patience bounds every wait of a test: the machine may be busy.
const patience = 20 * time.Second

// doors counts the servers that have not ended.
var doors atomic.Int32

// door is a server of a fake node.
type door struct {
	t    testing.TB
	node *fakeNode
	ln   net.Listener
	stop func() // ends it and waits
}

// open starts a server; the test's end stops it, and looks that nothing is left.
func open(t testing.TB, cfg resp.Config) *door {
	t.Helper()
	return openNode(t, newFakeNode(&bus{}), cfg)
}

func openNode(t testing.TB, node *fakeNode, cfg resp.Config) *door {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return openAt(t, ln, node, cfg)
}

func openAt(t testing.TB, ln net.Listener, node *fakeNode, cfg resp.Config) *door {
	t.Helper()
	s, err := resp.New(node, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	d := &door{t: t, node: node, ln: ln}
	doors.Add(1)
	stopped := false
	d.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("serve: %v", err)
			}
		case <-time.After(patience):
			t.Errorf("the server has not ended after %s:\n%s", patience, stacks())
		}
	}
	t.Cleanup(func() {
		d.stop()
		if doors.Add(-1) > 0 {
			return // The last one looks.
		}
		waitFor(t, "all goroutines of the server have ended", func() error {
			if all := stacks(); strings.Contains(all, "resp.(*conn)") || strings.Contains(all, "resp.(*output)") || strings.Contains(all, "resp.(*Server)") {
				return errors.New(all)
			}
			return nil
		})
		if n := node.bus.count(); n != 0 {
			t.Errorf("%d listeners are left", n)
		}
		if node.observed() {
			t.Error("an observer is left")
		}
	})
	return d
}

func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}

// waitFor waits until check gives nil.
func waitFor(t testing.TB, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s: %v", what, err)
		}
		<-time.After(time.Millisecond)
	}
}

// client is a connection as raw as it gets.
type client struct {
	t  testing.TB
	nc net.Conn
	in *proto.ValueReader
}

func (d *door) dial() *client {
	d.t.Helper()
	nc, err := net.Dial("tcp", d.ln.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	return newClient(d.t, nc)
}

func (d *door) dialTLS(cfg *tls.Config) *client {
	d.t.Helper()
	nc, err := tls.Dial("tcp", d.ln.Addr().String(), cfg)
	if err != nil {
		d.t.Fatal(err)
	}
	return newClient(d.t, nc)
}

func newClient(t testing.TB, nc net.Conn) *client {
	t.Cleanup(func() { nc.Close() })
	return &client{t: t, nc: nc, in: proto.NewValueReader(nc)}
}

// encode returns a command as it is sent.
func encode(args ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	return b.String()
}

// send sends bytes as they are.
func (c *client) send(raw string) {
	c.t.Helper()
	if _, err := c.nc.Write([]byte(raw)); err != nil {
		c.t.Fatalf("send %.60q: %v", raw, err)
	}
}

// read returns the next reply, as text.
func (c *client) read() string {
	c.t.Helper()
	v, err := c.value()
	if err != nil {
		c.t.Fatalf("read a reply: %v", err)
	}
	return v.String()
}

func (c *client) value() (proto.Value, error) {
	if err := c.nc.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return proto.Value{}, err
	}
	return c.in.Read()
}

// do sends words and returns the reply, as text.
func (c *client) do(line string) string {
	c.t.Helper()
	return c.run(strings.Fields(line)...)
}

func (c *client) run(args ...string) string {
	c.t.Helper()
	c.send(encode(args...))
	return c.read()
}

// want checks replies to commands, in order: a command, then its reply, and so on.
func (c *client) want(pairs ...string) {
	c.t.Helper()
	for ; len(pairs) > 1; pairs = pairs[2:] {
		if have := c.do(pairs[0]); have != pairs[1] {
			c.t.Errorf("%s: want %s, have %s", pairs[0], pairs[1], have)
		}
	}
}

// wantNext checks what comes without having been asked for.
func (c *client) wantNext(wants ...string) {
	c.t.Helper()
	for _, want := range wants {
		if have := c.read(); have != want {
			c.t.Errorf("want %s, have %s", want, have)
		}
	}
}

// ended reports whether the server has closed the connection.
func (c *client) ended() bool {
	_, err := c.value()
	var timeout net.Error
	return err != nil && !(errors.As(err, &timeout) && timeout.Timeout())
}
