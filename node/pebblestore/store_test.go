package pebblestore_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/pebblestore"
	"github.com/atollcache/atoll/region"
)

// TestRestart writes to real files, with everything a partition can hold, and reads
// it in another Store.
func TestRestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "store")
	h := newHistory()
	w := newWriter(t, 21)
	for life := range 3 {
		s, found := open(t, pebblestore.Config{Log: toTest(t)}, dir)
		if found.Created != (life == 0) {
			t.Errorf("life %d: created %v", life, found.Created)
		}
		_, done := h.bounds()
		if h.find(t, s, found.Partitions, done, done) < 0 {
			t.Errorf("life %d: not what was written", life)
		}
		w.resume(s, found.Partitions)
		if err := w.steps(s, h, 60); err != nil {
			t.Fatal(err)
		}
		if err := s.Sync(); err != nil {
			t.Fatal(err)
		}
		shut(t, s)
		if err := s.Close(); err != nil {
			t.Errorf("close again: %v", err)
		}
	}
}

// TestCheckpoint: a checkpoint is a store of what had been committed, and stays so.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	for name, fs := range map[string]vfs.FS{"files": nil, "memory": vfs.NewCrashableMem()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := "/"
			if fs == nil {
				dir = t.TempDir()
			}
			s, _ := open(t, small(fs), filepath.Join(dir, "store"))
			w, h := newWriter(t, 3), newHistory()
			if err := w.steps(s, h, 60); err != nil {
				t.Fatal(err)
			}
			part := w.part(s, 1)
			w.set(part, "not", "synced")
			done := h.add(map[region.Partition]string{1: state(t, part)})
			save(t, s, 1, part, false)
			copied := filepath.Join(dir, "backups", "monday")
			if err := s.Checkpoint(copied); err != nil {
				t.Fatal(err)
			}
			if err := s.Checkpoint(copied); !errors.Is(err, pebblestore.ErrConfig) {
				t.Errorf("over a checkpoint: have %v, want ErrConfig", err)
			}
			if err := s.Checkpoint(filepath.Join(dir, "store", "db", "x")); !errors.Is(err, pebblestore.ErrConfig) {
				t.Errorf("into the store: have %v, want ErrConfig", err)
			}
			if err := w.steps(s, h, 60); err != nil {
				t.Fatal(err)
			}
			shut(t, s)
			for range 2 {
				s, found := open(t, small(fs), copied)
				if found.Clean || found.Created || h.find(t, s, found.Partitions, done, done) < 0 {
					t.Errorf("have %+v, not what was committed", found)
				}
				shut(t, s)
			}
		})
	}
}

// TestCheckpointFails: a full disk elsewhere is no matter of the store's.
func TestCheckpointFails(t *testing.T) {
	t.Parallel()
	mem := vfs.NewCrashableMem()
	f := &fault{err: syscall.ENOSPC, match: func(op errorfs.Op) bool {
		return strings.HasPrefix(op.Path, "/backup") && writes(op)
	}}
	s, _ := open(t, small(errorfs.Wrap(mem, f)), "/store")
	w, h := newWriter(t, 3), newHistory()
	if err := w.steps(s, h, 20); err != nil {
		t.Fatal(err)
	}
	f.on.Store(true)
	if err := s.Checkpoint("/backup"); !errors.Is(err, pebblestore.ErrFull) {
		t.Errorf("have %v, want ErrFull", err)
	}
	if err := w.steps(s, h, 20); err != nil || s.Err() != nil {
		t.Errorf("the store does not go on: %v, %v", err, s.Err())
	}
	f.on.Store(false)
	if err := s.Checkpoint("/backup"); err != nil {
		t.Errorf("again: %v", err)
	}
	shut(t, s)
}

// TestTier: keys come in order, of one partition only, with what is due and what
// waits to be forgotten.
func TestTier(t *testing.T) {
	t.Parallel()
	s, _ := open(t, small(vfs.NewMem()), "/store")
	defer shut(t, s)
	w := newWriter(t, 1)
	expiring := func(key string, was, at int64, residue int) crdt.Put {
		w.now++
		part := &crdt.Partition{}
		w.set(part, key, "v")
		return crdt.Put{Key: key, Entry: part.Entry(key), WasExpireAt: was, ExpireAt: at, Residue: residue}
	}
	const never = crdt.Never
	keys := []string{"", "\x00", "a", "a\x00", "b", "\xff", "\xff\xff"}
	for i, p := range []region.Partition{0, 1, 2, 65535} {
		for j, key := range keys {
			puts(t, s, p, expiring(key, never, int64(1000*(j%3)+i), j%2))
		}
	}
	puts(t, s, 1, expiring("b", 1001, never, 0), expiring("a", 2001, 1, 5))
	for _, p := range []region.Partition{0, 1, 65535} {
		var have []string
		if err := s.Tier(p).Each("a", func(key string, e *crdt.Entry) bool {
			have = append(have, key)
			return len(have) < 4
		}); err != nil || !slices.Equal(have, keys[2:6]) {
			t.Errorf("partition %d from a: have %q, %v; want %q", p, have, err, keys[2:6])
		}
	}
	var due []string
	if err := s.Tier(1).Due(-5, 2001, func(key string, at int64) bool {
		due = append(due, fmt.Sprintf("%d %q", at, key))
		return true
	}); err != nil {
		t.Error(err)
	}
	if want := []string{`1 ""`, `1 "a"`, `1 "a\x00"`, `1 "\xff\xff"`, `1001 "\x00"`}; !slices.Equal(due, want) {
		t.Errorf("due: have %v, want %v", due, want)
	}
	var residues []string
	if err := s.Tier(1).Residues(func(key string, n int) bool {
		residues = append(residues, fmt.Sprintf("%q %d", key, n))
		return true
	}); err != nil {
		t.Error(err)
	}
	if want := []string{`"\x00" 1`, `"a" 5`, `"a\x00" 1`, `"\xff" 1`}; !slices.Equal(residues, want) {
		t.Errorf("residues: have %v, want %v", residues, want)
	}
	if err := s.Drop(1); err != nil {
		t.Fatal(err)
	}
	for _, p := range []region.Partition{0, 1, 2, 65535} {
		n := 0
		err := s.Tier(p).Each("", func(string, *crdt.Entry) bool { n++; return true })
		if want := map[bool]int{true: 0, false: len(keys)}[p == 1]; n != want || err != nil {
			t.Errorf("partition %d after dropping 1: %d keys, %v; want %d", p, n, err, want)
		}
	}
}

// TestBatchBound: a partition that does not fit is left out whole, and fits into the
// next batch.
func TestBatchBound(t *testing.T) {
	t.Parallel()
	cfg := small(vfs.NewMem())
	cfg.MaxBatchBytes = 100 << 10
	s, _ := open(t, cfg, "/store")
	defer shut(t, s)
	w := newWriter(t, 1)
	for p := range region.Partition(3) {
		for i := range 60 {
			w.set(w.part(s, p), fmt.Sprint(i), strings.Repeat("x", 1000))
		}
	}
	b := s.NewBatch()
	first, err := b.Save(0, w.parts[0])
	if err != nil {
		t.Fatal(err)
	}
	before := b.Bytes()
	if _, err := b.Save(1, w.parts[1]); !errors.Is(err, pebblestore.ErrBatchFull) || b.Bytes() != before {
		t.Fatalf("have %v and %d bytes, want ErrBatchFull and %d", err, b.Bytes(), before)
	}
	if err := b.Commit(true); err != nil {
		t.Fatal(err)
	}
	w.parts[0].Saved(first)
	save(t, s, 1, w.parts[1], true)
	for p := range region.Partition(2) {
		if have, want := state(t, openPartition(t, s, p)), state(t, w.parts[p]); have != want {
			t.Errorf("partition %d is not what was saved", p)
		}
	}
	for i := range 100 {
		w.set(w.part(s, 2), fmt.Sprint("more", i), strings.Repeat("x", 1000))
	}
	if err := trySave(s, 2, w.parts[2], true); !errors.Is(err, pebblestore.ErrBatchFull) {
		t.Errorf("more than a batch holds: have %v, want ErrBatchFull", err)
	}
	if err := b.Commit(true); !errors.Is(err, pebblestore.ErrClosed) {
		t.Errorf("commit twice: have %v, want ErrClosed", err)
	}
}

// TestUseWhileClosing: calls from everywhere while the store is closed end, with
// ErrClosed or well.
func TestUseWhileClosing(t *testing.T) {
	t.Parallel()
	s, _ := open(t, small(vfs.NewMem()), "/store")
	w := newWriter(t, 1)
	for p := range region.Partition(4) {
		w.set(w.part(s, p), "k", "v")
		save(t, s, p, w.parts[p], false)
	}
	var wg sync.WaitGroup
	started := make(chan struct{}, 4)
	for p, part := range w.parts {
		wg.Go(func() {
			for i := 0; ; i++ {
				_, err := text(s.Tier(p), "k")
				err = errors.Join(err, s.Tier(p).Each("", func(string, *crdt.Entry) bool {
					_, err := text(s.Tier(p), "k")
					return err == nil
				}), trySave(s, p, part, i%10 == 0))
				_ = s.Metrics()
				if i == 3 {
					started <- struct{}{}
				}
				if err != nil {
					if !errors.Is(err, pebblestore.ErrClosed) {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	for range 4 {
		<-started
	}
	shut(t, s)
	wg.Wait()
}

// TestConfig: what cannot be is refused.
func TestConfig(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]pebblestore.Config{
		"cache": {CacheBytes: -1}, "memtable": {MemTableBytes: 5}, "files": {MaxOpenFiles: 3},
		"compactions": {Compactions: -1}, "batch": {MaxBatchBytes: 4 << 30},
	} {
		cfg.FS = vfs.NewMem()
		if _, _, err := pebblestore.Open("/store", cfg, identity); !errors.Is(err, pebblestore.ErrConfig) {
			t.Errorf("%s: have %v, want ErrConfig", name, err)
		}
	}
}
