package redistest_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/command/redistest"
	"github.com/atollcache/atoll/node/wire"
)

// hostile are arguments at the ends of what there is.
var hostile = []string{
	"", "a", "b", "c", "0", "1", "2", "-1", "-2", "3", "9223372036854775807", "-9223372036854775808", "-9223372036854775807",
	"9223372036854775806", "18446744073709551615", "4294967296", "1e308", "-1e308", "inf", "-inf", "nan", "(inf", "(-inf", "(1", "[a", "(a", "-", "+",
	"string", "hash", "set", "zset", "list", "hyperloglog", "NX", "XX", "GT", "LT", "CH", "INCR", "EX", "PX", "PXAT", "KEEPTTL", "GET", "LIMIT", "BYSCORE", "BYLEX", "REV",
	"WITHSCORES", "WITHVALUES", "COUNT", "MATCH", "WEIGHTS", "AGGREGATE", "SUM", "MIN", "MAX", "BIT", "BYTE", "DB", "REPLACE", "RENAME", "SINTER", "ZMPOP",
	"ENCODING", "HELP", "LEFT", "RIGHT", "BEFORE", "AFTER", "RANK", "MAXLEN", "\x00\xff", strings.Repeat("x", 300),
}

// huge are words that ask for large values, which are legal and would make the
// test slow.
var huge = []string{"SETBIT", "SETRANGE"}

// Whatever the arguments, a command that is accepted is answered.
func TestNothingPanics(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 3))
	m := redistest.NewMemory(*seed)
	specs := append(command.All(), hiddenSpecs()...)
	for range 400 {
		for _, s := range specs {
			if !command.OnKeys(s.Name) || slices.Contains(huge, s.Name) {
				continue
			}
			args := []string{s.Name}
			for range s.MinArgs + r.IntN(5) {
				args = append(args, hostile[r.IntN(len(hostile))])
			}
			if _, err := m.Do(args...); err != nil {
				t.Fatalf("seed %d: %q: %v", *seed, args, err)
			}
			if spec, err := command.Find(wire.Command{Args: args}); err == nil {
				spec.KeysOf(wire.Command{Args: args})
			}
		}
	}
}

func hiddenSpecs() (out []*command.Spec) {
	for _, name := range []string{".ALONE", ".GATHER", ".DUMP", ".PUT", ".NEW", ".DROP", ".ROTATE", ".REGISTERS", ".RAISE", ".ESTIMATE", ".OBJECT", ".SIZE"} {
		if s, ok := command.Lookup(name); ok {
			out = append(out, s)
		}
	}
	return out
}
