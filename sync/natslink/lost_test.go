package natslink

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/sync/bulk"
	"github.com/atollcache/atoll/sync/bulk/natstest"
)

// startSource starts the link that is asked. It does not wait for answers to be
// pulled when it ends.
func startSource(t *testing.T, srv *server.Server, r *receiver) {
	t.Helper()
	startWith(t, connect(t, srv.ClientURL()), Config{Cluster: "test", Region: "us", Replica: 1, Bulk: bulk.Config{DrainTimeout: 10 * time.Millisecond}}, r)
}

// drop has the server end a connection.
func drop(t *testing.T, srv *server.Server, nc *nats.Conn) {
	t.Helper()
	id, err := nc.GetClientID()
	if err == nil {
		err = srv.DisconnectClientByID(id)
	}
	if err != nil {
		t.Fatalf("end a connection: %v", err)
	}
}

// What is asked when the server ends the connection ends with it, rather than be
// waited for, whether its answer has begun to come or not.
func TestAsksEndWithTheConnection(t *testing.T) {
	srv := startNATS(t, -1, 0)
	path := newProxy(t, srv.Addr().String(), 0)
	gate, asked := make(chan struct{}), make(chan string, 10)
	from := receiver{answer: func(msg []byte) []byte {
		asked <- string(msg)
		if string(msg) == "hang" {
			<-gate
			return nil
		}
		path.stop() // The answer does not get far.
		return content(64 << 20)
	}}
	startSource(t, srv, &from)
	defer close(gate)
	for _, what := range []string{"hang", "large"} {
		nc := connect(t, path.url())
		l := startWith(t, nc, Config{Cluster: "test", Region: "eu", Replica: 2, Partitions: 16, AnswerTimeout: time.Minute,
			Bulk: bulk.Config{ChunkTimeout: time.Minute}}, &receiver{})
		ended := make(chan error, 1)
		go func() {
			_, err := l.Ask(within(t, time.Minute), 1, []byte(what))
			ended <- err
		}()
		<-asked
		eventually(t, "something to be under way", func() bool { return l.Stats().Window.UnderWay > 0 })
		drop(t, srv, nc)
		path.resume()
		select {
		case err := <-ended:
			if !errors.Is(err, ErrLost) {
				t.Errorf("%s: want ErrLost, have %v", what, err)
			}
		case <-time.After(15 * time.Second):
			t.Fatalf("%s: the request goes on without its connection", what)
		}
		s := l.Stats()
		if s.AskLost != 1 || s.AskFailed != 1 || s.Window.UnderWay != 0 || s.Window.Narrowed != 1 {
			t.Errorf("%s: want 1 request lost, nothing under way and a window that fell once, have %+v", what, s)
		}
		eventually(t, "the connection to come back", func() bool { return l.Stats().BulkConn.Connected })
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A call whose connection is lost is made again when there is one, and ends with
// its context when there is none.
func TestCallsAreMadeAgain(t *testing.T) {
	srv := startNATS(t, -1, 0)
	path := newProxy(t, srv.Addr().String(), 0)
	gate := make(chan struct{})
	var calls atomic.Int64
	from := receiver{answer: func(msg []byte) []byte {
		if calls.Add(1) == 1 {
			<-gate
		}
		return msg
	}}
	startSource(t, srv, &from)
	defer close(gate)
	nc := connect(t, path.url())
	l := start(t, nc, "eu", 2, &receiver{})
	call := func(ctx context.Context) <-chan error {
		ended := make(chan error, 1)
		go func() {
			answer, err := l.Call(ctx, 1, []byte("again"))
			if err == nil && string(answer) != "again" {
				err = fmt.Errorf("have the answer %q", answer)
			}
			ended <- err
		}()
		return ended
	}
	ended := call(within(t, 20*time.Second))
	eventually(t, "the first call", func() bool { return calls.Load() == 1 })
	drop(t, srv, nc)
	if err := <-ended; err != nil {
		t.Errorf("the connection is back: %v", err)
	}
	if s := l.Stats(); calls.Load() != 2 || s.Again != 1 || s.AskLost != 1 {
		t.Errorf("want 2 calls, 1 of them again, have %d, %+v", calls.Load(), s)
	}

	calls.Store(0)
	ctx, cancel := context.WithCancel(within(t, 20*time.Second))
	ended = call(ctx)
	eventually(t, "the call", func() bool { return calls.Load() == 1 })
	path.cut()
	eventually(t, "the loss to be noticed", func() bool { return l.Stats().AskLost == 2 })
	cancel()
	if err := <-ended; !errors.Is(err, ErrLost) || !errors.Is(err, context.Canceled) {
		t.Errorf("no connection: want ErrLost and Canceled, have %v", err)
	}
	path.resume()
}

// A node that has much to catch up with over a server that keeps little for a
// connection is cut off a few times at most: it asks for less at once.
func TestCatchingUpDoesNotCutItselfOff(t *testing.T) {
	const missing, pulls, size = 280, 64, 48 << 10
	srv := natstest.StartWith(t, server.Options{Port: -1, MaxPayload: 64 << 10, MaxPending: 128 << 10})
	path := newProxy(t, srv.Addr().String(), 16<<20)
	value := content(size)
	from := receiver{answer: func([]byte) []byte { return value }}
	startSource(t, srv, &from)
	l := start(t, connect(t, path.url()), "eu", 2, &receiver{})
	most := 16 * 64 << 10 // bytes that may be under way with this max_payload
	ctx := within(t, 60*time.Second)
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(missing)
	for range pulls {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				for {
					answer, err := l.Ask(ctx, 1, []byte("value"))
					if err == nil && len(answer) == size {
						break
					}
					if ctx.Err() != nil {
						t.Errorf("want all that is missing, have %v with %d left and %+v", err, left.Load(), l.Stats())
						return
					}
					// As the engine does, after a moment and when there is a server.
					for !l.Stats().BulkConn.Connected && ctx.Err() == nil {
						<-time.After(time.Millisecond)
					}
				}
			}
		})
	}
	wg.Wait()
	s := l.Stats()
	t.Logf("cut off %d times, window %d bytes, %d requests of %d failed", s.BulkConn.Reconnects, s.Window.Window, s.AskFailed, s.Asked)
	if s.BulkConn.Reconnects == 0 {
		t.Error("want it cut off at least once, or this test shows nothing")
	}
	if s.BulkConn.Reconnects > 5 {
		t.Errorf("want it cut off 5 times at most, have %d", s.BulkConn.Reconnects)
	}
	if s.Window.Narrowed == 0 || s.Window.Window >= most {
		t.Errorf("want a window that has fallen below %d bytes, have %+v", most, s.Window)
	}
}

// A replica whose answers take longer than AnswerTimeout is waited for twice as
// long each time, until it has answered.
func TestPatience(t *testing.T) {
	srv := startNATS(t, -1, 0)
	gate := make(chan struct{})
	from := receiver{answer: func(msg []byte) []byte { <-gate; return msg }}
	startSource(t, srv, &from)
	const usual = 20 * time.Millisecond
	l := startWith(t, connect(t, srv.ClientURL()), Config{Cluster: "test", Region: "eu", Replica: 2, AnswerTimeout: usual}, &receiver{})
	for _, least := range []time.Duration{usual, 2 * usual, 4 * usual} {
		began := time.Now()
		if _, err := l.Ask(within(t, 10*time.Second), 1, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("want DeadlineExceeded, have %v", err)
		}
		if took := time.Since(began); took < least {
			t.Errorf("want it waited for %v, have %v", least, took)
		}
	}
	if have := l.patience.with(3); have != usual {
		t.Errorf("another replica: want %v, have %v", usual, have)
	}
	close(gate)
	eventually(t, "an answer", func() bool { _, err := l.Ask(t.Context(), 1, nil); return err == nil })
	if have := l.patience.with(1); have != usual {
		t.Errorf("it has answered: want %v again, have %v", usual, have)
	}
}

// However many replicas are waited for in vain, few are remembered.
func TestPatienceIsBounded(t *testing.T) {
	p := newPatience(time.Second)
	for r := range 10 * maxImpatient {
		p.learn(crdt.ReplicaID(r), p.with(crdt.ReplicaID(r)), context.DeadlineExceeded)
		if len(p.more) > maxImpatient {
			t.Fatalf("after %d replicas: want at most %d remembered, have %d", r, maxImpatient, len(p.more))
		}
	}
	var have []time.Duration
	for range 20 {
		have = append(have, p.with(1))
		p.learn(1, p.with(1), context.DeadlineExceeded)
	}
	if !slices.IsSorted(have) || have[len(have)-1] != time.Hour {
		t.Errorf("want it to grow up to an hour, have %v", have)
	}
}
