package evict

import "github.com/zeebo/xxh3"

// Entries is where a policy finds the entries of its partition.
type Entries interface {
	// Kept returns the mark and the bytes of the entry that is in memory for a key, nil
	// when there is none. It loads nothing and counts as no use.
	Kept(key string) (m *Mark, bytes int)
}

// Policy says which entry of one partition goes. All its methods are called under the
// partition's lock. It keeps a reference to the key of each entry, and [PlaceBytes] for
// it.
type Policy struct {
	id      int
	budget  *Budget
	kept    Entries
	queues  [3]queue // probation, main, outsize
	bytes   [4]int64 // by queue
	hand    int64    // what of the budget's is in this partition
	entries int
	tag     uint64
	echoes  echoes
}

// PlaceBytes is about what the policy needs for an entry besides its mark: a place in
// a queue, and an echo of an entry that has gone.
const PlaceBytes = 24 + 12

// ID returns what the partition is known by to who called [Budget.Join].
func (p *Policy) ID() int { return p.id }

func (p *Policy) at(q queueID) *queue { return &p.queues[q-probation] }

// Changed says that the bytes of a key's entry were before and are after, 0 where
// there is none; m is the entry's mark, which stays the entry's as long as it is kept.
// A new entry comes into the policy's care, one that is gone leaves it. Changed is no
// use of the entry: the caller counts that with [Mark.Hit], reads and writes alike.
func (p *Policy) Changed(key string, m *Mark, before, after int) {
	q := m.queue()
	if q == nowhere {
		p.putDown()
	}
	switch {
	case q == nowhere && after > 0:
		p.add(key, m, int64(after))
	case q == nowhere:
	case after == 0:
		p.drop(m, int64(before))
		p.leftOver(q)
	default:
		p.weigh(q, int64(after-before))
		if q != outsize && int64(after) > p.budget.Limit()/outsizeKept {
			p.move(key, m, int64(after), outsize, m.uses())
			p.leftOver(q)
		}
	}
}

// Victim takes one step towards keeping less. It returns the key of the entry that
// must go, which is not in the policy's care any more: the caller evicts it, and says so
// with [Policy.Changed], or gives it back with [Policy.Keep]; until then its bytes count. It returns false when the step did not come to an entry
// that must go: then the caller asks [Budget.Next] who is next.
func (p *Policy) Victim() (key string, ok bool) {
	q := p.budget.turn()
	if p.at(q).len == 0 {
		if q = probation; p.at(q).len == 0 {
			q = mainQueue
		}
	}
	at, m, bytes := p.pop(q)
	if m == nil {
		return "", false
	}
	if p.stays(q, m.uses(), bytes) {
		p.promote(at.key, m, bytes, q)
		return "", false
	}
	from := q
	if q == outsize {
		from = probation
	}
	p.hand += bytes
	p.budget.hand.Add(bytes)
	p.drop(m, bytes)
	p.budget.gone[from].Add(1)
	p.echoes.put(hash(at.key), from, p.budget.times(), p.echoRoom())
	return at.key, true
}

// Keep gives an entry back that [Policy.Victim] named and that cannot go at present,
// because it has not been saved say.
func (p *Policy) Keep(key string, m *Mark, bytes int) {
	if m.queue() == nowhere {
		p.echoes.take(hash(key), p.budget.times())
		p.enter(key, m, int64(bytes), mainQueue, 0)
	}
	p.putDown()
}

// putDown says that it is known of the last victim whether it goes.
func (p *Policy) putDown() {
	p.budget.hand.Add(-p.hand)
	p.hand = 0
}

// add puts a new entry where the echo of its key says.
func (p *Policy) add(key string, m *Mark, bytes int64) {
	b := p.budget
	uses := 0
	q := probation
	switch p.echoes.take(hash(key), b.times()) {
	case probation:
		b.adapt(stepUp)
		q = mainQueue
	case mainQueue:
		b.adapt(-stepDown)
		uses = 1
	}
	limit := b.Limit()
	if bytes > limit/outsizeKept || q == probation && bytes > limit/outsizeNew {
		q = outsize
	}
	p.enter(key, m, bytes, q, uses)
	p.fill()
	p.echoes.trim(b.times(), p.echoRoom())
}

// fill moves at most two entries on from probation when it has more than its share
// and the memory is still filling.
func (p *Policy) fill() {
	b := p.budget
	for range 2 {
		if b.bytes[probation].Load() <= b.target.Load() || !b.fills() {
			return
		}
		if at, m, bytes := p.pop(probation); m != nil {
			p.promote(at.key, m, bytes, probation)
		}
	}
}

// stays reports whether an entry that came to the front of its queue stays in memory.
func (p *Policy) stays(q queueID, uses int, bytes int64) bool {
	need := p.budget.price(bytes)
	if q == mainQueue {
		return uses >= need
	}
	return uses >= max(2, need)
}

// promote puts an entry that came to the front of a queue at the end of the main
// queue. What was there before pays for it.
func (p *Policy) promote(key string, m *Mark, bytes int64, from queueID) {
	uses := 0
	if from == mainQueue {
		uses = m.uses() - p.budget.price(bytes)
	}
	p.move(key, m, bytes, mainQueue, uses)
}

// pop takes the first place of a queue, and returns no mark when it was left over.
func (p *Policy) pop(q queueID) (place, *Mark, int64) {
	at, ok := p.at(q).pop()
	if !ok {
		return place{}, nil, 0
	}
	if q == outsize {
		p.budget.large.Add(-1)
	}
	m, bytes := p.kept.Kept(at.key)
	if m == nil || !at.isOf(*m, q) {
		p.at(q).stale = max(0, p.at(q).stale-1)
		return place{}, nil, 0
	}
	return at, m, int64(bytes)
}

// leftOver says that an entry has gone from a queue and its place has not.
func (p *Policy) leftOver(q queueID) {
	l := p.at(q)
	before := l.len
	l.stale++
	l.sweep(func(at place) bool {
		m, _ := p.kept.Kept(at.key)
		return m != nil && at.isOf(*m, q)
	}, q == outsize)
	if q == outsize {
		p.budget.large.Add(int64(l.len - before))
	}
}

// enter takes an entry into the policy's care.
func (p *Policy) enter(key string, m *Mark, bytes int64, q queueID, uses int) {
	p.entries++
	p.budget.entries.Add(1)
	*m = 0
	p.move(key, m, bytes, q, uses)
}

// move puts an entry at the end of a queue; its old place is left over or popped.
func (p *Policy) move(key string, m *Mark, bytes int64, q queueID, uses int) {
	if from := m.queue(); from != q {
		if from != nowhere {
			p.weigh(from, -bytes)
		}
		p.weigh(q, bytes)
	}
	p.tag = (p.tag + 1) & tagMask
	*m = newMark(q, p.tag, uses)
	if q == outsize {
		p.budget.large.Add(1)
	}
	p.at(q).push(place{key, p.budget.count.Add(1)<<tagBits | p.tag})
}

// drop takes an entry out of the policy's care.
func (p *Policy) drop(m *Mark, bytes int64) {
	p.weigh(m.queue(), -bytes)
	p.entries--
	p.budget.entries.Add(-1)
	*m = 0
}

// weigh changes what a queue accounts for.
func (p *Policy) weigh(q queueID, bytes int64) {
	p.bytes[q] += bytes
	p.budget.bytes[q].Add(bytes)
}

// echoRoom is how many echoes the partition may have: as many as it has entries, or
// as partitions have on average, and some.
func (p *Policy) echoRoom() int {
	mean := p.budget.entries.Load() / max(1, p.budget.joined.Load())
	n := max(p.entries, int(mean))
	return n + n/2 + bucketEchoes
}

func (p *Policy) leave() {
	for q := probation; q <= outsize; q++ {
		p.weigh(q, -p.bytes[q])
	}
	p.budget.entries.Add(-int64(p.entries))
	p.budget.large.Add(-int64(p.at(outsize).len))
	p.putDown()
	p.entries, p.echoes = 0, echoes{}
	for i := range p.queues {
		p.queues[i] = queue{}
		p.queues[i].front.Store(empty)
	}
}

func hash(key string) uint32 { return uint32(xxh3.HashString(key) >> 32) }
