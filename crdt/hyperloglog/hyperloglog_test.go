package hyperloglog

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// Ranks come as often as they should.
func TestPlace(t *testing.T) {
	for register := range 3 {
		seen := [MaxRank + 1]int{}
		for i := range 1 << 16 {
			_, rank := Place(fmt.Sprint(register, i))
			seen[rank]++
		}
		for rank := 1; rank <= 8; rank++ {
			want := float64(int(1) << (16 - rank))
			if have := float64(seen[rank]); math.Abs(have-want) > 6*math.Sqrt(want) {
				t.Errorf("rank %d: want about %v elements of 65,536, have %v", rank, want, have)
			}
		}
	}
}

// The estimate is within a few standard errors, whatever the number.
func TestEstimate(t *testing.T) {
	r := &Registers{}
	if n := r.Estimate(); n != 0 {
		t.Errorf("nothing: want 0, have %d", n)
	}
	next := 1
	for i := 1; i <= 300_000; i++ {
		register, rank := Place(fmt.Sprint("element ", i))
		r.Raise(register, rank)
		if i == next {
			next = next*3/2 + 1
			if have := float64(r.Estimate()); math.Abs(have-float64(i)) > 0.5+4*0.0081*float64(i) {
				t.Errorf("%d elements: have %v", i, have)
			}
		}
	}
	for i := range r {
		r[i] = MaxRank
	}
	if n := r.Estimate(); n < 1<<60 {
		t.Errorf("full registers: have %d", n)
	}
}

// Merged registers are those that have seen both.
func TestMerge(t *testing.T) {
	var a, b, both Registers
	for i := range 5000 {
		register, rank := Place(fmt.Sprint(i))
		both.Raise(register, rank)
		if i%3 > 0 {
			a.Raise(register, rank)
		}
		if i%3 < 2 {
			b.Raise(register, rank)
		}
	}
	again := a
	a.Merge(&b)
	b.Merge(&again)
	if a != both || b != both {
		t.Error("merged registers differ from those that have seen all")
	}
	if a.Merge(&b); a != both {
		t.Error("merging again changes registers")
	}
}

// What is packed is unpacked, and the other way round.
func TestPack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := 0; n <= Count; n = n*2 + 1 {
		want := &Registers{}
		for range n {
			want[r.IntN(Count)] = uint8(1 + r.IntN(MaxRank))
		}
		packed := want.String()
		if len(packed) > Blocks*(packedSize+2) {
			t.Errorf("%d registers: %d bytes", n, len(packed))
		}
		have, ok := Parse(packed)
		if !ok || *have != *want {
			t.Errorf("%d registers: unpacked others, %t", n, ok)
		}
	}
	for _, bad := range []string{"\x00", "\x00\x00", "\x80\x02\x01\x01", "\x00\x02\x01", "\x00\x02\x80\x01", "\x00\x02\x01\x34", "\x01\x02\x01\x01\x01\x02\x01\x01"} {
		if _, ok := Parse(bad); ok {
			t.Errorf("%q: taken for registers", bad)
		}
	}
	var b Block
	if b.Raise(strings.Repeat("\xff", packedSize)) || b != (Block{}) {
		t.Errorf("ranks that there are not: have %v", b)
	}
}

func FuzzParse(f *testing.F) {
	f.Add((&Registers{1: 5, 200: 51}).String())
	f.Fuzz(func(t *testing.T, s string) {
		if r, ok := Parse(s); ok {
			again, ok := Parse(r.String())
			if !ok || *again != *r {
				t.Errorf("%q: packed anew it means something else", s)
			}
		}
	})
}
