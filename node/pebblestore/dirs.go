package pebblestore

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// diskSlow is after how long a call of the file system is told of.
	diskSlow = 5 * time.Second
	// memTables is how many memtables there may be before commits wait.
	memTables = 3
)

// makeDirs makes a directory and those above it, so that a crash does not take them
// away again.
func makeDirs(fs vfs.FS, dir string) error {
	var parents []string
	for at := dir; ; at = fs.PathDir(at) {
		there, err := exists(fs, at)
		if err != nil {
			return err
		}
		if there || fs.PathDir(at) == at {
			break
		}
		parents = append(parents, fs.PathDir(at))
	}
	if len(parents) == 0 {
		return nil
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, parent := range parents {
		if err := syncDir(fs, parent); err != nil {
			return err
		}
	}
	return nil
}
