package core

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// Shard is one partition in memory: its state, its engine and what expires in it,
// under one lock. It is a command.Target.
type Shard struct {
	id       region.Partition
	self     crdt.ReplicaID
	writer   crdt.ReplicaID // under which the engine began to write
	now      func() time.Time
	limits   command.Limits
	news     atomic.Bool                 // there is something to broadcast, as of the last write; changed under mu
	ready    atomic.Bool                 // filled from the other holders, or known to be the first; changed under mu
	refuses  *atomic.Pointer[wire.Error] // why writes are refused; nil in it: they are not
	last     crdt.Vector                 // of a node that leaves: what was here when its last command was done; set by steps, under mu
	memory   *Memory                     // nil: there is no limit
	haunted  atomic.Bool                 // something is evicted; changed under mu
	unplaced time.Time                   // when it was found to belong elsewhere; only sweeps touch it

	disk      *diskState  // what keeps it beside memory; nil: nothing
	unsaved   atomic.Bool // there may be something to save
	warm      bool        // the life has begun with it
	delivered bool        // what others publish of a warm one is; guarded by Core.holding
	healing   bool        // it stands for one that could not be read, and has not been filled: it is not saved; guarded by mu once the shard can be found

	mu struct {
		sync.Mutex
		state   crdt.Partition
		engine  *cachesync.Engine
		waiters []waiter
		paused  []string      // regions whose writes are not taken
		opened  chan struct{} // closed when ready or closed
		closed  bool          // the node has let the partition go; this shard is of no use any more
		since   time.Time     // when the node took the partition
		stays   time.Time     // it is not let go before: others have been asked for commands that run in it
		claims  claims        // of requests that must not run twice
		random  rand.PCG
		gone    bool      // it has been let go, and nothing of it is to be saved
		spared  time.Time // nothing is forgotten before

		dirtyKeys, dirtyBytes int // as counted in disk
		listing               listing
	}
}

// waiter waits until the shard has seen a write.
type waiter struct {
	dot  crdt.Dot
	seen chan struct{}
}

// newShard returns the shard of a partition. With a disk open makes its state the one
// that the disk keeps.
func (c *Core) newShard(p region.Partition, writer crdt.ReplicaID, open func(*crdt.Partition) error) *Shard {
	s := &Shard{id: p, self: c.self, writer: writer, now: c.cfg.Now, limits: c.cfg.Limits, refuses: &c.refuses, disk: c.disk, memory: c.cfg.Memory}
	s.mu.opened = make(chan struct{})
	self := cachesync.Identity{Replica: c.self, Writer: writer, Region: c.cfg.Region, Partition: p}
	if c.disk != nil {
		// What it returns is looked at where every error of the disk is (Shard.err).
		_ = open(&s.mu.state)
		self.Clock, self.MayStamp = c.cfg.Kept.Clock, c.disk.mayStamp
	}
	s.mu.engine = cachesync.NewEngine(c.cfg.Sync, self, s.store(c.cfg))
	s.mu.since, s.mu.claims.lasts = c.cfg.Now(), c.cfg.ClaimFor
	s.mu.random.Seed(uint64(c.self), uint64(p))
	s.memory.join(s)
	return s
}

// ID returns the partition.
func (s *Shard) ID() region.Partition { return s.id }

// Do runs f alone with the shard's engine and wakes who waits for what it
// applied.
func (s *Shard) Do(f func(*cachesync.Engine)) {
	s.do(f)
	s.memory.relieve(maxSteps)
}

func (s *Shard) do(f func(*cachesync.Engine)) {
	s.mu.Lock()
	defer s.unlock()
	f(s.mu.engine)
	s.wake()
	s.noteGhosts()
}

// Look runs f alone with the shard's engine and state, which it does not change.
func (s *Shard) Look(f func(e *cachesync.Engine, state *crdt.Partition)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.mu.engine, &s.mu.state)
}

// HasNews reports whether there is something to broadcast of what has been written.
func (s *Shard) HasNews() bool { return s.news.Load() }

// wake wakes who waits for what has been seen by now, and notes whether there is something
// to broadcast. The caller holds the lock.
func (s *Shard) wake() {
	if news := s.mu.engine.HasQueued(); news != s.news.Load() {
		s.news.Store(news)
	}
	if len(s.mu.waiters) == 0 {
		return
	}
	s.mu.waiters = slices.DeleteFunc(s.mu.waiters, func(w waiter) bool {
		if !s.mu.state.Covers(w.dot) {
			return false
		}
		close(w.seen)
		return true
	})
}

// HasSeen reports whether the shard has seen a write, which the zero dot always
// has been.
func (s *Shard) HasSeen(d crdt.Dot) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.state.Covers(d)
}

// Vector returns what the shard has seen. The caller owns it.
func (s *Shard) Vector() crdt.Vector {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.state.Vector().Clone()
}

// beyond returns the last write of each replica in a vector, of those that the
// shard has not seen.
func (s *Shard) beyond(v crdt.Vector) []crdt.Dot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(v.Beyond(s.mu.state.Vector()), s.mu.state.Covers)
}

// peers returns the replicas that have announced what they have of the partition.
func (s *Shard) peers() (out []crdt.ReplicaID) {
	s.Do(func(e *cachesync.Engine) {
		for _, p := range e.Peers() {
			out = append(out, p.Replica)
		}
	})
	return out
}

// maxWaiters bounds the commands that wait for a write in one partition; more
// are answered without waiting.
const maxWaiters = 4096

// Await returns a channel that is closed when the shard has seen the write d, nil
// when too many wait already. Whoever stops waiting before calls [Shard.Forgo].
func (s *Shard) Await(d crdt.Dot) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.mu.waiters) >= maxWaiters {
		return nil
	}
	w := waiter{d, make(chan struct{})}
	s.mu.waiters = append(s.mu.waiters, w)
	s.wake()
	return w.seen
}

// Forgo takes back an [Shard.Await].
func (s *Shard) Forgo(seen <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.waiters = slices.DeleteFunc(s.mu.waiters, func(w waiter) bool { return w.seen == seen })
}

// IsReady reports whether the shard answers for the partition.
func (s *Shard) IsReady() bool { return s.ready.Load() }

// Opened returns a channel that is closed when the shard answers for the
// partition, or has been let go without having done so.
func (s *Shard) Opened() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.opened
}

// doubt makes the shard answer for the partition no more until it has been filled
// anew.
func (s *Shard) doubt(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.since = now
	if s.ready.Swap(false) && !s.mu.closed {
		s.mu.opened = make(chan struct{})
	}
}

// open makes the shard answer for the partition. The caller holds the lock.
func (s *Shard) open() {
	s.healing = false
	if !s.ready.Swap(true) && !s.mu.closed {
		close(s.mu.opened)
	}
}

// close ends the shard: it runs no command any more.
func (s *Shard) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closeLocked()
}

func (s *Shard) closeLocked() {
	if !s.mu.closed && !s.IsReady() {
		close(s.mu.opened)
	}
	s.mu.closed = true
}

// stay keeps the shard from being let go for as long as a claim lasts, and reports
// whether it has not ended. A command that others have been asked for runs by what they
// have answered: what they had, which requests they have run and which they are about
// to run. The shard keeps that, and another one, filled from a snapshot, would know
// nothing of it. No command waits for longer than a claim lasts. As long as more of
// them come, because nobody else can be reached, the partition is better held than
// taken again for each.
func (s *Shard) stay() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.stays = s.now().Add(s.mu.claims.lasts)
	return !s.mu.closed
}

// closeIfSettled ends the shard if all holders have all that is here, and somebody
// among them means to keep it, as they have said since it belongs elsewhere, and
// nobody has been asked for what is about to run here. It reports whether it did.
func (s *Shard) closeIfSettled(holders []crdt.ReplicaID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.mu.engine
	if e.Stats().HoldBytes > 0 || !s.IsReady() || s.now().Before(s.mu.stays) {
		return false
	}
	since := s.unplaced
	if s.mu.since.After(since) {
		since = s.mu.since // What was heard before the node was frozen does not count.
	}
	peers, kept := e.Peers(), false
	for _, r := range holders {
		i := slices.IndexFunc(peers, func(p cachesync.Peer) bool { return p.Replica == r })
		if r == s.self {
			continue
		}
		if i < 0 || !e.Has(peers[i].Kept, e.Vector()) || peers[i].Behind || peers[i].Heard.Before(since) {
			return false
		}
		kept = kept || !peers[i].Passing
	}
	if !kept {
		return false
	}
	s.closeLocked()
	return true
}

// nextWriter returns the ID after all that the engine has written under: it goes
// on under the next each time that it is rebuilt.
func (s *Shard) nextWriter() crdt.ReplicaID {
	next := s.writer
	s.Do(func(e *cachesync.Engine) { next = e.Writer() + 1 })
	return next
}

// sweep hides what has expired and forgets what is stable among the holders, and the
// IDs of lives that have ended.
func (s *Shard) sweep(holders, living []crdt.ReplicaID) {
	s.Do(func(e *cachesync.Engine) {
		now := s.now()
		if now.Before(s.mu.spared) {
			return
		}
		e.Living(now, living)
		e.Sweep(now, holders)
		s.unlist()
	})
}

// Spare keeps everything from being forgotten until a time, unless that has been put
// off further already.
func (s *Shard) Spare(until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until.After(s.mu.spared) {
		s.mu.spared = until
	}
}

// obey stops and restarts the taking of regions' writes.
func (s *Shard) obey(paused []string) {
	s.Do(func(e *cachesync.Engine) {
		for _, r := range without(paused, s.mu.paused) {
			e.Pause(r)
		}
		for _, r := range without(s.mu.paused, paused) {
			e.Resume(r)
		}
		s.mu.paused = paused
	})
}

// Count returns what all entries account for, in bytes, in memory or not, those
// included that are hidden and not yet forgotten, and how many keys show at a wall time.
// It costs no more with many keys, unless many are hidden.
func (s *Shard) Count(now int64) (bytes, keys int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, bytes = s.mu.state.Kept()
	return bytes, s.mu.state.Shown(now)
}

// InMemory returns what the entries in memory account for, in bytes.
func (s *Shard) InMemory() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.state.Bytes()
}

// Size returns about how many keys there are, those included that are hidden and
// not yet forgotten, and how many expire. It costs no more with many keys.
func (s *Shard) Size() (keys, expiring int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.state.Len(), s.mu.state.Expiring()
}

// KeyState returns the digest of what a key shows now, zero when it does not exist,
// and the bytes that it accounts for. It fails when the node's disk cannot be read.
func (s *Shard) KeyState(key string) (digest uint64, bytes int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.mu.state.Entry(key)
	if e == nil {
		return 0, 0, s.err()
	}
	return e.Digest(key, s.Now()), e.Size() + len(key), nil
}

// KeysIn returns at most so many of the keys in a slot, and how many there are. It
// looks at every key of the partition.
func (s *Shard) KeysIn(slot region.Slot, most int) (keys []string, total int) {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.state.Each(func(key string, e *crdt.Entry) bool {
		if v := e.View(now); region.SlotOf(key) == slot && (v.Exists() || v.IsEvicted()) {
			if total++; len(keys) < most {
				keys = append(keys, key)
			}
		}
		return true
	})
	return keys, total
}
