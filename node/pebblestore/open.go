package pebblestore

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Names in the store's directory.
const (
	lockName = "LOCK"
	dbName   = "db"
	newName  = "new"
)

// Open opens the store in a directory, or makes one where there is none or the
// directory is empty, and returns what was in it. It blocks while a log is read
// again after an unclean stop (Config.MemTableBytes). An error wraps one of the
// sentinels that say what to do; the directory has not been changed, but for what
// Pebble writes before it comes upon damage, which overwrites nothing.
func Open(dir string, cfg Config, id Identity) (*Store, Found, error) {
	if err := errors.Join(cfg.Validate(), id.validate()); err != nil {
		return nil, Found{}, fmt.Errorf("open store: %w", err)
	}
	s := &Store{cfg: cfg.withDefaults(), dir: dir}
	s.use.none.L = &s.use
	s.told = &listener{log: s.cfg.Log}
	s.fs = s.cfg.FS
	if cfg.FS == nil {
		var health io.Closer
		s.fs, health = vfs.WithDiskHealthChecks(s.fs, diskSlow, nil, s.told.events().DiskSlow)
		s.held = append(s.held, health)
	}
	found, err := s.open(id)
	if err != nil {
		return nil, Found{}, fmt.Errorf("open store %s: %w", dir, err)
	}
	return s, found, nil
}

// open does what Open does. On an error it has let go of everything.
func (s *Store) open(id Identity) (f Found, err error) {
	defer func() {
		if err == nil {
			return
		}
		if s.db != nil {
			err = also(err, s.closeDB())
		}
		_ = s.release()
	}()
	created, err := s.prepare(id)
	if err != nil {
		return f, err
	}
	if err := s.openDB(s.path(dbName), false); err != nil {
		return f, err
	}
	if f, err = s.found(id); err != nil {
		return f, err
	}
	f.Created = created
	s.g.tell(s.failed)
	// What has failed before could not be told of.
	return f, s.g.err()
}

func (s *Store) path(name string) string { return s.fs.PathJoin(s.dir, name) }

// prepare checks that the directory is id's store, makes it one where there is
// none, and takes its lock. It looks before it takes the lock, which would leave a
// file in a directory that is something else.
func (s *Store) prepare(id Identity) (created bool, err error) {
	if _, err := s.look(id); err != nil {
		return false, err
	}
	if err := makeDirs(s.fs, s.dir); err != nil {
		return false, diskError("create "+s.dir, err)
	}
	lock, err := s.fs.Lock(s.path(lockName))
	if err != nil {
		if path := (*iofs.PathError)(nil); errors.As(err, &path) {
			return false, diskError("lock", err)
		}
		return false, fmt.Errorf("%w: %w", ErrLocked, err)
	}
	s.held = append(s.held, lock)
	there, err := s.look(id)
	if err != nil || there {
		return false, err
	}
	return true, s.make(id)
}

// look reports whether the directory has id's store, false when it has none and may
// get one. It changes nothing.
func (s *Store) look(id Identity) (there bool, err error) {
	names, err := s.fs.List(s.dir)
	if err != nil {
		if there, e := exists(s.fs, s.dir); e == nil && !there {
			return false, nil
		}
		return false, diskError("list", err)
	}
	if slices.Contains(names, dbName) {
		return true, checkIdentity(s.fs, s.path(dbName), id)
	}
	slices.Sort(names)
	for _, name := range names {
		// A new file system's root has lost+found.
		if name != lockName && name != newName && name != "lost+found" {
			return false, fmt.Errorf("%w: it has %q, and no store", ErrForeign, name)
		}
	}
	return false, nil
}

// make makes a store, whole or not at all: what a crash leaves is begun again.
func (s *Store) make(id Identity) error {
	dir := s.path(newName)
	if err := s.fs.RemoveAll(dir); err != nil {
		return diskError("remove "+dir, err)
	}
	if err := s.openDB(dir, true); err != nil {
		return err
	}
	err := s.change("make store", func(db *pebble.DB) error {
		return db.Set(metaRow(metaIdentity), id.encode(), pebble.Sync)
	})
	err = also(err, s.closeDB())
	s.db = nil
	if err != nil {
		return err
	}
	err = writeFile(s.fs, s.fs.PathJoin(dir, identityFile), id.encode())
	if err == nil {
		err = syncDir(s.fs, dir)
	}
	if err == nil {
		err = s.fs.Rename(dir, s.path(dbName))
	}
	if err == nil {
		err = syncDir(s.fs, s.dir)
	}
	return diskError("make store", err)
}

// openDB opens the database in a directory. It leaves nothing behind when it
// returns an error, but for goroutines that a failing disk has stopped.
func (s *Store) openDB(dir string, create bool) error {
	s.g = newGuard(s.fs, dir)
	s.told.fail = s.g.fail
	cache := pebble.NewCache(s.cfg.CacheBytes)
	defer cache.Unref()
	opts := s.options(cache)
	opts.ErrorIfExists, opts.ErrorIfNotExists = create, !create
	type result struct {
		db  *pebble.DB
		err error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		defer func() {
			if p := recover(); p != nil {
				r.err = fmt.Errorf("%w: %v", ErrDamaged, p)
			}
			done <- r
		}()
		r.db, r.err = pebble.Open(dir, opts)
	}()
	select {
	case r := <-done:
		s.db = r.db
		return diskError("open database", r.err)
	case <-s.g.failed:
		s.told.left.Store(true)
		if !s.drained() {
			s.held = nil // Whoever is still writing keeps the directory.
		}
		return s.g.err()
	}
}

// failed tells of the failure that has ended writing. It does not wait.
func (s *Store) failed(err error) {
	s.failing.Go(func() {
		s.cfg.Log.Error("no more is written to the store", "dir", s.dir, "err", err)
		s.cfg.OnError(err)
	})
}

// options returns Pebble's options. The README has the measurements behind them.
func (s *Store) options(cache *pebble.Cache) *pebble.Options {
	o := &pebble.Options{
		FS:                          s.g,
		FormatMajorVersion:          pebble.FormatNewest,
		Cache:                       cache,
		MemTableSize:                uint64(s.cfg.MemTableBytes),
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       48,
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                s.cfg.MaxOpenFiles,
		Merger:                      newMerger(),
		Logger:                      s.told,
		EventListener:               s.told.events(),
		CompactionConcurrencyRange:  func() (int, int) { return 1, s.cfg.Compactions },
	}
	for i := range o.Levels {
		o.Levels[i].BlockSize = s.cfg.layout.block
		o.Levels[i].IndexBlockSize = s.cfg.layout.index
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(s.cfg.layout.filter)
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return s.cfg.layout.compression }
	}
	return o
}

// layout is how tables are laid out, as measured; it is in each table, so that a
// store may have tables of several.
type layout struct {
	block       int // bytes of a block of rows, before compression
	index       int // bytes of a block of a table's index; a larger index has two levels
	filter      int // bits per key of a table's filter
	compression *sstable.CompressionProfile
}
