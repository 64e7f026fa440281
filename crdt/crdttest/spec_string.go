package crdttest

import "github.com/atollcache/atoll/crdt"

// stringSpec: a string shows its live SET with the highest version (R1) plus the
// live increments (R2, R3).
func stringSpec(live []*Op) string {
	return textSpec(inCell(live, place{kind: crdt.KindString}))
}

// textSpec is what a cell of text shows: the winning write's own bytes, or its
// number plus the increments. Without a write the increments count from zero,
// and over a write that is no number they wait hidden.
func textSpec(cell []*Op) string {
	sum, any := total(cell)
	w := winner(cell)
	switch {
	case w == nil:
		return crdt.FormatFloat(sum)
	case !any:
		return w.Value
	}
	n, ok := crdt.ParseFloat(w.Value)
	if !ok {
		return w.Value
	}
	return crdt.FormatFloat(n + sum)
}
