package core

import (
	"slices"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// Partitions that are published together are held by the same nodes, and those of a
// cluster with one node in each region are published under few subjects.
func TestLeadsHaveTheSameHolders(t *testing.T) {
	member := func(r, name string, s region.State) region.Member {
		return region.Member{Region: r, Name: name, Replica: crdt.ReplicaID(name[0]), State: s}
	}
	place := func(members ...region.Member) *Placement {
		t.Helper()
		pl := &Placement{region: "eu", members: members, serving: map[string]*region.Ring{}, all: map[string]*region.Ring{}}
		for _, r := range []string{"eu", "us"} {
			in := slices.DeleteFunc(slices.Clone(members), func(m region.Member) bool { return m.Region != r })
			all, err := region.NewRing(in, 64, 2)
			if err != nil {
				t.Fatal(err)
			}
			here, err := region.NewRing(slices.DeleteFunc(in, func(m region.Member) bool { return m.State == region.StateSuspect }), 64, 2)
			if err != nil {
				t.Fatal(err)
			}
			pl.all[r], pl.serving[r] = all, here
		}
		pl.leads = pl.findLeads(64)
		return pl
	}
	ready, suspect := region.StateReady, region.StateSuspect
	for name, test := range map[string]struct {
		pl    *Placement
		leads int // different ones, at most
	}{
		"one in each":    {place(member("eu", "a", ready), member("us", "b", ready)), leadGroups},
		"two and three":  {place(member("eu", "a", ready), member("eu", "b", ready), member("us", "c", ready), member("us", "d", ready), member("us", "e", ready)), 3 * leadGroups},
		"one is silent":  {place(member("eu", "a", ready), member("eu", "b", suspect), member("eu", "c", ready), member("us", "d", ready)), 64},
		"one is joining": {place(member("eu", "a", ready), member("us", "b", region.StateJoining)), 64},
		"one is leaving": {place(member("eu", "a", ready), member("us", "b", region.StateLeaving)), 64},
	} {
		leads := map[region.Partition]bool{}
		for p := range region.Partition(64) {
			lead := test.pl.lead(p)
			leads[lead] = true
			if want, have := test.pl.replicas(p), test.pl.replicas(lead); !slices.Equal(want, have) || lead > p || p%leadGroups != lead%leadGroups {
				t.Errorf("%s: partition %d, held by %v, is published under %d, held by %v", name, p, want, lead, have)
			}
		}
		if len(leads) > test.leads {
			t.Errorf("%s: want at most %d subjects, have %d", name, test.leads, len(leads))
		}
	}
	moving := place(member("eu", "a", ready), member("us", "b", region.StateJoining))
	for p := range region.Partition(64) {
		if moving.lead(p) != p {
			t.Fatalf("while somebody joins: want partition %d published under its own subject, have %d", p, moving.lead(p))
		}
	}
	if lead := moving.lead(2000); lead != 2000 {
		t.Errorf("a partition that there is not: want itself, have %d", lead)
	}
}
