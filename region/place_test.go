package region

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/zeebo/xxh3"
)

// minusLog2 agrees with the mathematical library's logarithm.
func TestMinusLog2(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	inputs := []uint64{0, 1, 2, 3, 1 << 63, 1<<63 - 1, math.MaxUint64, math.MaxUint64 - 1}
	for range 2000 {
		inputs = append(inputs, rng.Uint64()>>rng.IntN(64))
	}
	for _, u := range inputs {
		want := 64 - math.Log2(float64(u|1))
		if have := float64(minusLog2(u)) / (1 << 32); math.Abs(have-want) > 1e-9 {
			t.Errorf("minusLog2(%d): want %v, have %v", u, want, have)
		}
	}
	for u := uint64(1); u < 1<<63; u = u*3 + 1 {
		if minusLog2(u) < minusLog2(u+1) {
			t.Errorf("minusLog2 is not falling at %d", u)
		}
	}
}

// Without a bound, partitions would fall on nodes in proportion to the weights.
func TestCostFollowsWeights(t *testing.T) {
	list := []ringNode{}
	for i, w := range []int{50, 100, 250} {
		list = append(list, newRingNode(Member{Name: fmt.Sprintf("eu-%d", i), Weight: w}))
	}
	count := make([]int, len(list))
	const tries = 40000
	for p := range tries {
		best := 0
		for i := range list {
			if list[i].cost(p) < list[best].cost(p) {
				best = i
			}
		}
		count[best]++
	}
	for i, n := range count {
		want := float64(list[i].weight) / 400
		if have := float64(n) / tries; math.Abs(have-want) > 0.01 {
			t.Errorf("weight %d of 400: want %.3f of the partitions, have %.3f", list[i].weight, want, have)
		}
	}
}

// Owners are where a plain reading of README.md puts them: here with floating
// point and the specification's own words.
func TestOwnersAgainstPlainReading(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 5))
		var list []ringNode
		total := 0
		for i := range 1 + rng.IntN(9) {
			list = append(list, newRingNode(Member{Name: fmt.Sprintf("n%d-%d", seed, i), Weight: 1 + rng.IntN(300)}))
			total += list[i].weight
		}
		owned := make([]int, len(list))
		for p, have := range place(list, 128, 1) {
			want, wantCost := -1, math.Inf(1)
			for i, n := range list {
				if float64(owned[i]) >= math.Ceil(1.15*128*float64(n.weight)/float64(total)) {
					continue
				}
				var number [8]byte
				number[0] = byte(p)
				u := float64(xxh3.HashSeed(number[:], xxh3.HashString(n.name))) / (1 << 64)
				if cost := -math.Log2(u) / float64(n.weight); cost < wantCost {
					want, wantCost = i, cost
				}
			}
			if want != int(have) {
				t.Fatalf("seed %d, partition %d: want %s, have %s", seed, p, list[want].name, list[have].name)
			}
			owned[want]++
		}
	}
}

// The numbers that README.md gives for those who write a client.
func TestREADMENumbers(t *testing.T) {
	n := newRingNode(Member{Name: "eu-1", Weight: 100})
	var number [8]byte
	number[0] = 7
	u := xxh3.HashSeed(number[:], n.seed)
	have := fmt.Sprintf("seed %016x u %016x log %d cost %d", n.seed, u, minusLog2(u), n.cost(7))
	if want := "seed 84cfc8d3d53ab917 u df422cc7de2674ed log 847949956 cost 142262395690024"; have != want {
		t.Errorf("want %s, have %s", want, have)
	}
}

func TestDivide(t *testing.T) {
	for _, test := range []struct {
		total int64
		parts []part
		want  string
	}{
		{12, []part{{1, 0, 99}, {2, 0, 99}}, "[4/1 8/1]"},
		{10, []part{{1, 0, 99}, {2, 0, 99}}, "[10/3 20/3]"},
		{20, []part{{1, 0, 10}, {9, 0, 10}}, "[10/1 10/1]"},
		{20, []part{{1, 0, 10}, {1, 0, 10}, {8, 0, 10}}, "[5/1 5/1 10/1]"},
		{30, []part{{1, 10, 40}, {9, 10, 40}}, "[10/1 20/1]"},
		{30, []part{{1, 10, 40}, {1, 10, 40}, {9, 10, 12}}, "[10/1 10/1 10/1]"},
	} {
		have := fmt.Sprint(divide(big.NewRat(test.total, 1), test.parts))
		if have != test.want {
			t.Errorf("%d among %v: want %s, have %s", test.total, test.parts, test.want, have)
		}
	}
}

// No node holds more than 115 % of the share that its weight and the zones give
// it, and limits leave room for all copies.
func TestHoldersAreBounded(t *testing.T) {
	const partitions = 256
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 3))
		pl := &placement{}
		zones := 1 + rng.IntN(5)
		for i := range 2 + rng.IntN(18) {
			pl.nodes = append(pl.nodes, newRingNode(Member{
				Name: fmt.Sprintf("n%d-%d", seed, i), Zone: fmt.Sprint(rng.IntN(zones)), Weight: []int{50, 100, 100, 200}[rng.IntN(4)],
			}))
		}
		pl.numberZones()
		width := min(2+rng.IntN(2), len(pl.nodes))
		load, room := make([]int, len(pl.nodes)), 0
		for _, i := range place(pl.nodes, partitions, width) {
			load[i]++
		}
		for i, limit := range holderLimits(pl.nodes, pl.zone, pl.zones, partitions, width) {
			room += limit
			if load[i] > limit {
				t.Errorf("seed %d: node %+v: want at most %d of %d partitions, have %d", seed, pl.nodes[i], limit, partitions, load[i])
			}
		}
		if room < partitions*width {
			t.Errorf("seed %d: limits leave room for %d of %d copies", seed, room, partitions*width)
		}
	}
}

// With one equal zone the share of each node is plain: copies * partitions / N.
func TestHolderLimitsPlain(t *testing.T) {
	pl := &placement{}
	for i := range 5 {
		pl.nodes = append(pl.nodes, newRingNode(Member{Name: fmt.Sprint(i)}))
	}
	pl.numberZones()
	have := fmt.Sprint(holderLimits(pl.nodes, pl.zone, pl.zones, 256, 2))
	if want := "[118 118 118 118 118]"; have != want { // 1.15 * 2 * 256 / 5 = 117.76
		t.Errorf("limits: want %s, have %s", want, have)
	}
}

// When nobody can make room the fullest by least goes over its limit, and no
// partition is left without its copy.
func TestPlacementSpills(t *testing.T) {
	pl := &placement{width: 1, table: make([]uint16, 3), load: []int{4, 5}, limit: []int{2, 5}}
	for i := range 2 {
		pl.nodes = append(pl.nodes, newRingNode(Member{Name: fmt.Sprint(i)}))
	}
	pl.numberZones()
	if have := pl.choose(2, 0); have != 1 {
		t.Errorf("want node 1, which is at its limit, before node 0 at twice its limit, have %d", have)
	}
}

func BenchmarkNewRing(b *testing.B) {
	for _, size := range []struct{ n, p int }{{3, 256}, {20, 256}, {100, 1024}} {
		b.Run(fmt.Sprintf("nodes=%d/partitions=%d", size.n, size.p), func(b *testing.B) {
			var members []Member
			for i := range size.n {
				members = append(members, Member{Name: fmt.Sprintf("eu-%d", i), Region: "eu", Replica: 1, Zone: fmt.Sprint(i % 3)})
			}
			for b.Loop() {
				if _, err := NewRing(members, Partitions(size.p), 2); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSlotOf(b *testing.B) {
	for b.Loop() {
		SlotOf("{user1000}.following.list")
	}
}

func BenchmarkEncodeKey(b *testing.B) {
	var buf [128]byte
	for b.Loop() {
		AppendKey(buf[:0], "users.1000.following list")
	}
}
