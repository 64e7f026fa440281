package redistest

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// Memory is one partition in memory that has all keys. It is a Runner, for one
// goroutine, and a command.Target.
type Memory struct {
	state  crdt.Partition
	clock  crdt.Clock
	random *rand.Rand
	now    func() time.Time
}

// NewMemory returns an empty memory whose random choices follow from a seed.
func NewMemory(seed uint64) *Memory {
	return &Memory{random: rand.New(rand.NewPCG(seed, 1)), now: time.Now}
}

const replica crdt.ReplicaID = 1 << 8

// Do implements Runner.
func (m *Memory) Do(args ...string) (Value, error) {
	c := wire.Command{Args: append([]string{strings.ToUpper(args[0])}, args[1:]...)}
	if err := command.Check(c, command.Limits{}); err != nil {
		return render(c, wire.Fail(err)), nil
	}
	if c.Args[0] == "KEYS" {
		return m.keys(), nil
	}
	return render(c, command.Exec(m, c)), nil
}

// keys lists all keys, whatever the pattern is: the comparer wants no other.
func (m *Memory) keys() Value {
	v := Value{Kind: Array}
	m.state.Each(func(key string, e *crdt.Entry) bool {
		if e.View(m.Now()).Exists() {
			v.List = append(v.List, Value{Kind: Bulk, Text: key})
		}
		return true
	})
	return v
}

// Now implements command.Target.
func (m *Memory) Now() int64 { return m.now().UnixMilli() }

// Random implements command.Target.
func (m *Memory) Random() uint64 { return m.random.Uint64() }

// Limits implements command.Target.
func (m *Memory) Limits() command.Limits { return command.Limits{} }

// Alone implements command.Target.
func (m *Memory) Alone(f func(command.Target)) error {
	f(m)
	return nil
}

// Read implements command.Target.
func (m *Memory) Read(keys []string, f func(crdt.View)) error {
	for _, key := range keys {
		f(m.state.Entry(key).View(m.Now()))
	}
	return nil
}

// Write implements command.Target.
func (m *Memory) Write(key string, _ uint64, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	dot := crdt.Dot{Replica: replica, N: m.state.Vector().Get(replica) + 1}
	stamp := m.clock.Next(m.Now())
	mut := crdt.NewMutator(m.state.Entry(key), crdt.NewWrite{Dot: dot, Stamp: stamp, Now: m.Now()})
	if err := run(mut); err != nil {
		return crdt.Dot{}, err
	}
	if len(mut.Effects()) == 0 {
		return crdt.Dot{}, nil
	}
	return dot, m.state.Apply(&crdt.Delta{Dot: dot, From: dot.N, Stamp: stamp, Key: key, Effects: mut.Effects()})
}
