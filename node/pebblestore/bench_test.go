package pebblestore_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/sstable"

	"github.com/atollcache/atoll/node/pebblestore"
	"github.com/atollcache/atoll/region"
)

// The benchmarks use a store of so many keys of 16 bytes with values of 100 bytes,
// random hexadecimal digits, of which half is compressible. A directory that is given
// is kept and used again.
var (
	benchKeys   = flag.Int("keys", 100_000, "keys of the store that is measured")
	benchDir    = flag.String("dir", "", "directory of the store that is measured")
	benchLayout = flag.String("layout", "", "block,index,filter,compression")
	benchMem    = flag.Int("memtable", 0, "bytes of a memtable")
	benchCache  = flag.Int64("cache", 0, "bytes of the cache")
	benchDirty  = flag.Bool("dirty", false, "write 200,000 keys and end as a process that is killed does")
)

var benchIdentity = pebblestore.Identity{Cluster: "bench", Region: "eu", Node: "n1"}

func benchConfig(b testing.TB) pebblestore.Config {
	cfg := pebblestore.Config{MemTableBytes: *benchMem, CacheBytes: *benchCache}
	if *benchLayout != "" {
		f := strings.Split(*benchLayout, ",")
		n := make([]int, 3)
		for i := range n {
			var err error
			if n[i], err = strconv.Atoi(f[i]); err != nil {
				b.Fatal(err)
			}
		}
		cfg.SetLayout(n[0], n[1], n[2], map[string]*sstable.CompressionProfile{
			"none": sstable.NoCompression, "snappy": sstable.SnappyCompression, "zstd": sstable.ZstdCompression,
			"fast": sstable.FastestCompression, "balanced": sstable.BalancedCompression,
		}[f[3]])
	}
	return cfg
}

func benchKey(i int) string { return fmt.Sprintf("key:%012d", i) }

func benchValue(rng *rand.Rand) string {
	const digits = "0123456789abcdef"
	var b [100]byte
	for i := range b {
		b[i] = digits[rng.Uint32()>>28]
	}
	return string(b[:])
}

func benchOpen(b testing.TB, dir string) *pebblestore.Store {
	s, _, err := pebblestore.Open(dir, benchConfig(b), benchIdentity)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// benchFill fills a store with keys from lo to hi, partition by partition.
func benchFill(b testing.TB, s *pebblestore.Store, w *writer, lo, hi int) {
	n := benchIdentity.Partitions.Count()
	keys := make([][]string, n)
	for i := lo; i < hi; i++ {
		p := region.Partitions(n).Of(benchKey(i))
		keys[p] = append(keys[p], benchKey(i))
	}
	for p := range n {
		part := w.part(s, region.Partition(p))
		for _, key := range keys[p] {
			w.set(part, key, benchValue(w.rng))
		}
		save(b, s, region.Partition(p), part, false)
		for _, key := range keys[p] {
			part.Release(key)
		}
	}
}

// benchStore returns a directory with a full store.
func benchStore(b testing.TB) string {
	dir := *benchDir
	if dir == "" {
		dir = filepath.Join(b.TempDir(), "store")
	}
	if _, err := os.Stat(filepath.Join(dir, "db")); err == nil {
		return dir
	}
	began := time.Now()
	s := benchOpen(b, dir)
	w := newWriter(b, 1)
	const step = 1_000_000
	for lo := 0; lo < *benchKeys; lo += step {
		benchFill(b, s, w, lo, min(lo+step, *benchKeys))
	}
	if err := s.Sync(); err != nil {
		b.Fatal(err)
	}
	fill := time.Since(began)
	for tick := time.Tick(50 * time.Millisecond); s.Metrics().CompactionDebt > 256<<20; {
		<-tick
	}
	m := s.Metrics()
	b.Logf("filled %d keys in %v, compacted after %v; %.1f bytes on disk per key; %+v",
		*benchKeys, fill, time.Since(began), float64(m.DiskBytes)/float64(*benchKeys), m)
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkOpen opens a store and loads one key.
func BenchmarkOpen(b *testing.B) {
	dir := benchStore(b)
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	for b.Loop() {
		key := benchKey(rng.IntN(*benchKeys))
		began := time.Now()
		s := benchOpen(b, dir)
		opened := time.Since(began)
		p := region.Partitions(0).Of(key)
		part := openPartition(b, s, p)
		v, _ := part.Entry(key).View(0).Get()
		b.ReportMetric(float64(time.Since(began).Microseconds())/1e3, "ms/first-load")
		b.ReportMetric(float64(opened.Microseconds())/1e3, "ms/open")
		if len(v) != 100 {
			b.Fatalf("%s: have %q", key, v)
		}
		if *benchDirty {
			b.StopTimer()
			benchFill(b, s, newWriter(b, 9), 0, 200_000)
			if err := s.Sync(); err != nil {
				b.Fatal(err)
			}
			b.Logf("left behind %+v", s.Metrics())
			return // As a process that is killed.
		}
		shut(b, s)
	}
}

// BenchmarkLoad loads random keys of a store: cold after it has been opened, as far
// as the kernel has it not, and then hot.
func BenchmarkLoad(b *testing.B) {
	dir := benchStore(b)
	s := benchOpen(b, dir)
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	load := func(n, of int) func(b *testing.B) {
		return func(b *testing.B) {
			for b.Loop() {
				key := benchKey(rng.IntN(of) * n)
				tier := s.Tier(region.Partitions(0).Of(key))
				if e, err := tier.Load(key); e == nil || err != nil {
					b.Fatal(key, e, err)
				}
			}
			m := s.Metrics()
			b.ReportMetric(100*float64(m.CacheHits)/float64(m.CacheHits+m.CacheMisses), "%hit")
			b.ReportMetric(float64(m.CacheBytes)/1e6, "MB/cache")
		}
	}
	b.Run("all", load(1, *benchKeys))
	b.Run("hot", load(1, min(*benchKeys, 10_000)))
	b.Run("missing", func(b *testing.B) {
		for b.Loop() {
			key := "no" + benchKey(rng.IntN(*benchKeys))
			if e, err := s.Tier(region.Partitions(0).Of(key)).Load(key); e != nil || err != nil {
				b.Fatal(key, e, err)
			}
		}
	})
	shut(b, s)
}

// BenchmarkSave saves keys with 100-byte values, 1000 in a batch.
func BenchmarkSave(b *testing.B) {
	for _, sync := range []bool{false, true} {
		b.Run(fmt.Sprintf("sync=%v", sync), func(b *testing.B) {
			s := benchOpen(b, filepath.Join(b.TempDir(), "store"))
			w := newWriter(b, 1)
			part := w.part(s, 1)
			keys := 0
			var spent time.Duration
			for b.Loop() {
				b.StopTimer()
				for range 1000 {
					w.set(part, benchKey(w.rng.IntN(1_000_000)), benchValue(w.rng))
				}
				b.StartTimer()
				began := time.Now()
				save(b, s, 1, part, sync)
				spent += time.Since(began)
				keys += 1000
			}
			b.ReportMetric(float64(keys)/spent.Seconds(), "keys/s")
			shut(b, s)
		})
	}
}

// BenchmarkCommit commits one key at a time with sync, as a node does that has
// nothing else to do: the price of an acknowledged write.
func BenchmarkCommit(b *testing.B) {
	s := benchOpen(b, filepath.Join(b.TempDir(), "store"))
	w := newWriter(b, 1)
	part := w.part(s, 1)
	for b.Loop() {
		w.set(part, benchKey(w.rng.IntN(1_000_000)), benchValue(w.rng))
		save(b, s, 1, part, true)
	}
	shut(b, s)
}
