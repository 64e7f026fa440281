package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"
)

func TestAppendOp(t *testing.T) {
	for want, op := range map[string]Op{
		"GET k":            {Kind: Get, Key: "k"},
		"SET k v":          {Kind: Set, Key: "k", Value: "v"},
		"SET k v EX 90":    {Kind: Set, Key: "k", Value: "v", TTL: 90 * time.Second},
		"SET k v NX":       {Kind: Add, Key: "k", Value: "v"},
		"SET k v EX 60 XX": {Kind: Replace, Key: "k", Value: "v", TTL: time.Minute},
		"DEL k":            {Kind: Del, Key: "k"},
		"INCR k":           {Kind: Incr, Key: "k"},
		"HSET k f v":       {Kind: HSet, Key: "k", Field: "f", Value: "v"},
		"HGET k f":         {Kind: HGet, Key: "k", Field: "f"},
		"HGETALL k":        {Kind: HGetAll, Key: "k"},
	} {
		if have, want := appendOp(nil, &op), appendCommand(nil, strings.Fields(want)...); !bytes.Equal(have, want) {
			t.Errorf("%+v: want %q, have %q", op, want, have)
		}
		// The Go API is asked for the same; Redis takes the options in any order.
		words := argsOf(&op)
		if len(words) != len(strings.Fields(want)) || words[0] != strings.Fields(want)[0] {
			t.Errorf("%+v: want %s, have %v", op, want, words)
		}
	}
}

// TestAppendOpDoesNotAllocate guards what the client costs.
func TestAppendOpDoesNotAllocate(t *testing.T) {
	op := Op{Kind: Replace, Key: "key", Value: "value", TTL: time.Hour}
	buf := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { buf = appendOp(buf[:0], &op) }); n != 0 {
		t.Errorf("want no allocation, have %v", n)
	}
}

// TestSkip reads replies of every type, and refuses what is none.
func TestSkip(t *testing.T) {
	for _, c := range []struct {
		in    string
		found bool
		ok    bool
	}{
		{"+OK\r\n", true, true}, {":12\r\n", true, true}, {"$3\r\nabc\r\n", true, true}, {"$0\r\n\r\n", true, true}, {"$-1\r\n", false, true},
		{"*-1\r\n", false, true}, {"*0\r\n", false, true}, {"*2\r\n$1\r\na\r\n:1\r\n", true, true}, {"%1\r\n+a\r\n+b\r\n", true, true}, {"_\r\n", false, true},
		{"-ERR no\r\n", false, false}, {"*2\r\n:1\r\n-ERR no\r\n", false, false}, {"$x\r\n", false, false}, {"$99999999999\r\n", false, false},
		{"?1\r\n", false, false}, {"\r\n", false, false}, {"$3\r\nab", false, false}, {"", false, false},
	} {
		c2 := &respConn{in: bufio.NewReader(strings.NewReader(c.in))}
		found, err := c2.skip()
		if found != c.found || (err == nil) != c.ok {
			t.Errorf("%q: want %v and an error: %v, have %v and %v", c.in, c.found, !c.ok, found, err)
		}
		if _, err := c2.in.ReadByte(); c.ok && err == nil {
			t.Errorf("%q: something is left", c.in)
		}
	}
}

// startNull serves in this process and returns its address.
func startNull(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ServeNull(ctx, l, 100) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// TestNullServer answers every operation of a pipeline, in order, and goes when it is
// told to although a client is still there.
func TestNullServer(t *testing.T) {
	c, err := RESP("null", startNull(t)).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ops := []Op{{Kind: Get, Key: "k"}, {Kind: Set, Key: "k", Value: strings.Repeat("v", 100_000), TTL: time.Second}, {Kind: Get, Key: "l"}, {Kind: Del, Key: "k"}}
	for range 3 {
		if missed, err := c.Do(t.Context(), ops); missed != 0 || err != nil {
			t.Fatalf("want all answered, have %d missed, %v", missed, err)
		}
	}
}

// TestNullServerRefuses ends the connection of who does not speak RESP.
func TestNullServerRefuses(t *testing.T) {
	for _, in := range []string{"GET k\r\n", "*1\r\nGET\r\n", "*x\r\n", "\r\n\r\n", "*99999999999\r\n"} {
		conn, err := net.Dial("tcp", startNull(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(in)); err != nil {
			t.Fatal(err)
		}
		var timeout net.Error
		if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("%q: want to be cut off, have %d bytes, %v", in, n, err)
		}
		_ = conn.Close()
	}
}
