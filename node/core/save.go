package core

import (
	"errors"
	"maps"
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Pass saves everything that had changed in the partitions when it began, in batches
// of bounded size:
//
//	pass := core.NewPass()
//	for more := true; more; {
//		b := …                        // an empty batch
//		more, err = pass.Fill(b, most)
//		pass.Committed(commit(b))
//	}
//	sync()
//	pass.Synced()
//
// One pass is under way at a time.
type Pass struct {
	c      *Core
	next   int // the partition to look at
	filled []saving
	done   []saving
	drops  []region.Partition
	left   int
}

// saving is what a pass has saved of a shard.
type saving struct {
	s      *Shard
	epoch  uint64
	vector crdt.Vector
}

// NewPass begins a pass.
func (c *Core) NewPass() *Pass { return &Pass{c: c} }

// Fill puts into an empty batch what is still to be saved, until it holds so many
// bytes, or what one partition needs. more says that there may be more, for another
// batch. After an error, of the batch, nothing more is to be saved: what was put is
// to be committed all the same, or reported as failed to [Pass.Committed].
func (p *Pass) Fill(b Batch, most int) (more bool, err error) {
	if p.c.disk == nil {
		return false, nil
	}
	if p.next == 0 {
		if err := p.drop(b); err != nil {
			return false, err
		}
	}
	for ; p.next < len(p.c.shards); p.next++ {
		s := p.c.shards[p.next].Load()
		if s == nil || !s.unsaved.Load() {
			continue
		}
		if b.Bytes() >= most && len(p.filled) > 0 {
			return true, nil
		}
		if err := p.save(b, s); err != nil && len(p.filled) > 0 {
			return true, nil // There may be room in an empty one.
		} else if err != nil {
			return false, err
		}
	}
	return false, nil
}

// drop puts into a batch that partitions go which are not held any more. One that is
// held again goes with its first save.
func (p *Pass) drop(b Batch) error {
	c := p.c
	c.holding.Lock()
	defer c.holding.Unlock()
	for _, q := range slices.Sorted(maps.Keys(c.disk.dropped)) {
		if c.Shard(q) != nil {
			delete(c.disk.dropped, q)
			continue
		}
		if err := b.Drop(q); err != nil {
			return err
		}
		p.drops = append(p.drops, q)
	}
	return nil
}

// save puts what has changed in a shard into a batch.
func (p *Pass) save(b Batch, s *Shard) error {
	s.mu.Lock()
	defer s.unlock()
	if s.mu.gone || s.healing && !s.IsReady() {
		return nil
	}
	s.unsaved.Store(false)
	if s.mu.state.Err() != nil {
		p.left++ // The next step deals with it.
		return nil
	}
	epoch, err := b.Save(s.id, &s.mu.state)
	switch {
	case s.mu.state.Err() != nil:
		p.left++
		return nil
	case errors.Is(err, crdt.ErrSaving):
		s.unsaved.Store(true)
		return nil
	case err != nil:
		s.unsaved.Store(true)
		return err
	}
	p.filled = append(p.filled, saving{s, epoch, s.mu.state.Vector().Clone()})
	return nil
}

// Committed says whether the batch that was filled last has been committed: whether
// the disk answers with it. What has not been is to be saved again.
func (p *Pass) Committed(err error) {
	if err == nil && len(p.drops) > 0 {
		p.c.holding.Lock()
		for _, q := range p.drops {
			delete(p.c.disk.dropped, q)
		}
		p.c.holding.Unlock()
	}
	p.drops = nil
	for _, f := range p.filled {
		f.s.mu.Lock()
		if err == nil {
			f.s.mu.state.Saved(f.epoch)
			p.done = append(p.done, f)
		} else {
			f.s.mu.state.Unsaved(f.epoch)
			f.s.unsaved.Store(true)
		}
		f.s.unlock()
	}
	p.filled = nil
}

// Synced says that all that the pass has committed is durable.
func (p *Pass) Synced() {
	for _, f := range p.done {
		f.s.Do(func(e *cachesync.Engine) { p.c.keep(e, f.vector) })
	}
	p.done = nil
}

// Saved returns how many partitions the pass has saved.
func (p *Pass) Saved() int { return len(p.done) + len(p.filled) }

// Left returns how many partitions had something to save and cannot be saved, because
// they cannot be read.
func (p *Pass) Left() int { return p.left }

// account brings up to date what is known of what a shard has not saved. The caller
// holds the lock.
func (s *Shard) account() {
	keys, bytes := s.mu.state.Dirty()
	if s.mu.gone {
		keys, bytes = 0, 0
	}
	s.disk.keys.Add(int64(keys - s.mu.dirtyKeys))
	s.disk.bytes.Add(int64(bytes - s.mu.dirtyBytes))
	s.mu.dirtyKeys, s.mu.dirtyBytes = keys, bytes
	if s.mu.state.Err() != nil {
		s.disk.broken.Store(true)
		return
	}
	if !s.unsaved.Load() && !s.mu.state.IsSaved() {
		s.unsaved.Store(true)
	}
}

// unlock gives the lock back, having seen what has changed.
func (s *Shard) unlock() {
	if s.disk != nil {
		s.account()
	}
	s.mu.Unlock()
}

// KeepDigests has the next pass, which is to be a life's last, save what its partitions
// show, where that is known: the life that begins with them need not read all of them to
// compare them with those of others.
func (c *Core) KeepDigests() {
	if c.disk == nil {
		return
	}
	for _, s := range c.Shards() {
		s.mu.Lock()
		s.mu.state.KeepDigest()
		s.unlock()
	}
}

// leaveDisk says that nothing of a shard is to be saved any more.
func (s *Shard) leaveDisk() {
	s.mu.Lock()
	defer s.unlock()
	s.mu.gone = true
}
