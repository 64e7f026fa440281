package crdt

import (
	"cmp"
	"maps"
	"slices"
)

// Patch is what makes one state of an entry another one: the cells that differ, as
// they now are, and all that is beside cells. It is not what was written: what that
// comes to depends on who had seen what. So it can be applied long after, by who
// knows nothing else, and twice.
type Patch struct {
	next *Entry     // the cells that have changed, and the string, the expiries and the cut
	gone []CellName // cells that are not there any more, by kind and then by field
}

// Size estimates the patch's bytes in memory.
func (p *Patch) Size() int {
	n := p.next.Size()
	for _, name := range p.gone {
		n += sizeSlot + len(name.Field)
	}
	return n
}

// Patch makes e, in the state that p was made for, what it became. It keeps none of
// p's memory but the values. In another state the outcome is an entry of no meaning.
func (e *Entry) Patch(p *Patch) {
	next := p.next.Clone()
	e.str = next.str
	for _, name := range p.gone {
		e.change(name.Kind, name.Field, func(c *Cell) { *c = Cell{} })
	}
	if next.x != nil {
		for _, s := range next.x.sections {
			for field, now := range s.cells {
				e.change(s.kind, field, func(c *Cell) { *c = now })
			}
		}
	}
	if next.x == nil {
		next.x = &extra{}
	}
	x := e.ensureExtra()
	x.lifetime, x.filling, x.cut = next.x.lifetime, next.x.filling, next.x.cut
	e.tidy()
}

// track makes the entry note which cells change from now on.
func (e *Entry) track() {
	if e.x == nil {
		return
	}
	for i := range e.x.sections {
		e.x.sections[i].touched = map[string]struct{}{}
	}
}

// untrack ends what track began.
func (e *Entry) untrack() {
	if e == nil || e.x == nil {
		return
	}
	for i := range e.x.sections {
		e.x.sections[i].touched = nil
	}
}

// fewTouched is how many cells of a section may always have changed; beyond, half of
// them may, or else the whole entry takes not much more.
const fewTouched = 8

// patch returns what has changed since track, nil when that is too much or is not
// known. sections is how many there were then. It shares the entry's memory.
func (e *Entry) patch(sections int) *Patch {
	if e.x == nil || sections == 0 || len(e.x.sections) != sections {
		return nil
	}
	p := &Patch{next: &Entry{str: e.str, x: &extra{lifetime: e.x.lifetime, filling: e.x.filling, cut: e.x.cut}}}
	for i := range e.x.sections {
		s := &e.x.sections[i]
		if s.touched == nil {
			return nil
		}
		for _, field := range slices.Sorted(maps.Keys(s.touched)) {
			if c, ok := s.cells[field]; ok {
				p.next.change(s.kind, field, func(o *Cell) { *o = c })
			} else {
				p.gone = append(p.gone, CellName{s.kind, field})
			}
		}
	}
	if p.next.x.isEmpty() {
		p.next.x = nil
	}
	return p
}

// note notes that a cell changes, unless too many have.
func (s *section) note(field string) {
	if s.touched == nil {
		return
	}
	s.touched[field] = struct{}{}
	if len(s.touched) > max(fewTouched, len(s.cells)/2) {
		s.touched = nil
	}
}

// compare orders cells by kind and then by field.
func (n CellName) compare(o CellName) int {
	return cmp.Or(cmp.Compare(n.Kind, o.Kind), cmp.Compare(n.Field, o.Field))
}
