package bulk

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
)

// silentServer takes every upload on and acknowledges chunks only when told to.
type silentServer struct {
	nc      *nats.Conn
	arrived atomic.Int64
	replies chan *nats.Msg // acknowledgements that are due
}

func newSilentServer(t *testing.T, nc *nats.Conn) *silentServer {
	t.Helper()
	s := &silentServer{nc: nc, replies: make(chan *nats.Msg, 1000)}
	take := func(msg *nats.Msg) {
		f, _, err := parseFrame(msg.Header)
		switch {
		case err != nil:
			t.Errorf("frame: %v", err)
		case f.verb == announce:
			_ = nc.PublishMsg(frame{verb: accept, id: f.id, size: minChunk, direct: direct}.message(msg.Reply, nil))
		case f.verb == chunk:
			s.arrived.Add(1)
			s.replies <- frame{verb: ack, id: f.id, index: f.index}.message(msg.Reply, nil)
		}
	}
	for _, to := range []string{subject, direct} {
		if _, err := nc.Subscribe(to, take); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return s
}

func (c *credit) inLine() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.mu.line)
}

// However many transfers run, no more than WindowBytes are in flight, and each
// chunk that lands lets one more go.
func TestWindowBytes(t *testing.T) {
	const transfers, window, allowed = 4, 8, 3
	srv := startNATS(t, -1, 4096)
	s := newSilentServer(t, connect(t, srv))
	c := NewCaller(connect(t, srv), Config{Window: window, WindowBytes: allowed*minChunk + minChunk/2})
	ctx, cancel := context.WithCancel(within(t, 20*time.Second))
	done := make(chan error, transfers)
	for range transfers {
		go func() {
			_, err := c.Request(ctx, subject, content(1, 40*minChunk))
			done <- err
		}()
	}
	// creditTime goes on, so less than that may pass until all has been seen.
	for landed := range 20 {
		eventually(t, fmt.Sprintf("the next chunk after %d have landed", landed), func() bool {
			return s.arrived.Load() >= int64(landed+allowed) && c.credit.inLine() == transfers*window-allowed
		})
		if have := s.arrived.Load(); have != int64(landed+allowed) {
			t.Fatalf("%d chunks have landed: want %d sent, have %d", landed, landed+allowed, have)
		}
		if err := s.nc.PublishMsg(<-s.replies); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	for range transfers {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: want context.Canceled, have %v", err)
		}
	}
	c.credit.mu.Lock()
	defer c.credit.mu.Unlock()
	if c.credit.mu.taken != 0 || len(c.credit.mu.line) != 0 {
		t.Errorf("after all: want nothing in flight and nobody in line, have %d bytes and %d", c.credit.mu.taken, len(c.credit.mu.line))
	}
}

// A chunk larger than WindowBytes goes alone.
func TestChunkLargerThanWindowBytes(t *testing.T) {
	srv := startNATS(t, -1, 0)
	serve(t, connect(t, srv), Config{}, echo)
	want := content(1, 5*mib)
	have, err := NewCaller(connect(t, srv), Config{WindowBytes: 1}).Request(within(t, 20*time.Second), subject, want)
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "echo of 5 MiB", want, have)
}

// What has no answer holds the others up for creditTime, not for ever.
func TestCreditComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCredit(Config{WindowBytes: 10, WindowRegain: time.Minute})
		giveBack, err := c.take(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		short, cancel := context.WithTimeout(t.Context(), creditTime/2)
		defer cancel()
		if _, err := c.take(short, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("nothing left: want DeadlineExceeded, have %v", err)
		}
		other, err := c.take(t.Context(), 10)
		if err != nil || time.Since(began) != creditTime {
			t.Fatalf("want credit after %v, have it after %v, %v", creditTime, time.Since(began), err)
		}
		giveBack(true) // It came back already.
		giveBack(true)
		if c.mu.taken != 10 {
			t.Errorf("the other one has 10 bytes in flight: want 10 taken, have %d", c.mu.taken)
		}
		other(true)
		if c.mu.taken != 0 {
			t.Errorf("all given back: want 0 taken, have %d", c.mu.taken)
		}
	})
}

// Who is first in line goes first, and who leaves lets the next one go.
func TestCreditInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCredit(Config{WindowBytes: 10, WindowRegain: time.Minute})
		giveBack, err := c.take(t.Context(), 6)
		if err != nil {
			t.Fatal(err)
		}
		large, leave := context.WithCancel(t.Context())
		var left, got atomic.Bool
		go func() {
			_, err := c.take(large, 8)
			left.Store(err != nil)
		}()
		synctest.Wait()
		go func() {
			giveBack, err := c.take(t.Context(), 4)
			if err == nil {
				got.Store(true)
				giveBack(true)
			}
		}()
		synctest.Wait()
		if got.Load() {
			t.Error("4 bytes of 10 after 6 and 8: want them to wait for the 8, have them")
		}
		leave()
		synctest.Wait()
		if !left.Load() || !got.Load() {
			t.Errorf("the 8 have left: want the 4 to go, have left %v, got %v", left.Load(), got.Load())
		}
		giveBack(true)
	})
}
