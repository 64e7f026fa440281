package pebblestore

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"github.com/atollcache/atoll/crdt"
)

// Errors of Open. The directory is as it was.
var (
	// ErrForeign is returned for a directory that is not this node's store: another
	// cluster's, region's or node's, of another number of partitions, or no store.
	ErrForeign = errors.New("not this node's store: check the data directory, or use an empty one")
	// ErrNewer is returned for what a later version has written: the store, or one
	// entry in it.
	ErrNewer = errors.New("written by a later version: run that version, or use an empty directory")
	// ErrLocked is returned while the store is open, in this process or another.
	ErrLocked = errors.New("in use: end the process that has it open, or use another directory")
	// ErrConfig is returned for a Config or an Identity that cannot be.
	ErrConfig = errors.New("invalid configuration")
)

// Errors of the disk. When a call that changes something has given one, or
// Config.OnError was told of it, every later one gives it.
var (
	// ErrDamaged is returned when a file is missing, or what it holds is not what was
	// written. From Open: nothing has been changed. From a read: of the keys that were
	// asked for; others may be intact.
	ErrDamaged = errors.New("damaged: put the directory aside and start with an empty one, " +
		"which is filled from other nodes, or restore a backup")
	// ErrFull is returned when the disk has no room.
	ErrFull = errors.New("disk full: make room, then restart the node")
	// ErrDisk is returned when the disk fails in another way: an input/output error,
	// permissions, a file system that has become read-only.
	ErrDisk = errors.New("disk failed: see the machine's log, then restart the node")
)

// Errors of use.
var (
	// ErrClosed is returned by everything after Close, and for changes after
	// MarkClean.
	ErrClosed = errors.New("store is closed")
	// ErrBatchFull is returned by Batch.Save when Config.MaxBatchBytes would be
	// exceeded. The batch is as it was: commit it and save again; in an empty one,
	// more has changed in the partition than one batch can hold.
	ErrBatchFull = errors.New("batch is full: commit it, and save more often")
)

// diskError gives an error of Pebble or of the file system the sentinel that says
// what to do.
func diskError(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrDamaged) || errors.Is(err, ErrFull) || errors.Is(err, ErrDisk) || errors.Is(err, ErrNewer):
		return fmt.Errorf("%s: %w", op, err)
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%s: %w: %w", op, ErrFull, err)
	}
	if info := pebble.ExtractDataCorruptionInfo(err); info != nil {
		return fmt.Errorf("%s: file %s: %w: %w", op, info.Path, ErrDamaged, err)
	}
	if pebble.IsCorruptionError(err) || errors.Is(err, fs.ErrNotExist) ||
		errors.Is(err, pebble.ErrDBDoesNotExist) || errors.Is(err, pebble.ErrDBNotPristine) {
		return fmt.Errorf("%s: %w: %w", op, ErrDamaged, err)
	}
	return fmt.Errorf("%s: %w: %w", op, ErrDisk, err)
}

// valueError gives an error of decoding a row's value the sentinel that says what
// to do.
func valueError(row string, err error) error {
	if errors.Is(err, crdt.ErrUnknown) {
		return fmt.Errorf("%s: %w: %w", row, ErrNewer, err)
	}
	return fmt.Errorf("%s: %w: %w", row, ErrDamaged, err)
}

// also joins two errors, unless the first speaks of the second already.
func also(err, other error) error {
	if err != nil && other != nil && errors.Is(err, other) {
		return err
	}
	return errors.Join(err, other)
}
