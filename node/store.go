package node

import (
	"container/heap"

	"github.com/atollcache/atoll/crdt"
)

// store is a partition's state with what a node adds to it: a schedule of what
// expires, and the forgetting of entries that show nothing any more.
//
// An entry that shows nothing, because it has expired or because all that is
// left of it are traces of removed counters, is not dropped at once. A longer
// expiry written elsewhere may still be on its way and rescue what has expired
// here, and a counter's trace keeps what was removed from coming back. It is
// hidden, and forgotten once the state in which it was found is stable: every
// holder has seen it and nothing older can arrive (cachesync.Engine.Stable).
type store struct {
	crdt.Partition
	now func() int64 // wall time in milliseconds

	due       expiryQueue
	scheduled map[string]*expiry // by key, those in due

	fresh   map[string]struct{} // keys found showing nothing since the last sweep
	cohorts []cohort            // oldest first
	in      map[string]*keySet

	expired   int // keys whose time came
	forgotten int // entries dropped
}

// cohort is keys that were found showing nothing when the partition had seen
// vector.
type cohort struct {
	vector crdt.Vector
	clock  crdt.HLC
	keys   *keySet
}

type keySet map[string]struct{}

// maxCohorts bounds the cohorts that wait to become stable; beyond it the newest
// two become one, which delays the older of them.
const maxCohorts = 64

// maxExpire bounds the keys that one sweep takes from the schedule, so that it
// does not keep commands waiting.
const maxExpire = 4096

func newStore(now func() int64) store {
	return store{now: now, scheduled: map[string]*expiry{}, fresh: map[string]struct{}{}, in: map[string]*keySet{}}
}

// Apply implements cachesync.Store.
func (s *store) Apply(d *crdt.Delta) error {
	if err := s.Partition.Apply(d); err != nil {
		return err
	}
	s.note(d.Key)
	return nil
}

// Join implements cachesync.Store.
func (s *store) Join(snap *crdt.Snapshot) error {
	before := s.Keys()
	if err := s.Partition.Join(snap); err != nil {
		return err
	}
	for _, k := range before {
		s.note(k)
	}
	for _, k := range snap.Keys {
		s.note(k)
	}
	return nil
}

// note looks at a key after a change.
func (s *store) note(key string) {
	if keys := s.in[key]; keys != nil {
		delete(*keys, key)
		delete(s.in, key)
	}
	delete(s.fresh, key)
	at := crdt.Never
	if e := s.Entry(key); e != nil {
		now := s.now()
		if !e.View(now).Exists() {
			s.fresh[key] = struct{}{}
		} else if x := e.ExpireAt(); x > now {
			at = x // One that has passed has taken what it takes.
		}
	}
	s.schedule(key, at)
}

// schedule puts a key into the schedule, moves it there, or takes it out when it
// is never to expire.
func (s *store) schedule(key string, at int64) {
	x := s.scheduled[key]
	switch {
	case x == nil && at == crdt.Never:
	case x == nil:
		x = &expiry{key: key, at: at}
		s.scheduled[key] = x
		heap.Push(&s.due, x)
	case at == crdt.Never:
		delete(s.scheduled, key)
		heap.Remove(&s.due, x.index)
	case at != x.at:
		x.at = at
		heap.Fix(&s.due, x.index)
	}
}

// sweep hides what has expired, and forgets what has been stable since it was
// found showing nothing.
func (s *store) sweep(stable func(v crdt.Vector, after crdt.HLC) bool) {
	s.expire()
	if len(s.fresh) > 0 {
		s.addCohort()
	}
	for len(s.cohorts) > 0 {
		b := s.cohorts[0]
		if len(*b.keys) > 0 && !stable(b.vector, b.clock) {
			return
		}
		for key := range *b.keys {
			delete(s.in, key)
			if e := s.Entry(key); e != nil && !e.View(s.now()).Exists() {
				s.Forget(key, b.vector)
				s.forgotten++
			}
		}
		s.cohorts[0] = cohort{}
		s.cohorts = s.cohorts[1:]
	}
}

// expire takes from the schedule what is due.
func (s *store) expire() {
	now := s.now()
	for range maxExpire {
		if len(s.due) == 0 || s.due[0].at > now {
			return
		}
		x := heap.Pop(&s.due).(*expiry)
		delete(s.scheduled, x.key)
		s.note(x.key)
		if _, gone := s.fresh[x.key]; gone {
			s.expired++
		}
	}
}

func (s *store) addCohort() {
	keys := keySet(s.fresh)
	s.fresh = map[string]struct{}{}
	b := cohort{s.Vector().Clone(), crdt.StampAt(s.now()), &keys}
	if n := len(s.cohorts); n == maxCohorts {
		for key := range *s.cohorts[n-1].keys {
			keys[key] = struct{}{}
		}
		s.cohorts = s.cohorts[:n-1]
	}
	for key := range keys {
		s.in[key] = &keys
	}
	s.cohorts = append(s.cohorts, b)
}

// expiry is one key's place in the schedule.
type expiry struct {
	key   string
	at    int64
	index int // in the queue
}

// expiryQueue is a heap, soonest first.
type expiryQueue []*expiry

func (q expiryQueue) Len() int           { return len(q) }
func (q expiryQueue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q expiryQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *expiryQueue) Push(a any) {
	x := a.(*expiry)
	x.index = len(*q)
	*q = append(*q, x)
}

func (q *expiryQueue) Pop() any {
	old := *q
	x := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return x
}
