package evict_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/atollcache/atoll/node/evict"
)

// Whatever happens, the figures are those of what is kept, and what is kept is
// inside the limit.
func TestBooks(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 0))
		c := newCache(50_000, []int{1, 3, 16}[seed%3])
		for i := range 20_000 {
			input := fmt.Sprintf("seed %d, step %d", seed, i)
			key := name(r.IntN(2000))
			switch r.IntN(10) {
			case 0:
				c.remove(key)
			case 1, 2, 3, 4:
				c.get(key)
			default:
				c.set(key, size(r))
			}
			if r.IntN(5000) == 0 {
				c.budget.SetLimit(int64(20_000 + r.IntN(50_000)))
				c.evict()
			}
			if c.budget.Over() > 0 {
				t.Fatalf("%s: want nothing above the limit, have %+v", input, c.budget.Stats())
			}
			if i%1000 == 0 {
				c.check(t, input)
			}
		}
		for i := range 2000 {
			c.remove(name(i))
		}
		if s := c.budget.Stats(); s.Used != 0 || s.Entries != 0 || s.Probation != 0 || s.Outsize != 0 {
			t.Fatalf("seed %d, all removed: want nothing used, have %+v", seed, s)
		}
	}
}

// size draws a size: mostly small, at times beyond the limit.
func size(r *rand.Rand) int {
	switch r.IntN(50) {
	case 0:
		return 1 + r.IntN(80_000)
	case 1, 2:
		return 1 + r.IntN(8000)
	}
	return 50 + r.IntN(200)
}

// The same calls have the same victims.
func TestSameVictims(t *testing.T) {
	run := func() (gone []string) {
		r := rand.New(rand.NewPCG(7, 7))
		c := newCache(30_000, 16)
		c.evicted = func(key string) { gone = append(gone, key) }
		for range 20_000 {
			if key := name(int(r.ExpFloat64() * 400)); !c.get(key) {
				c.set(key, size(r))
			}
		}
		return gone
	}
	a, b := run(), run()
	if len(a) == 0 || fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("two runs: want the same victims, have %d and %d, which differ", len(a), len(b))
	}
}

// hot fills a cache of 1000 entries and uses 800 of them often.
func hot(t *testing.T, partitions int) *cache {
	t.Helper()
	c := newCache(1000*entryBytes, partitions)
	for range 20 {
		for i := range 800 {
			c.access(name(i))
		}
	}
	return c
}

// kept counts how many of the hot entries are there.
func (c *cache) kept() (n int) {
	for i := range 800 {
		if c.of(name(i)).entries[name(i)] != nil {
			n++
		}
	}
	return n
}

func TestScanLeavesWhatIsHot(t *testing.T) {
	for _, partitions := range []int{1, 16, 256} {
		c := hot(t, partitions)
		before := c.kept()
		for i := range 10_000 {
			c.access(fmt.Sprintf("scan:%d", i))
		}
		if have := c.kept(); have < before*90/100 {
			t.Errorf("%d partitions, a scan of ten times the memory: want %d of the hot entries kept, have %d", partitions, before, have)
		}
	}
}

func TestBurstOfLargeEntries(t *testing.T) {
	for _, bytes := range []int{2000, 5000, 12_000, 20_000, 60_000, 99_000} {
		c := hot(t, 16)
		before := c.kept()
		for i := range 200 {
			c.set(fmt.Sprintf("large:%d", i), bytes)
		}
		if have := c.kept(); have < before*75/100 {
			t.Errorf("200 entries of %d bytes: want most of %d hot entries kept, have %d", bytes, before, have)
		}
		c.check(t, "a burst")
	}
}

func TestEntryBeyondTheLimit(t *testing.T) {
	c := hot(t, 16)
	before := c.kept()
	for range 5 {
		c.set("huge", 1000*entryBytes+1)
		if c.get("huge") {
			t.Fatalf("an entry beyond the limit: want it gone, have it kept")
		}
	}
	if have := c.kept(); have < before {
		t.Errorf("an entry beyond the limit: want %d hot entries kept, have %d", before, have)
	}
}

// A large entry that is in use all the time is kept, once it has come back.
func TestLargeEntryInUse(t *testing.T) {
	c := hot(t, 16)
	missed := 0
	for i := range 2000 {
		if !c.get("large") {
			missed++
			c.set("large", 20_000)
		}
		c.access(fmt.Sprintf("new:%d", i))
	}
	if missed > 10 {
		t.Errorf("an entry of a fifth of the limit, used all the time: want it missed ten times at most, have %d", missed)
	}
}

// A hash that grows for ever goes when it is half of all there may be, and takes no
// more with it.
func TestHashThatGrows(t *testing.T) {
	c := hot(t, 16)
	largest, times := 0, 0
	for range 5000 {
		bytes := 100
		if e := c.of("hash").entries["hash"]; e != nil {
			bytes = e.bytes + 100
		} else {
			times++
		}
		c.set("hash", bytes)
		largest = max(largest, bytes)
		for i := range 8 {
			c.access(name(i))
		}
	}
	if largest > 1000*entryBytes*55/100 {
		t.Errorf("a hash that grows: want it gone at half the limit, have %d bytes", largest)
	}
	if times < 2 {
		t.Errorf("a hash that grows: want it to begin anew, have it begin %d times", times)
	}
	if have := c.kept(); have < 300 {
		t.Errorf("a hash that grows: want 300 hot entries kept, have %d", have)
	}
}

// Keys that are written and removed again and again leave no more than a bounded
// number of places behind.
func TestLeftOverPlacesAreBounded(t *testing.T) {
	c := newCache(10_000*entryBytes, 1)
	for i := range 1000 {
		c.set(name(i), entryBytes)
	}
	most := 0
	for i := range 200_000 {
		key := fmt.Sprintf("short:%d", i%50)
		c.set(key, entryBytes)
		c.remove(key)
		if i%7 == 0 {
			c.remove(name(i % 1000))
			c.set(name(i%1000), entryBytes)
		}
		if i%1000 == 0 {
			c.set("large", 2000*entryBytes)
			c.remove("large")
		}
		most = max(most, evict.Places(c.partitions[0].policy))
	}
	if most > 2*1000+200 {
		t.Errorf("1000 entries, and 200,000 written and removed: want about 2000 places at most, have %d", most)
	}
	c.check(t, "written and removed")
	if have := evict.Large(c.budget); have != 0 {
		t.Errorf("large entries written and removed: want none accounted for, have %d", have)
	}
	c.budget.SetLimit(entryBytes)
	c.evict()
	if have := len(c.partitions[0].entries); have > 1 {
		t.Errorf("1000 entries, others written and removed, then room for one: want one kept, have %d", have)
	}
}

// A place that is left over from before a key was removed is not that of the key's
// new entry.
func TestKeyRemovedAndWrittenAgain(t *testing.T) {
	c := newCache(100*entryBytes, 1)
	for i := range 10 {
		c.set(name(i), entryBytes)
	}
	c.remove(name(0))
	c.set(name(0), entryBytes)
	c.budget.SetLimit(9 * entryBytes)
	c.evict()
	entries := c.partitions[0].entries
	if entries[name(0)] == nil || entries[name(1)] != nil {
		t.Errorf("the oldest of ten removed and written again, room for nine: want the second gone, have %v and %v", entries[name(0)], entries[name(1)])
	}
}

// The larger an entry, the more often it has to have been used to stay.
func TestPriceOfLargeEntries(t *testing.T) {
	for _, x := range []struct {
		percent, uses int
		stays         bool
	}{{20, 0, false}, {20, 2, false}, {20, 3, true}, {51, 3, false}, {95, 3, false}} {
		c := newCache(100*entryBytes, 1)
		c.set("large", x.percent*entryBytes)
		for range x.uses {
			c.get("large")
		}
		for i := range 100 - x.percent + 1 {
			c.set(name(i), entryBytes)
		}
		if have := c.get("large"); have != x.stays {
			t.Errorf("%d %% of the limit, used %d times: want %v, have %v", x.percent, x.uses, x.stays, have)
		}
	}
}

// An outsize entry goes before what is on probation.
func TestOutsizeGoesFirst(t *testing.T) {
	c := newCache(100*entryBytes, 4)
	for i := range 90 {
		c.set(name(i), entryBytes)
	}
	for i := range 20 {
		c.set(fmt.Sprintf("large:%d", i), 13*entryBytes)
	}
	for i := range 90 {
		if !c.get(name(i)) {
			t.Fatalf("90 entries, then 20 of 13 %% of the limit: want the 90 kept, have %s gone", name(i))
		}
	}
}

func TestEchoesAreBounded(t *testing.T) {
	c := newCache(1000*entryBytes, 1)
	for i := range 100_000 {
		c.access(name(i))
	}
	if have := evict.EchoBytes(c.partitions[0].policy); have > 1000*12+200 {
		t.Errorf("100,000 keys through 1000 entries: want 12 bytes of echoes an entry, have %d in all", have)
	}
	c.budget.SetLimit(10 * entryBytes)
	c.evict()
	c.access(name(0))
	if have := evict.EchoBytes(c.partitions[0].policy); have > 1000 {
		t.Errorf("ten entries left: want the echoes' memory given back, have %d bytes", have)
	}
}

// What cannot go at present comes back into the policy's care, and others go.
func TestKeep(t *testing.T) {
	c := newCache(10*entryBytes, 1)
	for i := range 10 {
		c.set(name(i), entryBytes)
	}
	c.budget.SetLimit(5 * entryBytes)
	p := c.partitions[0]
	kept := map[string]bool{}
	for c.budget.Over() > 0 {
		key, ok := c.budget.Next().Victim()
		switch {
		case !ok:
		case len(kept) < 3 && !kept[key]:
			kept[key] = true
			if have := c.budget.Used(); have != int64(len(p.entries)*entryBytes) {
				t.Errorf("%s may be given back: want the %d entries counted, have %d bytes", key, len(p.entries), have)
			}
			p.policy.Keep(key, &p.entries[key].mark, entryBytes)
		default:
			p.take(key)
			delete(kept, key)
		}
	}
	c.check(t, "three kept")
	if len(p.entries) != 5 {
		t.Errorf("ten entries, room for five: want five kept, have %d", len(p.entries))
	}
}

// The last entry of all partitions is found, also when its place is the newest there is:
// one that cannot go, and so is given back, must be able to go later.
func TestLastEntryIsFound(t *testing.T) {
	for _, partitions := range []int{1, 2, 16} {
		c := newCache(10*entryBytes, partitions)
		for i := range 10 {
			c.set(name(i), entryBytes)
		}
		c.budget.SetLimit(1)
		for left := 10; left > 0; {
			p := c.budget.Next()
			if p == nil {
				t.Fatalf("%d partitions: want one that has something to give up, have none, %+v", partitions, c.budget.Stats())
			}
			key, ok := p.Victim()
			if !ok {
				continue
			}
			in := c.of(key)
			in.policy.Keep(key, &in.entries[key].mark, entryBytes)
			if left == 1 {
				left--
				continue
			}
			for key, ok = "", false; !ok; {
				key, ok = c.budget.Next().Victim()
			}
			c.of(key).take(key)
			left--
		}
		if c.budget.Next() == nil {
			t.Errorf("%d partitions: the last entry has been given back: want it found, have %+v", partitions, c.budget.Stats())
		}
	}
}

// A victim that is written before it is evicted is a new entry.
func TestVictimIsWritten(t *testing.T) {
	c := newCache(10*entryBytes, 1)
	for i := range 10 {
		c.set(name(i), entryBytes)
	}
	c.budget.SetLimit(9 * entryBytes)
	p := c.partitions[0]
	key, ok := "", false
	for !ok {
		key, ok = c.budget.Next().Victim()
	}
	e := p.entries[key]
	p.policy.Changed(key, &e.mark, entryBytes, 2*entryBytes)
	e.bytes = 2 * entryBytes
	c.check(t, "a victim written")
}

func TestLeave(t *testing.T) {
	c := hot(t, 4)
	for _, p := range c.partitions[:3] {
		c.budget.Leave(p.policy)
		clear(p.entries)
	}
	c.check(t, "three of four have left")
	last := c.partitions[3]
	before := len(last.entries)
	c.budget.SetLimit(10 * entryBytes)
	for c.budget.Over() > 0 {
		p := c.budget.Next()
		if p != last.policy {
			t.Fatalf("three of four have left: want the fourth asked, have %d", p.ID())
		}
		if key, ok := p.Victim(); ok {
			last.take(key)
		}
	}
	if len(last.entries) > 10 || before <= 10 {
		t.Errorf("the limit at ten entries: want ten left of %d, have %d", before, len(last.entries))
	}
	c.budget.Leave(last.policy)
	if p := c.budget.Next(); p != nil {
		t.Errorf("all have left: want nobody asked, have %d", p.ID())
	}
}

func TestHitCostsNoAllocation(t *testing.T) {
	c := hot(t, 16)
	e := c.of(name(1)).entries[name(1)]
	if have := testing.AllocsPerRun(100, func() { e.mark.Hit() }); have != 0 {
		t.Errorf("a hit: want no allocation, have %v", have)
	}
}

func BenchmarkHit(b *testing.B) {
	var m evict.Mark
	for b.Loop() {
		m.Hit()
	}
}

// BenchmarkReplace writes a new entry and evicts an old one.
func BenchmarkReplace(b *testing.B) {
	for _, partitions := range []int{1, 256, 4096} {
		b.Run(fmt.Sprint(partitions), func(b *testing.B) {
			c := newCache(200_000*entryBytes, partitions)
			keys := make([]string, 1_000_000)
			for i := range keys {
				keys[i] = name(i)
			}
			i := 0
			for b.Loop() {
				c.set(keys[i%len(keys)], entryBytes)
				i++
			}
		})
	}
}
