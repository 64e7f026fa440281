package crdttest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// Tier is what a history needs to know of partitions with a [Disk].
type Tier struct {
	// Opened is told of every partition that has been opened. Default: nobody is.
	Opened func(*crdt.Partition)
	// Restarted returns what a partition without a tier would be after a restart that
	// kept exactly what a tier keeps.
	Restarted func(*crdt.Partition) *crdt.Partition
}

// stored is what a replica whose partition has a tier is besides. Whatever happens to
// the partition happens to plain too, which has no tier: nobody may be able to tell
// them apart.
type stored struct {
	disk  *Disk
	plain *crdt.Partition
	late  *lateSave // that has been put and not committed
	saves []onDisk  // the last two
	keeps bool      // the last save was told to keep the digest
}

// lateSave is a save under way.
type lateSave struct {
	batch *Batch
	head  crdt.PartitionHead
	epoch uint64
	as    onDisk
	lost  bool
}

// onDisk is a replica as of a save.
type onDisk struct {
	disk   *Disk
	plain  *crdt.Partition
	forgot crdt.Horizon
	id     crdt.ReplicaID
}

// outcome is what becomes of a save.
type outcome int

const (
	done    outcome = iota // it is on disk
	late                   // it gets there when the next one begins, unless a crash comes before
	lost                   // it fails when the next one begins
	refused                // the batch is full at once or after some puts
	failed                 // the commit fails
	unheard                // it is on disk, but said to have failed
	numOutcomes
)

var outcomeNames = [numOutcomes]string{"done", "late", "lost", "refused", "failed", "unheard"}

// String returns the outcome as scripts write it.
func (o outcome) String() string { return outcomeNames[o] }

func (p *parser) outcome() int {
	w := p.word()
	i := slices.Index(outcomeNames[:], w)
	if i < 0 && p.err == nil {
		p.err = fmt.Errorf("%q is no outcome of a save", w)
	}
	return max(i, 0)
}

// lapses are what passes at once in histories with a tier, in milliseconds: less than
// a step of digests, or about what a partition looks ahead.
var lapses = []int64{5, 700, 9_000, 40_000}

// store makes s, now and then, a step of a history with a tier.
func (g *generator) store(s *step) bool {
	switch p := g.IntN(100); {
	case p < 14:
		s.action = storeChanges
		if g.IntN(2) == 0 {
			s.count = g.IntN(int(numOutcomes))
		}
	case p < 28:
		s.action, s.key = releaseKey, g.keys[g.IntN(len(g.keys))]
	case p < 40:
		s.action, s.offset = sumUp, g.IntN(4)
	case p < 43:
		s.action, s.other = crash, g.IntN(2)
	case p < 45:
		s.action = reopen
	case p < 50:
		s.action, s.millis = passTime, g.lapse*(1+g.Int64N(4))
		g.wall += s.millis
	default:
		return false
	}
	return true
}

// openEmpty gives a new replica an empty disk, if it is to have one.
func (w *world) openEmpty(r *replica) {
	if w.tier == nil {
		return
	}
	r.stored = &stored{saves: []onDisk{{disk: &Disk{}, plain: &crdt.Partition{}, id: r.id}}}
	if err := w.open(r, r.stored.saves[0]); err != nil {
		panic("crdttest: an empty disk: " + err.Error())
	}
}

// open begins a replica's partition again from a save.
func (w *world) open(r *replica, from onDisk) error {
	s := r.stored
	s.disk, s.plain, s.late = from.disk.Clone(), w.tier.Restarted(from.plain), nil
	h, err := s.disk.Head()
	if err != nil {
		return err
	}
	r.part = crdt.Partition{}
	if err := r.part.Open(s.disk, h); err != nil {
		return err
	}
	if w.tier.Opened != nil {
		w.tier.Opened(&r.part)
	}
	r.forgot = from.forgot
	return nil
}

// runStored does one of the steps that only replicas with a tier do.
func (w *world) runStored(r *replica, s step) (keys []string, err error) {
	if r.stored == nil {
		return nil, nil
	}
	switch s.action {
	case storeChanges:
		err = w.store(r, outcome(s.count))
	case releaseKey:
		err = r.release(s.key)
	case crash:
		err = w.crash(r, s.other)
		keys = w.keys()
	case reopen:
		if err = w.storeAll(r); err == nil {
			err = w.open(r, r.stored.saves[0])
		}
		keys = w.keys()
	case sumUp:
		err = w.sumUp(r, s.offset)
	}
	return keys, err
}

// store saves a replica's changes.
func (w *world) store(r *replica, how outcome) error {
	s := r.stored
	if s.late != nil {
		if _, _, err := r.part.Save(s.late.batch.Put); !errors.Is(err, crdt.ErrSaving) {
			return fmt.Errorf("save during a save: want %w, have %w", crdt.ErrSaving, errOr(err))
		}
		if err := w.finish(r, s.late); err != nil || how != done {
			return err // What changes before the next one meets what came of this.
		}
	}
	batch := s.disk.Batch()
	if how == refused {
		batch.Room = 1
	}
	if s.keeps = !s.keeps; s.keeps {
		r.part.KeepDigest()
	}
	head, epoch, err := r.part.Save(batch.Put)
	if how == refused && errors.Is(err, ErrFull) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("save: %w", err)
	}
	if !r.part.IsSaved() {
		return fmt.Errorf("save: want nothing new to say, have some")
	}
	l := &lateSave{batch, head, epoch, onDisk{plain: w.tier.Restarted(s.plain), forgot: r.forgot.Clone(), id: r.id}, how == lost}
	switch how {
	case late, lost:
		s.late = l
		return nil
	case failed:
		s.disk.lost = true
		r.part.Unsaved(epoch)
		return nil
	default:
		return w.commit(r, l, how == unheard)
	}
}

// finish ends a save that was under way.
func (w *world) finish(r *replica, l *lateSave) error {
	if !l.lost {
		return w.commit(r, l, false)
	}
	r.stored.late, r.stored.disk.lost = nil, true
	r.part.Unsaved(l.epoch)
	return nil
}

// commit puts a save on the disk, which the partition hears of or not.
func (w *world) commit(r *replica, l *lateSave, isUnheard bool) error {
	s := r.stored
	s.late = nil
	l.batch.Commit(l.head)
	if isUnheard {
		s.disk.torn = true
		r.part.Unsaved(l.epoch)
	} else {
		r.part.Saved(l.epoch)
	}
	l.as.disk = s.disk.Clone()
	s.saves = append(s.saves, l.as)
	s.saves = s.saves[max(len(s.saves)-2, 0):]
	return s.disk.Audit()
}

// storeAll saves everything, so that no crash goes back behind it.
func (w *world) storeAll(r *replica) error {
	if r.stored == nil {
		return nil
	}
	if err := w.store(r, done); err != nil {
		return err
	}
	if keys, held := r.part.Dirty(); keys != 0 || held != 0 {
		return fmt.Errorf("all is saved: want nothing dirty, have %d keys of %d bytes", keys, held)
	}
	r.stored.saves = r.stored.saves[len(r.stored.saves)-1:]
	return nil
}

// release drops a key from memory if it may.
func (r *replica) release(key string) error {
	before := r.part.Bytes()
	released := r.part.Release(key)
	if again := r.part.Release(key); again {
		return fmt.Errorf("%s was released twice", key)
	}
	if less := r.part.Bytes() < before; less != released {
		return fmt.Errorf("%s was released: %t, and bytes went from %d to %d", key, released, before, r.part.Bytes())
	}
	return nil
}

// crash loses what r has in memory and goes back to a save. What it wrote since is
// lost, unless others have it; its numbers are not used again.
func (w *world) crash(r *replica, back int) error {
	s := r.stored
	from := s.saves[len(s.saves)-1-back%len(s.saves)]
	s.saves = []onDisk{from}
	w.begin(r)
	r.held = nil
	err := w.open(r, from)
	w.dropUncaused()
	return err
}

// exchanges returns how often two meet in the end until all have seen the same: what
// one has lost may be held back by others, until they have its cause from a third.
func (w *world) exchanges() int {
	rounds := 1
	if w.tier != nil {
		rounds = 3
		for _, r := range w.replicas {
			rounds += len(r.held)
		}
	}
	return rounds * (len(w.replicas) - 1)
}

// dropUncaused drops the deltas held back whose causes have been lost: nobody has them,
// applied or held back. Whatever else is held back must still be applied in the end, so
// what is ready is found out here and not asked of the package that is checked.
func (w *world) dropUncaused() {
	var known crdt.Vector
	for _, r := range w.replicas {
		known = known.Join(w.seenBy(r))
	}
	for more := true; more; {
		more = false
		for _, r := range w.replicas {
			for _, d := range r.held {
				ready := known.Get(d.Dot.Replica)+1 >= d.From && known.CoversAll(d.Deps)
				if ready && !known.Covers(d.Dot) {
					known, more = known.Advance(d.Dot), true
				}
			}
		}
	}
	for _, r := range w.replicas {
		r.held = slices.DeleteFunc(r.held, func(d *crdt.Delta) bool { return !known.Covers(d.Dot) })
	}
}

// durable returns all that r has seen even if it crashes.
func (w *world) durable(r *replica) crdt.Vector {
	v := w.seenBy(r)
	if r.stored != nil {
		for _, s := range r.stored.saves {
			v = v.Meet(w.full(s.plain.Vector()))
		}
	}
	return v
}

// apply applies a delta to r's partition, with and without a tier.
func (r *replica) apply(d *crdt.Delta) error {
	err := r.part.Apply(d)
	if r.stored != nil {
		if plain := r.stored.plain.Apply(d); errOr(plain).Error() != errOr(err).Error() {
			return fmt.Errorf("apply %v: with a tier %w, without %w", d.Dot, errOr(err), errOr(plain))
		}
	}
	return err
}

// adopt takes a state in place of r's own.
func (r *replica) adopt(s *crdt.Snapshot) {
	r.part.Adopt(s)
	if r.stored != nil {
		r.stored.plain.Adopt(s)
	}
}

// collectPlain lets the partition without a tier forget as the other did.
func (w *world) collectPlain(r *replica, now int64, most, expired int, c crdt.Collected) error {
	if r.stored == nil {
		return nil
	}
	p := r.stored.plain
	if want := p.Expire(now, most); want != expired {
		return fmt.Errorf("without a tier %d keys have expired, with it %d", want, expired)
	}
	want := p.Collect(now, func(v crdt.Vector, after crdt.HLC) bool { return w.stable(r, v, after) })
	if want != c {
		return fmt.Errorf("without a tier %+v, with it %+v", want, c)
	}
	return nil
}

// sumUp compares digests, so many steps ahead.
func (w *world) sumUp(r *replica, ahead int) error {
	p, plain := &r.part, r.stored.plain
	at := (w.now(r)/crdt.DigestStep + int64(ahead)) * crdt.DigestStep
	want, may := plain.Digest(at)
	if have, ok := p.Digest(at); have != want || ok != may {
		return fmt.Errorf("digest at %d: without a tier %v, %t, with it %v, %t", at-epoch, want, may, have, ok)
	}
	each := func(p *crdt.Partition) map[string]uint64 {
		m := map[string]uint64{}
		p.EachDigest(at, func(key string, d uint64) bool { m[key] = d; return true })
		return m
	}
	if want, have := each(plain), each(p); !maps.Equal(want, have) {
		return fmt.Errorf("digests at %d: without a tier %v, with it %v", at-epoch, want, have)
	}
	return nil
}

// compareStored checks that what r holds is what it would hold without a tier.
func (w *world) compareStored(r *replica) error {
	if r.stored == nil {
		return nil
	}
	p, plain := &r.part, r.stored.plain
	if err := p.Err(); err != nil {
		return err
	}
	if want, have := plain.Waiting(), p.Waiting(); want.Keys != have.Keys || want.Bytes != have.Bytes ||
		want.Since != have.Since || !want.Mark.Equal(have.Mark) {
		return fmt.Errorf("without a tier there waits %+v, with it %+v", want, have)
	}
	wantKeys, wantBytes := plain.Kept()
	if keys, size := p.Kept(); keys != wantKeys || size != wantBytes || p.Len() != keys || p.Bytes() > size {
		return fmt.Errorf("without a tier %d keys of %d bytes are kept, with it %d of %d, %d in memory",
			wantKeys, wantBytes, keys, size, p.Bytes())
	}
	before := p.Bytes()
	if want, have := canonical(plain), canonical(p); !bytes.Equal(want, have) {
		return fmt.Errorf("without a tier the state is %x, with it %x", want, have)
	}
	if !slices.Equal(plain.Keys(), p.Keys()) || p.Bytes() != before {
		return fmt.Errorf("without a tier the keys are %q, with it %q; bytes in memory went from %d to %d",
			plain.Keys(), p.Keys(), before, p.Bytes())
	}
	return nil
}
