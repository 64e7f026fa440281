package core

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	cachesync "github.com/atollcache/atoll/sync"
)

// TestHealedLeavesMemory: what a shard kept in memory that the disk could not give any more
// is not counted once another one has taken its place, and is not asked to leave either.
func TestHealedLeavesMemory(t *testing.T) {
	w, s, m := newWorld(t), newStore(8), NewMemory()
	m.LimitEntries(1<<20, AllKeys)
	one := w.onDisk("eu-1", s, Kept{}, func(c *Config) { c.Memory = m })
	two := w.onDisk("eu-2", newStore(8), Kept{}, nil)
	w.until("ready", func() bool { return one.State() == Ready && two.State() == Ready })
	w.pass(3 * time.Second)
	for i := range 40 {
		one.expect("written", "OK", "SET", "k"+strconv.Itoa(i), "v")
	}
	w.pass(time.Second)
	one.save(s, 100)
	before := one.Shards()
	for _, d := range s {
		d.Fail = func(string) error { return errors.New("bad block") }
	}
	for _, old := range before {
		old.Look(func(_ *cachesync.Engine, state *crdt.Partition) { state.Entry("none") }) // Nobody has it: the disk is read.
		if _, isTold := m.shards[old]; !isTold {
			t.Fatalf("partition %d: want it in the budget", old.id)
		}
		one.disk.broken.Store(true)
	}
	for _, d := range s {
		d.Fail = nil
	}
	w.until("all replaced and filled", func() bool {
		for _, old := range before {
			if now := one.Shard(old.id); now == old || !now.IsReady() {
				return false
			}
		}
		return true
	})
	want := int64(0)
	for _, now := range one.Shards() {
		now.Look(func(_ *cachesync.Engine, state *crdt.Partition) {
			state.Each(func(key string, _ *crdt.Entry) bool {
				if _, bytes := state.Resident(key); bytes > 0 {
					want++
				}
				return true
			})
		})
	}
	for _, old := range before {
		if _, isLeft := m.shards[old]; isLeft {
			t.Errorf("partition %d has been replaced: want its shard out of the budget", old.id)
		}
	}
	if have := m.Stats().Resident; have != want || len(m.shards) != len(one.Shards()) || len(m.ids) != len(m.shards) {
		t.Errorf("want %d entries of %d shards in the budget, have %d of %d, %d", want, len(one.Shards()), have, len(m.shards), len(m.ids))
	}
}
