package pebblestore_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atollcache/atoll/node/pebblestore"
	"github.com/atollcache/atoll/region"
)

// filled makes a store with 2000 keys of partition 2 and 100 of 3 in a directory of a
// new file system and returns it, closed: all in tables when it is flushed, all in
// the log otherwise.
func filled(t testing.TB, flushed bool) *vfs.MemFS {
	t.Helper()
	mem := vfs.NewCrashableMem()
	s, _ := open(t, small(mem), "/store")
	w := newWriter(t, 9)
	for p, n := range map[region.Partition]int{2: 2000, 3: 100} {
		part := w.part(s, p)
		for i := range n {
			w.set(part, fmt.Sprintf("key%04d", i), fmt.Sprintf("value of %d, %d", i, w.rng.Uint64()))
			if i%50 == 49 && !flushed {
				save(t, s, p, part, true)
			}
		}
		save(t, s, p, part, true)
	}
	var power *vfs.MemFS
	if !flushed {
		power = mem.CrashClone(vfs.CrashCloneCfg{})
	}
	shut(t, s)
	if !flushed {
		return power
	}
	return mem
}

// copyOf returns a copy of a file system.
func copyOf(fs *vfs.MemFS) *vfs.MemFS {
	return fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 1))})
}

// TestRefused opens directories that are not the node's: a clear error, and nothing
// in them has changed.
func TestRefused(t *testing.T) {
	t.Parallel()
	other := func(f func(id *pebblestore.Identity)) pebblestore.Identity {
		id := identity
		f(&id)
		return id
	}
	newer := func(t *testing.T, fs vfs.FS) {
		path := "/store/db/ATOLL"
		replace(t, fs, path, strings.Replace(content(t, fs, path), "version 1", "version 2", 1))
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, fs vfs.FS)
		id      pebblestore.Identity
		want    error
	}{
		"another cluster": {id: other(func(id *pebblestore.Identity) { id.Cluster = "live" }), want: pebblestore.ErrForeign},
		"another region":  {id: other(func(id *pebblestore.Identity) { id.Region = "us" }), want: pebblestore.ErrForeign},
		"another node":    {id: other(func(id *pebblestore.Identity) { id.Node = "n2" }), want: pebblestore.ErrForeign},
		"partitions":      {id: other(func(id *pebblestore.Identity) { id.Partitions = 16 }), want: pebblestore.ErrForeign},
		"no name":         {id: other(func(id *pebblestore.Identity) { id.Node = "" }), want: pebblestore.ErrConfig},
		"a later version": {newer, identity, pebblestore.ErrNewer},
		"a later database": {func(t *testing.T, fs vfs.FS) {
			replace(t, fs, "/store/db/marker.format-version.999999.999", "")
		}, identity, pebblestore.ErrNewer},
		"bit flip in the identity": {func(t *testing.T, fs vfs.FS) {
			path := "/store/db/ATOLL"
			replace(t, fs, path, strings.Replace(content(t, fs, path), "test", "tesu", 1))
		}, identity, pebblestore.ErrDamaged},
		"identity is empty":   {func(t *testing.T, fs vfs.FS) { replace(t, fs, "/store/db/ATOLL", "") }, identity, pebblestore.ErrDamaged},
		"identity is missing": {func(t *testing.T, fs vfs.FS) { _ = fs.Remove("/store/db/ATOLL") }, identity, pebblestore.ErrDamaged},
		"the database is missing": {func(t *testing.T, fs vfs.FS) {
			for path := range listing(t, fs, "/store/db") {
				if !strings.HasSuffix(path, "ATOLL") {
					_ = fs.Remove(path)
				}
			}
		}, identity, pebblestore.ErrDamaged},
		"the manifest is missing": {func(t *testing.T, fs vfs.FS) { remove(t, fs, "MANIFEST") }, identity, pebblestore.ErrDamaged},
		"no store": {func(t *testing.T, fs vfs.FS) {
			_ = fs.RemoveAll("/store/db")
			replace(t, fs, "/store/thesis.tex", "irreplaceable")
		}, identity, pebblestore.ErrForeign},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mem := filled(t, true)
			if c.prepare != nil {
				c.prepare(t, mem)
			}
			_ = mem.Remove("/store/LOCK")
			before := listing(t, mem, "/store")
			_, _, err := pebblestore.Open("/store", small(mem), c.id)
			if !errors.Is(err, c.want) {
				t.Fatalf("have %v, want %v", err, c.want)
			}
			if after := listing(t, mem, "/store"); !maps.Equal(before, after) {
				t.Errorf("%v: the directory has changed: %v, was %v", err, names(after), names(before))
			}
		})
	}
}

func names(files map[string]string) []string { return slices.Sorted(maps.Keys(files)) }

// remove removes all files of a kind.
func remove(t testing.TB, fs vfs.FS, name string) {
	t.Helper()
	n := 0
	for path := range listing(t, fs, "/store/db") {
		if strings.Contains(path, name) {
			n++
			if err := fs.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n == 0 {
		t.Fatalf("no file is called %s", name)
	}
}

// TestMissing takes each file away in turn: an error, or it was of no matter and
// everything is there. Only the last log looks as if it had never been synced.
func TestMissing(t *testing.T) {
	t.Parallel()
	for _, flushed := range []bool{true, false} {
		whole := filled(t, flushed)
		want := contents(t, copyOf(whole))
		found := map[string]bool{}
		for path := range listing(t, whole, "/store/db") {
			mem := copyOf(whole)
			if err := mem.Remove(path); err != nil {
				t.Fatal(err)
			}
			s, _, err := pebblestore.Open("/store", small(mem), identity)
			found[fmt.Sprintf("%s %v", strings.TrimLeft(filepath.Ext(path), "."), err == nil)] = true
			if err != nil {
				if !errors.Is(err, pebblestore.ErrDamaged) {
					t.Errorf("%s: have %v, want ErrDamaged", path, err)
				}
				continue
			}
			shut(t, s)
			if have := contents(t, mem); !maps.Equal(have, want) && (flushed || len(have) > 0 || !strings.HasSuffix(path, ".log")) {
				t.Errorf("%s is missing: have %d keys without an error, want %d", path, len(have), len(want))
			}
		}
		if !found["sst false"] {
			t.Errorf("flushed %v: have %v", flushed, found)
		}
	}
}

// TestMissingLog takes logs away from a store whose memtables had not become tables:
// without the first of several there would be a state that never was.
func TestMissingLog(t *testing.T) {
	t.Parallel()
	mem := vfs.NewCrashableMem()
	fs := &noTables{FS: mem, until: make(chan struct{})}
	s, _ := open(t, small(fs), "/store")
	fs.on.Store(true)
	w := newWriter(t, 2)
	part := w.part(s, 1)
	var logs []string
	for i := 0; len(logs) < 3; i++ {
		w.set(part, fmt.Sprint(i), strings.Repeat("x", 50<<10))
		save(t, s, 1, part, true)
		logs = nil
		files, err := mem.List("/store/db")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if kind(name) == "log" {
				logs = append(logs, "/store/db/"+name)
			}
		}
	}
	slices.Sort(logs)
	whole := mem.CrashClone(vfs.CrashCloneCfg{})
	close(fs.until)
	shut(t, s)
	for i, path := range logs {
		fs := copyOf(whole)
		if err := fs.Remove(path); err != nil {
			t.Fatal(err)
		}
		s, _, err := pebblestore.Open("/store", small(fs), identity)
		if err == nil {
			shut(t, s)
		}
		if last := i == len(logs)-1; !last && !errors.Is(err, pebblestore.ErrDamaged) || last && err != nil {
			t.Errorf("without log %d of %d: have %v", i+1, len(logs), err)
		}
	}
}

// noTables is a file system where no table is begun until a channel is closed.
type noTables struct {
	vfs.FS
	on    atomic.Bool
	until chan struct{}
}

func (n *noTables) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if strings.HasSuffix(name, ".sst") && n.on.Load() {
		<-n.until
	}
	return n.FS.Create(name, category)
}

// contents opens a store and returns its keys with their entries.
func contents(t testing.TB, fs vfs.FS) map[string]string {
	t.Helper()
	s, found := open(t, small(fs), "/store")
	defer shut(t, s)
	out := map[string]string{}
	for _, p := range found.Partitions {
		part := openPartition(t, s, p)
		for _, key := range part.Keys() {
			out[fmt.Sprint(p, key)], _ = part.Entry(key).View(0).Get()
		}
		if err := part.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestBitFlips flips a bit anywhere in any file: whatever is read is what was
// written, or an error; from a log it is a state that was.
func TestBitFlips(t *testing.T) {
	t.Parallel()
	flips := 12
	if testing.Short() {
		flips = 4
	}
	least := map[string]int{"sst": flips / 2, "log": flips / 4, "MANIFEST": flips / 2, "ATOLL": flips}
	for _, flushed := range []bool{true, false} {
		whole := filled(t, flushed)
		want := contents(t, copyOf(whole))
		files := listing(t, whole, "/store/db")
		log := longestLog(files)
		for i, path := range names(files) {
			t.Run(fmt.Sprintf("flushed %v, %s", flushed, path), func(t *testing.T) {
				t.Parallel()
				rng := rand.New(rand.NewPCG(1, uint64(i)))
				b := content(t, whole, path)
				if len(b) < 100 && kind(path) != "ATOLL" {
					return // Markers are names, and a log may be empty.
				}
				noticed := 0
				for range flips {
					flipped := []byte(b)
					at := rng.IntN(len(b))
					flipped[at] ^= 1 << rng.IntN(8)
					mem := copyOf(whole)
					replace(t, mem, path, string(flipped))
					if flippedBit(t, mem, fmt.Sprintf("byte %d of %d", at, len(b)), want) {
						noticed++
					}
				}
				if noticed < least[kind(path)] && (kind(path) != "log" || !flushed && path == log) {
					t.Errorf("noticed %d of %d", noticed, flips)
				}
			})
		}
	}
}

// kind returns what kind of file it is.
func kind(path string) string {
	if ext := strings.TrimLeft(filepath.Ext(path), "."); ext != "" && !strings.Contains(path, "marker") {
		return ext
	}
	name, _, _ := strings.Cut(filepath.Base(path), "-")
	return name
}

// flippedBit reports whether a flipped bit was noticed.
func flippedBit(t *testing.T, mem vfs.FS, what string, want map[string]string) bool {
	t.Helper()
	told := newErrorLog()
	cfg := small(mem)
	cfg.OnError = told.add
	s, found, err := pebblestore.Open("/store", cfg, identity)
	if err != nil {
		if !errors.Is(err, pebblestore.ErrDamaged) && !errors.Is(err, pebblestore.ErrNewer) {
			t.Logf("%s: %v", what, err)
		}
		return true
	}
	defer func() {
		_ = s.Close() // It waits for OnError.
		if n := len(told.errs); n > 1 {
			t.Errorf("%s: OnError was told %d times", what, n)
		}
	}()
	noticed := false
	for _, p := range found.Partitions {
		tier := s.Tier(p)
		seen := 0
		err := error(nil)
		for key, value := range want {
			key, ok := strings.CutPrefix(key, fmt.Sprint(p))
			if !ok {
				continue
			}
			have, e := text(tier, key)
			switch {
			case e != nil:
				err = e
				if !errors.Is(e, pebblestore.ErrDamaged) {
					t.Fatalf("%s: %v, want ErrDamaged", what, e)
				}
			case have == value:
				seen++
			case have != "":
				t.Errorf("%s: %s is %q, want %q", what, key, have, value)
			}
		}
		head, _, e := s.Head(p)
		if err == nil && e == nil && seen != head.Keys {
			t.Errorf("%s: %d keys of partition %d without an error, its head says %d", what, seen, p, head.Keys)
		}
		noticed = noticed || err != nil || e != nil
	}
	if noticed {
		if errs := told.wait(); !errors.Is(errs[0], pebblestore.ErrDamaged) || !strings.Contains(errs[0].Error(), "/store/db/0") {
			t.Errorf("%s: OnError was told %v, want ErrDamaged with the file's name", what, errs)
		}
		if err := s.Sync(); !errors.Is(err, pebblestore.ErrDamaged) {
			t.Errorf("%s: a damaged store takes changes: %v", what, err)
		}
	}
	return noticed
}

// longestLog returns the log with the most in it.
func longestLog(files map[string]string) (log string) {
	for path, b := range files {
		if strings.HasSuffix(path, ".log") && len(b) > len(files[log]) {
			log = path
		}
	}
	return log
}

// TestTornLog cuts the log anywhere: what is found is a state that was.
func TestTornLog(t *testing.T) {
	t.Parallel()
	whole := filled(t, false)
	log := longestLog(listing(t, whole, "/store/db"))
	size := len(content(t, whole, log))
	for cut := 0; cut < size; cut += max(1, size/60) {
		mem := copyOf(whole)
		replace(t, mem, log, content(t, mem, log)[:cut])
		s, found, err := pebblestore.Open("/store", small(mem), identity)
		if err != nil {
			if !errors.Is(err, pebblestore.ErrDamaged) && !errors.Is(err, pebblestore.ErrForeign) {
				t.Errorf("cut at %d of %d: %v", cut, size, err)
			}
			continue
		}
		for _, p := range found.Partitions {
			part := openPartition(t, s, p)
			if h, _, err := s.Head(p); err != nil || h.Keys != len(part.Keys()) || len(part.Keys())%50 != 0 {
				t.Errorf("cut at %d of %d: partition %d has %d keys, its head says %d, %v",
					cut, size, p, len(part.Keys()), h.Keys, err)
			}
		}
		shut(t, s)
	}
}

// TestLocked: one store has one owner, in this process and among processes.
func TestLocked(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a", "store")
	s, _, err := pebblestore.Open(dir, pebblestore.Config{}, identity)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := pebblestore.Open(dir, pebblestore.Config{}, identity); !errors.Is(err, pebblestore.ErrLocked) {
		t.Errorf("twice in a process: have %v, want ErrLocked", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := func() string {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if out := child(); !strings.Contains(out, pebblestore.ErrLocked.Error()) {
		t.Errorf("in another process: have %q, want ErrLocked", out)
	}
	shut(t, s)
	if out := child(); out != "opened" {
		t.Errorf("after Close, in another process: have %q", out)
	}
}

// childDir is the environment variable that makes the test binary open a store and
// say how that went.
const childDir = "PEBBLESTORE_CHILD"

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	if _, _, err := pebblestore.Open(dir, pebblestore.Config{}, identity); err != nil {
		fmt.Print(err)
		return
	}
	fmt.Print("opened")
}

// TestFormat: a new store has Pebble's newest format.
func TestFormat(t *testing.T) {
	t.Parallel()
	mem := filled(t, true)
	desc, err := pebble.Peek("/store/db", mem)
	if err != nil || desc.FormatMajorVersion != pebble.FormatNewest {
		t.Errorf("have %+v, %v; want format %d", desc, err, pebble.FormatNewest)
	}
}
