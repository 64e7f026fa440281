package evict_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// Partitions are written side by side, each under its own lock, while one at a time
// asks for victims.
func TestPartitionsSideBySide(t *testing.T) {
	c := newCache(500*entryBytes, 8)
	locks := make([]sync.Mutex, len(c.partitions))
	var evicting sync.Mutex
	evict := func() {
		evicting.Lock()
		defer evicting.Unlock()
		for c.budget.Over() > 0 {
			p := c.budget.Next()
			if p == nil {
				return
			}
			locks[p.ID()].Lock()
			if key, ok := p.Victim(); ok {
				c.partitions[p.ID()].take(key)
			}
			locks[p.ID()].Unlock()
		}
	}
	var all sync.WaitGroup
	for i, p := range c.partitions {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 9))
			for range 5000 {
				key := fmt.Sprintf("%d:%d", i, int(r.ExpFloat64()*100))
				locks[i].Lock()
				switch e := p.entries[key]; {
				case e == nil:
					e = &entry{bytes: entryBytes}
					p.entries[key] = e
					p.policy.Changed(key, &e.mark, 0, entryBytes)
				case r.IntN(10) == 0:
					delete(p.entries, key)
					p.policy.Changed(key, &e.mark, e.bytes, 0)
				default:
					e.mark.Hit()
				}
				locks[i].Unlock()
				evict()
			}
		})
	}
	all.Wait()
	c.check(t, "eight partitions side by side")
	if over := c.budget.Over(); over > 0 {
		t.Errorf("eight partitions side by side: want nothing above the limit, have %d bytes", over)
	}
}
