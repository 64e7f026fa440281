package bulk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestSizes sends every interesting size through both directions.
func TestSizes(t *testing.T) {
	for _, limit := range []int{1 * mib, 64 << 10} {
		t.Run(fmt.Sprintf("max_payload=%d", limit), func(t *testing.T) {
			srv := startNATS(t, -1, int32(limit))
			replies := map[int][]byte{}
			size := limit - headroom
			sizes := []int{0, 1, size, size + 1, limit - 1, limit, limit + 1, 2 * size, 2*size + 1, 3*limit + 7}
			for _, n := range sizes {
				replies[n] = content(2, n)
			}
			s := serve(t, connect(t, srv), Config{}, func(_ context.Context, _ string, data []byte) []byte {
				return replies[len(data)]
			})
			c := NewCaller(connect(t, srv), Config{})
			for _, n := range sizes {
				have, err := c.Request(within(t, 10*time.Second), subject, content(1, n))
				if err != nil {
					t.Fatalf("%d bytes: %v", n, err)
				}
				mustEqual(t, fmt.Sprintf("reply to %d bytes", n), replies[n], have)
			}
			if st := s.Stats(); st.HeldBytes != 0 || st.Refused != 0 {
				t.Errorf("after all: want nothing held or refused, have %+v", st)
			}
		})
	}
}

// TestLargest moves 64 MiB both ways and compares every byte.
func TestLargest(t *testing.T) {
	srv := startNATS(t, -1, 0)
	request, reply := content(1, 64*mib), content(2, 64*mib)
	s := serve(t, connect(t, srv), Config{}, func(_ context.Context, _ string, data []byte) []byte {
		if !bytes.Equal(request, data) {
			return []byte("the request has changed on its way")
		}
		return reply
	})
	have, err := NewCaller(connect(t, srv), Config{}).Request(within(t, time.Minute), subject, request)
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "64 MiB", reply, have)
	eventually(t, "memory is free again", func() bool { return s.Stats().HeldBytes == 0 })
}

// TestCost counts the NATS messages of a request, as its caller sees them.
func TestCost(t *testing.T) {
	srv := startNATS(t, -1, 0)
	reply := []byte("ok")
	serve(t, connect(t, srv), Config{}, func(context.Context, string, []byte) []byte { return reply })
	chunkBytes := mib - headroom
	for _, test := range []struct {
		name           string
		request, reply int
		want           uint64
	}{
		{"small", 100, 100, 2},
		{"exactly max_payload", mib, mib, 2},
		{"request of 1 MiB+1", mib + 1, 0, 2 + 2*2},
		{"reply of 1 MiB+1", 0, mib + 1, 2 + 2*1},
		{"request of 64 MiB", 64 * mib, 0, 2 + 2*uint64(chunks(64*mib, chunkBytes))},
		{"reply of 64 MiB", 0, 64 * mib, 2 + 2*uint64(chunks(64*mib, chunkBytes)-1)},
	} {
		nc := connect(t, srv)
		reply = make([]byte, test.reply)
		if _, err := NewCaller(nc, Config{}).Request(within(t, time.Minute), subject, make([]byte, test.request)); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if have := nc.Stats().OutMsgs + nc.Stats().InMsgs; have != test.want {
			t.Errorf("%s: want %d messages, have %d", test.name, test.want, have)
		}
	}
}

// TestQueueGroup lets two servers share a subject: every request is seen whole
// by one of them.
func TestQueueGroup(t *testing.T) {
	srv := startNATS(t, -1, 64<<10)
	var seen [2]atomic.Int64
	for i := range seen {
		nc := connect(t, srv)
		s, err := NewServer(nc, fmt.Sprintf("atoll.test.us.bulk.%d", i), Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		handle(t, nc, s, func(_ context.Context, _ string, data []byte) []byte {
			seen[i].Add(1)
			return data
		})
	}
	c := NewCaller(connect(t, srv), Config{})
	const requests = 40
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() {
			data := content(uint64(i), 300_000+i)
			have, err := c.Request(within(t, 20*time.Second), subject, data)
			if err != nil {
				t.Errorf("request %d: %v", i, err)
				return
			}
			mustEqual(t, "echo", data, have)
		})
	}
	wg.Wait()
	if a, b := seen[0].Load(), seen[1].Load(); a == 0 || b == 0 || a+b != requests {
		t.Errorf("want %d requests on both servers, have %d and %d", requests, a, b)
	}
}

// TestSharedConnection has caller and server on one connection.
func TestSharedConnection(t *testing.T) {
	nc := connect(t, startNATS(t, -1, 0))
	serve(t, nc, Config{}, echo)
	data := content(1, 3*mib)
	have, err := NewCaller(nc, Config{}).Request(within(t, 10*time.Second), subject, data)
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, "echo", data, have)
}

func TestBusy(t *testing.T) {
	srv := startNATS(t, -1, 0)
	release := make(chan struct{})
	s := serve(t, connect(t, srv), Config{Workers: 1, Queue: 1}, func(_ context.Context, _ string, data []byte) []byte {
		<-release
		return data
	})
	c := NewCaller(connect(t, srv), Config{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(release)
	ask := func() {
		wg.Go(func() {
			if _, err := c.Request(within(t, 10*time.Second), subject, []byte("x")); err != nil {
				t.Errorf("request that was taken on: %v", err)
			}
		})
	}
	ask()
	eventually(t, "one runs", func() bool { return s.Stats().Running == 1 })
	ask()
	eventually(t, "one waits", func() bool { return s.Stats().Queued == 1 })
	for _, n := range []int{1, 2 * mib} {
		if _, err := c.Request(within(t, 10*time.Second), subject, make([]byte, n)); !errors.Is(err, ErrBusy) {
			t.Errorf("%d bytes at a busy server: want ErrBusy, have %v", n, err)
		}
	}
	if st := s.Stats(); st.Busy != 2 || st.HeldBytes != 0 {
		t.Errorf("want 2 counted as busy and nothing held, have %+v", st)
	}
}

// TestQueueBytes fills the queue by bytes before it is full by number.
func TestQueueBytes(t *testing.T) {
	srv := startNATS(t, -1, 0)
	release := make(chan struct{})
	s := serve(t, connect(t, srv), Config{Workers: 1, QueueBytes: 1000}, func(context.Context, string, []byte) []byte {
		<-release
		return nil
	})
	defer close(release)
	nc := connect(t, srv)
	for i := range 2 { // The first runs, the second waits.
		if err := nc.Publish(subject, make([]byte, 1500)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "taken on", func() bool { st := s.Stats(); return st.Running == 1 && st.Queued == i })
	}
	if _, err := NewCaller(nc, Config{}).Request(within(t, 10*time.Second), subject, []byte("x")); !errors.Is(err, ErrBusy) {
		t.Errorf("want ErrBusy, have %v", err)
	}
}

// TestSlowHandler holds one handler and expects the next one to run.
func TestSlowHandler(t *testing.T) {
	srv := startNATS(t, -1, 0)
	release := make(chan struct{})
	s := serve(t, connect(t, srv), Config{Workers: 2}, func(_ context.Context, _ string, data []byte) []byte {
		if string(data) == "slow" {
			<-release
		}
		return data
	})
	defer close(release)
	nc := connect(t, srv)
	if err := nc.Publish(subject, []byte("slow")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "slow one runs", func() bool { return s.Stats().Running == 1 })
	for _, n := range []int{1, 2 * mib} {
		if _, err := NewCaller(nc, Config{}).Request(within(t, 10*time.Second), subject, make([]byte, n)); err != nil {
			t.Errorf("%d bytes beside a slow handler: %v", n, err)
		}
	}
}

func TestNoResponders(t *testing.T) {
	c := NewCaller(connect(t, startNATS(t, -1, 0)), Config{})
	for _, n := range []int{1, 2 * mib} {
		if _, err := c.Request(within(t, 10*time.Second), subject, make([]byte, n)); !errors.Is(err, nats.ErrNoResponders) {
			t.Errorf("%d bytes to nobody: want nats.ErrNoResponders, have %v", n, err)
		}
	}
}

func TestTooLarge(t *testing.T) {
	srv := startNATS(t, -1, 0)
	s := serve(t, connect(t, srv), Config{MaxMessage: 2 * mib}, func(context.Context, string, []byte) []byte {
		return make([]byte, 3*mib)
	})
	nc := connect(t, srv)
	for _, test := range []struct {
		name string
		cfg  Config
		size int
	}{
		{"request over the caller's limit", Config{MaxMessage: 100}, 101},
		{"request over the server's limit", Config{}, 2*mib + 1},
		{"reply over the server's limit", Config{}, 1},
	} {
		_, err := NewCaller(nc, test.cfg).Request(within(t, 10*time.Second), subject, make([]byte, test.size))
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: want ErrTooLarge, have %v", test.name, err)
		}
	}
	if st := s.Stats(); st.TooLarge != 2 || st.HeldBytes != 0 {
		t.Errorf("want 2 counted as too large and nothing held, have %+v", st)
	}
}

// TestReplyOverCallersLimit refuses a parked reply and frees it at the server.
func TestReplyOverCallersLimit(t *testing.T) {
	srv := startNATS(t, -1, 0)
	s := serve(t, connect(t, srv), Config{}, func(context.Context, string, []byte) []byte { return make([]byte, 3*mib) })
	_, err := NewCaller(connect(t, srv), Config{MaxMessage: 2 * mib}).Request(within(t, 10*time.Second), subject, nil)
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("want ErrTooLarge, have %v", err)
	}
	eventually(t, "the reply is freed", func() bool { return s.Stats().HeldBytes == 0 })
}

// TestNoRoomToPark loses a reply that does not fit into MaxHeld, and says so.
func TestNoRoomToPark(t *testing.T) {
	srv := startNATS(t, -1, 0)
	s := serve(t, connect(t, srv), Config{MaxMessage: 2 * mib, MaxHeld: 3 * mib, DrainTimeout: time.Millisecond}, func(context.Context, string, []byte) []byte {
		return make([]byte, 2*mib)
	})
	nc := connect(t, srv)
	// A request without a Caller gets the notice and never pulls.
	if _, err := nc.RequestWithContext(within(t, 10*time.Second), subject, nil); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Parked != 1 {
		t.Fatalf("want 1 parked, have %+v", st)
	}
	if _, err := NewCaller(nc, Config{}).Request(within(t, 10*time.Second), subject, nil); !errors.Is(err, ErrExpired) {
		t.Errorf("want ErrExpired, have %v", err)
	}
	if st := s.Stats(); st.DroppedReplies != 1 {
		t.Errorf("want 1 dropped, have %+v", st)
	}
}

func TestBadConfig(t *testing.T) {
	nc := connect(t, startNATS(t, -1, 0))
	for _, cfg := range []Config{
		{MaxMessage: -1}, {Window: -1}, {Window: maxWindow + 1}, {MaxHeld: 1}, {MaxMessage: 512 * mib},
		{HoldFor: -1}, {Workers: -1}, {Queue: -1}, {QueueBytes: -1}, {Timeout: -1}, {ChunkTimeout: -1}, {DrainTimeout: -1},
	} {
		if cfg.Validate() == nil {
			t.Errorf("%+v: want an error", cfg)
		}
		if _, err := NewServer(nc, direct, cfg); err == nil {
			t.Errorf("server with %+v: want an error", cfg)
		}
		if _, err := NewCaller(nc, cfg).Request(context.Background(), subject, nil); err == nil {
			t.Errorf("caller with %+v: want an error", cfg)
		}
	}
	for _, bad := range []string{"", "a..b", "a.*", "a.>", "a b", ".", "a."} {
		if _, err := NewServer(nc, bad, Config{}); err == nil {
			t.Errorf("direct subject %q: want an error", bad)
		}
	}
}
