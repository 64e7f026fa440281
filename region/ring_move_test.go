package region_test

import (
	"fmt"
	"testing"

	"github.com/atollcache/atoll/region"
)

// movement is what a node's coming or going moves, in units of the least that
// can move on average: 1/N of the owners or copies, N being the larger size.
type movement struct {
	owners, worstOwners, copies, worstCopies, promoted float64
}

// measureMovement takes one of n nodes away, for many sets of names.
func measureMovement(t *testing.T, n int, p region.Partitions, sets int) (m movement) {
	const copies = 2
	lost, promoted := 0, 0
	for set := range sets {
		members := nodes(fmt.Sprintf("s%d", set), n, 0)
		large := newRing(t, members, p, copies)
		gone := set % n
		small := newRing(t, append(members[:gone:gone], members[gone+1:]...), p, copies)
		owners, out := large.Moved(small)
		_, in := small.Moved(large)
		unit := float64(p) / float64(n)
		m.owners += float64(owners) / unit / float64(sets)
		m.worstOwners = max(m.worstOwners, float64(owners)/unit)
		moved := float64(max(out, in)) / unit / float64(min(copies, n))
		m.copies += moved / float64(sets)
		m.worstCopies = max(m.worstCopies, moved)
		for _, q := range large.OwnedBy(members[gone].Name) {
			lost++
			if large.Holds(small.Owner(q), q) {
				promoted++
			}
		}
	}
	m.promoted = float64(promoted) / float64(lost)
	return m
}

// Adding or removing one of N nodes moves about 1/N of the partitions. Measured
// over the 20 sets of names for each N that follow, with 256 partitions: on
// average at most 1.27/N of the owners and 1.20/N of the copies, for a single
// set at most 1.56/N and 1.44/N, all at N from 16 to 20, and not more than 1.30/N
// up to 10 nodes. At least 93 % of the partitions of a node that is gone go to a
// node that has a copy already.
func TestMovementIsSmall(t *testing.T) {
	for n := 2; n <= 20; n++ {
		m := measureMovement(t, n, 256, 20)
		if m.owners > 1.3 || m.worstOwners > 1.6 || m.copies > 1.25 || m.worstCopies > 1.5 {
			t.Errorf("%d nodes: want at most 1.3/N of the owners and 1.25/N of the copies moved, 1.6/N and 1.5/N at worst; have %+.2f", n, m)
		}
		if m.promoted < 0.92 {
			t.Errorf("%d nodes: want 92 %% of the lost partitions owned by a node with a copy, have %.2f", n, m.promoted)
		}
	}
}

// A node that joins takes partitions from others; that others exchange
// partitions among themselves is the price of the bound and stays small.
func TestJoiningNodeTakesMostOfWhatMoves(t *testing.T) {
	members := nodes("eu", 6, 3)
	before, after := newRing(t, members[:5], 0, 2), newRing(t, members, 0, 2)
	owners, _ := before.Moved(after)
	if taken := len(after.OwnedBy("eu-6")); owners > taken*3/2 {
		t.Errorf("eu-6 took %d partitions and %d moved", taken, owners)
	}
}

func TestMovedOfUnlikeRings(t *testing.T) {
	empty, one := newRing(t, nil, 64, 2), newRing(t, nodes("eu", 1, 0), 64, 2)
	for _, test := range []struct {
		name           string
		from, to       *region.Ring
		owners, copies int
	}{
		{"nothing", one, one, 0, 0},
		{"the first node", empty, one, 64, 64},
		{"the last node", one, empty, 64, 0},
		{"other partitions", one, newRing(t, nodes("eu", 1, 0), 128, 2), 128, 128},
	} {
		if owners, copies := test.from.Moved(test.to); owners != test.owners || copies != test.copies {
			t.Errorf("%s: want %d owners and %d copies, have %d and %d", test.name, test.owners, test.copies, owners, copies)
		}
	}
	if empty.Balance() != 0 || one.Balance() != 1 {
		t.Errorf("balance: want 0 of nobody and 1 of one, have %v and %v", empty.Balance(), one.Balance())
	}
}
