package nodetest

import (
	"errors"
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	"github.com/atollcache/atoll/node/core"
)

// disk is the disk at a place. It outlasts the lives there.
type disk struct {
	w  *world
	at int
	// tiers are what the present life reads of each partition: what was committed last.
	tiers []*crdttest.Disk
	// images are what was committed since the last sync, the oldest first: a crash that
	// loses what was not synced leaves one of them. The first is synced.
	images []image
	// damaged partitions cannot be read, until something else is kept of them.
	damaged []bool
	failed  error // nothing can be changed any more before the next process
	fail    bool  // the next change fails
	resting bool  // nobody uses it, and vectors are what it has
	vectors []crdt.Vector
	again   bool       // the next life goes on in the same process
	blind   bool       // and does not look at what is here
	highest crdt.HLC   // that lives of this process have given out or seen, where it is known
	stamped []crdt.HLC // by partition, the highest that was given out here
	ops     uint64     // numbers what is drawn
}

// image is what a disk holds. It does not change; the next one replaces it.
type image struct {
	parts []*crdttest.Disk // by partition; nil where nothing is kept
	life  crdt.ReplicaID
	clock crdt.HLC
	clean bool
}

var (
	errDamaged = errors.New("checksum does not match")
	errFails   = errors.New("input/output error")
	errFull    = errors.New("batch is full")
)

func (w *world) newDisk(at int) *disk {
	n := w.cfg.Partitions.Count()
	d := &disk{w: w, at: at, damaged: make([]bool, n), vectors: make([]crdt.Vector, n), stamped: make([]crdt.HLC, n)}
	d.images = []image{{parts: make([]*crdttest.Disk, n)}}
	return d
}

// last returns what was committed last.
func (d *disk) last() *image { return &d.images[len(d.images)-1] }

// push makes an image the last one.
func (d *disk) push(i image, synced bool) {
	if d.images = append(d.images, i); synced {
		d.images = []image{i}
	}
}

// chance draws whether something happens that does so in so many percent of cases.
func (d *disk) chance(percent int) bool { return d.draw(100) < percent }

// draw returns a number below n. What is drawn for a disk depends on nothing but what
// the disk did before.
func (d *disk) draw(n int) int {
	d.ops++
	d.w.pcg.Seed(d.w.seed, uint64(d.at)<<48|d.ops|1<<63)
	return d.w.rand.IntN(n)
}

// mount makes the tiers for a life.
func (d *disk) mount() {
	d.resting, d.failed, d.fail = false, nil, false
	d.tiers = d.tiers[:0]
	for p, x := range d.last().parts {
		if x == nil {
			x = &crdttest.Disk{}
		}
		x = x.Clone()
		x.Fail = func(string) error {
			if d.damaged[p] {
				return errDamaged
			}
			return nil
		}
		d.tiers = append(d.tiers, x)
	}
}

// rest notes that nobody uses the disk any more, and what it has.
func (d *disk) rest() {
	d.resting = true
	for p := range d.vectors {
		d.vectors[p] = d.vector(d.last(), partition(p))
	}
}

// vector returns what an image has of a partition.
func (d *disk) vector(i *image, p partition) crdt.Vector {
	if i.parts[p] == nil || d.damaged[p] {
		return nil
	}
	head, err := i.parts[p].Head()
	if err != nil {
		d.w.broken("%s, partition %d: head on disk: %w", d.w.places[d.at].name, p, err)
	}
	return d.w.parts[p].full(head.Vector)
}

// hasWhole reports whether something that a crash may leave has a key, not only what is left
// of an evicted one.
func (d *disk) hasWhole(p partition, key string) bool {
	return slices.ContainsFunc(d.images, func(i image) bool {
		if i.parts[p] == nil {
			return false
		}
		e, err := i.parts[p].Load(key)
		return err != nil || e != nil && !e.IsEvicted()
	})
}

// crash leaves what a crash leaves of what was committed.
func (d *disk) crash(loses bool) {
	if loses {
		d.w.counts.Losses++
		d.images = d.images[:1+d.draw(len(d.images))]
	}
	d.images = []image{*d.last()}
}

// Tier implements core.Disk.
func (d *disk) Tier(p partition) crdt.Tier { return d.tiers[p] }

// Head implements core.Disk.
func (d *disk) Head(p partition) (crdt.PartitionHead, bool, error) {
	if d.last().parts[p] == nil {
		return crdt.PartitionHead{}, false, nil
	}
	head, err := d.last().parts[p].Head()
	return head, true, err
}

// setMeta keeps a life and a bound of its stamps, and all that was committed before.
func (d *disk) setMeta(life crdt.ReplicaID, clock crdt.HLC) {
	i := *d.last()
	i.life, i.clock, i.clean = life, clock, false
	d.push(i, true)
}

// markClean says that everything is there.
func (d *disk) markClean() {
	i := *d.last()
	i.clean = true
	d.push(i, true)
}

// clear forgets all partitions.
func (d *disk) clear() {
	i := *d.last()
	i.parts = slices.Clone(i.parts)
	for p := range i.parts {
		d.drop(&i, partition(p))
	}
	d.push(i, true)
}

// drop forgets a partition, in the image that is to be the next.
func (d *disk) drop(i *image, p partition) {
	none := d.tiers[p].Batch()
	_ = none.Put(crdt.Put{Clear: true}) // It has room.
	none.Commit(crdt.PartitionHead{})
	i.parts[p], d.damaged[p] = nil, false
}

// batch is a change of a disk. It implements core.Batch.
type batch struct {
	d     *disk
	saves []saved
	drops []partition
	bytes int
}

// saved is what a batch has of one partition.
type saved struct {
	p     partition
	rows  *crdttest.Batch
	head  crdt.PartitionHead
	clear bool // nothing counts of what there was before
}

// perPut is about how many bytes a change of one key takes.
const perPut = 100

// Save implements core.Batch.
func (b *batch) Save(p partition, from *crdt.Partition) (epoch uint64, err error) {
	s, bytes := saved{p: p, rows: b.d.tiers[p].Batch()}, b.bytes
	s.head, epoch, err = from.Save(func(u crdt.Put) error {
		if bytes += perPut; bytes > 2*b.d.w.disks.batch && len(b.saves) > 0 {
			return errFull
		}
		s.clear = s.clear || u.Clear
		return s.rows.Put(u)
	})
	if err != nil {
		return 0, err
	}
	b.bytes = bytes
	b.saves = append(b.saves, s)
	return epoch, nil
}

// Drop implements core.Batch.
func (b *batch) Drop(p partition) error {
	b.drops = append(b.drops, p)
	b.bytes += perPut
	return nil
}

// Bytes implements core.Batch.
func (b *batch) Bytes() int { return b.bytes }

func (b *batch) isEmpty() bool { return len(b.saves)+len(b.drops) == 0 }

// commit has the disk answer with a batch.
func (b *batch) commit(synced bool) {
	d := b.d
	i := *d.last()
	i.parts, i.clean = slices.Clone(i.parts), false
	for _, p := range b.drops {
		d.drop(&i, p)
	}
	for _, s := range b.saves {
		d.damaged[s.p] = d.damaged[s.p] && !s.clear
		s.rows.Commit(s.head)
		i.parts[s.p] = d.tiers[s.p].Clone()
		if err := i.parts[s.p].Audit(); err != nil {
			d.w.broken("%s, partition %d: %w", d.w.places[d.at].name, s.p, err)
		}
	}
	d.push(i, synced)
}

var (
	_ core.Disk  = (*disk)(nil)
	_ core.Batch = (*batch)(nil)
)
