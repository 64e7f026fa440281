package pebblestore

import (
	"fmt"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2"
)

// mergerName is in the database: what merges otherwise needs another name.
const mergerName = "atoll.patches.1"

// newMerger returns the operation that makes one value of a key's entry and the
// patches that came after it. What cannot be merged is no error: an error would end
// the compaction, which would then be tried again for ever, and with it everything
// that waits for it. Instead all the values are kept as one of form formBroken, which
// reading the key gives as the error it is, until the key is saved whole or goes.
func newMerger() *pebble.Merger {
	return &pebble.Merger{
		Name: mergerName,
		Merge: func(_, value []byte) (pebble.ValueMerger, error) {
			return &merging{values: [][]byte{slices.Clone(value)}}, nil
		},
	}
}

// merging collects the values of one key.
type merging struct {
	values [][]byte // in the order of their coming
	newest bool     // they come newest first
}

// MergeNewer implements pebble.ValueMerger.
func (m *merging) MergeNewer(value []byte) error {
	m.values = append(m.values, slices.Clone(value))
	return nil
}

// MergeOlder implements pebble.ValueMerger.
func (m *merging) MergeOlder(value []byte) error {
	m.newest = true
	return m.MergeNewer(value)
}

// Finish implements pebble.ValueMerger. Without the base the patches are only put
// behind each other, so that the result does not depend on how a compaction groups
// them.
func (m *merging) Finish(includesBase bool) ([]byte, io.Closer, error) {
	if m.newest {
		slices.Reverse(m.values)
		m.newest = false
	}
	var out []byte
	var err error
	if includesBase {
		out, err = mergeBase(m.values)
	} else {
		out, err = mergePatches(m.values)
	}
	if err != nil {
		out = mergeBroken(m.values)
	}
	return out, nil, nil
}

// mergePatches puts values that all hold patches behind each other.
func mergePatches(values [][]byte) ([]byte, error) {
	out := []byte{formPatches}
	for _, v := range values {
		if len(v) == 0 || v[0] != formPatches {
			return nil, errForm
		}
		if err := eachFrame(v[1:], func([]byte) error { return nil }); err != nil {
			return nil, err
		}
		out = append(out, v[1:]...)
	}
	return out, nil
}

// mergeBase applies patches to the oldest value.
func mergeBase(values [][]byte) (out []byte, err error) {
	defer func() {
		// A panic here would end the process from a goroutine of Pebble's.
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("%w: %v", errMerge, r)
		}
	}()
	e, err := entryOf(values[0])
	if err != nil {
		return nil, err
	}
	for _, v := range values[1:] {
		if len(v) == 0 || v[0] != formPatches {
			return nil, errForm
		}
		if err := applyPatches(e, v[1:]); err != nil {
			return nil, err
		}
	}
	return appendEntryValue(nil, e), nil
}

// mergeBroken keeps values that could not be merged, each once.
func mergeBroken(values [][]byte) []byte {
	out := []byte{formBroken}
	for _, v := range values {
		if len(v) > 0 && v[0] == formBroken && eachFrame(v[1:], func([]byte) error { return nil }) == nil {
			out = append(out, v[1:]...)
			continue
		}
		out = appendFrame(out, v)
	}
	return out
}
