package pebblestore

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/atollcache/atoll/crdt"
)

// The forms of an entry row's value, its first byte.
const (
	formEntry   = 1 // the entry, whole
	formPatches = 2 // patches of what the key has, in order, each by its length
	formBroken  = 3 // values that could not be merged, oldest first, each by its length
)

var (
	errForm  = errors.New("value has no known form")
	errFrame = errors.New("value is cut short")
	errMerge = errors.New("patches that cannot be applied to what was saved")
	errBase  = errors.New("patches of an entry that is not there")
)

func appendEntryValue(dst []byte, e *crdt.Entry) []byte {
	return crdt.AppendEntry(append(dst, formEntry), e)
}

func appendPatchValue(dst []byte, p *crdt.Patch) []byte {
	return appendFrame(append(dst, formPatches), crdt.AppendPatch(nil, p))
}

func appendFrame(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// eachFrame calls f for every frame until f returns an error.
func eachFrame(b []byte, f func(frame []byte) error) error {
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > uint64(len(b)-size) {
			return errFrame
		}
		if err := f(b[size : size+int(n)]); err != nil {
			return err
		}
		b = b[size+int(n):]
	}
	return nil
}

// decodeValue returns the entry that a row's value holds, nil when that is the
// empty one. It keeps none of the value's memory.
func decodeValue(row, value []byte) (*crdt.Entry, error) {
	e, err := entryOf(value)
	if err != nil {
		return nil, valueError(rowName(row), err)
	}
	if e.IsEmpty() {
		return nil, nil
	}
	return e, nil
}

func entryOf(value []byte) (*crdt.Entry, error) {
	switch {
	case len(value) == 0:
		return nil, errForm
	case value[0] == formEntry:
		return crdt.DecodeEntry(value[1:])
	case value[0] == formPatches:
		return nil, errBase
	case value[0] == formBroken:
		return nil, errMerge
	case value[0] > formBroken:
		return nil, fmt.Errorf("%w: value of form %d", crdt.ErrUnknown, value[0])
	default:
		return nil, errForm
	}
}

// applyPatches applies framed patches to e. When it returns an error, e is of no use.
func applyPatches(e *crdt.Entry, frames []byte) error {
	return eachFrame(frames, func(frame []byte) error {
		p, err := crdt.DecodePatch(frame)
		if err == nil {
			e.Patch(p)
		}
		return err
	})
}
