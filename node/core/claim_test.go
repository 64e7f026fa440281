package core

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// claimer is a shard whose clock the test turns.
type claimer struct {
	*Shard
	at time.Time
}

func newClaimer(self crdt.ReplicaID) *claimer {
	c := &claimer{at: time.UnixMilli(1_700_000_000_000)}
	cfg := Config{Region: "eu", Name: "eu-1", Now: func() time.Time { return c.at }}.withDefaults(self)
	c.Shard = (&Core{cfg: cfg, self: self}).newShard(0, self, nil)
	return c
}

func (c *claimer) run(request uint64) error {
	_, err := c.Write("k", request, func(m *crdt.Mutator) error { _, err := m.Incr(1); return err })
	return err
}

// TestClaims: of two nodes that are about to run one request one does, and the other
// waits, for a bounded time.
func TestClaims(t *testing.T) {
	one, two := newClaimer(crdt.Lives), newClaimer(2*crdt.Lives)
	ask := func(what string, from, to *claimer, request uint64, want error) {
		t.Helper()
		from.learn(to.answer(from.self, []uint64{request}))
		if have := from.run(request); !errors.Is(have, want) {
			t.Errorf("%s: want %v, have %v", what, want, have)
		}
	}
	if !two.claim(1) {
		t.Error("nobody has claimed it: want it claimed")
	}
	ask("nobody else has claimed it", two, one, 1, nil)
	if have := one.run(1); have != ErrClaimed {
		t.Errorf("it has been left to the other: want %v, have %v", ErrClaimed, have)
	}
	if one.claim(1) {
		t.Error("it has been left to the other: want it not claimed")
	}
	ask("the other has run it", one, two, 1, command.ErrRepeated)

	one.claim(2)
	two.claim(2)
	ask("both claim it, the higher ID asks", two, one, 2, ErrClaimed)
	ask("both claim it, the lower ID asks", one, two, 2, nil)

	one.claim(3)
	two.claim(3)
	ask("both claim it, the lower ID asks first", one, two, 3, nil)
	ask("both claimed it, the lower ID has run it", two, one, 3, command.ErrRepeated)

	one.claim(4)
	one.at = one.at.Add(2 * time.Second)
	if have := one.run(4); have != ErrClaimed {
		t.Errorf("the claim has ended meanwhile: want %v, have %v", ErrClaimed, have)
	}
	two.answer(one.self, []uint64{5})
	if two.at = two.at.Add(2*time.Second - 1); two.run(5) != ErrClaimed {
		t.Error("the other's claim lasts: want it left to it")
	}
	if two.at = two.at.Add(1); two.run(5) != nil {
		t.Error("the other's claim has ended: want it run")
	}
}

// TestClaimsAreBounded: what cannot be noted is not given away, and what has ended
// makes room.
func TestClaimsAreBounded(t *testing.T) {
	c := newClaimer(crdt.Lives)
	requests := make([]uint64, maxClaims)
	for i := range requests {
		requests[i] = uint64(i + 1)
	}
	if kept := c.answer(9, requests).Kept; len(kept) > 0 {
		t.Errorf("as many as there may be: want all given away, have %d kept", len(kept))
	}
	if kept := c.answer(9, []uint64{maxClaims + 1}).Kept; len(kept) != 1 {
		t.Errorf("one more: want it kept, have %v", kept)
	}
	for range 2 {
		c.at = c.at.Add(2 * time.Second)
		if kept := c.answer(9, requests).Kept; len(kept) > 0 {
			t.Errorf("2 s later: want all given away, have %d kept", len(kept))
		}
	}
	if c.at = c.at.Add(4 * time.Second); len(c.answer(9, nil).Kept) > 0 || c.run(1) != nil {
		t.Error("all claims have ended: want it run")
	}
}

// TestAskAndAnswer: what a node asks for and answers, as it travels.
func TestAskAndAnswer(t *testing.T) {
	w := startTwo(t)
	one, two := w.nodes[0], w.nodes[1]
	w.pass(3 * time.Second)
	key := keysOf(80)[slices.IndexFunc(keysOf(80), func(k string) bool { return slices.Contains(one.own, one.cfg.Partitions.Of(k)) })]
	p := one.cfg.Partitions.Of(key)
	cmd := wire.Command{Args: []string{"INCRBY", key, "1"}, Request: 77, Hops: 1}
	spec, _ := command.Find(cmd)
	task := NewTask(cmd, spec, one.cfg.Partitions)
	others, request := two.Ask(&task, false, two.cfg.Now())
	if !slices.Equal(others, []crdt.ReplicaID{one.Replica()}) || request != 77 {
		t.Fatalf("a stand-in: want the owner asked for request 77, have %v, %d", others, request)
	}
	args := two.SeenArgs([]Question{{Partition: p, Requests: []uint64{77, 1 << 63}}, {Partition: 99}})
	reply, err := one.AnswerSeen(args[1:])
	if err != nil || args[0] != VerbSeen {
		t.Fatalf("%q: %v", args, err)
	}
	seen, err := ReadSeen(reply)
	if err != nil || len(seen) != 1 || !seen[p].Vector.Equal(one.Shard(p).Vector()) || len(seen[p].Kept) > 0 {
		t.Errorf("want the vector of partition %d and nothing kept, have %v, %v", p, seen, err)
	}
	if have := command.Exec(one.Shard(p), cmd); have.Err != ErrClaimed {
		t.Errorf("the owner, after that: want %v, have %v", ErrClaimed, have)
	}
	if two.Disclaim(p, 77); len(two.Shard(p).mu.claims.own) > 0 {
		t.Error("disclaimed: want nothing claimed")
	}
	dot := crdt.Dot{Replica: two.Replica(), N: 5}
	if have := two.Tell(&task, dot); have != one.Replica() || two.Tell(&task, crdt.Dot{}) != 0 || one.Tell(&task, dot) != 0 {
		t.Errorf("want the owner told of what a stand-in writes, and nobody else of anything, have %v", have)
	}
	writes := []Awaited{{p, dot}, {3, crdt.Dot{Replica: 1 << 63, N: 1 << 62}}}
	if args := AwaitArgs(writes); args[0] != VerbAwait {
		t.Errorf("have %q", args)
	} else if have, err := ReadAwait(args[1:]); err != nil || !slices.Equal(have, writes) {
		t.Errorf("%q: want %v, have %v, %v", args, writes, have, err)
	}
	for _, args := range [][]string{{}, {"x"}, {"1", "x"}, {"1", "0/x"}, {"1", "0/"}, {"1", "70000"}, {"1", "-1"}} {
		if _, err := one.AnswerSeen(args); err == nil {
			t.Errorf("%q: want an error", args)
		}
	}
	for _, args := range [][]string{{"1"}, {"1", "2"}, {"x", "1", "1"}, {"1", "x", "1"}, {"1", "1", "-1"}, {"70000", "1", "1"}} {
		if _, err := ReadAwait(args); err == nil {
			t.Errorf("%q: want an error", args)
		}
	}
	for _, text := range []string{"", "B", "x" + reply.Text, reply.Text[:len(reply.Text)-1], reply.Text + "\x01"} {
		if have, err := ReadSeen(wire.String(text)); err == nil {
			t.Errorf("%q: want an error, have %v", text, have)
		}
	}
	if near := one.Near(); len(near) != 1 || near[0].Name != two.cfg.Name {
		t.Errorf("want the other node of the region, have %v", near)
	}
	if missing := two.Learn(region.Partition(99), Seen{Kept: []uint64{1}}); missing != nil {
		t.Errorf("a partition that there is not: want nothing, have %v", missing)
	}
}
