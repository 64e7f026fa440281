package region_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollcache/atoll/region"
)

var update = flag.Bool("update", false, "rewrite the golden files; a change breaks every running cluster")

// The golden files pin the placement for ever: nodes of all versions and clients
// in all languages must compute the same. Each holds the members, then one line
// per partition: its number, the owner, the replicas.
func TestGoldenRings(t *testing.T) {
	weighted := nodes("eu", 4, 0)
	weighted[0].Weight, weighted[3].Weight = 50, 300
	both := nodes("node", 7, 3)
	both[1].Weight, both[4].Weight = 200, 25
	lopsided := nodes("eu", 6, 0)
	for i := range lopsided {
		lopsided[i].Zone = "big"
	}
	lopsided[2].Zone = "small"
	for _, test := range []struct {
		name    string
		members []region.Member
		p       region.Partitions
		copies  int
	}{
		{"one", nodes("eu", 1, 0), 64, 2},
		{"two", nodes("eu", 2, 0), 64, 2},
		{"three", nodes("eu", 3, 0), 256, 2},
		{"five", nodes("eu", 5, 0), 256, 2},
		{"twenty", nodes("eu", 20, 0), 256, 2},
		{"weights", weighted, 256, 2},
		{"zones", nodes("eu", 6, 3), 256, 2},
		{"lopsided-zones", lopsided, 128, 2},
		{"weights-zones-3-copies", both, 256, 3},
		{"fewer-zones-than-copies", nodes("eu", 5, 2), 128, 3},
	} {
		file := filepath.Join("..", "testdata", "ring", test.name+".golden")
		have := writeRing(newRing(t, test.members, test.p, test.copies), test.members, test.p, test.copies)
		if *update {
			if err := os.WriteFile(file, []byte(have), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != have {
			t.Errorf("%s: the placement changed, which no released version may do: %s", file, firstDifference(string(want), have))
		}
	}
}

func writeRing(r *region.Ring, members []region.Member, p region.Partitions, copies int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "partitions %d\ncopies %d\n", p, copies)
	for _, m := range members {
		weight := m.Weight
		if weight == 0 {
			weight = region.DefaultWeight
		}
		fmt.Fprintf(&b, "member %s weight %d zone %q\n", m.Name, weight, m.Zone)
	}
	for i := range region.Partition(p.Count()) {
		fmt.Fprintf(&b, "%d %s\n", i, strings.Join(r.Holders(i), " "))
	}
	return b.String()
}

func firstDifference(want, have string) string {
	w, h := strings.Split(want, "\n"), strings.Split(have, "\n")
	for i := range min(len(w), len(h)) {
		if w[i] != h[i] {
			return fmt.Sprintf("line %d: want %q, have %q", i+1, w[i], h[i])
		}
	}
	return fmt.Sprintf("want %d lines, have %d", len(w), len(h))
}
