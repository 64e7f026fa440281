package core

import (
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// Decide pauses or resumes links between regions, obeys, and announces it. It
// returns what is decided now about all links, also those that were decided
// elsewhere. An error is region.ErrFull; links before it are decided.
func (c *Core) Decide(links []region.Link, pause bool) ([]region.LinkState, error) {
	c.mu.Lock()
	c.mu.lclock.Observe(c.mu.links.Highest())
	decide := c.mu.links.Resume
	if pause {
		decide = c.mu.links.Pause
	}
	var err error
	for _, l := range links {
		v := crdt.Version{Stamp: c.mu.lclock.Next(c.cfg.Now().UnixMilli()), Replica: c.self}
		if _, _, err = decide(l, v); err != nil {
			break
		}
	}
	states := c.mu.links.List()
	c.mu.Unlock()
	c.obeyLinks()
	c.greet()
	return states, err
}

// Apply takes in and obeys what other nodes have decided about links.
func (c *Core) Apply(states []region.LinkState) {
	if len(states) == 0 {
		return
	}
	c.mu.Lock()
	for _, s := range states {
		c.mu.links.Apply(s)
	}
	c.mu.Unlock()
	// Also when all is known: who told it first may not have obeyed yet, and who
	// asks now is to be answered when it is obeyed.
	c.obeyLinks()
}

// Link returns what was last decided about a link, false if nothing ever was.
func (c *Core) Link(l region.Link) (region.LinkState, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.links.State(l)
}

// Paused reports whether the link from one region to another is paused.
func (c *Core) Paused(from, to string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.links.Paused(from, to)
}

// obeyLinks tells the engines which regions' writes to take, and returns when they
// know.
func (c *Core) obeyLinks() {
	c.holding.Lock()
	defer c.holding.Unlock()
	before := *c.paused.Load()
	// The links say it, not the regions that are known: of one that has not been
	// heard of yet nothing is to be taken either.
	var now []string
	c.mu.Lock()
	for _, l := range c.mu.links.List() {
		if l.Paused && l.To == c.cfg.Region {
			now = append(now, l.From)
		}
	}
	c.mu.Unlock()
	if slices.Equal(before, now) {
		return
	}
	c.paused.Store(&now)
	for _, s := range c.Shards() {
		s.obey(now)
	}
	for _, r := range without(now, before) {
		c.cfg.Log.Info("link paused", "from", r, "to", c.cfg.Region)
	}
	resumed := without(before, now)
	for _, r := range resumed {
		c.cfg.Log.Info("link resumed", "from", r, "to", c.cfg.Region)
	}
	if len(resumed) > 0 {
		c.announceHeads()
	}
}

// without returns what is in a and not in b.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
