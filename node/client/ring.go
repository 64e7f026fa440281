package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/atollcache/atoll/region"
)

// refreshGap is the least time between two refreshes, however many failures ask
// for one.
const refreshGap = 100 * time.Millisecond

// Refresh makes the client look at the region's members again, soon. It does not
// block. A node that passes its members on calls it when they change.
func (c *Client) Refresh() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// refreshes keeps the ring up to date until the client is closed.
func (c *Client) refreshes() {
	tick := time.NewTicker(c.cfg.RefreshEvery)
	defer tick.Stop()
	gap := time.NewTimer(0)
	defer gap.Stop()
	for {
		select {
		case <-gap.C:
		case <-c.ctx.Done():
			return
		}
		c.refresh()
		gap.Reset(refreshGap)
		select {
		case <-tick.C:
		case <-c.kick:
		case <-c.ctx.Done():
			return
		}
	}
}

// refresh looks at the members once. While they cannot be had, the ring stays as
// it is.
func (c *Client) refresh() {
	c.count.refreshes.Add(1)
	members, err := c.members()
	if err != nil {
		return
	}
	if slices.EqualFunc(members, c.ringOf, samePlace) {
		return
	}
	ring, err := region.NewRing(members, c.cfg.Partitions, 0)
	if err != nil {
		return
	}
	c.ringOf = members
	c.ring.Store(ring)
	c.count.rings.Add(1)
}

// members returns the members that are on the region's ring.
func (c *Client) members() ([]region.Member, error) {
	var list []region.Member
	if c.cfg.Members != nil {
		list = c.cfg.Members()
	} else {
		ctx, cancel := context.WithTimeout(c.ctx, c.cfg.Timeout)
		defer cancel()
		var err error
		if list, err = c.API.Members(ctx); err != nil {
			return nil, err
		}
	}
	list = slices.DeleteFunc(slices.Clone(list), func(m region.Member) bool {
		return m.Region != c.cfg.Region || (m.State != region.StateReady && m.State != region.StateLeaving)
	})
	if len(list) == 0 {
		return nil, errors.New("no members")
	}
	return list, nil
}

// samePlace reports whether two members count the same for the ring.
func samePlace(a, b region.Member) bool {
	return a.Name == b.Name && a.Zone == b.Zone && a.Weight == b.Weight
}
