package core

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
)

// Miss implements command.Filler.
func (s *Shard) Miss(key string, f func(crdt.View)) (command.Missed, error) {
	return lossy{s: s}.Miss(key, f)
}

// Fill implements command.Filler.
func (s *Shard) Fill(key string, of command.Token, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	return lossy{s: s}.Fill(key, of, run)
}

// Miss implements command.Filler.
func (l lossy) Miss(key string, f func(crdt.View)) (command.Missed, error) {
	l.s.mu.Lock()
	defer l.s.unlock()
	return (&held{s: l.s, lost: l.lost}).Miss(key, f)
}

// Fill implements command.Filler.
func (l lossy) Fill(key string, of command.Token, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	defer l.s.relieved()
	l.s.mu.Lock()
	defer l.s.unlock()
	return (&held{s: l.s, lost: l.lost}).Fill(key, of, run)
}

// Miss implements command.Filler. A key that was evicted here is missing only when no
// holder has it.
func (h *held) Miss(key string, f func(crdt.View)) (command.Missed, error) {
	exists := false
	err := h.Read([]string{key}, func(v crdt.View) {
		exists = v.Exists()
		f(v)
	})
	if err != nil || exists {
		return command.Missed{}, err
	}
	if refused := h.s.refusal(); refused != nil {
		return command.Missed{}, refused
	}
	m, err := h.s.mu.engine.Miss(h.s.now(), key)
	h.s.wake()
	if err != nil {
		if known := known(err); known != nil {
			err = known
		}
		return command.Missed{}, err
	}
	h.s.stamped()
	if m.Stamp == 0 {
		return command.Missed{Wait: m.Wait}, nil
	}
	return command.Missed{Token: command.Token{Replica: h.s.self, Stamp: m.Stamp}}, nil
}

// Fill implements command.Filler. A token of another node has been void since the key
// moved: that node has been told of everything that happened to the key, and this one need
// not have been.
func (h *held) Fill(key string, of command.Token, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	if refused := h.s.refusal(); refused != nil {
		return crdt.Dot{}, refused
	}
	if h.s.mu.closed {
		return crdt.Dot{}, ErrReleased
	}
	if of.Replica != h.s.self {
		return h.wrote(nil, nil)
	}
	return h.wrote(h.s.mu.engine.Fill(h.s.now(), key, of.Stamp, func(m *crdt.Mutator) error { return h.note(m, key, run) }))
}
