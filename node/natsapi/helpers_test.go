package natsapi

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/atollcache/atoll/node/natsapi/natsapitest"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	"github.com/atollcache/atoll/sync/bulk/natstest"
)

var (
	eventually = natstest.Eventually
	within     = natstest.Within
)

func startNATS(t testing.TB, maxPayload int32) *server.Server {
	t.Helper()
	return natstest.Start(t, -1, maxPayload)
}

func connect(t testing.TB, srv *server.Server) *nats.Conn {
	t.Helper()
	return natstest.Connect(t, srv.ClientURL())
}

var subjects = region.Subjects{Cluster: "dev", Region: "us"}

// serve starts a server over an executor.
func serve(t testing.TB, nc *nats.Conn, node string, exec Executor, own, alt []region.Partition, change ...func(*Config)) *Server {
	t.Helper()
	cfg := Config{Cluster: "dev", Region: "us", Node: node, Partitions: 16}
	for _, f := range change {
		f(&cfg)
	}
	s, err := New(nc, exec, exec, cfg)
	if err != nil {
		t.Fatalf("new server %+v: %v", cfg, err)
	}
	if err := s.Serve(own, alt); err != nil {
		t.Fatalf("serve: %v", err)
	}
	if err := s.Start(); err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// door is a running kv API and a connection to ask it.
type door struct {
	t      testing.TB
	nc     *nats.Conn
	server *Server
}

func newDoor(t testing.TB, maxPayload int32, change ...func(*Config)) *door {
	t.Helper()
	srv := startNATS(t, maxPayload)
	s := serve(t, connect(t, srv), "us-1", natsapitest.NewStore(0xa1), nil, nil, change...)
	return &door{t: t, nc: connect(t, srv), server: s}
}

// ask sends one request and returns the reply. Headers come in pairs.
func (d *door) ask(subject, body string, headers ...string) *nats.Msg {
	d.t.Helper()
	m := nats.NewMsg(subject)
	m.Data = []byte(body)
	for i := 0; i < len(headers); i += 2 {
		m.Header.Set(headers[i], headers[i+1])
	}
	reply, err := d.nc.RequestMsg(m, 5*time.Second)
	if err != nil {
		d.t.Fatalf("request %.80s: %v", subject, err)
	}
	return reply
}

// show returns a reply as one line: its body, or its error code.
func show(m *nats.Msg) string {
	if code := m.Header.Get(micro.ErrorCodeHeader); code != "" {
		return "error " + code
	}
	return string(m.Data)
}

// execFunc is an Executor.
type execFunc func(ctx context.Context, cmds ...wire.Command) []wire.Reply

func (f execFunc) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply { return f(ctx, cmds...) }

// named replies its name to everything.
func named(name string) Executor {
	return execFunc(func(_ context.Context, cmds ...wire.Command) []wire.Reply {
		out := make([]wire.Reply, len(cmds))
		for i := range out {
			out[i] = wire.String(name)
		}
		return out
	})
}

func all(n int) []region.Partition {
	var out []region.Partition
	for p := range n {
		out = append(out, region.Partition(p))
	}
	return out
}

func mustEqual(t testing.TB, input string, want, have any) {
	t.Helper()
	if w, h := fmt.Sprintf("%v", want), fmt.Sprintf("%v", have); w != h {
		t.Errorf("%s: want %.200s, have %.200s", input, w, h)
	}
}
