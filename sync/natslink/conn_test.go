package natslink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	cachesync "github.com/atollcache/atoll/sync"
	"github.com/atollcache/atoll/sync/bulk"
	"github.com/atollcache/atoll/sync/bulk/natstest"
)

// kinds names the connections of a link.
var kinds = []string{"control", "data", "bulk"}

// party is a link with a connection of each kind, and what it hears.
type party struct {
	*Link
	receiver
	conns map[string]*nats.Conn
	said  int
}

// thrice is the answer to what parties ask. A request that only fills a connection
// has none.
func thrice(msg []byte) []byte {
	if len(msg) > 8<<20 {
		return nil
	}
	return bytes.Repeat(msg, 3)
}

// newParty starts a link for a replica of a region, which are the same number, and
// holds partition 3. Its connections go to a URL for each kind.
func newParty(t testing.TB, id int, url func(kind string) string, answer func([]byte) []byte) *party {
	t.Helper()
	p := &party{conns: map[string]*nats.Conn{}}
	p.answer = answer
	for _, kind := range kinds {
		p.conns[kind] = connect(t, url(kind))
	}
	p.Link = startWith(t, p.conns["data"], Config{
		Cluster: "test", Region: fmt.Sprintf("r%d", id), Replica: crdtID(id), Partitions: 16,
		ControlConn: p.conns["control"], BulkConn: p.conns["bulk"], Bulk: bulk.Config{Window: 32, WindowBytes: 32 << 20},
	}, &p.receiver, 3)
	return p
}

// of returns the statistics of the connection of a kind.
func of(s Stats, kind string) ConnStats {
	return map[string]ConnStats{"control": s.ControlConn, "data": s.DataConn, "bulk": s.BulkConn}[kind]
}

// tell sends one message of a kind to another party and returns when it is there.
func (p *party) tell(ctx context.Context, kind string, to *party) error {
	p.said++
	msg := fmt.Sprintf("%s %d of %v", kind, p.said, p.cfg.Replica)
	var err error
	there := func() bool { return true }
	switch kind {
	case "control":
		err, there = p.Announce([]byte(msg)), func() bool { return slices.Contains(to.heard(), msg) }
	case "data":
		err, there = p.Publish(3, []byte(msg)), func() bool { return slices.Contains(to.got(3), msg) }
	default:
		long := append(content(6<<18), msg...)
		var answer []byte
		answer, err = p.Ask(ctx, to.cfg.Replica, long)
		if err == nil && !bytes.Equal(answer, thrice(long)) {
			err = fmt.Errorf("asked with %d bytes: want three times as many back, have %d, or they differ", len(long), len(answer))
		}
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for err == nil && !there() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return err
}

// mustTalk has two parties send each other a message of a kind.
func mustTalk(t *testing.T, when, kind string, a, b *party) {
	t.Helper()
	done := make(chan error, 1) // A call that waits must not hold up the test.
	ctx := within(t, 10*time.Second)
	go func() { done <- errors.Join(a.tell(ctx, kind, b), b.tell(ctx, kind, a)) }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatalf("%s, %s: %v", when, kind, err)
		}
	case <-time.After(12 * time.Second):
		t.Fatalf("%s, %s: a call does not return", when, kind)
	}
}

// pathsTo returns a path to a server for each kind.
func pathsTo(t testing.TB, srv *server.Server) map[string]*proxy {
	paths := map[string]*proxy{}
	for _, kind := range kinds {
		paths[kind] = newProxy(t, srv.Addr().String(), 0)
	}
	return paths
}

func TestThreeConnections(t *testing.T) {
	srv := startNATS(t, -1, 0)
	url := func(string) string { return srv.ClientURL() }
	a, b := newParty(t, 1, url, thrice), newParty(t, 2, url, thrice)
	for _, kind := range kinds {
		mustTalk(t, "all up", kind, a, b)
	}
	eventually(t, "own messages to be recognised", func() bool { return a.Stats().Own == 2 })
	subscriptions := map[string]int{"control": 1, "data": 1, "bulk": 3} // The last is nats.go's own, for replies.
	for kind, want := range subscriptions {
		if have := a.conns[kind].NumSubscriptions(); have != want {
			t.Errorf("subscriptions of the %s connection: want %d, have %d", kind, want, have)
		}
		if s := of(a.Stats(), kind); s != (ConnStats{Connected: true}) {
			t.Errorf("%s: want connected and nothing else, have %+v", kind, s)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
	for kind, nc := range a.conns {
		if have := nc.NumSubscriptions(); have > 1 || !nc.IsConnected() {
			t.Errorf("%s after close: want a connection without subscriptions, have %d, connected %v", kind, have, nc.IsConnected())
		}
	}
}

// Each connection is lost and comes back. What travels on the others does not
// notice.
func TestEachConnectionIsLost(t *testing.T) {
	srv := startNATS(t, -1, 0)
	paths := pathsTo(t, srv)
	a := newParty(t, 1, func(string) string { return srv.ClientURL() }, thrice)
	b := newParty(t, 2, func(kind string) string { return paths[kind].url() }, thrice)
	for _, lost := range kinds {
		paths[lost].cut()
		eventually(t, lost+" to be known as lost", func() bool { return !of(b.Stats(), lost).Connected })
		for _, kind := range kinds {
			if kind != lost {
				mustTalk(t, lost+" is lost", kind, a, b)
			}
		}
		if err := b.tell(within(t, 5*time.Second), lost, a); err == nil {
			t.Errorf("%s is lost: want an error from it, have none", lost)
		} else if lost != "bulk" && !errors.Is(err, ErrDisconnected) {
			t.Errorf("%s is lost: want ErrDisconnected, have %v", lost, err)
		}
		paths[lost].resume()
		eventually(t, lost+" to come back", func() bool { return of(b.Stats(), lost).Connected })
		eventually(t, "subscriptions of "+lost, func() bool { return b.conns[lost].Flush() == nil })
		mustTalk(t, lost+" is back", lost, a, b)
	}
	for _, kind := range kinds {
		if s := of(b.Stats(), kind); s.Reconnects != 1 {
			t.Errorf("%s: want 1 reconnect, have %+v", kind, s)
		}
	}
}

// A network that takes nothing any more holds up its own connection and no other,
// neither messages nor questions about the link.
func TestNoConnectionWaitsForAnother(t *testing.T) {
	for _, stuck := range kinds {
		t.Run(stuck, func(t *testing.T) {
			srv := startNATS(t, -1, 0)
			paths := pathsTo(t, srv)
			a := newParty(t, 1, func(string) string { return srv.ClientURL() }, thrice)
			b := newParty(t, 2, func(kind string) string { return paths[kind].url() }, thrice)
			defer paths[stuck].resume()
			fill := b.fill(t, stuck, paths[stuck])
			asked := make(chan Stats, 1)
			go func() { b.MaxMessage(); asked <- b.Stats() }()
			select {
			case s := <-asked:
				if s.Held != 1 || !of(s, stuck).Connected {
					t.Errorf("stats: want 1 partition held and %s taken for connected, have %+v", stuck, s)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("MaxMessage or Stats wait")
			}
			if stuck == "data" {
				go b.Hold(5, true)
				eventually(t, "Hold to wait", func() bool {
					if b.Link.mu.TryLock() {
						b.Link.mu.Unlock()
						return false
					}
					return true
				})
			}
			for _, kind := range kinds {
				if kind != stuck {
					mustTalk(t, stuck+" stands still", kind, a, b)
				}
			}
			paths[stuck].resume()
			<-fill
			mustTalk(t, stuck+" goes on", stuck, a, b)
		})
	}
}

// fill sends on the connection of a kind, has its path stand still, and returns
// when a write waits. What it returns is closed when the writes are through.
func (p *party) fill(t *testing.T, kind string, path *proxy) <-chan struct{} {
	t.Helper()
	ctx, cancel := context.WithCancel(within(t, 20*time.Second))
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		msg := make([]byte, 512<<10)
		for ctx.Err() == nil {
			switch kind {
			case "control":
				_ = p.Announce(msg)
			case "data":
				_ = p.Publish(4, msg)
			default:
				_, _ = p.Call(ctx, 1, make([]byte, 64<<20))
			}
		}
	}()
	eventually(t, kind+" to be used", func() bool { return path.toServer.Load() > 1<<20 })
	path.stop()
	eventually(t, kind+" to stand still", func() bool {
		free := make(chan struct{})
		go func() { p.conns[kind].IsConnected(); close(free) }()
		select {
		case <-free:
			return false
		case <-time.After(100 * time.Millisecond):
			return true
		}
	})
	return done
}

func TestPermissionsOfEachConnection(t *testing.T) {
	subjects := map[string]string{"control": "atoll.test.member.*", "data": "atoll.test.delta.>", "bulk": "atoll.test.repair.>"}
	users := []*server.User{{Username: "all", Password: "x"}}
	for kind, subject := range subjects {
		deny := &server.SubjectPermission{Deny: []string{subject}}
		users = append(users, &server.User{Username: kind, Password: "x", Permissions: &server.Permissions{Subscribe: deny, Publish: deny}})
	}
	srv := natstest.StartWith(t, server.Options{Port: -1, Users: users})
	for _, denied := range kinds {
		conns := map[string]*nats.Conn{}
		for _, kind := range kinds {
			user := "all"
			if kind == denied {
				user = denied
			}
			conns[kind] = natstest.Connect(t, srv.ClientURL(), nats.UserInfo(user, "x"))
		}
		l, err := New(conns["data"], Config{Cluster: "test", Region: "us", Replica: 1, Partitions: 16, ControlConn: conns["control"], BulkConn: conns["bulk"]})
		if err != nil {
			t.Fatal(err)
		}
		for _, nc := range conns {
			nc.SetErrorHandler(l.AsyncError)
		}
		if err := l.Start(&receiver{}); err != nil {
			t.Fatalf("%s denied: start: %v", denied, err)
		}
		if err := l.Hold(3, true); err != nil {
			t.Fatalf("%s denied: hold: %v", denied, err)
		}
		eventually(t, denied+" to be reported", func() bool { return of(l.Stats(), denied).Denied > 0 && l.Stats().Denied > 0 })
		for _, kind := range kinds {
			if n := of(l.Stats(), kind).Denied; kind != denied && n != 0 {
				t.Errorf("%s denied: want nothing from %s, have %d", denied, kind, n)
			}
		}
		if err := l.Close(); err != nil {
			t.Errorf("%s denied: close: %v", denied, err)
		}
	}
}

// The limit is the smaller one of the connections that Publish and Announce use,
// as far as it is known.
func TestLimitOfSeveralServers(t *testing.T) {
	small, large := startNATS(t, -1, 8<<10), startNATS(t, -1, 0)
	tiny := startNATS(t, -1, 4<<10)
	cfg := Config{Cluster: "test", Region: "us", Replica: 1, ControlConn: connect(t, small.ClientURL()), BulkConn: connect(t, tiny.ClientURL())}
	l := startWith(t, connect(t, large.ClientURL()), cfg, &receiver{})
	limit := 8<<10 - headroom
	if have := l.MaxMessage(); have != limit {
		t.Fatalf("servers of 8 KiB, 1 MiB, and 4 KiB for bulk: want %d, have %d", limit, have)
	}
	for name, send := range map[string]func([]byte) error{
		"announce": l.Announce,
		"publish":  func(msg []byte) error { return l.Publish(1, msg) },
	} {
		if err := send(make([]byte, limit)); err != nil {
			t.Errorf("%s MaxMessage bytes: %v", name, err)
		}
		if err := send(make([]byte, limit+1)); !errors.Is(err, cachesync.ErrTooLarge) {
			t.Errorf("%s one byte more: want ErrTooLarge, have %v", name, err)
		}
	}
}

// A connection that has had no server yet holds up nothing.
func TestConnectionWithoutServer(t *testing.T) {
	srv, later := startNATS(t, -1, 0), startNATS(t, -1, 0)
	addr, url := later.Addr().String(), later.ClientURL()
	later.Shutdown()
	later.WaitForShutdown()
	control := natstest.Connect(t, url, nats.RetryOnFailedConnect(true))
	l := startWith(t, connect(t, srv.ClientURL()), Config{Cluster: "test", Region: "us", Replica: 1, ControlConn: control}, &receiver{})
	if want, have := 1<<20-headroom, l.MaxMessage(); want != have {
		t.Errorf("limit while control has no server: want %d, have %d", want, have)
	}
	if err := l.Publish(1, make([]byte, 1000)); err != nil {
		t.Errorf("publish while control has no server: %v", err)
	}
	if err := l.Announce(nil); !errors.Is(err, ErrDisconnected) {
		t.Errorf("announce without a server: want ErrDisconnected, have %v", err)
	}
	var port int
	if _, err := fmt.Sscanf(addr, "127.0.0.1:%d", &port); err != nil {
		t.Fatal(err)
	}
	startNATS(t, port, 16<<10)
	eventually(t, "the limit of the server that came", func() bool { return l.MaxMessage() == 16<<10-headroom })
	if err := l.Announce(nil); err != nil {
		t.Errorf("announce when the server has come: %v", err)
	}
}

func TestConnectionsThatDoNotServe(t *testing.T) {
	srv := startNATS(t, -1, 0)
	good, mute := connect(t, srv.ClientURL()), natstest.Connect(t, srv.ClientURL(), nats.NoEcho())
	ok := Config{Cluster: "test", Region: "us", Replica: 1}
	control, bulk := ok, ok
	control.ControlConn, bulk.BulkConn = mute, mute
	for name, try := range map[string]func() (*Link, error){
		"none":            func() (*Link, error) { return New(nil, ok) },
		"NoEcho":          func() (*Link, error) { return New(mute, ok) },
		"NoEcho, control": func() (*Link, error) { return New(good, control) },
		"NoEcho, bulk":    func() (*Link, error) { return New(good, bulk) },
	} {
		if _, err := try(); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: want ErrConfig, have %v", name, err)
		}
	}
}
