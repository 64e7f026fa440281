package core

import (
	"sync"
	"sync/atomic"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/evict"
	"github.com/atollcache/atoll/node/wire"
	cachesync "github.com/atollcache/atoll/sync"
)

// # What a node may keep in memory
//
// A limit is of the whole process: its resident bytes. What can be counted while it
// changes is what entries account for (crdt.Entry.Size), with their keys, their places
// in the policy's queues, what is left of evicted ones, and the logs and queues of
// replication. The rest is the runtime's: sizes are rounded up, garbage waits to be
// collected. So of the limit a part is taken for what is counted ([Memory.Stats]) after a
// constant for what there is without any data ([ProcessBytes]), and the runtime is told
// the limit (debug.SetMemoryLimit), so that it collects more often where little is left.
//
// Entries leave as the budget of package evict says: with a tier they are released and
// come back by themselves, without one they are evicted. It is done by who writes, after
// it has let the partition's lock go, at most maxSteps looks for each command, and by the
// beat of the node's sweeps.
//
// What is left of evicted entries is counted as well. When it comes to more than a part,
// the other holders are asked which of these keys they have. Those that nobody has, and all
// holders have said so, are removed, by a write as any other: there is nothing that it could
// remove. Where a holder cannot be asked for long, or has much more memory than this node,
// entries have ever less room, and in the end writes are refused.
//
// With the policy noeviction a write that puts or adds something is refused while more is
// kept than may be. What removes or expires something is not, nor is what other nodes
// have written: regions would differ for as long as that is refused, and so it is taken,
// and may go beyond the limit. Who wants none of that limits every node the same.

// Policy is what a node does when more is kept than may be.
type Policy uint8

// The policies.
const (
	AllKeys    Policy = iota // the entries least worth keeping leave memory
	NoEviction               // writes that add something are refused
)

var policyNames = [...]string{"allkeys", "noeviction"}

// String returns the policy's name.
func (p Policy) String() string { return policyNames[p] }

// ParsePolicy returns the policy of a name. Redis's allkeys-lru and allkeys-lfu are
// allkeys: there is one policy, which goes by both.
func ParsePolicy(name string) (Policy, bool) {
	switch name {
	case "allkeys", "allkeys-lru", "allkeys-lfu":
		return AllKeys, true
	case "noeviction":
		return NoEviction, true
	}
	return 0, false
}

const (
	// ProcessBytes is what a process is taken to have resident without any data: the
	// program's own pages, the runtime, connections, an embedded NATS server. Of that
	// programBytes are not the Go runtime's.
	ProcessBytes = 64 << 20
	programBytes = 48 << 20

	// shareNum of shareDen of what is left of a limit is for what is counted.
	shareNum, shareDen = 7, 10

	// ghostShare is which part of what is counted may be what is left of evicted entries,
	// before those that nobody has any more are removed.
	ghostShare = 8

	// leastShare is which part of what is counted entries may have in any case.
	leastShare = 8

	// maxSteps bounds the entries that one command looks at to make room, and
	// maxSweepSteps those that a sweep does.
	maxSteps      = 128
	maxSweepSteps = 1 << 14

	// saveSlack is how many bytes beyond the limit, as a part of it, may be kept before a
	// write waits until what has to be saved before it can leave has been.
	saveSlack = 32
)

// ErrOOM is the reply to a write that is refused because more is kept than may be.
var ErrOOM = &wire.Error{Code: wire.CodeOverload, Text: "OOM command not allowed when used memory > 'maxmemory'."}

// Memory is what a node may keep in memory, over all its lives. All methods may be
// called at any time. Get one from [NewMemory].
type Memory struct {
	limit   atomic.Int64 // of the process, in bytes; zero: none
	policy  atomic.Uint32
	counted atomic.Int64 // bytes beside entries, as of the last sweep
	ghosts  atomic.Int64 // of these, what is left of evicted ones
	reserve atomic.Int64 // bytes of the limit that are not for what is counted
	evicted atomic.Int64
	refused atomic.Int64
	only    atomic.Int64 // what entries may account for, whatever the limit; zero: what the limit says

	mu     sync.Mutex // one at a time asks the budget; held while a shard's lock is taken
	budget *evict.Budget
	shards map[*Shard]*evict.Policy
	ids    map[int]*Shard
	nextID int
	logs   int // bytes that the log of one shard may take; zero: what its engine was made with
}

// NewMemory returns the memory of a node without a limit.
func NewMemory() *Memory {
	return &Memory{budget: evict.NewBudget(1), shards: map[*Shard]*evict.Policy{}, ids: map[int]*Shard{}}
}

// Limit returns the bytes that the process may have resident, 0 for no limit, and what is
// done at the limit.
func (m *Memory) Limit() (bytes int64, policy Policy) {
	return m.limit.Load(), Policy(m.policy.Load())
}

// Reserve says how many bytes of any limit something else takes that is not counted. It is
// called before there is a limit.
func (m *Memory) Reserve(bytes int64) { m.reserve.Store(bytes) }

// room returns how much of the limit is for what is counted.
func (m *Memory) room() int64 {
	limit := m.limit.Load()
	return max(limit-ProcessBytes-m.reserve.Load(), limit/leastShare) * shareNum / shareDen
}

// SetLimit changes the limit and what is done at it. Entries begin to be watched with the
// first limit, which costs a look at each.
func (m *Memory) SetLimit(bytes int64, policy Policy) {
	m.mu.Lock()
	was := m.limit.Swap(bytes)
	m.policy.Store(uint32(policy))
	m.spread()
	for s := range m.shards {
		if was == 0 && bytes > 0 {
			m.attach(s)
		}
	}
	m.mu.Unlock()
	m.relieve(maxSweepSteps)
}

// LimitLogs changes how many bytes the log of every shard may take, of those to come too:
// a limit that is lowered while the node runs must not leave them room for nothing else.
func (m *Memory) LimitLogs(bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logs = bytes
	for s := range m.shards {
		m.limitLog(s)
	}
}

// limitLog makes the log of a shard as large as those of all may be. The caller holds the
// lock.
func (m *Memory) limitLog(s *Shard) {
	if m.logs > 0 {
		s.Look(func(e *cachesync.Engine, _ *crdt.Partition) { e.LimitLog(m.logs) })
	}
}

// spread gives the entries what is left for them. The caller holds the lock.
func (m *Memory) spread() {
	if only := m.only.Load(); only > 0 {
		m.budget.SetLimit(only)
		return
	}
	room := m.room()
	m.budget.SetLimit(max(room-m.counted.Load(), room/leastShare))
}

// MemoryStats are a node's figures at one moment.
type MemoryStats struct {
	Limit    int64 // bytes that the process may have resident, 0 for no limit
	Room     int64 // bytes of it for what is counted
	Used     int64 // bytes counted, with all that is beside entries
	Entries  int64 // bytes of entries, with their keys and places
	Evicted  int64 // entries that have left memory because of the limit
	Refused  int64 // writes that were refused because of it
	Policy   Policy
	Ghosts   int64 // bytes that are left of evicted ones, as of the last sweep
	Resident int64 // entries in memory
}

// Stats returns the figures of now; what is beside entries is as of the last sweep.
func (m *Memory) Stats() MemoryStats {
	limit, policy := m.Limit()
	b := m.budget.Stats()
	return MemoryStats{
		Limit: limit, Room: m.room(), Used: b.Used + m.counted.Load(), Entries: b.Used, Policy: policy,
		Evicted: m.evicted.Load(), Refused: m.refused.Load(), Resident: b.Entries, Ghosts: m.ghosts.Load(),
	}
}

// join takes a shard in.
func (m *Memory) join(s *Shard) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shards[s] = nil
	m.limitLog(s)
	if m.limit.Load() > 0 {
		m.attach(s)
	}
}

// attach makes a shard's entries the budget's. The caller holds the lock.
func (m *Memory) attach(s *Shard) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.shards[s] != nil {
		return
	}
	m.nextID++
	p := m.budget.Join(m.nextID, resident{s})
	m.shards[s], m.ids[m.nextID] = p, s
	s.mu.state.Watch(func(key string, e *crdt.Entry, before, after int) {
		p.Changed(key, (*evict.Mark)(e.Mark()), placed(before), placed(after))
	})
}

// placed returns what an entry costs with its place in the policy's queues.
func placed(bytes int) int {
	if bytes > 0 {
		bytes += evict.PlaceBytes
	}
	return bytes
}

// leave lets a shard go, which is of no use any more.
func (m *Memory) leave(s *Shard) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.shards[s]
	delete(m.shards, s)
	if p == nil {
		return
	}
	delete(m.ids, p.ID())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.state.Unwatch()
	m.budget.Leave(p)
}

// resident is where the policy finds a shard's entries. Its lock is held.
type resident struct{ s *Shard }

// Kept implements evict.Entries.
func (r resident) Kept(key string) (*evict.Mark, int) {
	e, bytes := r.s.mu.state.Resident(key)
	if e == nil {
		return nil, 0
	}
	return (*evict.Mark)(e.Mark()), placed(bytes)
}

// relieve lets entries leave while more is kept than may be, at most so many steps. No
// shard's lock is held.
func (m *Memory) relieve(steps int) {
	if m == nil || m.limit.Load() == 0 {
		return
	}
	if m.budget.Over() == 0 || Policy(m.policy.Load()) == NoEviction {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for range steps {
		if m.budget.Over() == 0 {
			break
		}
		p := m.budget.Next()
		if p == nil {
			break
		}
		m.ids[p.ID()].giveUp(p)
	}
}

// giveUp takes one step towards keeping less.
func (s *Shard) giveUp(p *evict.Policy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, ok := p.Victim()
	if !ok {
		return
	}
	if s.mu.state.Release(key) || s.mu.state.Evict(key, s.Now()) {
		s.memory.evicted.Add(1)
		s.noteGhosts()
		return
	}
	if e, bytes := s.mu.state.Resident(key); e != nil {
		p.Keep(key, (*evict.Mark)(e.Mark()), placed(bytes))
	}
}

// sweep counts what there is beside entries, and makes room.
func (m *Memory) sweep() {
	if m == nil || m.limit.Load() == 0 {
		return
	}
	m.mu.Lock()
	shards := make([]*Shard, 0, len(m.shards))
	for s := range m.shards {
		shards = append(shards, s)
	}
	m.mu.Unlock()
	counted, left := int64(0), int64(0)
	for _, s := range shards {
		s.Look(func(e *cachesync.Engine, state *crdt.Partition) {
			_, ghosts := state.Ghosts()
			st := e.Stats()
			left += int64(ghosts)
			counted += int64(ghosts + st.LogBytes + st.HoldBytes + st.QueueBytes)
		})
	}
	m.mu.Lock()
	m.counted.Store(counted)
	m.ghosts.Store(left)
	m.spread()
	m.mu.Unlock()
	m.relieve(maxSweepSteps)
}

// admits returns ErrOOM when a write that has noted effects is to be refused.
func (m *Memory) admits(effects []crdt.Effect) error {
	if m == nil || m.limit.Load() == 0 || Policy(m.policy.Load()) != NoEviction || m.budget.Over() == 0 {
		return nil
	}
	for i := range effects {
		if op := effects[i].Op; op == crdt.EffectPut || op == crdt.EffectAdd || op == crdt.EffectFill {
			return m.Refuse()
		}
	}
	return nil
}

// Presses reports whether so much more is kept than may be that a write is to wait until
// something has left memory ([Memory.Relieve]).
func (m *Memory) Presses() bool {
	if m == nil || m.limit.Load() == 0 || Policy(m.policy.Load()) != AllKeys {
		return false
	}
	room := m.room()
	return m.budget.Over() > m.budget.Limit()/saveSlack || m.only.Load() == 0 && m.counted.Load() > room
}

// Haunted reports whether so much is left of evicted entries that those are to be removed
// that nobody has any more ([Shard.Ghosts], [Shard.Bury]).
func (m *Memory) Haunted() bool {
	return m != nil && m.limit.Load() > 0 && m.ghosts.Load() > m.room()/ghostShare
}

// Relieve lets entries leave memory while more is kept than may be, as far as they can. It
// takes at most as much work as a sweep.
func (m *Memory) Relieve() { m.relieve(maxSweepSteps) }

// Refuse counts a write that is refused, and returns the reply to it.
func (m *Memory) Refuse() *wire.Error {
	m.refused.Add(1)
	return ErrOOM
}

// RuntimeLimit returns what the Go runtime may take of a limit, see debug.SetMemoryLimit: what
// the program's own pages and what is reserved leave of it, and at least half. Zero for no
// limit.
func (m *Memory) RuntimeLimit(limit int64) int64 {
	if limit == 0 {
		return 0
	}
	return max(limit-programBytes-m.reserve.Load(), limit/2)
}

// LimitEntries limits what entries account for and nothing else, in bytes. It is for tests
// of few entries.
func (m *Memory) LimitEntries(bytes int64, policy Policy) {
	m.only.Store(bytes)
	m.SetLimit(1<<40, policy)
}
