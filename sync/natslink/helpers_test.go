package natslink

import (
	"bytes"
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// startNATS starts a real server; port -1 is a free one.
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

func connect(t testing.TB, url string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectBufSize(-1),
		nats.ReconnectWait(5*time.Millisecond), nats.ReconnectJitter(time.Millisecond, time.Millisecond))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// receiver keeps what it is given.
type receiver struct {
	answer func(msg []byte) []byte
	gate   chan struct{} // when not nil, Published waits for it to be closed

	mu        sync.Mutex
	published map[region.Partition][]string
	announced []string
}

func (r *receiver) Published(p region.Partition, msg []byte) {
	if r.gate != nil {
		<-r.gate
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.published == nil {
		r.published = map[region.Partition][]string{}
	}
	r.published[p] = append(r.published[p], string(msg))
}

func (r *receiver) Announced(msg []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.announced = append(r.announced, string(msg))
}

func (r *receiver) Asked(_ context.Context, msg []byte) []byte {
	if r.answer == nil {
		return nil
	}
	return r.answer(msg)
}

func (r *receiver) heard() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.announced...)
}

func (r *receiver) got(p region.Partition) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.published[p]...)
}

// start starts a link of a region and holds partitions.
func start(t testing.TB, nc *nats.Conn, name string, id crdt.ReplicaID, r *receiver, hold ...region.Partition) *Link {
	t.Helper()
	return startWith(t, nc, Config{Cluster: "test", Region: name, Replica: id, Partitions: 16}, r, hold...)
}

func startWith(t testing.TB, nc *nats.Conn, cfg Config, r *receiver, hold ...region.Partition) *Link {
	t.Helper()
	l, err := New(nc, cfg)
	if err != nil {
		t.Fatalf("new link %+v: %v", cfg, err)
	}
	if err := l.Start(r); err != nil {
		t.Fatalf("start link: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	for _, p := range hold {
		if err := l.Hold(p, true); err != nil {
			t.Fatalf("hold %d: %v", p, err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatalf("flush: %v", err)
	}
	return l
}

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

// content returns n bytes that differ from place to place.
func content(n int) []byte {
	b := bytes.Repeat([]byte("0123456789abcde"), n/15+1)[:n]
	for i := 0; i < n; i += 1000 {
		b[i] = byte(i / 1000)
	}
	return b
}
