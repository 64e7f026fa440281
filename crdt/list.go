package crdt

import (
	"iter"
	"slices"
)

// A list is an OR-map whose fields are positions, see position.go. What is
// inserted concurrently all stays, in one order everywhere: every writer's elements
// in the order in which it pushed them, and those of one command side by side.
// Removing takes the elements that it saw (R4); putting another value into one that
// is concurrently removed keeps it, with that value; of two such values the higher
// version shows (R1).

// End is an end of a list.
type End int

// The ends.
const (
	Head End = iota
	Tail
)

// Push adds elements at an end, one after the other, so that the last one is
// outermost, and returns how many there are then. Where a list has to exist and
// there is none, it does nothing and returns 0.
func (m *Mutator) Push(at End, mustExist bool, elements ...string) (int, error) {
	if mustExist && !m.view.Exists() {
		return 0, nil
	}
	if err := m.enter(KindList); err != nil {
		return 0, err
	}
	first, last := m.view.ends()
	r, ok := runBetween(last, "", m.write.Dot)
	if at == Head {
		elements = slices.Clone(elements)
		slices.Reverse(elements)
		r, ok = runBetween("", first, m.write.Dot)
	}
	if !ok {
		return 0, ErrNoRoom
	}
	for i, value := range elements {
		m.put(KindList, r.at(i), value)
	}
	return m.view.Len() + len(elements), nil
}

// ends returns the positions of the first and the last element, empty when there
// is none.
func (v View) ends() (first, last string) {
	if v.kind != KindList {
		return "", ""
	}
	o := v.order()
	low, _ := o.tree.Min()
	high, _ := o.tree.Max()
	return low.field, high.field
}

// list makes sure that a key is a list, if it exists.
func (m *Mutator) list() error {
	if m.view.Exists() && m.view.Kind() != KindList {
		return ErrWrongType
	}
	return nil
}

// Pop removes up to so many elements from an end and returns them, outermost
// first. Two that pop at the same time without having seen each other may both get
// the same ones.
func (m *Mutator) Pop(at End, count int) ([]string, error) {
	if err := m.list(); err != nil || !m.view.Exists() {
		return nil, err
	}
	n := m.view.Len()
	count = min(count, n)
	if count <= 0 {
		return nil, nil
	}
	out := make([]string, 0, count)
	if count == n {
		m.clear() // It says the same and is smaller.
	}
	m.view.order().from(0, at == Tail, func(p place) bool {
		out = append(out, m.view.element(p))
		if count < n {
			m.remove(KindList, p.field)
		}
		return len(out) < count
	})
	return out, nil
}

// Rotate removes the element at an end and adds it again at an end, and returns it,
// false when there is no list. Two that rotate at the same time without having seen
// each other both move the same element: it is there twice then.
func (m *Mutator) Rotate(from, to End) (string, bool, error) {
	if err := m.list(); err != nil || !m.view.Exists() {
		return "", false, err
	}
	i := 0
	if from == Tail {
		i = -1
	}
	p, _ := m.view.at(i)
	value := m.view.element(p)
	if from == to || m.view.Len() == 1 {
		return value, true, nil
	}
	m.remove(KindList, p.field)
	_, err := m.Push(to, true, value)
	return value, true, err
}

// Insert puts an element before or after the first that equals the pivot and
// returns how many there are then, -1 when none does and 0 when there is no list.
func (m *Mutator) Insert(after bool, pivot, value string) (int, error) {
	if err := m.list(); err != nil || !m.view.Exists() {
		return 0, err
	}
	i := m.view.IndexOf(pivot)
	if i < 0 {
		return -1, nil
	}
	if after {
		i++
	}
	o := m.view.order()
	low, _ := o.tree.GetAt(i - 1)
	high, _ := o.tree.GetAt(i)
	r, ok := runBetween(low.field, high.field, m.write.Dot)
	if !ok {
		return 0, ErrNoRoom
	}
	m.put(KindList, r.at(0), value)
	return m.view.Len() + 1, nil
}

// SetAt puts a value in place of the i-th element, counted from zero, or from -1
// backwards.
func (m *Mutator) SetAt(i int, value string) error {
	if err := m.list(); err != nil {
		return err
	}
	if !m.view.Exists() {
		return ErrNoSuchKey
	}
	p, ok := m.view.at(i)
	if !ok {
		return ErrOutOfRange
	}
	m.put(KindList, p.field, value)
	return nil
}

// RemoveEqual removes the first elements that equal a value, up to so many, or the
// last ones when the limit is negative, or all when it is zero. It returns how many.
func (m *Mutator) RemoveEqual(limit int, value string) (int, error) {
	if err := m.list(); err != nil || !m.view.Exists() {
		return 0, err
	}
	n, most := 0, limit
	if limit < 0 {
		most = -limit
	}
	m.view.order().from(0, limit < 0, func(p place) bool {
		if m.view.element(p) == value {
			m.remove(KindList, p.field)
			n++
		}
		return most == 0 || n < most
	})
	return n, nil
}

// Trim removes all elements but those from one to another, both counted as by
// [View.Elements].
func (m *Mutator) Trim(start, stop int) error {
	if err := m.list(); err != nil || !m.view.Exists() {
		return err
	}
	from, to := m.view.span(start, stop)
	if from >= to {
		m.clear()
		return nil
	}
	i := 0
	m.view.order().from(0, false, func(p place) bool {
		if i < from || i >= to {
			m.remove(KindList, p.field)
		}
		i++
		return true
	})
	return nil
}

// element returns the element at a place of a list.
func (v View) element(p place) string {
	s, _ := v.value(KindList, p.field)
	return s
}

// at returns the place of the i-th element, counted from zero, or from -1
// backwards.
func (v View) at(i int) (place, bool) {
	if v.kind != KindList {
		return place{}, false
	}
	if i < 0 {
		i += v.Len()
	}
	if i < 0 {
		return place{}, false
	}
	return v.order().tree.GetAt(i)
}

// span turns two counts, from zero or from -1 backwards, into the first index and
// the one after the last.
func (v View) span(start, stop int) (from, to int) {
	n := v.Len()
	if start < 0 {
		start += n
	}
	if stop < 0 {
		stop += n
	}
	return max(start, 0), min(stop, n-1) + 1
}

// Element returns a list's i-th element, counted from zero, or from -1 backwards.
func (v View) Element(i int) (string, bool) {
	p, ok := v.at(i)
	if !ok {
		return "", false
	}
	return v.element(p), true
}

// Elements returns a list's elements from one to another, both included, and
// counted from zero, or from -1 backwards.
func (v View) Elements(start, stop int) []string {
	if v.kind != KindList {
		return nil
	}
	from, to := v.span(start, stop)
	if from >= to {
		return nil
	}
	out := make([]string, 0, to-from)
	v.order().from(from, false, func(p place) bool {
		out = append(out, v.element(p))
		return len(out) < to-from
	})
	return out
}

// ElementsFrom iterates over a list's elements from the i-th on, counted from zero,
// towards the tail, or from the i-th before the last on towards the head.
func (v View) ElementsFrom(i int, down bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		if v.kind == KindList {
			v.order().from(i, down, func(p place) bool { return yield(v.element(p)) })
		}
	}
}

// IndexOf returns the index of the first element that equals a value, -1 when none
// does.
func (v View) IndexOf(value string) int {
	if v.kind != KindList {
		return -1
	}
	i, found := 0, false
	v.order().from(0, false, func(p place) bool {
		if found = v.element(p) == value; !found {
			i++
		}
		return !found
	})
	if !found {
		return -1
	}
	return i
}
