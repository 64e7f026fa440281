package natsapi_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/node/natsapi"
	"github.com/atollcache/atoll/node/natsapi/natsapitest"
)

// startService starts a NATS server and a cache on it, and returns a connection
// of a client.
func startService(t testing.TB) *nats.Conn {
	t.Helper()
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatalf("new nats server: %v", err)
	}
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(10 * time.Second) {
		t.Fatal("nats server is not ready")
	}
	var conns [2]*nats.Conn
	for i := range conns {
		if conns[i], err = nats.Connect(srv.ClientURL()); err != nil {
			t.Fatalf("connect: %v", err)
		}
		t.Cleanup(conns[i].Close)
	}
	store := natsapitest.NewStore(1)
	s, err := natsapi.New(conns[0], store, store, natsapi.Config{Cluster: "dev", Region: "us", Node: "us-1"})
	if err != nil {
		t.Fatalf("new server: %v", err)
	}
	if err := s.Start(); err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return conns[1]
}
