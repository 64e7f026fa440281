package pebblestore

import (
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Metrics says how a store is. Bytes are bytes; counts are since it was opened.
type Metrics struct {
	// DiskBytes is what the database's files take, LogBytes of it its log.
	DiskBytes, LogBytes int64
	// Tables is the number of tables.
	Tables int64
	// CacheBytes is what blocks of tables take in memory, MemTableBytes what changes
	// do that are not in tables yet. Both are outside the Go heap where cgo is on.
	CacheBytes, MemTableBytes int64
	// CacheHits and CacheMisses count accesses of blocks; a miss reads the disk, or
	// the kernel's cache of it.
	CacheHits, CacheMisses int64
	// ReadAmplification is how many places a read may have to look in, at most.
	ReadAmplification int
	// Compactions is the number of compactions that have ended, CompactionDebt about
	// how many bytes are left to compact.
	Compactions    int64
	CompactionDebt int64
	// Stalls counts the times that commits had to wait for compactions, Stalled is
	// how long in all, without one that is going on.
	Stalls  int64
	Stalled time.Duration
}

// Metrics returns how the store is: only what commits waited, once writing has
// ended or the store is closed. It takes a lock of Pebble's for some microseconds.
func (s *Store) Metrics() Metrics {
	m := Metrics{Stalls: s.told.stalls.Load(), Stalled: time.Duration(s.told.waited.Load())}
	if s.g.err() != nil {
		return m
	}
	_ = s.read("metrics", func(db *pebble.DB) error {
		p := db.Metrics()
		m.DiskBytes, m.LogBytes = int64(p.DiskSpaceUsage()), int64(p.WAL.PhysicalSize)
		m.Tables = p.Total().TablesCount
		m.CacheBytes, m.MemTableBytes = p.BlockCache.Size, int64(p.MemTable.Size+p.MemTable.ZombieSize)
		m.CacheHits, m.CacheMisses = p.BlockCache.Hits, p.BlockCache.Misses
		m.ReadAmplification = p.ReadAmp()
		m.Compactions, m.CompactionDebt = p.Compact.Count, int64(p.Compact.EstimatedDebt)
		return nil
	})
	return m
}
