package pebblestore

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guard is the file system as Pebble sees it: it watches what is done to the
// database's directory, and ends all of it at the first failure.
//
// Pebble cannot be shown a failure to write. For a log it asks its logger to end the
// process, or panics; where it panics when it begins a new log, it lets go of a lock
// that it does not hold, which no recover helps against. When a directory cannot be
// synced it panics in a goroutine of its own. And a table that cannot be written it
// tries again at once, for ever. So the call that fails, and every later one that
// would change something, does not return. The Store's callers do not wait for it:
// see Store.run.
type guard struct {
	vfs.FS
	dir string // with a separator at the end

	mu struct {
		sync.Mutex
		err     error       // the first failure
		tell    func(error) // is told of it, unless nil
		changes int         // that are being made
		idle    sync.Cond
	}
	failed chan struct{} // closed when err is set
}

func newGuard(fs vfs.FS, dir string) *guard {
	g := &guard{FS: fs, failed: make(chan struct{})}
	g.dir = strings.TrimSuffix(fs.PathJoin(dir, "x"), "x")
	g.mu.idle.L = &g.mu
	return g
}

// tell sets who is told of a failure, nil for nobody.
func (g *guard) tell(f func(error)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.mu.tell = f
}

// err returns the failure that ended writing, nil while there was none.
func (g *guard) err() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mu.err
}

// fail ends writing, unless it has ended. Who is told is told under the lock.
func (g *guard) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.mu.err != nil {
		return
	}
	g.mu.err = err
	close(g.failed)
	if g.mu.tell != nil {
		g.mu.tell(err)
	}
}

// drain waits until no change is being made any more. After a failure none begins,
// so that the directory can then be given to somebody else.
func (g *guard) drain() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.mu.changes > 0 {
		g.mu.idle.Wait()
	}
}

// begin lets a change be made, or does not return.
func (g *guard) begin() {
	g.mu.Lock()
	if g.mu.err != nil {
		g.stop()
	}
	g.mu.changes++
	g.mu.Unlock()
}

// end says how a change went, and does not return when it failed.
func (g *guard) end(op, path string, err error) {
	if err != nil {
		g.fail(diskError(op+" "+path, err))
	}
	g.mu.Lock()
	if g.mu.changes--; g.mu.changes == 0 {
		g.mu.idle.Broadcast()
	}
	if err != nil {
		g.stop()
	}
	g.mu.Unlock()
}

// stop never returns. It is called with the lock, which it lets go of.
func (g *guard) stop() {
	g.mu.Unlock()
	select {}
}

// change makes a change of the directory. What is done elsewhere, to a checkpoint,
// is not watched.
func (g *guard) change(op, path string, f func() error) error {
	if !strings.HasPrefix(path, g.dir) && path+string(g.dir[len(g.dir)-1]) != g.dir {
		return f()
	}
	g.begin()
	g.end(op, path, f())
	return nil
}

func (g *guard) file(op, path string, f func() (vfs.File, error)) (out vfs.File, err error) {
	err = g.change(op, path, func() error {
		out, err = f()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &guardedFile{out, g, path}, nil
}

// Create implements vfs.FS.
func (g *guard) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.file("create", name, func() (vfs.File, error) { return g.FS.Create(name, category) })
}

// OpenReadWrite implements vfs.FS.
func (g *guard) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return g.file("open", name, func() (vfs.File, error) { return g.FS.OpenReadWrite(name, category, opts...) })
}

// ReuseForWrite implements vfs.FS.
func (g *guard) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return g.file("create", newname, func() (vfs.File, error) { return g.FS.ReuseForWrite(oldname, newname, category) })
}

// OpenDir implements vfs.FS.
func (g *guard) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &guardedFile{f, g, name}, nil
}

// Link implements vfs.FS.
func (g *guard) Link(oldname, newname string) error {
	return g.change("link", newname, func() error { return g.FS.Link(oldname, newname) })
}

// Rename implements vfs.FS.
func (g *guard) Rename(oldname, newname string) error {
	return g.change("rename", newname, func() error { return g.FS.Rename(oldname, newname) })
}

// MkdirAll implements vfs.FS.
func (g *guard) MkdirAll(dir string, perm os.FileMode) error {
	return g.change("create", dir, func() error { return g.FS.MkdirAll(dir, perm) })
}

// Remove implements vfs.FS. That something cannot be removed ends nothing, but after
// a failure nothing is removed any more.
func (g *guard) Remove(name string) error {
	return g.remove(name, func() error { return g.FS.Remove(name) })
}

// RemoveAll implements vfs.FS, as Remove.
func (g *guard) RemoveAll(name string) error {
	return g.remove(name, func() error { return g.FS.RemoveAll(name) })
}

func (g *guard) remove(name string, f func() error) error {
	g.mu.Lock()
	if err := g.mu.err; err != nil {
		g.mu.Unlock()
		return fmt.Errorf("remove %s: %w", name, err)
	}
	g.mu.changes++
	g.mu.Unlock()
	err := f()
	g.end("remove", name, nil)
	return err
}

// Lock implements vfs.FS: the Store holds the lock of the directory above, and may
// have to outlive Pebble's.
func (g *guard) Lock(string) (io.Closer, error) { return noLock{}, nil }

// Unwrap implements vfs.FS.
func (g *guard) Unwrap() vfs.FS { return g.FS }

type noLock struct{}

// Close implements io.Closer.
func (noLock) Close() error { return nil }

// guardedFile is a file that is written, or a directory.
type guardedFile struct {
	vfs.File
	g    *guard
	path string
}

// Write implements vfs.File.
func (f *guardedFile) Write(p []byte) (n int, err error) {
	err = f.g.change("write", f.path, func() error {
		n, err = f.File.Write(p)
		return err
	})
	return n, err
}

// WriteAt implements vfs.File.
func (f *guardedFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.g.change("write", f.path, func() error {
		n, err = f.File.WriteAt(p, off)
		return err
	})
	return n, err
}

// Sync implements vfs.File.
func (f *guardedFile) Sync() error { return f.g.change("sync", f.path, f.File.Sync) }

// SyncData implements vfs.File.
func (f *guardedFile) SyncData() error { return f.g.change("sync", f.path, f.File.SyncData) }

// SyncTo implements vfs.File.
func (f *guardedFile) SyncTo(length int64) (full bool, err error) {
	err = f.g.change("sync", f.path, func() error {
		full, err = f.File.SyncTo(length)
		return err
	})
	return full, err
}
