package command

import (
	"context"
	"sync"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

func dot(r crdt.ReplicaID, n uint64) crdt.Dot { return crdt.Dot{Replica: r, N: n} }

// after returns what the commands asked for since the last call carry.
func (s *script) after() map[string]crdt.Dot {
	out := map[string]crdt.Dot{}
	for _, c := range s.asked {
		out[c.Args[0]+" "+c.Key()] = c.After
	}
	s.asked = nil
	return out
}

func TestSessionCarriesWrites(t *testing.T) {
	next := dot(1, 0)
	s := &script{reply: func(c wire.Command) wire.Reply {
		spec, _ := Lookup(c.Args[0])
		if !spec.Write {
			return wire.List(make([]wire.Reply, len(c.Args)-1)...)
		}
		next.N++
		return wire.Reply{Type: wire.TypeInt, Wrote: next}
	}}
	a := New(s)
	ctx := WithSession(context.Background())
	check := func(what string, want map[string]crdt.Dot) {
		t.Helper()
		have := s.after()
		for c, d := range want {
			if have[c] != d {
				t.Errorf("%s: %s: want after %v, have %v", what, c, d, have[c])
			}
		}
		if len(have) != len(want) {
			t.Errorf("%s: want %v, have %v", what, want, have)
		}
	}
	a.Do(ctx, cmd("SADD {a}1 m"), cmd("SADD b m"))
	check("first writes", map[string]crdt.Dot{"SADD {a}1": {}, "SADD b": {}})
	a.Do(ctx, cmd("GET {a}1"), cmd("GET {a}2"), cmd("GET b"), cmd("GET c"), cmd("SCAN 0"), cmd("PING b"))
	check("reads", map[string]crdt.Dot{"GET {a}1": dot(1, 1), "GET {a}2": dot(1, 1), "GET b": dot(1, 2), "GET c": {}, "SCAN 0": {}, "PING b": {}})
	a.Do(ctx, cmd("MGET {a}1 b c {a}2"))
	check("several keys", map[string]crdt.Dot{"MGET {a}1": dot(1, 1), "MGET b": dot(1, 2), "MGET c": {}})
	a.Do(ctx, cmd("DEL b c"))
	check("writes of several keys", map[string]crdt.Dot{"DEL b": dot(1, 2), "DEL c": {}})
	a.Do(ctx, cmd("GET b"), cmd("GET c"), wire.Command{Args: []string{"GET", "{a}1"}, After: dot(9, 9)})
	check("after it", map[string]crdt.Dot{"GET b": dot(1, 3), "GET c": dot(1, 4), "GET {a}1": dot(9, 9)})
	a.Do(ctx, cmd("SINTER {a}1 {a}2"))
	check("keys of one slot", map[string]crdt.Dot{".GATHER {a}1": dot(1, 1)})
	a.Do(ctx, cmd("SINTER {a}1 b"))
	check("keys of several slots", map[string]crdt.Dot{"SMEMBERS {a}1": dot(1, 1), "SMEMBERS b": dot(1, 3)})
	a.Do(WithSession(ctx), cmd("GET b"))
	a.Do(context.Background(), cmd("GET c"))
	check("another session and none", map[string]crdt.Dot{"GET b": {}, "GET c": {}})
}

func TestSessionJoins(t *testing.T) {
	s := &script{reply: func(c wire.Command) wire.Reply {
		if c.Args[0] == "MGET" {
			return wire.Strings(c.Args[1:])
		}
		return wire.Int(int64(len(c.Args) - 1))
	}}
	ctx := WithSession(context.Background())
	rs := New(s).Do(ctx, cmd("DEL a b c"), cmd("MGET c {a}1 b {a}2"), cmd("DEL x"))
	if rs[0].Int != 3 || rs[2].Int != 1 || len(rs) != 3 || s.calls != 1 {
		t.Errorf("DEL, MGET, DEL: have %+v in %d calls", rs, s.calls)
	}
	for i, want := range []string{"c", "{a}1", "b", "{a}2"} {
		if rs[1].List[i].Text != want {
			t.Errorf("MGET, value %d: want %q, have %q", i, want, rs[1].List[i].Text)
		}
	}
}

// Of two writes of one replica the later counts, whichever reply came last.
func TestSessionKeepsTheLater(t *testing.T) {
	s := &session{wrote: map[region.Slot]crdt.Dot{}}
	for _, test := range []struct{ wrote, want crdt.Dot }{
		{dot(1, 5), dot(1, 5)}, {dot(1, 4), dot(1, 5)}, {crdt.Dot{}, dot(1, 5)}, {dot(1, 6), dot(1, 6)}, {dot(2, 1), dot(2, 1)},
	} {
		s.note([]region.Slot{3}, []wire.Reply{{Wrote: test.wrote}})
		if have := s.wrote[3]; have != test.want {
			t.Errorf("%v: want %v, have %v", test.wrote, test.want, have)
		}
	}
}

// counter is a Doer for many goroutines.
type counter struct {
	mu sync.Mutex
	n  uint64
}

func (c *counter) Do(_ context.Context, cmds ...wire.Command) []wire.Reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	replies := make([]wire.Reply, len(cmds))
	for i := range cmds {
		c.n++
		replies[i] = wire.Reply{Type: wire.TypeInt, Wrote: dot(1, c.n)}
	}
	return replies
}

func TestSessionOfManyGoroutines(t *testing.T) {
	d := &counter{}
	a := New(d)
	ctx := WithSession(context.Background())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if _, err := a.Incr(ctx, "k", 1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if have := sessionOf(ctx).wrote[region.SlotOf("k")]; have != dot(1, 1600) {
		t.Errorf("after 1600 writes: want %v, have %v", dot(1, 1600), have)
	}
}
