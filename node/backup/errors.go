package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Errors of a directory that a backup is to be written to.
var (
	// ErrExists is returned for a directory that has something in it.
	ErrExists = errors.New("the directory is not empty: nothing is overwritten, name another")
	// ErrFull is returned when the disk has no room. What was written has been removed.
	ErrFull = errors.New("disk full: make room, or use another disk")
)

// Errors of a directory that is to be restored. Nothing has been restored.
var (
	// ErrNone is returned where there is no directory.
	ErrNone = errors.New("there is no such directory")
	// ErrUnfinished is returned for a directory without a manifest.
	ErrUnfinished = errors.New("no backup, or one that was not finished: it has no " + manifestName)
	// ErrDamaged is returned when a file is missing, or is not what was written.
	ErrDamaged = errors.New("damaged: use another copy of the backup")
	// ErrNewer is returned for what a later version has written.
	ErrNewer = errors.New("written by a later version: restore it with that")
)

// Errors of a cluster.
var (
	// ErrNotHeld is returned when no node of the region can give a partition.
	ErrNotHeld = errors.New("no node that answers has it: try again when all nodes are ready")
	// ErrSilent is returned when a node that may hold something does not answer: what
	// it has forgotten cannot be known.
	ErrSilent = errors.New("what it has removed cannot be known: try again when it is back or has been left out")
	// ErrOther is returned for a backup of another cluster that Options.From does not
	// name, ErrPartitions for one of another number of partitions without Options.AsNew.
	ErrOther      = errors.New("the backup is of another cluster")
	ErrPartitions = errors.New("the cluster has another number of partitions, so the backup cannot be merged")
)

// fileError says what an error of the file system means.
func fileError(op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%s: %w: %w", op, ErrFull, err)
	}
	return fmt.Errorf("%s: %w", op, err)
}

// readError says what an error of reading a backup's file means.
func readError(op string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w: %w", op, ErrDamaged, err)
	}
	return fileError(op, err)
}
