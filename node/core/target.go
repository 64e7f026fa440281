package core

import (
	"errors"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/evict"
	cachesync "github.com/atollcache/atoll/sync"
)

// Now implements command.Target.
func (s *Shard) Now() int64 { return s.now().UnixMilli() }

// Limits implements command.Target.
func (s *Shard) Limits() command.Limits { return s.limits }

// Random implements command.Target. The numbers follow from whose shard of what
// partition it is: they are there for variety, and nobody gains by guessing them.
func (s *Shard) Random() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.random.Uint64()
}

// Read implements command.Target.
func (s *Shard) Read(keys []string, f func(crdt.View)) error {
	return lossy{s: s}.Read(keys, f)
}

// Glance returns what a cell of a key shows now, as package command has it.
func (s *Shard) Glance(k crdt.Kind, key, field string) (value string, ok bool, err error) {
	return lossy{s: s}.Glance(k, key, field)
}

// Put replaces a key by a string, as package command has it.
func (s *Shard) Put(key, value string) (crdt.Dot, error) { return lossy{s: s}.Put(key, value) }

// GlanceAt is Glance for who has just looked at the clock. What most read, a string that
// neither expires nor counts, is found without anything else being looked at.
func (s *Shard) GlanceAt(now time.Time, k crdt.Kind, key, field string) (value string, ok bool, err error) {
	if s.disk == nil && k == crdt.KindString {
		s.mu.Lock()
		if !s.mu.closed {
			e := s.mu.state.Entry(key)
			if value, ok = e.PlainText(); ok {
				(*evict.Mark)(e.Mark()).Hit()
			}
			if ok || e == nil {
				s.mu.Unlock()
				return value, ok, nil
			}
		}
		s.mu.Unlock()
	}
	defer s.relieved()
	s.mu.Lock()
	defer s.unlock()
	return (&held{s: s}).glance(now.UnixMilli(), k, key, field)
}

// Write implements command.Target: what run notes becomes a write of this
// replica. It gives [ErrClaimed] for a request that is left to another node.
func (s *Shard) Write(key string, request uint64, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	return lossy{s: s}.Write(key, request, run)
}

// Alone implements command.Target.
func (s *Shard) Alone(f func(command.Target)) error { return lossy{s: s}.Alone(f) }

// unitLead is how far ahead of the clock stamps must be allowed for several commands to
// run as one: none of them is to be the one that goes too far.
const unitLead = MaxLead / 5

// held is a shard whose lock the caller holds.
type held struct {
	s *Shard
	// granted is a request that this node has been found to be the one to run: what
	// has begun under it is not left to another one halfway.
	granted uint64
	lost    []string  // keys that were evicted and that nobody has
	at      time.Time // the time since it has been held; zero: it is to be asked for
}

func (h *held) now() time.Time {
	if h.at.IsZero() {
		return h.s.now()
	}
	return h.at
}

// Now implements command.Target.
func (h *held) Now() int64 { return h.s.Now() }

// Limits implements command.Target.
func (h *held) Limits() command.Limits { return h.s.limits }

// Random implements command.Target.
func (h *held) Random() uint64 { return h.s.mu.random.Uint64() }

// Alone implements command.Target.
func (h *held) Alone(f func(command.Target)) error {
	f(h)
	return nil
}

// Read implements command.Target.
func (h *held) Read(keys []string, f func(crdt.View)) error {
	if h.s.mu.closed {
		return ErrReleased
	}
	now := h.Now()
	for _, key := range keys {
		if h.s.mu.state.Entry(key).View(now).IsEvicted() && !slices.Contains(h.lost, key) {
			return ErrEvicted
		}
	}
	for _, key := range keys {
		e := h.s.mu.state.Entry(key)
		if e != nil {
			(*evict.Mark)(e.Mark()).Hit()
		}
		f(e.View(now))
	}
	return h.s.err()
}

// Glance is Read for one cell of one key.
func (h *held) Glance(k crdt.Kind, key, field string) (value string, ok bool, err error) {
	return h.glance(h.Now(), k, key, field)
}

func (h *held) glance(now int64, k crdt.Kind, key, field string) (value string, ok bool, err error) {
	if h.s.mu.closed {
		return "", false, ErrReleased
	}
	e := h.s.mu.state.Entry(key)
	v := e.View(now)
	if v.IsEvicted() && !slices.Contains(h.lost, key) {
		return "", false, ErrEvicted
	}
	if e != nil {
		(*evict.Mark)(e.Mark()).Hit()
	}
	if err := h.s.err(); err != nil {
		return "", false, err
	}
	return command.Glance(v, k, field)
}

// Write implements command.Target.
func (h *held) Write(key string, request uint64, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	if refused := h.s.refusal(); refused != nil {
		return crdt.Dot{}, refused
	}
	if h.s.mu.closed {
		return crdt.Dot{}, ErrReleased
	}
	if request != 0 && request != h.granted && !h.s.mu.engine.HasRun(request) && !h.s.mu.claims.mayRun(h.now(), request) {
		return crdt.Dot{}, ErrClaimed
	}
	h.granted = request
	return h.wrote(h.s.mu.engine.Write(h.now(), key, request, func(m *crdt.Mutator) error { return h.note(m, key, run) }))
}

// note has run note what it writes to a key, and says why it may not.
func (h *held) note(m *crdt.Mutator, key string, run func(*crdt.Mutator) error) error {
	if e := m.Entry(); e != nil && !e.IsEvicted() {
		(*evict.Mark)(e.Mark()).Hit()
	}
	if slices.Contains(h.lost, key) {
		m.Afresh()
	}
	err := run(m)
	if err == nil && m.Err() == nil {
		err = h.s.memory.admits(m.Effects())
	}
	return err
}

// wrote says which write the engine has made.
func (h *held) wrote(delta *crdt.Delta, err error) (crdt.Dot, error) {
	h.s.wake()
	if err != nil {
		if known := known(err); known != nil {
			return crdt.Dot{}, known
		}
	}
	if broken := h.s.err(); broken != nil {
		return crdt.Dot{}, broken
	}
	if err != nil || delta == nil {
		return crdt.Dot{}, err
	}
	h.s.stamped()
	return delta.Dot, nil
}

// known returns what a command replies to an error of the engine, nil for others.
func known(err error) error {
	switch {
	case errors.Is(err, crdt.ErrEvicted):
		return ErrEvicted
	case errors.Is(err, cachesync.ErrDuplicate):
		return command.ErrRepeated
	case errors.Is(err, cachesync.ErrAhead):
		return errAhead
	case errors.Is(err, cachesync.ErrUnbound):
		return ErrUnbound
	case errors.Is(err, cachesync.ErrMissOld):
		return command.ErrTokenOld
	case errors.Is(err, cachesync.ErrMissUnknown):
		return command.ErrToken
	}
	return nil
}

// Put is Write of a string that does not expire.
func (h *held) Put(key, value string) (crdt.Dot, error) {
	return h.Write(key, 0, func(m *crdt.Mutator) error {
		m.Set(value, crdt.Never)
		return nil
	})
}

// refusal says why writes are refused, nil when they are not.
func (s *Shard) refusal() error {
	if refused := s.refuses.Load(); refused != nil {
		return refused
	}
	if s.disk != nil {
		if refused := s.disk.refuses.Load(); refused != nil {
			return refused
		}
	}
	return nil
}

// err says that the partition cannot be read. The caller holds the lock. Without a
// disk it always can.
func (s *Shard) err() error {
	if s.disk != nil && s.mu.state.Err() != nil {
		s.disk.broken.Store(true)
		return ErrUnread
	}
	return nil
}

// stamped notes that a stamp has been given out.
func (s *Shard) stamped() {
	if s.disk != nil {
		s.disk.stamped.Store(s.now().UnixNano())
	}
}
