package nodetest

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
	cachesync "github.com/atollcache/atoll/sync"
)

var churnKeys = flag.Int("churnkeys", 4000, "distinct keys that TestChurn creates, changes and deletes")

var churnVectors = flag.Bool("churnvectors", true, "want vectors that name only living members after TestChurn")

// TestChurn creates, changes and deletes many keys of all kinds within an hour, while
// nodes are restarted, some cleanly and some not. Afterwards nothing is left of it
// but what a cluster would have into which only that was ever written.
func TestChurn(t *testing.T) {
	const beat, rounds = 10 * time.Second, 40
	p := slowPlan(beat, 2, 3)
	p.light = true
	p.cfg.Partitions = 8
	p.cfg.Members.ForgetAfter = 10 * time.Minute
	p.cfg.Sync.HorizonFor = 10 * time.Minute
	s := newScenario(t, p)
	c := &churn{s: s, want: map[string]string{}}
	perRound := (*churnKeys + rounds - 1) / rounds
	for round := range rounds {
		for range perRound {
			c.create()
		}
		c.spread(time.Hour / rounds / 3)
		c.change()
		c.spread(time.Hour / rounds / 3)
		c.remove()
		c.spread(time.Hour / rounds / 3)
		if n := s.nodes[round%len(s.nodes)]; n != nil && round%4 == 0 {
			if round%12 == 0 {
				s.crash(n, beat)
			} else {
				s.leave(n, beat)
			}
		}
	}
	s.heal()
	s.wait(time.Minute)
	s.becomeEqual("after an hour")
	if s.err != nil {
		t.Fatal(s.err)
	}
	c.compare()
	c.report()
}

// churn is keys that come and go, of which at any time only one command is under
// way, so that what is to come of it is plain.
type churn struct {
	s       *scenario
	made    int
	slowest time.Duration     // that something took until every holder had it, to the next beat
	want    map[string]string // what each key shows at last, by name
}

// run runs a command at some node, without the specification looking on: it would
// take more memory than the keys.
func (c *churn) run(nth int, args ...string) {
	s, cmd := c.s, wire.Command{Args: args}
	p := s.cfg.Partitions.Of(cmd.Key())
	for i := range s.nodes {
		n := s.nodes[(nth+i)%len(s.nodes)]
		if n == nil || n.core.Enter() != nil {
			continue
		}
		spec, err := command.Find(cmd)
		if err != nil {
			s.Fatalf("%v: %v", args, err)
		}
		if t := core.NewTask(cmd, spec, s.cfg.Partitions); !n.core.RunsHere(&t, false) {
			n.core.Exit()
			continue
		}
		if r := command.Exec(n.core.Shard(p), cmd); r.Type == wire.TypeError {
			s.Fatalf("%v: %v", args, r.Err)
		}
		n.core.Exit()
		n.flush(p)
		return
	}
	s.Fatalf("%v: nobody runs %v", s.now, args)
}

// spread lets some time pass, and then as much as it takes until every holder has
// everything: a removal takes what its origin has seen, and a crash what nobody else
// has.
func (c *churn) spread(least time.Duration) {
	start := c.s.now
	c.s.wait(least)
	for why := c.lagging(); why != ""; why = c.lagging() {
		if c.s.now-start > maxSpread {
			c.s.Fatalf("%v: %v after something was written, %d keys in all, %s", c.s.now, c.s.now-start, c.made, why)
		}
		c.s.wait(c.s.beat)
	}
	c.slowest = max(c.slowest, c.s.now-start)
}

// maxSpread is how long it may take until every holder has what was written at once.
const maxSpread = 10 * time.Minute

// lagging says who lacks what another holder has, nothing when nobody does.
func (c *churn) lagging() string {
	for p := range c.s.parts {
		var first *node
		for at, n := range c.s.nodes {
			switch {
			case n == nil || !n.held[p].on:
			case first == nil:
				first = n
			case !n.held[p].seen.Equal(first.held[p].seen):
				return fmt.Sprintf("partition %d: %s has %v, %s %v", p, c.s.places[first.at].name, first.held[p].seen, c.s.places[at].name, n.held[p].seen)
			}
		}
	}
	return ""
}

func (c *churn) create() {
	i := c.made
	c.made++
	key := fmt.Sprintf("key:%d", i)
	c.run(i, create(i, key)...)
}

// change writes again what was created last.
func (c *churn) change() {
	for i := len(c.want); i < c.made; i++ {
		c.run(i+1, create(i, fmt.Sprintf("key:%d", i))...)
	}
}

// remove deletes half of what was created last and lets some expire.
func (c *churn) remove() {
	for i := len(c.want); i < c.made; i++ {
		key := fmt.Sprintf("key:%d", i)
		c.want[key] = [...]string{"string", "string", "hash", "set", "zset"}[i%5]
		switch i % 4 {
		case 0, 1:
			c.run(i+2, "DEL", key)
			c.want[key] = "none"
		case 2:
			c.run(i+2, "PEXPIRE", key, "60000")
			c.want[key] = "none"
		}
	}
}

// compare checks every holder against what was done, and for what it keeps.
func (c *churn) compare() {
	s := c.s
	for at, n := range s.nodes {
		if n == nil {
			continue
		}
		now := n.now().UnixMilli()
		for _, shard := range n.core.Shards() {
			s.checkPlain(n, shard.ID())
			shard.Look(func(_ *cachesync.Engine, state *crdt.Partition) {
				for key, want := range c.want {
					if have := state.Entry(key).View(now).Kind().String(); s.cfg.Partitions.Of(key) == shard.ID() && have != want {
						s.Fatalf("%s: want %s to be %s, have %s", s.places[at].name, key, want, have)
					}
				}
				if living := len(s.lives); *churnVectors && len(state.Vector()) > living {
					s.Errorf("%s, partition %d: %d members, and a vector of %d", s.places[at].name, shard.ID(), living, len(state.Vector()))
				}
			})
		}
	}
	if s.err != nil {
		s.Fatal(s.err)
	}
}

// report says how much was done and what is left of it.
func (c *churn) report() {
	keys, bytes, ids, members := 0, 0, 0, 0
	for _, n := range c.s.nodes {
		if n == nil {
			continue
		}
		members++
		for _, shard := range n.core.Shards() {
			shard.Look(func(_ *cachesync.Engine, state *crdt.Partition) {
				keys, bytes, ids = keys+state.Len(), bytes+state.Bytes(), max(ids, len(state.Vector()))
			})
		}
	}
	c.s.Logf("%d keys in %v, restarts: %d clean and %d not; every holder had everything after %v at most; left at %d members are %d copies of %d bytes each, and vectors of %d IDs at most",
		c.made, c.s.now, c.s.counts.Leaves, c.s.counts.Crashes, c.slowest, members, keys, bytes/max(keys, 1), ids)
}
