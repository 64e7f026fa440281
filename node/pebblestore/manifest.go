package pebblestore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
)

// Pebble reads its manifest up to the first record that is not valid, which is
// right for one that a crash has cut short, and then removes the tables that the
// rest speaks of. So a flipped bit would cost everything that came later, and leave
// a state that never was. checkManifest tells the two apart, and looks before Pebble
// does anything: a write that was cut short is at the end, and is short or has the
// zeros of blocks that were never written.

// The manifest is a sequence of blocks of chunks: checksum, length, type, bytes. No
// chunk crosses the end of a block; what is left there is too short for one.
const (
	manifestBlock = 32 << 10
	chunkHead     = 7
	maxManifest   = 1 << 30
	zeroRun       = 64 // no chunk has so many zeros in a row
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkManifest returns an error when the manifest is missing or damaged, or what
// it says of the logs is not so.
func checkManifest(fs vfs.FS, dir string) error {
	name, err := atomicfs.ReadMarker(fs, dir, "manifest")
	if err != nil {
		return diskError("read "+dir, err)
	}
	if name == "" || strings.ContainsAny(name, `/\`) {
		return fmt.Errorf("%s: %w: no mark of the manifest", dir, ErrDamaged)
	}
	path := fs.PathJoin(dir, name)
	b, err := readFile(fs, path, maxManifest)
	if err != nil {
		return diskError("read "+path, err)
	}
	if at, ok := walkChunks(b); !ok && !isCutShort(b, at) {
		return fmt.Errorf("file %s: %w: checksum at byte %d of %d", path, ErrDamaged, at, len(b))
	}
	return checkLogs(fs, dir, readManifestEnd(b))
}

// walkChunks returns the offset of the first chunk that is not valid, and true when
// all are.
func walkChunks(b []byte) (at int, ok bool) {
	for at < len(b) {
		if left := manifestBlock - at%manifestBlock; left < chunkHead {
			at += left
			continue
		}
		n, valid := chunkAt(b, at)
		if !valid {
			return at, false
		}
		at += n
	}
	return at, true
}

// chunkAt returns the length of the chunk at an offset with its head, if it lies
// within the block and the file, otherwise 0, and whether its checksum is right.
func chunkAt(b []byte, at int) (n int, valid bool) {
	end := min(len(b), at-at%manifestBlock+manifestBlock)
	if at+chunkHead > end {
		return 0, false
	}
	n = chunkHead + int(binary.LittleEndian.Uint16(b[at+4:]))
	if kind := b[at+6]; kind < 1 || kind > 4 || at+n > end {
		return 0, false
	}
	sum := crc32.Checksum(b[at+6:at+n], castagnoli)
	return n, binary.LittleEndian.Uint32(b[at:]) == (sum>>15|sum<<17)+0xa282ead8
}

// isCutShort reports whether what is not valid at an offset can be the end of a
// write that a crash has cut short: nothing valid follows, and it lacks something.
func isCutShort(b []byte, at int) bool {
	for i := at + 1; i+chunkHead <= len(b); i++ {
		if n, valid := chunkAt(b, i); valid && n > chunkHead {
			return false
		}
	}
	n, _ := chunkAt(b, at)
	return n == 0 || bytes.Contains(b[at:], make([]byte, zeroRun))
}
