package crdt

import (
	"math"
)

// incrInt adds an integer to the number that a cell shows.
func (m *Mutator) incrInt(k Kind, field string, by int64) (int64, error) {
	n := int64(0)
	if text, ok := m.view.value(k, field); ok {
		if n, ok = ParseInt(text); !ok {
			return 0, ErrNotInteger
		}
	}
	sum, ok := addExact(n, by)
	if !ok {
		return 0, ErrOverflow
	}
	if n == math.MaxInt64 || n == math.MinInt64 {
		sum = m.incrBeyond(k, field, by, sum)
	}
	return sum, m.add(k, field, Number{Int: by})
}

// incrBeyond returns what is shown after an increment of a number that shows as an
// end of the range: the sum may lie beyond it, and goes on from there.
func (m *Mutator) incrBeyond(k Kind, field string, by, sum int64) int64 {
	if c := m.cellBefore(k, field); c != nil {
		if vis, ok := c.visible(m.view.hide); ok {
			if t, ok := vis.tally(); ok {
				t.addInt(by)
				if shown, ok := ParseInt(t.String()); ok {
					return shown
				}
			}
		}
	}
	return sum
}

// incrFloat adds a number to the number that a cell shows and returns the sum as
// it will be shown.
func (m *Mutator) incrFloat(k Kind, field string, by float64) (string, error) {
	if math.IsNaN(by) || math.IsInf(by, 0) {
		return "", ErrNotFinite
	}
	var t tally
	if c := m.cellBefore(k, field); c != nil {
		if vis, ok := m.view.visible(c); ok {
			if t, ok = vis.tally(); !ok {
				return "", ErrNotFloat
			}
		}
	}
	t.addFloat(by)
	if f := t.value(); math.IsInf(f, 0) {
		return "", ErrNotFinite
	}
	return t.String(), m.add(k, field, Number{Float: by})
}

// cellBefore returns a copy of a cell of the visible kind as it was before the
// command, nil when there is none.
func (m *Mutator) cellBefore(k Kind, field string) *Cell {
	if m.view.kind != k {
		return nil
	}
	c := m.entry.cell(k, field)
	return &c
}
