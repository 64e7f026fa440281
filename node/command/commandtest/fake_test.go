package commandtest_test

import (
	"cmp"
	"context"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// fake is a whole cluster of one node in memory: every command as it is meant,
// without network, other copies or eviction.
type fake struct {
	mu     sync.Mutex
	shards map[region.Partition]*shard
	clock  crdt.Clock
	done   map[uint64]wire.Reply // by request ID
}

// shard is one partition and the number of the last write made here.
type shard struct {
	crdt.Partition
	n uint64
}

const self crdt.ReplicaID = 0xa701

// partitions is the default number.
const partitions = region.DefaultPartitions

func newFake() *fake {
	f := &fake{shards: map[region.Partition]*shard{}, done: map[uint64]wire.Reply{}}
	for p := range partitions.Count() {
		f.shards[region.Partition(p)] = &shard{}
	}
	return f
}

// Do implements command.Doer.
func (f *fake) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	replies := make([]wire.Reply, len(cmds))
	for i, c := range cmds {
		if err := ctx.Err(); err != nil {
			replies[i] = wire.Fail(&wire.Error{Code: wire.CodeTimeout, Text: "ERR " + err.Error()})
			continue
		}
		replies[i] = f.run(c)
	}
	return replies
}

// run checks and splits a command.
func (f *fake) run(c wire.Command) wire.Reply {
	if err := command.Check(c, command.Limits{}); err != nil {
		return wire.Fail(err)
	}
	if err := command.CheckTogether(c, partitions); err != nil {
		return wire.Fail(err)
	}
	c = command.Wrap(c, partitions)
	if s, _ := command.Find(c); s.Together {
		return command.Across(context.Background(), f, partitions, c)
	}
	parts, join, ok := command.Split(c, partitions)
	if !ok {
		return f.runPart(c)
	}
	replies := make([]wire.Reply, len(parts))
	for i, part := range parts {
		replies[i] = f.runPart(part)
	}
	return join(replies)
}

// runPart runs a command all of whose keys are in one partition, once.
func (f *fake) runPart(c wire.Command) wire.Reply {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, ok := f.done[c.Request]; ok {
		return r
	}
	if !command.OnKeys(c.Args[0]) {
		return f.look(c)
	}
	r := command.Exec(&target{f, f.shards[partitions.Of(c.Key())]}, c)
	if c.Request != 0 && r.Type != wire.TypeError {
		f.done[c.Request] = r
	}
	return r
}

// target is a shard as commands run on it.
type target struct {
	f *fake
	s *shard
}

// Now implements command.Target.
func (t *target) Now() int64 { return time.Now().UnixMilli() }

// Random implements command.Target.
func (t *target) Random() uint64 { return rand.Uint64() }

// Limits implements command.Target.
func (t *target) Limits() command.Limits { return command.Limits{} }

// Alone implements command.Target: the whole fake has one lock.
func (t *target) Alone(f func(command.Target)) error {
	f(t)
	return nil
}

// Read implements command.Target.
func (t *target) Read(keys []string, f func(crdt.View)) error {
	for _, key := range keys {
		f(t.s.Entry(key).View(t.Now()))
	}
	return nil
}

// Write implements command.Target.
func (t *target) Write(key string, request uint64, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	d := crdt.Delta{
		Dot:   crdt.Dot{Replica: self, N: t.s.n + 1},
		From:  t.s.n + 1,
		Stamp: t.f.clock.Next(t.Now()),
		Deps:  t.s.Vector().Without(self),
		Key:   key,
	}
	m := crdt.NewMutator(t.s.Entry(key), crdt.NewWrite{Dot: d.Dot, Stamp: d.Stamp, Now: t.Now()})
	if err := run(m); err != nil {
		return crdt.Dot{}, err
	}
	if d.Effects = m.Effects(); len(d.Effects) == 0 {
		return crdt.Dot{}, nil
	}
	if request != 0 {
		d.Requests = []uint64{request}
	}
	if err := t.s.Apply(&d); err != nil {
		return crdt.Dot{}, err
	}
	t.s.n++
	return d.Dot, nil
}

// scan replies SCAN. A key's place depends on the key alone, so that what is
// added or removed meanwhile does not move the others, and a page ends between
// two places.
func (f *fake) scan(c wire.Command) wire.Reply {
	args, err := command.ParseScan(c)
	if err != nil {
		return wire.Fail(err)
	}
	now := time.Now().UnixMilli()
	type found struct {
		place uint64
		key   string
	}
	var all []found
	for _, s := range f.shards {
		s.Each(func(key string, e *crdt.Entry) bool {
			if at := place(key); at >= args.Cursor && e.View(now).Exists() {
				all = append(all, found{at, key})
			}
			return true
		})
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.place, b.place) })
	keys, next := []string{}, uint64(0)
	for i, k := range all {
		if i >= args.Count && k.place != all[i-1].place {
			next = k.place
			break
		}
		kind := f.shards[partitions.Of(k.key)].Entry(k.key).View(now).Kind()
		if args.Match.Match(k.key) && (args.Kind == crdt.KindNone || args.Kind == kind) {
			keys = append(keys, k.key)
		}
	}
	return wire.List(wire.String(strconv.FormatUint(next, 10)), wire.Strings(keys))
}

// place orders keys by slot, then by hash. It is never zero.
func place(key string) uint64 {
	h := fnv.New32a()
	h.Write([]byte(key))
	return uint64(region.SlotOf(key))<<33 | uint64(h.Sum32())<<1 | 1
}
