package core

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Change is what has happened to a key of a partition, or, when it has no key, to
// keys that are not known one by one.
type Change struct {
	Partition region.Partition
	Key       string
	HasKey    bool
	// Delta is what was written, nil for a key that has expired or was repaired. It is to
	// read, until Changed returns.
	Delta *crdt.Delta
	// Expired says that the key's time to expire has come, or that of some of its
	// fields, as ByField then says.
	Expired, ByField bool
	// Before and After say whether the key existed.
	Before, After bool
}

// Observer is told of the changes of the partitions that a node holds.
type Observer interface {
	// Observes reports whether changes are to be told of at all.
	Observes() bool
	// Changed tells of a change, in the order in which they happen to a partition. It
	// is called with the partition's lock held: it returns at once and calls nothing
	// of the core.
	Changed(Change)
}

// observed is a partition that tells of its changes.
type observed struct {
	*crdt.Partition
	id  region.Partition
	now func() int64
	to  Observer
}

// store returns the state as its engine is to see it.
func (s *Shard) store(cfg Config) cachesync.Store {
	if cfg.Observer == nil {
		return &s.mu.state
	}
	return observed{&s.mu.state, s.id, s.Now, cfg.Observer}
}

// around tells of what f does to a key.
func (o observed) around(c Change, f func() bool) {
	if !o.to.Observes() {
		f()
		return
	}
	now := o.now()
	c.Partition, c.HasKey = o.id, true
	c.Before = o.shows(c.Key, now)
	if f() {
		c.After = o.shows(c.Key, now)
		o.to.Changed(c)
	}
}

// shows reports whether a key exists. One that was evicted here does, for all that is
// known.
func (o observed) shows(key string, now int64) bool {
	v := o.Entry(key).View(now)
	return v.Exists() || v.IsEvicted()
}

// unknown tells that keys have changed that are not known one by one.
func (o observed) unknown() {
	if o.to.Observes() {
		o.to.Changed(Change{Partition: o.id})
	}
}

// Apply implements cachesync.Store.
func (o observed) Apply(d *crdt.Delta) error {
	if !o.to.Observes() {
		return o.Partition.Apply(d)
	}
	var err error
	o.around(Change{Key: d.Key, Delta: d}, func() bool {
		err = o.Partition.Apply(d)
		return err == nil
	})
	return err
}

// Join implements cachesync.Store.
func (o observed) Join(s *crdt.Snapshot) error {
	err := o.Partition.Join(s)
	if err == nil {
		o.unknown()
	}
	return err
}

// Adopt implements cachesync.Store.
func (o observed) Adopt(s *crdt.Snapshot) {
	o.Partition.Adopt(s)
	o.unknown()
}

// Repair implements cachesync.Store.
func (o observed) Repair(key string, e *crdt.Entry, seen crdt.Vector, at int64) (changed bool) {
	o.around(Change{Key: key}, func() bool {
		changed = o.Partition.Repair(key, e, seen, at)
		return changed
	})
	return changed
}

// Expire implements cachesync.Store.
func (o observed) Expire(now int64, limit int) int {
	if !o.to.Observes() {
		return o.Partition.Expire(now, limit)
	}
	return o.Partition.ExpireEach(now, limit, func(key string, shows bool) {
		o.to.Changed(Change{
			Partition: o.id, Key: key, HasKey: true, Expired: true, Before: true, After: shows,
			ByField: shows || o.Entry(key).ExpireAt() > now,
		})
	})
}
