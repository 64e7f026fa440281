package natslink

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	"github.com/atollcache/atoll/sync/bulk/natstest"
)

var (
	eventually = natstest.Eventually
	within     = natstest.Within
	startNATS  = natstest.Start
	connect    = natstest.Connect
)

// receiver keeps what it is given.
type receiver struct {
	answer func(msg []byte) []byte
	gate   chan struct{}    // when not nil, Published waits for it to be closed
	hears  func(msg string) // when not nil, called for each announcement

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
	if r.hears != nil {
		r.hears(string(msg))
	}
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

// content returns n bytes that differ from place to place.
func content(n int) []byte {
	b := bytes.Repeat([]byte("0123456789abcde"), n/15+1)[:n]
	for i := 0; i < n; i += 1000 {
		b[i] = byte(i / 1000)
	}
	return b
}

// crdtID returns a replica ID.
func crdtID(n int) crdt.ReplicaID { return crdt.ReplicaID(n) }
