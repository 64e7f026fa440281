package crdt

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A list's elements are cells whose fields are positions: byte strings that sort
// as the list does. Between any two there is room for more, at either end too, and
// no two writes ever choose the same one. So a list needs nothing of its own to be
// merged: inserting is putting into a new cell, removing an element is removing
// its cell, and everybody sorts the same.
//
// A position is a path of steps. A step is an index, the dot of the write that
// chose it, and the element's place among those that the write inserted. The index
// of a push is one beyond the end's. An insert between two elements takes a step
// beside one of them where there is room and else goes one step deeper. The dot
// tells concurrent writes apart, and keeps what one of them inserted together. The
// idea is Logoot's (Weiss, Urso, Molli, ICDCS 2009), without its random choices:
// elements are pushed far more often than inserted, and then a position has one
// step, of some fifteen bytes.
//
// All parts of a step are encoded so that they sort as what they stand for, and
// none is the beginning of another one of its type. A position sorts before those
// that begin with it.

// maxPosition bounds a position in bytes: some sixty steps. Only inserts that go
// between the two before them, over and over, come to it.
const maxPosition = 1024

// step is one step of a position, with place left out.
type positionStep struct {
	index int64
	dot   Dot
}

// appendOrdered appends a number so that the bytes sort as the numbers do.
func appendOrdered(b []byte, v uint64) []byte {
	const small = math.MaxUint8 - 8 // up to which a byte is the number
	if v <= small {
		return append(b, byte(v))
	}
	var be [8]byte
	binary.BigEndian.PutUint64(be[:], v)
	i := 0
	for be[i] == 0 {
		i++
	}
	return append(append(b, byte(small+8-i)), be[i:]...)
}

// cutOrdered reads what appendOrdered wrote, and nothing longer than that.
func cutOrdered(s string) (v uint64, rest string, ok bool) {
	const small = math.MaxUint8 - 8
	if s == "" {
		return 0, "", false
	}
	if s[0] <= small {
		return uint64(s[0]), s[1:], true
	}
	n := int(s[0] - small)
	if len(s) < 1+n || s[1] == 0 {
		return 0, "", false
	}
	for i := range n {
		v = v<<8 | uint64(s[1+i])
	}
	return v, s[1+n:], v > small
}

// Indices sort by their first byte: below indexZero the negative ones, whose bytes
// are the complement of those of -1-index.
const indexZero = 0x80

// appendIndex appends an index so that the bytes sort as the indices do.
func appendIndex(b []byte, v int64) []byte {
	n := len(b)
	w := uint64(v)
	if v < 0 {
		w = ^w
	}
	if b = appendIndexAbs(b, w); v < 0 {
		for i := range b[n:] {
			b[n+i] = ^b[n+i]
		}
	}
	return b
}

// indexSmall is the highest number that is one byte.
const indexSmall = 0x3f

func appendIndexAbs(b []byte, w uint64) []byte {
	if w <= indexSmall {
		return append(b, indexZero+byte(w))
	}
	var be [8]byte
	binary.BigEndian.PutUint64(be[:], w)
	i := 0
	for be[i] == 0 {
		i++
	}
	return append(append(b, byte(indexZero+indexSmall+8-i)), be[i:]...)
}

// cutIndex reads what appendIndex wrote.
func cutIndex(s string) (v int64, rest string, ok bool) {
	if s == "" {
		return 0, "", false
	}
	flip := byte(0)
	if s[0] < indexZero {
		flip = math.MaxUint8
	}
	first := s[0] ^ flip - indexZero
	if first <= indexSmall {
		return signed(uint64(first), flip), s[1:], true
	}
	n := int(first - indexSmall)
	if n > 8 || len(s) < 1+n || s[1]^flip == 0 {
		return 0, "", false
	}
	w := uint64(0)
	for i := range n {
		w = w<<8 | uint64(s[1+i]^flip)
	}
	return signed(w, flip), s[1+n:], w > indexSmall && w <= math.MaxInt64
}

func signed(w uint64, flip byte) int64 {
	if flip != 0 {
		w = ^w
	}
	return int64(w)
}

// appendStep appends a step without its place.
func appendStep(b []byte, s positionStep) []byte {
	b = appendIndex(b, s.index)
	b = binary.BigEndian.AppendUint64(b, uint64(s.dot.Replica))
	return appendOrdered(b, s.dot.N)
}

// cutStep reads a step with its place.
func cutStep(p string) (s positionStep, place uint64, rest string, ok bool) {
	s.index, rest, ok = cutIndex(p)
	if !ok || len(rest) < 8 {
		return s, 0, "", false
	}
	s.dot.Replica = ReplicaID(binary.BigEndian.Uint64([]byte(rest[:8])))
	if s.dot.N, rest, ok = cutOrdered(rest[8:]); !ok || s.dot.Replica == 0 || s.dot.N == 0 {
		return s, 0, "", false
	}
	place, rest, ok = cutOrdered(rest)
	return s, place, rest, ok
}

// isPosition reports whether a field can be a list's.
func isPosition(p string) bool {
	if p == "" || len(p) > maxPosition {
		return false
	}
	for ok := true; p != ""; {
		if _, _, p, ok = cutStep(p); !ok {
			return false
		}
	}
	return true
}

// PositionText writes a list's field for people: of each step the index, the write
// that chose it, and the element's place among those that the write inserted.
func PositionText(field string) string {
	var out []string
	for rest := field; rest != ""; {
		var s positionStep
		var place uint64
		var ok bool
		if s, place, rest, ok = cutStep(rest); !ok {
			return strconv.Quote(field)
		}
		out = append(out, fmt.Sprintf("%d@%v.%d", s.index, s.dot, place))
	}
	return strings.Join(out, "/")
}

// lastStep returns where the last step of a position begins, and the step.
func lastStep(p string) (at int, s positionStep) {
	for rest := p; rest != ""; {
		at = len(p) - len(rest)
		s, _, rest, _ = cutStep(rest)
	}
	return at, s
}

// run is the positions of the elements that one write inserts side by side.
type run []byte

// at returns the position of the i-th of them.
func (r run) at(i int) string { return string(appendOrdered(r[:len(r):len(r)], uint64(i))) }

// runBetween returns positions after one and before another for a write. An empty
// one stands for the end of the list on its side. It reports false when there is
// no room.
func runBetween(before, after string, dot Dot) (run, bool) {
	var r run
	switch {
	case before == "" && after == "":
		r = appendStep(nil, positionStep{0, dot})
	case before == "":
		first, _, _, _ := cutStep(after)
		if first.index == math.MinInt64 {
			return nil, false
		}
		r = appendStep(nil, positionStep{first.index - 1, dot})
	case after == "":
		first, _, _, _ := cutStep(before)
		if first.index == math.MaxInt64 {
			return nil, false
		}
		r = appendStep(nil, positionStep{first.index + 1, dot})
	default:
		r = runInside(before, after, dot)
	}
	return r, r != nil && len(r) <= maxPosition-9
}

// runInside is runBetween for an insert between two elements, nil when there is no
// room.
func runInside(before, after string, dot Dot) run {
	at, s := lastStep(before)
	if s.index < math.MaxInt64 {
		if r := appendStep([]byte(before[:at]), positionStep{s.index + 1, dot}); string(r) < after && !strings.HasPrefix(after, string(r)) {
			return r
		}
	}
	at, s = lastStep(after)
	if s.index == math.MinInt64 {
		return nil
	}
	if r := appendStep([]byte(after[:at]), positionStep{s.index - 1, dot}); string(r) > before && !strings.HasPrefix(before, string(r)) {
		return r
	}
	return appendStep([]byte(before), positionStep{0, dot}) // after does not begin with before.
}
