package clienttest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/atollcache/atoll/node/resp"
)

// goRedis are the kinds of go-redis client, each with what the nodes are told to be.
var goRedis = []struct {
	name string
	cfg  resp.Config
	open func(addrs []string) redis.UniversalClient
	far  bool // it goes on with another node
}{
	{"plain", resp.Config{}, func(addrs []string) redis.UniversalClient {
		return redis.NewClient(&redis.Options{Addr: addrs[0], ClientName: "go-redis"})
	}, false},
	{"RESP2", resp.Config{}, func(addrs []string) redis.UniversalClient {
		return redis.NewClient(&redis.Options{Addr: addrs[0], Protocol: 2})
	}, false},
	{"ring", resp.Config{}, func(addrs []string) redis.UniversalClient {
		return redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": addrs[0], "b": addrs[1]}, HeartbeatFrequency: 50 * time.Millisecond})
	}, true},
	{"cluster", resp.Config{ClusterMode: true}, func(addrs []string) redis.UniversalClient {
		return redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, ClusterStateReloadInterval: 200 * time.Millisecond, DialerRetries: 1})
	}, true},
	{"failover", resp.Config{SentinelMode: true}, func(addrs []string) redis.UniversalClient {
		return redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "any", SentinelAddrs: addrs, DialerRetries: 1})
	}, true},
}

// quiet keeps what go-redis says of nodes that the tests have stopped out of their
// output.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func TestMain(m *testing.M) {
	redis.SetLogger(quiet{})
	os.Exit(m.Run())
}

func TestGoRedis(t *testing.T) {
	t.Parallel()
	for _, kind := range goRedis {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			ns := startNodes(t, kind.cfg, 2)
			c := kind.open(ns.addrs)
			defer c.Close()
			for _, f := range goRedisFamilies {
				if f.needs == "" || slices.Contains(ns.has, f.needs) {
					t.Run(f.name, func(t *testing.T) { f.run(goRedisStep{t, c}) })
				}
			}
			if kind.name != "ring" { // Its two nodes are two places for messages.
				t.Run("messages", func(t *testing.T) { goRedisMessages(goRedisStep{t, c}) })
			}
			t.Run("reconnect", func(t *testing.T) { goRedisReconnect(goRedisStep{t, c}, ns, kind.far) })
		})
	}
}

// goRedisStep is a client that works through a family of commands.
type goRedisStep struct {
	*testing.T
	c redis.UniversalClient
}

// is checks a command's reply.
func (s goRedisStep) is(cmd redis.Cmder, want any) {
	s.Helper()
	have := reflect.ValueOf(cmd).MethodByName("Val").Call(nil)[0].Interface()
	if err := cmd.Err(); err != nil || fmt.Sprint(have) != fmt.Sprint(want) {
		s.Errorf("%v: want %v, have %v, %v", cmd.Args(), want, have, err)
	}
}

// fails checks that a command's reply is an error.
func (s goRedisStep) fails(cmd redis.Cmder, want string) {
	s.Helper()
	if err := cmd.Err(); err == nil || !strings.HasPrefix(err.Error(), want) {
		s.Errorf("%v: want %s, have %v", cmd.Args(), want, err)
	}
}

// goRedisFamilies are the families of commands. Keys with {t} are used together.
var goRedisFamilies = []struct {
	name, needs string
	run         func(goRedisStep)
}{
	{"connect", "", func(s goRedisStep) {
		s.is(s.c.Ping(s.Context()), "PONG")
		s.is(s.c.Echo(s.Context(), "hello"), "hello")
		s.is(s.c.FlushAll(s.Context()), "OK")
	}},
	{"strings", "", goRedisStrings}, {"keys", "", goRedisKeys}, {"hashes", "", goRedisHashes}, {"field expiry", "hexpire", goRedisFields},
	{"sets", "", goRedisSets}, {"sorted sets", "", goRedisSortedSets}, {"lists", "lpush", goRedisLists}, {"hyperloglog", "pfadd", goRedisLogs},
	{"transactions", "", goRedisTransactions}, {"pipelines", "", goRedisPipelines}, {"scan", "", goRedisScan},
}

func goRedisStrings(s goRedisStep) {
	ctx, c := s.Context(), s.c
	s.is(c.Set(ctx, "s", "one", time.Minute), "OK")
	s.fails(c.SetArgs(ctx, "s", "two", redis.SetArgs{Mode: "NX"}), redis.Nil.Error())
	s.is(c.SetArgs(ctx, "s", "two", redis.SetArgs{Mode: "XX", Get: true, KeepTTL: true}), "one")
	s.is(c.TTL(ctx, "s"), time.Minute)
	s.fails(c.Get(ctx, "none"), redis.Nil.Error())
	s.is(c.Append(ctx, "s", "!"), 4)
	s.is(c.SetRange(ctx, "s", 0, "T"), 4)
	s.is(c.GetRange(ctx, "s", 0, 2), "Two")
	s.is(c.StrLen(ctx, "s"), 4)
	s.is(c.GetSet(ctx, "s", "x"), "Two!")
	s.is(c.SetNX(ctx, "s", "y", 0), false)
	s.is(c.Incr(ctx, "n"), 1)
	s.is(c.IncrBy(ctx, "n", 41), 42)
	s.is(c.DecrBy(ctx, "n", 2), 40)
	s.is(c.IncrByFloat(ctx, "n", 0.5), 40.5)
	s.is(c.MSet(ctx, "{t}a", 1, "{t}b", 2), "OK")
	s.is(c.MGet(ctx, "{t}a", "{t}none", "{t}b"), []any{"1", nil, "2"})
	s.is(c.MSetNX(ctx, "{t}a", 3, "{t}c", 4), false)
	s.is(c.GetDel(ctx, "{t}a"), "1")
	s.is(c.GetEx(ctx, "{t}b", time.Minute), "2")
	s.is(c.SetBit(ctx, "bits", 7, 1), 0)
	s.is(c.GetBit(ctx, "bits", 7), 1)
	s.is(c.BitCount(ctx, "bits", nil), 1)
	s.fails(c.Incr(ctx, "s"), "ERR value is not an integer")
	s.fails(c.HGet(ctx, "s", "f"), "WRONGTYPE")
	s.fails(c.Eval(ctx, "return 1", []string{"s"}), "ERR unknown command")
}

func goRedisKeys(s goRedisStep) {
	ctx, c := s.Context(), s.c
	s.is(c.MSet(ctx, "{k}1", 1, "{k}2", 2), "OK")
	s.is(c.Exists(ctx, "{k}1", "{k}2", "{k}none"), 2)
	s.is(c.Type(ctx, "{k}1"), "string")
	s.is(c.Expire(ctx, "{k}1", time.Hour), true)
	s.is(c.ExpireGT(ctx, "{k}1", time.Minute), false)
	s.is(c.TTL(ctx, "{k}1"), time.Hour)
	s.is(c.Persist(ctx, "{k}1"), true)
	s.is(c.ExpireAt(ctx, "{k}1", time.Unix(4e9, 0)), true)
	s.is(c.ExpireTime(ctx, "{k}1"), 4e9*time.Second)
	s.is(c.Rename(ctx, "{k}1", "{k}3"), "OK")
	s.is(c.RenameNX(ctx, "{k}3", "{k}2"), false)
	s.is(c.Copy(ctx, "{k}2", "{k}4", 0, false), 1)
	s.is(c.Touch(ctx, "{k}2", "{k}3"), 2)
	s.is(c.ObjectEncoding(ctx, "{k}2"), "int")
	s.is(c.Unlink(ctx, "{k}2", "{k}3"), 2)
	s.is(c.Del(ctx, "{k}4"), 1)
}

func goRedisHashes(s goRedisStep) {
	ctx, c := s.Context(), s.c
	s.is(c.HSet(ctx, "h", "f", 1, "g", "x", "i", "y"), 3)
	s.is(c.HGetAll(ctx, "h"), map[string]string{"f": "1", "g": "x", "i": "y"})
	s.is(c.HMGet(ctx, "h", "f", "none"), []any{"1", nil})
	s.is(c.HIncrBy(ctx, "h", "f", 4), 5)
	s.is(c.HIncrByFloat(ctx, "h", "f", 0.5), 5.5)
	s.is(c.HSetNX(ctx, "h", "f", 1), false)
	s.is(c.HExists(ctx, "h", "g"), true)
	s.is(c.HDel(ctx, "h", "i"), 1)
	s.is(c.HKeys(ctx, "h"), []string{"f", "g"})
	s.is(c.HVals(ctx, "h"), []string{"5.5", "x"})
	s.is(c.HLen(ctx, "h"), 2)
	var into struct {
		F float64 `redis:"f"`
		G string  `redis:"g"`
	}
	if err := c.HGetAll(ctx, "h").Scan(&into); err != nil || into.F != 5.5 || into.G != "x" {
		s.Errorf("into a struct: have %+v, %v", into, err)
	}
}

func goRedisFields(s goRedisStep) {
	ctx, c := s.Context(), s.c
	s.is(c.HSet(ctx, "hx", "f", 1, "g", 2), 2)
	s.is(c.HExpire(ctx, "hx", time.Minute, "f", "none"), []int64{1, -2})
	s.is(c.HTTL(ctx, "hx", "f", "g"), []int64{60, -1})
	s.is(c.HPersist(ctx, "hx", "f"), []int64{1})
}

func goRedisSets(s goRedisStep) {
	ctx, c := s.Context(), s.c
	s.is(c.SAdd(ctx, "{s}1", "a", "b", "c"), 3)
	s.is(c.SRem(ctx, "{s}1", "c"), 1)
	s.is(c.SIsMember(ctx, "{s}1", "a"), true)
	s.is(c.SMIsMember(ctx, "{s}1", "a", "c"), []bool{true, false})
	s.is(c.SAdd(ctx, "{s}2", "b", "z"), 2)
	s.is(c.SUnion(ctx, "{s}1", "{s}2"), []string{"a", "b", "z"})
	s.is(c.SInter(ctx, "{s}1", "{s}2"), []string{"b"})
	s.is(c.SDiffStore(ctx, "{s}3", "{s}1", "{s}2"), 1)
	s.is(c.SMove(ctx, "{s}1", "{s}3", "b"), true)
	s.is(c.SMembers(ctx, "{s}3"), []string{"a", "b"})
	s.is(c.SPop(ctx, "{s}1"), "a")
	s.is(c.SCard(ctx, "{s}1"), 0)
}

func goRedisSortedSets(s goRedisStep) {
	ctx, c := s.Context(), s.c
	s.is(c.ZAdd(ctx, "{z}1", redis.Z{Score: 1, Member: "a"}, redis.Z{Score: 2.5, Member: "b"}, redis.Z{Score: 3, Member: "c"}), 3)
	s.is(c.ZRangeWithScores(ctx, "{z}1", 0, -1), "[{1 a} {2.5 b} {3 c}]")
	s.is(c.ZRangeByScore(ctx, "{z}1", &redis.ZRangeBy{Min: "(1", Max: "+inf", Count: 1}), []string{"b"})
	s.is(c.ZScore(ctx, "{z}1", "b"), 2.5)
	s.is(c.ZMScore(ctx, "{z}1", "a", "none"), []float64{1, 0})
	s.is(c.ZIncrBy(ctx, "{z}1", 1, "b"), 3.5)
	s.is(c.ZRank(ctx, "{z}1", "b"), 2)
	s.is(c.ZRevRank(ctx, "{z}1", "b"), 0)
	s.is(c.ZCount(ctx, "{z}1", "1", "3"), 2)
	s.is(c.ZAdd(ctx, "{z}2", redis.Z{Score: 10, Member: "a"}), 1)
	s.is(c.ZUnionStore(ctx, "{z}3", &redis.ZStore{Keys: []string{"{z}1", "{z}2"}, Weights: []float64{1, 2}}), 3)
	s.is(c.ZScore(ctx, "{z}3", "a"), 21)
	s.is(c.ZInterWithScores(ctx, &redis.ZStore{Keys: []string{"{z}1", "{z}2"}}), "[{11 a}]")
	s.is(c.ZPopMax(ctx, "{z}1"), "[{3.5 b}]")
	s.is(c.ZRemRangeByRank(ctx, "{z}1", 0, 0), 1)
	s.is(c.ZCard(ctx, "{z}1"), 1)
}

func goRedisLists(s goRedisStep) {
	ctx, c := s.Context(), s.c
	s.is(c.RPush(ctx, "l", "b", "c"), 2)
	s.is(c.LPush(ctx, "l", "a"), 3)
	s.is(c.LRange(ctx, "l", 0, -1), []string{"a", "b", "c"})
	s.is(c.LIndex(ctx, "l", -1), "c")
	s.is(c.LInsertBefore(ctx, "l", "b", "x"), 4)
	s.is(c.LSet(ctx, "l", 0, "A"), "OK")
	s.is(c.LRem(ctx, "l", 0, "x"), 1)
	s.is(c.LTrim(ctx, "l", 0, 1), "OK")
	s.is(c.LPop(ctx, "l"), "A")
	s.is(c.RPop(ctx, "l"), "b")
	s.is(c.LLen(ctx, "l"), 0)
}

func goRedisLogs(s goRedisStep) {
	ctx, c := s.Context(), s.c
	s.is(c.PFAdd(ctx, "{p}1", "a", "b", "c"), 1)
	s.is(c.PFAdd(ctx, "{p}2", "c", "d"), 1)
	s.is(c.PFMerge(ctx, "{p}3", "{p}1", "{p}2"), "OK")
	s.is(c.PFCount(ctx, "{p}3"), 4)
}

func goRedisTransactions(s goRedisStep) {
	ctx, c := s.Context(), s.c
	cmds, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "{x}1", 1, 0)
		p.Incr(ctx, "{x}1")
		p.Get(ctx, "{x}1")
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	s.is(cmds[2], "2")
	err = c.Watch(ctx, func(tx *redis.Tx) error {
		if err := c.Set(ctx, "{x}1", "changed", 0).Err(); err != nil {
			return err
		}
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Set(ctx, "{x}1", "mine", 0); return nil })
		return err
	}, "{x}1")
	if !errors.Is(err, redis.TxFailedErr) {
		s.Errorf("a watched key has changed: want %v, have %v", redis.TxFailedErr, err)
	}
	s.is(c.Get(ctx, "{x}1"), "changed")
}

func goRedisPipelines(s goRedisStep) {
	cmds, err := s.c.Pipelined(s.Context(), func(p redis.Pipeliner) error {
		for i := range 500 {
			p.Incr(s.Context(), fmt.Sprint("sum:", i%7))
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	for i, cmd := range cmds {
		s.is(cmd, i/7+1)
	}
}

func goRedisScan(s goRedisStep) {
	ctx := s.Context()
	for i := range 100 {
		s.is(s.c.Set(ctx, fmt.Sprint("scan:", i), 1, 0), "OK")
		s.is(s.c.HSet(ctx, "big", fmt.Sprint("f", i), 1), 1)
	}
	until(s, "SCAN, which may be a moment behind, lists all keys", func() error {
		keys := map[string]bool{}
		for it := s.c.Scan(ctx, 0, "scan:*", 20).Iterator(); it.Next(ctx); {
			keys[it.Val()] = true
		}
		if len(keys) != 100 {
			return fmt.Errorf("want 100 keys, have %d", len(keys))
		}
		return nil
	})
	fields := map[string]bool{}
	for it := s.c.HScan(ctx, "big", 0, "f*", 20).Iterator(); it.Next(ctx); {
		fields[it.Val()] = true
	}
	if len(fields) != 101 { // The values, all 1, come with the fields.
		s.Errorf("want 100 fields, have %d", len(fields)-1)
	}
}

func goRedisMessages(s goRedisStep) {
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	defer cancel()
	sub := s.c.Subscribe(ctx, "news")
	defer sub.Close()
	pattern := s.c.PSubscribe(ctx, "n*")
	defer pattern.Close()
	for _, p := range []*redis.PubSub{sub, pattern} {
		if _, err := p.Receive(ctx); err != nil {
			s.Fatal(err)
		}
	}
	until(s, "a message comes to both", func() error {
		if err := s.c.Publish(ctx, "news", "hello").Err(); err != nil {
			return err
		}
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		for _, p := range []*redis.PubSub{sub, pattern} {
			if m, err := p.ReceiveMessage(short); err != nil || m.Channel != "news" || m.Payload != "hello" {
				return fmt.Errorf("have %v, %w", m, err)
			}
		}
		return nil
	})
}

// goRedisReconnect stops a node: the client goes on with the other, or with the same
// when that is there again.
func goRedisReconnect(s goRedisStep, ns *nodes, far bool) {
	ctx := s.Context()
	key := func(i int) string { return fmt.Sprint("kept:", i) }
	for i := range 20 {
		s.is(s.c.Set(ctx, key(i), i, 0), "OK")
	}
	ns.halt(0)
	if !far {
		if err := s.c.Get(ctx, key(0)).Err(); err == nil {
			s.Error("its only node is stopped and it answers")
		}
		if err := ns.start(0); err != nil {
			s.Fatal(err)
		}
	}
	for i := range 20 {
		until(s, key(i)+" can be read", func() error {
			if have, err := s.c.Get(ctx, key(i)).Int(); err != nil || have != i {
				return fmt.Errorf("have %d, %w", have, err)
			}
			return nil
		})
	}
	s.is(s.c.Set(ctx, key(0), "again", 0), "OK")
}
