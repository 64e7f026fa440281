package crdt

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestParseInt(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "7": 7, "-7": -7, "9223372036854775807": math.MaxInt64, "-9223372036854775808": math.MinInt64,
	} {
		if have, ok := ParseInt(in); !ok || have != want {
			t.Errorf("%q: want %d, have %d, %v", in, want, have, ok)
		}
	}
	for _, in := range []string{"", "-", "+1", "-0", "00", "01", "-01", " 1", "1 ", "1.0", "1e3", "0x1", "1_0", "½",
		"9223372036854775808", "-9223372036854775809", "--1", "abc"} {
		if have, ok := ParseInt(in); ok {
			t.Errorf("%q: want none, have %d", in, have)
		}
	}
}

func TestParseFloat(t *testing.T) {
	for in, want := range map[string]float64{
		"0": 0, "1.5": 1.5, "-1.5": -1.5, "1e3": 1000, "5.0e3": 5000, ".5": 0.5, "007": 7,
		"inf": math.Inf(1), "-inf": math.Inf(-1), "Infinity": math.Inf(1),
	} {
		if have, ok := ParseFloat(in); !ok || have != want {
			t.Errorf("%q: want %v, have %v, %v", in, want, have, ok)
		}
	}
	for _, in := range []string{"", "nan", "NaN", "-nan", "0x10", "0X1p4", "1_000", " 1", "1 ", "1e400", "-1e400", "abc", "1.5.2"} {
		if have, ok := ParseFloat(in); ok {
			t.Errorf("%q: want none, have %v", in, have)
		}
	}
}

func TestFormatFloat(t *testing.T) {
	tenth := 0.1 // A variable: constants would be added exactly.
	for want, in := range map[string]float64{
		"0": math.Copysign(0, -1), "3": 3, "10.5": 10.5, "-0.1": -0.1, "0.30000000000000004": tenth + 0.2,
		"100000000000000000000": 1e20, "1e+21": 1e21, "0.00001": 1e-5, "1e-18": 1e-18,
		"inf": math.Inf(1), "-inf": math.Inf(-1), "9007199254740992": 9007199254740993,
	} {
		if have := FormatFloat(in); have != want {
			t.Errorf("%g: want %s, have %s", in, want, have)
		}
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 10_000 {
		f := math.Float64frombits(rnd.Uint64())
		if have, ok := ParseFloat(FormatFloat(f)); !math.IsNaN(f) && (!ok || have != f) {
			t.Fatalf("%g written as %s: have %g, %v", f, FormatFloat(f), have, ok)
		}
	}
}

func TestTally(t *testing.T) {
	const big = math.MaxInt64
	for _, test := range []struct {
		name string
		adds []Number
		want string
	}{
		{"nothing", nil, "0"},
		{"integers", []Number{{Int: 3}, {Int: -5}}, "-2"},
		{"above the end", []Number{{Int: big}, {Int: 1}}, "9223372036854775807"},
		{"below the end", []Number{{Int: -big}, {Int: -big}}, "-9223372036854775808"},
		{"over the end and back", []Number{{Int: big}, {Int: big}, {Int: -big}, {Int: -big}, {Int: 4}}, "4"},
		{"the same in another order", []Number{{Int: big}, {Int: -big}, {Int: 4}, {Int: big}, {Int: -big}}, "4"},
		{"both parts", []Number{{1, 0.5}, {2, 0.25}}, "3.75"},
		{"a float part of zero", []Number{{1, 0.5}, {2, -0.5}}, "3"},
		{"a whole float part of a large integer", []Number{{math.MinInt64, 50.5}, {0, 0.5}}, "-9223372036854775757"},
		{"over the end and back by a float", []Number{{math.MinInt64, 0}, {-4, 4}}, "-9223372036854775808"},
		{"a whole float part past the end", []Number{{big, 1}}, "9223372036854776000"},
		{"infinities", []Number{{0, math.Inf(1)}, {0, math.Inf(-1)}}, "0"},
	} {
		var tl tally
		for _, n := range test.adds {
			tl.add(n)
		}
		if have := tl.String(); have != test.want {
			t.Errorf("%s: want %s, have %s", test.name, test.want, have)
		}
	}
}

func TestAddExact(t *testing.T) {
	for _, test := range []struct {
		a, b int64
		ok   bool
	}{
		{0, 0, true}, {5, 0, true}, {-5, 0, true}, {math.MaxInt64, 0, true}, {math.MinInt64, 0, true},
		{math.MaxInt64, 1, false}, {math.MaxInt64 - 1, 1, true}, {math.MinInt64, -1, false}, {math.MinInt64 + 1, -1, true},
		{math.MaxInt64, math.MinInt64, true}, {math.MinInt64, math.MinInt64, false},
	} {
		if sum, ok := addExact(test.a, test.b); ok != test.ok || sum != test.a+test.b {
			t.Errorf("%d + %d: want fits %v, have %d, %v", test.a, test.b, test.ok, sum, ok)
		}
	}
}
