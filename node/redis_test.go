package node_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/resp"
)

// redisCluster is a cluster whose nodes serve Redis clients.
type redisCluster struct {
	*cluster
	mu    sync.Mutex
	addrs map[string]string // by node
}

func startRedis(t testing.TB, cfg resp.Config, perRegion int, regions ...string) *redisCluster {
	t.Helper()
	rc := &redisCluster{addrs: map[string]string{}}
	rc.cluster = newCluster(t, func(c *node.Config) {
		suspectSoon(c)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		c.Redis = node.RedisConfig{Listener: ln, Server: cfg}
		rc.mu.Lock()
		defer rc.mu.Unlock()
		rc.addrs[c.Name] = ln.Addr().String()
	})
	rc.startAll(perRegion, regions...)
	return rc
}

// client returns a go-redis client of one node.
func (rc *redisCluster) client(name string) *redis.Client {
	rc.t.Helper()
	c := redis.NewClient(&redis.Options{Addr: rc.addrs[name], ReadTimeout: 20 * time.Second, PoolSize: 4})
	rc.t.Cleanup(func() { c.Close() })
	return c
}

func TestRedisClientThroughAnyNode(t *testing.T) {
	t.Parallel()
	rc := startRedis(t, resp.Config{}, 3, "eu")
	ctx := t.Context()
	one, two := rc.client("eu-1"), rc.client("eu-2")
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for i := range 60 {
		key := fmt.Sprintf("key:%d", i)
		check("SET", one.Set(ctx, key, i, time.Minute).Err())
		if have, err := two.Get(ctx, key).Int(); err != nil || have != i {
			t.Fatalf("%s through another node: want %d, have %d, %v", key, i, have, err)
		}
	}
	if err := two.Get(ctx, "nope").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("GET of nothing: want redis.Nil, have %v", err)
	}
	check("HSET", one.HSet(ctx, "h", map[string]any{"a": 1, "b": "x"}).Err())
	if have, err := two.HGetAll(ctx, "h").Result(); err != nil || fmt.Sprint(have) != "map[a:1 b:x]" {
		t.Errorf("HGETALL: have %v, %v", have, err)
	}
	check("ZADD", one.ZAdd(ctx, "z", redis.Z{Score: 1.5, Member: "m"}, redis.Z{Score: 2, Member: "n"}).Err())
	if have, err := two.ZRangeWithScores(ctx, "z", 0, -1).Result(); err != nil || fmt.Sprint(have) != "[{1.5 m} {2 n}]" {
		t.Errorf("ZRANGE: have %v, %v", have, err)
	}
	// A pipeline keeps its order, whoever owns the keys.
	cmds, err := two.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 200 {
			p.IncrBy(ctx, fmt.Sprintf("n:%d", i%20), 1)
			p.Get(ctx, fmt.Sprintf("n:%d", i%20))
		}
		return nil
	})
	check("pipeline", err)
	for i := 0; i < len(cmds); i += 2 {
		want := int64(i/2/20 + 1)
		if have := cmds[i].(*redis.IntCmd).Val(); have != want {
			t.Errorf("command %d: want %d, have %d", i, want, have)
		}
		if have := cmds[i+1].(*redis.StringCmd).Val(); have != fmt.Sprint(want) {
			t.Errorf("command %d: want %d, have %s", i+1, want, have)
		}
	}
	// Commands on all keys have their place in it as well.
	for range 5 {
		cmds, err := one.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range 40 {
				p.Set(ctx, fmt.Sprintf("gone:%d", i), i, 0)
			}
			p.DBSize(ctx)
			p.Del(ctx, "gone:1", "gone:2")
			p.DBSize(ctx)
			p.Set(ctx, "gone:1", 1, 0)
			return nil
		})
		check("pipeline", err)
		before, after := cmds[40].(*redis.IntCmd).Val(), cmds[42].(*redis.IntCmd).Val()
		if before != 60+20+2+40 || after != before-2 {
			t.Errorf("DBSIZE after 40 SETs: want 122, have %d; after a DEL of two: have %d", before, after)
		}
	}
	keys, it := 0, two.Scan(ctx, 0, "key:*", 10).Iterator()
	for it.Next(ctx) {
		keys++
	}
	if err := it.Err(); err != nil || keys != 60 {
		t.Errorf("SCAN: want 60 keys, have %d, %v", keys, err)
	}
}

func TestRedisTransactions(t *testing.T) {
	t.Parallel()
	rc := startRedis(t, resp.Config{}, 3, "eu")
	ctx := t.Context()
	one, two := rc.client("eu-1"), rc.client("eu-3")
	// Keys of several partitions.
	if _, err := one.TxPipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 20 {
			p.Set(ctx, fmt.Sprintf("tx:%d", i), i, 0)
		}
		p.MGet(ctx, "tx:3", "tx:17", "tx:5")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if have, err := two.MGet(ctx, "tx:0", "tx:19").Result(); err != nil || fmt.Sprint(have) != "[0 19]" {
		t.Errorf("after a transaction: have %v, %v", have, err)
	}
	// Ten counters that read and write: each addition counts once.
	var wg sync.WaitGroup
	for i := range 10 {
		c := []*redis.Client{one, two}[i%2]
		wg.Go(func() {
			for range 10 {
				for {
					err := c.Watch(ctx, func(tx *redis.Tx) error {
						n, err := tx.Get(ctx, "sum").Int()
						if err != nil && !errors.Is(err, redis.Nil) {
							return err
						}
						_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Set(ctx, "sum", n+1, 0); return nil })
						return err
					}, "sum")
					if err == nil {
						break
					}
					if !errors.Is(err, redis.TxFailedErr) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if have, err := one.Get(ctx, "sum").Int(); err != nil || have != 100 {
		t.Errorf("100 additions under WATCH: have %d, %v", have, err)
	}
}

// A watched key counts wherever it is: beside what the transaction writes, in another
// partition, and when there is nothing to run.
func TestRedisWatchesAnywhere(t *testing.T) {
	t.Parallel()
	rc := startRedis(t, resp.Config{}, 2, "eu")
	ctx := t.Context()
	one, other := rc.client("eu-1"), rc.client("eu-2")
	for i := range 20 {
		watched := fmt.Sprintf("watched:%d", i)
		for _, writes := range [][]string{nil, {"written"}, {watched}, {"written", watched}} {
			for _, changed := range []bool{false, true} {
				err := one.Watch(ctx, func(tx *redis.Tx) error {
					if changed {
						if err := other.Incr(ctx, watched).Err(); err != nil {
							return err
						}
					}
					if err := tx.Do(ctx, "MULTI").Err(); err != nil {
						return err
					}
					for _, key := range writes {
						if err := tx.Do(ctx, "INCR", key).Err(); err != nil {
							return err
						}
					}
					return tx.Do(ctx, "EXEC").Err()
				}, watched)
				if want := map[bool]error{true: redis.Nil}[changed]; !errors.Is(err, want) {
					t.Errorf("%s, writes to %q, changed %t: want %v, have %v", watched, writes, changed, want, err)
				}
			}
		}
	}
}

func TestRedisMessagesCrossRegions(t *testing.T) {
	t.Parallel()
	rc := startRedis(t, resp.Config{}, 1, "eu", "us")
	ctx := t.Context()
	eu, us := rc.client("eu-1"), rc.client("us-1")
	long := strings.Repeat("a channel with a long name.", 100)
	sub := eu.Subscribe(ctx, "news", long)
	defer sub.Close()
	pattern := eu.PSubscribe(ctx, "new*")
	defer pattern.Close()
	for _, s := range []*redis.PubSub{sub, sub, pattern} {
		if _, err := s.Receive(ctx); err != nil {
			t.Fatal(err)
		}
	}
	rc.until("interest has reached the other region", func() error {
		us.Publish(ctx, "new", "ready?")
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := pattern.ReceiveMessage(short)
		return err
	})
	// Through one's own node a message comes once.
	for i := range 3 {
		if n, err := eu.Publish(ctx, "news", i).Result(); err != nil || n != 2 {
			t.Errorf("PUBLISH: want 2 clients, have %d, %v", n, err)
		}
		if have, err := sub.ReceiveMessage(ctx); err != nil || have.Payload != fmt.Sprint(i) {
			t.Errorf("message %d: have %v, %v", i, have, err)
		}
	}
	for _, m := range []struct{ channel, text string }{{"news", "hello\x00\xff"}, {long, "x"}} {
		if err := us.Publish(ctx, m.channel, m.text).Err(); err != nil {
			t.Fatal(err)
		}
		if have, err := sub.ReceiveMessage(ctx); err != nil || have.Channel != m.channel || have.Payload != m.text {
			t.Errorf("channel %.20s: have %v, %v", m.channel, have, err)
		}
	}
	// Any NATS client takes part.
	nc, err := rc.server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.Publish("atoll.test.pub.news", []byte("from NATS")); err != nil {
		t.Fatal(err)
	}
	if have, err := sub.ReceiveMessage(ctx); err != nil || have.Payload != "from NATS" {
		t.Errorf("from a NATS client: have %v, %v", have, err)
	}
	if n, err := us.Publish(ctx, "news", strings.Repeat("x", 2<<20)).Result(); err == nil {
		t.Errorf("a message above NATS's limit: want an error, have %d", n)
	}
}

// A client that keeps what it has read is told when another region writes it.
func TestRedisTrackingAcrossRegions(t *testing.T) {
	t.Parallel()
	rc := startRedis(t, resp.Config{}, 3, "eu", "us")
	ctx := t.Context()
	near, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{rc.addrs["eu-2"]}})
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	us := rc.client("us-1")
	for i := range 20 {
		key := fmt.Sprintf("cached:%d", i)
		if err := us.Set(ctx, key, "old", 0).Err(); err != nil {
			t.Fatal(err)
		}
		get := func() (rueidis.RedisResult, string) {
			r := near.DoCache(ctx, near.B().Get().Key(key).Cache(), time.Minute)
			s, _ := r.ToString()
			return r, s
		}
		rc.until("the write has arrived", func() error {
			if r, s := get(); s != "old" {
				return fmt.Errorf("have %q, %v", s, r.Error())
			}
			return nil
		})
		if r, _ := get(); !r.IsCacheHit() && i > 0 {
			t.Logf("%s was told of twice", key)
		}
		if err := us.Set(ctx, key, "new", 0).Err(); err != nil {
			t.Fatal(err)
		}
		rc.until("the client drops what it keeps", func() error {
			if _, s := get(); s != "new" {
				return fmt.Errorf("have %q", s)
			}
			return nil
		})
	}
}

func TestRedisNotifications(t *testing.T) {
	t.Parallel()
	rc := startRedis(t, resp.Config{}, 2, "eu", "us")
	ctx := t.Context()
	eu, us := rc.client("eu-1"), rc.client("us-1")
	if err := eu.ConfigSet(ctx, "notify-keyspace-events", "EA").Err(); err != nil {
		t.Fatal(err)
	}
	sub := eu.PSubscribe(ctx, "__keyevent@0__:*")
	defer sub.Close()
	if _, err := sub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	want := func(events ...string) {
		t.Helper()
		for _, w := range events {
			m, err := sub.ReceiveMessage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if have := strings.TrimPrefix(m.Channel, "__keyevent@0__:") + " " + m.Payload; have != w {
				t.Errorf("want %s, have %s", w, have)
			}
		}
	}
	for i := range 6 { // Some are of the other node.
		key := fmt.Sprintf("k%d", i)
		eu.Set(ctx, key, 1, 0)
		eu.PExpire(ctx, key, time.Hour)
		eu.Persist(ctx, key)
		eu.IncrBy(ctx, key, 1)
		eu.Del(ctx, key)
		want("set "+key, "expire "+key, "persist "+key, "incrby "+key, "del "+key)
	}
	eu.SAdd(ctx, "s", "m")
	eu.SRem(ctx, "s", "m")
	want("sadd s", "srem s", "del s")
	eu.Set(ctx, "short", 1, 20*time.Millisecond)
	want("set short", "expire short", "expired short")
	us.HSet(ctx, "far", "f", 1)
	want("hset far")
	eu.HSet(ctx, "h", "f", 1)
	eu.HExpire(ctx, "h", time.Hour, "f")
	eu.HPersist(ctx, "h", "f")
	eu.HIncrBy(ctx, "h", "n", 1)
	eu.HPExpire(ctx, "h", 20*time.Millisecond, "n")
	want("hset h", "hexpire h", "hpersist h", "hincrby h", "hexpire h", "hexpired h")
	eu.HPExpire(ctx, "h", 20*time.Millisecond, "f")
	want("hexpire h", "hexpired h", "del h")
	eu.Do(ctx, "HSETEX", "h", "EX", "10", "FIELDS", "1", "f", "v")
	eu.Do(ctx, "HGETDEL", "h", "FIELDS", "1", "f")
	want("hset h", "hexpire h", "hdel h", "del h")
}

func TestRedisWait(t *testing.T) {
	t.Parallel()
	rc := startRedis(t, resp.Config{}, 2, "eu", "us", "ap")
	ctx := t.Context()
	conn := rc.client("eu-1").Conn()
	defer conn.Close()
	if err := conn.MSet(ctx, "a", 1, "b", 2, "c", 3).Err(); err != nil {
		t.Fatal(err)
	}
	if err := conn.Set(ctx, "d", 1, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Wait(ctx, 2, 15*time.Second).Result(); err != nil || n != 2 {
		t.Errorf("WAIT 2: have %d, %v", n, err)
	}
	if have, err := rc.client("ap-2").MGet(ctx, "a", "b", "c", "d").Result(); err != nil || fmt.Sprint(have) != "[1 2 3 1]" {
		t.Errorf("after WAIT: have %v, %v", have, err)
	}
	if _, err := rc.nodes["eu-1"].Link(ctx, "PAUSE", "", "us"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Set(ctx, "d", 2, 0).Err(); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Wait(ctx, 2, 4*time.Second).Result(); err != nil || n != 1 {
		t.Errorf("WAIT 2 while a region takes nothing: want 1, have %d, %v", n, err)
	}
}

// Clients of a Redis Cluster find the owners, and go on when a node has stopped.
func TestRedisClusterClients(t *testing.T) {
	t.Parallel()
	rc := startRedis(t, resp.Config{ClusterMode: true}, 3, "eu")
	ctx := t.Context()
	addrs := []string{rc.addrs["eu-1"], rc.addrs["eu-2"], rc.addrs["eu-3"]}
	goredis := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, DialerRetries: 1, ClusterStateReloadInterval: 200 * time.Millisecond})
	defer goredis.Close()
	rue, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: addrs, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	defer rue.Close()
	for i := range 50 {
		key := fmt.Sprintf("ck%d", i)
		if err := goredis.Set(ctx, key, i, 0).Err(); err != nil {
			t.Fatal(err)
		}
		if have, err := rue.Do(ctx, rue.B().Get().Key(key).Build()).AsInt64(); err != nil || have != int64(i) {
			t.Fatalf("%s: have %d, %v", key, have, err)
		}
	}
	slots, err := goredis.ClusterSlots(ctx).Result()
	if err != nil {
		t.Fatal(err)
	}
	covered := 0
	for _, s := range slots {
		covered += s.End - s.Start + 1
	}
	if covered != 16384 {
		t.Errorf("CLUSTER SLOTS: want 16384, have %d: %v", covered, slots)
	}
	rc.nodes["eu-2"].stop()
	rc.drop("eu-2")
	for i := range 50 {
		key := fmt.Sprintf("ck%d", i)
		rc.until("the keys are there without the node", func() error {
			if have, err := goredis.Get(ctx, key).Int(); err != nil || have != i {
				return fmt.Errorf("go-redis: %s: have %d, %w", key, have, err)
			}
			have, err := rue.Do(ctx, rue.B().Get().Key(key).Build()).AsInt64()
			if err != nil || have != int64(i) {
				return fmt.Errorf("rueidis: %s: have %d, %w", key, have, err)
			}
			return nil
		})
	}
}

// Health checks answer from what has really arrived.
func TestRedisAvailability(t *testing.T) {
	t.Parallel()
	rc := startRedis(t, resp.Config{}, 1, "eu", "us")
	ctx := t.Context()
	eu := httptest.NewServer(rc.nodes["eu-1"].Availability())
	defer eu.Close()
	ask := func(path string) (int, string) {
		t.Helper()
		r, err := http.Get(eu.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(body)
	}
	const lag = "/v1/bdbs/1/availability?extend_check=lag&availability_lag_tolerance_ms="
	host, port, _ := net.SplitHostPort(rc.addrs["eu-1"])
	want := fmt.Sprintf(`[{"endpoints":[{"dns_name":%q,"addr":[%q],"port":%s}],"name":"atoll","uid":1}]`, host, host, port)
	if code, body := ask("/v1/bdbs"); code != 200 || strings.TrimSpace(body) != want {
		t.Errorf("/v1/bdbs: want %s, have %d %s", want, code, body)
	}
	for path, want := range map[string]int{
		"/v1/bdbs/1/availability": 200, lag + "5000": 200, "/v1/bdbs/2/availability": 404, lag + "x": 400,
	} {
		if code, body := ask(path); code != want {
			t.Errorf("%s: want %d, have %d %s", path, want, code, body)
		}
	}
	if _, err := rc.nodes["us-1"].Link(ctx, "PAUSE", "us", "eu"); err != nil {
		t.Fatal(err)
	}
	if code, body := ask(lag + "50"); code != 503 || !strings.Contains(body, "paused") {
		t.Errorf("while the link is paused: want 503, have %d %s", code, body)
	}
	if code, body := ask("/v1/bdbs/1/availability"); code != 200 {
		t.Errorf("without lag, while the link is paused: want 200, have %d %s", code, body)
	}
	if _, err := rc.nodes["us-1"].Link(ctx, "RESUME", "us", "eu"); err != nil {
		t.Fatal(err)
	}
	rc.until("the lag is over", func() error {
		if code, body := ask(lag + "5000"); code != 200 {
			return fmt.Errorf("%d %s", code, body)
		}
		return nil
	})
}
