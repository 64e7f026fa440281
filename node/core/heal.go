package core

import (
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// stepDisk does what is due about the disk.
func (c *Core) stepDisk(now time.Time) error {
	d := c.disk
	if d == nil || c.State() == Gone {
		return nil
	}
	if !c.step.delivered {
		if err := c.holdKept(); err != nil {
			return err
		}
		c.step.delivered = true
	}
	if c.step.heal.isDue(now) && d.broken.Swap(false) {
		c.heal()
	}
	return nil
}

// isEarly reports whether the node's clock has yet to come near the stamps that a
// former life may have given out: writes would be refused till then. It is waited for
// as long as a life is given stamps ahead of time for, and no longer.
func (c *Core) isEarly() bool {
	if c.disk == nil {
		return false
	}
	ahead := time.Duration(c.cfg.Kept.Clock.Millis()-c.cfg.Now().UnixMilli()) * time.Millisecond
	return ahead > 0 && ahead <= MaxLead
}

// MaxLead is how far ahead of the clock the bound of stamps may be set. A life that
// begins after an unclean stop waits for so long at most.
const MaxLead = time.Second

// healEvery is the beat at which partitions that cannot be read are looked after.
const healEvery = 100 * time.Millisecond

// heal sees to the partitions that the disk has failed to give. Where somebody else
// serves one it is filled anew from there; otherwise its commands get errors, and what
// the disk has of it stays as it is.
func (c *Core) heal() {
	left := 0
	for _, s := range c.Shards() {
		var err error
		s.Look(func(_ *cachesync.Engine, state *crdt.Partition) { err = state.Err() })
		if err == nil {
			continue
		}
		if near, far := c.expected(s.id); len(near)+len(far) == 0 {
			left++
			if !c.disk.told {
				c.disk.told = true
				c.cfg.Log.Error("partition cannot be read, and no other node has it: its commands get errors", "partition", s.id, "err", err)
			}
			continue
		}
		c.cfg.Log.Error("partition cannot be read: it is filled anew from other nodes", "partition", s.id, "err", err)
		c.replace(s)
	}
	if left > 0 {
		c.disk.broken.Store(true)
	}
}

// replace puts an empty shard in the place of one whose state is lost.
func (c *Core) replace(old *Shard) {
	c.holding.Lock()
	defer c.holding.Unlock()
	p := old.id
	if c.Shard(p) != old || c.State() == Gone {
		return
	}
	writer := old.nextWriter()
	if writer.Life() != c.self.Life() {
		c.Outlive("a partition could not be read too many times")
		return
	}
	old.leaveDisk()
	s := c.blankShard(p, writer)
	s.healing = true
	s.obey(*c.paused.Load())
	c.shards[p].Store(s)
	old.close() // Its commands begin again with the other.
	c.cfg.Memory.leave(old)
}

// Warm returns the shard that a read is answered from before the node is ready, nil
// when it has to wait: the life has begun with the partition, and no other node of the
// region has been heard that serves it, and so may have taken writes since.
func (c *Core) Warm(p region.Partition) *Shard {
	s := c.Shard(p)
	if s == nil || !s.warm || c.State() >= Ready {
		return nil
	}
	if ring := c.Place().serving[c.cfg.Region]; ring != nil && ring.Len() > 0 {
		return nil
	}
	return s
}
