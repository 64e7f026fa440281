package bench

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// figureText returns a figure with its unit, as precise as it deserves.
func figureText(v float64, unit string) string {
	sep := " "
	if strings.HasPrefix(unit, "×") {
		sep = ""
	}
	switch {
	case v >= 1000:
		return grouped(int64(v)) + sep + unit
	case v >= 100:
		return fmt.Sprintf("%.0f%s%s", v, sep, unit)
	case v >= 10:
		return fmt.Sprintf("%.1f%s%s", v, sep, unit)
	}
	return fmt.Sprintf("%.2f%s%s", v, sep, unit)
}

// grouped returns a number with commas between thousands.
func grouped(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}

// String returns the median and, where they differ, the lowest and the highest.
func (s Spread) String() string {
	if s.Min == s.Max {
		return figureText(s.Median, "")
	}
	return strings.TrimSpace(figureText(s.Median, "")) + " (" + strings.TrimSpace(figureText(s.Min, "")) + "–" + strings.TrimSpace(figureText(s.Max, "")) + ")"
}

// rateText returns operations a second as people read them.
func rateText(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.2f M", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.1f k", v/1e3)
	}
	return fmt.Sprintf("%.0f", v)
}

// latencyText returns a latency to about three digits.
func latencyText(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d >= 10*time.Microsecond:
		return d.Round(100 * time.Nanosecond).String()
	}
	return d.String()
}

// Header and Rows are a comparison as a table: a line for each target. A column
// whose header ends in a space is aligned to the right.
func (c *Comparison) Header() []string {
	return []string{"TARGET", "OPS/S ", "P50 ", "P99 ", "P99.9 ", "MAX ", "MISSES ", "RATIO "}
}

// Rows returns the lines of the table; see Header.
func (c *Comparison) Rows() [][]string {
	sides := []*Side{&c.Target}
	if c.Peer != nil {
		sides = append(sides, c.Peer)
	}
	var out [][]string
	for i, s := range sides {
		all, ratio := s.All(), ""
		if i == 0 && c.Peer != nil {
			ratio = strings.TrimSpace(c.Ratio().String())
		}
		out = append(out, []string{
			s.Name, rateText(s.Throughput().Median), latencyText(all.Latency(0.5)), latencyText(all.Latency(0.99)),
			latencyText(all.Latency(0.999)), latencyText(all.Max()), fmt.Sprintf("%.1f %%", 100*float64(all.Misses)/float64(max(all.Ops, 1))), ratio,
		})
	}
	return out
}

// Corrected says in a sentence what the latencies of a comparison count from.
func (c *Comparison) Corrected() string {
	if c.Spec.Load.Rate > 0 {
		return "Latencies count from when a call was meant to begin."
	}
	return "Closed loop: each caller waits for its last call, so latencies are not those of an open system; --rate measures them."
}

// Verdict says whether a row holds.
func (o Outcome) Verdict() string {
	switch {
	case errors.Is(o.Err, ErrMissing):
		return "not run"
	case o.Err != nil:
		return "failed"
	case len(o.Row.Bounds) == 0:
		return ""
	}
	for i, b := range o.Row.Bounds {
		if !b.Holds(o.Figures[i].Median) {
			return "no"
		}
	}
	return "yes"
}

// cells returns a row's bounds and figures as text, one for each bound.
func (o Outcome) cells() (bounds, figures []string) {
	for i, b := range o.Row.Bounds {
		bounds = append(bounds, b.String())
		if o.Err == nil {
			figures = append(figures, strings.TrimSpace(o.Figures[i].String()))
		}
	}
	if len(o.Row.Bounds) == 0 && o.Err == nil && len(o.Figures) > 0 {
		bounds, figures = []string{"–"}, []string{strings.TrimSpace(o.Figures[0].String())}
	}
	if o.Err != nil {
		figures = []string{o.Err.Error()}
	}
	return bounds, figures
}

// TableHeader and [Outcome.Line] are the table of rows.
func TableHeader() []string { return []string{"ROW", "MUST REACH", "REACHED", "HOLDS"} }

// Line returns a row of the table.
func (o Outcome) Line() []string {
	bounds, figures := o.cells()
	return []string{o.Row.Name, strings.Join(bounds, "; "), strings.Join(figures, "; "), o.Verdict()}
}

// Report writes the table with all there is to know about it, as Markdown.
func Report(w io.Writer, m Machine, scale Scale, outcomes []Outcome) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Atoll beside its peers\n\n")
	fmt.Fprintf(&b, "Measured %s by `atoll bench --table`, scale %s: %d rounds of %s, the two sides in turns. A figure is the median of the rounds, with the lowest and the highest; where it is a ratio, each round's own.\n",
		m.Date.UTC().Format("2006-01-02 15:04 MST"), scale.Name, scale.Rounds, scale.Duration)
	if scale.Name != Full.Name {
		fmt.Fprintf(&b, "\n**Too short to believe**: this scale shows that everything works, not how well.\n")
	}
	fmt.Fprintf(&b, "\n## Machine\n\n%s\n", m.markdown())
	fmt.Fprintf(&b, "## Table\n\n| what | must reach | reached | holds |\n|---|---|---|---|\n")
	for _, o := range outcomes {
		bounds, figures := o.cells()
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", o.Row.What, strings.Join(bounds, "<br>"), cell(strings.Join(figures, "<br>")), o.Verdict())
	}
	fmt.Fprintf(&b, "\n## Details\n")
	for _, o := range outcomes {
		fmt.Fprintf(&b, "\n### %s\n\n%s.\n", o.Row.Name, o.Row.What)
		if o.Err != nil {
			fmt.Fprintf(&b, "\nNo figure: %v.\n", o.Err)
			continue
		}
		for _, n := range o.Notes {
			fmt.Fprintf(&b, "\n- %s", n)
		}
		if len(o.Notes) > 0 {
			fmt.Fprintln(&b)
		}
		if o.Comparison != nil {
			fmt.Fprintf(&b, "\n```\n%s%s```\n", textTable(o.Comparison.Header(), o.Comparison.Rows()), o.Comparison.Plot(plotWidth))
			fmt.Fprintf(&b, "\n%s\n", o.Comparison.Corrected())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell returns a text as it can stand in a cell of Markdown.
func cell(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "|", "\\|"), "\n", " ")
}

// textTable returns rows as aligned columns.
func textTable(header []string, rows [][]string) string {
	all := append([][]string{header}, rows...)
	widths := make([]int, len(header))
	for _, row := range all {
		for i, c := range row {
			widths[i] = max(widths[i], len([]rune(strings.TrimSpace(c))))
		}
	}
	var b strings.Builder
	for _, row := range all {
		line := ""
		for i, c := range row {
			c = strings.TrimSpace(c)
			pad := strings.Repeat(" ", widths[i]-len([]rune(c)))
			if strings.HasSuffix(header[i], " ") {
				c = pad + c
			} else {
				c += pad
			}
			line += c + "  "
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}
