package node_test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/redis/go-redis/v9"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/node/pebblestore"
)

// limited is a node alone that Redis clients reach.
type limited struct {
	*member
	cluster *cluster
	client  *redis.Client
	keys    int // k0 and so on, of longValue
}

// startLimited starts a node without a limit and writes some 9 MB to it.
func startLimited(t *testing.T, disk bool, set func(*node.Config)) *limited {
	t.Helper()
	const keys = 4000
	var addr string
	c := newCluster(t, func(cfg *node.Config) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		cfg.Redis, addr = node.RedisConfig{Listener: ln}, ln.Addr().String()
		if disk {
			cfg.Disk = node.DiskConfig{Dir: "data", Store: pebblestore.Config{FS: vfs.NewCrashableMem(), CacheBytes: 1 << 20, MemTableBytes: 1 << 20}}
		}
		if set != nil {
			set(cfg)
		}
	})
	m := c.startOne("us", "us-1")
	client := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { client.Close() })
	for i := 0; i < keys; i += 200 {
		if _, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for j := range 200 {
				p.Set(t.Context(), fmt.Sprintf("k%d", i+j), longValue(i+j), 0)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return &limited{m, c, client, keys}
}

func longValue(i int) string { return fmt.Sprintf("%d %s", i, strings.Repeat("v", 2000)) }

// section returns the fields of a section of INFO.
func section(ctx context.Context, t *testing.T, client *redis.Client, name string) map[string]string {
	t.Helper()
	text, err := client.Info(ctx, name).Result()
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

// TestLimitIsLowered: a client lowers the limit of a node that has more than that. Entries
// leave, to disk where there is one, and writes go on; the logs of replication, which were
// made for no limit, make room as well. What CONFIG and INFO say is so.
func TestLimitIsLowered(t *testing.T) {
	for name, disk := range map[string]bool{"memory": false, "disk": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := startLimited(t, disk, nil)
			m, client, keys, ctx := l.member, l.client, l.keys, t.Context()
			configured := func(want map[string]string) {
				t.Helper()
				if have, err := client.ConfigGet(ctx, "maxmemory*").Result(); err != nil || fmt.Sprint(have) != fmt.Sprint(want) {
					t.Errorf("CONFIG GET maxmemory*: want %v, have %v, %v", want, have, err)
				}
			}
			configured(map[string]string{"maxmemory": "0", "maxmemory-policy": "allkeys"})
			if err := client.ConfigSet(ctx, "maxmemory", "40mb").Err(); err != nil {
				t.Fatal(err)
			}
			configured(map[string]string{"maxmemory": strconv.Itoa(40 << 20), "maxmemory-policy": "allkeys"})
			l.cluster.until("no more is counted than there is room for", func() error {
				if s := m.Memory(); s.Used > s.Room || s.Used == s.Entries || s.Evicted == 0 { // The logs are counted by the beat.
					return fmt.Errorf("%+v", s)
				}
				return nil
			})
			for i := range 50 {
				if err := client.Set(ctx, fmt.Sprintf("later%d", i), longValue(i), 0).Err(); err != nil {
					t.Fatalf("a write under the lower limit: %v", err)
				}
			}
			info := section(ctx, t, client, "memory")
			if info["maxmemory"] != strconv.Itoa(40<<20) || info["maxmemory_human"] != "40.00M" || info["maxmemory_policy"] != "allkeys" {
				t.Errorf("INFO memory: have %v", info)
			}
			if evicted, err := strconv.Atoi(section(ctx, t, client, "stats")["evicted_keys"]); err != nil || evicted < keys/4 {
				t.Errorf("INFO stats: want at least %d keys evicted, have %d, %v", keys/4, evicted, err)
			}
			there := 0
			for i := range keys {
				have, err := client.Get(ctx, fmt.Sprintf("k%d", i)).Result()
				switch {
				case err == nil && have == longValue(i):
					there++
				case err != redis.Nil || disk:
					t.Fatalf("k%d: have %.20q, %v", i, have, err)
				}
			}
			if !disk && (there == 0 || there > keys*3/4) {
				t.Errorf("evicted: want some of %d keys to be left, have %d", keys, there)
			}
			if s := m.Memory(); s.Entries > s.Room {
				t.Errorf("all has been read: want at most %d bytes of entries, have %+v", s.Room, s)
			}
			if err := client.ConfigSet(ctx, "maxmemory", "0").Err(); err != nil {
				t.Fatal(err)
			}
			configured(map[string]string{"maxmemory": "0", "maxmemory-policy": "allkeys"})
		})
	}
}

// TestLimitIsLoweredWithoutEviction: a client lowers the limit and changes the policy in one
// command, in either order: nothing is evicted on the way. What adds something is refused with
// Redis's error, what reads or removes is not, until there is room again.
func TestLimitIsLoweredWithoutEviction(t *testing.T) {
	t.Parallel()
	l := startLimited(t, false, nil)
	m, client, keys, ctx := l.member, l.client, l.keys, t.Context()
	do := func(args ...any) error { return client.Do(ctx, args...).Err() }
	for _, order := range [][]any{
		{"CONFIG", "SET", "maxmemory", "40mb", "maxmemory-policy", "noeviction"},
		{"CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "40mb"},
	} {
		if err := do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", "0"); err != nil {
			t.Fatal(err)
		}
		if err := do(order...); err != nil {
			t.Fatal(err)
		}
		if s := m.Memory(); s.Evicted != 0 || s.Resident != int64(keys) || s.Policy.String() != "noeviction" {
			t.Fatalf("%v: want nothing evicted, have %+v", order, s)
		}
	}
	const oom = "OOM command not allowed when used memory > 'maxmemory'."
	refused := [][]any{
		{"SET", "new", "v"}, {"SET", "k1", "v"}, {"HSET", "h", "f", "v"}, {"INCR", "n"}, {"RPUSH", "l", "v"}, {"SADD", "s", "m"},
		{"ZADD", "z", 1, "m"}, {"PFADD", "p", "e"}, {"APPEND", "k2", "v"}, {"MSET", "a", "1", "b", "2"},
	}
	for _, args := range refused {
		if err := do(args...); err == nil || !strings.HasPrefix(err.Error(), oom) {
			t.Errorf("%v of a full node: want %q, have %v", args, oom, err)
		}
	}
	for _, args := range [][]any{
		{"GET", "k1"}, {"EXISTS", "k1"}, {"DBSIZE"}, {"TTL", "k1"}, {"EXPIRE", "k3", 1000}, {"PERSIST", "k3"}, {"DEL", "k4"},
		{"UNLINK", "k5"}, {"GETDEL", "k6"}, {"SCAN", "0"}, {"CONFIG", "GET", "maxmemory"},
	} {
		if err := do(args...); err != nil {
			t.Errorf("%v of a full node: want it done, have %v", args, err)
		}
	}
	kv := kvDoor{nc: m.nc}
	if reply, err := kv.ask("set", "new", "v"); err == nil || !strings.Contains(err.Error(), oom) {
		t.Errorf("kv set of a full node: want %q, have %v, %v", oom, reply, err)
	}
	if have, ok, err := kv.get("k7"); err != nil || !ok || have != longValue(7) {
		t.Errorf("kv get of a full node: have %.20q, %t, %v", have, ok, err)
	}
	if _, err := kv.ask("del", "k7", ""); err != nil {
		t.Errorf("kv del of a full node: %v", err)
	}
	info := section(ctx, t, client, "memory")
	if info["maxmemory_policy"] != "noeviction" || m.Memory().Refused < int64(len(refused)) || m.Memory().Evicted != 0 {
		t.Errorf("want writes refused and nothing evicted, have %v, %+v", info, m.Memory())
	}
	var some []string
	for i := range keys {
		some = append(some, fmt.Sprintf("k%d", i))
	}
	if err := client.Del(ctx, some...).Err(); err != nil {
		t.Fatal(err)
	}
	for _, args := range refused {
		if err := do(args...); err != nil {
			t.Errorf("%v when there is room again: %v", args, err)
		}
	}
}

// TestLimitIsSetLater: the policy that a node is started with, without a limit, is that of
// the limit which a client sets, and the disk's own memory, made for no limit, is taken off it.
func TestLimitIsSetLater(t *testing.T) {
	t.Parallel()
	policy := func(cfg *node.Config) {
		cfg.Memory.Policy = core.NoEviction
		cfg.Disk.Store.CacheBytes, cfg.Disk.Store.MemTableBytes = 0, 0
	}
	l := startLimited(t, true, policy)
	m, client, ctx := l.member, l.client, t.Context()
	if err := client.ConfigSet(ctx, "maxmemory", "1gb").Err(); err != nil {
		t.Fatal(err)
	}
	if have := section(ctx, t, client, "memory")["maxmemory_policy"]; have != "noeviction" {
		t.Errorf("want the policy that the node was started with, have %s", have)
	}
	disk := int64(128<<20 + 3*32<<20)
	if want, have := (1<<30-64<<20-disk)*7/10, m.Memory().Room; have != want {
		t.Errorf("1 GiB, of which the disk has %d: want room for %d bytes, have %d", disk, want, have)
	}
}

// TestBadLimitChangesNothing: CONFIG SET that fails leaves the limit as it was, not as the
// process began.
func TestBadLimitChangesNothing(t *testing.T) {
	t.Parallel()
	l := startLimited(t, false, func(cfg *node.Config) { cfg.Memory.Limit = 1 << 30 })
	for _, args := range [][]any{
		{"maxmemory", "2gb", "timeout", "x"}, {"maxmemory", "much"}, {"maxmemory", "-1"}, {"maxmemory-policy", "volatile-ttl"},
		{"maxmemory", "2gb", "maxmemory-policy", "all"}, {"maxmemory-policy", "noeviction", "maxmemory", "2 gb"},
		{"maxmemory-policy", "noeviction", "timeout", "x"}, {"timeout", "x", "maxmemory", "2gb"},
	} {
		err := l.client.Do(t.Context(), append([]any{"CONFIG", "SET"}, args...)...).Err()
		if err == nil || !strings.HasPrefix(err.Error(), "ERR CONFIG SET failed (possibly related to argument '") {
			t.Errorf("CONFIG SET %v: want it refused, have %v", args, err)
		}
		if s := l.Memory(); s.Limit != 1<<30 || s.Policy.String() != "allkeys" {
			t.Errorf("CONFIG SET %v: want the limit as it was, have %+v", args, s)
		}
	}
}
