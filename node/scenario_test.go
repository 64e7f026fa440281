package node_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atollcache/atoll/node"
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
const scenarioWorlds = 3

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
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				if err := scenario.Run(ctx, w, scenarioRegions, s); err != nil {
					t.Errorf("%v", err)
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
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		list, err := scenario.Parse(filepath.Base(name), string(text), scenarioRegions)
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
	ahead atomic.Int64 // nanoseconds that the nodes' clock is ahead of the machine's
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
		// When the clock is set forward nobody has been silent, frozen or away.
		c.Members.SuspectAfter, c.FrozenAfter = long, long
		c.Sync = cachesync.Config{
			MaxSkew: long, HoldFor: long, HorizonFor: long, HorizonLeast: long,
			AnnounceAfter: 20 * time.Millisecond, AnnounceEvery: 200 * time.Millisecond, PullAfter: 20 * time.Millisecond,
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
	var out proto.Writer
	out.Array(len(args))
	for _, a := range args {
		out.Bulk(a)
	}
	if _, err := c.Write(out.Bytes()); err != nil {
		return v, err
	}
	if v, err = proto.NewValueReader(c).Read(); err == nil && v.Kind == '-' {
		err = errors.New(v.Text)
	}
	return v, err
}
