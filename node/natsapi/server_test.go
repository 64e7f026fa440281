package natsapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/atollcache/atoll/node/natsapi/natsapitest"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	"github.com/atollcache/atoll/sync/bulk"
)

// send sends commands to a subject and returns the replies.
func send(t testing.TB, nc *nats.Conn, subject string, cmds ...wire.Command) ([]wire.Reply, error) {
	t.Helper()
	b, err := bulk.NewCaller(nc, bulk.Config{}).Request(within(t, 10*time.Second), subject, wire.AppendRequest(nil, cmds))
	if err != nil {
		return nil, err
	}
	replies, err := wire.DecodeReplies(b)
	if err != nil {
		t.Fatalf("decode replies from %s: %v", subject, err)
	}
	return replies, nil
}

func TestCommandSubjects(t *testing.T) {
	srv := startNATS(t, 0)
	front, addressed := named("front"), named("addressed")
	s, err := New(connect(t, srv), front, addressed, Config{Cluster: "dev", Region: "us", Node: "us-1", Partitions: 16})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve([]region.Partition{3}, []region.Partition{4}); err != nil {
		t.Fatalf("serve before start: %v", err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	nc := connect(t, srv)
	for subject, want := range map[string]string{
		"atoll.dev.us.do.3": "addressed", "atoll.dev.us.alt.4": "addressed", "atoll.dev.us.any.9": "front",
		"atoll.dev.us.do.4": "", "atoll.dev.us.alt.3": "", "atoll.dev.eu.any.9": "",
	} {
		replies, err := send(t, nc, subject, wire.Command{Args: []string{"GET", "k"}}, wire.Command{Args: []string{"PING"}})
		switch {
		case want == "" && !errors.Is(err, nats.ErrNoResponders):
			t.Errorf("%s: want nobody there, have %v, %v", subject, replies, err)
		case want != "" && (err != nil || len(replies) != 2 || replies[1].Text != want):
			t.Errorf("%s: want two replies of %s, have %v, %v", subject, want, replies, err)
		}
	}
}

func TestCommandsOfAnySize(t *testing.T) {
	srv := startNATS(t, 0)
	serve(t, connect(t, srv), "us-1", natsapitest.NewStore(1), all(16), nil)
	nc := connect(t, srv)
	value := strings.Repeat("v", 5<<20)
	if r, err := send(t, nc, "atoll.dev.us.do.0", wire.Command{Args: []string{"SET", "k", value}}); err != nil || r[0].Text != "OK" {
		t.Fatalf("set 5 MiB: %v, %v", r, err)
	}
	if r, err := send(t, nc, "atoll.dev.us.any.0", wire.Command{Args: []string{"GET", "k"}}); err != nil || r[0].Text != value {
		t.Fatalf("get 5 MiB: have %d bytes, %v", len(r[0].Text), err)
	}
}

func TestRequestThatCannotBeRead(t *testing.T) {
	srv := startNATS(t, 0)
	s := serve(t, connect(t, srv), "us-1", named("x"), all(16), nil)
	nc := connect(t, srv)
	for _, data := range []string{"", "x", "\xc1", "\x92\x01\xdd\xff\xff\xff\xff", "\x92\x7f\x90"} {
		m, err := nc.Request("atoll.dev.us.do.1", []byte(data), 5*time.Second)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		replies, err := wire.DecodeReplies(m.Data)
		if err != nil || len(replies) != 1 || replies[0].Err.Code != wire.CodeBadRequest {
			t.Errorf("%q: want one error 400, have %v, %v", data, replies, err)
		}
	}
	mustEqual(t, "malformed", 5, s.Stats().Malformed)
}

func TestExecutorThatOwesReplies(t *testing.T) {
	srv := startNATS(t, 0)
	exec := execFunc(func(context.Context, ...wire.Command) []wire.Reply { return nil })
	s := serve(t, connect(t, srv), "us-1", exec, all(16), nil)
	nc := connect(t, srv)
	ping := wire.Command{Args: []string{"PING"}}
	replies, err := send(t, nc, "atoll.dev.us.do.1", ping, ping)
	if err != nil || len(replies) != 2 || replies[0].Err.Code != wire.CodeInternal {
		t.Errorf("want two errors 500, have %v, %v", replies, err)
	}
	d := &door{t: t, nc: nc, server: s}
	mustEqual(t, "kv get", "error 500", show(d.ask("atoll.dev.us.kv.get.k", "")))
}

// A partition moves from one node to the other and back while requests come: none
// is lost or fails, and none runs at both. In the moment of a change the NATS
// server may find nobody, which is known at once.
func TestOwnersChangeWithoutFailures(t *testing.T) {
	srv := startNATS(t, 0)
	var runs atomic.Int64
	exec := execFunc(func(_ context.Context, cmds ...wire.Command) []wire.Reply {
		runs.Add(int64(len(cmds)))
		return []wire.Reply{wire.OK}
	})
	a := serve(t, connect(t, srv), "us-1", exec, all(16), nil)
	b := serve(t, connect(t, srv), "us-2", exec, nil, nil)
	nc := connect(t, srv)
	stop, sent := make(chan struct{}), make(chan int)
	go func() {
		n, vain := 0, 0
		defer func() { sent <- n }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			_, err := send(t, nc, "atoll.dev.us.do.7", wire.Command{Args: []string{"PING"}})
			if errors.Is(err, nats.ErrNoResponders) && vain < 40 {
				// The server had just chosen the one that left: nobody has run it, and
				// clients ask again at once.
				vain++
				continue
			}
			if err != nil {
				t.Errorf("request %d: %v", n, err)
				return
			}
			n++
		}
	}()
	for i := range 20 {
		to, from := b, a
		if i%2 == 1 {
			to, from = a, b
		}
		// Both own for a while, as when rings differ.
		if err := to.Serve(all(16), nil); err != nil {
			t.Fatal(err)
		}
		if err := from.Serve(nil, all(16)); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if n := <-sent; int64(n) != runs.Load() {
		t.Errorf("want %d commands run for as many sent, have %d", n, runs.Load())
	}
	if s := a.Stats(); s.Do != 16 || s.Alt != 0 {
		t.Errorf("us-1: want 16 and 0 partitions, have %d and %d", s.Do, s.Alt)
	}
}

func TestServiceDiscovery(t *testing.T) {
	d := newDoor(t, 0)
	mustEqual(t, "set", "OK", show(d.ask("atoll.dev.us.kv.set.k", "v")))
	mustEqual(t, "get", "error 404", show(d.ask("atoll.dev.us.kv.get.none", "")))

	ping := d.ask("$SRV.PING.atoll", "")
	var p micro.Ping
	if err := json.Unmarshal(ping.Data, &p); err != nil {
		t.Fatalf("ping %s: %v", ping.Data, err)
	}
	want := map[string]string{"cluster": "dev", "region": "us", "node": "us-1", "partitions": "16"}
	if p.Name != "atoll" || p.Version != "0.0.0-dev" || p.Type != micro.PingResponseType || !reflect.DeepEqual(p.Metadata, want) {
		t.Errorf("ping: want atoll 0.0.0-dev with %v, have %s", want, ping.Data)
	}

	var info micro.Info
	if err := json.Unmarshal(d.ask("$SRV.INFO.atoll", "").Data, &info); err != nil {
		t.Fatal(err)
	}
	if len(info.Endpoints) != len(verbs) {
		t.Errorf("info: want %d endpoints, have %d", len(verbs), len(info.Endpoints))
	}
	for _, e := range info.Endpoints {
		if e.Subject != "atoll.dev.us.kv."+e.Name+".>" || e.QueueGroup != "us" || e.Metadata["body"] == "" || e.Metadata["reply"] == "" {
			t.Errorf("endpoint: want subject, queue group us, body and reply, have %+v", e)
		}
	}

	var stats struct {
		Endpoints []struct {
			Name     string    `json:"name"`
			Requests int       `json:"num_requests"`
			Data     VerbStats `json:"data"`
		} `json:"endpoints"`
	}
	if err := json.Unmarshal(d.ask("$SRV.STATS.atoll", "").Data, &stats); err != nil {
		t.Fatal(err)
	}
	for _, e := range stats.Endpoints {
		want := VerbStats{}
		switch e.Name {
		case "set":
			want = VerbStats{Requests: 1}
		case "get":
			want = VerbStats{Requests: 1, Errors: 1, LastError: "404: ERR no such key or field"}
		}
		e.Data.MeanMicros = 0
		mustEqual(t, "stats of "+e.Name, fmt.Sprintf("%d %+v", want.Requests, want), fmt.Sprintf("%d %+v", e.Requests, e.Data))
	}
}

// NATS micro borrows the connection's handlers; they still work and come back.
func TestConnectionHandlers(t *testing.T) {
	srv := startNATS(t, 0)
	nc := connect(t, srv)
	var mine atomic.Int64
	nc.SetErrorHandler(func(*nats.Conn, *nats.Subscription, error) { mine.Add(1) })
	handler := func() uintptr { return reflect.ValueOf(nc.ErrorHandler()).Pointer() }
	before := handler()
	s := serve(t, nc, "us-1", named("x"), nil, nil)
	nc.ErrorHandler()(nc, nil, errors.New("something"))
	mustEqual(t, "own handler called while serving", 1, mine.Load())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if handler() != before {
		t.Error("the error handler did not come back")
	}
}

func TestCloseAnswersWhatRuns(t *testing.T) {
	srv := startNATS(t, 0)
	nc := connect(t, srv)
	gate := make(chan struct{})
	exec := execFunc(func(context.Context, ...wire.Command) []wire.Reply { <-gate; return []wire.Reply{wire.OK} })
	before := runtime.NumGoroutine()
	s := serve(t, nc, "us-1", exec, all(16), nil)
	client := connect(t, srv)
	inbox, err := client.SubscribeSync("answers")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.PublishRequest("atoll.dev.us.kv.get.k", "answers", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the request to run", func() bool { return s.Stats().Running == 1 })
	closed := make(chan error, 2)
	for range 2 {
		go func() { closed <- s.Close() }()
	}
	eventually(t, "nobody to answer", func() bool {
		_, err := client.Request("atoll.dev.us.kv.get.k", nil, 50*time.Millisecond)
		return errors.Is(err, nats.ErrNoResponders)
	})
	close(gate)
	for range 2 {
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
	}
	if m, err := inbox.NextMsgWithContext(within(t, 5*time.Second)); err != nil || show(m) != "OK" {
		t.Errorf("request that ran at close: want OK, have %v, %v", m, err)
	}
	if err := s.Serve(nil, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("serve after close: want ErrNotRunning, have %v", err)
	}
	if err := s.Start(); !errors.Is(err, ErrNotRunning) {
		t.Errorf("start after close: want ErrNotRunning, have %v", err)
	}
	client.Close()
	eventually(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

// An executor that does not come back is cancelled after DrainTimeout.
func TestCloseEndsContexts(t *testing.T) {
	srv := startNATS(t, 0)
	var ended atomic.Bool
	exec := execFunc(func(ctx context.Context, _ ...wire.Command) []wire.Reply {
		<-ctx.Done()
		<-time.After(30 * time.Millisecond)
		ended.Store(true)
		return []wire.Reply{wire.OK}
	})
	s := serve(t, connect(t, srv), "us-1", exec, nil, nil, func(c *Config) { c.DrainTimeout, c.Timeout = time.Millisecond, time.Hour })
	if err := connect(t, srv).PublishRequest("atoll.dev.us.kv.get.k", "x", nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the request to run", func() bool { return s.Stats().Running == 1 })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if !ended.Load() {
		t.Error("close returned while a request ran")
	}
}

func TestConfig(t *testing.T) {
	ok := Config{Cluster: "dev", Region: "us", Node: "us-1"}
	for name, change := range map[string]func(*Config){
		"cluster":    func(c *Config) { c.Cluster = "a.b" },
		"region":     func(c *Config) { c.Region = "" },
		"node":       func(c *Config) { c.Node = "US 1" },
		"partitions": func(c *Config) { c.Partitions = 3 },
		"running":    func(c *Config) { c.Running = -1 },
		"bulk":       func(c *Config) { c.Bulk.Window = -1 },
	} {
		c := ok
		change(&c)
		if _, err := New(nil, nil, nil, c); err == nil {
			t.Errorf("%s: want an error, have none", name)
		}
	}
	srv := startNATS(t, 0)
	nc := connect(t, srv)
	ok.Version = "one"
	s, err := New(nc, named("x"), named("x"), ok)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err == nil {
		t.Error("version \"one\": want an error, have none")
	}
	if err := s.Close(); err != nil {
		t.Errorf("close after a failed start: %v", err)
	}
}
