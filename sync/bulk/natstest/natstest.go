// Package natstest has what the tests of everything that speaks NATS need: a
// real server, a connection, and waiting for a condition.
package natstest

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// host is where servers listen.
const host = "127.0.0.1"

// patience is how long a condition is waited for. Only a failure waits so long.
const patience = 15 * time.Second

// Start starts a real server that ends with the test. Port -1 is a free one,
// maxPayload 0 the default of 1 MiB.
func Start(t testing.TB, port int, maxPayload int32) *server.Server {
	t.Helper()
	return StartWith(t, server.Options{Port: port, MaxPayload: maxPayload})
}

// StartWith is like Start with further options. Only this machine can connect.
func StartWith(t testing.TB, opts server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.NoSigs, opts.NoLog = host, true, true
	srv, err := server.NewServer(&opts)
	if err != nil {
		t.Fatalf("new nats server: %v", err)
	}
	srv.Start()
	if !srv.ReadyForConnections(patience) {
		t.Fatal("nats server is not ready")
	}
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	return srv
}

// Connect connects to a server until the test ends. The connection comes back
// quickly when the server does, and fails fast in between. Options replace these.
func Connect(t testing.TB, url string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, append([]nats.Option{nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(5 * time.Millisecond), nats.ReconnectJitter(time.Millisecond, time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// Eventually waits until cond holds. If it never does the test fails, with what
// all goroutines are at.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
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

// Within returns a context that ends after d, or with the test.
func Within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}
