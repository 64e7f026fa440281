package node_test

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/atollcache/atoll/node"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

var repairKeys = flag.Int("repair-keys", 20_000, "number of keys of TestRepairCost")

// TestRepairCost: two regions hold the same keys, and a thousandth of them is made
// to differ behind the system's back: lost at one side or the other, or changed.
// All are repaired, for less than three times the bytes of their entries. When all
// are equal, one round of announcements compares everything for less than 64 KiB.
func TestRepairCost(t *testing.T) {
	differ := max(64, *repairKeys/1000)
	// As many differences in each partition, whatever the number of keys.
	c := newCluster(t, func(cfg *node.Config) { cfg.Partitions = region.Partitions(partitionsFor(*repairKeys)) })
	c.startAll(1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	loadKeys(t, us, *repairKeys)
	c.untilWithin(5*time.Minute, "both have everything", func() error { return equalWith(t, us, *repairKeys) })

	_, usBefore := us.Sent()
	_, euBefore := eu.Sent()
	<-time.After(5 * time.Second) // The beat of announcements.
	_, usAfter := us.Sent()
	_, euAfter := eu.Sent()
	compared := max(usAfter-usBefore, euAfter-euBefore)
	t.Logf("%d keys, all equal: one node's announcements in one beat: %d bytes", *repairKeys, compared)
	if compared == 0 || compared > 64<<10 {
		t.Errorf("one full comparison: want up to 65536 bytes, have %d", compared)
	}

	askedBefore := asked(us, eu)
	size := 0
	for i := range differ {
		key := repairKey(i * 997 % *repairKeys)
		size += us.EncodedBytes(key)
		switch i % 3 {
		case 0:
			eu.Lose(key)
		case 1:
			us.Lose(key)
		default:
			eu.Overwrite(key, fmt.Sprintf("%0100d", i))
		}
	}
	began := time.Now()
	c.untilWithin(time.Minute, "all is repaired", func() error {
		if n := us.Repaired() + eu.Repaired(); n < differ {
			return fmt.Errorf("%d of %d repaired", n, differ)
		}
		return equalWith(t, us, *repairKeys)
	})
	moved := asked(us, eu) - askedBefore
	t.Logf("%d keys differed, %d bytes of entries: repaired after %v, %d bytes moved, %.2f times the entries",
		differ, size, time.Since(began).Round(time.Millisecond), moved, float64(moved)/float64(size))
	if moved > int64(3*size) {
		t.Errorf("want at most three times the %d bytes of the entries, have %d", size, moved)
	}
}

// partitionsFor returns the power of two at which each partition has about 4,000
// keys, or 16 at least.
func partitionsFor(keys int) int {
	n := 16
	for n < 256 && n*4000 < keys {
		n *= 2
	}
	return n
}

func repairKey(i int) string { return fmt.Sprintf("key:%012d", i) }

// loadKeys writes keys of 16 bytes with values of 100.
func loadKeys(t *testing.T, m *member, n int) {
	t.Helper()
	for from := 0; from < n; from += 1000 {
		var cmds []wire.Command
		for i := from; i < min(n, from+1000); i++ {
			cmds = append(cmds, cmd("SET", repairKey(i), fmt.Sprintf("%0100d", n+i)))
		}
		for _, r := range m.Do(t.Context(), cmds...) {
			if r.Type == wire.TypeError {
				t.Fatal(r.Err)
			}
		}
	}
}

// equalWith checks that all holders show the same, so many keys.
func equalWith(t *testing.T, m *member, keys int) error {
	v, err := m.Verify(t.Context(), 3)
	if err == nil && (!v.Equal || !v.Complete || v.Keys != keys) {
		err = fmt.Errorf("%+v", v)
	}
	return err
}

func asked(ms ...*member) (sum int64) {
	for _, m := range ms {
		a, _ := m.Sent()
		sum += a
	}
	return sum
}
