// Package natsapitest has a stand-in for a node: a store in one process that
// runs commands on keys with the real data types. It is for tests of the NATS
// front door and of its clients.
package natsapitest

import (
	"context"
	"math/rand/v2"
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
	if c.Args[0] == "PING" {
		return wire.String("PONG")
	}
	if !command.OnKeys(c.Args[0]) {
		return wire.Fail(&wire.Error{Code: wire.CodeBadRequest, Text: "ERR the test's store does not know " + c.Args[0]})
	}
	return command.Exec((*target)(s), c)
}

// target is a Store whose lock is held.
type target Store

// Now implements command.Target.
func (t *target) Now() int64 { return time.Now().UnixMilli() }

// Random implements command.Target.
func (t *target) Random() uint64 { return rand.Uint64() }

// Limits implements command.Target.
func (t *target) Limits() command.Limits { return command.Limits{} }

// Alone implements command.Target.
func (t *target) Alone(f func(command.Target)) error {
	f(t)
	return nil
}

// Read implements command.Target.
func (t *target) Read(keys []string, f func(crdt.View)) error {
	now := t.Now()
	for _, key := range keys {
		f(t.part.Entry(key).View(now))
	}
	return nil
}

// Write implements command.Target. Do has looked at the request ID.
func (t *target) Write(key string, _ uint64, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	dot := crdt.Dot{Replica: t.replica, N: t.part.Vector().Get(t.replica) + 1}
	now := t.Now()
	stamp := t.clock.Next(now)
	m := crdt.NewMutator(t.part.Entry(key), crdt.NewWrite{Dot: dot, Stamp: stamp, Now: now})
	if err := run(m); err != nil {
		return crdt.Dot{}, err
	}
	effects := m.Effects()
	if len(effects) == 0 {
		return crdt.Dot{}, nil
	}
	return dot, t.part.Apply(&crdt.Delta{Dot: dot, From: dot.N, Stamp: stamp, Key: key, Effects: effects})
}
