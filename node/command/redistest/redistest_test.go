package redistest_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/command/redistest"
)

var (
	commands = flag.Int("commands", 20_000, "how many commands to compare")
	seed     = flag.Uint64("seed", 1, "the seed of the commands")
)

// The executors reply what Redis replies. Where there is no redis-server the
// comparison cannot be made; where CI is set there has to be one.
func TestAgreesWithRedis(t *testing.T) {
	if !redistest.HasRedis(t) {
		return
	}
	report, err := redistest.Compare(redistest.StartRedis(t), redistest.NewMemory(*seed), redistest.NewGenerator(*seed), *commands)
	if err != nil {
		t.Fatalf("seed %d: %v", *seed, err)
	}
	t.Logf("seed %d: %d commands, %d refused by both, allowed differences %v", *seed, report.Commands, report.Errors, report.Allowed)
	for _, s := range command.All() {
		if command.OnKeys(s.Name) && redistest.IsCompared(s) && report.Verbs[s.Name] == 0 {
			t.Errorf("%s: no command of it was accepted by both", s.Name)
		}
	}
}

// A comparison of Atoll with itself finds nothing, and no rule is needed.
func TestComparesWithItself(t *testing.T) {
	report, err := redistest.Compare(redistest.NewMemory(1), redistest.NewMemory(2), redistest.NewGenerator(*seed), 5000)
	if err != nil || len(report.Allowed) > 0 {
		t.Errorf("seed %d: have differences %v, %v", *seed, report.Allowed, err)
	}
}

// wrong replies to one verb what it should not.
type wrong struct {
	redistest.Runner
	verb  string
	spoil func(redistest.Value) redistest.Value
}

func (w wrong) Do(args ...string) (redistest.Value, error) {
	v, err := w.Runner.Do(args...)
	if args[0] == w.verb {
		v = w.spoil(v)
	}
	return v, err
}

// The comparison notices replies that are wrong.
func TestNoticesWrongReplies(t *testing.T) {
	for verb, spoil := range map[string]func(redistest.Value) redistest.Value{
		"HLEN":        func(v redistest.Value) redistest.Value { v.Int++; return v },
		"TYPE":        func(v redistest.Value) redistest.Value { v.Kind = redistest.Bulk; return v },
		"SMEMBERS":    func(v redistest.Value) redistest.Value { v.List = v.List[:len(v.List)/2]; return v },
		"ZRANGE":      func(v redistest.Value) redistest.Value { slices.Reverse(v.List); return v },
		"ZSCORE":      func(v redistest.Value) redistest.Value { return redistest.Value{Kind: redistest.Bulk, Text: "77"} },
		"SRANDMEMBER": func(v redistest.Value) redistest.Value { return redistest.Value{Kind: redistest.Bulk, Text: "nobody"} },
		"SSCAN":       func(redistest.Value) redistest.Value { return redistest.Value{Kind: redistest.Array} },
		"HSET":        func(redistest.Value) redistest.Value { return redistest.Value{Kind: redistest.Error, Text: "ERR"} },
		"PTTL":        func(v redistest.Value) redistest.Value { v.Int = v.Int/2 - 1; return v },
		"SPOP":        func(v redistest.Value) redistest.Value { v.Kind = redistest.NullArray; return v },
	} {
		_, err := redistest.Compare(redistest.NewMemory(1), wrong{redistest.NewMemory(1), verb, spoil}, redistest.NewGenerator(*seed), 20_000)
		if err == nil {
			t.Errorf("seed %d: %s replies what it should not: not noticed", *seed, verb)
		}
	}
}

// What may differ is written down, and nothing else is.
func TestDifferencesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("DIFFERENCES.md")
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	for _, m := range regexp.MustCompile("(?m)^## `(.*)`$").FindAllStringSubmatch(string(text), -1) {
		sections = append(sections, m[1])
	}
	slices.Sort(sections)
	if names := redistest.DifferenceNames(); !slices.Equal(sections, names) {
		t.Errorf("DIFFERENCES.md has the sections %q, differences.go the rules %q", sections, names)
	}
}

// The same seed draws the same commands, and every command on keys is drawn.
func TestGenerator(t *testing.T) {
	g, again := redistest.NewGenerator(*seed), redistest.NewGenerator(*seed)
	drawn := map[string]bool{}
	for i := range 20_000 {
		c, same := fmt.Sprintf("%q", g.Next()), fmt.Sprintf("%q", again.Next())
		if c != same {
			t.Fatalf("seed %d, command %d: %s, then %s", *seed, i, c, same)
		}
		drawn[regexp.MustCompile(`^\["(\w+)"`).FindStringSubmatch(c)[1]] = true
	}
	for _, s := range command.All() {
		if command.OnKeys(s.Name) && redistest.IsCompared(s) && !drawn[s.Name] {
			t.Errorf("%s: not drawn; have %q", s.Name, slices.Sorted(maps.Keys(drawn)))
		}
	}
}
