package core

import (
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
)

// A command on a key that was evicted here, and that cannot do without what it holds, gets
// [ErrEvicted]. Whoever runs it asks the other holders for the key ([Shard.Evicted],
// [Shard.Holders]) and runs it again. When none has it, it is run as one on keys that do
// not exist ([Shard.Without]).

// Ghosts returns at most so many of the keys that are evicted here.
func (s *Shard) Ghosts(most int) (keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.state.EachGhost(func(key string) bool {
		keys = append(keys, key)
		return len(keys) < most
	})
	return keys
}

// Bury removes a key that is evicted here and that nobody has: a write that begins it anew
// and leaves it at that. It reports whether it did. Once it is settled what a node that
// leaves hands over it does not: the write might go with the node.
func (s *Shard) Bury(key string) bool {
	s.mu.Lock()
	defer s.unlock()
	if s.mu.closed || s.last != nil || s.refuses.Load() != nil || !s.mu.state.Entry(key).IsEvicted() {
		return false
	}
	d, err := s.mu.engine.Write(s.now(), key, 0, func(m *crdt.Mutator) error {
		m.Afresh()
		m.Del()
		return nil
	})
	s.wake()
	s.noteGhosts()
	if err != nil || d == nil {
		return false
	}
	s.stamped()
	return true
}

// HasGhosts reports whether anything is evicted here.
func (s *Shard) HasGhosts() bool { return s.haunted.Load() }

// noteGhosts notes whether anything is evicted. The caller holds the lock.
func (s *Shard) noteGhosts() {
	if n, _ := s.mu.state.Ghosts(); n > 0 != s.haunted.Load() {
		s.haunted.Store(n > 0)
	}
}

// Evicted returns which of some keys are evicted here.
func (s *Shard) Evicted(keys []string) (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if s.mu.state.Entry(key).IsEvicted() && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}

// Holders returns the other holders of the partition that have been heard of and whose
// writes are taken, those of the shard's own region and the others.
func (s *Shard) Holders(region string) (near, far []crdt.ReplicaID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.mu.engine.Peers() {
		switch {
		case p.Region == region:
			near = append(near, p.Replica)
		case !slices.Contains(s.mu.paused, p.Region):
			far = append(far, p.Replica)
		}
	}
	return near, far
}

// Without returns the shard as a target on which some keys, as far as they are evicted,
// do not exist.
func (s *Shard) Without(lost []string) command.Target { return lossy{s, lost} }

// lossy is a shard some keys of which were evicted and are nowhere to be had.
type lossy struct {
	s    *Shard
	lost []string
}

// Now implements command.Target.
func (l lossy) Now() int64 { return l.s.Now() }

// Limits implements command.Target.
func (l lossy) Limits() command.Limits { return l.s.limits }

// Random implements command.Target.
func (l lossy) Random() uint64 { return l.s.Random() }

// Read implements command.Target.
func (l lossy) Read(keys []string, f func(crdt.View)) error {
	defer l.s.relieved()
	l.s.mu.Lock()
	defer l.s.unlock()
	return (&held{s: l.s, lost: l.lost}).Read(keys, f)
}

// Glance is Read for one cell of one key.
func (l lossy) Glance(k crdt.Kind, key, field string) (value string, ok bool, err error) {
	defer l.s.relieved()
	l.s.mu.Lock()
	defer l.s.unlock()
	return (&held{s: l.s, lost: l.lost}).Glance(k, key, field)
}

// Write implements command.Target.
func (l lossy) Write(key string, request uint64, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	defer l.s.relieved()
	l.s.mu.Lock()
	defer l.s.unlock()
	return (&held{s: l.s, lost: l.lost}).Write(key, request, run)
}

// Put is Write of a string that does not expire.
func (l lossy) Put(key, value string) (crdt.Dot, error) {
	defer l.s.relieved()
	l.s.mu.Lock()
	defer l.s.unlock()
	return (&held{s: l.s, lost: l.lost}).Put(key, value)
}

// Alone implements command.Target.
func (l lossy) Alone(f func(command.Target)) error {
	defer l.s.relieved()
	l.s.mu.Lock()
	defer l.s.unlock()
	if l.s.mu.closed {
		return ErrReleased
	}
	if l.s.disk != nil && !l.s.disk.mayStamp(crdt.StampAt(l.s.now().Add(unitLead).UnixMilli())) {
		return ErrUnbound
	}
	f(&held{s: l.s, lost: l.lost})
	return nil
}

// relieved makes room after a command. No lock is held.
func (s *Shard) relieved() { s.memory.relieve(maxSteps) }
