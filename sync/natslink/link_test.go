package natslink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
	"github.com/atollcache/atoll/sync/bulk"
)

func TestDeltasReachEveryHolderInEveryRegion(t *testing.T) {
	srv := startNATS(t, -1, 0)
	var us1, us2, eu1, none receiver
	from := start(t, connect(t, srv.ClientURL()), "us", 1, &us1, 3)
	start(t, connect(t, srv.ClientURL()), "us", 2, &us2, 3)
	start(t, connect(t, srv.ClientURL()), "eu", 3, &eu1, 3)
	start(t, connect(t, srv.ClientURL()), "eu", 4, &none, 4)

	for i := range 100 {
		if err := from.Publish(3, fmt.Appendf(nil, "m%d", i)); err != nil {
			t.Fatalf("publish %d: %v", i, err)
		}
	}
	for name, r := range map[string]*receiver{"us-2": &us2, "eu-1": &eu1} {
		eventually(t, "100 messages at "+name, func() bool { return len(r.got(3)) == 100 })
		for i, m := range r.got(3) {
			if want := fmt.Sprintf("m%d", i); m != want {
				t.Fatalf("%s message %d: want %q, have %q", name, i, want, m)
			}
		}
	}
	eventually(t, "own messages to be recognised", func() bool { return from.Stats().Own == 100 })
	if have := us1.got(3); len(have) != 0 {
		t.Errorf("publisher: want none of its own messages, have %d", len(have))
	}
	if have := none.got(3); len(have) != 0 {
		t.Errorf("holder of partition 4: want nothing of partition 3, have %d messages", len(have))
	}
}

func TestAnnouncementsReachEveryNode(t *testing.T) {
	srv := startNATS(t, -1, 0)
	var us, eu receiver
	a := start(t, connect(t, srv.ClientURL()), "us", 1, &us)
	b := start(t, connect(t, srv.ClientURL()), "eu", 2, &eu)
	for _, l := range []*Link{a, b} {
		if err := l.Announce([]byte("from " + l.cfg.Region)); err != nil {
			t.Fatalf("announce: %v", err)
		}
	}
	for want, r := range map[string]*receiver{"from eu": &us, "from us": &eu} {
		eventually(t, want, func() bool { return slices.Contains(r.heard(), want) })
		if have := r.heard(); len(have) != 1 {
			t.Errorf("want only %q, have %q", want, have)
		}
	}
}

// Two nodes may share a connection, as in a cluster inside one process.
func TestLinksShareAConnection(t *testing.T) {
	srv := startNATS(t, -1, 0)
	nc := connect(t, srv.ClientURL())
	var one, two receiver
	a := start(t, nc, "us", 1, &one, 0)
	start(t, nc, "us", 2, &two, 0)
	if err := a.Publish(0, []byte("m")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "message at the other link", func() bool { return len(two.got(0)) == 1 })
	eventually(t, "own message", func() bool { return a.Stats().Own == 1 })
}

func TestHoldAndDrop(t *testing.T) {
	srv := startNATS(t, -1, 0)
	var r, other receiver
	from := start(t, connect(t, srv.ClientURL()), "us", 1, &other)
	nc := connect(t, srv.ClientURL())
	l := start(t, nc, "eu", 2, &r, 7, 8)
	if err := l.Hold(7, true); err != nil {
		t.Fatalf("hold twice: %v", err)
	}
	if have := l.Stats().Held; have != 2 {
		t.Fatalf("held partitions: want 2, have %d", have)
	}
	if err := l.Hold(7, false); err != nil {
		t.Fatalf("drop: %v", err)
	}
	if err := l.Hold(7, false); err != nil {
		t.Fatalf("drop twice: %v", err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []int{7, 8} {
		if err := from.Publish(7, []byte("for 7")); err != nil {
			t.Fatalf("publish to %d: %v", p, err)
		}
	}
	if err := from.Publish(8, []byte("for 8")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "message for 8", func() bool { return len(r.got(8)) == 1 })
	if have := r.got(7); len(have) != 0 {
		t.Errorf("dropped partition: want nothing, have %q", have)
	}
	if err := l.Hold(16, true); !errors.Is(err, ErrConfig) {
		t.Errorf("hold partition 16 of 16: want ErrConfig, have %v", err)
	}
}

func TestAskOfAnySize(t *testing.T) {
	srv := startNATS(t, -1, 0)
	var r receiver
	r.answer = func(msg []byte) []byte { return append([]byte("re:"), msg...) }
	start(t, connect(t, srv.ClientURL()), "us", 1, &r)
	asker := start(t, connect(t, srv.ClientURL()), "eu", 2, &receiver{})
	for _, n := range []int{0, 10, 5 << 20} {
		msg := content(n)
		have, err := asker.Ask(within(t, 20*time.Second), 1, msg)
		if err != nil {
			t.Fatalf("ask with %d bytes: %v", n, err)
		}
		if want := append([]byte("re:"), msg...); !bytes.Equal(want, have) {
			t.Fatalf("ask with %d bytes: want %d bytes back, have %d, or they differ", n, len(want), len(have))
		}
	}
	_, err := asker.Ask(within(t, 5*time.Second), 99, []byte("x"))
	if !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("ask a replica that is not there: want ErrNoResponders, have %v", err)
	}
	if s := asker.Stats(); s.Asked != 4 || s.AskFailed != 1 {
		t.Errorf("stats: want 4 asked, 1 failed, have %d and %d", s.Asked, s.AskFailed)
	}
}

func TestFullLaneDropsAndCounts(t *testing.T) {
	for name, cfg := range map[string]Config{
		"messages": {Pending: 4},
		"bytes":    {PendingBytes: 4 * 100},
	} {
		t.Run(name, func(t *testing.T) {
			srv := startNATS(t, -1, 0)
			cfg.Cluster, cfg.Region, cfg.Replica, cfg.Partitions, cfg.Lanes = "test", "eu", 2, 16, 1
			gate := make(chan struct{})
			r := receiver{gate: gate}
			l := startWith(t, connect(t, srv.ClientURL()), cfg, &r, 5)
			from := start(t, connect(t, srv.ClientURL()), "us", 1, &receiver{})
			msg := bytes.Repeat([]byte("x"), 100)
			const sent = 200
			for range sent {
				if err := from.Publish(5, msg); err != nil {
					t.Fatal(err)
				}
			}
			// One waits in the receiver and four in the lane; how many come
			// between is chance, but the rest is dropped.
			eventually(t, "drops", func() bool { return l.Stats().Dropped >= sent-6 })
			if p := l.Stats().Pending; p > 4 {
				t.Errorf("pending: want at most 4, have %d", p)
			}
			// Announcements have a lane of their own.
			if err := from.Announce([]byte("alive")); err != nil {
				t.Fatal(err)
			}
			eventually(t, "announcement past a full lane", func() bool { return len(r.heard()) == 1 })
			close(gate)
			eventually(t, "every message delivered or counted", func() bool {
				s := l.Stats()
				return s.Received+s.Dropped == sent && len(r.got(5)) == int(s.Received)
			})
		})
	}
}

// What NATS drops is counted too, also after the subscription has ended.
func TestDropsOfNATSAreCounted(t *testing.T) {
	srv := startNATS(t, -1, 0)
	nc := connect(t, srv.ClientURL())
	l, err := New(nc, Config{Cluster: "test", Region: "eu", Replica: 2, Partitions: 16})
	if err != nil {
		t.Fatal(err)
	}
	// Nobody reads: the link is never started.
	l.deltas = make(chan *nats.Msg, 10)
	l.state.Store(stateRunning)
	if err := l.Hold(1, true); err != nil {
		t.Fatal(err)
	}
	l.members = make(chan *nats.Msg, 40)
	if l.mu.member, err = nc.ChanSubscribe(l.subjects.MemberWildcard(), l.members); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	from := start(t, connect(t, srv.ClientURL()), "us", 1, &receiver{})
	for range 100 {
		if err := errors.Join(from.Publish(1, []byte("m")), from.Announce([]byte("m"))); err != nil {
			t.Fatal(err)
		}
	}
	lost := func() [3]uint64 {
		s := l.Stats()
		return [3]uint64{s.DataConn.Lost, s.ControlConn.Lost, s.Lost}
	}
	want := [3]uint64{90, 60, 150}
	eventually(t, "90 lost messages and 60 announcements", func() bool { return lost() == want })
	if err := l.Hold(1, false); err != nil {
		t.Fatal(err)
	}
	l.endSubscriptions()
	if have := lost(); have != want {
		t.Errorf("lost after the subscriptions have ended: want %d, have %d", want, have)
	}
}

func TestServerRestart(t *testing.T) {
	srv := startNATS(t, -1, 0)
	port := srv.Addr().String()[strings.LastIndex(srv.Addr().String(), ":")+1:]
	var r receiver
	fromConn, toConn := connect(t, srv.ClientURL()), connect(t, srv.ClientURL())
	from := start(t, fromConn, "us", 1, &receiver{answer: func(m []byte) []byte { return m }})
	to := start(t, toConn, "eu", 2, &r, 9)

	srv.Shutdown()
	srv.WaitForShutdown()
	eventually(t, "publish to fail fast", func() bool { return errors.Is(from.Publish(9, []byte("lost")), ErrDisconnected) })
	if err := from.Announce([]byte("lost")); !errors.Is(err, ErrDisconnected) {
		t.Errorf("announce without a server: want ErrDisconnected, have %v", err)
	}
	if n := from.Stats().Failed; n < 2 {
		t.Errorf("failed: want at least 2, have %d", n)
	}

	var number int
	fmt.Sscan(port, &number)
	startNATS(t, number, 64<<10)
	eventually(t, "reconnect", func() bool { return fromConn.IsConnected() && toConn.IsConnected() })
	eventually(t, "the limit of the new server", func() bool { return from.MaxMessage() == 64<<10-headroom })
	eventually(t, "message after the restart", func() bool {
		return from.Publish(9, []byte("again")) == nil && slices.Contains(r.got(9), "again")
	})
	if _, err := to.Ask(within(t, 10*time.Second), 1, content(200<<10)); err != nil {
		t.Errorf("ask after the restart: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	srv := startNATS(t, -1, 4096)
	l := start(t, connect(t, srv.ClientURL()), "us", 1, &receiver{})
	if err := l.Publish(1, make([]byte, l.MaxMessage())); err != nil {
		t.Errorf("publish MaxMessage bytes: %v", err)
	}
	if err := l.Publish(1, make([]byte, l.MaxMessage()+1)); !errors.Is(err, cachesync.ErrTooLarge) {
		t.Errorf("publish MaxMessage+1 bytes: want ErrTooLarge, have %v", err)
	}
}

func TestForeignGarbageDoesNoHarm(t *testing.T) {
	srv := startNATS(t, -1, 0)
	var r receiver
	r.answer = func(m []byte) []byte { return m }
	l := start(t, connect(t, srv.ClientURL()), "us", 1, &r, 2)
	nc := connect(t, srv.ClientURL())
	bad := []string{
		"atoll.test.delta.US.2", "atoll.test.delta.member.2", "atoll.test.delta.%00.2",
		"atoll.test.delta.*.2", "atoll.test.delta.>.2", "atoll.test.member.*", "atoll.test.member.US",
	}
	for _, subject := range append(bad, "atoll.test.delta.eu.2", "atoll.test.member.eu") {
		if err := nc.Publish(subject, []byte("\xc1garbage\x00")); err != nil {
			t.Fatalf("publish to %s: %v", subject, err)
		}
	}
	for _, subject := range []string{"atoll.test.repair.0000000000000001", "atoll.test.repair.0000000000000001.bulk"} {
		for _, header := range []string{"", "1", "1 chunk zz 1", "1 announce 00000000000000000000000000000000 99999999999999 1", "\x00\xff"} {
			m := &nats.Msg{Subject: subject, Header: nats.Header{bulk.Header: {header}}, Data: []byte("x"), Reply: "nowhere"}
			if err := nc.PublishMsg(m); err != nil {
				t.Fatalf("publish to %s: %v", subject, err)
			}
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "foreign subjects counted", func() bool { return l.Stats().Foreign == uint64(len(bad)) })
	eventually(t, "the rest delivered", func() bool { return len(r.got(2)) == 1 && len(r.heard()) == 1 })
	asker := start(t, nc, "eu", 2, &receiver{})
	if have, err := asker.Ask(within(t, 5*time.Second), 1, []byte("still there")); err != nil || string(have) != "still there" {
		t.Errorf("ask after the garbage: have %q, %v", have, err)
	}
}

func TestConnectionErrorsAreCountedNotTaken(t *testing.T) {
	srv := startNATS(t, -1, 0)
	nc := connect(t, srv.ClientURL())
	handlers := func() [4]uintptr {
		return [4]uintptr{
			reflect.ValueOf(nc.ErrorHandler()).Pointer(), reflect.ValueOf(nc.ClosedHandler()).Pointer(),
			reflect.ValueOf(nc.Opts.ReconnectedCB).Pointer(), reflect.ValueOf(nc.Opts.DisconnectedErrCB).Pointer(),
		}
	}
	before := handlers()
	l := start(t, nc, "us", 1, &receiver{})
	if handlers() != before {
		t.Error("the link has set a handler of the connection")
	}
	l.AsyncError(nc, nil, nats.ErrSlowConsumer)
	l.AsyncError(nc, nil, fmt.Errorf("%w: subscription to x", nats.ErrPermissionViolation))
	if have := l.Stats().Denied; have != 1 {
		t.Errorf("denied: want 1, have %d", have)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	srv := startNATS(t, -1, 0)
	nc := connect(t, srv.ClientURL())
	before := runtime.NumGoroutine()
	var r receiver
	l := start(t, nc, "us", 1, &r, 1, 2, 3)
	if err := l.Start(&r); !errors.Is(err, ErrNotRunning) {
		t.Errorf("start twice: want ErrNotRunning, have %v", err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	for name, err := range map[string]error{
		"publish": l.Publish(1, nil), "announce": l.Announce(nil), "hold": l.Hold(1, true),
		"start": l.Start(&r), "ask": func() error { _, err := l.Ask(context.Background(), 1, nil); return err }(),
	} {
		if !errors.Is(err, ErrNotRunning) {
			t.Errorf("%s after close: want ErrNotRunning, have %v", name, err)
		}
	}
	eventually(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
	if n := nc.NumSubscriptions(); n > 1 { // The connection's own, for replies.
		t.Errorf("subscriptions after close: want at most 1, have %d", n)
	}
	if !nc.IsConnected() {
		t.Error("the connection was closed")
	}
}

func TestCloseWhileDisconnected(t *testing.T) {
	srv := startNATS(t, -1, 0)
	nc := connect(t, srv.ClientURL())
	l := start(t, nc, "us", 1, &receiver{}, 1)
	nc.Close()
	if err := l.Close(); err != nil {
		t.Errorf("close after the connection: %v", err)
	}
}

func TestConfig(t *testing.T) {
	ok := Config{Cluster: "test", Region: "us", Replica: 1}
	if err := ok.Validate(); err != nil {
		t.Errorf("%+v: %v", ok, err)
	}
	for name, change := range map[string]func(*Config){
		"no cluster":        func(c *Config) { c.Cluster = "" },
		"region with a dot": func(c *Config) { c.Region = "u.s" },
		"no replica":        func(c *Config) { c.Replica = crdt.ReplicaID(0) },
		"partitions":        func(c *Config) { c.Partitions = 3 },
		"negative pending":  func(c *Config) { c.Pending = -1 },
		"bulk":              func(c *Config) { c.Bulk.Window = -1 },
	} {
		c := ok
		change(&c)
		if _, err := New(nil, c); err == nil {
			t.Errorf("%s: want an error, have none", name)
		}
	}
}
