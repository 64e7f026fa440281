package node

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

var _ resp.MemoryKeeper = redis{}

// MemoryConfig says what a node may keep in memory. The zero value is no limit.
type MemoryConfig struct {
	// Limit is how many bytes the process may have resident. Reads and writes go on at
	// it, and what is least worth keeping leaves memory; see package core for what is
	// counted. A limit of less than 128 MiB leaves little for data. Default: no limit.
	Limit int64
	// Policy says what leaves memory at the limit, or that writes are refused instead, also
	// at a limit that is set later.
	// Default: core.AllKeys.
	Policy core.Policy
	// Runtime is told what the Go runtime may take of every limit, zero for no limit: a
	// program that has nothing else in it passes it on to debug.SetMemoryLimit, without which garbage takes more than the
	// limit has room for. Default: nobody is.
	Runtime func(bytes int64)

	reserved int64 // bytes that the disk's own memory takes
	logs     bool  // the limit says how large the logs of replication may be
}

// forDisk shares a limit with what a disk has in memory outside of what is counted: its
// cache of blocks, its tables of changes, and what has not been saved. What the first two
// take is settled when the disk is opened: of a limit that comes later they take as much as
// without one.
func (c MemoryConfig) forDisk(d DiskConfig) (MemoryConfig, DiskConfig) {
	if d.Dir == "" {
		return c, d
	}
	cache, table, unsaved := int64(128<<20), int64(32<<20), int64(256<<20)
	if c.Limit > 0 {
		cache, table, unsaved = min(cache, c.Limit/16), min(table, max(1<<20, c.Limit/64)), min(unsaved, c.Limit/16)
	}
	d.Store.CacheBytes = cmp.Or(d.Store.CacheBytes, cache)
	d.Store.MemTableBytes = cmp.Or(d.Store.MemTableBytes, int(table))
	d.MaxUnsaved = cmp.Or(d.MaxUnsaved, unsaved)
	c.reserved = d.Store.CacheBytes + 3*int64(d.Store.MemTableBytes)
	return c, d
}

// SetMemory changes what the node may keep in memory until it ends.
func (n *Node) SetMemory(limit int64, policy core.Policy) {
	if n.cfg.Memory.Runtime != nil {
		n.cfg.Memory.Runtime(n.memory.RuntimeLimit(limit))
	}
	if n.cfg.Memory.logs {
		n.memory.LimitLogs(logBytes(limit, cmp.Or(n.cfg.Partitions, region.DefaultPartitions)))
	}
	n.memory.SetLimit(limit, policy)
}

// Memory returns what the node keeps in memory, and may.
func (n *Node) Memory() core.MemoryStats { return n.memory.Stats() }

// newMemory returns the memory that the configuration says.
func newMemory(c MemoryConfig) *core.Memory {
	m := core.NewMemory()
	m.Reserve(c.reserved)
	if c.Limit > 0 && c.Runtime != nil {
		c.Runtime(m.RuntimeLimit(c.Limit))
	}
	m.SetLimit(c.Limit, c.Policy)
	return m
}

// logBytes returns how large the log of a partition may be, of so many that share a
// limit: all of them an eighth of it, and a quarter of what the process leaves.
func logBytes(limit int64, p region.Partitions) int {
	most := int64(cachesync.DefaultConfig().LogBytes)
	if limit == 0 {
		return int(most)
	}
	all := min(limit/8, (limit-core.ProcessBytes)/4)
	return int(min(most, max(8<<10, all/int64(p.Count()))))
}

const (
	// roomWait bounds how long a write waits for entries that have to be saved before
	// they can leave memory; then it is refused.
	roomWait = time.Second
	// roomEvery is how often it looks.
	roomEvery = 2 * time.Millisecond
	// lostFor is how long it is remembered that nobody has a key that was evicted here,
	// and maxLost of how many keys.
	lostFor = time.Second
	maxLost = 4096
	// bringTries is how often a command is tried whose keys are evicted again meanwhile.
	bringTries = 4
)

// makeRoom returns once a write may run, or the reply with which it is refused.
func (l *life) makeRoom(ctx context.Context) *wire.Error {
	m := l.memory
	if !m.Presses() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, roomWait)
	defer cancel()
	for m.Relieve(); m.Presses(); m.Relieve() {
		if l.disk != nil {
			l.disk.kick()
		}
		if !sleep(ctx, roomEvery) {
			return m.Refuse()
		}
	}
	return nil
}

// execHere runs a command in a shard. Keys that were evicted here, and that it cannot do
// without, are brought back first from another holder, of this region or else of others;
// where none has them they do not exist.
func (l *life) execHere(ctx context.Context, s *core.Shard, t *core.Task) wire.Reply {
	if t.Spec.Write {
		if refused := l.makeRoom(ctx); refused != nil {
			return wire.Fail(refused)
		}
	}
	if !s.HasGhosts() {
		return command.Exec(s, t.Command)
	}
	var lost []string
	keys, over := t.Spec.KeysOf(t.Command), false
	if readsMany(t.Spec, keys) {
		lost, over = l.bringBack(ctx, s, s.Evicted(keys))
	}
	reply := command.Exec(s.Without(lost), t.Command)
	for range bringTries {
		if over || reply.Type != wire.TypeError || reply.Err != core.ErrEvicted {
			break
		}
		lost, over = l.bringBack(ctx, s, s.Evicted(keys))
		reply = command.Exec(s.Without(lost), t.Command)
	}
	if over && reply.Type == wire.TypeError && reply.Err == core.ErrEvicted {
		return wire.Fail(errNoStay)
	}
	return reply
}

// errNoStay is the reply to a command on a key that was evicted here, that another node has,
// and that is evicted again as soon as it has come back, or does not come in time.
var errNoStay = &wire.Error{Code: wire.CodeUnavailable, Text: "ERR the key has been evicted here, and does not stay when it is brought back from " +
	"a node that has it: it is larger than maxmemory leaves room for, or that node is behind; raise maxmemory, ask a node that has more, or try again shortly"}

// readsMany reports whether a command must not find out halfway that a key was evicted.
func readsMany(spec *command.Spec, keys []string) bool {
	return spec.Together || len(keys) > 1 && spec.Name != "DEL" && spec.Name != "UNLINK" && spec.Name != "MSET"
}

// whole returns a shard as the target of a unit, for which the keys that it needs have been
// brought back.
func (l *life) whole(ctx context.Context, s *core.Shard, u unit) command.Target {
	if !s.HasGhosts() {
		return s
	}
	var keys []string
	for _, w := range u.watched {
		keys = append(keys, w.Key)
	}
	for _, cmd := range u.cmds {
		if spec, err := command.Find(cmd); err == nil {
			keys = append(keys, spec.KeysOf(cmd)...)
		}
	}
	lost, _ := l.bringBack(ctx, s, s.Evicted(keys))
	return s.Without(lost)
}

// bringBack asks other holders for keys that were evicted here, those of the region first,
// and returns the keys that nobody has who answered in time. Somebody may have one that has
// not come back all the same, for want of room, say: that one is not lost, over says that it
// has been waited for in vain, and a command that needs it gets errNoStay. Who is
// further away is asked for what nobody near has.
func (l *life) bringBack(ctx context.Context, s *core.Shard, keys []string) (lost []string, over bool) {
	if len(keys) == 0 {
		return nil, false
	}
	now := l.cfg.Now()
	keys, lost = l.gone.split(s.ID(), keys, now)
	if len(keys) == 0 {
		return lost, false
	}
	near, far := s.Holders(l.cfg.Region)
	had := map[string]bool{}
	isHad := func(key string) bool { return had[key] }
	for _, holders := range [][]crdt.ReplicaID{near, far} {
		within, cancel := context.WithTimeout(ctx, l.cfg.SeenWait)
		for again := true; again && len(keys) > 0 && len(holders) > 0; {
			if again = l.bringFrom(within, s, holders, keys, had); again {
				again = sleep(within, roomEvery)
			}
			keys = s.Evicted(keys)
		}
		over = over || within.Err() != nil && slices.ContainsFunc(keys, isHad)
		keys = slices.DeleteFunc(keys, isHad)
		cancel()
	}
	l.gone.note(s.ID(), keys, now.Add(lostFor))
	return append(lost, keys...), over
}

// bringFrom asks holders for keys and reports whether one has some of them and could not
// give them yet. It adds the keys that anybody has to had.
func (l *life) bringFrom(ctx context.Context, s *core.Shard, holders []crdt.ReplicaID, keys []string, had map[string]bool) (again bool) {
	found := make([][]string, len(holders))
	var asking sync.WaitGroup
	for i, r := range holders {
		asking.Go(func() {
			if has, err := l.runner.Bring(ctx, s.ID(), r, keys, false); err == nil {
				found[i] = has
			}
		})
	}
	asking.Wait()
	for _, has := range found {
		again = again || len(s.Evicted(has)) > 0
		for _, key := range has {
			had[key] = true
		}
	}
	return again
}

// gone is the keys that were evicted here and that nobody had a short while ago.
type gone struct {
	mu    sync.Mutex
	until map[goneKey]time.Time
}

type goneKey struct {
	partition region.Partition
	key       string
}

// split returns the keys that are to be asked for, and those of which it is known that
// nobody has them.
func (g *gone) split(p region.Partition, keys []string, now time.Time) (ask, lost []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, key := range keys {
		if now.Before(g.until[goneKey{p, key}]) {
			lost = append(lost, key)
		} else {
			ask = append(ask, key)
		}
	}
	return ask, lost
}

// note notes that nobody has some keys.
func (g *gone) note(p region.Partition, keys []string, until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.until == nil || len(g.until)+len(keys) > maxLost {
		g.until = map[goneKey]time.Time{}
	}
	for _, key := range keys {
		g.until[goneKey{p, key}] = until
	}
}

// Limits implements resp.MemoryKeeper.
func (r redis) Limits() (bytes int64, policy string) {
	s := r.n.Memory()
	return s.Limit, s.Policy.String()
}

// Limit implements resp.MemoryKeeper.
func (r redis) Limit(bytes int64, policy string) bool {
	p, ok := core.ParsePolicy(policy)
	if ok {
		r.n.SetMemory(bytes, p)
	}
	return ok
}

// memoryCounters names what is known of what the node keeps in memory.
func memoryCounters(s core.MemoryStats, into map[string]int64) {
	into["max_memory"], into["memory_room"], into["memory_used"] = s.Limit, s.Room, s.Used
	into["entries_bytes"], into["evicted"], into["refused_oom"] = s.Entries, s.Evicted, s.Refused
}
