package pebblestore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/batchrepr"
	"github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// Pebble replays the logs that it finds. Where one of several is missing, what came
// after it would be applied to what was before: a vector that has seen writes that
// are nowhere. Every change of a row has the next sequence number, so checkLogs
// looks whether numbers are missing. What is missing at the very end cannot be told
// from what was never synced; it leaves a state that was.

// Tags of the first fields of a manifest's record.
const (
	tagComparator = 1
	tagLog        = 2
	tagNextFile   = 3
	tagLastSeq    = 4
	tagPrevLog    = 9
)

// unused is the highest of the numbers that Pebble never gives to a change.
const unused = 9

// manifestEnd is how far the tables go.
type manifestEnd struct {
	log uint64 // the lowest log that may have what is not in tables
	seq uint64 // the highest number that had been given out
}

// readManifestEnd reads the records of a manifest that has been checked.
func readManifestEnd(b []byte) (end manifestEnd) {
	r := record.NewReader(bytes.NewReader(b), 0)
	for {
		one, err := r.Next()
		if err != nil {
			return end
		}
		edit, err := io.ReadAll(one)
		if err != nil {
			return end
		}
		end.read(edit)
	}
}

// read takes the fields at the beginning of a record, up to those that speak of
// tables.
func (end *manifestEnd) read(edit []byte) {
	next := func() uint64 {
		v, n := binary.Uvarint(edit)
		if n <= 0 {
			edit = nil
			return 0
		}
		edit = edit[n:]
		return v
	}
	for len(edit) > 0 {
		switch next() {
		case tagComparator:
			edit = edit[min(next(), uint64(len(edit))):]
		case tagLog:
			end.log = next()
		case tagNextFile, tagPrevLog:
			next()
		case tagLastSeq:
			end.seq = max(end.seq, next())
		default:
			return
		}
	}
}

// checkLogs returns an error when numbers are missing between the tables and the logs,
// or between two logs. It reads all logs but the last.
func checkLogs(fs vfs.FS, dir string, end manifestEnd) error {
	logs, err := wal.Scan(wal.Dir{FS: fs, Dirname: dir})
	if err != nil {
		return diskError("read "+dir, err)
	}
	highest := max(end.seq, unused)
	for i, log := range logs {
		if uint64(log.Num) < end.log {
			continue
		}
		first, last, ok := numbers(log, i == len(logs)-1)
		if !ok {
			continue
		}
		if first > highest+1 {
			return fmt.Errorf("%s: %w: a log before %s.log is missing, changes %d to %d with it",
				dir, ErrDamaged, log.Num, highest+1, first-1)
		}
		highest = max(highest, last)
	}
	return nil
}

// numbers returns the first and the last number of a log, or only the first, and
// false when there is none. What cannot be read is for Pebble to say.
func numbers(log wal.LogicalLog, firstOnly bool) (first, last uint64, ok bool) {
	r := log.OpenForRead()
	defer r.Close()
	head := make([]byte, batchrepr.HeaderLen)
	for {
		one, _, err := r.NextRecord()
		if err != nil {
			return first, last, ok
		}
		if _, err := io.ReadFull(one, head); err != nil {
			return first, last, ok
		}
		h, whole := batchrepr.ReadHeader(head)
		if !whole {
			return first, last, ok
		}
		if !ok {
			first = uint64(h.SeqNum)
		}
		ok, last = true, max(last, uint64(h.SeqNum)+uint64(h.Count)-1)
		if firstOnly {
			return first, last, ok
		}
	}
}
