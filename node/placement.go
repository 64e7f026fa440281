package node

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// placement is who holds what, computed from the member view when it changes. It
// is immutable.
type placement struct {
	members []region.Member         // of all regions
	serving map[string]*region.Ring // by region: the rings as they are
	planned *region.Ring            // of the own region, as it will be
	all     map[string]*region.Ring // by region: with the suspects, who may return
}

// newPlacement computes the rings of a view for a node of a region.
func newPlacement(v *region.View, own string, p region.Partitions, copies int) (*placement, error) {
	pl := &placement{
		members: v.Members(),
		serving: map[string]*region.Ring{},
		all:     map[string]*region.Ring{},
	}
	var err error
	for _, r := range v.Regions() {
		if pl.serving[r], err = region.NewRing(v.Serving(r), p, copies); err != nil {
			return nil, err
		}
		if pl.all[r], err = region.NewRing(v.InRegion(r), p, copies); err != nil {
			return nil, err
		}
	}
	if pl.planned, err = region.NewRing(v.Planned(own), p, copies); err != nil {
		return nil, err
	}
	if pl.serving[own] == nil {
		if pl.serving[own], err = region.NewRing(nil, p, copies); err != nil {
			return nil, err
		}
	}
	return pl, nil
}

// owner returns the name of the node that owns a partition in a region, empty
// when nobody serves there.
func (pl *placement) owner(r string, p region.Partition) string {
	ring := pl.serving[r]
	if ring == nil || ring.Len() == 0 {
		return ""
	}
	return ring.Owner(p)
}

// replicas returns the IDs of all members that hold a partition or may, those
// that are silent included: everybody whose word it takes for something to be
// stable.
func (pl *placement) replicas(p region.Partition) []crdt.ReplicaID {
	var out []crdt.ReplicaID
	for _, m := range pl.members {
		if m.State == region.StateJoining || pl.mayHold(m, p) {
			out = append(out, m.Replica)
		}
	}
	return out
}

func (pl *placement) mayHold(m region.Member, p region.Partition) bool {
	for _, ring := range []*region.Ring{pl.serving[m.Region], pl.all[m.Region]} {
		if ring != nil && ring.Len() > 0 && ring.Holds(m.Name, p) {
			return true
		}
	}
	return false
}

// serves returns the members that answer for a partition now, of all regions.
func (pl *placement) serves(p region.Partition) []region.Member {
	var out []region.Member
	for _, m := range pl.members {
		if ring := pl.serving[m.Region]; ring != nil && ring.Len() > 0 && ring.Holds(m.Name, p) {
			out = append(out, m)
		}
	}
	return out
}

// named returns the member of a region with a name.
func (pl *placement) named(r, name string) (region.Member, bool) {
	for _, m := range pl.members {
		if m.Region == r && m.Name == name {
			return m, true
		}
	}
	return region.Member{}, false
}
