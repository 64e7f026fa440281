package nodetest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// shownLines is how much of what happened at last an explanation shows.
var shownLines = 200

// Explain runs the history of a seed and, when it fails, returns the shortest
// history found that fails too, with its error and the last of what happened.
// It returns an empty text for a history that does not fail.
func Explain(seed uint64, o Options) string {
	o = o.withDefaults()
	p := draw(seed, o)
	err := runPlan(p, o).Err
	if err == nil {
		return ""
	}
	p.steps = shrink(p, o, kindOf(err), 1500)
	return explain(p, o)
}

// explain shows a history that fails.
func explain(p *plan, o Options) string {
	var log strings.Builder
	o.Log = &log
	err := runPlan(p, o).Err
	lines := make([]string, len(p.steps))
	for i, s := range p.steps {
		lines[i] = "  " + s.String()
	}
	happened := strings.Split(strings.TrimSpace(log.String()), "\n")
	happened = happened[max(0, len(happened)-shownLines):]
	return fmt.Sprintf("seed %d: %v\n%v\nsteps:\n%s\nat last:\n%s",
		p.seed, err, p, strings.Join(lines, "\n"), strings.Join(happened, "\n"))
}

// without returns the steps but for some, whose time passes all the same.
func without(steps []step, from, to int) []step {
	less := slices.Clone(steps)
	if to < len(less) {
		for _, s := range less[from:to] {
			less[to].after += s.after
		}
	}
	return slices.Delete(less, from, to)
}

// numbers are what differs between two failures of one kind.
var numbers = regexp.MustCompile(`[0-9a-f]{16}|[0-9]+`)

// kindOf returns what an error has in common with others of its kind.
func kindOf(err error) string {
	if err == nil {
		return ""
	}
	kind := numbers.ReplaceAllString(err.Error(), "")
	if _, after, ok := strings.Cut(kind, ": "); ok {
		kind = after // without the time
	}
	return kind[:min(len(kind), 40)]
}

// shrink leaves steps out, larger runs of them first, as long as the history
// still fails in the same way and there are runs left.
func shrink(p *plan, o Options, kind string, runs int) []step {
	steps := p.steps
	for size := len(steps) / 2; size > 0; {
		smaller := false
		for i := 0; i+size <= len(steps) && runs > 0; runs-- {
			less := *p
			less.steps = without(steps, i, i+size)
			if kindOf(runPlan(&less, o).Err) == kind {
				steps, smaller = less.steps, true
			} else {
				i += size
			}
		}
		if !smaller || size > len(steps) {
			size = min(size/2, len(steps))
		}
	}
	return steps
}
