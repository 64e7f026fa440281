package node_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/atollcache/atoll/node"
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
