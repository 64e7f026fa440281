package node_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
)

// noStay is what a client is told of a key that does not stay where it is asked for.
const noStay = "larger than maxmemory leaves room for"

// withRedis makes a node of a cluster serve Redis clients, at the address that it adds.
func withRedis(t *testing.T, cfg *node.Config, addrs map[string]string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Redis, addrs[cfg.Name] = node.RedisConfig{Listener: ln}, ln.Addr().String()
}

// TestLargeEntriesStayInside writes one entry larger than the limit, a burst of large ones,
// and a hash that grows for ever. Without a disk no more is kept than may be after each
// write; with one no more than that, the newest entry, and what may wait to be saved, and
// everything is read back.
func TestLargeEntriesStayInside(t *testing.T) {
	const (
		limit, huge, large, field = 1 << 20, 3 << 20, 200 << 10, 4 << 10
		bursts, fields            = 40, 400
	)
	for name, disk := range map[string]bool{"memory": false, "disk": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, nil)
			if disk {
				c = newDiskCluster(t, disks{}, nil)
			}
			us, ctx := c.startOne("us", "us-1"), t.Context()
			node.LimitEntries(us.Node, limit, core.AllKeys)
			inside := func(what string, newest int64, err error) {
				t.Helper()
				most := int64(limit)
				if disk {
					most += 2*newest + newest/8 + limit/16
				}
				if s := us.Memory(); err != nil || s.Entries > most {
					t.Fatalf("%s: want at most %d bytes of entries, have %+v, %v", what, most, s, err)
				}
			}
			settled := func(what string) {
				t.Helper()
				c.until(what+": no more is kept than may be", func() error {
					if s := us.Memory(); s.Entries > limit {
						return fmt.Errorf("%+v", s)
					}
					return nil
				})
			}
			for i := range 100 {
				_, err := us.Set(ctx, fmt.Sprintf("small%d", i), "v")
				inside("small ones", 0, err)
			}
			_, err := us.Set(ctx, "huge", strings.Repeat("v", huge))
			inside("one larger than the limit", huge, err)
			settled("one larger than the limit")
			if err := wantString(us, "small7", "v"); err != nil {
				t.Errorf("beside it: %v", err)
			}
			for i := range bursts {
				_, err := us.Set(ctx, fmt.Sprintf("large%d", i), strings.Repeat("v", large))
				inside("a burst of large ones", large, err)
			}
			settled("a burst of large ones")
			for i := range fields {
				_, err := us.HSet(ctx, "grows", command.Field{Name: fmt.Sprint(i), Value: strings.Repeat("v", field)})
				inside("a hash that grows for ever", int64(i+1)*(field+100), err)
			}
			settled("a hash that grows for ever")
			if !disk {
				return
			}
			for i := range bursts {
				if err := wantString(us, fmt.Sprintf("large%d", i), strings.Repeat("v", large)); err != nil {
					t.Error(err)
				}
			}
			if h, err := us.HGetAll(ctx, "grows"); err != nil || len(h) != fields {
				t.Errorf("the hash that grew: want %d fields, have %d, %v", fields, len(h), err)
			}
			settled("all has been read")
		})
	}
}

// TestLargerThanTheLimit reads keys that are larger than what a node may keep, where they are
// on its disk: they are answered from there by every door, again and again, and nothing of
// them stays.
func TestLargerThanTheLimit(t *testing.T) {
	t.Parallel()
	const limit, size, fields = 256 << 10, 600 << 10, 8
	addrs := map[string]string{}
	c := newDiskCluster(t, disks{}, func(cfg *node.Config) { withRedis(t, cfg, addrs) })
	us, ctx := c.startOne("us", "us-1"), t.Context()
	client := redis.NewClient(&redis.Options{Addr: addrs["us-1"]})
	defer client.Close()
	node.LimitEntries(us.Node, limit, core.AllKeys)
	text := func(i int) string { return fmt.Sprintf("%d %s", i, strings.Repeat("v", size)) }
	for i := range fields {
		if err := client.Set(ctx, fmt.Sprintf("string%d", i), text(i), 0).Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.HSet(ctx, "hash", fmt.Sprint(i), text(i)[:size/4]).Err(); err != nil {
			t.Fatal(err)
		}
	}
	kv := kvDoor{nc: us.nc}
	for round := range 3 {
		for i := range fields {
			key := fmt.Sprintf("string%d", i)
			if have, err := client.Get(ctx, key).Result(); err != nil || have != text(i) {
				t.Fatalf("GET %s: have %.20q of %d bytes, %v", key, have, len(have), err)
			}
			if have, ok, err := kv.get(key); err != nil || !ok || have != text(i) {
				t.Fatalf("kv get %s: have %.20q of %d bytes, %t, %v", key, have, len(have), ok, err)
			}
			if have, err := client.HGet(ctx, "hash", fmt.Sprint(i)).Result(); err != nil || have != text(i)[:size/4] {
				t.Fatalf("HGET hash %d: have %.20q of %d bytes, %v", i, have, len(have), err)
			}
		}
		if have, err := client.MGet(ctx, "string1", "string2", "string3").Result(); err != nil || have[0] != text(1) || have[2] != text(3) {
			t.Fatalf("MGET: %v", err)
		}
		if have, err := client.HGetAll(ctx, "hash").Result(); err != nil || len(have) != fields {
			t.Fatalf("HGETALL: have %d fields, %v", len(have), err)
		}
		if have, err := client.Append(ctx, "string0", "").Result(); err != nil || int(have) != len(text(0)) {
			t.Fatalf("APPEND of nothing: have %d bytes, %v", have, err)
		}
		c.until(fmt.Sprintf("round %d: no more is kept than may be", round), func() error {
			if s := us.Memory(); s.Entries > limit {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
	}
}

// TestNoStayByEveryDoor: where there is no disk, a key that another region has and that is
// larger than what the node may keep gives an error that says what to do, to Redis clients and
// over plain NATS; smaller ones are answered beside it.
func TestNoStayByEveryDoor(t *testing.T) {
	t.Parallel()
	addrs := map[string]string{}
	c := newCluster(t, func(cfg *node.Config) {
		cfg.SeenWait = 200 * time.Millisecond
		withRedis(t, cfg, addrs)
	})
	c.startAll(1, "us", "eu")
	us, eu, ctx := c.nodes["us-1"], c.nodes["eu-1"], t.Context()
	client := redis.NewClient(&redis.Options{Addr: addrs["us-1"]})
	defer client.Close()
	const large = 300 << 10
	for key, value := range map[string]string{"large": strings.Repeat("v", large), "small": "v"} {
		if _, err := eu.Set(ctx, key, value); err != nil {
			t.Fatal(err)
		}
		c.until(key+" has arrived", func() error { return wantString(us, key, value) })
	}
	node.LimitEntries(us.Node, large/2, core.AllKeys)
	if err := client.Get(ctx, "large").Err(); err == nil || !strings.HasPrefix(err.Error(), "ERR ") || !strings.Contains(err.Error(), noStay) {
		t.Errorf("GET: want an error that says what to do, have %v", err)
	}
	if err := client.Append(context.Background(), "large", "w").Err(); err == nil || !strings.Contains(err.Error(), noStay) {
		t.Errorf("APPEND: want an error that says what to do, have %v", err)
	}
	reply, err := kvDoor{nc: us.nc}.ask("get", "large", "")
	if err == nil || !strings.Contains(err.Error(), noStay) {
		t.Errorf("kv get: want an error that says what to do, have %v, %v", reply, err)
	}
	if have, err := client.Get(ctx, "small").Result(); err != nil || have != "v" {
		t.Errorf("a small key beside it: have %q, %v", have, err)
	}
	if err := client.Set(ctx, "large", "no more", 0).Err(); err != nil {
		t.Errorf("SET of the large key: %v", err)
	}
	if have, err := client.Get(ctx, "large").Result(); err != nil || have != "no more" {
		t.Errorf("what has replaced it: have %q, %v", have, err)
	}
}
