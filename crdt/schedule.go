package crdt

import "container/heap"

// schedule is the keys of a partition that expire at some time, each once, the
// soonest first. The zero value is empty.
type schedule struct {
	queue expiryQueue
	keys  map[string]*due
	told  map[string]int64 // of keys of which fields have expired, up to when that has been seen to
}

// due is one key's place in the schedule.
type due struct {
	key   string
	at    int64
	index int // in the queue
}

// set puts a key into the schedule, moves it there, or takes it out when it is
// never to expire.
func (s *schedule) set(key string, at int64) {
	x := s.keys[key]
	switch {
	case x == nil && at == Never:
	case x == nil:
		if s.keys == nil {
			s.keys = map[string]*due{}
		}
		x = &due{key: key, at: at}
		s.keys[key] = x
		heap.Push(&s.queue, x)
	case at == Never:
		delete(s.keys, key)
		heap.Remove(&s.queue, x.index)
	case at != x.at:
		x.at = at
		heap.Fix(&s.queue, x.index)
	}
}

// next returns the key whose time comes first, and false when there is none or
// its time has not come by now.
func (s *schedule) next(now int64) (key string, ok bool) {
	if len(s.queue) == 0 || s.queue[0].at > now {
		return "", false
	}
	return s.queue[0].key, true
}

// expiryQueue is a heap, soonest first. Keys of one time come in any order that
// does not depend on anything but the order of changes.
type expiryQueue []*due

func (q expiryQueue) Len() int           { return len(q) }
func (q expiryQueue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q expiryQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *expiryQueue) Push(a any) {
	x := a.(*due)
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

// Expire looks at the keys whose time to expire has come by a wall time, in
// milliseconds since the Unix epoch: at most limit of them, so that the caller's
// other work need not wait. Readers see the change at that time without it; it
// makes what is hidden then wait to be forgotten ([Partition.Collect]). It returns
// how many keys have been found to show nothing any more. Call it again soon while
// [Partition.NextExpiry] has come.
func (p *Partition) Expire(now int64, limit int) (expired int) {
	return p.ExpireEach(now, limit, nil)
}

// ExpireEach is Expire and calls f, if there is one, for each key that has been
// found to show nothing any more, and for each that still shows something but of which
// fields have expired. f must not change the partition.
func (p *Partition) ExpireEach(now int64, limit int, f func(key string, shows bool)) (expired int) {
	if f == nil {
		f = func(string, bool) {}
	}
	for range limit {
		key, ok := p.nextDue(now)
		if !ok {
			break
		}
		at := p.due.keys[key].at
		p.due.set(key, Never)
		e := p.entries[key]
		if p.tier != nil {
			e = p.tier.dueEntry(p, key, at)
		}
		if e == nil {
			continue
		}
		freed, shows := e.residueAt(now)
		if !shows {
			expired++
			p.due.tell(key, 0)
			f(key, false)
		} else {
			if e.fieldsGone(p.due.told[key], now) {
				f(key, true)
			}
			p.due.tell(key, now)
			p.plan(key, e, e.dueAfter(now))
		}
		if freed > 0 {
			p.waiting.add(key, freed)
		}
	}
	return expired
}

// tell notes up to when what has expired of a key has been seen to, 0 for not at all.
func (s *schedule) tell(key string, now int64) {
	if now == 0 {
		delete(s.told, key)
		return
	}
	if s.told == nil {
		s.told = map[string]int64{}
	}
	s.told[key] = now
}

// plan puts a key whose entry is e into the schedule for a time.
func (p *Partition) plan(key string, e *Entry, at int64) {
	if at == e.Due() { // A tier names it in time, any other only the schedule.
		at = p.soon(at)
	}
	p.due.set(key, at)
}

// NextExpiry returns the soonest time, in milliseconds since the Unix epoch, at
// which [Partition.Expire] has something to do, Never when there is none. With a tier
// that may be to look what expires next.
func (p *Partition) NextExpiry() int64 {
	if len(p.due.queue) == 0 {
		if p.tier != nil && p.tier.keys > 0 {
			return p.tier.dueTo
		}
		return Never
	}
	return p.due.queue[0].at
}

// Expiring returns how many keys are to expire at some time, or have fields that do.
func (p *Partition) Expiring() int { return len(p.due.queue) }
