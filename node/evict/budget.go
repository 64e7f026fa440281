package evict

import (
	"slices"
	"sync/atomic"
)

// What the shares and steps are was measured; see README.md.
const (
	startShare  = 5  // a fifth of the limit is probation's at first
	leastShare  = 50 // and a fiftieth at least
	mostShare   = 0.6
	echoShare   = 2   // an echo lasts while half as many as are kept leave the same way
	stepUp      = 0.2 // entries by which an echo of probation makes its share larger
	stepDown    = 0.4 // and one of the main queue smaller
	fullShare   = 64  // memory is full when less than a 64th is free
	outsizeNew  = 8   // a new entry of more than an eighth of the limit is outsize
	outsizeKept = 2   // and any of more than half
)

// Budget is what a node may keep in memory, all partitions together, and which of
// them has to give something up. [Budget.Join], [Budget.Leave] and [Budget.Next] are
// called one at a time; everything else may be called at any time.
type Budget struct {
	limit  atomic.Int64
	target atomic.Int64 // bytes that probation may have

	count   atomic.Uint64 // of places ever given
	entries atomic.Int64
	large   atomic.Int64 // places in outsize queues
	bytes   [4]atomic.Int64
	hand    atomic.Int64    // bytes of victims of which it is not known yet whether they go
	gone    [4]atomic.Int64 // entries that had to leave each queue

	policies []*Policy
	fronts   [2]fronts // of probation, of the main queue
	joined   atomic.Int64
}

// NewBudget returns a budget of a number of bytes, at least 1.
func NewBudget(limit int64) *Budget {
	b := &Budget{}
	b.SetLimit(limit)
	b.target.Store(b.Limit() / startShare)
	b.fronts = [2]fronts{{queue: probation}, {queue: mainQueue}}
	return b
}

// Limit returns the bytes that may be kept.
func (b *Budget) Limit() int64 { return b.limit.Load() }

// SetLimit changes the bytes that may be kept, at least 1. What is above then goes as
// the caller asks for victims.
func (b *Budget) SetLimit(limit int64) {
	b.limit.Store(max(1, limit))
	b.adapt(0)
}

// Used returns the bytes that are kept, with those of a victim that has not gone yet: it may
// be given back.
func (b *Budget) Used() int64 {
	return b.hand.Load() + b.bytes[probation].Load() + b.bytes[mainQueue].Load() + b.bytes[outsize].Load()
}

// Over returns the bytes that are kept beyond the limit, 0 when there are none.
func (b *Budget) Over() int64 { return max(0, b.Used()-b.Limit()) }

// Stats are a budget's figures at one moment.
type Stats struct {
	Limit, Used int64 // bytes
	Probation   int64 // bytes used by entries on probation
	Target      int64 // bytes that probation may have
	Outsize     int64 // bytes used by entries too large for either queue
	Entries     int64
}

// Stats returns the figures of now.
func (b *Budget) Stats() Stats {
	return Stats{
		Limit: b.Limit(), Used: b.Used(), Entries: b.entries.Load(), Target: b.target.Load(),
		Probation: b.bytes[probation].Load(), Outsize: b.bytes[outsize].Load(),
	}
}

// Join returns the policy of a partition that has nothing yet. ID is the caller's,
// kept is where the policy finds its entries.
func (b *Budget) Join(id int, kept Entries) *Policy {
	p := &Policy{id: id, budget: b, kept: kept}
	for i := range p.queues {
		p.queues[i].front.Store(empty)
	}
	b.policies = append(b.policies, p)
	b.changed()
	return p
}

// Leave takes a partition and all that it keeps out of the budget. The policy is of
// no use any more. The caller holds the partition's lock as well.
func (b *Budget) Leave(p *Policy) {
	b.policies = slices.DeleteFunc(b.policies, func(o *Policy) bool { return o == p })
	p.leave()
	b.changed()
}

func (b *Budget) changed() {
	b.joined.Store(int64(len(b.policies)))
	for i := range b.fronts {
		b.fronts[i].reset(b.policies)
	}
}

// Next returns the policy whose partition has to take the next step, nil when nothing
// is kept. The caller takes the partition's lock and asks [Policy.Victim], and does
// so again while [Budget.Over]. It takes time in proportion to the logarithm of the
// number of partitions, save where something outsize is there: then to the number.
func (b *Budget) Next() *Policy {
	first, then := b.turn(), probation
	switch first {
	case outsize:
		for _, p := range b.policies {
			if p.at(outsize).front.Load() != empty {
				return p
			}
		}
		first, then = probation, mainQueue
	case probation:
		then = mainQueue
	}
	now := b.count.Load()
	if p := b.fronts[first-probation].oldest(now); p != nil {
		return p
	}
	return b.fronts[then-probation].oldest(now)
}

// turn returns the queue that has to give something up. Probation and main queue
// cannot both be within their shares when the two are beyond the limit.
func (b *Budget) turn() queueID {
	switch {
	case b.large.Load() > 0:
		return outsize
	case b.bytes[probation].Load() > b.target.Load():
		return probation
	default:
		return mainQueue
	}
}

// fills reports whether the memory is still filling, so that what has been on
// probation for long goes on to the main queue whether it was used or not.
func (b *Budget) fills() bool {
	limit := b.Limit()
	return b.Used() < limit-limit/fullShare
}

// adapt changes the share of probation by a number of mean entries.
func (b *Budget) adapt(entries float64) {
	limit := b.Limit()
	least, most := limit/leastShare, int64(mostShare*float64(limit))
	mean := float64(b.Used()) / float64(max(1, b.entries.Load()))
	for {
		old := b.target.Load()
		to := min(most, max(least, old+round(entries*mean)))
		if b.target.CompareAndSwap(old, to) {
			return
		}
	}
}

// round rounds away from zero, so that small entries count too.
func round(x float64) int64 {
	switch {
	case x > 0:
		return int64(x + 0.999)
	case x < 0:
		return int64(x - 0.999)
	}
	return 0
}

// times returns what the echoes are measured by.
func (b *Budget) times() times {
	return times{
		probation: uint64(b.gone[probation].Load()),
		main:      uint64(b.gone[mainQueue].Load()),
		lasts:     uint64(b.entries.Load() / echoShare),
	}
}

// price returns how often an entry has to have been used to stay in the main queue,
// more than can be counted when it must not stay.
func (b *Budget) price(bytes int64) int {
	limit := b.Limit()
	switch {
	case bytes > limit/outsizeKept:
		return int(markUses) + 1
	case bytes > limit/8:
		return 3
	case bytes > limit/32:
		return 2
	default:
		return 1
	}
}
