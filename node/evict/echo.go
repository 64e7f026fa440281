package evict

// echoes is what a partition remembers of the keys that have gone: a hash, the queue
// that they left, and when, counted in what has left that queue since. It is a table
// of buckets with eight echoes each, in which the oldest gives way.
type echoes struct {
	table []echo // whole buckets
}

// echo is, from the top, 32 bits of the key's hash, one that says which queue, and 31
// of the count; 0 is none.
type echo uint64

const (
	bucketEchoes = 8
	echoMain     = 1 << 31
	echoTime     = echoMain - 1
)

func newEcho(hash uint32, q queueID, now uint64) echo {
	e := echo(hash)<<32 | echo(now&echoTime)
	if q == mainQueue {
		e |= echoMain
	}
	if e == 0 {
		e = 1
	}
	return e
}

func (e echo) hash() uint32 { return uint32(e >> 32) }

func (e echo) queue() queueID {
	if e&echoMain != 0 {
		return mainQueue
	}
	return probation
}

// age returns how much has left the echo's queue since.
func (e echo) age(now uint64) uint64 { return (now - uint64(e)) & echoTime }

// bucket returns where the echo of a hash is. Buckets are in the order of hashes.
func (s *echoes) bucket(hash uint32) []echo {
	n := len(s.table) / bucketEchoes
	i := int(uint64(hash)*uint64(n)>>32) * bucketEchoes
	return s.table[i : i+bucketEchoes]
}

// take returns the queue that a key left, nowhere when there is no echo of it, and
// forgets it.
func (s *echoes) take(hash uint32, t times) queueID {
	if len(s.table) == 0 {
		return nowhere
	}
	b := s.bucket(hash)
	for i, e := range b {
		if e != 0 && e.hash() == hash {
			b[i] = 0
			if t.over(e) {
				return nowhere
			}
			return e.queue()
		}
	}
	return nowhere
}

// put remembers a key that leaves a queue; room is how many echoes the table may have
// space for.
func (s *echoes) put(hash uint32, q queueID, t times, room int) {
	if len(s.table) == 0 {
		s.table = make([]echo, bucketEchoes)
	}
	e := newEcho(hash, q, t.now(q))
	if s.replace(e, t) {
		return
	}
	if want := buckets(min(room, len(s.table)+len(s.table)/4+1)); want > len(s.table) {
		s.resize(want, t)
		if s.replace(e, t) {
			return
		}
	}
	b := s.bucket(hash)
	oldest := 0
	for i := range b {
		if t.age(b[i]) > t.age(b[oldest]) {
			oldest = i
		}
	}
	b[oldest] = e
}

// replace puts an echo where there is none, or one of the same key, or one that is
// over.
func (s *echoes) replace(e echo, t times) bool {
	b := s.bucket(e.hash())
	for i, old := range b {
		if old == 0 || old.hash() == e.hash() || t.over(old) {
			b[i] = e
			return true
		}
	}
	return false
}

// trim gives memory back when the table has far more space than it may have.
func (s *echoes) trim(t times, room int) {
	if want := buckets(room); want*4 < len(s.table) {
		s.resize(want, t)
	}
}

func (s *echoes) resize(n int, t times) {
	old := s.table
	s.table = make([]echo, n)
	for _, e := range old {
		if e != 0 && !t.over(e) {
			s.replace(e, t)
		}
	}
}

// buckets rounds a number of echoes up to whole buckets.
func buckets(n int) int { return max(n+bucketEchoes-1, bucketEchoes) / bucketEchoes * bucketEchoes }

// times is how many have left the two queues so far, and how many leave the same one
// before an echo is over.
type times struct {
	probation, main, lasts uint64
}

func (t times) now(q queueID) uint64 {
	if q == mainQueue {
		return t.main
	}
	return t.probation
}

func (t times) age(e echo) uint64 { return e.age(t.now(e.queue())) }

func (t times) over(e echo) bool { return t.age(e) > t.lasts }
