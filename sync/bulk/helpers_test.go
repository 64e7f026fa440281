package bulk

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/sync/bulk/natstest"
)

var (
	eventually = natstest.Eventually
	within     = natstest.Within
	startNATS  = natstest.Start
)

func connect(t testing.TB, srv *server.Server) *nats.Conn {
	t.Helper()
	return natstest.Connect(t, srv.ClientURL())
}

const (
	mib     = 1 << 20
	subject = "atoll.test.us.do.7"
	direct  = "atoll.test.us.bulk.1"
)

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

func mustEqual(t testing.TB, what string, want, have []byte) {
	t.Helper()
	if !bytes.Equal(want, have) {
		t.Fatalf("%s: want %d bytes, have %d, or their content differs", what, len(want), len(have))
	}
}
