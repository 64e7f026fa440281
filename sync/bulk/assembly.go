package bulk

import "fmt"

// assembly puts one message together from its chunks, in any order within the
// window. Its memory follows what has arrived, never what was announced: the
// buffer at most doubles, and a chunk more than maxWindow ahead of the count is
// refused. Not safe for concurrent use.
type assembly struct {
	total int // bytes of the whole message
	size  int // bytes of every chunk but the last
	buf   []byte
	seen  bitmap
}

// newAssembly prepares for a message of total bytes in chunks of size bytes.
// Both must be positive; nothing is allocated for the content yet.
func newAssembly(total, size int) *assembly {
	return &assembly{total: total, size: size, seen: newBitmap(chunks(total, size))}
}

// put takes in chunk index and copies data. An error wraps ErrProtocol and
// leaves the assembly as it was.
func (a *assembly) put(index int, data []byte) error {
	from, to, err := span(a.total, a.size, index)
	switch {
	case err != nil:
		return err
	case a.seen.has(index):
		return fmt.Errorf("chunk %d arrived twice: %w", index, ErrProtocol)
	case index >= a.seen.count+maxWindow:
		return fmt.Errorf("chunk %d is more than %d ahead: %w", index, maxWindow, ErrProtocol)
	case len(data) != to-from:
		return fmt.Errorf("chunk %d has %d bytes instead of %d: %w", index, len(data), to-from, ErrProtocol)
	}
	a.grow(to)
	copy(a.buf[from:to], data)
	a.seen.set(index)
	return nil
}

// grow makes the buffer at least n bytes long.
func (a *assembly) grow(n int) {
	if n <= len(a.buf) {
		return
	}
	if n > cap(a.buf) {
		bigger := make([]byte, len(a.buf), min(a.total, max(n, 2*cap(a.buf))))
		copy(bigger, a.buf)
		a.buf = bigger
	}
	a.buf = a.buf[:n]
}

// full reports whether every chunk is there; only then is buf the message.
func (a *assembly) full() bool { return a.seen.full() }

// chunks returns how many chunks of size bytes a message of total bytes has.
func chunks(total, size int) int { return (total + size - 1) / size }

// span returns the bytes [from, to) of chunk index.
func span(total, size, index int) (from, to int, err error) {
	if index < 0 || index >= chunks(total, size) {
		return 0, 0, fmt.Errorf("chunk %d of %d: %w", index, chunks(total, size), ErrProtocol)
	}
	from = index * size
	return from, min(from+size, total), nil
}

// bitmap remembers which chunks have been seen, and how many.
type bitmap struct {
	words []uint64
	size  int
	count int
}

func newBitmap(size int) bitmap { return bitmap{words: make([]uint64, (size+63)/64), size: size} }

func (b *bitmap) has(i int) bool { return b.words[i/64]&(1<<(i%64)) != 0 }

// set marks i and reports whether that was news.
func (b *bitmap) set(i int) bool {
	if b.has(i) {
		return false
	}
	b.words[i/64] |= 1 << (i % 64)
	b.count++
	return true
}

func (b *bitmap) full() bool { return b.count == b.size }
