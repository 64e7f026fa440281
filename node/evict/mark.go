package evict

// Mark is what the policy keeps at an entry itself: one byte, whose zero value says
// that the entry is not in the policy's care. Only the entry's partition touches it,
// under its lock.
//
//	bits 0-1  uses since it last was looked at, at most 3
//	bits 2-3  the queue that it is in
//	bits 4-7  a tag that its place in the queue carries too
//
// A place in a queue whose entry has another queue or tag is left over from before
// the entry was removed or moved.
type Mark uint8

const (
	markUses  Mark = 0x03
	markQueue Mark = 0x0c
	markTag   Mark = 0xf0
)

// Hit counts one use of the entry, a read or a write. It is all that a hit costs.
func (m *Mark) Hit() {
	if *m&markUses != markUses {
		*m++
	}
}

func newMark(q queueID, tag uint64, uses int) Mark {
	return Mark(tag)<<4 | Mark(q)<<2 | Mark(uses)
}

func (m Mark) uses() int      { return int(m & markUses) }
func (m Mark) queue() queueID { return queueID(m & markQueue >> 2) }
func (m Mark) tag() uint64    { return uint64(m & markTag >> 4) }

// withUses returns the mark with another number of uses.
func (m Mark) withUses(n int) Mark { return m&^markUses | Mark(n) }
