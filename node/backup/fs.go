package backup

import (
	"errors"
	"io"
	"os"
)

// FS is what a backup needs of a file system. Errors are as those of package os.
type FS interface {
	// Create makes a file, in place of one of the name.
	Create(path string) (File, error)
	// Claim makes an empty file, and fails with os.ErrExist where there is one of the name.
	Claim(path string) error
	// Open opens a file to be read.
	Open(path string) (io.ReadCloser, error)
	// List returns the names in a directory.
	List(dir string) ([]string, error)
	// Exists reports whether there is anything of the name.
	Exists(path string) (bool, error)
	// MakeDir makes a directory, and those above it, for nobody but the user.
	MakeDir(dir string) error
	// Remove removes a file or an empty directory.
	Remove(path string) error
	// Rename gives a file another name.
	Rename(from, to string) error
	// SyncDir has what a directory lists on the disk.
	SyncDir(dir string) error
}

// File is a file that is written.
type File interface {
	io.WriteCloser
	// Sync has what was written on the disk.
	Sync() error
}

// machine is the machine's file system.
type machine struct{}

// Create implements FS.
func (machine) Create(path string) (File, error) {
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

// Claim implements FS.
func (machine) Claim(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Open implements FS.
func (machine) Open(path string) (io.ReadCloser, error) { return os.Open(path) }

// List implements FS.
func (machine) List(dir string) (names []string, err error) {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// Exists implements FS.
func (machine) Exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// MakeDir implements FS.
func (machine) MakeDir(dir string) error { return os.MkdirAll(dir, 0o700) }

// Remove implements FS.
func (machine) Remove(path string) error { return os.Remove(path) }

// Rename implements FS.
func (machine) Rename(from, to string) error { return os.Rename(from, to) }

// SyncDir implements FS.
func (machine) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
