package evict_test

import (
	"fmt"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/atollcache/atoll/node/evict"
)

// partition is what keeps entries here: a map, and the policy that it asks.
type partition struct {
	entries map[string]*entry
	policy  *evict.Policy
}

type entry struct {
	mark  evict.Mark
	bytes int
}

func (p *partition) Kept(key string) (*evict.Mark, int) {
	e := p.entries[key]
	if e == nil {
		return nil, 0
	}
	return &e.mark, e.bytes
}

// take lets an entry go that the policy has named.
func (p *partition) take(key string) {
	e := p.entries[key]
	delete(p.entries, key)
	p.policy.Changed(key, &e.mark, e.bytes, 0)
}

// cache is a node with some partitions.
type cache struct {
	budget     *evict.Budget
	partitions []*partition
	evicted    func(key string)
}

func newCache(limit int64, partitions int) *cache {
	c := &cache{budget: evict.NewBudget(limit)}
	for i := range partitions {
		p := &partition{entries: map[string]*entry{}}
		p.policy = c.budget.Join(i, p)
		c.partitions = append(c.partitions, p)
	}
	return c
}

func (c *cache) of(key string) *partition {
	return c.partitions[int(xxh3.HashString(key)%uint64(len(c.partitions)))]
}

// get reports whether a key is there, and counts the use.
func (c *cache) get(key string) bool {
	e := c.of(key).entries[key]
	if e == nil {
		return false
	}
	e.mark.Hit()
	return true
}

// set writes an entry of a size and lets go what is too much then.
func (c *cache) set(key string, bytes int) {
	p := c.of(key)
	e, before := p.entries[key], 0
	if e == nil {
		e = &entry{}
		p.entries[key] = e
	} else {
		before = e.bytes
		e.mark.Hit()
	}
	e.bytes = bytes
	p.policy.Changed(key, &e.mark, before, bytes)
	c.evict()
}

func (c *cache) remove(key string) {
	p := c.of(key)
	if e := p.entries[key]; e != nil {
		delete(p.entries, key)
		p.policy.Changed(key, &e.mark, e.bytes, 0)
	}
}

func (c *cache) evict() {
	for c.budget.Over() > 0 {
		p := c.partitions[c.budget.Next().ID()]
		key, ok := p.policy.Victim()
		if !ok {
			continue
		}
		p.take(key)
		if c.evicted != nil {
			c.evicted(key)
		}
	}
}

// access reads a key and writes it when it is not there.
func (c *cache) access(key string) bool {
	if c.get(key) {
		return true
	}
	c.set(key, entryBytes)
	return false
}

// entryBytes is the size of the entries where all have one size.
const entryBytes = 100

// ratio returns the percentage of requests that find their key.
func ratio(access func(key string) bool, requests []string) float64 {
	hits := 0
	for _, k := range requests {
		if access(k) {
			hits++
		}
	}
	return 100 * float64(hits) / float64(len(requests))
}

// name returns the key of a number.
func name(i int) string { return fmt.Sprintf("page:%d", i) }

// check compares the budget's figures with what is kept.
func (c *cache) check(t testing.TB, input string) {
	t.Helper()
	var bytes, entries int64
	for _, p := range c.partitions {
		for _, e := range p.entries {
			bytes += int64(e.bytes)
			entries++
		}
	}
	if s := c.budget.Stats(); s.Used != bytes || s.Entries != entries {
		t.Fatalf("%s: want %d bytes of %d entries, have %+v", input, bytes, entries, s)
	}
}
