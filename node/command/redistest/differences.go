package redistest

import (
	"math"
	"slices"
	"strings"

	"github.com/atollcache/atoll/node/command"
)

// difference is a way in which Atoll's reply may differ from Redis's.
type difference struct {
	// name is that of its section in DIFFERENCES.md.
	name string
	// allows reports whether two replies that are not equal differ so.
	allows func(args []string, theirs, ours Value) bool
	// diverges says that the keys of the command hold different things afterwards.
	diverges bool
}

// differences are all that there are, each described in DIFFERENCES.md.
var differences = []difference{
	{"object", func(args []string, theirs, ours Value) bool {
		return strings.EqualFold(args[0], "OBJECT") && theirs.Kind == ours.Kind && theirs.Kind != Error
	}, false},
	{"far-future", func(args []string, theirs, ours Value) bool {
		const year10000 = 253_402_300_800
		limit := map[string]int64{"TTL": year10000, "EXPIRETIME": year10000, "PTTL": year10000 * 1000, "PEXPIRETIME": year10000 * 1000}[strings.ToUpper(args[0])]
		return limit > 0 && theirs.Kind == Int && ours.Kind == Int && ours.Int > limit/2 && theirs.Int >= ours.Int
	}, false},
	{"cursor", func(args []string, theirs, ours Value) bool {
		return ours.Kind == Error && ours.Text == command.ErrCursor.Text && (args[2] == "" || strings.Contains("+-", args[2][:1]))
	}, false},
	{"empty-number", func(args []string, theirs, ours Value) bool {
		empty := func(a string) bool { return a == "" || a == "(" }
		return ours.Kind == Error && ours.Text == command.ErrBounds.Text && slices.ContainsFunc(args[2:], empty)
	}, true},
	{"databases", func(args []string, theirs, ours Value) bool {
		return ours.Kind == Error && ours.Text == command.ErrDatabase.Text
	}, true},
	{"lowest-rank", func(args []string, theirs, ours Value) bool {
		return strings.EqualFold(args[0], "LPOS") && ours.Kind == Error && slices.Contains(args[3:], "-9223372036854775808")
	}, false},
	{"own-sum", func(args []string, theirs, ours Value) bool {
		verb := strings.ToUpper(args[0])
		counts := strings.Contains(verb, "INCR") || strings.Contains(verb, "DECR")
		return counts && theirs.Kind == Int && ours.Kind == Error && strings.HasSuffix(ours.Text, "would overflow")
	}, true},
	{"floats", func(args []string, theirs, ours Value) bool {
		verb := strings.ToUpper(args[0])
		if strings.HasSuffix(verb, "INCRBYFLOAT") && len(theirs.Text) > 300 && ours.Kind == Error {
			return true // beyond what a float can hold
		}
		return (verb[0] == 'Z' || strings.HasSuffix(verb, "INCRBYFLOAT")) && near(theirs, ours)
	}, true},
}

// near reports whether two replies differ in the last digits of numbers alone.
func near(a, b Value) bool {
	if a.Kind != b.Kind || len(a.List) != len(b.List) {
		return false
	}
	for i := range a.List {
		if !near(a.List[i], b.List[i]) {
			return false
		}
	}
	x, isX := a.number()
	y, isY := b.number()
	return a.Text == b.Text && a.Int == b.Int || isX && isY && math.Abs(x-y) <= 1e-9*math.Abs(x)
}

// DifferenceNames returns the names of the ways in which replies may differ,
// sorted.
func DifferenceNames() []string {
	var names []string
	for _, d := range differences {
		names = append(names, d.name)
	}
	slices.Sort(names)
	return names
}
