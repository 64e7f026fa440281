package pebblestore_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/pebblestore"
	"github.com/atollcache/atoll/region"
)

var identity = pebblestore.Identity{Cluster: "test", Region: "eu", Node: "n1", Partitions: 8}

// small is a Config whose memory is small, so that much happens on the file system.
func small(fs vfs.FS) pebblestore.Config {
	return pebblestore.Config{FS: fs, CacheBytes: 1 << 20, MemTableBytes: 1 << 20}
}

func open(t testing.TB, cfg pebblestore.Config, dir string) (*pebblestore.Store, pebblestore.Found) {
	t.Helper()
	s, found, err := pebblestore.Open(dir, cfg, identity)
	if err != nil {
		t.Fatal(err)
	}
	return s, found
}

func shut(t testing.TB, s *pebblestore.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal("close:", err)
	}
}

// writer writes to partitions as one replica of a node.
type writer struct {
	t     testing.TB
	rng   *rand.Rand
	life  crdt.ReplicaID
	now   int64
	parts map[region.Partition]*crdt.Partition
	// mayFail lets commands fail as the tier does; err is the first error.
	mayFail bool
	err     error
}

func newWriter(t testing.TB, seed uint64) *writer {
	return &writer{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), life: crdt.ReplicaID(0x100 + seed<<8),
		now: 1_700_000_000_000, parts: map[region.Partition]*crdt.Partition{},
	}
}

// resume opens the partitions that a store holds.
func (w *writer) resume(s *pebblestore.Store, found []region.Partition) {
	w.t.Helper()
	w.parts = map[region.Partition]*crdt.Partition{}
	w.life += crdt.Lives
	for _, p := range found {
		w.parts[p] = openPartition(w.t, s, p)
	}
}

func openPartition(t testing.TB, s *pebblestore.Store, p region.Partition) *crdt.Partition {
	t.Helper()
	part, err := loadPartition(s, p)
	if err != nil {
		t.Fatal(err)
	}
	return part
}

func loadPartition(s *pebblestore.Store, p region.Partition) (*crdt.Partition, error) {
	h, _, err := s.Head(p)
	if err != nil {
		return nil, err
	}
	part := &crdt.Partition{}
	return part, part.Open(s.Tier(p), h)
}

func (w *writer) part(s *pebblestore.Store, p region.Partition) *crdt.Partition {
	if w.parts[p] == nil {
		w.parts[p] = openPartition(w.t, s, p)
	}
	return w.parts[p]
}

// do runs a command on a key of a partition.
func (w *writer) do(part *crdt.Partition, key string, f func(m *crdt.Mutator)) {
	w.t.Helper()
	w.now++
	n := part.Vector().Get(w.life) + 1
	write := crdt.NewWrite{Dot: crdt.Dot{Replica: w.life, N: n}, Stamp: crdt.StampAt(w.now), Now: w.now}
	m := crdt.NewMutator(part.Entry(key), write)
	f(m)
	if len(m.Effects()) == 0 {
		return
	}
	deps := part.Vector().Clone()
	deps = slices.DeleteFunc(deps, func(d crdt.Dot) bool { return d.Replica == w.life })
	d := &crdt.Delta{Dot: write.Dot, From: n, Stamp: write.Stamp, Deps: deps, Key: key, Effects: m.Effects()}
	if err := part.Apply(d); err != nil && w.mayFail {
		w.err = errors.Join(w.err, err)
	} else if err != nil {
		w.t.Fatal(err)
	}
}

func (w *writer) set(part *crdt.Partition, key, value string) {
	w.t.Helper()
	w.do(part, key, func(m *crdt.Mutator) { m.Set(value, crdt.Never) })
}

// random runs a random command on one of n keys.
func (w *writer) random(part *crdt.Partition, n int) {
	w.t.Helper()
	key := fmt.Sprintf("k%d", w.rng.IntN(n))
	value := strings.Repeat("v", w.rng.IntN(2000)) + fmt.Sprint(w.now)
	w.do(part, key, func(m *crdt.Mutator) {
		switch w.rng.IntN(10) {
		case 0:
			m.Del()
		case 1:
			m.Expire(w.now + w.rng.Int64N(2000))
		case 2:
			_, _ = m.Incr(3)
		case 3, 4, 5, 6: // Some hashes become large.
			_, _ = m.HSet(fmt.Sprintf("f%d", w.rng.IntN(60)), value)
		case 7:
			m.Invalidate()
		default:
			m.Set(value, crdt.Never)
		}
	})
}

// state returns everything that a partition is, in bytes.
func state(t testing.TB, part *crdt.Partition) string {
	t.Helper()
	s := part.Snapshot()
	if err := part.Err(); err != nil {
		t.Fatal(err)
	}
	return string(crdt.AppendSnapshot(nil, s, 0, len(s.Keys)))
}

// save saves a partition in a batch of its own.
func save(t testing.TB, s *pebblestore.Store, p region.Partition, part *crdt.Partition, sync bool) {
	t.Helper()
	if err := trySave(s, p, part, sync); err != nil {
		t.Fatal(err)
	}
}

func trySave(s *pebblestore.Store, p region.Partition, part *crdt.Partition, sync bool) error {
	b := s.NewBatch()
	epoch, err := b.Save(p, part)
	if err != nil {
		return err
	}
	if err := b.Commit(sync); err != nil {
		part.Unsaved(epoch)
		return err
	}
	part.Saved(epoch)
	return nil
}

// text returns the string that a tier keeps for a key.
func text(tier crdt.Tier, key string) (string, error) {
	e, err := tier.Load(key)
	if err != nil {
		return "", err
	}
	v, _ := e.View(0).Get()
	return v, nil
}

// listing returns what a directory holds, by name and content, LOCK left out.
func listing(t testing.TB, fs vfs.FS, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case info.IsDir():
			out[path] = "directory"
			for k, v := range listing(t, fs, path) {
				out[k] = v
			}
		case name != "LOCK":
			out[path] = content(t, fs, path)
		}
	}
	return out
}

func content(t testing.TB, fs vfs.FS, path string) string {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, info.Size())
	if len(b) > 0 {
		if _, err := f.ReadAt(b, 0); err != nil {
			t.Fatal(err)
		}
	}
	return string(b)
}

func replace(t testing.TB, fs vfs.FS, path, content string) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// errorLog collects what OnError is told.
type errorLog struct {
	sync.Mutex
	errs []error
	some chan struct{}
}

func newErrorLog() *errorLog { return &errorLog{some: make(chan struct{})} }

func (l *errorLog) add(err error) {
	l.Lock()
	defer l.Unlock()
	if l.errs = append(l.errs, err); len(l.errs) == 1 {
		close(l.some)
	}
}

// wait returns the errors once there is one.
func (l *errorLog) wait() []error {
	<-l.some
	l.Lock()
	defer l.Unlock()
	return slices.Clone(l.errs)
}

// toTest logs to a test's output.
func toTest(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, nil))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}
