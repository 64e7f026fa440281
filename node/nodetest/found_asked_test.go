package nodetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// TestAskedBeforeLettingGo: a command comes again, and nobody else takes it, at a node
// that lets its partition go before that, or while it asks the others. The node holds the
// partition again then, filled by a state, which carries no request IDs. What the others
// have answered must count there: that they have run it. (Seed 1904.)
func TestAskedBeforeLettingGo(t *testing.T) {
	held := map[bool]int{}
	for wait := 1000 * ms; wait < 1500*ms; wait += 10 * ms {
		p := quickPlan(1, 2, 1)
		p.gentle = true // No command may run without what was acknowledged before it came.
		p.cfg.Partitions, p.cfg.Sync.LogBytes, p.net.spread = 2, 1, 12*ms
		s := newScenario(t, p)
		s.start(1)
		s.wait(time.Second)
		one, two, moved := s.nodes[0], s.nodes[1], partition(0)
		if s.ownerOf(one, moved) != "ap1" {
			moved = 1
		}
		keys := s.someKeys(moved, 3)
		increment := wire.Command{Args: []string{"INCRBY", keys[0], "1"}, Request: 1 << 20, Hops: 1}
		two.serve(increment, false, time.Second, func(wire.Reply) {})
		for _, key := range keys[1:] { // Then no log has the increment any more.
			s.wait(20 * ms)
			s.call("ap", 1, "SET", key, "v")
		}
		s.wait(wait - time.Second)
		held[one.core.Shard(moved) != nil]++
		increment.Hops = wire.MaxHops
		one.serve(increment, false, time.Second, func(wire.Reply) {})
		s.wait(time.Second)
		if n := len(s.requests[increment.Request]); n != 1 {
			t.Errorf("%v after it has moved: want the increment to count once, it counts %d times", wait, n)
		}
		if s.wait(3 * time.Second); one.core.Shard(moved) != nil {
			t.Errorf("%v after it has moved: want the partition let go at last", wait)
		}
		s.rest()
	}
	if held[true] == 0 || held[false] == 0 {
		t.Errorf("want it to come again before and after the partition was let go, have %v", held)
	}
}

// someKeys returns so many keys of a partition.
func (s *scenario) someKeys(p partition, n int) (keys []string) {
	for i := 0; len(keys) < n; i++ {
		if key := fmt.Sprintf("k%d", i); s.cfg.Partitions.Of(key) == p {
			keys = append(keys, key)
		}
	}
	return keys
}
