package crdt

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// Entry is everything kept for one key: the string's cell, the cells of the
// other kinds by field, expiries, and rarely a time cut.
//
// Usually one kind has cells. After concurrent writes of two kinds both stay;
// the kind of the live write with the highest version shows and the other is
// hidden, not mixed in (R8), until a write that saw both settles it.
//
// The zero value is the empty entry, which is the same as no entry. An Entry is
// not safe for concurrent use.
type Entry struct {
	str Cell
	x   *extra
	own // the partition's
}

// IsEmpty reports whether nothing at all is kept, so that the entry can go.
func (e *Entry) IsEmpty() bool { return e.str.isEmpty() && e.x == nil }

// Size returns the bytes that the entry accounts for, without its key.
func (e *Entry) Size() int {
	n := sizeEntry + e.str.size()
	if e.x != nil {
		n += sizeExtra + e.x.lifetime.size() + e.x.filling.size()
		for i := range e.x.sections {
			n += e.x.sections[i].bytes()
		}
	}
	return n
}

func (e *Entry) ensureExtra() *extra {
	if e.x == nil {
		e.x = &extra{}
	}
	return e.x
}

// section returns the cells of a kind, nil when there are none.
func (e *Entry) section(k Kind) map[string]Cell {
	if s := e.sectionOf(k); s != nil {
		return s.cells
	}
	return nil
}

// sectionOf returns the section of a kind, nil when there is none.
func (e *Entry) sectionOf(k Kind) *section {
	if e.x == nil {
		return nil
	}
	for i := range e.x.sections {
		if s := &e.x.sections[i]; s.kind == k {
			return s
		}
	}
	return nil
}

func (e *Entry) ensureSection(k Kind) *section {
	if s := e.sectionOf(k); s != nil {
		return s
	}
	x := e.ensureExtra()
	x.sections = append(x.sections, section{kind: k, cells: map[string]Cell{}})
	slices.SortFunc(x.sections, func(a, b section) int { return cmp.Compare(a.kind, b.kind) })
	return e.sectionOf(k)
}

// cell returns a copy of one cell; changing it takes change.
func (e *Entry) cell(k Kind, field string) Cell {
	if k == KindString {
		return e.str
	}
	return e.section(k)[field]
}

// change lets f change one cell and keeps the entry's size and its absence of
// empty cells true.
func (e *Entry) change(k Kind, field string, f func(*Cell)) {
	if k == KindString {
		f(&e.str)
		return
	}
	c, had := e.section(k)[field]
	before := 0
	if had {
		before = c.size() + sizeCell + sizeSlot + len(field)
		s := e.sectionOf(k)
		s.count(field, &c, -1)
		s.order.set(field, &c, -1)
	}
	f(&c)
	switch {
	case !c.isEmpty():
		s := e.ensureSection(k)
		s.cells[field] = c
		s.count(field, &c, 1)
		s.order.set(field, &c, 1)
		s.note(field)
		s.addBytes(c.size() + sizeCell + sizeSlot + len(field) - before)
	case had:
		s := e.sectionOf(k)
		s.note(field)
		delete(s.cells, field)
		s.addBytes(-before)
	}
	if s := e.sectionOf(k); k == KindHash && s != nil && s.timed == 0 {
		s.order = nil // No field expires any more.
	}
}

// changeAll lets f change every cell.
func (e *Entry) changeAll(f func(*Cell)) {
	e.changeEach(func(_ CellName, c *Cell) { f(c) })
}

// changeEach lets f change every cell and tells it which one it is.
func (e *Entry) changeEach(f func(CellName, *Cell)) {
	for _, k := range e.kinds() {
		e.changeKind(k, f)
	}
}

// changeKind lets f change every cell of a kind.
func (e *Entry) changeKind(k Kind, f func(CellName, *Cell)) {
	if k == KindString {
		e.change(k, "", func(c *Cell) { f(CellName{Kind: k}, c) })
		return
	}
	for field := range e.section(k) {
		e.change(k, field, func(c *Cell) { f(CellName{k, field}, c) })
	}
}

// tidy restores what the other methods rely on after a change: overrides only
// of live SETs, no empty sections, no empty extra.
func (e *Entry) tidy() {
	if e.x == nil {
		return
	}
	e.pruneMortal()
	e.pruneFills()
	e.x.sections = slices.DeleteFunc(e.x.sections, func(s section) bool { return len(s.cells) == 0 })
	if e.x.isEmpty() {
		e.x = nil
	}
}

// fields returns the sorted field names of a kind's cells.
func (e *Entry) fields(k Kind) []string {
	return slices.Sorted(maps.Keys(e.section(k)))
}

// justOne are the kinds of an entry of one kind, as nearly all are. Nobody changes them.
var justOne = func() (kinds [numKinds][]Kind) {
	for k := range kinds {
		kinds[k] = []Kind{Kind(k)}
	}
	return kinds
}()

// kinds returns the kinds that have cells, in order. Read only.
func (e *Entry) kinds() []Kind {
	if e.IsEvicted() {
		return nil
	}
	switch hasString := !e.str.isEmpty(); {
	case hasString && (e.x == nil || len(e.x.sections) == 0):
		return justOne[KindString]
	case !hasString && e.x != nil && len(e.x.sections) == 1:
		return justOne[e.x.sections[0].kind]
	}
	var out []Kind
	if !e.str.isEmpty() {
		out = append(out, KindString)
	}
	if e.x != nil {
		for _, s := range e.x.sections {
			out = append(out, s.kind)
		}
	}
	return out
}

// Clone returns a copy that shares no memory that either may change. It costs
// time and memory in proportion to the number of cells.
func (e *Entry) Clone() *Entry {
	out := &Entry{str: e.str.clone()}
	if e.IsEvicted() {
		out.setPart(e.part())
	}
	if e.x == nil {
		return out
	}
	out.x = &extra{
		lifetime: e.x.lifetime.clone(),
		filling:  e.x.filling, // It does not change.
		cut:      e.x.cut,
	}
	for _, s := range e.x.sections {
		cells := make(map[string]Cell, len(s.cells))
		for f, c := range s.cells {
			cells[f] = c.clone()
		}
		s.cells, s.order, s.touched = cells, nil, nil
		out.x.sections = append(out.x.sections, s)
	}
	return out
}

// CellName names a cell of an entry: the field or member of a kind, none for a
// string.
type CellName struct {
	Kind  Kind
	Field string
}

// Cells iterates over all cells that the entry keeps, hidden ones included, by
// kind and then by field. The cells are copies to read, valid until the entry's
// next change.
func (e *Entry) Cells() iter.Seq2[CellName, Cell] {
	return func(yield func(CellName, Cell) bool) {
		for _, k := range e.kinds() {
			if k == KindString {
				if !yield(CellName{Kind: k}, e.str) {
					return
				}
				continue
			}
			for _, f := range e.fields(k) {
				if !yield(CellName{k, f}, e.section(k)[f]) {
					return
				}
			}
		}
	}
}
