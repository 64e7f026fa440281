package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command/redistest"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/resp/proto"
	"github.com/atollcache/atoll/node/scenario"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// scenarioRegions are the regions of all scenario files.
var scenarioRegions = []string{"eu", "us", "ap"}

// scenarioWorlds is how many clusters share the scenarios: most of the time is
// spent waiting for beats.
const scenarioWorlds = 2

// TestScenarios runs what testdata/scenarios has: commands of Redis clients in three
// regions of two nodes, over sockets.
func TestScenarios(t *testing.T) {
	t.Parallel()
	all := readScenarios(t)
	next := make(chan *scenario.Scenario, len(all))
	for i := range all {
		next <- &all[i]
	}
	close(next)
	var wg sync.WaitGroup
	for range scenarioWorlds {
		w := newScenarioWorld(t)
		wg.Go(func() {
			for s := range next {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
				w.evicted = false
				if err := scenario.Run(ctx, w, scenarioRegions, s); err != nil {
					t.Errorf("%v", err)
					w.settle(ctx)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

// readScenarios reads all scenario files.
func readScenarios(t *testing.T) (all []scenario.Scenario) {
	t.Helper()
	dir := filepath.Join("..", "testdata", "scenarios")
	names, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no scenarios in %s, %v", dir, err)
	}
	for _, name := range names {
		list, err := scenario.Parse(filepath.Base(name), readText(t, name), scenarioRegions)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	return all
}

// scenarioWorld is a cluster for scenarios.
type scenarioWorld struct {
	*redisCluster
	ahead    atomic.Int64 // nanoseconds that the nodes' clock is ahead of the machine's
	repaired int          // keys, see repairs
	evicted  bool         // in this scenario: then what is kept of the evicted is mended, too
}

var _ scenario.World = (*scenarioWorld)(nil)

// long is longer than all scenarios together let pass.
const long = 23 * time.Hour

func newScenarioWorld(t *testing.T) *scenarioWorld {
	t.Helper()
	w := &scenarioWorld{redisCluster: &redisCluster{addrs: map[string]string{}}}
	w.cluster = newCluster(t, func(c *node.Config) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		w.addrs[c.Name] = ln.Addr().String()
		c.Redis = node.RedisConfig{Listener: ln, Server: resp.Config{}}
		c.Now = w.now
		c.Partitions = 4 // Each has beats of its own.
		c.Members.HeartbeatEvery = 300 * time.Millisecond
		// When the clock is set forward nobody has been silent, frozen or away.
		c.Members.SuspectAfter, c.FrozenAfter = long, long
		c.Sync = cachesync.Config{
			MaxSkew: long, HoldFor: long, HorizonFor: long, HorizonLeast: long,
			AnnounceAfter: 20 * time.Millisecond, AnnounceEvery: 500 * time.Millisecond, PullAfter: 20 * time.Millisecond,
		}
	})
	w.startAll(2, scenarioRegions...)
	return w
}

func (w *scenarioWorld) now() time.Time {
	return time.Now().Add(time.Duration(w.ahead.Load()))
}

// Advance implements scenario.World.
func (w *scenarioWorld) Advance(by time.Duration) { w.ahead.Add(int64(by)) }

// Dial implements scenario.World.
func (w *scenarioWorld) Dial(c scenario.Client) (net.Conn, error) {
	name := fmt.Sprintf("%s-%d", c.Region, c.Node)
	if w.addrs[name] == "" {
		return nil, fmt.Errorf("there is no node %s", name)
	}
	return net.Dial("tcp", w.addrs[name])
}

// Cut implements scenario.World.
func (w *scenarioWorld) Cut(ctx context.Context, groups [][]string) error {
	if err := w.link(ctx, "RESUME", "", ""); err != nil {
		return err
	}
	for i, from := range groups {
		for j, to := range groups {
			if i == j {
				continue
			}
			for _, f := range from {
				for _, t := range to {
					if err := w.link(ctx, "PAUSE", f, t); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// Evict implements scenario.World.
func (w *scenarioWorld) Evict(_ context.Context, name string) error {
	for _, m := range w.nodes {
		if !strings.HasPrefix(m.Name(), name+"-") {
			continue
		}
		w.evicted = true
		node.LimitEntries(m.Node, 1, core.AllKeys)
		node.LimitEntries(m.Node, 1<<40, core.AllKeys)
	}
	return nil
}

// Heal implements scenario.World.
func (w *scenarioWorld) Heal(ctx context.Context) error { return w.link(ctx, "RESUME", "", "") }

// link pauses or resumes links, as an operator does with redis-cli.
func (w *scenarioWorld) link(ctx context.Context, action, from, to string) error {
	_, err := w.ask(ctx, "ATOLL.LINK", action, from, to)
	return err
}

// Sync implements scenario.World: of every partition all holders in these regions
// have seen the same writes and show the same, and where that is all regions,
// ATOLL.VERIFY says so too.
func (w *scenarioWorld) Sync(ctx context.Context, regions []string) error {
	const poll = 5 * time.Millisecond
	for {
		err := w.agree(regions)
		if err == nil && len(regions) == len(scenarioRegions) {
			err = w.verified(ctx)
		}
		// What differed at equal heads has been mended behind the rules' back.
		if n := w.repairs(); n > 0 && !w.evicted {
			return fmt.Errorf("nodes have repaired %d keys that differed though they had seen the same", n)
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%v do not agree: %w", regions, err)
		case <-time.After(poll):
		}
	}
}

// agree compares what the nodes of regions have seen and show.
func (w *scenarioWorld) agree(regions []string) error {
	at := cachesync.CompareAt(w.now())
	var first map[region.Partition]node.Head
	for _, r := range regions {
		for _, m := range w.nodes {
			if !strings.HasPrefix(m.Name(), r+"-") {
				continue
			}
			heads, ok := m.Heads(at)
			if !ok {
				return fmt.Errorf("%s cannot say", m.Name())
			}
			if first == nil {
				first = heads
			}
			if len(heads) != len(first) {
				return fmt.Errorf("%s holds %d partitions, others %d", m.Name(), len(heads), len(first))
			}
			for p, h := range heads {
				if !h.Seen.Equal(first[p].Seen) || h.Shows != first[p].Shows {
					return fmt.Errorf("partition %d: %s has seen %v, others %v", p, m.Name(), h.Seen, first[p].Seen)
				}
			}
		}
	}
	return nil
}

// settle waits until the nodes have mended what a scenario has left that failed, so
// that the next one does not fail for it.
func (w *scenarioWorld) settle(ctx context.Context) {
	for ctx.Err() == nil && w.Sync(ctx, scenarioRegions) != nil {
	}
}

// repairs returns how many keys the nodes have repaired since it was called last.
func (w *scenarioWorld) repairs() (keys int) {
	all := 0
	for _, m := range w.nodes {
		all += m.Repaired()
	}
	keys, w.repaired = all-w.repaired, all
	return keys
}

func (w *scenarioWorld) verified(ctx context.Context) error {
	v, err := w.ask(ctx, "ATOLL.VERIFY")
	if err != nil {
		return err
	}
	var info wire.VerifyInfo
	if err := json.Unmarshal([]byte(v.Text), &info); err != nil {
		return err
	}
	if !info.Equal || !info.Complete {
		return fmt.Errorf("ATOLL.VERIFY: %s", v.Text)
	}
	return nil
}

// ask sends one command over a connection of its own.
func (w *scenarioWorld) ask(ctx context.Context, args ...string) (v proto.Value, err error) {
	c, err := w.Dial(scenario.Client{Region: scenarioRegions[0], Node: 1})
	if err != nil {
		return v, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if v, err = askOver(c, args...); err == nil && v.Kind == '-' {
		err = errors.New(v.Text)
	}
	return v, err
}

// askOver sends one command and returns the reply.
func askOver(c net.Conn, args ...string) (v proto.Value, err error) {
	var out proto.Writer
	out.Array(len(args))
	for _, a := range args {
		out.Bulk(a)
	}
	if _, err := c.Write(out.Bytes()); err != nil {
		return v, err
	}
	return proto.NewValueReader(c).Read()
}

// TestPrintsAsRedisCLI compares what redis-cli prints of replies with what
// scenarios take for that.
func TestPrintsAsRedisCLI(t *testing.T) {
	t.Parallel()
	if !redistest.HasRedis(t) {
		return
	}
	rc := startRedis(t, resp.Config{}, 1, "eu")
	port := rc.addrs["eu-1"][strings.LastIndex(rc.addrs["eu-1"], ":")+1:]
	commands := [][]string{
		{"SET", "k", "a\"b\\\n\r\t\a\b\x00\xff é"}, {"GET", "k"}, {"GET", "nope"}, {"INCR", "n"}, {"INCR", "k"},
		{"HSET", "h", "a", "1", "b", ""}, {"HGETALL", "h"}, {"HGETALL", "nope"}, {"SADD", "s", "a", "b"}, {"SMEMBERS", "s"}, {"SMEMBERS", "nope"},
		{"ZADD", "z", "1.5", "a", "2", "b"}, {"ZSCORE", "z", "a"}, {"ZRANGE", "z", "0", "-1", "WITHSCORES"}, {"ZMPOP", "1", "nope", "MIN"},
		{"SADD", "many", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}, {"SMEMBERS", "many"}, {"ZSCAN", "z", "0"},
		{"LRANGE", "nope", "0", "-1"}, {"KEYS", "nope*"}, {"COMMAND", "INFO", "get", "hset"}, {"CONFIG", "GET", "max*"},
	}
	for version, flag := range map[string]string{"2": "-2", "3": "-3"} {
		c, err := net.Dial("tcp", rc.addrs["eu-1"])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := askOver(c, "HELLO", version); err != nil {
			t.Fatal(err)
		}
		for _, args := range commands {
			v, err := askOver(c, args...)
			if err != nil {
				t.Fatalf("%q: %v", args, err)
			}
			if args[0] == "INCR" { // The sum of this one is the same again.
				_, _ = askOver(c, "DEL", "n")
			}
			text, isBinary := strings.Join(args, " "), strings.Contains(args[len(args)-1], "\x00")
			if isBinary || strings.HasSuffix(args[0], "ADD") || args[0] == "HSET" {
				continue // No argument of a program has a zero byte; the others reply otherwise the second time.
			}
			want, err := exec.Command("redis-cli", append([]string{"-p", port, "--no-raw", flag}, args...)...).Output()
			if err != nil {
				t.Fatalf("redis-cli %s: %v", text, err)
			}
			if have := scenario.Print(v); have != strings.TrimRight(string(want), "\n") {
				t.Errorf("version %s, %s: want\n%s\nhave\n%s", version, text, want, have)
			}
		}
	}
}

// TestScenarioIndex holds the table in the scenarios' README, and what the README's
// table of conflicts names, to the headings of the files.
func TestScenarioIndex(t *testing.T) {
	files := map[string]map[string][]string{}
	for _, s := range readScenarios(t) {
		for _, r := range s.Rules {
			if files[r] == nil {
				files[r] = map[string][]string{}
			}
			for _, kind := range s.Types {
				if !slices.Contains(files[r][kind], s.File) {
					files[r][kind] = append(files[r][kind], s.File)
				}
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| | %s |\n|%s\n", strings.Join(scenario.Types, " | "), strings.Repeat("---|", len(scenario.Types)+1))
	for _, r := range scenario.Rules {
		if files[r] == nil {
			continue
		}
		fmt.Fprintf(&b, "| %s |", r)
		for _, kind := range scenario.Types {
			var links []string
			for _, f := range files[r][kind] {
				links = append(links, fmt.Sprintf("[%s](%s)", strings.TrimSuffix(f, ".txt"), f))
			}
			fmt.Fprintf(&b, " %s |", strings.Join(links, " "))
		}
		b.WriteString("\n")
	}
	index := readText(t, "../testdata/scenarios/README.md")
	if !strings.Contains(index, b.String()) {
		t.Errorf("testdata/scenarios/README.md: want the table\n%s", &b)
	}
	for _, row := range regexp.MustCompile(`(?m)^\| ([RLH]\d+) \|.*$`).FindAllStringSubmatch(readText(t, "../README.md"), -1) {
		link := regexp.MustCompile(`\]\(testdata/scenarios/([a-z0-9-]+\.txt)\) \|$`).FindStringSubmatch(row[0])
		if link == nil || !slices.ContainsFunc(slices.Collect(maps.Values(files[row[1]])), func(f []string) bool { return slices.Contains(f, link[1]) }) {
			t.Errorf("README.md, %s: want a link to a file that shows it, have %s", row[1], row[0])
		}
	}
}

func readText(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
