package pebblestore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"
)

// Checkpoint makes a store in another directory, of the same identity and never
// marked clean, that holds what had been committed when it was called. On the same
// file system tables are shared by links, so that it takes little time and, at
// first, little room; elsewhere they are copied. The directory must not exist or be
// empty. A failure there is an error of this call alone, and what was made is removed.
func (s *Store) Checkpoint(dir string) error {
	op := "checkpoint to " + dir
	if strings.HasPrefix(s.fs.PathJoin(dir, "x"), s.g.dir) {
		return fmt.Errorf("%s: %w: inside the store's own directory", op, ErrConfig)
	}
	if names, err := s.fs.List(dir); err == nil && len(names) > 0 {
		return fmt.Errorf("%s: %w: directory is not empty, it has %q", op, ErrConfig, names[0])
	}
	if err := makeDirs(s.fs, dir); err != nil {
		return diskError(op, err)
	}
	half := s.fs.PathJoin(dir, newName)
	err := s.change(op, func(db *pebble.DB) error {
		return db.Checkpoint(half, pebble.WithFlushedWAL())
	})
	if err == nil {
		err = s.finishCheckpoint(dir, half)
	}
	if err != nil {
		return errors.Join(diskError(op, err), s.fs.RemoveAll(half))
	}
	return nil
}

// finishCheckpoint adds whose store it is, and only then makes it one.
func (s *Store) finishCheckpoint(dir, half string) error {
	id, err := readFile(s.fs, s.fs.PathJoin(s.path(dbName), identityFile), maxIdentity)
	if err == nil {
		err = writeFile(s.fs, s.fs.PathJoin(half, identityFile), id)
	}
	if err == nil {
		err = syncDir(s.fs, half)
	}
	if err == nil {
		err = s.fs.Rename(half, s.fs.PathJoin(dir, dbName))
	}
	if err == nil {
		err = syncDir(s.fs, dir)
	}
	return err
}
