package evict

import (
	"math"
	"sync/atomic"
)

// queueID names a queue; zero is none.
type queueID uint8

const (
	nowhere   queueID = iota
	probation         // new entries, first in first out
	mainQueue         // entries that have proved themselves, a clock
	outsize           // entries too large for either: the first to go
)

// place is one entry's place in a queue. It stays behind when the entry is removed,
// until the queue's front or a sweep comes by.
type place struct {
	key string
	at  uint64 // the node-wide count when it was put there, and in the low tagBits the tag
}

const (
	tagBits = 4
	tagMask = 1<<tagBits - 1
)

// isOf reports whether a place in a queue is that of the entry with a mark.
func (p place) isOf(m Mark, q queueID) bool { return m.queue() == q && m.tag() == p.at&tagMask }

// chunkPlaces is how many places are allocated together. Up to two chunks of a queue
// are part empty: for 4096 partitions of two queues some 6 MiB at most.
const chunkPlaces = 32

type chunk struct {
	next     *chunk
	from, to int // places[from:to] are in use
	places   [chunkPlaces]place
}

// queue is a first-in-first-out queue of places.
type queue struct {
	head, tail *chunk
	cursor     *chunk // where the sweep is; nil: it begins at the head
	spare      *chunk
	len        int           // places
	stale      int           // of which left over, about
	front      atomic.Uint64 // the count at the first place, empty when there is none
}

// empty is the front of a queue with no places.
const empty = math.MaxUint64

func (q *queue) push(p place) {
	if q.tail == nil || q.tail.to == chunkPlaces {
		q.grow()
	}
	c := q.tail
	c.places[c.to] = p
	c.to++
	q.len++
	if q.len == 1 {
		q.front.Store(p.at >> tagBits)
	}
}

func (q *queue) grow() {
	c := q.spare
	if c == nil {
		c = &chunk{}
	}
	q.spare = nil
	if q.tail == nil {
		q.head = c
	} else {
		q.tail.next = c
	}
	q.tail = c
}

// pop takes the first place.
func (q *queue) pop() (place, bool) {
	if q.len == 0 {
		return place{}, false
	}
	c := q.head
	p := c.places[c.from]
	c.places[c.from] = place{}
	c.from++
	q.len--
	q.settle()
	return p, true
}

// settle drops chunks that are used up at the head, and says what the front is.
func (q *queue) settle() {
	for c := q.head; c != nil && c.from == c.to; c = q.head {
		q.head = c.next
		if q.cursor == c {
			q.cursor = nil
		}
		c.next, c.from, c.to = nil, 0, 0
		q.spare = c
	}
	if q.head == nil {
		q.tail = nil
		q.front.Store(empty)
		return
	}
	q.front.Store(q.head.places[q.head.from].at >> tagBits)
}

// minStale is how many left-over places a queue may have whatever its length.
const minStale = 2 * chunkPlaces

// sweep looks at the next one or two chunks, when more than half of all places are
// left over, and takes those out for which valid says no. Called once per removal, it
// keeps the queue below about twice the entries in it, and never costs more than two
// chunks at once. Now says to look whatever the number of left-over places.
func (q *queue) sweep(valid func(place) bool, now bool) {
	if !now && (q.stale < minStale || q.stale*2 < q.len) {
		return
	}
	c := q.cursor
	if c == nil {
		c = q.head
	}
	if c == nil {
		return
	}
	q.filter(c, valid)
	next := c.next
	if next != nil {
		q.filter(next, valid)
	}
	if next != nil && c.to+next.to <= chunkPlaces {
		c.to += copy(c.places[c.to:], next.places[:next.to])
		c.next = next.next
		if q.tail == next {
			q.tail = c
		}
		next = c
	}
	q.cursor = next
	q.settle()
}

// filter takes left-over places out of a chunk and moves the others to its beginning.
func (q *queue) filter(c *chunk, valid func(place) bool) {
	n := 0
	for _, p := range c.places[c.from:c.to] {
		if valid(p) {
			c.places[n] = p
			n++
		}
	}
	gone := c.to - c.from - n
	clear(c.places[n:c.to])
	c.from, c.to = 0, n
	q.len -= gone
	q.stale = max(0, q.stale-gone)
}
