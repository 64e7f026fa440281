package backup_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/backup"
	"github.com/atollcache/atoll/node/pebblestore"
	"github.com/atollcache/atoll/region"
)

// kinds writes one key of each kind, and counters that both regions add to.
func (w *world) kinds() {
	w.t.Helper()
	w.all("us", "SET string value", "INCRBY counter 5", "HSET hash a 1 b 2", "SADD set x y z", "ZADD zset 1.5 a 2 b",
		"RPUSH list 1 2 3 2", "PFADD hll a b c d", "SET mortal v PX 600000", "SET expires v PX 1500",
		"HSET fields stays 1 goes 2 lives 3", "HPEXPIRE fields 1500 FIELDS 1 goes", "HPEXPIRE fields 600000 FIELDS 1 lives",
		"SET gone v", "DEL gone", "SADD less a b", "SREM less a")
	w.all("eu", "INCRBY counter 7", "HINCRBY hash n 3")
	w.untilEqual()
}

// allKinds is what kinds has written, once expires and goes have.
var allKinds = map[string]string{
	"GET string": "value", "GET counter": "12", "HMGET hash a b n": "1 2 3", "SMEMBERS set": "x y z", "ZRANGE zset 0 -1 WITHSCORES": "a 1.5 b 2",
	"LRANGE list 0 -1": "1 2 3 2", "PFCOUNT hll": "4", "GET mortal": "v", "EXISTS expires": "0", "HMGET fields stays goes lives": "1 nil 3",
	"EXISTS gone": "0", "SMEMBERS less": "b",
}

// TestRestoreIntoEmptyCluster: everything comes back, in every region, and goes on as
// what it was; what has expired since does not.
func TestRestoreIntoEmptyCluster(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us", "eu")
	w.kinds()
	dir, m := w.take("eu")
	if m.Keys != 11 || m.Region != "eu" || m.Cluster != "one" {
		t.Errorf("want 11 keys of eu of one, have %+v", m)
	}
	<-time.After(1600 * time.Millisecond) // Time is what the test is about: two keys expire.
	w.restart()
	w.wants("begun anew", "us", map[string]string{"DBSIZE": "0"})
	wantResult(t, "into nothing", backup.Result{Keys: 11, Taken: 10, Expired: 1}, w.restore("us", dir, backup.Options{}))
	w.untilEqual()
	for _, r := range []string{"us", "eu"} {
		w.wants("restored", r, allKinds)
	}
	wantResult(t, "again", backup.Result{Keys: 11, Equal: 10, Expired: 1}, w.restore("eu", dir, backup.Options{}))
	w.all("us", "INCRBY counter 1")
	w.all("eu", "INCRBY counter 1", "SADD set w", "RPUSH list 9", "PFADD hll e")
	w.untilEqual()
	w.wants("gone on", "us", map[string]string{"GET counter": "14", "SCARD set": "4", "LLEN list": "5", "PFCOUNT hll": "5"})
	if ttl := w.do("us", "PTTL mortal"); len(ttl) != 6 || ttl[0] != '5' {
		t.Errorf("time to live of mortal: want a little below 600000 ms, have %s", ttl)
	}
}

// withDisks gives each node a data directory that outlasts it.
func withDisks(fs map[string]*vfs.MemFS) func(*node.Config) {
	return func(cfg *node.Config) {
		if fs[cfg.Name] == nil {
			fs[cfg.Name] = vfs.NewMem()
		}
		cfg.Disk = node.DiskConfig{Dir: "data", Durability: node.Sync, Store: pebblestore.Config{FS: fs[cfg.Name]}}
		cfg.Memory.Limit = 32 << 20
	}
}

// TestRestoreOntoDisk: nodes with data directories give and take backups, and keep
// what they have taken.
func TestRestoreOntoDisk(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", withDisks(map[string]*vfs.MemFS{}), "us")
	for i := range 300 {
		w.all("us", fmt.Sprintf("SET k%d v%d", i, i))
	}
	w.restart() // So that it is on the disk, and nothing else.
	dir, m := w.take("us")
	if m.Keys != 300 {
		t.Errorf("from the disk: want 300 keys, have %d", m.Keys)
	}
	empty := startWorld(t, "one", withDisks(map[string]*vfs.MemFS{}), "us")
	wantResult(t, "into empty directories", backup.Result{Keys: 300, Taken: 300}, empty.restore("us", dir, backup.Options{}))
	empty.restart()
	for i := range 300 {
		empty.wants("restarted", "us", map[string]string{fmt.Sprintf("GET k%d", i): fmt.Sprintf("v%d", i)})
	}
}

// TestRestoreIntoLiveCluster: what has been removed or replaced since the backup stays
// so, in whatever way it was, and what is written anew comes back only on demand.
func TestRestoreIntoLiveCluster(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us", "eu")
	w.all("us", "SET kept 1", "SET deleted 1", "SET replaced 1", "SET invalidated 1", "SET expired 1", "HSET hash a 1 b 2", "SADD set x y",
		"ZADD zset 1 a 2 b", "RPUSH list 1 2 3", "INCRBY counter 5", "PFADD hll a b")
	w.untilEqual()
	dir, _ := w.take("us")
	w.all("eu", "DEL deleted", "SET replaced 2", "INVALIDATE invalidated", "PEXPIRE expired 1", "HDEL hash a", "SREM set x", "ZREM zset a",
		"LPOP list", "DEL counter", "INCRBY counter 1", "DEL hll")
	w.untilEqual()
	since := map[string]string{
		"GET kept": "1", "EXISTS deleted": "0", "GET replaced": "2", "EXISTS invalidated": "0", "EXISTS expired": "0", "HGETALL hash": "b 2",
		"SMEMBERS set": "y", "ZRANGE zset 0 -1": "b", "LRANGE list 0 -1": "2 3", "GET counter": "1", "EXISTS hll": "0",
	}
	wantResult(t, "merged", backup.Result{Keys: 11, Equal: 1, Changed: 6, Removed: 4}, w.restore("us", dir, backup.Options{}))
	w.untilEqual()
	for _, r := range []string{"us", "eu"} {
		w.wants("merged", r, since)
	}
	wantResult(t, "as new", backup.Result{Keys: 11, Equal: 1, Changed: 6, Renewed: 4}, w.restore("eu", dir, backup.Options{AsNew: true}))
	w.untilEqual()
	for line, value := range map[string]string{"GET deleted": "1", "GET invalidated": "1", "GET expired": "1", "PFCOUNT hll": "2"} {
		delete(since, strings.Replace(strings.Replace(line, "GET", "EXISTS", 1), "PFCOUNT", "EXISTS", 1))
		since[line] = value
	}
	w.wants("as new", "us", since)
	wantResult(t, "as new again", backup.Result{Keys: 11, Equal: 1, Changed: 10}, w.restore("eu", dir, backup.Options{AsNew: true}))
}

// forgetSomething has every partition of a cluster forget something, and waits for
// that at a region.
func (w *world) forgetSomething(r string) {
	w.t.Helper()
	for i := range 40 * partitions {
		w.all(r, fmt.Sprintf("SET forgotten%d v", i), fmt.Sprintf("INVALIDATE forgotten%d", i))
	}
	w.until("everything is forgotten", func() error {
		_, m := w.take(r)
		for _, p := range m.Parts {
			if strings.HasPrefix(p.Horizon, "∅") || p.Entries > 0 {
				return fmt.Errorf("partition %d has %d entries, forgotten: %s", p.Partition, p.Entries, p.Horizon)
			}
		}
		return nil
	})
}

// TestBeyondTheHorizon: a cluster that has forgotten something since takes nothing in
// of which it cannot tell, says how much that is, and writes it anew on demand.
func TestBeyondTheHorizon(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us", "eu")
	w.kinds()
	dir, m := w.take("us")
	<-time.After(1600 * time.Millisecond) // Two keys expire.
	w.restart()
	w.forgetSomething("us")
	have := w.restore("us", dir, backup.Options{})
	want := backup.Result{Keys: m.Keys, Refused: m.Keys - 1, Expired: 1, RefusedPartitions: have.RefusedPartitions}
	wantResult(t, "beyond the horizon", want, have)
	if have.RefusedPartitions == 0 || !strings.Contains(have.Why, "us/us-1: older than what has been forgotten") {
		t.Errorf("want partitions refused, for they have forgotten something, have %d, for %s", have.RefusedPartitions, have.Why)
	}
	w.wants("refused", "eu", map[string]string{"DBSIZE": "0"})
	want.Renewed, want.Refused = want.Refused, 0
	wantResult(t, "as new", want, w.restore("eu", dir, backup.Options{AsNew: true}))
	w.untilEqual()
	w.wants("as new", "us", allKinds)
	w.wants("as new", "eu", allKinds)
	if ttl := w.do("us", "PTTL mortal"); len(ttl) != 6 || ttl[0] != '5' {
		t.Errorf("time to live of mortal: want a little below 600000 ms, have %s", ttl)
	}
	if ttl := w.do("us", "HPTTL fields FIELDS 1 lives"); len(ttl) != 6 || ttl[0] != '5' {
		t.Errorf("time to live of a field: want a little below 600000 ms, have %s", ttl)
	}
}

// TestOneHolderRefuses: where one region has forgotten too much, none takes anything in.
func TestOneHolderRefuses(t *testing.T) {
	t.Parallel()
	short := func(cfg *node.Config) {
		cfg.Sync.HorizonFor, cfg.Sync.HorizonLeast = 500*time.Millisecond, 100*time.Millisecond
	}
	w := startWorld(t, "one", short, "us", "eu")
	w.kinds()
	dir, m := w.take("us")
	w.restart()
	w.all("us", "LINK PAUSE eu us", "LINK PAUSE us eu")
	w.forgetSomething("eu")
	if _, now := w.take("us"); now.Parts[0].Horizon[:3] != "∅" {
		t.Fatalf("us has forgotten something as well: %s", now.Parts[0].Horizon)
	}
	have := w.restore("us", dir, backup.Options{})
	if have.Refused+have.Expired != m.Keys || have.Taken != 0 || !strings.Contains(have.Why, "eu/eu-1") {
		t.Errorf("want all refused, for eu-1, have %+v", have)
	}
	w.wants("refused", "us", map[string]string{"DBSIZE": "0"})
}

// TestRestoreOfAnotherCluster: a backup of another cluster is taken in only when it is
// named, and one of another number of partitions is written anew.
func TestRestoreOfAnotherCluster(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us")
	w.all("us", "SET a 1", "INCRBY n 5", "SET b 1")
	dir, _ := w.take("us")
	two := startWorld(t, "two", nil, "us")
	two.all("us", "SET b 2")
	if _, err := two.tryRestore("us", dir, backup.Options{}); !errors.Is(err, backup.ErrOther) {
		t.Errorf("another cluster: want ErrOther, have %v", err)
	}
	if _, err := two.tryRestore("us", dir, backup.Options{From: "three"}); !errors.Is(err, backup.ErrOther) {
		t.Errorf("another cluster than the one named: want ErrOther, have %v", err)
	}
	two.wants("refused", "us", map[string]string{"DBSIZE": "1"})
	wantResult(t, "named", backup.Result{Keys: 3, Taken: 2, Changed: 1}, two.restore("us", dir, backup.Options{From: "one"}))
	two.wants("named", "us", map[string]string{"GET a": "1", "GET n": "5", "GET b": "2"})

	more := startWorld(t, "one", func(cfg *node.Config) { cfg.Partitions = 2 * partitions }, "us")
	if _, err := more.tryRestore("us", dir, backup.Options{}); !errors.Is(err, backup.ErrPartitions) {
		t.Errorf("more partitions: want ErrPartitions, have %v", err)
	}
	more.nodes["us-1"].Set(t.Context(), "b", "2")
	have := more.restore("us", dir, backup.Options{AsNew: true})
	wantResult(t, "more partitions, as new", backup.Result{Keys: 3, Renewed: 2, Changed: 1, RefusedPartitions: have.RefusedPartitions}, have)
}

// TestSilentNode: while a node does not answer nothing is merged.
func TestSilentNode(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us", "eu")
	w.all("us", "SET a 1")
	w.untilEqual()
	dir, _ := w.take("us")
	w.all("us", "DEL a")
	w.nodes["eu-1"].nc.Close()
	_, err := w.tryRestore("us", dir, backup.Options{})
	if !errors.Is(err, backup.ErrSilent) || !strings.Contains(err.Error(), "eu/eu-1") {
		t.Errorf("want ErrSilent of eu/eu-1, have %v", err)
	}
	w.wants("silent", "us", map[string]string{"EXISTS a": "0"})
	have := w.restore("us", dir, backup.Options{AsNew: true})
	wantResult(t, "as new", backup.Result{Keys: 1, Renewed: 1, RefusedPartitions: have.RefusedPartitions}, have)
	w.wants("as new", "us", map[string]string{"GET a": "1"})
}

// TestRestoreIsBounded: partitions wait for room, and one that has none at all is not
// merged.
func TestRestoreIsBounded(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us")
	value := strings.Repeat("v", 5000)
	for i := range 200 {
		w.all("us", fmt.Sprintf("SET k%d %s", i, value))
	}
	dir, m := w.take("us")
	largest := int64(0)
	for _, p := range m.Parts {
		largest = max(largest, p.Bytes)
	}
	small := startWorld(t, "one", func(cfg *node.Config) { cfg.RestoreBytes = largest }, "us")
	wantResult(t, "room for one", backup.Result{Keys: 200, Taken: 200}, small.restore("us", dir, backup.Options{}))
	none := startWorld(t, "one", func(cfg *node.Config) { cfg.RestoreBytes = 100 }, "us")
	have := none.restore("us", dir, backup.Options{})
	wantResult(t, "no room", backup.Result{Keys: 200, Refused: 200, RefusedPartitions: partitions}, have)
	if !strings.Contains(have.Why, "RestoreBytes") {
		t.Errorf("no room: want RestoreBytes named, have %s", have.Why)
	}
	wantResult(t, "no room, as new", backup.Result{Keys: 200, Renewed: 200, RefusedPartitions: partitions}, none.restore("us", dir, backup.Options{AsNew: true}))
}

// TestPreparedIsNotForgotten: between what a holder says that it would do with a backup
// and the time that it does, it forgets nothing, for that would change its answer.
func TestPreparedIsNotForgotten(t *testing.T) {
	t.Parallel()
	w := startWorld(t, "one", nil, "us")
	w.all("us", "SET {a} 1")
	dir, m := w.take("us")
	w.restart()
	p := region.Partitions(partitions).Of("{a}")
	b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("partition-%05d", p)))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(args ...string) string {
		t.Helper()
		r, err := w.clients["us"].AskNode(t.Context(), w.nodes["us-1"].Replica(), append([]string{"_RESTORE"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return r.Text
	}
	id, part := "7", fmt.Sprint(p)
	ask("STAGE", id, part, "0", "0", string(b[4:]))
	if have := ask("PREPARE", id, part); !strings.Contains(have, `"absent":1`) || strings.Contains(have, "refused") {
		t.Errorf("prepared: want the one key absent and nothing refused, have %s", have)
	}
	other := "k"
	for i := 0; region.Partitions(partitions).Of(other) == p; i++ {
		other = fmt.Sprint("k", i)
	}
	w.all("us", "INVALIDATE {a}b", "INVALIDATE "+other)
	w.until("the other partition has forgotten", func() error {
		_, m = w.take("us")
		if have := m.Parts[region.Partitions(partitions).Of(other)].Horizon; strings.HasPrefix(have, "∅") {
			return errors.New(have)
		}
		return nil
	})
	<-time.After(time.Second) // Several sweeps.
	if _, m = w.take("us"); !strings.HasPrefix(m.Parts[p].Horizon, "∅") {
		t.Errorf("prepared: want nothing forgotten, have %s", m.Parts[p].Horizon)
	}
	if have := ask("COMMIT", id, part); !strings.Contains(have, `"taken":1`) {
		t.Errorf("then: want it taken, have %s", have)
	}
	w.wants("then", "us", map[string]string{"GET {a}": "1"})
}
