package node

import (
	"context"
	"encoding/json"
	"net"
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/resp"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// RedisConfig opens a front door for Redis clients.
type RedisConfig struct {
	// Listener is where clients come. The node closes it when it ends. Nil: there is
	// no such door.
	Listener net.Listener
	// Advertise is the host:port that other nodes tell cluster clients to find this
	// one at. Default: where Listener listens, unless that is every interface.
	Advertise string
	// Server sets what is offered and how much clients may take. Its Limits and Log
	// are the node's.
	Server resp.Config
}

// address returns what is announced of the door, empty when there is nothing to.
func (c RedisConfig) address() string {
	if c.Advertise != "" || c.Listener == nil {
		return c.Advertise
	}
	if tcp, ok := c.Listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return ""
	}
	return c.Listener.Addr().String()
}

// newRedis returns the server of the door, nil when there is none.
func (n *Node) newRedis() (*resp.Server, error) {
	if n.cfg.Redis.Listener == nil {
		return nil, nil
	}
	cfg := n.cfg.Redis.Server
	cfg.Limits, cfg.Log = n.cfg.Limits, n.cfg.Log
	return resp.New(redis{n}, cfg)
}

// serveRedis serves Redis clients from when the node is ready, or at once where it can
// answer some of them before that, until ctx ends.
func (n *Node) serveRedis(ctx context.Context) {
	if n.redis == nil {
		return
	}
	defer n.cfg.Redis.Listener.Close()
	if !n.isWarm() {
		select {
		case <-n.ready:
		case <-ctx.Done():
			return
		}
	}
	if err := n.redis.Serve(ctx, n.cfg.Redis.Listener); err != nil {
		n.cfg.Log.Error("serve Redis clients", "err", err)
	}
}

// redis is the node as its front door for Redis clients sees it.
type redis struct{ n *Node }

var _ resp.Backend = redis{}

// Do implements command.Doer: reads are answered by the owner, so that a client
// sees its writes through whatever node it asks.
func (r redis) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	if replies, ok := r.n.doEarly(cmds); ok {
		return replies
	}
	l, err := r.n.enter(ctx)
	if err != nil {
		return failAll(err, len(cmds))
	}
	defer l.core.Exit()
	return l.run(ctx, cmds, false)
}

// Partitions implements resp.Transactor.
func (r redis) Partitions() region.Partitions { return r.n.cfg.Partitions }

// Node implements resp.Reporter.
func (r redis) Node() wire.NodeInfo {
	l := r.n.life.Load()
	info := wire.NodeInfo{}
	if reply, err := l.answerNode(nil); err == nil {
		_ = json.Unmarshal([]byte(reply.Text), &info) // It is what answerNode has just written.
	}
	info.Region, info.Name = l.cfg.Region, l.cfg.Name
	return info
}

// Keyspace implements resp.Reporter.
func (r redis) Keyspace() (keys, expiring int) {
	l := r.n.life.Load()
	pl := l.core.Place()
	for _, s := range l.core.Shards() {
		if pl.Owner(l.cfg.Region, s.ID()) == l.cfg.Name {
			all, due := s.Size()
			keys, expiring = keys+all, expiring+due
		}
	}
	return keys, expiring
}

// KeysIn implements resp.Reporter.
func (r redis) KeysIn(slot region.Slot, most int) (keys []string, total int) {
	l := r.n.life.Load()
	s := l.core.Shard(r.n.cfg.Partitions.OfSlot(slot))
	if s == nil {
		return nil, 0
	}
	return s.KeysIn(slot, most)
}

// Topology implements resp.Reporter.
func (r redis) Topology() resp.Topology {
	l := r.n.life.Load()
	pl := l.core.Place()
	t := resp.Topology{Region: l.cfg.Region, Cluster: l.cfg.Cluster, Self: l.cfg.Name, Epoch: pl.Epoch()}
	index := map[string]int{}
	for _, m := range pl.Members() {
		if m.Region != l.cfg.Region || m.Address == "" {
			continue
		}
		index[m.Name] = len(t.Members)
		t.Members = append(t.Members, resp.Member{Name: m.Name, Address: m.Address, Alive: m.State != region.StateSuspect})
	}
	t.Holders = make([][]int, l.cfg.Partitions.Count())
	ring := pl.Serving(l.cfg.Region)
	if ring.Len() == 0 {
		return t
	}
	for p := range t.Holders {
		for _, name := range ring.Holders(region.Partition(p)) {
			if i, ok := index[name]; ok {
				t.Holders[p] = append(t.Holders[p], i)
			}
		}
	}
	return t
}

// State implements resp.Transactor.
func (r redis) State(ctx context.Context, key string) (resp.KeyState, error) {
	reply := r.onOwner(ctx, r.n.cfg.Partitions.Of(key), "_STATE", key)
	if reply.Type == wire.TypeError {
		return resp.KeyState{}, reply.Err
	}
	if len(reply.List) != 2 {
		return resp.KeyState{}, errAnswer
	}
	return resp.KeyState{Digest: uint64(reply.List[0].Int), Bytes: int(reply.List[1].Int)}, nil
}

// errAnswer is the error of an answer of another kind.
var errAnswer = &wire.Error{Code: wire.CodeInternal, Text: "ERR a node has given an answer of another kind"}

// onOwner asks an internal command of the owner of a partition, or of the next
// holder when that does not answer; of this node when nobody else is left.
func (r redis) onOwner(ctx context.Context, p region.Partition, args ...string) wire.Reply {
	l, err := r.n.enter(ctx)
	if err != nil {
		return wire.Fail(err)
	}
	defer l.core.Exit()
	for attempt := 0; ctx.Err() == nil; attempt++ {
		to := l.core.Holder(p, attempt)
		if to == 0 {
			return l.runInternal(wire.Command{Args: args})
		}
		within, cancel := context.WithTimeout(ctx, answerTimeout)
		reply := l.askNode(within, to, args...)
		cancel()
		if !unreachable(reply) {
			return reply
		}
	}
	return wire.Fail(errTime)
}

// answerState says how a key stands here.
func (l *life) answerState(args []string) (wire.Reply, error) {
	if len(args) != 1 {
		return wire.Reply{}, errAnswer
	}
	s, err := l.core.Take(l.cfg.Partitions.Of(args[0]))
	if err != nil {
		return wire.Reply{}, err
	}
	if !s.IsReady() {
		return wire.Reply{}, errStarting
	}
	digest, size, err := s.KeyState(args[0])
	if err != nil {
		return wire.Reply{}, err
	}
	return wire.List(wire.Int(int64(digest)), wire.Int(int64(size))), nil
}

// eventsOf returns the names of Redis's notifications for a change.
func eventsOf(c core.Change) []string {
	var out []string
	add := func(name string) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if !c.Before && c.After {
		add("new")
	}
	switch {
	case c.Expired && !c.ByField:
		return []string{"expired"}
	case c.Expired && c.After:
		return []string{"hexpired"}
	case c.Expired:
		return []string{"hexpired", "del"}
	case c.Delta == nil:
		return nil // A repair brings what was told of elsewhere.
	}
	puts := false
	for i := range c.Delta.Effects {
		e := &c.Delta.Effects[i]
		if freshens(c.Delta.Effects[i:]) {
			continue
		}
		puts = puts || e.Op == crdt.EffectPut || e.Op == crdt.EffectFill
		if name := eventOf(e, puts); name != "" {
			add(name)
		}
	}
	if c.Before && !c.After {
		add("del")
	}
	return out
}

// freshens reports whether the first effect only makes the second, an increment of the
// same field, start from nothing.
func freshens(es []crdt.Effect) bool {
	return len(es) > 1 && es[0].Op == crdt.EffectRemove && es[1].Op == crdt.EffectAdd &&
		es[0].Kind == es[1].Kind && es[0].Field == es[1].Field
}

// eventOf returns the notification of one effect, empty when it has none of its
// own. puts says that the same write has put something: then an expiry that it
// takes away is no PERSIST.
func eventOf(e *crdt.Effect, puts bool) string {
	prefix := map[crdt.Kind]string{crdt.KindHash: "h", crdt.KindSet: "s", crdt.KindZSet: "z", crdt.KindList: "l", crdt.KindHLL: "pf"}[e.Kind]
	switch e.Op {
	case crdt.EffectFill:
		return "set"
	case crdt.EffectPut:
		return map[string]string{"": "set", "h": "hset", "s": "sadd", "z": "zadd", "l": "rpush", "pf": "pfadd"}[prefix]
	case crdt.EffectRemove:
		return map[string]string{"": "", "h": "hdel", "s": "srem", "z": "zrem", "l": "lrem"}[prefix]
	case crdt.EffectAdd:
		return map[string]string{"": "incrby", "h": "hincrby", "z": "zincr"}[prefix]
	case crdt.EffectExpire, crdt.EffectExpireField:
		if e.At != crdt.Never {
			return prefix + "expire"
		}
		if !puts {
			return prefix + "persist"
		}
	}
	return ""
}
