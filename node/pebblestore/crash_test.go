package pebblestore_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/pebblestore"
	"github.com/atollcache/atoll/region"
)

// history is what was committed: after each batch, the state of every partition.
type history struct {
	sync.Mutex
	states []map[region.Partition]string // states[i] is after i batches
	synced int                           // so many batches were acknowledged as on disk
	dones  int                           // so many were handed over
}

func newHistory() *history {
	return &history{states: []map[region.Partition]string{{}}}
}

// add notes a batch that is about to be committed.
func (h *history) add(changed map[region.Partition]string) int {
	h.Lock()
	defer h.Unlock()
	next := map[region.Partition]string{}
	for p, s := range h.states[len(h.states)-1] {
		next[p] = s
	}
	for p, s := range changed {
		if next[p] = s; s == "" {
			delete(next, p)
		}
	}
	h.states = append(h.states, next)
	h.dones = len(h.states) - 1
	return h.dones
}

func (h *history) acked(n int) {
	h.Lock()
	defer h.Unlock()
	h.synced = max(h.synced, n)
}

func (h *history) bounds() (synced, done int) {
	h.Lock()
	defer h.Unlock()
	return h.synced, h.dones
}

// find returns after which batch, from lo to hi, everything was as it is now in a
// store; -1 when it never was.
func (h *history) find(t testing.TB, s *pebblestore.Store, held []region.Partition, lo, hi int) int {
	t.Helper()
	now := map[region.Partition]string{}
	for _, p := range held {
		now[p] = state(t, openPartition(t, s, p))
	}
	h.Lock()
	defer h.Unlock()
	for i := hi; i >= lo; i-- {
		if same(h.states[i], now) {
			return i
		}
	}
	return -1
}

func same(a, b map[region.Partition]string) bool {
	if len(a) != len(b) {
		return false
	}
	for p, s := range a {
		if b[p] != s {
			return false
		}
	}
	return true
}

// steps does random work on a store and notes it.
func (w *writer) steps(s *pebblestore.Store, h *history, n int) error {
	w.t.Helper()
	for range n {
		if w.rng.IntN(40) == 0 && len(w.parts) > 0 {
			p := w.anyPart()
			delete(w.parts, p)
			n := h.add(map[region.Partition]string{p: ""})
			if err := s.Drop(p); err != nil {
				return err
			}
			h.acked(n)
			continue
		}
		if err := w.batch(s, h); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) anyPart() region.Partition {
	var all []region.Partition
	for p := range w.parts {
		all = append(all, p)
	}
	slices.Sort(all)
	return all[w.rng.IntN(len(all))]
}

// batch changes one to three partitions and commits them in one batch.
func (w *writer) batch(s *pebblestore.Store, h *history) error {
	type saved struct {
		part  *crdt.Partition
		epoch uint64
	}
	var all []saved
	b := s.NewBatch()
	changed := map[region.Partition]string{}
	for range 1 + w.rng.IntN(3) {
		p := region.Partition(w.rng.IntN(identity.Partitions.Count()))
		if _, twice := changed[p]; twice {
			continue
		}
		part := w.part(s, p)
		for range 1 + w.rng.IntN(30) {
			w.random(part, 25)
		}
		if w.rng.IntN(20) == 0 {
			part.Adopt(part.Snapshot())
		}
		changed[p] = state(w.t, part)
		epoch, err := b.Save(p, part)
		if err != nil {
			return err
		}
		all = append(all, saved{part, epoch})
	}
	n, sync := h.add(changed), w.rng.IntN(3) == 0
	if err := b.Commit(sync); err != nil {
		for _, x := range all {
			x.part.Unsaved(x.epoch)
		}
		return err
	}
	if sync {
		h.acked(n)
	}
	for _, x := range all {
		x.part.Saved(x.epoch)
		for _, key := range x.part.Keys() {
			if w.rng.IntN(2) == 0 {
				x.part.Release(key)
			}
		}
	}
	return nil
}

// crash is what a machine leaves that loses power at one moment.
type crash struct {
	fs           *vfs.MemFS
	synced, done int // batches, for certain and at most
}

// crashing is a file system that is cloned at random moments: between any two calls
// that Pebble makes, whatever it is doing.
type crashing struct {
	vfs.FS
	mem *vfs.MemFS
	h   *history

	mu      sync.Mutex
	rng     *rand.Rand
	crashes []crash
}

func (c *crashing) maybe() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rng.IntN(12) > 0 || len(c.crashes) > 20 {
		return
	}
	c.crashes = append(c.crashes, c.now())
}

func (c *crashing) now() crash {
	synced, _ := c.h.bounds()
	fs := c.mem.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: []int{0, 0, 50, 100}[c.rng.IntN(4)], RNG: c.rng,
	})
	_, done := c.h.bounds()
	return crash{fs, synced, done}
}

func (c *crashing) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	c.maybe()
	f, err := c.FS.Create(name, category)
	return &crashingFile{f, c}, err
}

// ReuseForWrite makes a new file: the one of the file system in memory takes its lock
// twice, which a clone between the two stops for ever.
func (c *crashing) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if err := c.FS.Remove(oldname); err != nil {
		return nil, err
	}
	return c.Create(newname, category)
}

func (c *crashing) Rename(oldname, newname string) error {
	c.maybe()
	return c.FS.Rename(oldname, newname)
}

func (c *crashing) Remove(name string) error {
	c.maybe()
	return c.FS.Remove(name)
}

type crashingFile struct {
	vfs.File
	c *crashing
}

func (f *crashingFile) Write(p []byte) (int, error) {
	f.c.maybe()
	return f.File.Write(p)
}

func (f *crashingFile) Sync() error {
	f.c.maybe()
	return f.File.Sync()
}

// TestCrash is the package's promise: what a restart finds after a crash is a state
// that existed, of all partitions together, and none before the last that was
// acknowledged as on disk.
func TestCrash(t *testing.T) {
	t.Parallel()
	seeds, rounds := uint64(2), 3
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		mem := vfs.NewCrashableMem()
		for round := range rounds {
			mem = crashRound(t, seed, round, mem)
			if t.Failed() {
				t.Fatalf("seed %d, round %d", seed, round)
			}
		}
	}
}

// crashRound goes on with what the last crash left, and returns what one of its own
// leaves.
func crashRound(t *testing.T, seed uint64, round int, mem *vfs.MemFS) *vfs.MemFS {
	h := newHistory()
	rng := rand.New(rand.NewPCG(seed, uint64(round)))
	fs := &crashing{FS: mem, mem: mem, h: h, rng: rng}
	s, found := open(t, small(fs), "/data/store")
	w := newWriter(t, seed<<8|uint64(round))
	w.resume(s, found.Partitions)
	for p, part := range w.parts {
		h.states[0][p] = state(t, part)
	}
	if err := w.steps(s, h, 200); err != nil {
		t.Fatal(err)
	}
	if err := s.SetMeta(crdt.ReplicaID(seed), crdt.HLC(round)); err != nil {
		t.Fatal(err)
	}
	_, done := h.bounds()
	h.acked(done) // SetMeta has synced everything.
	fs.mu.Lock()
	fs.crashes = append(fs.crashes, fs.now())
	crashes := fs.crashes
	fs.mu.Unlock()
	shut(t, s)

	for i, c := range crashes {
		s, found, err := pebblestore.Open("/data/store", small(c.fs), identity)
		if err != nil {
			t.Fatalf("seed %d, round %d, crash %d of %d: %v", seed, round, i, len(crashes), err)
		}
		if found.Clean {
			t.Errorf("seed %d, round %d, crash %d: found clean", seed, round, i)
		}
		if h.find(t, s, found.Partitions, c.synced, c.done) < 0 {
			at := h.find(t, s, found.Partitions, 0, len(h.states)-1)
			t.Errorf("seed %d, round %d, crash %d of %d: have the state after batch %d, want after %d to %d",
				seed, round, i, len(crashes), at, c.synced, c.done)
		}
		shut(t, s)
	}
	return crashes[rng.IntN(len(crashes))].fs
}

// TestCrashWhileMade crashes at every moment while a store is made: it can always be
// opened afterwards.
func TestCrashWhileMade(t *testing.T) {
	t.Parallel()
	mem := vfs.NewCrashableMem()
	fs := &crashing{FS: mem, mem: mem, h: newHistory(), rng: rand.New(rand.NewPCG(3, 3))}
	var clones []*vfs.MemFS
	every := &hooked{fs, func() {
		fs.mu.Lock() // Pebble compacts beside what opens it.
		defer fs.mu.Unlock()
		for _, percent := range []int{0, 50, 100} {
			clones = append(clones, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: fs.rng}))
		}
	}}
	s, _ := open(t, small(every), "/a/b/store")
	shut(t, s)
	if len(clones) < 30 {
		t.Fatalf("%d moments, want more", len(clones))
	}
	for i, c := range clones {
		s, _, err := pebblestore.Open("/a/b/store", small(c), identity)
		if err != nil {
			t.Fatalf("moment %d of %d: %v", i, len(clones), err)
		}
		if err := s.SetMeta(1, 1); err != nil {
			t.Fatal(err)
		}
		shut(t, s)
	}
}

// hooked calls f before every call that makes, renames or syncs something, on
// whichever goroutine calls.
type hooked struct {
	vfs.FS
	f func()
}

func (h *hooked) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	h.f()
	return h.FS.Create(name, category)
}

func (h *hooked) Rename(oldname, newname string) error {
	h.f()
	return h.FS.Rename(oldname, newname)
}

func (h *hooked) MkdirAll(dir string, perm os.FileMode) error {
	h.f()
	return h.FS.MkdirAll(dir, perm)
}

func (h *hooked) OpenDir(name string) (vfs.File, error) {
	h.f()
	return h.FS.OpenDir(name)
}

// TestCleanMark: the mark is found once, and nothing can be written after it.
func TestCleanMark(t *testing.T) {
	t.Parallel()
	mem := vfs.NewCrashableMem()
	s, found := open(t, small(mem), "/store")
	if !found.Created || found.Clean || found.Life != 0 || len(found.Partitions) != 0 {
		t.Errorf("new store: have %+v", found)
	}
	w := newWriter(t, 1)
	part := w.part(s, 3)
	w.set(part, "k", "v")
	save(t, s, 3, part, false)
	if err := s.SetMeta(0x700, 42); err != nil {
		t.Fatal(err)
	}
	w.set(part, "k", "v2")
	save(t, s, 3, part, false)
	if err := s.MarkClean(); err != nil {
		t.Fatal(err)
	}
	w.set(part, "k", "late")
	for name, err := range map[string]error{
		"save": trySave(s, 3, part, false), "set meta": s.SetMeta(1, 1), "drop": s.Drop(3),
		"mark": s.MarkClean(), "sync": s.Sync(),
	} {
		if !errors.Is(err, pebblestore.ErrClosed) {
			t.Errorf("%s after the clean mark: have %v, want ErrClosed", name, err)
		}
	}
	// The power goes before Close.
	power := mem.CrashClone(vfs.CrashCloneCfg{})
	shut(t, s)
	for name, fs := range map[string]vfs.FS{"closed": mem, "power cut": power} {
		s, found = open(t, small(fs), "/store")
		want := pebblestore.Found{Clean: true, Life: 0x700, Clock: 42, Partitions: []region.Partition{3}}
		if found.Clean != want.Clean || found.Created || found.Life != want.Life || found.Clock != want.Clock ||
			!slices.Equal(found.Partitions, want.Partitions) {
			t.Errorf("%s: have %+v, want %+v", name, found, want)
		}
		if v, err := text(s.Tier(3), "k"); v != "v2" || err != nil {
			t.Errorf("%s: have %q, %v", name, v, err)
		}
		// The mark is gone at once, and for good.
		if c, ok := fs.(*vfs.MemFS); ok {
			again, found := open(t, small(c.CrashClone(vfs.CrashCloneCfg{})), "/store")
			if found.Clean {
				t.Errorf("%s: clean twice", name)
			}
			shut(t, again)
		}
		shut(t, s)
	}
}

// TestSync: what was committed without sync is on disk after Sync, and after an empty
// batch with sync, and is not before: the commits are what they say.
func TestSync(t *testing.T) {
	t.Parallel()
	for name, sync := range map[string]func(s *pebblestore.Store) error{
		"sync":        (*pebblestore.Store).Sync,
		"empty batch": func(s *pebblestore.Store) error { return s.NewBatch().Commit(true) },
		"life":        func(s *pebblestore.Store) error { return s.SetMeta(1, 1) },
	} {
		mem := vfs.NewCrashableMem()
		s, _ := open(t, small(mem), "/store")
		w := newWriter(t, 1)
		part := w.part(s, 1)
		w.set(part, "k", "v")
		save(t, s, 1, part, false)
		before := mem.CrashClone(vfs.CrashCloneCfg{})
		if err := sync(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for fs, want := range map[*vfs.MemFS]string{before: "", mem.CrashClone(vfs.CrashCloneCfg{}): "v"} {
			s, _ := open(t, small(fs), "/store")
			if v, err := text(s.Tier(1), "k"); v != want || err != nil {
				t.Errorf("%s: have %q, %v; want %q", name, v, err, want)
			}
			shut(t, s)
		}
		shut(t, s)
	}
}
