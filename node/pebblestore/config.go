package pebblestore

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Config says where and how a Store keeps its files. The zero value of a field means
// its default. The README has the measurements behind the defaults.
type Config struct {
	// FS is the file system. Default: the machine's.
	FS vfs.FS

	// CacheBytes is how much memory blocks of tables may take, in bytes, outside the
	// Go heap where cgo is on. It holds what is read often and is not in the
	// partitions' memory, and the tables' indexes and filters, without which a read
	// takes several disk accesses: about 2 bytes per key. Default: 128 MiB.
	CacheBytes int64

	// MemTableBytes is how many bytes of changes are collected in memory before they
	// become a table. Up to three such are in memory at a time. More means fewer
	// compactions, and a longer start after an unclean stop: the log is read again,
	// about 6 ms a MiB. Default: 32 MiB.
	MemTableBytes int

	// MaxOpenFiles is how many files may be open at a time; at least 100. Fewer than
	// there are tables means that reads open files. Default: 1000.
	MaxOpenFiles int

	// Compactions is how many compactions run at a time when there is much to do, at
	// least 1. Each takes a processor and disk bandwidth while it runs; with too few,
	// commits wait. Default: 2.
	Compactions int

	// MaxBatchBytes is the most that one batch may hold. What a batch holds is in
	// memory several times until it is a table. At most 3 GiB. Default: 512 MiB.
	MaxBatchBytes int

	// OnError is called once, from a goroutine of its own, with the error that ended
	// writing. Close waits for it, so that it must not call Close. Default: none;
	// the error is logged either way.
	OnError func(error)

	// Log receives what an operator must know, and at debug level what Pebble says.
	// Default: nothing is logged.
	Log *slog.Logger

	layout layout
}

const (
	minOpenFiles    = 100
	minMemTable     = 1 << 20
	maxMemTable     = 1 << 30
	maxBatchBytes   = 3 << 30
	maxCompactions  = 64
	defaultMemTable = 32 << 20
)

// DefaultConfig returns a Config with every default spelled out.
func DefaultConfig() Config {
	return Config{
		FS:            vfs.Default,
		CacheBytes:    128 << 20,
		MemTableBytes: defaultMemTable,
		MaxOpenFiles:  1000,
		Compactions:   2,
		MaxBatchBytes: 512 << 20,
		OnError:       func(error) {},
		Log:           slog.New(slog.DiscardHandler),
		layout:        layout{block: 8 << 10, index: 64 << 10, filter: 10, compression: sstable.BalancedCompression},
	}
}

// Validate returns an error that wraps ErrConfig when a value is out of its range.
func (c *Config) Validate() error {
	switch {
	case c.CacheBytes < 0:
		return fmt.Errorf("%w: CacheBytes is %d", ErrConfig, c.CacheBytes)
	case c.MemTableBytes != 0 && (c.MemTableBytes < minMemTable || c.MemTableBytes > maxMemTable):
		return fmt.Errorf("%w: MemTableBytes is %d, want %d to %d", ErrConfig, c.MemTableBytes, minMemTable, maxMemTable)
	case c.MaxOpenFiles != 0 && c.MaxOpenFiles < minOpenFiles:
		return fmt.Errorf("%w: MaxOpenFiles is %d, want %d or more", ErrConfig, c.MaxOpenFiles, minOpenFiles)
	case c.Compactions < 0 || c.Compactions > maxCompactions:
		return fmt.Errorf("%w: Compactions is %d, want 1 to %d", ErrConfig, c.Compactions, maxCompactions)
	case c.MaxBatchBytes < 0 || int64(c.MaxBatchBytes) > maxBatchBytes:
		return fmt.Errorf("%w: MaxBatchBytes is %d, want at most %d", ErrConfig, c.MaxBatchBytes, int64(maxBatchBytes))
	}
	return nil
}

// withDefaults returns c with its defaults filled in.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.FS == nil {
		c.FS = d.FS
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = d.CacheBytes
	}
	if c.MemTableBytes == 0 {
		c.MemTableBytes = d.MemTableBytes
	}
	if c.MaxOpenFiles == 0 {
		c.MaxOpenFiles = d.MaxOpenFiles
	}
	if c.Compactions == 0 {
		c.Compactions = d.Compactions
	}
	if c.MaxBatchBytes == 0 {
		c.MaxBatchBytes = d.MaxBatchBytes
	}
	if c.OnError == nil {
		c.OnError = d.OnError
	}
	if c.Log == nil {
		c.Log = d.Log
	}
	if c.layout == (layout{}) {
		c.layout = d.layout
	}
	return c
}
