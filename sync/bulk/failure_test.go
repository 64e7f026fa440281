package bulk

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// firstUpload and firstReply look into a server's ledger.
func firstUpload(s *Server) (arrived int, running bool) {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	for _, u := range s.ledger.mu.uploads {
		return u.whole.seen.count, u.running
	}
	return 0, false
}

func firstReply(s *Server) (pulled int) {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	for _, r := range s.ledger.mu.replies {
		return r.pulled.count
	}
	return 0
}

// TestCancelFreesMemory gives up in each phase of a request. HoldFor is long,
// so only being told can free the memory.
func TestCancelFreesMemory(t *testing.T) {
	const size = 40 * mib // Some 650 chunks, one at a time.
	for _, test := range []struct {
		name           string
		request, reply int
		reached        func(s *Server) bool
	}{
		{"while sending", size, 0, func(s *Server) bool { n, _ := firstUpload(s); return n >= 1 }},
		{"while the handler runs", 2 * mib, size, func(s *Server) bool { _, running := firstUpload(s); return running }},
		{"while pulling", 1, size, func(s *Server) bool { return firstReply(s) >= 2 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := startNATS(t, -1, 64<<10)
			cancelled := make(chan struct{})
			s := serve(t, connect(t, srv), Config{HoldFor: time.Hour}, func(_ context.Context, _ string, data []byte) []byte {
				if len(data) > 1 {
					<-cancelled
				}
				return make([]byte, test.reply)
			})
			ctx, cancel := context.WithCancel(within(t, 20*time.Second))
			defer cancel()
			done := make(chan error, 1)
			go func() {
				_, err := NewCaller(connect(t, srv), Config{Window: 1}).Request(ctx, subject, make([]byte, test.request))
				done <- err
			}()
			eventually(t, test.name, func() bool { return test.reached(s) })
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("want context.Canceled, have %v", err)
			}
			// The drop is on its way before the handler is let go.
			eventually(t, "the server has been told", func() bool {
				s.ledger.mu.Lock()
				defer s.ledger.mu.Unlock()
				for _, u := range s.ledger.mu.uploads {
					return u.abandoned
				}
				return true
			})
			close(cancelled)
			eventually(t, "nothing is held", func() bool { return s.Stats().HeldBytes == 0 })
			if st := s.Stats(); st.ExpiredUploads != 0 || st.DroppedReplies != 0 {
				t.Errorf("want nothing expired, have %+v", st)
			}
		})
	}
}

// TestRestartInTheMiddle kills the NATS server during a transfer: the caller
// gets an error in time, and the next request, after the restart, works.
func TestRestartInTheMiddle(t *testing.T) {
	srv := startNATS(t, -1, 64<<10)
	port := srv.Addr().(*net.TCPAddr).Port
	s := serve(t, connect(t, srv), Config{}, echo)
	nc := connect(t, srv)
	c := NewCaller(nc, Config{Window: 1, ChunkTimeout: 300 * time.Millisecond})
	done := make(chan error, 1)
	go func() {
		_, err := c.Request(within(t, 20*time.Second), subject, make([]byte, 40*mib))
		done <- err
	}()
	eventually(t, "chunks arrive", func() bool { n, _ := firstUpload(s); return n >= 2 })
	srv.Shutdown()
	srv.WaitForShutdown()
	select {
	case err := <-done:
		if err == nil || errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("want an error that is not ErrNoResponders, have %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the caller hangs")
	}
	startNATS(t, port, 64<<10)
	data := content(1, mib)
	eventually(t, "requests work again", func() bool {
		have, err := c.Request(within(t, time.Second), subject, data)
		return err == nil && string(have) == string(data)
	})
}

// TestMaxPayloadChanges reconnects to a server with a smaller limit: what was
// one message must now go in chunks, both ways.
func TestMaxPayloadChanges(t *testing.T) {
	srv := startNATS(t, -1, 0)
	port := srv.Addr().(*net.TCPAddr).Port
	serving := connect(t, srv)
	s := serve(t, serving, Config{}, echo)
	nc := connect(t, srv)
	c := NewCaller(nc, Config{})
	data := content(1, mib/2)
	ask := func() {
		t.Helper()
		have, err := c.Request(within(t, 10*time.Second), subject, data)
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "echo", data, have)
	}
	ask()
	if st := s.Stats(); st.LargeRequests+st.LargeReplies != 0 {
		t.Fatalf("want plain messages, have %+v", st)
	}
	srv.Shutdown()
	srv.WaitForShutdown()
	startNATS(t, port, 64<<10)
	for _, conn := range []*nats.Conn{serving, nc} {
		eventually(t, "reconnected", func() bool { return conn.IsConnected() && conn.MaxPayload() == 64<<10 })
		if err := conn.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	if st := s.Stats(); st.LargeRequests != 1 || st.LargeReplies != 1 {
		t.Errorf("want chunks both ways, have %+v", st)
	}
}

// TestServerGoesAway closes the server while its reply is being pulled: that
// must not look like a request that nobody took.
func TestServerGoesAway(t *testing.T) {
	srv := startNATS(t, -1, 64<<10)
	s := serve(t, connect(t, srv), Config{DrainTimeout: time.Millisecond}, func(context.Context, string, []byte) []byte {
		return make([]byte, 40*mib)
	})
	done := make(chan error, 1)
	go func() {
		_, err := NewCaller(connect(t, srv), Config{Window: 1, ChunkTimeout: 2 * time.Second}).Request(within(t, 20*time.Second), subject, nil)
		done <- err
	}()
	eventually(t, "parts are pulled", func() bool { return firstReply(s) >= 2 })
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := <-done; errors.Is(err, nats.ErrNoResponders) || !(errors.Is(err, ErrExpired) || errors.Is(err, context.DeadlineExceeded)) {
		t.Errorf("want ErrExpired or a timeout, have %v", err)
	}
	if st := s.Stats(); st.DroppedReplies != 1 || st.HeldBytes != 0 {
		t.Errorf("want 1 reply dropped and nothing held, have %+v", st)
	}
}

// TestCloseFinishes closes a server with a request in each phase: all are
// answered.
func TestCloseFinishes(t *testing.T) {
	srv := startNATS(t, -1, 64<<10)
	release := make(chan struct{})
	s := serve(t, connect(t, srv), Config{Workers: 1}, func(_ context.Context, _ string, data []byte) []byte {
		<-release
		return make([]byte, mib)
	})
	c := NewCaller(connect(t, srv), Config{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if have, err := c.Request(within(t, 20*time.Second), subject, []byte("x")); err != nil || len(have) != mib {
				t.Errorf("request before Close: want 1 MiB, have %d bytes, %v", len(have), err)
			}
		})
	}
	eventually(t, "one runs and two wait", func() bool { st := s.Stats(); return st.Running == 1 && st.Queued == 2 })
	closed := make(chan struct{})
	for range 2 { // Idempotent, also at once.
		wg.Go(func() {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if st := s.Stats(); st.Running+st.Queued+st.Parked != 0 {
				t.Errorf("Close returned before its work was done: %+v", st)
			}
		})
	}
	go func() { wg.Wait(); close(closed) }()
	eventually(t, "draining", s.isDraining)
	if _, err := s.Handle(subject, "", echo); !errors.Is(err, ErrClosed) {
		t.Errorf("handle after close: want ErrClosed, have %v", err)
	}
	close(release)
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("Close hangs")
	}
	if st := s.Stats(); st.DroppedReplies != 0 {
		t.Errorf("want no reply dropped, have %+v", st)
	}
}

// TestCloseCancelsHandlers ends the context of handlers that outlast
// DrainTimeout.
func TestCloseCancelsHandlers(t *testing.T) {
	srv := startNATS(t, -1, 0)
	nc := connect(t, srv)
	s := serve(t, nc, Config{DrainTimeout: 10 * time.Millisecond}, func(ctx context.Context, _ string, _ []byte) []byte {
		<-ctx.Done()
		return nil
	})
	if err := nc.Publish(subject, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it runs", func() bool { return s.Stats().Running == 1 })
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if st := s.Stats(); st.Running != 0 {
		t.Errorf("want no handler running after Close, have %+v", st)
	}
}

// TestSubscriptionEnds takes a subject away and leaves the server running.
func TestSubscriptionEnds(t *testing.T) {
	nc := connect(t, startNATS(t, -1, 0))
	s := serve(t, nc, Config{}, echo)
	for name, end := range map[string]func(*Subscription) error{"unsubscribe": (*Subscription).Unsubscribe, "drain": (*Subscription).Drain} {
		sub, err := s.Handle("other", "", echo)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewCaller(nc, Config{}).Request(within(t, 10*time.Second), "other", nil); err != nil {
			t.Fatalf("before %s: %v", name, err)
		}
		if err := end(sub); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		eventually(t, name, func() bool {
			_, err := NewCaller(nc, Config{}).Request(within(t, 10*time.Second), "other", nil)
			return errors.Is(err, nats.ErrNoResponders)
		})
		eventually(t, "forgotten", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.mu.subs) == 1
		})
	}
}

// TestNoGoroutineLeft compares the goroutines before and after.
func TestNoGoroutineLeft(t *testing.T) {
	nc := connect(t, startNATS(t, -1, 0))
	c := NewCaller(nc, Config{})
	_, _ = c.Request(within(t, time.Second), "nobody", nil) // Starts the reply subscription of nc.
	before := runtime.NumGoroutine()
	s := serve(t, nc, Config{}, echo)
	if _, err := c.Request(within(t, 10*time.Second), subject, make([]byte, 3*mib)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
}

// TestDefaultTimeout bounds a request whose context has no deadline.
func TestDefaultTimeout(t *testing.T) {
	nc := connect(t, startNATS(t, -1, 0))
	if _, err := nc.SubscribeSync(subject); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2 * mib} {
		c := NewCaller(nc, Config{Timeout: 20 * time.Millisecond})
		if _, err := c.Request(context.Background(), subject, make([]byte, n)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d bytes: want context.DeadlineExceeded, have %v", n, err)
		}
	}
	c := NewCaller(nc, Config{ChunkTimeout: 20 * time.Millisecond})
	if _, err := c.Request(within(t, time.Minute), subject, make([]byte, 2*mib)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("chunk timeout: want context.DeadlineExceeded, have %v", err)
	}
}

// TestRequestWithin gives up early on a server that does not begin to answer, and
// not on one whose answer takes longer than that to come whole.
func TestRequestWithin(t *testing.T) {
	nc := connect(t, startNATS(t, -1, 64<<10))
	large := content(1, 32*mib)
	serve(t, nc, Config{DrainTimeout: time.Millisecond}, func(ctx context.Context, _ string, data []byte) []byte {
		if len(data) == 0 {
			<-ctx.Done()
			return nil
		}
		return large
	})
	const short = 100 * time.Millisecond
	caller := NewCaller(nc, Config{Window: 1})
	if _, err := caller.RequestWithin(within(t, time.Minute), short, subject, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("handler that does not answer: want %v, have %v", context.DeadlineExceeded, err)
	}
	began := time.Now()
	have, err := caller.RequestWithin(within(t, time.Minute), time.Second, subject, []byte("large"))
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "large reply", large, have)
	t.Logf("32 MiB came in %v", time.Since(began))
}
