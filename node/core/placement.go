package core

import (
	"maps"
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// Placement is who holds what, computed from the member view when it changes. It
// is immutable.
type Placement struct {
	members []region.Member         // of all regions
	serving map[string]*region.Ring // by region: the rings as they are; the own one is always there
	planned *region.Ring            // of the own region, as it will be
	all     map[string]*region.Ring // by region: with the suspects, who may return
	epoch   uint64                  // of the own region's rings
}

// newPlacement computes the rings of a view.
func newPlacement(v *region.View, cfg Config) (*Placement, error) {
	pl := &Placement{
		members: v.Members(),
		serving: map[string]*region.Ring{},
		all:     map[string]*region.Ring{},
		epoch:   v.RegionEpoch(cfg.Region),
	}
	ring := func(members []region.Member) (*region.Ring, error) {
		return region.NewRing(members, cfg.Partitions, cfg.Copies)
	}
	var err error
	for _, r := range v.Regions() {
		if pl.serving[r], err = ring(v.Serving(r)); err != nil {
			return nil, err
		}
		if pl.all[r], err = ring(v.InRegion(r)); err != nil {
			return nil, err
		}
	}
	if pl.planned, err = ring(v.Planned(cfg.Region)); err != nil {
		return nil, err
	}
	if pl.serving[cfg.Region] == nil {
		if pl.serving[cfg.Region], err = ring(nil); err != nil {
			return nil, err
		}
	}
	return pl, nil
}

// Members returns the members of all regions, by region and name. Read only.
func (pl *Placement) Members() []region.Member { return pl.members }

// Regions returns the regions that have members, and the own one, in order.
func (pl *Placement) Regions() []string { return slices.Sorted(maps.Keys(pl.serving)) }

// Serving returns the ring of a region as it is, nil when the region is not known.
func (pl *Placement) Serving(r string) *region.Ring { return pl.serving[r] }

// Epoch returns a hash of all that decides the own region's rings: nodes whose
// epochs are the same have the same rings.
func (pl *Placement) Epoch() uint64 { return pl.epoch }

// Owner returns the name of the node that owns a partition in a region, empty
// when nobody serves there.
func (pl *Placement) Owner(r string, p region.Partition) string {
	ring := pl.serving[r]
	if ring == nil || ring.Len() == 0 {
		return ""
	}
	return ring.Owner(p)
}

// replicas returns the IDs of all members that hold a partition or may, those
// that are silent included: everybody whose word it takes for something to be
// stable.
func (pl *Placement) replicas(p region.Partition) []crdt.ReplicaID {
	var out []crdt.ReplicaID
	for _, m := range pl.members {
		if m.State == region.StateJoining || pl.mayHold(m, p) {
			out = append(out, m.Replica)
		}
	}
	return out
}

func (pl *Placement) mayHold(m region.Member, p region.Partition) bool {
	for _, ring := range []*region.Ring{pl.serving[m.Region], pl.all[m.Region]} {
		if ring != nil && ring.Len() > 0 && ring.Holds(m.Name, p) {
			return true
		}
	}
	return false
}

// Serves returns the members that answer for a partition now, of all regions, by
// region and name.
func (pl *Placement) Serves(p region.Partition) []region.Member {
	var out []region.Member
	for _, m := range pl.members {
		if ring := pl.serving[m.Region]; ring != nil && ring.Len() > 0 && ring.Holds(m.Name, p) {
			out = append(out, m)
		}
	}
	return out
}

// Named returns the member of a region with a name.
func (pl *Placement) Named(r, name string) (region.Member, bool) {
	for _, m := range pl.members {
		if m.Region == r && m.Name == name {
			return m, true
		}
	}
	return region.Member{}, false
}
