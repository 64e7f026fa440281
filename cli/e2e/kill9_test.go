package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/client"
)

var kills = flag.Int("kills", 10, "rounds of TestKill9, in all its settings together")

// lossWindow is what nodes that save in intervals are told that they may lose.
const lossWindow = time.Second

// killWriters is how many clients write at once.
const killWriters = 8

// TestKill9 kills nodes that have a data directory at any moment, while they are written
// to and while they start, and starts them again, round after round. What was
// acknowledged is there afterwards, with the durability sync all of it, with interval
// what is older than the window. No round needs more than that the node is started.
func TestKill9(t *testing.T) {
	programs(t)
	if _, err := group.id(); err != nil {
		t.Fatal(err)
	}
	settings := []struct {
		name, durability string
		nodes            int
	}{
		{"alone, sync", "sync", 1}, {"with a peer, sync", "sync", 2},
		{"alone, interval", "interval", 1}, {"with a peer, interval", "interval", 2},
	}
	for i, s := range settings {
		rounds := (*kills + i) / len(settings)
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			newKilled(t, s.durability, s.nodes).run(rounds)
		})
	}
}

// killed is a region whose nodes are killed.
type killed struct {
	*testing.T
	random *rand.Rand
	nodes  []*process
	client *client.Client
	exact  bool // nothing that was acknowledged may be lost

	struck time.Time // when nodes were killed last
	ready  time.Time // when they were there again
	notes  []*note   // of all keys ever written
	count  tally
	stall  time.Duration // how long the machine's disk has taken for a few bytes before the last kill, at most
	slow   int           // rounds in which that was too long for the window
	first  time.Time     // when the first of what the last kill took was acknowledged
	last   time.Time
	dir    string
	lost   int           // acknowledged writes that were lost within the window
	oldest time.Duration // the oldest of them, before the kill
	down   time.Duration // the longest time from a node's start until it was ready
}

// newKilled starts a region.
func newKilled(t *testing.T, durability string, nodes int) *killed {
	t.Helper()
	dir := logDir(t)
	server := newNATSServer(t, dir, "s1")
	server.configure(dir)
	server.start()
	k := &killed{T: t, dir: dir, exact: durability == "sync"}
	drawn := *seed
	if drawn == 0 {
		drawn = rand.Uint64()
	}
	k.random = rand.New(rand.NewPCG(drawn, uint64(nodes)))
	url := "nats://" + loopback(server.client)
	for i := range nodes {
		name := fmt.Sprintf("eu-%d", i+1)
		data := filepath.Join(dir, name)
		if err := os.RemoveAll(data); err != nil { // Of an earlier run that kept its logs.
			t.Fatal(err)
		}
		n := newProcess(t, dir, name, `"ready":true`, programs(t).atoll, "serve", "--json", "--cluster", clusterName, "--region", "eu",
			"--name", name, "--nats", url, "--data-dir", data, "--durability", durability, "--durability-interval", lossWindow.String())
		n.start()
		k.nodes = append(k.nodes, n)
	}
	nc, err := connect(url, "kill9")
	if err == nil {
		t.Cleanup(nc.Close)
		k.client, err = client.New(nc, client.WithCluster(clusterName), client.WithRegion("eu"))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.client.Close() })
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d", drawn)
		}
	})
	return k
}

// run does so many rounds, and reads everything at last.
func (k *killed) run(rounds int) {
	for round := range rounds {
		k.round(round)
		if k.Failed() {
			return
		}
	}
	k.check(k.notes)
	k.Logf("%d rounds, %d keys written, %d acknowledged writes lost, the oldest of them %v before the kill; ready again within %v; the disk was too slow for the window in %d rounds",
		rounds, len(k.notes), k.lost, k.oldest.Round(time.Millisecond), k.down.Round(time.Millisecond), k.slow)
	for _, n := range k.nodes {
		n.stop()
	}
}

// round writes, kills, starts again, and looks at what is there.
func (k *killed) round(round int) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	written := make([][]*note, killWriters)
	counts := make([]tally, killWriters)
	for i := range killWriters {
		random := rand.New(rand.NewPCG(k.random.Uint64(), 0))
		wg.Go(func() { written[i], counts[i] = k.write(random, fmt.Sprintf("r%d-w%d", round, i), stop) })
	}
	k.stall = k.probe(time.Duration(k.random.Int64N(int64(2 * lossWindow))))
	k.struck = time.Now()
	victims := k.kill()
	close(stop)
	// Some do not live to serve: they are killed once more while they start.
	for k.random.IntN(4) == 0 {
		for _, n := range victims {
			n.launch()
		}
		<-time.After(time.Duration(k.random.Int64N(int64(1200 * time.Millisecond))))
		for _, n := range victims {
			n.kill()
		}
	}
	began := time.Now()
	for _, n := range victims {
		n.start()
	}
	k.down = max(k.down, time.Since(began))
	k.ready = time.Now()
	wg.Wait()
	var fresh []*note
	for i := range killWriters {
		fresh = append(fresh, written[i]...)
		k.count.add(&counts[i], k.mayBeLost)
	}
	k.notes = append(k.notes, fresh...)
	k.first, k.last = time.Time{}, time.Time{}
	k.check(fresh)
	k.checkSpread()
	k.checkCount()
}

// kill kills one of the nodes, or all at once.
func (k *killed) kill() []*process {
	victims := k.nodes
	if k.random.IntN(3) > 0 {
		victims = []*process{k.nodes[k.random.IntN(len(k.nodes))]}
	}
	for _, n := range victims {
		n.kill()
	}
	return victims
}

// write writes until it is told to stop: keys of its own, of which it removes some, and
// one counter for all. A call that is under way then goes on for as long as calls do,
// which try again.
func (k *killed) write(random *rand.Rand, name string, stop chan struct{}) (notes []*note, count tally) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return notes, count
		default:
		}
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		switch random.IntN(8) {
		case 0:
			_, err := k.client.Incr(ctx, killCounter, 1)
			count.note(err)
		case 1:
			if len(notes) > 0 {
				o := notes[random.IntN(len(notes))]
				_, err := k.client.Del(ctx, o.key)
				o.gone.note(err)
				break
			}
			fallthrough
		default:
			o := &note{key: fmt.Sprintf("%s-%d", name, i)}
			_, err := k.client.Set(ctx, o.key, o.key)
			o.there.note(err)
			notes = append(notes, o)
		}
		cancel()
	}
}
