package crdt

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// model is a vector as a plain map.
type model map[ReplicaID]uint64

func (m model) vector() Vector {
	var v Vector
	for _, r := range slices.Sorted(maps.Keys(m)) {
		v = append(v, Dot{r, m[r]})
	}
	return v
}

// merge combines two models replica by replica, leaving out zeros.
func merge(a, b model, f func(x, y uint64) uint64) model {
	out := model{}
	for _, m := range []model{a, b} {
		for r := range m {
			if n := f(a[r], b[r]); n > 0 {
				out[r] = n
			}
		}
	}
	return out
}

func randomModel(rnd *rand.Rand) model {
	m := model{}
	for range rnd.IntN(6) {
		m[ReplicaID(rnd.IntN(7)+1)] = uint64(rnd.IntN(4) + 1)
	}
	return m
}

func TestVectorAgainstMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		a, b := randomModel(rnd), randomModel(rnd)
		v, w := a.vector(), b.vector()
		keepV, keepW := v.Clone(), w.Clone()
		covers := true
		for r, n := range b {
			covers = covers && a[r] >= n
		}
		r := ReplicaID(rnd.IntN(8) + 1)
		d := Dot{r, uint64(rnd.IntN(6))}
		without, advanced := maps.Clone(a), maps.Clone(a)
		delete(without, r)
		if d.N > a[r] {
			advanced[r] = d.N
		}
		beyond := merge(a, b, func(x, y uint64) uint64 {
			if x > y {
				return x
			}
			return 0
		})
		for name, pair := range map[string][2]Vector{
			"Join":    {merge(a, b, func(x, y uint64) uint64 { return max(x, y) }).vector(), v.Join(w)},
			"Meet":    {merge(a, b, func(x, y uint64) uint64 { return min(x, y) }).vector(), v.Meet(w)},
			"Beyond":  {beyond.vector(), v.Beyond(w)},
			"Without": {without.vector(), v.Without(r)},
			"Advance": {advanced.vector(), v.Clone().Advance(d)},
		} {
			if !pair[0].Equal(pair[1]) {
				t.Fatalf("%s of %v and %v (%v): want %v, have %v", name, v, w, d, pair[0], pair[1])
			}
		}
		if v.CoversAll(w) != covers || v.Get(r) != a[r] || v.Covers(d) != (a[r] >= d.N) {
			t.Fatalf("%v against %v and %v: have covers all %v, %d, %v", v, w, d, v.CoversAll(w), v.Get(r), v.Covers(d))
		}
		if v.Equal(w) != maps.Equal(a, b) {
			t.Fatalf("%v equals %v: have %v", v, w, v.Equal(w))
		}
		if !v.Equal(keepV) || !w.Equal(keepW) {
			t.Fatalf("want %v and %v untouched, have %v and %v", keepV, keepW, v, w)
		}
	}
}
