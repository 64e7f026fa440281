package backup

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/zeebo/xxh3"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// partWriter writes the file of a partition.
type partWriter struct {
	f    File
	b    *bufio.Writer
	sum  *xxh3.Hasher
	part Part
	now  int64
}

func createPart(fs FS, dir string, p region.Partition, now int64) (*partWriter, error) {
	f, err := fs.Create(filepath.Join(dir, fileName(p)))
	if err != nil {
		return nil, err
	}
	return &partWriter{f: f, b: bufio.NewWriterSize(f, 64<<10), sum: xxh3.New(), part: Part{Partition: p}, now: now}, nil
}

// add writes a message.
func (w *partWriter) add(m *cachesync.Message, raw []byte) error {
	length := binary.BigEndian.AppendUint32(nil, uint32(len(raw)))
	for _, b := range [][]byte{length, raw} {
		_, _ = w.sum.Write(b) // It never fails.
		if _, err := w.b.Write(b); err != nil {
			return err
		}
	}
	w.part.Bytes += int64(len(length) + len(raw))
	w.part.Entries += len(m.Piece.Keys)
	w.part.Vector, w.part.Horizon = m.Piece.Vector.String(), m.Piece.Horizon.String()
	for _, e := range m.Piece.Entries {
		switch v := e.View(w.now); {
		case v.IsEvicted():
			w.part.Evicted++
		case v.Exists():
			w.part.Keys++
		}
	}
	return nil
}

// finish has everything on the disk, and says what there is.
func (w *partWriter) finish() (Part, error) {
	w.part.Sum = sumText(w.sum.Sum64())
	err := w.b.Flush()
	if err == nil {
		err = w.f.Sync()
	}
	return w.part, errors.Join(err, w.f.Close())
}

// Backup is a directory that has a backup.
type Backup struct {
	Manifest
	fs  FS
	dir string
}

// Open opens the backup in a directory and reads its manifest. A nil file system is the
// machine's. Errors wrap ErrNone, ErrUnfinished, ErrDamaged or ErrNewer. There is
// nothing to close.
func Open(fs FS, dir string) (*Backup, error) {
	if fs == nil {
		fs = machine{}
	}
	m, err := readManifest(fs, dir)
	if err != nil {
		return nil, err
	}
	return &Backup{Manifest: *m, fs: fs, dir: dir}, nil
}

// Check reads all of a partition's file and returns an error unless it can be restored.
func (b *Backup) Check(p region.Partition) error {
	// First what it holds, for a bit that has flipped may say anything.
	if err := b.checkSum(p); err != nil {
		return err
	}
	return b.each(p, func(*cachesync.Message, []byte) error { return nil })
}

func (b *Backup) checkSum(p region.Partition) error {
	path := filepath.Join(b.dir, fileName(p))
	op := "read " + path
	file, err := b.fs.Open(path)
	if err != nil {
		return readError(op, err)
	}
	defer file.Close()
	sum := xxh3.New()
	n, err := io.Copy(sum, io.LimitReader(file, b.Parts[p].Bytes+1))
	switch {
	case err != nil:
		return readError(op, err)
	case n != b.Parts[p].Bytes:
		return fmt.Errorf("%s: %w: it has not the size that was written", op, ErrDamaged)
	case sumText(sum.Sum64()) != b.Parts[p].Sum:
		return fmt.Errorf("%s: %w: its checksum is another", op, ErrDamaged)
	}
	return nil
}

// each calls f with every message of a partition's file, decoded and as it is. When it
// returns nil the file was whole, which f cannot know before.
func (b *Backup) each(p region.Partition, f func(m *cachesync.Message, raw []byte) error) error {
	path := filepath.Join(b.dir, fileName(p))
	op := "read " + path
	file, err := b.fs.Open(path)
	if err != nil {
		return readError(op, err)
	}
	defer file.Close()
	part := b.Parts[p]
	sum, last := xxh3.New(), false
	in := io.TeeReader(bufio.NewReaderSize(io.LimitReader(file, part.Bytes+1), 64<<10), sum)
	left := part.Bytes
	for index := 0; left > 0; index++ {
		raw, err := readFrame(in, left)
		if err != nil {
			return frameError(op, err)
		}
		left -= int64(4 + len(raw))
		m, err := decodePiece(raw, p)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		if last || m.Index != index {
			return fmt.Errorf("%s: %w: piece %d in the place of %d", op, ErrDamaged, m.Index, index)
		}
		if last = m.Last; last && left == 0 {
			if err := b.ended(in, sum, part); err != nil {
				return fmt.Errorf("%s: %w", op, err)
			}
		}
		if err := f(m, raw); err != nil {
			return err
		}
	}
	if !last {
		return fmt.Errorf("%s: %w: the last message is missing", op, ErrDamaged)
	}
	return nil
}

// ended checks that a file has ended, and that it is what was written.
func (b *Backup) ended(in io.Reader, sum *xxh3.Hasher, part Part) error {
	var more [1]byte
	have := sumText(sum.Sum64())
	if n, _ := in.Read(more[:]); n > 0 {
		return fmt.Errorf("%w: it is too long", ErrDamaged)
	}
	if have != part.Sum {
		return fmt.Errorf("%w: its checksum is another", ErrDamaged)
	}
	return nil
}

func readFrame(in io.Reader, left int64) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint32(length[:]))
	if n > left-4 {
		return nil, io.ErrUnexpectedEOF
	}
	raw := make([]byte, n)
	_, err := io.ReadFull(in, raw)
	return raw, err
}

func frameError(op string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: %w: it is cut short", op, ErrDamaged)
	}
	return readError(op, err)
}

// decodePiece reads a message of a partition's snapshot.
func decodePiece(raw []byte, p region.Partition) (*cachesync.Message, error) {
	ms, err := cachesync.Decode(raw)
	switch {
	case errors.Is(err, crdt.ErrUnknown):
		return nil, fmt.Errorf("%w: %w", ErrNewer, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	case len(ms) != 1 || ms[0].Kind != cachesync.KindSnapshot || ms[0].Partition != p || ms[0].Piece == nil:
		return nil, fmt.Errorf("%w: no part of partition %d", ErrDamaged, p)
	}
	return ms[0], nil
}
