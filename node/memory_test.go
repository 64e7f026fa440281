package node_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/wire"
)

// TestEvictedIsNotRemoved lets the nodes of one region evict, and finds everything in the
// other and through the first.
func TestEvictedIsNotRemoved(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	ctx := t.Context()
	const keys, size = 200, 1000
	value := func(i int) string { return fmt.Sprintf("%d ", i) + strings.Repeat("v", size) }
	for i := range keys {
		if _, err := us.Set(ctx, fmt.Sprintf("k%d", i), value(i)); err != nil {
			t.Fatal(err)
		}
	}
	c.until("all has arrived", func() error { return wantString(eu, fmt.Sprintf("k%d", keys-1), value(keys-1)) })
	node.LimitEntries(us.Node, keys*size/4, core.AllKeys)
	if s := us.Memory(); s.Evicted < keys/2 || s.Entries > keys*size/4 {
		t.Fatalf("want most of %d keys evicted and at most %d bytes left, have %+v", keys, keys*size/4, s)
	}
	if s := eu.Memory(); s.Evicted != 0 {
		t.Fatalf("want nothing evicted in the other region, have %+v", s)
	}
	for i := range keys {
		key := fmt.Sprintf("k%d", i)
		if have, ok, err := us.Get(ctx, key); err != nil || !ok || have != value(i) {
			t.Fatalf("%s where it was evicted: want it brought back, have %.20q, %t, %v", key, have, ok, err)
		}
		if err := wantString(eu, key, value(i)); err != nil {
			t.Fatal(err)
		}
	}
	if s := us.Memory(); s.Entries > keys*size/4 {
		t.Fatalf("having read all: want at most %d bytes, have %+v", keys*size/4, s)
	}
	v, err := eu.Verify(ctx, 5)
	if err != nil || !v.Equal {
		t.Fatalf("want all equal, have %+v, %v", v, err)
	}
}

// TestNoEviction fills a node that does not evict: writes that add something are refused,
// reads, removals and what other nodes write go on.
func TestNoEviction(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	ctx := t.Context()
	const limit = 64 << 10
	node.LimitEntries(us.Node, limit, core.NoEviction)
	full := -1
	for i := 0; i < 1000 && full < 0; i++ {
		if _, err := us.Set(ctx, fmt.Sprintf("k%d", i), strings.Repeat("v", 1000)); err != nil {
			if err.Error() != "OOM command not allowed when used memory > 'maxmemory'." {
				t.Fatalf("want Redis's error, have %v", err)
			}
			full = i
		}
	}
	if s := us.Memory(); full < 30 || full > 70 || s.Entries > limit+2000 || s.Evicted != 0 || s.Refused != 1 {
		t.Fatalf("want a write refused at about %d bytes, have it at the %d-th, %+v", limit, full, s)
	}
	if _, err := us.HSet(ctx, "h", command.Field{Name: "f", Value: "v"}); err == nil {
		t.Error("HSET of a full node: want it refused")
	}
	if err := wantString(us, "k0", strings.Repeat("v", 1000)); err != nil {
		t.Errorf("GET of a full node: %v", err)
	}
	if _, err := eu.Set(ctx, "away", "v"); err != nil {
		t.Fatal(err)
	}
	c.until("what the other region wrote is here", func() error { return wantString(us, "away", "v") })
	for i := range 3 {
		if _, err := us.Del(ctx, fmt.Sprintf("k%d", i)); err != nil {
			t.Errorf("DEL of a full node: %v", err)
		}
	}
	if _, err := us.Set(ctx, "again", "v"); err != nil {
		t.Errorf("having removed something: want a write taken, have %v", err)
	}
}

// TestHitRatio reads popular keys of a set four times what may be kept, in a node whose
// region is alone, and writes those that it misses: most reads are hits, and what is left
// of the others does not add up.
func TestHitRatio(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us")
	us, ctx := c.nodes["us-1"], t.Context()
	const keys, size = 2000, 500
	node.LimitEntries(us.Node, keys*size/4, core.AllKeys)
	popular := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, keys-1)
	value := strings.Repeat("v", size)
	hits, asked := 0, 0
	for i := range 6000 {
		key := fmt.Sprintf("k%d", popular.Uint64())
		_, ok, err := us.Get(ctx, key)
		if err != nil {
			t.Fatal(err)
		}
		if i >= 2000 {
			asked++
			if ok {
				hits++
			}
		}
		if !ok {
			if _, err := us.Set(ctx, key, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ratio := float64(hits) / float64(asked); ratio < 0.7 {
		t.Errorf("want at least 0.7 of the reads to be hits, have %.2f", ratio)
	}
	node.BuryAll(us.Node)
	if n := node.Ghosts(us.Node); n != 0 {
		t.Errorf("there is nobody else to have anything: want no ghosts, have %d", n)
	}
}

// TestBuryOnlyWhatNobodyHas evicts in one region what the other has: it stays there.
func TestBuryOnlyWhatNobodyHas(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	ctx := t.Context()
	for i := range 100 {
		if _, err := us.Set(ctx, fmt.Sprintf("k%d", i), strings.Repeat("v", 1000)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		c.until("all has arrived", func() error { return wantString(eu, fmt.Sprintf("k%d", i), strings.Repeat("v", 1000)) })
	}
	node.LimitEntries(us.Node, 20_000, core.AllKeys)
	before := node.Ghosts(us.Node)
	node.BuryAll(us.Node)
	if after := node.Ghosts(us.Node); before < 50 || after != before {
		t.Fatalf("the other region has all: want the %d ghosts to stay, have %d", before, after)
	}
	node.LimitEntries(eu.Node, 20_000, core.AllKeys)
	node.BuryAll(us.Node)
	if after := node.Ghosts(us.Node); after >= before {
		t.Errorf("the other region has evicted most: want less than %d ghosts, have %d", before, after)
	}
	c.until("both show the same", func() error {
		v, err := us.Verify(ctx, 0)
		if err == nil && !v.Equal {
			err = fmt.Errorf("have %+v", v)
		}
		return err
	})
}

// TestTooLargeToStay asks a node for a key that another one has, and that is evicted again as
// soon as it has come back: it is not lost, so it is neither missed nor begun anew, and who
// asks is told once the wait for it is over.
func TestTooLargeToStay(t *testing.T) {
	t.Parallel()
	const wait = time.Second
	c := newCluster(t, func(cfg *node.Config) { cfg.SeenWait = wait })
	c.startAll(1, "us", "eu")
	us, eu, ctx := c.nodes["us-1"], c.nodes["eu-1"], t.Context()
	if _, err := eu.HSet(ctx, "h", command.Field{Name: "f", Value: "v"}); err != nil {
		t.Fatal(err)
	}
	c.until("it has arrived", func() error {
		if n, err := us.Exists(ctx, "h"); err != nil || n != 1 {
			return fmt.Errorf("%d, %v", n, err)
		}
		return nil
	})
	node.LimitEntries(us.Node, 1, core.AllKeys)
	for _, args := range [][]string{{"HGET", "h", "f"}, {"HSET", "h", "g", "w"}} {
		began := time.Now()
		if r := us.API.Do(ctx, cmd(args...))[0]; r.Type != wire.TypeError || !errors.Is(r.Err, wire.ErrUnavailable) || !strings.Contains(r.Err.Text, noStay) {
			t.Errorf("%q where it cannot stay: want it said that it %q, have %s", args, noStay, show(r))
		}
		if took := time.Since(began); took < wait || took > 3*wait {
			t.Errorf("%q where it cannot stay: want an answer after about %v, have it after %v", args, wait, took)
		}
	}
	if v, ok, err := eu.HGet(ctx, "h", "f"); err != nil || !ok || v != "v" {
		t.Errorf("where it is: want v, have %q, %t, %v", v, ok, err)
	}
	node.LimitEntries(us.Node, 1<<20, core.AllKeys)
	if v, ok, err := us.HGet(ctx, "h", "f"); err != nil || !ok || v != "v" {
		t.Errorf("there is room: want v, have %q, %t, %v", v, ok, err)
	}
}

// TestWarmLeavesEvicted: a node that reads from its disk alone, before it has joined the
// others, does not answer for a key that was evicted where it was filled from: it waits
// until others can be asked.
func TestWarmLeavesEvicted(t *testing.T) {
	t.Parallel()
	fs, joins := disks{}, 200*time.Millisecond
	c := newDiskCluster(t, fs, func(cfg *node.Config) {
		cfg.JoinWait, cfg.Sync.LogBytes = joins, 1
		if cfg.Name == "us-1" {
			cfg.Disk = node.DiskConfig{} // It evicts, and gives who joins a snapshot.
		}
	})
	one := c.startOne("us", "us-1")
	setAll(t, one, keysOf(200))
	node.LimitEntries(one.Node, 1, core.AllKeys)
	two := c.startOne("us", "us-2")
	setAll(t, two, []string{"there"})
	c.until("what is left has arrived", func() error {
		if n := node.Ghosts(two.Node); n == 0 {
			return fmt.Errorf("%d keys are evicted there", n)
		}
		return nil
	})
	c.untilEqual(two)
	two.stop()
	one.stop()
	joins = 20 * time.Second
	two = c.start("us", "us-2")
	wantAll(t, "not joined", two, []string{"there"})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if r := two.API.Do(ctx, cmd("GET", keysOf(1)[0]))[0]; r.Type != wire.TypeError || r.Err.Text != core.ErrNotReady.Text {
		t.Errorf("not joined: want it to wait in vain, have %s", show(r))
	}
	select {
	case <-two.Ready():
		t.Error("joined already: nothing was tested")
	default:
	}
}
