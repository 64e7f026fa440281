package bulk

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	mib     = 1 << 20
	subject = "atoll.test.us.do.7"
	direct  = "atoll.test.us.bulk.1"
)

// startNATS starts a real server. Port -1 is a free one, maxPayload 0 the
// default of 1 MiB.
func startNATS(t testing.TB, port int, maxPayload int32) *server.Server {
	t.Helper()
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, MaxPayload: maxPayload, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatalf("new nats server: %v", err)
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("nats server is not ready")
	}
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	return srv
}

func connect(t testing.TB, srv *server.Server) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(srv.ClientURL(), nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(5*time.Millisecond), nats.ReconnectJitter(time.Millisecond, time.Millisecond))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// serve starts a bulk server whose handler is h on subject.
func serve(t testing.TB, nc *nats.Conn, cfg Config, h Handler) *Server {
	t.Helper()
	s, err := NewServer(nc, direct, cfg)
	if err != nil {
		t.Fatalf("new bulk server: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	handle(t, nc, s, h)
	return s
}

func handle(t testing.TB, nc *nats.Conn, s *Server, h Handler) {
	t.Helper()
	if _, err := s.Handle(subject, "owners", h); err != nil {
		t.Fatalf("handle: %v", err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatalf("flush: %v", err)
	}
}

// content returns n bytes of which no two blocks of 256 are the same: a random
// block repeated, each with its number in front.
func content(seed uint64, n int) []byte {
	const block = 256
	rnd := rand.New(rand.NewPCG(seed, uint64(n)))
	var random []byte
	for len(random) < block {
		random = binary.LittleEndian.AppendUint64(random, rnd.Uint64())
	}
	b := bytes.Repeat(random, (n+block-1)/block)
	for i := 0; i < len(b); i += block {
		binary.LittleEndian.PutUint64(b[i:], uint64(i))
	}
	return b[:n]
}

func echo(_ context.Context, _ string, data []byte) []byte { return data }

// eventually polls until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			buf := make([]byte, 1<<16)
			t.Fatalf("never came: %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func mustEqual(t testing.TB, what string, want, have []byte) {
	t.Helper()
	if !bytes.Equal(want, have) {
		t.Fatalf("%s: want %d bytes, have %d, or their content differs", what, len(want), len(have))
	}
}
