package crdt

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Number is an amount that increments add up to: an integer part and a floating
// part, kept apart so that integer counters stay exact whatever else is added.
type Number struct {
	Int   int64
	Float float64
}

// Plus returns n + o. The integer part wraps on overflow; mutators refuse an
// increment that would overflow before it comes to that.
func (n Number) Plus(o Number) Number { return Number{n.Int + o.Int, n.Float + o.Float} }

// Minus returns n - o.
func (n Number) Minus(o Number) Number { return Number{n.Int - o.Int, n.Float - o.Float} }

// String returns the sum of both parts as a reply shows it.
func (n Number) String() string {
	var t tally
	t.add(n)
	return t.String()
}

// ParseInt reads a decimal integer as Redis does: no sign but '-', no leading
// zeros, no spaces, 64 bits.
func ParseInt(s string) (int64, bool) {
	if s == "" || s == "-0" || s[0] == '+' {
		return 0, false
	}
	if digits := strings.TrimPrefix(s, "-"); len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// ParseFloat reads a decimal number, inf or -inf. It refuses NaN, hexadecimal
// and underscores, which Go would take.
func ParseFloat(s string) (float64, bool) {
	if s == "" || strings.ContainsAny(s, "xX_") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) {
		return 0, false
	}
	return f, true
}

// FormatFloat writes a number as Redis replies it: shortest form that reads
// back the same, no exponent below 1e21, "inf" and "-inf".
func FormatFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f == 0:
		return "0"
	case math.Abs(f) < 1e21 && math.Abs(f) >= 1e-17:
		return strconv.FormatFloat(f, 'f', -1, 64)
	default:
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
}

// tally adds a base value and contributions up. It is exact for integers, in
// whatever order they come, and saturates only at the end.
type tally struct {
	wide  big.Int
	small int64
	isBig bool
	float float64
	mixed bool // a floating part was added
}

func (t *tally) addInt(n int64) {
	if t.isBig {
		t.wide.Add(&t.wide, big.NewInt(n))
		return
	}
	if sum, ok := addExact(t.small, n); ok {
		t.small = sum
		return
	}
	t.isBig = true
	t.wide.Add(big.NewInt(t.small), big.NewInt(n))
}

func (t *tally) addFloat(f float64) {
	t.mixed = true
	t.float += f
}

func (t *tally) add(n Number) {
	t.addInt(n.Int)
	if n.Float != 0 {
		t.addFloat(n.Float)
	}
}

// int returns the integer part, at the nearest end of the range if it does not
// fit in 64 bits.
func (t *tally) int() int64 {
	switch {
	case !t.isBig:
		return t.small
	case t.wide.IsInt64():
		return t.wide.Int64()
	case t.wide.Sign() > 0:
		return math.MaxInt64
	default:
		return math.MinInt64
	}
}

// value returns the whole sum as a float. The sum of opposite infinities is
// zero, so that every replica has a number to show.
func (t *tally) value() float64 {
	f := float64(t.int()) + t.float
	if math.IsNaN(f) {
		return 0
	}
	return f
}

// maxWhole is the end of the range in which every whole number is a float.
const maxWhole = 1 << 53

// String returns the sum as a reply shows it. A floating part that is a whole
// number is added exactly.
func (t *tally) String() string {
	if t.mixed && t.float == math.Trunc(t.float) && math.Abs(t.float) <= maxWhole {
		whole := tally{small: t.small, isBig: t.isBig}
		whole.wide.Set(&t.wide)
		whole.addInt(int64(t.float))
		if !whole.isBig || whole.wide.IsInt64() {
			return strconv.FormatInt(whole.int(), 10)
		}
	}
	if !t.mixed {
		return strconv.FormatInt(t.int(), 10)
	}
	return FormatFloat(t.value())
}

// addExact returns a+b and whether it fits.
func addExact(a, b int64) (int64, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0)
}
