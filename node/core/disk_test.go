package core

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// store is a disk in memory.
type store map[region.Partition]*crdttest.Disk

func newStore(p region.Partitions) store {
	s := store{}
	for i := range p.Count() {
		s[region.Partition(i)] = &crdttest.Disk{}
	}
	return s
}

func (s store) Tier(p region.Partition) crdt.Tier { return s[p] }

func (s store) Head(p region.Partition) (crdt.PartitionHead, bool, error) {
	h, err := s[p].Head()
	return h, len(h.Vector) > 0, err
}

// crashed returns what is left of a store when what comes later is lost.
func (s store) crashed() store {
	out := store{}
	for p, d := range s {
		out[p] = d.Clone()
	}
	return out
}

// kept returns the partitions that a store has something of.
func (s store) kept() (out []region.Partition) {
	for p := range s {
		if _, ok, _ := s.Head(p); ok {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}

// storeBatch is a batch of a store.
type storeBatch struct {
	s     store
	parts map[region.Partition]*crdttest.Batch
	heads map[region.Partition]crdt.PartitionHead
	drops []region.Partition
	fails error
}

func (s store) batch() *storeBatch {
	return &storeBatch{s: s, parts: map[region.Partition]*crdttest.Batch{}, heads: map[region.Partition]crdt.PartitionHead{}}
}

func (b *storeBatch) Save(p region.Partition, from *crdt.Partition) (uint64, error) {
	if b.fails != nil {
		return 0, b.fails
	}
	to := b.s[p].Batch()
	head, epoch, err := from.Save(to.Put)
	if err == nil {
		b.parts[p], b.heads[p] = to, head
	}
	return epoch, err
}

func (b *storeBatch) Drop(p region.Partition) error {
	b.drops = append(b.drops, p)
	return nil
}

func (b *storeBatch) Bytes() int { return len(b.parts) }

func (b *storeBatch) commit() {
	for _, p := range b.drops {
		*b.s[p] = crdttest.Disk{Fail: b.s[p].Fail}
	}
	for p, part := range b.parts {
		part.Commit(b.heads[p])
	}
}

// save saves all that has changed, in batches of so many partitions, and returns how
// many batches it took.
func (a *actor) save(s store, most int) (batches int) {
	a.w.t.Helper()
	pass := a.NewPass()
	for more := true; more; batches++ {
		b := s.batch()
		var err error
		if more, err = pass.Fill(b, most); err != nil {
			a.w.t.Fatal(err)
		}
		b.commit()
		pass.Committed(nil)
	}
	pass.Synced()
	return batches
}

// onDisk adds a node with a disk.
func (w *world) onDisk(name string, s store, kept Kept, set func(*Config)) *actor {
	a := w.add("eu", name, func(cfg *Config) {
		cfg.Disk, cfg.Kept = s, kept
		if set != nil {
			set(cfg)
		}
	})
	a.Extend(crdt.StampAt(w.now.Add(time.Hour).UnixMilli()))
	return a
}

func (a *actor) expect(what, have string, args ...string) {
	a.w.t.Helper()
	if r := a.do(args...); r.Text != have && strconv.FormatInt(r.Int, 10) != have {
		a.w.t.Errorf("%s: %q: want %s, have %+v", what, args, have, r)
	}
}

// TestBeginsWithItsDisk: a life that begins with what another one has saved has all of
// that and nothing else, answers reads before it is ready, and uses no number again.
func TestBeginsWithItsDisk(t *testing.T) {
	w := newWorld(t)
	s := newStore(8)
	one := w.onDisk("eu-1", s, Kept{}, nil)
	w.until("ready", func() bool { return one.State() == Ready })
	for i := range 40 {
		one.expect("saved", "OK", "SET", "k"+strconv.Itoa(i), "v")
	}
	if keys, bytes := one.Unsaved(); keys != 40 || bytes == 0 {
		t.Errorf("40 keys written: want them unsaved, have %d keys, %d bytes", keys, bytes)
	}
	if n := one.save(s, 2); n < 3 {
		t.Errorf("8 partitions, 2 a batch: want 3 batches and more, have %d", n)
	}
	if keys, bytes := one.Unsaved(); keys != 0 || bytes != 0 {
		t.Errorf("all saved: have %d keys, %d bytes unsaved", keys, bytes)
	}
	one.do("SET", "k1", "not saved")
	next := one.NextWriter()
	s = s.crashed()
	one.mute = true
	one.End()

	two := w.onDisk("eu-1", s, Kept{Partitions: s.kept()}, nil)
	if got := two.Warm(two.cfg.Partitions.Of("k1")); got == nil {
		t.Error("before it is ready: want reads answered")
	}
	w.until("ready", func() bool { return two.State() == Ready })
	two.expect("as it was saved", "v", "GET", "k1")
	two.expect("counted", "1", "INCR", "n")
	if p := two.cfg.Partitions.Of("n"); two.Warm(p) != nil {
		t.Error("when it is ready: want reads to go the usual way")
	}
	if next.Life() != one.Replica() || two.NextWriter().Life() != two.Replica() {
		t.Errorf("want the next writers %v and %v of lives %v and %v", next, two.NextWriter(), one.Replica(), two.Replica())
	}
}

// TestDigestsAreKept: what a life has summed up when it ends in order the next one need
// not read.
func TestDigestsAreKept(t *testing.T) {
	w := newWorld(t)
	s := newStore(8)
	one := w.onDisk("eu-1", s, Kept{}, nil)
	w.until("ready", func() bool { return one.State() == Ready })
	for i := range 40 {
		one.expect("written", "OK", "SET", "k"+strconv.Itoa(i), "v")
	}
	digests := func(a *actor) (out []crdt.Digest) {
		for _, shard := range a.Shards() {
			d, ok := shard.Digest(cachesync.CompareAt(w.now))
			if !ok {
				t.Errorf("partition %d: want a digest", shard.ID())
			}
			out = append(out, d)
		}
		return out
	}
	one.save(s, 100)
	want := digests(one)
	one.KeepDigests()
	one.save(s, 100)
	one.mute = true
	one.End()
	reads := 0
	for _, disk := range s {
		disk.Fail = func(call string) error {
			if call == "each" || call == "load" {
				reads++
			}
			return nil
		}
	}
	two := w.onDisk("eu-1", s, Kept{Partitions: s.kept()}, nil)
	if have := digests(two); !slices.Equal(have, want) || reads > 0 {
		t.Errorf("want %v without reading, have %v with %d reads", want, have, reads)
	}
}

// TestSaveFails: what has not been committed is saved again, whole.
func TestSaveFails(t *testing.T) {
	w := newWorld(t)
	s := newStore(8)
	a := w.onDisk("eu-1", s, Kept{}, nil)
	w.until("ready", func() bool { return a.State() == Ready })
	a.expect("written", "OK", "SET", "k", "v")
	pass, b := a.NewPass(), s.batch()
	if _, err := pass.Fill(b, 100); err != nil {
		t.Fatal(err)
	}
	pass.Committed(errors.New("no"))
	if keys, _ := a.Unsaved(); keys != 1 {
		t.Errorf("not committed: want one key unsaved, have %d", keys)
	}
	bad := s.batch()
	bad.fails = errors.New("bad")
	if _, err := a.NewPass().Fill(bad, 100); !errors.Is(err, bad.fails) {
		t.Errorf("want the batch's error, have %v", err)
	}
	a.save(s, 100)
	if e, err := s[a.cfg.Partitions.Of("k")].Load("k"); e == nil || err != nil {
		t.Errorf("saved again: have %v, %v", e, err)
	}
	refused := &wire.Error{Text: "no"}
	a.FailDisk(refused)
	if r := a.do("SET", "k", "w"); r.Err != refused {
		t.Errorf("the disk has failed: want writes refused, have %+v", r)
	}
	a.expect("the disk has failed", "v", "GET", "k")
	a.FailDisk(nil)
	a.expect("the disk has failed, and writes go on", "OK", "SET", "k", "w")
}

// TestLetGoAndTakenAgain: of a partition that was let go nothing is left on the disk,
// whatever was on its way there, and whether it was taken again meanwhile or not.
func TestLetGoAndTakenAgain(t *testing.T) {
	for _, again := range []string{"never", "before the next save", "while the former one is saved"} {
		w := newWorld(t)
		s := newStore(8)
		a := w.onDisk("eu-1", s, Kept{}, nil)
		w.until("ready", func() bool { return a.State() == Ready })
		p := a.cfg.Partitions.Of("{p}")
		a.expect(again, "OK", "SET", "{p}old", "v")
		a.save(s, 100)
		a.expect(again, "OK", "SET", "{p}later", "v")
		pass, b := a.NewPass(), s.batch()
		take := func() {
			if _, err := a.Take(p); err != nil {
				t.Fatal(err)
			}
		}
		if again == "while the former one is saved" {
			if _, err := pass.Fill(b, 100); err != nil {
				t.Fatal(err)
			}
		}
		a.drop(a.Shard(p))
		if again != "never" {
			take()
		}
		b.commit()
		pass.Committed(nil)
		if again != "never" {
			a.Shard(p).mu.Lock()
			a.Shard(p).open()
			a.Shard(p).mu.Unlock()
			if _, err := a.Shard(p).Write("{p}new", 0, func(m *crdt.Mutator) error { m.Set("v", crdt.Never); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		a.save(s, 100)
		var keys []string
		if err := s[p].Each("", func(key string, _ *crdt.Entry) bool { keys = append(keys, key); return true }); err != nil {
			t.Fatal(err)
		}
		want := []string{"{p}new"}
		if again == "never" {
			want = nil
		}
		if !slices.Equal(keys, want) {
			t.Errorf("taken again %s: want %q on the disk, have %q", again, want, keys)
		}
		if n, bytes := a.Unsaved(); n != 0 || bytes != 0 {
			t.Errorf("taken again %s: have %d keys, %d bytes unsaved", again, n, bytes)
		}
	}
}

// TestUnread: a partition that cannot be read is filled anew from another node, and
// saved only then. Without one its commands get errors, and the disk stays as it is.
func TestUnread(t *testing.T) {
	w := newWorld(t)
	s := newStore(8)
	one := w.onDisk("eu-1", s, Kept{}, nil)
	two := w.onDisk("eu-2", newStore(8), Kept{}, nil)
	w.until("ready", func() bool { return one.State() == Ready && two.State() == Ready })
	w.pass(3 * time.Second)
	for i := range 40 {
		one.expect("written", "OK", "SET", "k"+strconv.Itoa(i), "v")
	}
	w.pass(time.Second)
	one.save(s, 100)
	one.mute = true
	one.End()
	s = s.crashed()
	for _, d := range s {
		d.Fail = func(call string) error {
			if call == "residues" || call == "due" {
				return nil
			}
			return errors.New("bad block")
		}
	}
	two.mute = true // For a while nobody else is heard of.
	one = w.onDisk("eu-1", s, Kept{Partitions: s.kept()}, nil)
	w.until("ready", func() bool { return one.State() == Ready })
	before := s.crashed()
	for range 3 {
		if r := one.do("GET", "k1"); r.Err != ErrUnread {
			t.Errorf("nobody else has it: want ErrUnread, have %+v", r)
		}
		if r := one.do("INCR", "k2"); r.Err != ErrUnread {
			t.Errorf("nobody else has it: want writes refused, have %+v", r)
		}
		w.pass(time.Second)
		one.save(s, 100)
	}
	unchanged := func(isReady func(*Shard) bool) {
		for p := range s {
			have, _, _ := s.Head(p)
			if want, _, _ := before.Head(p); have.Keys != want.Keys && !isReady(one.Shard(p)) {
				t.Errorf("partition %d: want the disk as it was, with %d keys, have %d", p, want.Keys, have.Keys)
			}
		}
	}
	unchanged(func(*Shard) bool { return false })
	two.mute = false
	for i := range 40 {
		key := "k" + strconv.Itoa(i)
		w.until("healed", func() bool { // What nobody has read yet is found to be broken now.
			one.save(s, 100)
			unchanged((*Shard).IsReady)
			shard := one.Shard(one.cfg.Partitions.Of(key))
			if !shard.IsReady() {
				return false
			}
			r := command.Exec(shard, wire.Command{Args: []string{"GET", key}})
			if r.Err == nil && r.Text != "v" {
				t.Fatalf("get %s: want v or an error, have %+v", key, r)
			}
			return r.Err == nil
		})
	}
}

// TestEarly: a life that begins with a clock below its former one's is not ready before
// it may write.
func TestEarly(t *testing.T) {
	w := newWorld(t)
	bound := w.now.Add(MaxLead)
	a := w.onDisk("eu-1", newStore(8), Kept{Clock: crdt.StampAt(bound.UnixMilli())}, func(cfg *Config) { cfg.JoinWait = 10 * time.Millisecond })
	w.until("ready", func() bool { return a.State() == Ready })
	if w.now.Before(bound) {
		t.Errorf("ready %v before its stamps are its own", bound.Sub(w.now))
	}
	a.expect("ready", "OK", "SET", "k", "v")
	if a.Highest() <= crdt.StampAt(bound.UnixMilli()) {
		t.Errorf("want a stamp above %v, have %v", bound, a.Highest())
	}
	far := w.onDisk("eu-2", newStore(8), Kept{Clock: crdt.StampAt(w.now.Add(time.Hour).UnixMilli())}, nil)
	w.until("ready, for reads at least", func() bool { return far.State() == Ready })
}

// TestBound: stamps are given out up to the bound, and asked for beyond it.
func TestBound(t *testing.T) {
	w := newWorld(t)
	a := w.add("eu", "eu-1", func(cfg *Config) { cfg.Disk = newStore(8) })
	w.until("ready", func() bool { return a.State() == Ready })
	if r := a.do("SET", "k", "v"); r.Err != ErrUnbound {
		t.Errorf("no bound: want ErrUnbound, have %+v", r)
	}
	if !a.WantsBound(w.now) {
		t.Error("a write was refused: want a bound wanted")
	}
	if a.WantsBound(w.now) {
		t.Error("said already, and nothing written: want none wanted")
	}
	a.Extend(crdt.StampAt(w.now.Add(time.Second / 5).UnixMilli()))
	w.pass(time.Second / 5)
	if !a.WantsBound(w.now) {
		t.Error("who asked has not come back: want a bound wanted again")
	}
	a.Extend(crdt.StampAt(w.now.Add(time.Second).UnixMilli()))
	a.expect("within the bound", "OK", "SET", "k", "v")
	if a.WantsBound(w.now.Add(500*time.Millisecond)) || !a.WantsBound(w.now.Add(time.Second)) {
		t.Error("just written: want a bound further ahead wanted, in time")
	}
	w.pass(2 * stampsFor)
	if a.WantsBound(w.now) {
		t.Error("nothing written for long: want none wanted")
	}
	if a.MayStamp(w.now) || !a.WantsBound(w.now) {
		t.Error("about to write: want one wanted")
	}
}
