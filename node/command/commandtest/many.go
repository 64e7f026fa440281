package commandtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// manyKeys checks commands on keys of many partitions, in a session and outside.
func (s *suite) manyKeys() {
	for what, ctx := range map[string]context.Context{"session": s.ctx, "no session": s.plain} {
		const n = 400
		pairs := make([]command.Pair, n)
		keys, want := make([]string, n), make([]command.Value, n)
		for i := range pairs {
			pairs[i] = command.Pair{Key: s.key(fmt.Sprint(what, i)), Value: fmt.Sprint(i)}
			keys[i], want[i] = pairs[i].Key, command.Value{Text: pairs[i].Value, OK: true}
		}
		if err := s.api.MSet(ctx, pairs...); err != nil {
			s.Errorf("%s: MSET of %d keys: %v", what, n, err)
		}
		keys, want = append(keys, s.key("none"), keys[0]), append(want, command.Value{}, want[0])
		s.eventually(what+": MGET shows all, in order", func() bool {
			have, err := s.api.MGet(ctx, keys...)
			return err == nil && slices.Equal(have, want)
		})
		s.eventually(what+": EXISTS counts all, one twice", func() bool {
			have, err := s.api.Exists(ctx, keys...)
			return have == n+1 && err == nil
		})
		equal(s, what+": DEL of half", n/2)(s.api.Del(ctx, keys[:n/2]...))
		equal(s, what+": DEL of all", n-n/2)(s.api.Del(ctx, keys...))
		s.eventually(what+": EXISTS shows none", func() bool {
			have, err := s.api.Exists(ctx, keys...)
			return have == 0 && err == nil
		})
	}
	if err := s.api.MSet(s.ctx); err != nil {
		s.Errorf("MSET of nothing: %v", err)
	}
	equal(s, "MGET of nothing", []command.Value(nil))(s.api.MGet(s.ctx))
	tagged := s.key("{tag}")
	if err := s.api.MSet(s.ctx, command.Pair{Key: tagged, Value: "1"}, command.Pair{Key: tagged, Value: "2"}); err != nil {
		s.Errorf("MSET of one key twice: %v", err)
	}
	s.shows("GET after MSET of one key twice", "2")(s.api.Get(s.ctx, tagged))
}

func (s *suite) batch() {
	k, h, z, w := s.key("k"), s.key("h"), s.key("z"), s.key("w")
	b := command.NewBatch()
	before := b.Get(k)
	set := b.Set(k, "1", command.TTL(time.Hour))
	sum := b.Incr(k, 41)
	got := b.Get(k)
	ttl := b.TTL(k)
	fields := b.HSet(h, command.Field{Name: "f", Value: "v"})
	wrong := b.SAdd(h, "m")
	all := b.HGetAll(h)
	ranked := b.ZAdd(z, command.Member{Score: 1, Name: "a"})
	members := b.ZRange(z, command.ZRangeOptions{Stop: -1})
	refused := b.Set(k, "x", command.IfAbsent(), command.IfPresent())
	nothing := b.Del()
	kind := b.Type(z)
	removed := b.Del(k, h)
	after := b.MGet(k, w)
	if _, err := got.Result(); err != command.ErrNotRun {
		s.Errorf("a future before its batch is run: want %v, have %v", command.ErrNotRun, err)
	}
	if err := s.api.Run(s.ctx, b); err == nil {
		s.Errorf("a batch with a command that fails: want its error, have none")
	}
	equal(s, "GET before", command.Value{})(before.Result())
	equal(s, "SET", true)(set.Result())
	equal(s, "INCRBY", int64(42))(sum.Result())
	equal(s, "GET", command.Value{Text: "42", OK: true})(got.Result())
	if x, err := ttl.Result(); err != nil || x.State != command.StateExpires || x.TTL > time.Hour {
		s.Errorf("PTTL: have %+v, %v", x, err)
	}
	equal(s, "HSET", 1)(fields.Result())
	s.fails("SADD on a hash", wire.ErrWrongType, wrong.Err())
	equal(s, "HGETALL", map[string]string{"f": "v"})(all.Result())
	equal(s, "ZADD", 1)(ranked.Result())
	equal(s, "ZRANGE", []command.Member{{Score: 1, Name: "a"}})(members.Result())
	s.fails("SET NX XX", command.ErrSyntax, refused.Err())
	equal(s, "DEL of nothing", 0)(nothing.Result())
	equal(s, "TYPE", "zset")(kind.Result())
	equal(s, "DEL", 2)(removed.Result())
	equal(s, "MGET after", []command.Value{{}, {}})(after.Result())
	s.batchOfRest(b)
	s.largeBatch(b)
}

// batchOfRest runs the methods of a batch that are left.
func (s *suite) batchOfRest(b *command.Batch) {
	k, h, set, z := s.key("rest"), s.key("rest-h"), s.key("rest-s"), s.key("rest-z")
	b.MSet(command.Pair{Key: k, Value: "1"})
	float := b.IncrFloat(k, 0.5)
	expire, expireAt := b.Expire(k, time.Hour), b.ExpireAt(k, time.Now().Add(time.Hour))
	persist, exists := b.Persist(k), b.Exists(k, k)
	invalidated := b.Invalidate(k, s.key("rest-none"))
	hincr, hfloat := b.HIncr(h, "n", 2), b.HIncrFloat(h, "n", 0.5)
	hget, hmget := b.HGet(h, "n"), b.HMGet(h, "x", "n")
	hlen, hexists, hdel := b.HLen(h), b.HExists(h, "n"), b.HDel(h, "n")
	sadd, srem := b.SAdd(set, "a", "b"), b.SRem(set, "b")
	smembers, sismember, scard := b.SMembers(set), b.SIsMember(set, "a"), b.SCard(set)
	zincr, zscore, zcard, zrem := b.ZIncr(z, "m", 2), b.ZScore(z, "m"), b.ZCard(z), b.ZRem(z, "m")
	if err := s.api.Run(s.ctx, b); err != nil || b.Len() != 0 {
		s.Errorf("a batch: have %v, %d commands left", err, b.Len())
	}
	equal(s, "INCRBYFLOAT", 1.5)(float.Result())
	equal(s, "PEXPIRE", true)(expire.Result())
	equal(s, "PEXPIREAT", true)(expireAt.Result())
	equal(s, "PERSIST", true)(persist.Result())
	equal(s, "EXISTS", 2)(exists.Result())
	equal(s, "INVALIDATE", 1)(invalidated.Result())
	equal(s, "HINCRBY", int64(2))(hincr.Result())
	equal(s, "HINCRBYFLOAT", 2.5)(hfloat.Result())
	equal(s, "HGET", command.Value{Text: "2.5", OK: true})(hget.Result())
	equal(s, "HMGET", []command.Value{{}, {Text: "2.5", OK: true}})(hmget.Result())
	equal(s, "HLEN", 1)(hlen.Result())
	equal(s, "HEXISTS", true)(hexists.Result())
	equal(s, "HDEL", 1)(hdel.Result())
	equal(s, "SADD", 2)(sadd.Result())
	equal(s, "SREM", 1)(srem.Result())
	equal(s, "SMEMBERS", []string{"a"})(smembers.Result())
	equal(s, "SISMEMBER", true)(sismember.Result())
	equal(s, "SCARD", 1)(scard.Result())
	equal(s, "ZINCRBY", 2.0)(zincr.Result())
	equal(s, "ZSCORE", command.Score{Score: 2, OK: true})(zscore.Result())
	equal(s, "ZCARD", 1)(zcard.Result())
	equal(s, "ZREM", 1)(zrem.Result())
}

// largeBatch checks that replies come in the order of their commands.
func (s *suite) largeBatch(b *command.Batch) {
	const n = 1000
	sums := make([]*command.Future[int64], n)
	for i := range sums {
		sums[i] = b.Incr(s.key(fmt.Sprint("n", i%100)), int64(i%100))
	}
	if err := s.api.Run(s.plain, b); err != nil {
		s.Errorf("a batch of %d: %v", n, err)
	}
	for i, f := range sums {
		equal(s, fmt.Sprintf("INCRBY %d of a batch", i), int64(i/100+1)*int64(i%100))(f.Result())
	}
	if err := s.api.Run(s.ctx, b); err != nil {
		s.Errorf("an empty batch: %v", err)
	}
}

// scanned returns the keys that a scan yields.
func (s *suite) scanned(o command.ScanOptions) map[string]int {
	s.Helper()
	keys := map[string]int{}
	for key, err := range s.api.Scan(s.ctx, o) {
		if err != nil {
			s.Fatalf("SCAN %+v: %v", o, err)
		}
		keys[key]++
	}
	return keys
}

// globPrefix returns a pattern for the keys that begin with prefix.
func globPrefix(prefix string) string {
	return strings.NewReplacer("[", `\[`, "*", `\*`).Replace(prefix) + "*"
}

func (s *suite) scan() {
	want := map[string]int{}
	for i := range 50 {
		k := s.key(fmt.Sprintf("key %02d", i))
		want[k] = 1
		equal(s, "SET", true)(s.api.Set(s.ctx, k, "v"))
	}
	equal(s, "DEL", 1)(s.api.Del(s.ctx, s.key("key 07")))
	delete(want, s.key("key 07"))
	equal(s, "SADD", 1)(s.api.SAdd(s.ctx, s.key("a set"), "m"))
	want[s.key("a set")] = 1
	expires := s.key("expires")
	equal(s, "SET with a TTL", true)(s.api.Set(s.ctx, expires, "v", command.TTL(20*time.Millisecond)))
	s.eventually("the key expires", func() bool {
		n, err := s.api.Exists(s.ctx, expires)
		return n == 0 && err == nil
	})
	match := globPrefix(s.key(""))
	for _, count := range []int{0, 1, 7, 1000} {
		s.eventually("SCAN shows every key once", func() bool {
			return maps.Equal(s.scanned(command.ScanOptions{Match: match, Count: count}), want)
		})
	}
	only := map[string]int{s.key("a set"): 1}
	s.eventually("SCAN shows every set", func() bool {
		return maps.Equal(s.scanned(command.ScanOptions{Match: match, Type: "set"}), only)
	})
	s.eventually("SCAN matches the whole key", func() bool {
		return len(s.scanned(command.ScanOptions{Match: globPrefix(s.key("key 1"))})) == 10
	})
	for range s.api.Scan(s.ctx, command.ScanOptions{Count: 1}) {
		break // leaves nothing open
	}
	for key, err := range s.api.Scan(s.ctx, command.ScanOptions{Type: "blob"}) {
		if key != "" || err == nil {
			s.Errorf("SCAN for an unknown type: want an error, have %q, %v", key, err)
		}
	}
}

// scanAmidWrites checks that keys that stay are all found while others come and
// go.
func (s *suite) scanAmidWrites() {
	var want []string
	for i := range 300 {
		want = append(want, s.key(fmt.Sprint("stays", i)))
	}
	b := command.NewBatch()
	for _, k := range want {
		b.Set(k, "v")
	}
	if err := s.api.Run(s.ctx, b); err != nil {
		s.Fatalf("SET: %v", err)
	}
	match := globPrefix(s.key(""))
	s.eventually("SCAN shows every key", func() bool {
		return len(s.scanned(command.ScanOptions{Match: match, Count: 100})) == len(want)
	})
	ctx, stop := context.WithCancel(s.plain)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			k := s.key(fmt.Sprint("comes and goes", i%300))
			_, err := s.api.Set(s.plain, k, "v")
			if err == nil && i%2 == 0 {
				_, err = s.api.Del(s.plain, s.key(fmt.Sprint("comes and goes", (i+150)%300)))
			}
			if err != nil {
				s.Errorf("write during a scan: %v", err)
				return
			}
		}
	})
	for range 3 {
		have := s.scanned(command.ScanOptions{Match: match, Count: 20})
		for _, k := range want {
			if have[k] == 0 {
				s.Errorf("SCAN while keys are added: %q is missing", k)
			}
		}
	}
	stop()
	wg.Wait()
}

// cluster checks that the commands that look at the cluster agree with each
// other.
func (s *suite) cluster() {
	k := s.key("k")
	equal(s, "SET", true)(s.api.Set(s.ctx, k, "v"))
	ins, err := s.api.Inspect(s.ctx, k)
	if err != nil || ins.Key != k || ins.Kind != "string" || ins.Value != "v" || ins.Slot != int(region.SlotOf(k)) || len(ins.Cells) != 1 {
		s.Errorf("INSPECT: have %+v, %v", ins, err)
	}
	ins, err = s.api.Inspect(s.ctx, s.key("none"))
	if err != nil || ins.Kind != "none" || len(ins.Cells) != 0 {
		s.Errorf("INSPECT of no key: have %+v, %v", ins, err)
	}
	s.ring(k)
	regions, err := s.api.Regions(s.ctx)
	here := 0
	for _, r := range regions {
		if r.Here {
			here++
		}
	}
	if err != nil || here != 1 {
		s.Errorf("REGIONS: want one that is here, have %+v, %v", regions, err)
	}
	if nodes, err := s.api.Nodes(s.ctx); err != nil || len(nodes) == 0 {
		s.Errorf("NODES: have %+v, %v", nodes, err)
	}
	if _, err := s.api.Link(s.ctx, command.LinkList, "", ""); err != nil {
		s.Errorf("LINK LIST: %v", err)
	}
	_, err = s.api.Link(s.ctx, "CUT", "", "")
	s.fails("LINK CUT", command.ErrSyntax, err)
	s.eventually("VERIFY says equal", func() bool {
		v, err := s.api.Verify(s.ctx, 0)
		if err != nil {
			s.Fatalf("VERIFY: %v", err)
		}
		return v.Equal && v.Complete
	})
}

func (s *suite) ring(k string) {
	ring, err := s.api.Ring(s.ctx)
	owned := 0
	names := map[string]bool{}
	for _, n := range ring.Nodes {
		owned += n.Owns
		names[n.Name] = true
	}
	if err != nil || ring.Key != nil || owned != ring.Partitions || owned == 0 {
		s.Errorf("RING: want every partition owned once and no key, have %+v, %v", ring, err)
	}
	ring, err = s.api.Ring(s.ctx, k)
	if err != nil || ring.Key == nil || ring.Key.Key != k || ring.Key.Slot != int(region.SlotOf(k)) || !names[ring.Key.Owner] {
		s.Errorf("RING with a key: have %+v, %v", ring, err)
	}
	_, err = s.api.Ring(s.ctx, k, k)
	s.fails("RING with two keys", wire.ErrBadRequest, err)
	members, err := s.api.Members(s.ctx)
	known := map[string]bool{}
	for _, m := range members {
		if m.Region == ring.Region {
			known[m.Name] = true
		}
	}
	for name := range names {
		if !known[name] {
			s.Errorf("MEMBERS: node %s of the ring is missing in %+v, %v", name, members, err)
		}
	}
}
