package sync_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// TestAlone: nothing is queued where nobody has answered the first announcement. Whoever
// comes later gets what was written meanwhile by a pull, and from then on what is written.
func TestAlone(t *testing.T) {
	cfg := cachesync.Config{AnnounceAfter: 10 * ms, AnnounceEvery: 100 * ms, PullAfter: ms}
	a, b := newHolder(t, 1, "eu", cfg), newHolder(t, 2, "us", cfg)
	queued := func(what string, want bool) {
		t.Helper()
		if have := a.HasQueued(); have != want {
			t.Errorf("%s: want something queued %t, have %t", what, want, have)
		}
		for a.Next() != nil {
		}
	}
	a.incr(at(0), "k")
	queued("before anything has been announced", true)
	if a.Heads(at(100)) == nil {
		t.Fatal("want an announcement")
	}
	a.incr(at(110), "k")
	queued("before anybody can have answered", true)
	for now := int64(200); now < 210; now++ {
		a.incr(at(now), "k")
		queued("where nobody has answered", false)
	}
	if n := a.Stats().Unheard; n != 10 {
		t.Errorf("want 10 writes counted that nobody heard, have %d", n)
	}
	a.Receive(at(220), b.heads("us", at(220)))
	a.incr(at(221), "k")
	queued("where somebody has come", true)
	for now := int64(230); !b.Vector().Equal(a.Vector()) && now < 300; now++ {
		if m, to := b.Tick(at(now)); m != nil {
			if to != a.id {
				t.Fatalf("want %v asked, have %v", a.id, to)
			}
			b.Receive(at(now), a.Receive(at(now), m))
		}
		if m := a.Heads(at(now)); m != nil {
			b.Receive(at(now), m)
		}
	}
	a.wantSame(b, at(300))
}

// TestLargeWriteIsNotKept: once its key is gone nothing keeps a large value but the log, which
// has the newest write in any case, and nothing at all that of a command that was refused.
func TestLargeWriteIsNotKept(t *testing.T) {
	const size = 32 << 20
	h := newHolder(t, 1, "eu", cachesync.Config{AnnounceAfter: 10 * ms})
	h.Heads(at(0))
	h.write(at(1000), "k", set("v"))
	used := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before, refused := used(), errors.New("refused")
	for _, err := range []error{refused, nil} {
		_, have := h.Write(at(1001), "k", 0, func(m *crdt.Mutator) error {
			m.Set(strings.Repeat("x", size), crdt.Never)
			return err
		})
		if have != err {
			t.Fatalf("want %v, have %v", err, have)
		}
		want := size / 2
		if err == nil && !h.part.Evict("k", at(1002).UnixMilli()) {
			t.Fatal("want the key evicted")
		} else if err == nil {
			want += h.Stats().LogBytes
		}
		if more := used() - before; more > want {
			t.Errorf("a value of %d bytes, %v: want at most %d bytes kept, have %d", size, err, want, more)
		}
	}
}

// TestWriteCost: what nobody hears is written without anything taken from memory, and what
// somebody hears takes the write itself.
func TestWriteCost(t *testing.T) {
	for _, test := range []struct {
		name string
		peer bool
		most float64
	}{{"alone", false, 0}, {"with a peer", true, 1}} {
		cfg := cachesync.Config{AnnounceEvery: time.Second, LogBytes: 64 << 10}
		a := newHolder(t, 1, "eu", cfg)
		a.Heads(at(1))
		if test.peer {
			a.Receive(at(1), newHolder(t, 2, "us", cfg).heads("us", at(1)))
		}
		set := func(m *crdt.Mutator) error {
			m.Set("value", crdt.Never)
			return nil
		}
		now, n, keys := at(3000), 0, [2]string{"one", "two"}
		write := func() {
			n++ // Writes to one key in a row travel as one, which takes more here.
			if _, err := a.Write(now, keys[n%2], 0, set); err != nil {
				t.Fatal(err)
			}
			if test.peer && a.Stats().QueueBytes > 1<<16 {
				a.Next()
			}
		}
		for range 2000 {
			write()
		}
		if have := testing.AllocsPerRun(2000, write); have > test.most {
			t.Errorf("%s: want %v allocations for each SET, have %v", test.name, test.most, have)
		}
	}
}
