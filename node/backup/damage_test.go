package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/atollcache/atoll/node/backup"
)

// TestDamagedBackup: of what is not a whole backup nothing is restored, and the error
// says what it is.
func TestDamagedBackup(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us")
	for i := range 100 {
		w.all("us", fmt.Sprintf("SET k%d v", i))
	}
	dir, _ := w.take("us")
	w.restart()
	part, manifest := "partition-00003", "MANIFEST"
	edit := func(name string, f func([]byte) []byte) func(dir string) error {
		return func(dir string) error {
			path := filepath.Join(dir, name)
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, f(b), 0o600)
		}
	}
	flip := func(at int) func([]byte) []byte {
		return func(b []byte) []byte { b[(len(b)+at)%len(b)] ^= 4; return b }
	}
	signed := func(b []byte) []byte {
		b = b[:bytes.LastIndex(b, []byte("sum "))]
		return fmt.Appendf(b, "sum %016x\n", xxh3.Hash(b))
	}
	for what, c := range map[string]struct {
		do   func(dir string) error
		want error
	}{
		"no directory":        {func(dir string) error { return os.RemoveAll(dir) }, backup.ErrNone},
		"no manifest":         {func(dir string) error { return os.Remove(filepath.Join(dir, manifest)) }, backup.ErrUnfinished},
		"no partition":        {func(dir string) error { return os.Remove(filepath.Join(dir, part)) }, backup.ErrDamaged},
		"partition cut short": {func(dir string) error { return os.Truncate(filepath.Join(dir, part), 20) }, backup.ErrDamaged},
		"empty partition":     {func(dir string) error { return os.Truncate(filepath.Join(dir, part), 0) }, backup.ErrDamaged},
		"partition too long":  {edit(part, func(b []byte) []byte { return append(b, 0) }), backup.ErrDamaged},
		"bit in a length":     {edit(part, flip(0)), backup.ErrDamaged},
		"bit in a version":    {edit(part, flip(5)), backup.ErrDamaged},
		"bit in the middle":   {edit(part, flip(60)), backup.ErrDamaged},
		"last bit":            {edit(part, flip(-1)), backup.ErrDamaged},
		"another partition's file": {func(dir string) error {
			return os.Rename(filepath.Join(dir, "partition-00004"), filepath.Join(dir, part))
		}, backup.ErrDamaged},
		"bit in the manifest": {edit(manifest, flip(200)), backup.ErrDamaged},
		"bit in its sum":      {edit(manifest, flip(-3)), backup.ErrDamaged},
		"manifest cut short":  {edit(manifest, func(b []byte) []byte { return b[:len(b)-40] }), backup.ErrDamaged},
		"empty manifest":      {edit(manifest, func([]byte) []byte { return nil }), backup.ErrDamaged},
		"something else":      {edit(manifest, func([]byte) []byte { return []byte("cluster: one\n") }), backup.ErrDamaged},
		"later version": {edit(manifest, func(b []byte) []byte {
			return signed(bytes.Replace(b, []byte("version 1"), []byte("version 2"), 1))
		}), backup.ErrNewer},
		"partition missing in the manifest": {edit(manifest, func(b []byte) []byte {
			return signed(bytes.Replace(b, []byte(`"partition": 5`), []byte(`"partition": 6`), 1))
		}), backup.ErrDamaged},
		"no partitions at all": {edit(manifest, func(b []byte) []byte {
			return signed([]byte("atoll backup, version 1\n{\"cluster\":\"one\",\"partitions\":0}\nsum 0\n"))
		}), backup.ErrDamaged},
	} {
		copied := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := c.do(copied); err != nil {
			t.Fatal(err)
		}
		if _, err := w.tryRestore("us", copied, backup.Options{AsNew: true}); !errors.Is(err, c.want) {
			t.Errorf("%s: want %v, have %v", what, c.want, err)
		}
	}
	w.wants("nothing restored", "us", map[string]string{"DBSIZE": "0"})
	wantResult(t, "undamaged", backup.Result{Keys: 100, Taken: 100}, w.restore("us", dir, backup.Options{}))
}

// faulty is the machine's file system, whose calls fail from a number on.
type faulty struct {
	backup.FS
	with error

	mu    sync.Mutex
	calls int
	from  int // the first call that fails; 0: none
}

func (f *faulty) next() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.from > 0 && f.calls >= f.from {
		return f.with
	}
	return nil
}

// Create implements backup.FS.
func (f *faulty) Create(path string) (backup.File, error) {
	if err := f.next(); err != nil {
		return nil, err
	}
	file, err := f.FS.Create(path)
	return faultyFile{file, f}, err
}

// MakeDir implements backup.FS.
func (f *faulty) MakeDir(dir string) error { return errors.Join(f.next(), f.FS.MakeDir(dir)) }

// Claim implements backup.FS.
func (f *faulty) Claim(path string) error {
	if err := f.next(); err != nil {
		return err
	}
	return f.FS.Claim(path)
}

// Rename implements backup.FS.
func (f *faulty) Rename(from, to string) error {
	if err := f.next(); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

// SyncDir implements backup.FS.
func (f *faulty) SyncDir(dir string) error { return errors.Join(f.next(), f.FS.SyncDir(dir)) }

type faultyFile struct {
	backup.File
	f *faulty
}

func (f faultyFile) Write(b []byte) (int, error) {
	if err := f.f.next(); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f faultyFile) Sync() error { return errors.Join(f.f.next(), f.File.Sync()) }

// TestDiskFull: a backup that cannot be written whole is none, whichever call fails, and
// what was written of it is removed.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us")
	for i := range 50 {
		w.all("us", fmt.Sprintf("SET k%d v", i))
	}
	cfg := w.config("us")
	whole := &faulty{FS: backup.Machine}
	cfg.FS = whole
	if _, err := backup.Take(t.Context(), cfg, filepath.Join(t.TempDir(), "whole")); err != nil {
		t.Fatal(err)
	}
	for from := 2; from <= whole.calls; from++ {
		with := map[bool]error{true: syscall.ENOSPC, false: syscall.EIO}[from%3 != 0]
		cfg.FS = &faulty{FS: backup.Machine, with: &os.PathError{Op: "write", Err: with}, from: from}
		dir := filepath.Join(t.TempDir(), "full")
		_, err := backup.Take(t.Context(), cfg, dir)
		if !errors.Is(err, with) || errors.Is(err, backup.ErrFull) != (with == syscall.ENOSPC) {
			t.Errorf("call %d of %d: want %v, have %v", from, whole.calls, with, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("call %d of %d: the directory is still there: %v", from, whole.calls, err)
		}
	}
}

// TestDirectory: what there is in a directory stays as it is.
func TestDirectory(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us")
	dir, _ := w.take("us")
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "partition-00000"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for what, path := range map[string]string{"a backup": dir, "a file": file, "another's": full} {
		if _, err := backup.Take(t.Context(), w.config("us"), path); !errors.Is(err, backup.ErrExists) {
			t.Errorf("%s: want ErrExists, have %v", what, err)
		}
	}
	for _, path := range []string{file, filepath.Join(full, "partition-00000")} {
		if b, err := os.ReadFile(path); string(b) != "mine" {
			t.Errorf("%s: want it as it was, have %q, %v", path, b, err)
		}
	}
	if b, err := backup.Open(nil, dir); err != nil {
		t.Errorf("the backup: %v", err)
	} else if err := backup.CheckAll(t.Context(), backup.Config{}, b); err != nil {
		t.Errorf("the backup: %v", err)
	}
	both, made := filepath.Join(t.TempDir(), "both"), make(chan error, 2)
	for range 2 {
		go func() {
			_, err := backup.Take(t.Context(), w.config("us"), both)
			made <- err
		}()
	}
	if one, two := <-made, <-made; (one == nil) == (two == nil) || !errors.Is(errors.Join(one, two), backup.ErrExists) {
		t.Errorf("two at once: want one that is refused, have %v and %v", one, two)
	}
	if b, err := backup.Open(nil, both); err != nil {
		t.Errorf("two at once: %v", err)
	} else if err := backup.CheckAll(t.Context(), backup.Config{}, b); err != nil {
		t.Errorf("two at once: %v", err)
	}
	empty := t.TempDir()
	if _, err := backup.Take(t.Context(), w.config("us"), empty); err != nil {
		t.Errorf("an empty directory: %v", err)
	}
}

// TestInterrupted: who stops a backup is left with nothing that looks like one.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us")
	for stop := 1; stop <= partitions; stop += 5 {
		ctx, cancel := context.WithCancel(t.Context())
		cfg := w.config("us")
		cfg.Progress = func(p backup.Progress) {
			if p.Partitions >= stop {
				cancel()
			}
		}
		outer := t.TempDir()
		_, err := backup.Take(ctx, cfg, filepath.Join(outer, "backup"))
		names, _ := os.ReadDir(outer)
		if stop < partitions && !errors.Is(err, context.Canceled) || err != nil && len(names) > 0 {
			t.Errorf("stopped after %d partitions: want context.Canceled and nothing left, have %v and %v", stop, err, names)
		}
	}
}

// TestBackupUnderWrites: what had been acknowledged when the backup began is in it, and
// of two writes of a partition never the second without the first.
func TestBackupUnderWrites(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us", "eu")
	const chains = 20
	at := make([]int, chains) // how many of a chain have been acknowledged
	var mu sync.Mutex
	step := func(r string, i int) error {
		mu.Lock()
		n := at[i]
		mu.Unlock()
		if _, err := w.clients[r].Set(t.Context(), fmt.Sprintf("{%d}:%d", i, n), "v"); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		at[i]++
		return nil
	}
	for i := range chains {
		if err := step("us", i); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	var writers sync.WaitGroup
	for i := range chains {
		writers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := step("us", i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 5 {
		mu.Lock()
		before := append([]int{}, at...)
		mu.Unlock()
		dir, _ := w.take("us")
		have := map[string]bool{}
		eachKey(t, dir, func(key string) { have[key] = true })
		for i := range chains {
			n := 0
			for have[fmt.Sprintf("{%d}:%d", i, n)] {
				n++
			}
			for key := range have {
				var j, m int
				if _, err := fmt.Sscanf(key, "{%d}:%d", &j, &m); err == nil && j == i && m >= n {
					t.Fatalf("chain %d: %s is there, and %d is not", i, key, n)
				}
			}
			if n < before[i] {
				t.Fatalf("chain %d: want the %d writes acknowledged before, have %d", i, before[i], n)
			}
		}
	}
	close(done)
	writers.Wait()
}

// eachKey calls f for the keys of a backup.
func eachKey(t *testing.T, dir string, f func(key string)) {
	t.Helper()
	b, err := backup.Open(nil, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range b.Parts {
		if err := b.EachKey(p.Partition, f); err != nil {
			t.Fatal(err)
		}
	}
}
