package redistest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// Report is what a comparison has found.
type Report struct {
	Commands int
	Errors   int            // commands to which both replied an error
	Allowed  map[string]int // replies that differ as DIFFERENCES.md says, by section
	Verbs    map[string]int // commands by verb that both accepted
}

// checkEvery is how many commands come between two comparisons of all that is
// kept.
const checkEvery = 500

// Compare gives n commands of a generator to Redis and to Atoll and compares the
// replies, and now and then what they keep. It returns an error at the first reply
// that differs in a way that DIFFERENCES.md does not say; the error has the
// commands before it.
func Compare(theirs, ours Runner, g *Generator, n int) (Report, error) {
	c := comparison{theirs: theirs, ours: ours, report: Report{Allowed: map[string]int{}, Verbs: map[string]int{}}}
	for i := range n {
		if err := c.step(g.Next()); err != nil {
			return c.report, fmt.Errorf("command %d: %w\nbefore it:\n%s", i, err, strings.Join(c.last, "\n"))
		}
		if i%checkEvery == checkEvery-1 || i == n-1 {
			if err := c.checkAll(); err != nil {
				return c.report, fmt.Errorf("after command %d: %w\nbefore:\n%s", i, err, strings.Join(c.last, "\n"))
			}
		}
	}
	return c.report, nil
}

type comparison struct {
	theirs, ours Runner
	report       Report
	last         []string // the last commands and replies
}

// both gives a command to both.
func (c *comparison) both(args ...string) (theirs, ours Value, err error) {
	if theirs, err = c.theirs.Do(args...); err != nil {
		return theirs, ours, fmt.Errorf("redis: %w", err)
	}
	if ours, err = c.ours.Do(args...); err != nil {
		return theirs, ours, fmt.Errorf("atoll: %w", err)
	}
	return theirs, ours, nil
}

// keepLast is how many commands an error shows.
const keepLast = 40

func (c *comparison) step(args []string) error {
	verb := strings.ToUpper(args[0])
	theirs, ours, err := c.both(args...)
	if err != nil {
		return err
	}
	c.last = append(c.last, fmt.Sprintf("%.300q: %v", args, ours))
	c.last = c.last[max(0, len(c.last)-keepLast):]
	c.report.Commands++
	if theirs.Kind == Error && ours.Kind == Error {
		c.report.Errors++
	} else {
		c.report.Verbs[verb]++
	}
	switch {
	case isScan(verb) && theirs.Kind == Array && ours.Kind == Array:
		return c.scan(args, theirs, ours)
	case isRandom(verb) && theirs.Kind != Error && ours.Kind != Error:
		return c.random(args, theirs, ours)
	}
	theirs, ours = normal(verb, theirs), normal(verb, ours)
	if same(verb, theirs, ours) {
		return nil
	}
	for _, d := range differences {
		if d.allows(args, theirs, ours) {
			c.report.Allowed[d.name]++
			if d.diverges {
				return c.drop(args)
			}
			return nil
		}
	}
	return fmt.Errorf("%.300q: Redis replies %v, Atoll %v", args, theirs, ours)
}

// drop removes the keys of a command on both sides.
func (c *comparison) drop(args []string) error {
	cmd := wire.Command{Args: append([]string{strings.ToUpper(args[0])}, args[1:]...)}
	spec, err := command.Find(cmd)
	if err != nil {
		return err
	}
	_, _, err = c.both(append([]string{"DEL"}, spec.KeysOf(cmd)...)...)
	return err
}

func isScan(verb string) bool { return slices.Contains([]string{"HSCAN", "SSCAN", "ZSCAN"}, verb) }

func isRandom(verb string) bool {
	return slices.Contains([]string{"SPOP", "SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER"}, verb)
}

// normal brings elements that come in no order into one.
func normal(verb string, v Value) Value {
	width := map[string]int{"SMEMBERS": 1, "SINTER": 1, "SUNION": 1, "SDIFF": 1, "HKEYS": 1, "HVALS": 1, "KEYS": 1, "HGETALL": 2}[verb]
	if width == 0 || v.Kind != Array {
		return v
	}
	v.List = sorted(v.List, width)
	return v
}

// sorted returns elements in order, width of which stay together.
func sorted(list []Value, width int) []Value {
	groups := slices.SortedFunc(slices.Chunk(list, width), func(a, b []Value) int {
		return cmp.Or(strings.Compare(a[0].Text, b[0].Text), strings.Compare(a[len(a)-1].Text, b[len(b)-1].Text))
	})
	return slices.Concat(groups...)
}

// tolerance is how far times may be apart: a command reaches one side later.
var tolerance = map[string]float64{"TTL": 3, "EXPIRETIME": 3, "PTTL": 3000, "PEXPIRETIME": 3000}

// same reports whether two replies are equal. Scores are when they are the same
// number.
func same(verb string, a, b Value) bool {
	if a.Kind != b.Kind || len(a.List) != len(b.List) {
		return false
	}
	for i := range a.List {
		if !same(verb, a.List[i], b.List[i]) {
			return false
		}
	}
	if a.Text == b.Text && a.Int == b.Int {
		return true
	}
	x, isX := a.number()
	y, isY := b.number()
	if !isX || !isY {
		return false
	}
	if limit := tolerance[verb]; limit > 0 && x > 0 && y > 0 {
		return math.Abs(x-y) <= limit
	}
	return verb[0] == 'Z' && a.Kind == Bulk && x == y
}
