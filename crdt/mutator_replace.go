package crdt

import "slices"

// CellValue is one cell of a collection with what it is to hold: a hash's field
// and its value, a set's member and nothing, a zset's member and its score as
// [EncodeScore] returns it.
type CellValue struct {
	Field, Value string
	// ExpireAt is when a hash's field expires by itself, in milliseconds since the Unix
	// epoch; [Never], or zero, when it does not.
	ExpireAt int64
}

// Replace replaces the key, whatever its kind, with a collection that expires at
// a time, in milliseconds since the Unix epoch, or [Never]. It stands to the
// collection's cells as [Mutator.Set] to a string: what it saw goes, what it had
// not seen stays (R1, R3, R5, R8), its time to live takes part in R7. Without one
// it is as if the key had been removed and its cells written: an EXPIRE that runs
// beside it counts. No cells remove the key. Of cells of one name the last counts.
func (m *Mutator) Replace(k Kind, cells []CellValue, at int64) {
	if slices.ContainsFunc(cells, m.isOver) {
		cells = slices.DeleteFunc(slices.Clone(cells), m.isOver)
	}
	if at <= m.write.Now || len(cells) == 0 {
		m.Del()
		return
	}
	m.clear()
	for _, c := range cells {
		m.put(k, c.Field, c.Value)
		if k == KindHash && c.ExpireAt != 0 && c.ExpireAt != Never {
			m.expireField(c.Field, c.ExpireAt)
		}
	}
	if at != Never {
		m.expire(at)
	}
}

// isOver reports whether a cell's time has come.
func (m *Mutator) isOver(c CellValue) bool { return c.ExpireAt != 0 && c.ExpireAt <= m.write.Now }

// ReplaceList is [Mutator.Replace] for a list of elements.
func (m *Mutator) ReplaceList(elements []string, at int64) error {
	r, ok := runBetween("", "", m.write.Dot)
	if !ok {
		return ErrNoRoom
	}
	cells := make([]CellValue, len(elements))
	for i, value := range elements {
		cells[i] = CellValue{Field: r.at(i), Value: value}
	}
	m.Replace(KindList, cells, at)
	return nil
}
