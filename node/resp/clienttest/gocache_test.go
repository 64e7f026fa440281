package clienttest_test

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-redis/cache/v9"
	"github.com/redis/go-redis/v9"

	"github.com/atollcache/atoll/node/resp"
)

// person is what the cache keeps.
type person struct {
	Name string
	Tags []string
}

// go-redis/cache as programs use it: a cache in memory before the nodes.
func TestGoRedisCache(t *testing.T) {
	t.Parallel()
	ns := startNodes(t, resp.Config{}, 2)
	ctx := t.Context()
	open := func(i int) *cache.Cache {
		client := redis.NewClient(&redis.Options{Addr: ns.addrs[i]})
		t.Cleanup(func() { client.Close() })
		return cache.New(&cache.Options{Redis: client, LocalCache: cache.NewTinyLFU(1000, time.Minute), StatsEnabled: true})
	}
	one, two := open(0), open(1)
	ada := person{"Ada", []string{"a", "b"}}
	if err := one.Set(&cache.Item{Ctx: ctx, Key: "user:1", Value: ada, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	var have person
	if err := two.Get(ctx, "user:1", &have); err != nil || !reflect.DeepEqual(have, ada) {
		t.Errorf("through another node: want %v, have %v, %v", ada, have, err)
	}
	if !two.Exists(ctx, "user:1") || two.Exists(ctx, "user:2") {
		t.Error("Exists: want user:1 and not user:2")
	}
	if err := two.Get(ctx, "user:2", &have); !errors.Is(err, cache.ErrCacheMiss) {
		t.Errorf("Get of nothing: want %v, have %v", cache.ErrCacheMiss, err)
	}
	// Of what is not there yet only the first is set.
	for i, name := range []string{"Bob", "Eve"} {
		if err := one.Set(&cache.Item{Ctx: ctx, Key: "user:3", Value: person{Name: name}, SetNX: true}); err != nil {
			t.Errorf("SetNX %d: %v", i, err)
		}
	}
	if err := two.GetSkippingLocalCache(ctx, "user:3", &have); err != nil || have.Name != "Bob" {
		t.Errorf("after two SetNX: want Bob, have %v, %v", have, err)
	}

	var loads atomic.Int64
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			var got person
			err := one.Once(&cache.Item{Ctx: ctx, Key: "slow", Value: &got, Do: func(*cache.Item) (any, error) {
				loads.Add(1)
				return ada, nil
			}})
			if err != nil || !reflect.DeepEqual(got, ada) {
				t.Errorf("Once: want %v, have %v, %v", ada, got, err)
			}
		})
	}
	wg.Wait()
	if n := loads.Load(); n != 1 {
		t.Errorf("20 at once: want 1 load, have %d", n)
	}

	// What is deleted is gone, in memory as soon as that is told.
	if err := one.Delete(ctx, "user:1"); err != nil {
		t.Fatal(err)
	}
	two.DeleteFromLocalCache("user:1")
	if err := two.Get(ctx, "user:1", &have); !errors.Is(err, cache.ErrCacheMiss) {
		t.Errorf("after Delete: want %v, have %v", cache.ErrCacheMiss, err)
	}
	if err := one.Set(&cache.Item{Ctx: ctx, Key: "short", Value: ada, TTL: time.Second, SkipLocalCache: true}); err != nil {
		t.Fatal(err)
	}
	until(t, "what expires is gone", func() error {
		if err := two.GetSkippingLocalCache(ctx, "short", &have); !errors.Is(err, cache.ErrCacheMiss) {
			return errors.New("it is still there")
		}
		return nil
	})

	ns.halt(0)
	if err := ns.start(0); err != nil {
		t.Fatal(err)
	}
	until(t, "the client is back", func() error { return one.GetSkippingLocalCache(ctx, "slow", &have) })
}
