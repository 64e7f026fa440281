package simtest

import (
	"fmt"
	"slices"
	"strings"
)

// Explain runs the history of a seed and, when it fails, returns the shortest
// history found that fails too, with its error and the last of what happened.
// It returns an empty text for a history that does not fail.
func Explain(seed uint64, o Options) string {
	o = o.withDefaults()
	p := draw(seed, o)
	if run(p, o).Err == nil {
		return ""
	}
	p.steps = shrink(p, o, 4000)
	var log strings.Builder
	o.Log = &log
	err := run(p, o).Err
	lines := make([]string, len(p.steps))
	for i, s := range p.steps {
		lines[i] = "  " + s.String()
	}
	happened := strings.Split(strings.TrimSpace(log.String()), "\n")
	happened = happened[max(0, len(happened)-80):]
	return fmt.Sprintf("seed %d: %v\n%v\nsteps:\n%s\nat last:\n%s",
		seed, err, p, strings.Join(lines, "\n"), strings.Join(happened, "\n"))
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

// shrink leaves steps out, larger runs of them first, as long as the history
// still fails and there are runs left.
func shrink(p *plan, o Options, runs int) []step {
	steps := p.steps
	for size := len(steps) / 2; size > 0; {
		smaller := false
		for i := 0; i+size <= len(steps) && runs > 0; runs-- {
			less := *p
			less.steps = without(steps, i, i+size)
			if run(&less, o).Err != nil {
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
