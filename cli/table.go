package cli

import (
	"slices"
	"strings"

	prettytable "github.com/jedib0t/go-pretty/v6/table"
	prettytext "github.com/jedib0t/go-pretty/v6/text"
)

// table is rows under a header. A column whose header ends in a space is
// aligned to the right.
type table struct {
	header []string
	rows   [][]string
}

func (tb *table) add(cells ...string) { tb.rows = append(tb.rows, cells) }

// table writes tb: with a rounded frame on a terminal that is wide enough,
// as plain columns otherwise. A terminal is spared columns with nothing in them;
// scripts find every column in its place.
func (t *terminal) table(tb *table) {
	if t.outTTY {
		tb = tb.withoutEmpty()
		if t.framed(tb) {
			return
		}
	}
	widths := make([]int, len(tb.header))
	for _, row := range append([][]string{tb.header}, tb.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], prettytext.StringWidthWithoutEscSequences(strings.TrimSpace(cell)))
		}
	}
	t.plainRow(tb, widths, tb.header, bold)
	for _, row := range tb.rows {
		t.plainRow(tb, widths, row, "")
	}
}

// withoutEmpty returns tb without the columns in which no row has anything.
func (tb *table) withoutEmpty() *table {
	out := &table{rows: make([][]string, len(tb.rows))}
	for i, h := range tb.header {
		if !slices.ContainsFunc(tb.rows, func(row []string) bool { return row[i] != "" }) {
			continue
		}
		out.header = append(out.header, h)
		for j, row := range tb.rows {
			out.rows[j] = append(out.rows[j], row[i])
		}
	}
	return out
}

func (t *terminal) plainRow(tb *table, widths []int, row []string, s style) {
	var b strings.Builder
	for i, cell := range row {
		cell = strings.TrimSpace(cell)
		align := prettytext.AlignLeft
		if tb.right(i) {
			align = prettytext.AlignRight
		}
		cell = align.Apply(cell, widths[i])
		if s != "" {
			cell = t.paint(s, cell)
		}
		b.WriteString(cell + "  ")
	}
	t.printf("%s\n", strings.TrimRight(b.String(), " "))
}

func (tb *table) right(i int) bool { return strings.HasSuffix(tb.header[i], " ") }

// framed writes tb with a frame, and reports whether it fits.
func (t *terminal) framed(tb *table) bool {
	w := prettytable.NewWriter()
	w.SetStyle(prettytable.StyleRounded)
	w.Style().Format.Header = prettytext.FormatDefault
	header := make(prettytable.Row, len(tb.header))
	var columns []prettytable.ColumnConfig
	for i, h := range tb.header {
		header[i] = t.paint(bold, strings.TrimSpace(h))
		if tb.right(i) {
			columns = append(columns, prettytable.ColumnConfig{Number: i + 1, Align: prettytext.AlignRight, AlignHeader: prettytext.AlignRight})
		}
	}
	w.SetColumnConfigs(columns)
	w.AppendHeader(header)
	for _, row := range tb.rows {
		cells := make(prettytable.Row, len(row))
		for i, c := range row {
			cells[i] = c
		}
		w.AppendRow(cells)
	}
	out := w.Render()
	first, _, _ := strings.Cut(out, "\n")
	if prettytext.StringWidthWithoutEscSequences(first) > t.width {
		return false
	}
	t.printf("%s\n", out)
	return true
}
