package core

import (
	"maps"
	"slices"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// Placement is who holds what, computed from the member view when it changes. It
// is immutable.
type Placement struct {
	region  string                  // the own one
	members []region.Member         // of all regions
	serving map[string]*region.Ring // by region: the rings as they are; the own one is always there
	planned *region.Ring            // of the own region, as it will be
	all     map[string]*region.Ring // by region: with the suspects, who may return
	mine    *region.Ring            // of the own region, as it will be when this node has joined, before others have
	former  []former                // of the own region, the newest last
	epoch   uint64                  // of the own region's rings
	leads   []region.Partition      // see lead; nil while somebody is about to come or to go
	owns    []bool                  // by partition: this node owns it
}

// former is a ring as it was a short time ago. What was answered by it those have
// who held it then: a partition may go from one node to another without any step
// between, when somebody else comes or goes.
type former struct {
	ring  *region.Ring
	until time.Time // it counts
}

// maxFormer bounds the rings of the past that are kept.
const maxFormer = 8

// newPlacement computes the rings of a view.
func newPlacement(v *region.View, cfg Config) (*Placement, error) {
	pl := &Placement{
		region:  cfg.Region,
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
	pl.owns = make([]bool, cfg.Partitions.Count())
	for p := range pl.owns {
		pl.owns[p] = pl.Owner(cfg.Region, region.Partition(p)) == cfg.Name
	}
	self, known := v.Member(cfg.Region, cfg.Name)
	if pl.mine = pl.serving[cfg.Region]; known && self.State == region.StateJoining {
		pl.mine, err = ring(append(v.Serving(cfg.Region), self))
	}
	pl.leads = pl.findLeads(cfg.Partitions)
	return pl, err
}

// follow notes what was before, which counts until a time.
func (pl *Placement) follow(before *Placement, now, until time.Time) {
	pl.former = slices.DeleteFunc(slices.Clone(before.former), func(f former) bool { return !now.Before(f.until) })
	if pl.epoch == before.epoch {
		return
	}
	if pl.former = append(pl.former, former{before.serving[pl.region], until}); len(pl.former) > maxFormer {
		pl.former = slices.Delete(pl.former, 0, 1)
	}
}

// held returns the members of the own region that have held a partition a short
// time ago and are not silent.
func (pl *Placement) held(p region.Partition, now time.Time) (out []region.Member) {
	for _, f := range pl.former {
		if !now.Before(f.until) || f.ring.Len() == 0 {
			continue
		}
		for _, name := range f.ring.Holders(p) {
			i := slices.IndexFunc(pl.members, func(m region.Member) bool { return m.Name == name && m.Region == pl.region })
			if i >= 0 && pl.members[i].State != region.StateSuspect && !slices.Contains(out, pl.members[i]) {
				out = append(out, pl.members[i])
			}
		}
	}
	return out
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

// Owns reports whether this node owns a partition in its region.
func (pl *Placement) Owns(p region.Partition) bool { return pl.owns[p] }

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

// Replicas returns the IDs of all members that hold a partition or may, this node and
// those that are silent included.
func (pl *Placement) Replicas(p region.Partition) []crdt.ReplicaID { return pl.replicas(p) }

// lives returns the lives of all members, whatever they hold.
func (pl *Placement) lives() []crdt.ReplicaID {
	out := make([]crdt.ReplicaID, len(pl.members))
	for i, m := range pl.members {
		out[i] = m.Replica
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

// isMine reports whether this node, of a name, is to hold a partition: now, or when
// all have joined or left who are about to.
func (pl *Placement) isMine(name string, p region.Partition) bool {
	for _, ring := range []*region.Ring{pl.planned, pl.serving[pl.region], pl.mine} {
		if ring.Len() > 0 && ring.Holds(name, p) {
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
