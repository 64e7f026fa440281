package crdt_test

import (
	"strings"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/crdttest"
)

// TestGhostTraps runs histories in which eviction could be taken for removal, or bring
// back a part of something. See TestTraps.
func TestGhostTraps(t *testing.T) {
	for _, trap := range ghostTraps {
		t.Run(strings.ReplaceAll(trap.name, " ", "_"), func(t *testing.T) {
			o := crdttest.Options{Evict: true, Collect: trap.collect, Audit: audit}
			if err := crdttest.Replay(trap.script, o); err != nil {
				t.Errorf("%s: %v", trap.name, err)
			}
		})
	}
}

var ghostTraps = []struct {
	name, script string
	collect      bool
}{
	{name: "a snapshot removes nothing by the silence of who evicted", script: `
		r1 hset k f 1
		r2 catchup r1
		r1 evict k
		r1 set l 1
		r2 merge r1
		r2 want k hash f=1
		r3 merge r1
		r3 want k evicted
		r3 restore k r2
		r3 want k hash f=1
	`},
	{name: "a write inside an evicted collection shows no part of it", script: `
		r1 hset k f 1
		r2 catchup r1
		r1 evict k
		r2 hset k g 2
		r1 catchup r2
		r1 want k evicted
		r1 restore k r2
		r1 want k hash f=1 g=2
	`},
	{name: "a write on both sides since, and a snapshot", script: `
		r1 hset k f 1
		r2 catchup r1
		r1 evict k
		r2 hset k g 2
		r1 set l 1
		r2 merge r1
		r2 want k hash f=1 g=2
	`},
	{name: "a removal that only the evicting side saw does not come back by a snapshot", script: `
		r1 hset k f 1
		r1 hset k g 1
		r2 catchup r1
		r3 catchup r1
		r3 hdel k f
		r1 catchup r3
		r1 evict k
		r2 hset k h 2
		r2 merge r1
		r2 want k evicted
	`},
	{name: "SET and DEL end a ghost at once", script: `
		r1 set k 1
		r2 catchup r1
		r1 evict k
		r2 set k 2
		r1 catchup r2
		r1 want k string 2
		r1 evict k
		r1 del k
		r2 catchup r1
		r2 want k none
	`},
	{name: "SET beside a SET that was evicted keeps the sibling", script: `
		r2 set k higher
		r1 set k lower
		r2 evict k
		r2 catchup r1
		r2 want k evicted
		r1 catchup r2
		r2 restore k r1
		r2 want k string higher
		r3 catchup r1
		r3 del k
		r2 catchup r3
		r2 want k none
	`},
	{name: "what was removed of a counter does not come back with its run", script: `
		r1 incr k 5
		r2 catchup r1
		r3 catchup r1
		r2 evict k
		r3 del k
		r2 catchup r3
		r2 want k none
		r1 incr k 2
		r2 catchup r1
		r2 want k evicted
		r3 catchup r1
		r3 want k string 2
		r2 restore k r3
		r2 want k string 2
	`},
	{name: "a time cut ends a ghost and stays", script: `
		r1 set k 1
		r2 catchup r1
		pass 5
		r2 evict k
		r3 set k 3
		pass 5
		r1 invalidate k
		r2 catchup r1
		r2 want k none
		r2 catchup r3
		r2 want k none
	`},
	{name: "a loser that only the evicting side saw removed does not come to light", script: `
		r1 set k lower
		r3 catchup r1
		r3 del k
		r2 set k higher
		r3 catchup r2
		r3 evict k
		r1 catchup r2
		r1 merge r3
		r2 del k
		r1 catchup r2
		r1 want k none
	`},
	{name: "a removal after a time cut knows the sums that the cut hides", script: `
		r2 zincr k g -1
		r1 catchup r2
		pass 5
		r3 invalidate k
		r1 evict k
		r1 catchup r3
		r1 want k none
		r1 zincr k f 0.5
		r2 zincr k g 0.75
	`},
	{name: "an evicted key expires", collect: true, script: `
		r1 set k 1 at 10
		r1 evict k
		r1 want k evicted
		pass 10
		r1 want k none
		r1 collect
		r1 collect
		r1 want k none
	`},
	{name: "what nobody has begins anew everywhere", script: `
		r1 hset k f 1
		r2 catchup r1
		r3 catchup r1
		r1 evict k
		r2 evict k
		r3 evict k
		r2 hset k g 2
		r2 want k hash g=2
		r1 catchup r2
		r1 want k hash g=2
		r3 merge r1
		r3 want k hash g=2
	`},
	{name: "EXPIRE of an evicted key is of the whole key", script: `
		r1 set k 1
		r2 catchup r1
		r1 evict k
		r2 expire k at 20
		r1 catchup r2
		r1 want k evicted
		r1 repair k r2
		r1 want k evicted
		pass 20
		r1 want k none
	`},
	{name: "a fill ends no ghost that has met what bars fills", script: `
		r1 fills
		r2 catchup r1
		r3 catchup r1
		r1 miss k
		r1 fill k 1
		r2 del k
		r2 catchup r1
		r2 want k none
		r2 miss k
		r2 fill k 2
		pass 1
		r3 miss k
		r3 fill k 3
		r1 evict k
		r1 catchup r2
		r1 catchup r3
		r2 catchup r3
		r2 want k string 2
		r1 restore k r2
		r1 want k string 2
	`},
	{name: "a fill ends a ghost that barred none", collect: true, script: `
		r1 fills
		r2 catchup r1
		r3 catchup r1
		r1 miss k
		r1 fill k 1 at 10
		r2 catchup r1
		r3 catchup r1
		pass 1
		r1 collect
		r1 collect
		r1 evict k
		pass 10
		r2 miss k
		r2 fill k 2
		r1 catchup r2
		r1 want k string 2
	`},
}

// TestGhostsCompareEqual evicts different keys at two holders and finds their digests
// equal, before, after expiry, and after writes to other keys.
func TestGhostsCompareEqual(t *testing.T) {
	const now = 1_000_000
	var a, b crdt.Partition
	clock := crdt.Clock{}
	write := func(n uint64, key string, run func(*crdt.Mutator)) {
		at := crdt.NewWrite{Dot: crdt.Dot{Replica: 1, N: n}, Stamp: clock.Next(now), Now: now}
		m := crdt.NewMutator(a.Entry(key), at)
		run(m)
		d := &crdt.Delta{Dot: at.Dot, From: n, Stamp: at.Stamp, Key: key, Effects: m.Effects()}
		for _, p := range []*crdt.Partition{&a, &b} {
			if err := p.Apply(d); err != nil {
				t.Fatal(err)
			}
		}
	}
	same := func(when string, at int64) {
		t.Helper()
		have, ok := a.Digest(at)
		want, also := b.Digest(at)
		if !ok || !also || have != want {
			t.Errorf("%s: want digests equal, have %v, %t and %v, %t", when, have, ok, want, also)
		}
	}
	write(1, "short", func(m *crdt.Mutator) { m.Set("v", now+5000) })
	write(2, "long", func(m *crdt.Mutator) { m.Set("v", crdt.Never) })
	write(3, "hash", func(m *crdt.Mutator) { _, _ = m.HSet("f", "v") })
	same("at first", now)
	for _, key := range []string{"short", "long"} {
		if !a.Evict(key, now) {
			t.Fatalf("%s: want it evicted", key)
		}
	}
	if !b.Evict("hash", now) || b.Evict("hash", now) || b.Evict("none", now) {
		t.Fatal("want hash evicted once, and nothing else")
	}
	same("after eviction", now)
	a.Recount()
	same("counted anew", now)
	write(4, "long", func(m *crdt.Mutator) { m.Set("w", crdt.Never) })
	same("after a ghost has ended", now+1000)
	same("after one has expired", now+6000)
	if keys, bytes := a.Ghosts(); keys != 1 || bytes <= 0 || bytes > a.Bytes() {
		t.Errorf("want one ghost of some bytes, have %d of %d, of %d in all", keys, bytes, a.Bytes())
	}
	if e, bytes := a.Resident("short"); e != nil || bytes != 0 {
		t.Errorf("an evicted key: want nothing in memory, have %d bytes", bytes)
	}
}

// TestGhostsTravel sends evicted entries as bytes and reads them back.
func TestGhostsTravel(t *testing.T) {
	const now = 1_000_000
	var p crdt.Partition
	clock := crdt.Clock{}
	runs := map[string]func(*crdt.Mutator){
		"plain":   func(m *crdt.Mutator) { m.Set("value", crdt.Never) },
		"expires": func(m *crdt.Mutator) { m.Set("value", now+100) },
		"counts":  func(m *crdt.Mutator) { _, _ = m.Incr(3) },
		"set":     func(m *crdt.Mutator) { _, _ = m.SAdd("member") },
	}
	n := uint64(0)
	for _, key := range []string{"plain", "expires", "counts", "set"} {
		n++
		at := crdt.NewWrite{Dot: crdt.Dot{Replica: crdt.ReplicaID(n), N: 1}, Stamp: clock.Next(now), Now: now}
		m := crdt.NewMutator(nil, at)
		runs[key](m)
		if err := p.Apply(&crdt.Delta{Dot: at.Dot, From: 1, Stamp: at.Stamp, Key: key, Effects: m.Effects()}); err != nil {
			t.Fatal(err)
		}
		before := p.Entry(key).Digest(key, now)
		if !p.Evict(key, now) {
			t.Fatalf("%s: want it evicted", key)
		}
		b := crdt.AppendEntry(nil, p.Entry(key))
		e, err := crdt.DecodeEntry(b)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if again := crdt.AppendEntry(nil, e); string(again) != string(b) {
			t.Errorf("%s: want the same bytes again, %x, have %x", key, b, again)
		}
		if have := e.Digest(key, now); !e.IsEvicted() || have != before || !e.View(now).IsEvicted() {
			t.Errorf("%s: want a ghost of digest %x, have %x", key, before, have)
		}
		for i := range b {
			_, _ = crdt.DecodeEntry(b[:i]) // Whatever it gives, it does not panic.
		}
	}
	s, err := crdt.DecodeSnapshot(crdt.AppendSnapshot(nil, p.Snapshot(), 0, 4))
	if err != nil || !s.Evicts {
		t.Errorf("want a snapshot that says that something was evicted, have %v", err)
	}
}
