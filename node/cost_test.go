package node_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/wire"
)

// startAlone starts a node whose NATS server and region are its own.
func startAlone(t testing.TB) *member {
	t.Helper()
	return startCluster(t, 1, "us").nodes["us-1"]
}

// fronts are the commands that the doors are measured with.
var fronts = map[string][]string{
	"GET":  {"GET", "user:1000000000001"},
	"HGET": {"HGET", "hash:1", "field"},
	"SET":  {"SET", "user:1000000000001", "0123456789abcdef0123456789abcdef"},
}

// TestCommandAllocations bounds what a command of a pipeline takes from memory on
// its way from the front door to the shard and back, beside its share of the batch.
func TestCommandAllocations(t *testing.T) {
	door := startAlone(t).Fronted()
	door.Do(t.Context(), wire.Command{Args: fronts["SET"]}, wire.Command{Args: []string{"HSET", "hash:1", "field", "v"}})
	for name, most := range map[string]float64{"GET": 0, "HGET": 0} {
		cmds := make([]wire.Command, 100)
		for i := range cmds {
			cmds[i] = wire.Command{Args: fronts[name]}
		}
		have := testing.AllocsPerRun(20, func() { door.Do(t.Context(), cmds...) }) / float64(len(cmds))
		if raceEnabled {
			continue // The race detector lets pools forget.
		}
		if batch := 10 / float64(len(cmds)); have > most+batch {
			t.Errorf("%s: want %v allocations for each, have %.2f", name, most, have)
		}
	}
}

// TestDirectAllocations bounds what the methods of a node take from memory.
func TestDirectAllocations(t *testing.T) {
	n, ctx := startAlone(t), t.Context()
	want := func(what string, most float64, f func() error) {
		t.Helper()
		have := testing.AllocsPerRun(1000, func() {
			if err := f(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		})
		if have > most && !raceEnabled {
			t.Errorf("%s: want %v allocations, have %v", what, most, have)
		}
	}
	set := func() error { _, err := n.Set(ctx, "key", "value"); return err }
	want("Set", 4, set)
	for info(t, n).Counters["unheard"] == 0 { // Until the node knows that nobody else has the partition.
		if err := set(); err != nil {
			t.Fatal(err)
		}
	}
	want("Set that nobody else hears", 1, set)
	want("Get", 0, func() error { _, _, err := n.Get(ctx, "key"); return err })
	want("Get of a key that there is not", 0, func() error { _, _, err := n.Get(ctx, "nothing"); return err })
	if _, err := n.HSet(ctx, "hash", command.Field{Name: "field", Value: "value"}); err != nil {
		t.Fatal(err)
	}
	want("HGet", 0, func() error { _, _, err := n.HGet(ctx, "hash", "field"); return err })
	if _, err := n.Set(ctx, "mortal", "value", command.TTL(time.Hour)); err != nil {
		t.Fatal(err)
	}
	want("Get of a key that expires", 0, func() error { _, _, err := n.Get(ctx, "mortal"); return err })
}

// TestDirectOrLong: what goes the short way from a method of the API to memory, and
// what the long way, end alike.
func TestDirectOrLong(t *testing.T) {
	n, ctx := startAlone(t), t.Context()
	long := command.New(longWay{n.API})
	for _, o := range []struct {
		key, want string
		err       error
		set       func() error
	}{
		{"string", "v", nil, func() error { _, err := n.Set(ctx, "string", "v"); return err }},
		{"number", "3", nil, func() error {
			_, err := n.Set(ctx, "number", "1")
			_, err2 := n.Incr(ctx, "number", 2)
			return errors.Join(err, err2)
		}},
		{"expired", "", nil, func() error {
			_, err := n.Set(ctx, "expired", "v", command.ExpireAt(time.UnixMilli(1)))
			return err
		}},
		{"nothing", "", nil, func() error { return nil }},
		{"hash", "", wire.ErrWrongType, func() error {
			_, err := n.HSet(ctx, "hash", command.Field{Name: "f", Value: "v"})
			return err
		}},
		{strings.Repeat("k", command.DefaultMaxKey+1), "", wire.ErrTooLarge, func() error { return nil }},
	} {
		if err := o.set(); err != nil {
			t.Fatalf("%.20s: %v", o.key, err)
		}
		short, ok, err := n.Get(ctx, o.key)
		text, there, failed := long.Get(ctx, o.key)
		if short != text || ok != there || !errors.Is(err, o.err) || !errors.Is(failed, o.err) || short != o.want {
			t.Errorf("%.20s: the short way gives %q, %t, %v, the long way %q, %t, %v, want %q, %v",
				o.key, short, ok, err, text, there, failed, o.want, o.err)
		}
	}
	if _, err := n.Set(ctx, strings.Repeat("k", command.DefaultMaxKey+1), ""); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("a key that is too long: have %v", err)
	}
	session := command.WithSession(ctx)
	if _, err := n.Set(session, "string", "w"); err != nil {
		t.Fatal(err)
	}
	if have, _, err := n.Get(session, "string"); have != "w" || err != nil {
		t.Errorf("in a session: want w, have %q, %v", have, err)
	}
}

// longWay is a Doer that has no short way.
type longWay struct{ api *command.API }

func (l longWay) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	return l.api.Do(ctx, cmds...)
}

// BenchmarkPipeline runs batches of 16 commands as the door for Redis clients does.
func BenchmarkPipeline(b *testing.B) {
	n := startAlone(b)
	door := n.Fronted()
	for name, args := range fronts {
		b.Run(name, func(b *testing.B) {
			cmds := make([]wire.Command, 16)
			for i := range cmds {
				cmds[i] = wire.Command{Args: args}
			}
			door.Do(b.Context(), wire.Command{Args: fronts["SET"]}, wire.Command{Args: []string{"HSET", "hash:1", "field", "v"}})
			b.ReportAllocs()
			for b.Loop() {
				door.Do(b.Context(), cmds...)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*16), "ns/command")
		})
	}
}

// BenchmarkEmbedded calls the methods of a node from many goroutines.
func BenchmarkEmbedded(b *testing.B) {
	n := startAlone(b)
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("user:%011d", i)
	}
	setAll(b, n, keys)
	run := func(name string, f func(ctx context.Context, n *node.Node, key string) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if err := f(b.Context(), n.Node, keys[i*7919%len(keys)]); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
	run("Get", func(ctx context.Context, n *node.Node, key string) error {
		_, _, err := n.Get(ctx, key)
		return err
	})
	run("Set", func(ctx context.Context, n *node.Node, key string) error {
		_, err := n.Set(ctx, key, key)
		return err
	})
}

// BenchmarkRedis drives the door for Redis clients with 50 connections, each of which
// sends so many commands at once and waits for the replies.
func BenchmarkRedis(b *testing.B) {
	rc := startRedis(b, resp.Config{}, 1, "us")
	for _, verb := range []string{"SET", "GET"} {
		for _, depth := range []int{1, 16} {
			b.Run(fmt.Sprint(verb, "-", depth), func(b *testing.B) {
				b.ReportAllocs()
				var wg sync.WaitGroup
				for c := range 50 {
					wg.Go(func() {
						if err := drive(rc.addrs["us-1"], verb, depth, b.N/50/depth+1, c); err != nil {
							b.Error(err)
						}
					})
				}
				wg.Wait()
			})
		}
	}
}

// drive sends commands on keys of its own in rounds and waits for the replies to each.
func drive(addr, verb string, depth, rounds, seed int) error {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	value, reply := strings.Repeat("v", 100), len("+OK\r\n")
	if verb == "GET" {
		value, reply = "", len("$100\r\n")+100+len("\r\n")
	}
	in, out := bufio.NewReaderSize(c, 32<<10), []byte(nil)
	for r := range rounds {
		out = out[:0]
		for i := range depth {
			key := fmt.Sprintf("key:%012d", (seed*7919+(r*depth+i)*104729)%10_000)
			if out = fmt.Appendf(out, "*%d\r\n$3\r\n%s\r\n$16\r\n%s\r\n", 2+len(value)/100, verb, key); value != "" {
				out = fmt.Appendf(out, "$100\r\n%s\r\n", value)
			}
		}
		if _, err := c.Write(out); err != nil {
			return err
		}
		if _, err := in.Discard(depth * reply); err != nil {
			return err
		}
	}
	return nil
}
