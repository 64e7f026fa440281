package crdt

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestOrderedNumbers(t *testing.T) {
	values := []uint64{0, 1, 246, 247, 248, 255, 256, 65535, 65536, 1 << 32, math.MaxUint64 - 1, math.MaxUint64}
	for i, v := range values {
		b := string(appendOrdered(nil, v))
		if have, rest, ok := cutOrdered(b + "x"); have != v || rest != "x" || !ok {
			t.Errorf("%d: want it back, have %d, %q, %v", v, have, rest, ok)
		}
		if i > 0 && string(appendOrdered(nil, values[i-1])) >= b {
			t.Errorf("%d: does not sort after %d", v, values[i-1])
		}
	}
}

func TestOrderedIndices(t *testing.T) {
	values := []int64{math.MinInt64, math.MinInt64 + 1, -1 << 40, -65537, -66, -65, -64, -2, -1, 0, 1, 63, 64, 65, 300, 1 << 40, math.MaxInt64}
	for i, v := range values {
		b := string(appendIndex(nil, v))
		if have, rest, ok := cutIndex(b + "x"); have != v || rest != "x" || !ok {
			t.Errorf("%d: want it back, have %d, %q, %v", v, have, rest, ok)
		}
		if i > 0 && string(appendIndex(nil, values[i-1])) >= b {
			t.Errorf("%d: does not sort after %d", v, values[i-1])
		}
	}
}

func TestHostilePositions(t *testing.T) {
	good, _ := runBetween("", "", Dot{1, 1})
	for name, p := range map[string]string{
		"empty":       "",
		"cut short":   good.at(0)[:5],
		"no place":    string(good),
		"one byte on": good.at(0) + "\x80",
		"long number": string(good) + "\xf8\x00",
		"too long":    strings.Repeat(good.at(0), maxPosition),
		"no replica":  "\x80" + strings.Repeat("\x00", 8) + "\x01\x00",
		"no number":   "\x80" + strings.Repeat("\x01", 8) + "\x00\x00",
		"wide index":  "\xc8" + strings.Repeat("\x01", 20),
		"index wraps": "\xc7" + strings.Repeat("\xff", 20),
	} {
		if isPosition(p) {
			t.Errorf("%s: want no position, have one", name)
		}
	}
	if !isPosition(good.at(0)) || !isPosition(good.at(0)+good.at(1000)) {
		t.Error("want positions")
	}
}

// TestPositionsBetween inserts at random places of a list as many writers would,
// and looks whether everything is where it was put.
func TestPositionsBetween(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var have []string
		full := 0
		for n := uint64(1); n < 300; n++ {
			at := r.IntN(len(have) + 1)
			switch r.IntN(4) { // Often at one end, or where the last one went.
			case 0:
				at = 0
			case 1:
				at = len(have)
			case 2:
				at = min(int(n)/2, len(have))
			}
			before, after := "", ""
			if at > 0 {
				before = have[at-1]
			}
			if at < len(have) {
				after = have[at]
			}
			in, ok := runBetween(before, after, Dot{ReplicaID(1 + r.IntN(3)), n})
			if !ok {
				full++
				continue
			}
			for i := range 1 + r.IntN(3) {
				p := in.at(i)
				if p <= before || after != "" && p >= after || !isPosition(p) {
					t.Fatalf("seed %d: %x is not between %x and %x", seed, p, before, after)
				}
				have = slices.Insert(have, at+i, p)
				before = p
			}
		}
		if full > 0 {
			t.Errorf("seed %d: no room for %d inserts", seed, full)
		}
	}
}

// TestPositionsStayShort inserts in the ways that lists are used.
func TestPositionsStayShort(t *testing.T) {
	ways := map[string]func(low, high, made string) (string, string){
		"append":             func(_, _, made string) (string, string) { return made, "" },
		"prepend":            func(_, _, made string) (string, string) { return "", made },
		"after the last one": func(_, high, made string) (string, string) { return made, high },
		"before it":          func(low, _, made string) (string, string) { return low, made },
	}
	low, _ := runBetween("", "", Dot{1, 1})
	high, _ := runBetween(low.at(0), "", Dot{1, 2})
	for name, way := range ways {
		before, after := low.at(0), high.at(0)
		var p string
		for n := range uint64(100000) {
			r, ok := runBetween(before, after, Dot{1, 3 + n})
			if !ok {
				t.Fatalf("%s: no room after %d inserts", name, n)
			}
			p = r.at(0)
			before, after = way(low.at(0), high.at(0), p)
		}
		if len(p) > 40 {
			t.Errorf("%s: want a short position, have %d bytes", name, len(p))
		}
	}
}

func TestNoRoom(t *testing.T) {
	first, _ := runBetween("", "", Dot{1, 1})
	second, _ := runBetween(first.at(0), "", Dot{1, 2})
	before, after := first.at(0), second.at(0)
	for n := uint64(3); n < 1000; n++ {
		r, ok := runBetween(before, after, Dot{1, n})
		if !ok {
			if n < 60 {
				t.Errorf("want room for some sixty, have it for %d", n)
			}
			return
		}
		if n%2 == 0 {
			before = r.at(0)
		} else {
			after = r.at(0)
		}
	}
	t.Error("want an end of positions, have none")
}

func TestPositionText(t *testing.T) {
	r, _ := runBetween("", "", Dot{255, 3})
	first := r.at(0)
	inner, _ := runBetween(first, r.at(1), Dot{254, 9})
	for _, c := range []struct{ field, want string }{
		{first, "0@00000000000000ff#3.0"},
		{r.at(7), "0@00000000000000ff#3.7"},
		{inner.at(0), "0@00000000000000ff#3.0/0@00000000000000fe#9.0"},
		{"x", `"x"`},
	} {
		if have := PositionText(c.field); have != c.want {
			t.Errorf("%x: want %s, have %s", c.field, c.want, have)
		}
	}
}
