package region_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/atollcache/atoll/region"
)

// nodes returns n members of region eu, numbered from 1, in zones a, b, … by
// turns when zones is above 0.
func nodes(prefix string, n, zones int) []region.Member {
	var list []region.Member
	for i := range n {
		m := region.Member{Name: fmt.Sprintf("%s-%d", prefix, i+1), Region: "eu", Replica: 1, State: region.StateReady}
		if zones > 0 {
			m.Zone = string(rune('a' + i%zones))
		}
		list = append(list, m)
	}
	return list
}

func newRing(t testing.TB, members []region.Member, p region.Partitions, copies int) *region.Ring {
	t.Helper()
	r, err := region.NewRing(members, p, copies)
	if err != nil {
		t.Fatalf("NewRing(%d members, %d, %d): %v", len(members), p, copies, err)
	}
	return r
}

// A ring must not depend on the order of the list, nor on what a member says
// besides its name, zone and weight.
func TestRingIsAFunctionOfTheMembers(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	members := nodes("eu", 7, 3)
	members[2].Weight = 250
	want := newRing(t, members, 0, 3)
	for range 20 {
		shuffled := slices.Clone(members)
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		for i := range shuffled {
			shuffled[i].Started, shuffled[i].Beat = rng.Uint64(), rng.Uint64()
			shuffled[i].Address, shuffled[i].State = "127.0.0.1:7000", region.StateJoining
		}
		if owners, copies := want.Moved(newRing(t, shuffled, 0, 3)); owners+copies > 0 {
			t.Fatalf("shuffled list: want the same ring, have %d owners and %d copies moved", owners, copies)
		}
	}
}

func TestRingShapes(t *testing.T) {
	for _, test := range []struct{ n, zones, copies, wantCopies int }{
		{0, 0, 2, 0}, {1, 0, 2, 1}, {2, 0, 2, 2}, {3, 1, 0, 2}, {5, 2, 3, 3}, {5, 0, 1, 1}, {9, 3, 8, 8},
	} {
		r := newRing(t, nodes("eu", test.n, test.zones), 64, test.copies)
		if r.Copies() != test.wantCopies || r.Len() != test.n {
			t.Errorf("%+v: have %d copies on %d nodes", test, r.Copies(), r.Len())
		}
		for p := range region.Partition(64) {
			holders := r.Holders(p)
			if distinct := slices.Compact(slices.Sorted(slices.Values(holders))); len(distinct) != test.wantCopies {
				t.Fatalf("%+v: partition %d: want %d different holders, have %v", test, p, test.wantCopies, holders)
			}
			if test.n == 0 {
				continue
			}
			if r.Owner(p) != holders[0] || !slices.Equal(r.Replicas(p), holders[1:]) {
				t.Fatalf("%+v: partition %d: owner %s and replicas %v are not the holders %v", test, p, r.Owner(p), r.Replicas(p), holders)
			}
			for _, name := range holders {
				if !r.Holds(name, p) || !slices.Contains(r.HeldBy(name), p) || slices.Contains(r.OwnedBy(name), p) != (name == holders[0]) {
					t.Fatalf("%+v: partition %d: Holds, HeldBy and OwnedBy of %s do not agree with %v", test, p, name, holders)
				}
			}
		}
		if r.Owner(64) != "" || r.Holders(64) != nil || r.Holds("eu-1", 64) {
			t.Errorf("%+v: a partition that does not exist has holders", test)
		}
	}
}

func TestRingRefuses(t *testing.T) {
	good := nodes("eu", 2, 0)
	twice := append(nodes("eu", 2, 0), good[0])
	mixed := nodes("eu", 2, 0)
	mixed[1].Region = "us"
	nameless := nodes("eu", 2, 0)
	nameless[0].Name = ""
	for _, test := range []struct {
		name    string
		members []region.Member
		p       region.Partitions
		copies  int
		want    string
	}{
		{"odd partitions", good, 100, 2, "power of two"},
		{"too many partitions", good, 32768, 2, "power of two"},
		{"negative copies", good, 64, -1, "copies"},
		{"too many copies", good, 64, region.MaxCopies + 1, "copies"},
		{"same name", twice, 64, 2, "two nodes are named eu-1"},
		{"two regions", mixed, 64, 2, "a ring is of one region"},
		{"no name", nameless, 64, 2, "a-z, 0-9"},
	} {
		_, err := region.NewRing(test.members, test.p, test.copies)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: want an error with %q, have %v", test.name, test.want, err)
		}
	}
}

// No node owns more than 115 % of its weighted share, rounded up.
func TestOwnersAreBounded(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 2))
		members := nodes(fmt.Sprintf("n%d", seed), 1+rng.IntN(24), rng.IntN(4))
		total := 0
		for i := range members {
			members[i].Weight = []int{25, 50, 100, 100, 100, 200, 400}[rng.IntN(7)]
			total += members[i].Weight
		}
		p := region.Partitions(64 << rng.IntN(5))
		r := newRing(t, members, p, 1+rng.IntN(3))
		sum := 0
		for _, m := range members {
			owned := len(r.OwnedBy(m.Name))
			sum += owned
			// The limit in whole numbers: 115 * p * weight / (100 * total), up.
			limit := (115*int(p)*m.Weight + 100*total - 1) / (100 * total)
			if owned > limit {
				t.Errorf("seed %d: %s of weight %d: want at most %d of %d, have %d", seed, m.Name, m.Weight, limit, p, owned)
			}
		}
		if sum != int(p) {
			t.Errorf("seed %d: want %d partitions owned, have %d", seed, p, sum)
		}
	}
}

// Copies go to different zones as long as there are any, and to every zone when
// there are fewer zones than copies.
func TestCopiesSpreadOverZones(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		members := nodes(fmt.Sprintf("n%d", seed), 2+rng.IntN(12), 0)
		zones := map[string]string{}
		used := map[string]bool{}
		for i := range members {
			members[i].Zone = string(rune('a' + rng.IntN(4)))
			members[i].Weight = 50 + rng.IntN(200)
			zones[members[i].Name] = members[i].Zone
			used[members[i].Zone] = true
		}
		r := newRing(t, members, 128, 1+rng.IntN(4))
		want := min(r.Copies(), len(used))
		for p := range region.Partition(128) {
			have := map[string]bool{}
			for _, name := range r.Holders(p) {
				have[zones[name]] = true
			}
			if len(have) != want {
				t.Fatalf("seed %d: partition %d: want %d zones, have %v on %v", seed, p, want, r.Holders(p), zones)
			}
		}
	}
}
