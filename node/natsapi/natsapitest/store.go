// Package natsapitest has a stand-in for a node: a store in one process that
// runs commands on keys with the real data types. It is for tests of the NATS
// front door and of its clients.
package natsapitest

import (
	"context"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// Store keeps all keys in one crdt.Partition. It is a natsapi.Executor and a
// command.Doer. Several front doors may share one.
type Store struct {
	replica crdt.ReplicaID

	mu    sync.Mutex
	part  crdt.Partition
	clock crdt.Clock
	ran   map[uint64]wire.Reply // by request ID
}

// NewStore returns an empty store. The replica ID is in its session tokens.
func NewStore(replica crdt.ReplicaID) *Store {
	return &Store{replica: replica, ran: map[uint64]wire.Reply{}}
}

// Do runs commands one after the other. A command with a request ID that has run
// gets the reply that it got then.
func (s *Store) Do(_ context.Context, cmds ...wire.Command) []wire.Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]wire.Reply, len(cmds))
	for i, c := range cmds {
		out[i] = s.once(c)
	}
	return out
}

func (s *Store) once(c wire.Command) wire.Reply {
	if old, ok := s.ran[c.Request]; ok && c.Request != 0 {
		return old
	}
	reply := s.run(c)
	if c.Request != 0 {
		s.ran[c.Request] = reply
	}
	return reply
}

func (s *Store) run(c wire.Command) wire.Reply {
	if err := command.Check(c, command.Limits{}); err != nil {
		return wire.Fail(err)
	}
	name, now := c.Args[0], time.Now().UnixMilli()
	if each := perKey[name]; each != nil {
		return each(s, c.Args[1:], now)
	}
	if read := reads[name]; read != nil {
		return read(c, s.view(c.Key(), now), now)
	}
	if write := writes[name]; write != nil {
		return s.write(c.Key(), now, func(m *crdt.Mutator) (wire.Reply, error) { return write(c, m, now) })
	}
	return wire.Fail(&wire.Error{Code: wire.CodeBadRequest, Text: "ERR the test's store does not know " + name})
}

func (s *Store) view(key string, now int64) crdt.View { return s.part.Entry(key).View(now) }

func (s *Store) write(key string, now int64, f func(*crdt.Mutator) (wire.Reply, error)) wire.Reply {
	dot := crdt.Dot{Replica: s.replica, N: s.part.Vector().Get(s.replica) + 1}
	stamp := s.clock.Next(now)
	m := crdt.NewMutator(s.part.Entry(key), crdt.NewWrite{Dot: dot, Stamp: stamp, Now: now})
	reply, err := f(m)
	if err != nil {
		return wire.Fail(command.DataError("", err))
	}
	if effects := m.Effects(); len(effects) > 0 {
		d := &crdt.Delta{Dot: dot, From: dot.N, Stamp: stamp, Key: key, Effects: effects}
		if err := s.part.Apply(d); err != nil {
			return wire.Fail(err)
		}
		reply.Wrote = dot
	}
	return reply
}
