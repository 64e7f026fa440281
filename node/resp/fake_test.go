package resp_test

import (
	"context"
	"slices"
	"sync"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/natsapi/natsapitest"
	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// fakeNode is a node in memory: the real data types in one store, and a bus in
// place of NATS.
type fakeNode struct {
	store *natsapitest.Store
	bus   *bus
	slow  func([]wire.Command) // is called before commands run, if it is not nil

	mu        sync.Mutex
	versions  map[string]uint64
	observers map[int]func(resp.Change)
	next      int
	regions   int // that have everything
}

func newFakeNode(b *bus) *fakeNode {
	return &fakeNode{store: natsapitest.NewStore(7), bus: b, versions: map[string]uint64{}, observers: map[int]func(resp.Change){}}
}

func (f *fakeNode) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	if f.slow != nil {
		f.slow(cmds)
	}
	var out []wire.Reply
	for _, c := range cmds {
		out = append(out, f.one(ctx, c))
	}
	return out
}

func (f *fakeNode) one(ctx context.Context, c wire.Command) wire.Reply {
	r := f.store.Do(ctx, c)[0]
	spec, err := command.Find(c)
	if err != nil || !spec.Write || r.Type == wire.TypeError {
		return r
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range spec.KeysOf(c) {
		f.versions[key]++
		for _, tell := range f.observers {
			tell(resp.Change{Key: key, Events: []string{eventOf(c.Args[0])}})
		}
	}
	return r
}

func eventOf(verb string) string {
	return map[string]string{"SET": "set", "DEL": "del", "HSET": "hset", "INCRBY": "incrby", "MSET": "set"}[verb]
}

// tell tells of a change that came from elsewhere.
func (f *fakeNode) tell(c resp.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, tell := range f.observers {
		tell(c)
	}
}

func (f *fakeNode) observed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.observers) > 0
}

func (f *fakeNode) State(ctx context.Context, key string) (resp.KeyState, error) {
	there := f.store.Do(ctx, wire.Command{Args: []string{"EXISTS", key}})[0]
	f.mu.Lock()
	defer f.mu.Unlock()
	return resp.KeyState{Digest: f.versions[key] * uint64(there.Int), Bytes: 100 + len(key)}, nil
}

func (f *fakeNode) Transact(ctx context.Context, watched []resp.Watched, cmds []wire.Command) ([]wire.Reply, bool) {
	for _, w := range watched {
		if now, _ := f.State(ctx, w.Key); now.Digest != w.Digest {
			return nil, false
		}
	}
	return f.Do(ctx, cmds...), true
}

func (f *fakeNode) Reached(ctx context.Context, marks []resp.Mark, n int) int {
	if f.regions < n && len(marks) > 0 {
		<-ctx.Done()
	}
	return f.regions
}

func (f *fakeNode) Partitions() region.Partitions { return 16 }

func (f *fakeNode) Observe(_ context.Context, tell func(resp.Change)) (func(), error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.next
	f.next++
	f.observers[id] = tell
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.observers, id)
	}, nil
}

func (f *fakeNode) Node() wire.NodeInfo {
	return wire.NodeInfo{Region: "eu", Name: "eu-1", Keys: 3, Bytes: 300, Counters: map[string]int64{"expired": 2}}
}

func (f *fakeNode) Keyspace() (int, int) { return 3, 1 }

func (f *fakeNode) KeysIn(slot region.Slot, most int) ([]string, int) {
	keys := []string{"a", "b"}
	return keys[:min(most, 2)], 2
}

func (f *fakeNode) Topology() resp.Topology {
	t := resp.Topology{Region: "eu", Cluster: "test", Self: "eu-1", Epoch: 42, Members: []resp.Member{
		{Name: "eu-1", Address: "127.0.0.1:7001", Alive: true}, {Name: "eu-2", Address: "127.0.0.1:7002", Alive: true},
	}}
	for p := range 16 {
		owner := p / 8
		t.Holders = append(t.Holders, []int{owner, 1 - owner})
	}
	return t
}

// bus carries messages between fake nodes.
type bus struct {
	mu        sync.Mutex
	listeners []listener
}

type listener struct {
	by      *fakeNode
	channel string // empty: all
	f       func(channel, message string)
	id      *int
}

func (f *fakeNode) Publish(channel, message string) error {
	f.bus.mu.Lock()
	list := slices.Clone(f.bus.listeners)
	f.bus.mu.Unlock()
	for _, l := range list {
		if l.by != f && (l.channel == "" || l.channel == channel) {
			l.f(channel, message)
		}
	}
	return nil
}

func (f *fakeNode) Listen(channel string, tell func(channel, message string)) (func(), error) {
	return f.bus.add(listener{by: f, channel: channel, f: tell, id: new(int)}), nil
}

func (f *fakeNode) ListenAll(tell func(channel, message string)) (func(), error) {
	return f.bus.add(listener{by: f, f: tell, id: new(int)}), nil
}

func (f *fakeNode) Flush(context.Context) error { return nil }

func (b *bus) add(l listener) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listeners = append(b.listeners, l)
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.listeners = slices.DeleteFunc(b.listeners, func(o listener) bool { return o.id == l.id })
	}
}

func (b *bus) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.listeners)
}
