package node_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// cmd returns a command.
func cmd(args ...string) wire.Command { return wire.Command{Args: args} }

// do runs one command through a node's embedded API.
func do(m *member, c wire.Command) wire.Reply { return m.Do(context.Background(), c)[0] }

// show returns a reply in short.
func show(r wire.Reply) string {
	switch r.Type {
	case wire.TypeError:
		return "error: " + r.Err.Text
	case wire.TypeInt:
		return fmt.Sprint(r.Int)
	case wire.TypeFloat:
		return fmt.Sprint(r.Float)
	case wire.TypeNil:
		return "nil"
	case wire.TypeList:
		var out []string
		for _, x := range r.List {
			out = append(out, show(x))
		}
		return "[" + strings.Join(out, " ") + "]"
	}
	return r.Text
}

// TestEveryCommandHasAnImplementation, so that none that the table lets through
// finds nothing.
func TestEveryCommandHasAnImplementation(t *testing.T) {
	t.Parallel()
	for _, s := range command.All() {
		if command.OnKeys(s.Name) == node.IsClusterCommand(s.Name) {
			t.Errorf("%s: want it run either on a key or on the cluster", s.Name)
		}
	}
}

// TestCommandsThroughOtherNodes runs commands on keys of every partition through
// a node that holds few of them.
func TestCommandsThroughOtherNodes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(cfg *node.Config) { cfg.Copies = 1 })
	c.startAll(3, "us")
	for name, m := range c.nodes {
		for i := range 24 {
			k := fmt.Sprint(name, i)
			for _, step := range []struct{ cmd, want string }{
				{"SET k 5", "OK"}, {"INCRBY k 2", "7"}, {"INCRBYFLOAT k 0.5", "7.5"}, {"GET k", "7.5"}, {"EXISTS k", "1"},
				{"SET k 1 NX", "nil"}, {"SET k 1 XX", "OK"}, {"TYPE k", "string"}, {"PEXPIRE k 100000", "1"}, {"PERSIST k", "1"},
				{"PTTL k", "-1"}, {"PEXPIRETIME k", "-1"}, {"PEXPIREAT k 32503680000000", "1"}, {"PEXPIRETIME k", "32503680000000"},
				{"HSET k f v", "error: " + command.ErrWrongType.Text}, {"DEL k", "1"}, {"GET k", "nil"}, {"DEL k", "0"},
				{"HSET k a 1 b 2", "2"}, {"HGET k a", "1"}, {"HMGET k a x", "[1 nil]"}, {"HGETALL k", "[a 1 b 2]"}, {"HINCRBY k a 3", "4"},
				{"HINCRBYFLOAT k b 0.5", "2.5"}, {"HEXISTS k b", "1"}, {"HLEN k", "2"}, {"HDEL k a b", "2"}, {"TYPE k", "none"},
				{"SADD k x y", "2"}, {"SISMEMBER k x", "1"}, {"SMEMBERS k", "[x y]"}, {"SREM k x", "1"}, {"SCARD k", "1"}, {"DEL k", "1"},
				{"ZADD k 1 x 2 y", "2"}, {"ZINCRBY k 5 x", "6"}, {"ZSCORE k x", "6"}, {"ZRANGE k 0 -1", "[y x]"}, {"ZREM k y", "1"}, {"ZCARD k", "1"},
			} {
				args := strings.Split(step.cmd, " ")
				args[1] = k
				if have := show(do(m, cmd(args...))); have != step.want {
					t.Fatalf("%s through %s: want %s, have %s", step.cmd, name, step.want, have)
				}
			}
		}
	}
	keys := keysOf(40)
	pairs := make([]command.Pair, len(keys))
	for i, k := range keys {
		pairs[i] = command.Pair{Key: k, Value: k}
	}
	us := c.nodes["us-2"]
	if err := us.MSet(t.Context(), pairs...); err != nil {
		t.Fatal(err)
	}
	// us-3 may still have a copy of what it held while the others joined, and answers from
	// that: it may be a moment behind.
	c.until("all is read through us-3", func() error {
		values, err := c.nodes["us-3"].MGet(t.Context(), keys...)
		for i, v := range values {
			if err == nil && (!v.OK || v.Text != keys[i]) {
				err = fmt.Errorf("%s is %q (%t)", keys[i], v.Text, v.OK)
			}
		}
		return err
	})
	if n, err := us.Del(t.Context(), keys...); n != len(keys) || err != nil {
		t.Errorf("DEL of %d keys: have %d, %v", len(keys), n, err)
	}
}

// ownedBy returns a key whose owner is the given node.
func ownedBy(t testing.TB, m *member, owner string) string {
	t.Helper()
	for _, k := range keysOf(200) {
		ring, err := m.Ring(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		if ring.Key.Owner == owner {
			return k
		}
	}
	t.Fatalf("%s owns nothing", owner)
	return ""
}

// TestBatchKeepsOrder of the commands on each key, those that this node runs and
// those that it passes on alike, and passes on more than fits into one message.
func TestBatchKeepsOrder(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us")
	us := c.nodes["us-1"]
	keys := keysOf(10)
	var cmds []wire.Command
	for i := range wire.MaxCommands/5 + 10 {
		for _, k := range keys {
			cmds = append(cmds, cmd("SET", k, fmt.Sprint(i)))
			if i%1000 == 0 {
				cmds = append(cmds, cmd("MGET", keys[0], k), cmd("GET", k))
			}
		}
	}
	replies := us.Do(t.Context(), cmds...)
	last := map[string]string{}
	for i, x := range cmds {
		want := "OK"
		switch x.Args[0] {
		case "SET":
			last[x.Args[1]] = x.Args[2]
		case "GET":
			want = last[x.Args[1]]
		case "MGET":
			want = fmt.Sprintf("[%s %s]", last[x.Args[1]], last[x.Args[2]])
		}
		if have := show(replies[i]); have != want {
			t.Fatalf("command %d, %v: want %s, have %s", i, x.Args, want, have)
		}
	}
	counters := counters(t, us)
	if n := counters["us-2"]["written"]; n == 0 || counters["us-1"]["written"]+n != int64(10*(wire.MaxCommands/5+10)) {
		t.Errorf("want each SET run once, at the owner of its key; have %v at us-1 and %v at us-2", counters["us-1"]["written"], n)
	}
}

// TestBatchOfMany passes on more commands than one message may hold, and all are
// run by the owner.
func TestBatchOfMany(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us")
	us := c.nodes["us-1"]
	key := ownedBy(t, us, "us-2")
	cmds := make([]wire.Command, 2*wire.MaxCommands+1)
	for i := range cmds {
		cmds[i] = cmd("INCRBY", key, "1")
	}
	for i, r := range us.Do(t.Context(), cmds...) {
		if show(r) != fmt.Sprint(i+1) {
			t.Fatalf("INCRBY %d: have %s", i, show(r))
		}
	}
	if n := counters(t, us); n["us-1"]["written"] != 0 || n["us-2"]["written"] != int64(len(cmds)) {
		t.Errorf("want all written at us-2, have %d at us-1 and %d at us-2", n["us-1"]["written"], n["us-2"]["written"])
	}
}

// counters returns the counters of all nodes by name.
func counters(t testing.TB, m *member) map[string]map[string]int64 {
	t.Helper()
	nodes, err := m.Nodes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]int64{}
	for _, n := range nodes {
		if n.Unanswered {
			t.Fatalf("%s does not answer", n.Name)
		}
		out[n.Name] = n.Counters
	}
	return out
}

// TestRequestRunsOnce: a command that is sent again with its request ID, to
// another node which has received what it wrote, is not run again.
func TestRequestRunsOnce(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us")
	us := c.nodes["us-1"]
	key := ownedBy(t, us, "us-1")
	for _, step := range []struct{ cmd, want string }{
		{"INCRBY k 2", "2"}, {"INCRBYFLOAT k 0.5", "2.5"}, {"DEL k", "1"}, {"SET k v NX", "OK"}, {"SET k w XX", "OK"}, {"DEL k", "1"},
		{"HINCRBY k f 3", "3"}, {"HINCRBYFLOAT k f 0.5", "3.5"}, {"DEL k", "1"}, {"ZINCRBY k 4 m", "4"}, {"DEL k", "1"},
	} {
		x := cmd(strings.Split(step.cmd, " ")...)
		x.Args[1], x.Request = key, uint64(len(step.cmd))<<32|uint64(time.Now().UnixNano())&0xffffffff
		if have := show(do(us, x)); have != step.want {
			t.Fatalf("%s: want %s, have %s", step.cmd, step.want, have)
		}
		if x.Args[0] == "DEL" {
			continue // It may run twice.
		}
		// At the owner, and at the other one as if the owner were gone.
		c.untilEqual(us)
		for _, n := range []string{"us-1", "us-2"} {
			if have := show(c.nodes[n].Addressed().Do(t.Context(), x)[0]); have != step.want {
				t.Errorf("%s again at %s: want %s, have %s", step.cmd, n, step.want, have)
			}
		}
	}
}

// TestRequestIDOfAnyCommand: one on a command that does not need it does no harm,
// also when it comes twice.
func TestRequestIDOfAnyCommand(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us")
	us := c.nodes["us-1"]
	for i, args := range []string{"SET k v", "DEL k {k}2 {k}3", "HSET k f v", "HDEL k f", "SADD k m", "SREM k m", "ZADD k 1 m", "ZREM k m",
		"PEXPIRE k 100000", "PERSIST k", "MSET k v {k}2 w", "GET k", "SET k v NX GET"} {
		x := cmd(strings.Split(args, " ")...)
		x.Request = uint64(i + 1)
		first, second := do(us, x), do(us, x)
		if first.Type == wire.TypeError != (second.Type == wire.TypeError) {
			t.Errorf("%s twice: have %s, then %s", args, show(first), show(second))
		}
	}
}

// TestSessionToken: a command waits until the write that it refers to has come,
// and not longer than it may.
func TestSessionToken(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	for i := range 50 {
		wrote := do(us, cmd("SET", "k", fmt.Sprint(i)))
		read := cmd("GET", "k")
		read.After = wrote.Wrote
		if have := show(do(eu, read)); have != fmt.Sprint(i) {
			t.Fatalf("read at eu with the token of write %d: have %s", i, have)
		}
	}
	never := cmd("GET", "k")
	never.After = crdt.Dot{Replica: us.Replica(), N: 1 << 40}
	began := time.Now()
	if r := do(eu, never); r.Type != wire.TypeError || r.Err.Code != wire.CodeTimeout {
		t.Errorf("a token of a write that does not come: want a timeout, have %s", show(r))
	}
	if took := time.Since(began); took < 500*time.Millisecond || took > 5*time.Second {
		t.Errorf("want the token waited for 500 ms, have %v", took)
	}
}

// TestSessionAcrossHolders: where a write is not here yet, a read in a session is
// answered by who has it. Large values come late: nobody is sent them unasked.
func TestSessionAcrossHolders(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(cfg *node.Config) { cfg.SeenWait = time.Millisecond })
	c.startAll(2, "us")
	us := c.nodes["us-1"]
	key := ownedBy(t, us, "us-2")
	ctx := command.WithSession(t.Context())
	for i := range 3 {
		value := strings.Repeat(fmt.Sprint(i), 4<<20)
		if _, err := us.Set(ctx, key, value); err != nil {
			t.Fatal(err)
		}
		if have, ok, err := us.Get(ctx, key); err != nil || !ok || have != value {
			t.Fatalf("read of own write %d: %d bytes, %t, %v", i, len(have), ok, err)
		}
	}
}

// TestInternalCommandsAreRefused at every front door.
func TestInternalCommandsAreRefused(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us")
	us := c.nodes["us-1"]
	for _, args := range [][]string{{"_NODE"}, {"_DIGESTS", "1"}, {"_INSPECT", "k", "1"}, {"_LINKS", ""}, {"_SYMBOLS", "0", "0", "0", "0", "0", "0", "1"}, {"_NAMES", "0", "0", "0"}, {"_SHOWN", "0", "0", "k"}, {"_SCAN", "0", "0", "1"}, {"_EVICTED", "0"}, {"_BACKUP", "ABOUT"}, {"_RESTORE", "DROP", "1", "0"}, {"_X"}} {
		for name, door := range map[string]command.Doer{"embedded": us.API, "any": us.Fronted(), "owner": us.Addressed()} {
			r := door.Do(t.Context(), cmd(args...), cmd("PING"))
			if r[0].Type != wire.TypeError || r[0].Err.Code != wire.CodeBadRequest || show(r[1]) != "PONG" {
				t.Errorf("%v at %s: want it refused, have %s, %s", args, name, show(r[0]), show(r[1]))
			}
		}
	}
}

// TestHopsAreBounded: a command that has been passed on often enough is run where
// it is, also by a node that does not hold its key and has to be filled first.
func TestHopsAreBounded(t *testing.T) {
	t.Parallel()
	c := newCluster(t, func(cfg *node.Config) { cfg.Copies = 1 })
	c.startAll(2, "us")
	us := c.nodes["us-1"]
	key := ownedBy(t, us, "us-2")
	if _, err := us.Set(t.Context(), key, "v"); err != nil {
		t.Fatal(err)
	}
	x := cmd("GET", key)
	x.Hops = wire.MaxHops
	if have := show(do(us, x)); have != "v" {
		t.Errorf("GET where it was passed on to: want v, have %s", have)
	}
	x = cmd("SET", key, "w")
	x.Hops = wire.MaxHops
	if r := do(us, x); show(r) != "OK" || r.Wrote.Replica != us.Replica() {
		t.Errorf("SET where it was passed on to: want it written there, have %s by %v", show(r), r.Wrote)
	}
	c.until("the owner has it", func() error {
		return wantString(c.nodes["us-2"], key, "w")
	})
}

// TestOwnerIsGone: what it owns is written by a replica, or by any node, at once.
func TestOwnerIsGone(t *testing.T) {
	t.Parallel()
	for _, copies := range []int{1, 2} {
		c := newCluster(t, func(cfg *node.Config) { suspectSoon(cfg); cfg.Copies = copies })
		c.startAll(2, "us")
		us := c.nodes["us-1"]
		key := ownedBy(t, us, "us-2")
		c.nodes["us-2"].kill()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		if _, err := us.Set(ctx, key, "v"); err != nil {
			t.Errorf("%d copies: set while the owner is dead: %v", copies, err)
		}
		if have, _, err := us.Get(ctx, key); have != "v" || err != nil {
			t.Errorf("%d copies: get while the owner is dead: %q, %v", copies, have, err)
		}
		cancel()
	}
}

// TestBatchForOwnerThatIsGone: of several messages that a dead node does not take
// every command is run elsewhere, in order.
func TestBatchForOwnerThatIsGone(t *testing.T) {
	t.Parallel()
	c := startMortal(t, 2, "us")
	us := c.nodes["us-1"]
	key := ownedBy(t, us, "us-2")
	c.nodes["us-2"].kill()
	cmds := make([]wire.Command, 1300)
	for i := range cmds {
		cmds[i] = cmd("INCRBY", key, "1")
	}
	for i, r := range us.Do(t.Context(), cmds...) {
		if show(r) != fmt.Sprint(i+1) {
			t.Fatalf("INCRBY %d: have %q", i, show(r))
		}
	}
}

// TestReplicaStandsIn for an owner that has just died, rather than a node that
// would have to take the partition first.
func TestReplicaStandsIn(t *testing.T) {
	t.Parallel()
	c := startMortal(t, 3, "us")
	us := c.nodes["us-1"]
	for _, k := range keysOf(200) {
		ring, err := us.Ring(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		if ring.Key.Owner == "us-1" || ring.Key.Replicas[0] == "us-1" {
			continue
		}
		c.nodes[ring.Key.Owner].kill()
		stand := c.nodes[ring.Key.Replicas[0]]
		if r := do(us, cmd("SET", k, "v")); show(r) != "OK" || r.Wrote.Replica != stand.Replica() {
			t.Errorf("set through us-1: want it written by %s, have %s by %v", stand.Name(), show(r), r.Wrote)
		}
		return
	}
	t.Fatal("us-1 holds everything")
}

// TestCancelledCommands come back at once, as timeouts.
func TestCancelledCommands(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us")
	us := c.nodes["us-1"]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := us.Set(ctx, ownedBy(t, us, "us-2"), "v"); !errors.Is(err, wire.ErrTimeout) {
		t.Errorf("a cancelled SET: want a timeout, have %v", err)
	}
}

// TestBatchIsBounded: one request may hold thousands of commands that run beside
// it; they take turns.
func TestBatchIsBounded(t *testing.T) {
	t.Parallel()
	var running, most, ran atomic.Int64
	bound := node.RunAside(5000, func() {
		now := running.Add(1)
		for top := most.Load(); now > top && !most.CompareAndSwap(top, now); top = most.Load() {
		}
		for range 100 {
			runtime.Gosched()
		}
		running.Add(-1)
		ran.Add(1)
	})
	if most.Load() > int64(bound) || ran.Load() != 5000 {
		t.Errorf("want all 5000 run, at most %d at once, have %d and %d", bound, ran.Load(), most.Load())
	}
}
