package pebblestore

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// Store is a node's open store. It is safe for concurrent use. Whoever opens it
// closes it.
type Store struct {
	cfg  Config
	fs   vfs.FS
	dir  string
	db   *pebble.DB
	g    *guard
	told *listener
	// held is let go of when the store is closed, last first.
	held []io.Closer

	// use counts who uses db, so that Close and MarkClean can wait for them. No lock
	// is held meanwhile: a callback of a read may read.
	use struct {
		sync.Mutex
		none    sync.Cond
		reads   int
		changes int
		closed  bool
		final   bool // no more changes
	}
	failing sync.WaitGroup // Config.OnError
}

// closeWait is how long Close waits for calls of the file system that are under way
// after a failure.
const closeWait = 10 * time.Second

// read calls f with the database. It gives ErrClosed after Close, and an error for a
// panic: it is what damaged bytes can do to their reader.
func (s *Store) read(op string, f func(db *pebble.DB) error) (err error) {
	s.use.Lock()
	if s.use.closed {
		s.use.Unlock()
		return fmt.Errorf("%s: %w", op, ErrClosed)
	}
	s.use.reads++
	s.use.Unlock()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: %w: %v", op, ErrDamaged, r)
		}
		s.use.Lock()
		defer s.use.Unlock()
		if s.use.reads--; s.use.reads == 0 {
			s.use.none.Broadcast()
		}
	}()
	return f(s.db)
}

// change calls f, which changes the database, unless writing has ended.
func (s *Store) change(op string, f func(db *pebble.DB) error) error {
	s.use.Lock()
	if s.use.closed || s.use.final {
		s.use.Unlock()
		return fmt.Errorf("%s: %w", op, ErrClosed)
	}
	s.use.changes++
	s.use.Unlock()
	defer func() {
		s.use.Lock()
		defer s.use.Unlock()
		if s.use.changes--; s.use.changes == 0 {
			s.use.none.Broadcast()
		}
	}()
	return s.run(op, f)
}

// run calls f in a goroutine of its own, since f may never return when the disk
// fails: then run returns the failure and f's goroutine is left behind.
func (s *Store) run(op string, f func(db *pebble.DB) error) error {
	if err := s.g.err(); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	done, db := make(chan error, 1), s.db
	go func() {
		defer func() {
			if r := recover(); r != nil {
				// Pebble may hold locks now that nobody will let go of.
				s.g.fail(fmt.Errorf("%s: %w: %v", op, ErrDisk, r))
			}
		}()
		done <- f(db)
	}()
	var err error
	select {
	case err = <-done:
	case <-s.g.failed:
	}
	// Pebble may have said that all is well after it had asked for the end of the
	// process.
	if failure := s.g.err(); failure != nil {
		return fmt.Errorf("%s: %w", op, failure)
	}
	return diskError(op, err)
}

// Err returns the error that has ended writing, nil while there was none.
func (s *Store) Err() error { return s.g.err() }

// commit commits a batch of the database's.
func (s *Store) commit(op string, b *pebble.Batch, sync bool) error {
	return s.change(op, func(db *pebble.DB) error { return commitBatch(db, b, sync) })
}

func commitBatch(db *pebble.DB, b *pebble.Batch, sync bool) error {
	if sync && b.Empty() {
		// An empty batch would not be written, nor what came before it synced.
		return db.LogData(nil, pebble.Sync)
	}
	return b.Commit(&pebble.WriteOptions{Sync: sync})
}

// Sync returns when everything that has been committed is on disk. It blocks for as
// long as the disk takes.
func (s *Store) Sync() error {
	return s.change("sync", func(db *pebble.DB) error { return db.LogData(nil, pebble.Sync) })
}

// Drop forgets everything that is kept of a partition, on disk when it returns nil.
func (s *Store) Drop(p region.Partition) error {
	b := s.db.NewBatch()
	for _, table := range partitionTables {
		if err := b.DeleteRange(appendRow(nil, table, p), rowsEnd(table, p), nil); err != nil {
			return fmt.Errorf("drop partition %d: %w", p, err)
		}
	}
	return s.commit(fmt.Sprintf("drop partition %d", p), b, true)
}

// Head returns the head that was saved last of a partition, false when nothing is
// kept of it.
func (s *Store) Head(p region.Partition) (h crdt.PartitionHead, ok bool, err error) {
	row := appendRow(nil, tableHead, p)
	value, err := s.get(row)
	if err != nil || value == nil {
		return crdt.PartitionHead{}, false, err
	}
	if h, err = crdt.DecodeHead(value); err != nil {
		return crdt.PartitionHead{}, false, valueError(fmt.Sprintf("head of partition %d", p), err)
	}
	return h, true, nil
}

// get returns a copy of a row's value, nil when there is no such row.
func (s *Store) get(row []byte) (value []byte, err error) {
	err = s.view(row, func(b []byte) error {
		value = append([]byte{}, b...)
		return nil
	})
	return value, err
}

// view calls f with a row's value, unless there is no such row. f must not keep it.
func (s *Store) view(row []byte, f func(value []byte) error) error {
	return s.read("read", func(db *pebble.DB) error {
		value, closer, err := db.Get(row)
		if errors.Is(err, pebble.ErrNotFound) {
			return nil
		}
		if err != nil {
			return diskError("read "+rowName(row), err)
		}
		return errors.Join(f(value), closer.Close())
	})
}

// Close closes the store: what has been committed is written, so that the next Open
// has no log to read. It waits for calls that are under way, and may be called
// again. After a failure, which it returns, it leaves memory behind.
func (s *Store) Close() error {
	s.use.Lock()
	if s.use.closed {
		s.use.Unlock()
		return nil
	}
	s.use.closed = true
	for s.use.reads+s.use.changes > 0 {
		s.use.none.Wait()
	}
	s.use.Unlock()

	s.g.tell(nil) // Who closes hears of it.
	_ = s.run("close", (*pebble.DB).Flush)
	err := s.closeDB()
	err = also(err, s.release())
	s.failing.Wait()
	return err
}

// closeDB closes the database, or leaves it behind when writing has ended. It
// returns the failure that writing has ended with.
func (s *Store) closeDB() error {
	err := s.g.err()
	if err == nil {
		err = s.run("close", (*pebble.DB).Close)
	}
	if s.g.err() == nil {
		return err
	}
	s.told.left.Store(true)
	if !s.drained() {
		s.held = nil // Whoever is still writing keeps the directory.
		return fmt.Errorf("%w: a call of the file system does not return, the directory stays in use", err)
	}
	return err
}

// release lets go of what the store holds.
func (s *Store) release() (err error) {
	for i := len(s.held) - 1; i >= 0; i-- {
		err = also(err, s.held[i].Close())
	}
	return err
}

// drained waits until nothing is being written any more, for a while.
func (s *Store) drained() bool {
	done := make(chan struct{})
	go func() {
		s.g.drain()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(closeWait):
		return false
	}
}
