package bench

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// The plot of a comparison: its width in columns, and how finely latencies are told
// apart, in parts of a power of ten.
const (
	plotWidth   = 78
	leastPlot   = 40
	plotDecade  = 4
	plotLeast   = 0.0001 // a bar for fewer operations than this part is left out at either end
	plotBlocks  = " ▏▎▍▌▋▊▉█"
	plotPerCell = 8
)

// Plot returns how the latencies of both sides are spread, for a terminal of so many
// columns: a line for each range of latencies, a bar for each side. Bars are in
// proportion to the part of that side's operations.
func (c *Comparison) Plot(width int) string {
	sides := []*Side{&c.Target}
	if c.Peer != nil {
		sides = append(sides, c.Peer)
	}
	parts := make([]map[int]float64, len(sides))
	least, most, highest := math.MaxInt, math.MinInt, 0.0
	for i, s := range sides {
		parts[i] = decades(s.All())
		for at, part := range parts[i] {
			highest = max(highest, part)
			if part >= plotLeast {
				least, most = min(least, at), max(most, at)
			}
		}
	}
	if least > most {
		return ""
	}
	const label = 10
	bar := (max(width, leastPlot) - label) / len(sides)
	var b strings.Builder
	head := strings.Repeat(" ", label)
	for _, s := range sides {
		head += fmt.Sprintf("%-*s", bar, s.Name)
	}
	b.WriteString("\n" + strings.TrimRight(head, " "))
	for at := least; at <= most; at++ {
		line := fmt.Sprintf("%*s ", label-1, latencyText(bound(at)))
		for i := range sides {
			line += barOf(parts[i][at]/highest, bar-1) + " "
		}
		b.WriteString("\n" + strings.TrimRight(line, " "))
	}
	return b.String() + "\n"
}

// decades returns which part of the operations took how long, by parts of powers
// of ten.
func decades(r *Result) map[int]float64 {
	out := map[int]float64{}
	total := float64(max(r.hist.TotalCount(), 1))
	for _, bar := range r.hist.Distribution() {
		if bar.Count > 0 {
			at := int(math.Floor(plotDecade * math.Log10(float64(max(bar.From, 1)))))
			out[at] += float64(bar.Count) / total
		}
	}
	return out
}

// bound returns the latency at which a part of a power of ten begins.
func bound(at int) time.Duration {
	d := time.Duration(math.Ceil(math.Pow(10, float64(at)/plotDecade)))
	unit := time.Duration(math.Pow(10, math.Floor(math.Log10(float64(d)))-1))
	return d.Round(max(unit, 1))
}

// barOf returns a bar of at most so many columns for a part of the whole.
func barOf(part float64, columns int) string {
	blocks := []rune(plotBlocks)
	eighths := int(math.Round(part * float64(columns*plotPerCell)))
	if part > 0 {
		eighths = max(eighths, 1)
	}
	full, rest := eighths/plotPerCell, eighths%plotPerCell
	bar := strings.Repeat(string(blocks[plotPerCell]), full)
	if rest > 0 {
		bar += string(blocks[rest])
		full++
	}
	return bar + strings.Repeat(" ", max(columns-full, 0))
}
