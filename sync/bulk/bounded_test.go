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

// heard records the largest message that comes on the inboxes of a connection.
func heard(t *testing.T, nc *nats.Conn) *atomic.Int64 {
	t.Helper()
	largest := new(atomic.Int64)
	if _, err := nc.Subscribe("_INBOX.>", func(msg *nats.Msg) {
		largest.Store(max(largest.Load(), int64(len(msg.Data))))
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return largest
}

// However large a reply is, no more of it comes at once than the share of the
// window that was said with the request.
func TestBoundedReply(t *testing.T) {
	srv := startNATS(t, -1, 0)
	s := serve(t, connect(t, srv), Config{}, echo)
	tap := connect(t, srv)
	const window, share = 96 * 4096, 2 * 4096
	c := NewCaller(connect(t, srv), Config{WindowBytes: window, WindowRegain: time.Hour})
	if _, err := c.RequestBounded(within(t, 20*time.Second), subject, content(1, 500_000)); err != nil || s.Stats().LargeReplies != 0 {
		t.Fatalf("nothing was lost: want a reply that fits into a message to come as one, have %+v, %v", s.Stats(), err)
	}
	giveBack, err := c.credit.take(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	c.Lost()
	giveBack(false)
	for name, request := range map[string]func(data []byte) ([]byte, error){
		"bounded": func(data []byte) ([]byte, error) {
			return c.RequestBounded(within(t, 20*time.Second), subject, data)
		},
		"within": func(data []byte) ([]byte, error) {
			return c.RequestWithin(within(t, 20*time.Second), 0, subject, data)
		},
	} {
		largest := heard(t, tap)
		for _, n := range []int{0, 2000, share + 4096, 100_000, 3 * mib} {
			before := s.Stats().LargeReplies
			want := content(1, n)
			have, err := request(want)
			if err != nil {
				t.Fatalf("%s, %d bytes: %v", name, n, err)
			}
			mustEqual(t, fmt.Sprintf("%s, %d bytes", name, n), want, have)
			if parked := s.Stats().LargeReplies - before; (n > share) != (parked == 1) {
				t.Errorf("%s, %d bytes: want it parked if above %d, have %d parked", name, n, share, parked)
			}
		}
		if err := tap.Flush(); err != nil {
			t.Fatal(err)
		}
		if have := largest.Load(); have == 0 || have > share+200 {
			t.Errorf("%s: want messages of at most %d bytes, have one of %d", name, share, have)
		}
	}
	if st := c.Stats(); st.UnderWay != 0 || st.Window < window/2 || st.Narrowed != 1 {
		t.Errorf("after all: want a window of %d or more and nothing under way, have %+v", window/2, st)
	}
}

// RequestWithin asks for no more than the window has room for, and its time does
// not begin before.
func TestRequestWithinWaitsForRoom(t *testing.T) {
	srv := startNATS(t, -1, 0)
	gate := make(chan struct{})
	s := serve(t, connect(t, srv), Config{}, func(ctx context.Context, _ string, data []byte) []byte {
		select {
		case <-gate:
		case <-ctx.Done():
		}
		return data
	})
	const more = 10
	c := NewCaller(connect(t, srv), Config{WindowBytes: shares * minChunk})
	done := make(chan error, shares+more)
	for i := range shares + more {
		go func() {
			_, err := c.RequestWithin(within(t, 20*time.Second), 10*time.Second, subject, []byte{byte(i)})
			done <- err
		}()
	}
	eventually(t, "all to be asked for or in line", func() bool { return s.Stats().Running == shares && c.credit.inLine() == more })
	if st := c.Stats(); st.UnderWay != shares*minChunk || st.Waited != more {
		t.Errorf("want %d bytes under way and %d waiting, have %+v", shares*minChunk, more, st)
	}
	if have := s.Stats().Requests; have != shares {
		t.Errorf("want %d requests to have come, have %d", shares, have)
	}
	close(gate)
	for range shares + more {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A header that makes no sense is refused, and a very small room is that of the
// smallest chunk.
func TestHostileRoom(t *testing.T) {
	srv := startNATS(t, -1, 0)
	nc := connect(t, srv)
	s := serve(t, nc, Config{DrainTimeout: time.Millisecond}, echo)
	ask := func(rooms ...string) *nats.Msg {
		t.Helper()
		msg, err := nc.RequestMsg(&nats.Msg{Subject: subject, Data: content(1, 5000), Header: nats.Header{RoomHeader: rooms}}, 5*time.Second)
		if err != nil {
			t.Fatalf("room %q: %v", rooms, err)
		}
		return msg
	}
	for _, rooms := range [][]string{{""}, {"-1"}, {"1e9"}, {"99999999999999999999"}, {"4096", "4096"}} {
		f, _, err := parseFrame(ask(rooms...).Header)
		if err != nil || f.verb != refusal || f.code != "protocol" {
			t.Errorf("room %q: want a protocol error, have %+v, %v", rooms, f, err)
		}
	}
	for room, size := range map[string]int{"0": minChunk, "1": minChunk, "2000": 2000} {
		msg := ask(room)
		f, _, err := parseFrame(msg.Header)
		if err != nil || f.verb != parked || f.size != size || len(msg.Data) != size {
			t.Errorf("room %s: want the reply parked in chunks of %d, have %+v and %d bytes, %v", room, size, f, len(msg.Data), err)
		}
	}
	if n := s.Stats().Requests; n != 3 {
		t.Errorf("want 3 requests handled, have %d", n)
	}
}

// The window falls to half when the connection is lost with something in flight,
// never below its least, and grows back as time goes by.
func TestWindowFallsAndGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 8 * leastWindow
		c := NewCaller(nil, Config{WindowBytes: most, WindowRegain: time.Minute})
		want := func(when string, window int, narrowed uint64) {
			t.Helper()
			if st := c.Stats(); st.Window != window || st.Narrowed != narrowed {
				t.Errorf("%s: want a window of %d that fell %d times, have %+v", when, window, narrowed, st)
			}
		}
		c.Lost()
		want("nothing was in flight", most, 0)
		giveBack, err := c.credit.take(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, window := range []int{most / 2, most / 4, most / 8, most / 8} {
			c.Lost()
			want(fmt.Sprintf("lost %d times", i+1), window, uint64(i+1))
		}
		if have, narrow := c.credit.share(); have != leastWindow/shares || !narrow {
			t.Errorf("share: want %d, have %d", leastWindow/shares, have)
		}
		giveBack(false)
		for _, part := range []int{2, 3, 8} {
			time.Sleep(time.Duration(part)*time.Minute/8 - time.Since(c.credit.mu.since))
			want(fmt.Sprintf("%d eighths of a minute later", part), min(most/8*(part+1), most), 4)
		}
		time.Sleep(time.Hour)
		want("much later", most, 4)
	})
}

// A server with a small max_payload keeps little for a connection, too.
func TestWindowFitsTheServer(t *testing.T) {
	srv := startNATS(t, -1, 4096)
	serve(t, connect(t, srv), Config{}, echo)
	c := NewCaller(connect(t, srv), Config{})
	if have := c.Stats().Window; have != 8*mib {
		t.Errorf("not asked yet: want 8 MiB, have %d", have)
	}
	if _, err := c.Request(within(t, 10*time.Second), subject, nil); err != nil {
		t.Fatal(err)
	}
	if have := c.Stats().Window; have != payloads*4096 {
		t.Errorf("max_payload 4096: want a window of %d, have %d", payloads*4096, have)
	}
}

// When the window has fallen below what stands in line, that goes alone.
func TestClaimLargerThanTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCredit(Config{WindowBytes: 4 * leastWindow, WindowRegain: time.Hour})
		giveBack, err := c.take(t.Context(), leastWindow)
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan func(bool), 1)
		go func() {
			giveBack, err := c.take(t.Context(), 4*leastWindow)
			if err != nil {
				t.Error(err)
			}
			got <- giveBack
		}()
		synctest.Wait()
		c.lost()
		c.lost()
		giveBack(false)
		(<-got)(true)
		if st := c.stats(); st.UnderWay != 0 || st.Waited != 1 {
			t.Errorf("want nothing under way and one that waited, have %+v", st)
		}
	})
}

// While anything lands, what has not landed is still taken to be coming: on a slow
// path it may stand behind the rest.
func TestCreditStaysWhileOthersLand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCredit(Config{WindowBytes: 10, WindowRegain: time.Minute})
		if _, err := c.take(t.Context(), 6); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			giveBack, err := c.take(t.Context(), 4)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(creditTime / 2)
			giveBack(true)
		}
		short, cancel := context.WithTimeout(t.Context(), creditTime/2)
		defer cancel()
		if _, err := c.take(short, 5); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("6 of 10 are still coming: want DeadlineExceeded, have %v", err)
		}
		began := time.Now()
		if _, err := c.take(t.Context(), 5); err != nil || time.Since(began) != creditTime/2 {
			t.Errorf("nothing lands: want credit after %v, have it after %v, %v", creditTime/2, time.Since(began), err)
		}
	})
}
