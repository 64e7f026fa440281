package resp_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/wire"
)

// Whatever a client sends, the server answers or closes, and goes on serving.
func FuzzConnection(f *testing.F) {
	for _, seed := range []string{
		encode("SET", "k", "v") + encode("GET", "k"), "PING\r\n", encode("HELLO", "3", "AUTH", "default", "x", "SETNAME", "n"),
		encode("MULTI") + encode("SET", "k", "1") + encode("WATCH", "k") + encode("EXEC"), encode("SUBSCRIBE", "a") + encode("UNSUBSCRIBE"),
		encode("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "a") + encode("SET", "a", "1"), encode("CLIENT", "KILL", "ID", "1", "SKIPME", "no"),
		encode("ACL", "SETUSER", "u", "on", ">p", "~a*", "+@all", "-get|x") + encode("ACL", "GETUSER", "u"), encode("CLIENT", "REPLY", "OFF") + "PING\r\n",
		encode("ZRANGE", "z", "0", "-1", "WITHSCORES") + encode("COMMAND", "GETKEYS", "ZUNION", "2", "a", "b"), encode("CONFIG", "SET", "timeout", "0"),
		encode("SLOWLOG", "GET", "-1") + encode("LATENCY", "RESET") + encode("COMMAND", "DOCS", "set") + encode("DEBUG", "SLEEP", "0"),
		encode("MONITOR") + "GET x\r\n" + encode("RESET") + encode("QUIT"), "*2\r\n$3\r\nGET\r\n$-1\r\n", encode("CLIENT", "CACHING", "YES"),
	} {
		f.Add([]byte(seed))
	}
	ln := newPipes()
	openAt(f, ln, newFakeNode(&bus{}), resp.Config{ClusterMode: true, MaxTracked: 10, MaxQueued: 10_000})
	f.Fuzz(func(t *testing.T, input []byte) {
		if strings.Contains(strings.ToUpper(string(input)), "PAUSE") || strings.Contains(strings.ToUpper(string(input)), "WAIT") ||
			strings.Contains(strings.ToUpper(string(input)), "MAXCLIENTS") || strings.Contains(strings.ToUpper(string(input)), "REQUIREPASS") ||
			strings.Contains(strings.ToUpper(string(input)), "SETUSER") {
			return // They change what the others see.
		}
		c := ln.dial()
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, c)
		}()
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		_, _ = c.Write(input)
		c.Close()
		<-read
		probe := newClient(t, ln.dial())
		defer probe.nc.Close()
		if have := probe.do("PING"); have != "PONG" {
			t.Fatalf("after %q: PING: have %s", input, have)
		}
	})
}

// quietNode answers every command with the same reply.
type quietNode struct{ *fakeNode }

var quietReplies = func() []wire.Reply {
	out := make([]wire.Reply, 1024)
	for i := range out {
		out[i] = wire.String("0123456789abcdef")
	}
	return out
}()

func (quietNode) Do(_ context.Context, cmds ...wire.Command) []wire.Reply {
	return quietReplies[:len(cmds)]
}

// A GET of a pipeline costs its key, and next to nothing beside.
func TestPipelineAllocations(t *testing.T) {
	s, err := resp.New(quietNode{newFakeNode(&bus{})}, resp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ln := newPipes()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	const pipeline = 256
	input := []byte(strings.Repeat(encode("GET", "key:12345"), pipeline))
	output := make([]byte, pipeline*len("$16\r\n0123456789abcdef\r\n"))
	c := ln.dial()
	round := func() {
		go func() { _, _ = c.Write(input) }()
		if _, err := io.ReadFull(c, output); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		round()
	}
	if have := testing.AllocsPerRun(50, round) / pipeline; have > 1.5 {
		t.Errorf("a GET of a pipeline: want an allocation for its key, have %.2f", have)
	}
	c.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func BenchmarkPipelinedGet(b *testing.B) {
	s, err := resp.New(quietNode{newFakeNode(&bus{})}, resp.Config{})
	if err != nil {
		b.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = s.Serve(ctx, ln) }()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	const pipeline = 16
	input := []byte(strings.Repeat(encode("GET", "key:12345"), pipeline))
	output := make([]byte, pipeline*len("$16\r\n0123456789abcdef\r\n"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(input); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, output); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*pipeline), "ns/GET")
}
