package pebblestore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/pebblestore"
	"github.com/atollcache/atoll/region"
)

// fault is an injector that is switched on.
type fault struct {
	on    atomic.Bool
	match func(op errorfs.Op) bool
	err   error
}

func (f *fault) String() string { return "fault" }

func (f *fault) MaybeError(op errorfs.Op) error {
	if f.on.Load() && f.match(op) {
		return f.err
	}
	return nil
}

func writes(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpCreate, errorfs.OpFilePreallocate, errorfs.OpReuseForWrite:
		return true
	}
	return false
}

func syncs(op errorfs.Op) bool {
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		return true
	}
	return false
}

func of(suffix string, f func(errorfs.Op) bool) func(errorfs.Op) bool {
	return func(op errorfs.Op) bool { return strings.HasSuffix(op.Path, suffix) && f(op) }
}

// TestFailure makes each kind of write fail while the store is used: the error
// says what it is, comes from then on from every call that changes something,
// OnError hears of it once, reading goes on, Close comes back, and everything
// that was acknowledged is there when the disk is well again.
func TestFailure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		match func(errorfs.Op) bool
		err   error
		want  error
	}{
		"disk full":          {writes, syscall.ENOSPC, pebblestore.ErrFull},
		"log full":           {of(".log", writes), syscall.ENOSPC, pebblestore.ErrFull},
		"quota":              {writes, syscall.EDQUOT, pebblestore.ErrFull},
		"log write":          {of(".log", writes), syscall.EIO, pebblestore.ErrDisk},
		"log sync":           {of(".log", syncs), syscall.EIO, pebblestore.ErrDisk},
		"table write":        {of(".sst", writes), syscall.EIO, pebblestore.ErrDisk},
		"table full":         {of(".sst", writes), syscall.ENOSPC, pebblestore.ErrFull},
		"table sync":         {of(".sst", syncs), syscall.EIO, pebblestore.ErrDisk},
		"every sync":         {syncs, syscall.EIO, pebblestore.ErrDisk},
		"read-only":          {func(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsWrite }, syscall.EROFS, pebblestore.ErrDisk},
		"manifest":           {func(op errorfs.Op) bool { return strings.Contains(op.Path, "MANIFEST") && (writes(op) || syncs(op)) }, syscall.EIO, pebblestore.ErrDisk},
		"log is not created": {of(".log", func(op errorfs.Op) bool { return op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpReuseForWrite }), syscall.ENOSPC, pebblestore.ErrFull},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mem := vfs.NewCrashableMem()
			f := &fault{match: c.match, err: c.err}
			told := newErrorLog()
			cfg := small(errorfs.Wrap(mem, f))
			cfg.OnError = told.add
			s, _ := open(t, cfg, "/store")
			w := newWriter(t, 5)
			h := newHistory()
			if err := w.steps(s, h, 20); err != nil {
				t.Fatal(err)
			}
			part := w.part(s, 7)
			w.set(part, "k", "v")
			h.add(map[region.Partition]string{7: state(t, part)})
			save(t, s, 7, part, true)
			n, _ := h.bounds()
			h.acked(n + 1)

			f.on.Store(true)
			err := w.steps(s, h, 2000)
			if !errors.Is(err, c.want) || !errors.Is(err, c.err) {
				t.Fatalf("have %v, want %v and %v", err, c.want, c.err)
			}
			for op, err := range map[string]error{
				"save": trySave(s, 7, part, true), "set meta": s.SetMeta(1, 1), "sync": s.Sync(),
				"drop": s.Drop(1), "checkpoint": s.Checkpoint("/copy"), "mark": s.MarkClean(), "err": s.Err(),
			} {
				if !errors.Is(err, c.want) && op != "save" {
					t.Errorf("%s: have %v, want %v", op, err, c.want)
				}
			}
			if errs := told.wait(); len(errs) != 1 || !errors.Is(errs[0], c.want) {
				t.Errorf("OnError was told %v, want one %v", errs, c.want)
			}
			// What was committed can be read.
			if _, _, err := s.Head(7); err != nil {
				t.Error("head:", err)
			}
			if v, err := text(s.Tier(7), "k"); v == "" && err != nil {
				t.Errorf("load: have %q, %v", v, err)
			}
			_ = s.Metrics()
			if err := s.Close(); !errors.Is(err, c.want) {
				t.Errorf("close: have %v, want %v", err, c.want)
			}
			f.on.Store(false)

			// The directory is free, and nothing that was acknowledged is lost; also not
			// when the power goes with it.
			synced, done := h.bounds()
			for what, fs := range map[string]vfs.FS{"again": mem, "power cut": mem.CrashClone(vfs.CrashCloneCfg{})} {
				s, found, err := pebblestore.Open("/store", small(fs), identity)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if h.find(t, s, found.Partitions, synced, done) < 0 {
					t.Errorf("%s: have the state after batch %d, want after %d to %d",
						what, h.find(t, s, found.Partitions, 0, done), synced, done)
				}
				shut(t, s)
			}
		})
	}
}

// TestFailureInBackground: what only a compaction comes upon ends writing as well.
func TestFailureInBackground(t *testing.T) {
	t.Parallel()
	f := &fault{err: syscall.EIO, match: of(".sst", func(op errorfs.Op) bool {
		return op.Kind == errorfs.OpFileReadAt || op.Kind == errorfs.OpFileRead
	})}
	told := newErrorLog()
	cfg := small(errorfs.Wrap(vfs.NewMem(), f))
	cfg.OnError = told.add
	s, _ := open(t, cfg, "/store")
	w := newWriter(t, 1)
	part := w.part(s, 1)
	for range 2 {
		for i := range 40 {
			w.set(part, fmt.Sprint(i), strings.Repeat(fmt.Sprint(w.rng.Uint64()), 2000))
		}
		save(t, s, 1, part, true)
		compact(t, s, false)
	}
	f.on.Store(true)
	go func() { _ = s.Compact(true) }() // It may never return.
	if errs := told.wait(); !errors.Is(errs[0], pebblestore.ErrDisk) {
		t.Errorf("OnError was told %v, want ErrDisk", errs)
	}
	f.on.Store(false)
	if err := s.Sync(); !errors.Is(err, pebblestore.ErrDisk) {
		t.Errorf("sync: have %v, want ErrDisk", err)
	}
	if err := s.Close(); !errors.Is(err, pebblestore.ErrDisk) {
		t.Errorf("close: have %v, want ErrDisk", err)
	}
}

// countdown injects an error at the n-th operation that a filter lets through, and
// at all after it where it stays.
type countdown struct {
	n     atomic.Int64
	stays bool
	match func(errorfs.Op) bool
	err   error
}

func (c *countdown) String() string { return "countdown" }

func (c *countdown) MaybeError(op errorfs.Op) error {
	if !c.match(op) {
		return nil
	}
	if n := c.n.Add(-1); n == 0 || n < 0 && c.stays {
		return fmt.Errorf("%w at %s", c.err, op.Path)
	}
	return nil
}

// TestFailureAnywhere makes the n-th call of the file system fail, for every second n of a
// store's life, once and from then on: no call hangs or panics, every error is one of
// the package's, and what was acknowledged is there afterwards.
func TestFailureAnywhere(t *testing.T) {
	t.Parallel()
	classes := []error{
		pebblestore.ErrFull, pebblestore.ErrDisk, pebblestore.ErrDamaged, pebblestore.ErrClosed, pebblestore.ErrLocked,
	}
	kinds := map[string]func(errorfs.Op) bool{
		"writing": func(op errorfs.Op) bool {
			return op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose
		},
		"reading": func(op errorfs.Op) bool { return op.Kind.ReadOrWrite() == errorfs.OpIsRead },
	}
	for name, match := range kinds {
		for _, stays := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, stays %v", name, stays), func(t *testing.T) {
				t.Parallel()
				step := int64(2)
				if testing.Short() {
					step = 5
				}
				for n := int64(1); ; n += step {
					c := &countdown{stays: stays, match: match, err: syscall.ENOSPC}
					c.n.Store(n)
					mem := vfs.NewCrashableMem()
					h := newHistory()
					err := wholeLife(t, errorfs.Wrap(mem, c), h)
					ended := c.n.Load() > 0
					if err != nil && !slices.ContainsFunc(classes, func(e error) bool { return errors.Is(err, e) }) {
						t.Errorf("call %d: have %v, which is none of the package's errors", n, err)
					}
					c.n.Store(1 << 40)
					synced, done := h.bounds()
					s, found := open(t, small(mem), "/store")
					if h.find(t, s, found.Partitions, synced, done) < 0 {
						t.Errorf("call %d: have the state after batch %d, want after %d to %d; err %v",
							n, h.find(t, s, found.Partitions, 0, done), synced, done, err)
					}
					shut(t, s)
					if ended {
						if err != nil {
							t.Errorf("nothing was injected: %v", err)
						}
						if n < 40 {
							t.Errorf("only %d calls", n)
						}
						return
					}
				}
			})
		}
	}
}

// wholeLife makes a store, writes, closes it, opens it again and writes.
func wholeLife(t *testing.T, fs vfs.FS, h *history) error {
	for life := range uint64(2) {
		s, found, err := pebblestore.Open("/store", small(fs), identity)
		if err != nil {
			return err
		}
		w := newWriter(t, life)
		w.mayFail = true
		for _, p := range found.Partitions {
			part, err := loadPartition(s, p)
			if err != nil {
				_ = s.Close()
				return err
			}
			w.parts[p] = part
		}
		for range 4 {
			if err := w.large(s, h); err != nil {
				_ = s.Close()
				return err
			}
		}
		if err := s.SetMeta(1, 2); err != nil {
			_ = s.Close()
			return err
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}

// large commits a batch so large that memtables fill.
func (w *writer) large(s *pebblestore.Store, h *history) error {
	p := region.Partition(w.rng.IntN(3))
	part := w.parts[p]
	if part == nil {
		var err error
		if part, err = loadPartition(s, p); err != nil {
			return err
		}
		w.parts[p] = part
	}
	for i := range 3 {
		w.set(part, fmt.Sprintf("large%d", i), strings.Repeat("x", 60<<10)+fmt.Sprint(w.now))
	}
	if w.err != nil {
		return w.err
	}
	all := part.Snapshot()
	if err := part.Err(); err != nil {
		return err
	}
	n := h.add(map[region.Partition]string{p: string(crdt.AppendSnapshot(nil, all, 0, len(all.Keys)))})
	if err := trySave(s, p, part, true); err != nil {
		return err
	}
	h.acked(n)
	return nil
}
