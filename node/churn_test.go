package node_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
)

var churnRate = flag.Int("churn-rate", 1000, "operations a second in TestChurn")

// churn is clients that run commands at a rate, and what they have been told.
type churn struct {
	t      testing.TB
	keys   []string      // present from the beginning, each with its own name as its value
	tokens chan struct{} // one for each operation that is due
	late   atomic.Int64  // operations that were not begun, since too many were under way
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	phase   string
	ops     map[string]int
	slowest map[string]time.Duration // by phase
	failed  int
	fresh   []string // keys whose SET has been acknowledged
	sums    map[string]int
	members map[string][]string
}

// The counters and sets that all clients share.
const (
	churnCounters = 20
	churnSets     = 20
	churnWorkers  = 64
)

func newChurn(t testing.TB, keys []string) *churn {
	return &churn{
		t: t, keys: keys, tokens: make(chan struct{}, *churnRate), phase: "steady",
		ops: map[string]int{}, slowest: map[string]time.Duration{}, sums: map[string]int{}, members: map[string][]string{},
	}
}

// run starts the clients, shared out over the doors.
func (c *churn) run(doors ...door) {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.wg.Go(func() { c.pace(ctx) })
	for i := range churnWorkers {
		w := &churner{churn: c, id: i, door: doors[i%len(doors)], rand: rand.New(rand.NewPCG(uint64(i), 1))}
		w.own = w.door.session()
		c.wg.Go(func() {
			for range c.tokens {
				w.step()
			}
		})
	}
}

// pace makes tokens at the rate until ctx ends.
func (c *churn) pace(ctx context.Context) {
	defer close(c.tokens)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	began, made := time.Now(), 0
	for ctx.Err() == nil {
		<-tick.C
		for due := int(time.Since(began).Seconds() * float64(*churnRate)); made < due; made++ {
			select {
			case c.tokens <- struct{}{}:
			default:
				c.late.Add(1)
			}
		}
	}
}

// enter begins another phase.
func (c *churn) enter(phase string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase = phase
}

// done notes the end of an operation.
func (c *churn) done(what string, began time.Time, err error) bool {
	took := time.Since(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops[what]++
	c.slowest[c.phase] = max(c.slowest[c.phase], took)
	if err != nil {
		if c.failed++; c.failed <= 10 {
			c.t.Errorf("%s, while %s, after %v: %v", what, c.phase, took, err)
		}
	}
	return err == nil
}

// churner is one client.
type churner struct {
	*churn
	id   int
	n    int // names what it writes
	door door
	own  door // with a session
	rand *rand.Rand
}

// errMissed is the error of a read that does not show what it has to.
var errMissed = errors.New("missed")

// step runs one operation, or two that belong together.
func (w *churner) step() {
	w.n++
	began := time.Now()
	switch x := w.rand.IntN(100); {
	case x < 40:
		w.done("GET", began, w.wantPresent(w.keys[w.rand.IntN(len(w.keys))]))
	case x < 55:
		if key := w.pick(); key != "" {
			w.done("GET of a new key", began, w.wantPresent(key))
		}
	case x < 70:
		key := fmt.Sprintf("new-%d-%d", w.id, w.n)
		if w.done("SET", began, w.door.set(key, key)) {
			w.mu.Lock()
			w.fresh = append(w.fresh, key)
			w.mu.Unlock()
		}
	case x < 80:
		key := fmt.Sprint("sum-", w.rand.IntN(churnCounters))
		if w.done("INCR", began, w.door.incr(key)) {
			w.mu.Lock()
			w.sums[key]++
			w.mu.Unlock()
		}
	case x < 90:
		key, member := fmt.Sprint("set-", w.rand.IntN(churnSets)), fmt.Sprintf("%d-%d", w.id, w.n)
		if w.done("SADD", began, w.door.sadd(key, member)) {
			w.mu.Lock()
			w.members[key] = append(w.members[key], member)
			w.mu.Unlock()
		}
	case x < 95:
		w.writeAndRead("session", w.own, fmt.Sprintf("own-%d-%d", w.id, w.rand.IntN(50)))
	default:
		w.writeAndRead("no session", w.door, fmt.Sprintf("plain-%d-%d", w.id, w.rand.IntN(50)))
	}
}

// pick returns a key whose SET has been acknowledged, often one of the last.
func (w *churner) pick() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(w.fresh)
	if n == 0 {
		return ""
	}
	if w.rand.IntN(2) == 0 {
		return w.fresh[n-1-w.rand.IntN(min(n, 8))]
	}
	return w.fresh[w.rand.IntN(n)]
}

func (w *churner) wantPresent(key string) error {
	value, found, err := w.door.get(key)
	if err == nil && (!found || value != key) {
		err = fmt.Errorf("%w: %s is %q (%t)", errMissed, key, value, found)
	}
	return err
}

// writeAndRead reads what it has just written.
func (w *churner) writeAndRead(what string, d door, key string) {
	value, began := strconv.Itoa(w.n), time.Now()
	if !w.done("SET, "+what, began, d.set(key, value)) {
		return
	}
	if _, ok := <-w.tokens; !ok {
		return
	}
	began = time.Now()
	have, found, err := d.get(key)
	if err == nil && (!found || have != value) {
		err = fmt.Errorf("%w: %s is %q (%t), written %q", errMissed, key, have, found, value)
	}
	w.done("GET, "+what, began, err)
}

// stop ends the clients and reports what they did.
func (c *churn) stop(ran time.Duration) {
	c.t.Helper()
	c.cancel()
	c.wg.Wait()
	all := 0
	for _, n := range c.ops {
		all += n
	}
	c.t.Logf("%d operations in %v, %.0f a second, %d not begun in time; by kind: %v", all, ran.Round(time.Millisecond), float64(all)/ran.Seconds(), c.late.Load(), c.ops)
	for _, phase := range slices.Sorted(maps.Keys(c.slowest)) {
		c.t.Logf("slowest while %s: %v", phase, c.slowest[phase].Round(10*time.Microsecond))
	}
	asked := false // A machine that cannot do what nobody asked for has not failed.
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "churn-rate" })
	if want := *churnRate * int(ran.Seconds()) * 9 / 10; asked && all < want {
		c.t.Errorf("want at least %d operations run, have %d: this machine does not keep up with -churn-rate %d", want, all, *churnRate)
	}
	if c.failed > 0 {
		c.t.Errorf("%d operations failed", c.failed)
	}
}

// check compares what is there with what was acknowledged.
func (c *churn) check(m *member) {
	c.t.Helper()
	watchOnce(c.t, m, c.keys)
	for chunk := range slices.Chunk(c.fresh, 1000) {
		watchOnce(c.t, m, chunk)
	}
	for key, sum := range c.sums {
		if err := wantString(m, key, strconv.Itoa(sum)); err != nil {
			c.t.Errorf("counter: %v", err)
		}
	}
	for key, want := range c.members {
		have, err := m.SMembers(c.t.Context(), key)
		slices.Sort(have)
		if slices.Sort(want); err != nil || !slices.Equal(have, want) {
			c.t.Errorf("%s at %s: want the %d members that were acknowledged, have %d, %v", key, m.Name(), len(want), len(have), err)
		}
	}
}

// TestChurn: nodes join and leave under load, and no client notices: nothing that
// is present is ever missed, nothing fails, and all that was acknowledged counts.
func TestChurn(t *testing.T) {
	c := newCluster(t, func(cfg *node.Config) {
		cfg.KeepFor = time.Second          // Partitions are let go while the load goes on.
		cfg.FrozenAfter = 10 * time.Second // A machine that is busy elsewhere is not the subject.
	})
	c.startAll(3, "us")
	keys := keysOf(5000)
	pairs := make([]command.Pair, len(keys))
	for i, k := range keys {
		pairs[i] = command.Pair{Key: k, Value: k}
	}
	if err := c.nodes["us-1"].MSet(t.Context(), pairs...); err != nil {
		t.Fatal(err)
	}
	doors, clients := churnDoors(c)
	load, began := newChurn(t, keys), time.Now()
	load.run(doors...)
	steady := func() {
		load.enter("steady")
		<-time.After(2 * time.Second)
	}
	join := func(name string) {
		load.enter("join of " + name)
		c.awaitReady(c.start("us", name))
		c.untilKnown()
	}
	steady()
	join("us-4")
	steady()
	load.enter("leave of us-2")
	c.nodes["us-2"].stop()
	c.drop("us-2")
	c.untilKnown()
	steady()
	join("us-2")
	steady()
	load.stop(time.Since(began))
	for i, cl := range clients {
		s := cl.Stats()
		t.Logf("client %d: %d commands, %d sent again, nobody there %d times, %d timeouts", i, s.Commands, s.Resent, s.NoResponders, s.Timeouts)
	}
	c.untilEqual(c.nodes["us-4"])
	for _, name := range strings.Fields("us-1 us-2 us-3 us-4") {
		load.check(c.nodes[name])
	}
}
