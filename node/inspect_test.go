package node_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

func (m *member) inspect(t testing.TB, key string) wire.Inspection {
	t.Helper()
	ins, err := m.Inspect(t.Context(), key)
	if err != nil {
		t.Fatalf("inspect %q at %s: %v", key, m.Name(), err)
	}
	return ins
}

// concurrently runs commands in two regions that do not hear of each other
// meanwhile, and the second later by the clock.
func (c *cluster) concurrently(first, second *member, inFirst, inSecond wire.Command) {
	c.t.Helper()
	first.link(c.t, command.LinkPause, "", "")
	var wrote []crdt.Dot
	for i, m := range []*member{first, second} {
		r := do(m, []wire.Command{inFirst, inSecond}[i])
		if r.Type == wire.TypeError {
			c.t.Fatalf("%v at %s: %v", inFirst, m.Name(), r.Err)
		}
		wrote = append(wrote, r.Wrote)
		began := time.Now().UnixMilli()
		c.until("the next millisecond", func() error {
			if time.Now().UnixMilli() == began {
				return fmt.Errorf("still %d", began)
			}
			return nil
		})
	}
	first.link(c.t, command.LinkResume, "", "")
	// What does not show is in no digest: ask for the writes.
	for _, m := range []*member{first, second} {
		for _, dot := range wrote {
			c.until(fmt.Sprintf("%s has seen %v", m.Name(), dot), func() error {
				if r := do(m, wire.Command{Args: []string{"EXISTS", inFirst.Key()}, After: dot}); r.Type == wire.TypeError {
					return r.Err
				}
				return nil
			})
		}
	}
	c.untilEqual(first)
}

// startLooking starts a node in each region, and nothing that does not show is
// forgotten: one more node, which is not filled, has to see everything first.
func startLooking(t *testing.T, regions ...string) *cluster {
	c := newCluster(t, func(cfg *node.Config) {
		if cfg.Name == "waiting" {
			cfg.JoinWait = time.Hour
		}
	})
	c.startAll(1, regions...)
	c.start(regions[0], "waiting")
	c.drop("waiting")
	for _, m := range c.nodes {
		c.until("it is known to wait", func() error {
			nodes, err := m.Nodes(t.Context())
			if err != nil || len(nodes) != len(regions)+1 {
				return fmt.Errorf("%+v, %v", nodes, err)
			}
			return nil
		})
	}
	return c
}

// wroteAt names the node of a stamp.
func wroteAt(s wire.Stamp) string { return s.Region + "/" + s.Node }

// TestInspectConcurrentSets (R1): who won, who lost to whom, and where each was
// written.
func TestInspectConcurrentSets(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	c.concurrently(us, eu, cmd("SET", "k", "from us"), cmd("SET", "k", "from eu"))
	// The one that lost is forgotten soon, when both regions have seen it. It is told
	// of all the same.
	c.until("nothing but what shows is kept", func() error {
		for _, m := range []*member{us, eu} {
			if n := m.WaitingKeys(); n > 0 {
				return fmt.Errorf("%s: %d keys wait", m.Name(), n)
			}
		}
		return nil
	})
	for _, m := range []*member{us, eu} {
		ins := m.inspect(t, "k")
		if ins.Value != "from eu" || len(ins.Cells) != 1 || len(ins.Cells[0].Writes) != 2 || !ins.Agree || !ins.Complete {
			t.Fatalf("%s: want two writes of which eu's shows, have %+v", m.Name(), ins)
		}
		won, lost := ins.Cells[0].Writes[0], ins.Cells[0].Writes[1]
		if won.State != "wins" || wroteAt(won.Stamp) != "eu/eu-1" || won.Value != "from eu" {
			t.Errorf("%s: want eu-1's to win, have %+v", m.Name(), won)
		}
		if lost.State != "lost" || wroteAt(lost.Stamp) != "us/us-1" || lost.LostTo != won.Dot {
			t.Errorf("%s: want us-1's to have lost to %s, have %+v", m.Name(), won.Dot, lost)
		}
		if len(ins.Regions) != 2 || ins.Regions[0].Value != "from eu" || ins.Regions[1].Owner != "us-1" {
			t.Errorf("%s: regions %+v", m.Name(), ins.Regions)
		}
		if len(ins.History) != 2 || !slices.ContainsFunc(ins.History, func(h wire.ChangeInfo) bool {
			return wroteAt(h.Stamp) == "us/us-1" && slices.Contains(h.Did, `set the value to "from us"`)
		}) {
			t.Errorf("%s: history %+v", m.Name(), ins.History)
		}
	}
}

// TestInspectSetAgainstIncr (R3): what counts on top of what.
func TestInspectSetAgainstIncr(t *testing.T) {
	t.Parallel()
	c := startLooking(t, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	do(us, cmd("SET", "k", "10"))
	c.untilEqual(us)
	c.concurrently(us, eu, cmd("SET", "k", "5"), cmd("INCRBY", "k", "2"))
	ins := us.inspect(t, "k")
	if ins.Value != "7" || len(ins.Cells) != 1 || len(ins.Cells[0].Contributions) != 1 {
		t.Fatalf("want 5 of us and 2 of eu, have %+v", ins)
	}
	if x := ins.Cells[0].Contributions[0]; x.State != "counts" || x.Net != "2" || wroteAt(x.Stamp) != "eu/eu-1" {
		t.Errorf("want what eu-1 added to count, have %+v", x)
	}
	if w := ins.Cells[0].Writes[0]; w.State != "wins" || w.Value != "5" || wroteAt(w.Stamp) != "us/us-1" {
		t.Errorf("want us-1's 5 below it, have %+v", w)
	}
}

// TestInspectRemovals (R4): how much of what was removed, and what was not seen.
func TestInspectRemovals(t *testing.T) {
	t.Parallel()
	c := startLooking(t, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	do(eu, cmd("INCRBY", "n", "2"))
	do(us, cmd("SET", "k", "v"))
	c.untilEqual(us)
	c.concurrently(us, eu, cmd("DEL", "n"), cmd("INCRBY", "n", "3"))
	ins := us.inspect(t, "n")
	if ins.Value != "3" || len(ins.Cells) != 1 || len(ins.Cells[0].Contributions) != 1 {
		t.Fatalf("want the 3 that the DEL had not seen, have %+v", ins)
	}
	if x := ins.Cells[0].Contributions[0]; x.State != "counts" || x.Net != "3" || x.Total != "5" || x.Removed != "2" {
		t.Errorf("want 5 of which 2 were removed, have %+v", x)
	}
	c.concurrently(us, eu, cmd("DEL", "k"), cmd("SET", "k", "unseen"))
	if ins := us.inspect(t, "k"); ins.Value != "unseen" || len(ins.Cells[0].Writes) != 1 {
		t.Errorf("want only the write that the DEL had not seen, have %+v", ins)
	}
}

// TestInspectTwoKinds (R8): what is hidden by what.
func TestInspectTwoKinds(t *testing.T) {
	t.Parallel()
	c := startLooking(t, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	c.concurrently(us, eu, cmd("SET", "k", "text"), cmd("HSET", "k", "f", "v"))
	ins := eu.inspect(t, "k")
	if ins.Kind != "hash" || ins.CellCount != 2 || len(ins.Cells) != 2 {
		t.Fatalf("want a hash over a string, have %+v", ins)
	}
	if s, h := ins.Cells[0], ins.Cells[1]; s.Kind != "string" || s.Hidden != "the key is a hash by a later write" || h.Hidden != "" || h.Value != "v" {
		t.Errorf("want the string hidden by the hash, have %+v", ins.Cells)
	}
}

// TestInspectNothing: keys that do not exist, or not any more, are the same to
// every region, whatever each still keeps of them.
func TestInspectNothing(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	check := func(key string) {
		t.Helper()
		ins := us.inspect(t, key)
		if ins.Kind != "none" || ins.Value != nil || !ins.Agree || !ins.Complete {
			t.Errorf("%s: want none, and all agreed, have %+v", key, ins)
		}
	}
	check("never")
	if _, err := us.Set(t.Context(), "expired", "v", command.TTL(20*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	c.untilEqual(us)
	c.until("it has expired", func() error {
		if _, ok, err := us.Get(t.Context(), "expired"); ok || err != nil {
			return fmt.Errorf("%t, %v", ok, err)
		}
		return nil
	})
	eu.Lose("expired") // Whoever forgets first.
	check("expired")
}

// TestInspectList (R4): the elements in their order, each with who put it there, and
// what a pop in two regions has left.
func TestInspectList(t *testing.T) {
	t.Parallel()
	c := startLooking(t, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	first := do(us, cmd("RPUSH", "q", "a", "b", "c")).Wrote
	c.untilEqual(us)
	c.concurrently(us, eu, cmd("LPOP", "q"), cmd("LPOP", "q"))
	c.concurrently(us, eu, cmd("LSET", "q", "0", "d"), cmd("LSET", "q", "0", "e"))
	ins := us.inspect(t, "q")
	if have := fmt.Sprintln(ins.Kind, ins.Value, ins.CellCount); have != "list [e c] 2\n" {
		t.Fatalf("want what nobody popped, have %s", have)
	}
	cell := ins.Cells[0]
	if want := fmt.Sprintf("0@%v.1", first); cell.Field != want || cell.Value != "e" || len(cell.Writes) != 2 {
		t.Errorf("want e at %s over d, have %+v", want, cell)
	}
	if lost := cell.Writes[1]; lost.Value != "d" || lost.State != "lost" {
		t.Errorf("want d to have lost, have %+v", lost)
	}
	if did := fmt.Sprint(ins.History); !strings.Contains(did, "removed what it had seen of the element at 0@") {
		t.Errorf("want the history to tell of the pops, have %s", did)
	}
}

// TestInspectHyperLogLog tells what it estimates and by which registers.
func TestInspectHyperLogLog(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us")
	us := c.nodes["us-1"]
	do(us, cmd("PFADD", "v", "ann", "bob"))
	ins := us.inspect(t, "v")
	if ins.Kind != "hyperloglog" || ins.Value != "about 2 different elements" || len(ins.Cells) != 2 || !strings.HasPrefix(ins.Cells[0].Field, "register ") {
		t.Errorf("want two registers of a HyperLogLog, have %+v", ins)
	}
	if r := do(us, cmd("TYPE", "v")); r.Text != "string" {
		t.Errorf("TYPE: want string as in Redis, have %v", r)
	}
}

func TestInspectBytesThatAreNoText(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us")
	us := c.nodes["us-1"]
	if _, err := us.Set(t.Context(), "k\xff\x00", "\xfe"); err != nil {
		t.Fatal(err)
	}
	if ins := us.inspect(t, "k\xff\x00"); ins.Key != `"k\xff\x00"` || ins.Value != `"\xfe"` || ins.Cells[0].Writes[0].Value != `"\xfe"` {
		t.Errorf("want what is no text quoted, have %+v", ins)
	}
	if _, err := us.HSet(t.Context(), "h", command.Field{Name: "\xff", Value: "1"}, command.Field{Name: "\xfe", Value: "2"}); err != nil {
		t.Fatal(err)
	}
	have := fmt.Sprint(us.inspect(t, "h").Value)
	if want := `map["\xfe":2 "\xff":1]`; have != want {
		t.Errorf("want two fields %s, have %s", want, have)
	}
}

func TestInspectHugeHash(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us")
	us := c.nodes["us-1"]
	fields := make([]command.Field, 3000)
	for i := range fields {
		fields[i] = command.Field{Name: fmt.Sprint(i), Value: "v"}
	}
	if _, err := us.HSet(t.Context(), "h", fields...); err != nil {
		t.Fatal(err)
	}
	ins := us.inspect(t, "h")
	if shown, ok := ins.Value.(map[string]any); ins.CellCount != 3000 || len(ins.Cells) != 200 || !ok || len(shown) != 200 {
		t.Errorf("3000 fields: want them counted and 200 told, have %d counted, %d told, %d shown", ins.CellCount, len(ins.Cells), len(shown))
	}
	if did := ins.History[0].Did; len(did) != 201 || !strings.HasPrefix(did[200], "and 28") {
		t.Errorf("history: want 200 told and the rest counted, have %d, the last %q", len(did), did[len(did)-1])
	}
}
