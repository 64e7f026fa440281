package crdt

// CellValue is one cell of a collection with what it is to hold: a hash's field
// and its value, a set's member and nothing, a zset's member and its score as
// [EncodeScore] returns it.
type CellValue struct {
	Field, Value string
}

// Replace replaces the key, whatever its kind, with a collection that expires at
// a time, in milliseconds since the Unix epoch, or [Never]. It stands to the
// collection's cells as [Mutator.Set] to a string: what it saw goes, what it had
// not seen stays (R1, R3, R5, R8), its time to live takes part in R7. Without one
// it is as if the key had been removed and its cells written: an EXPIRE that runs
// beside it counts. No cells remove the key. Of cells of one name the last counts.
func (m *Mutator) Replace(k Kind, cells []CellValue, at int64) {
	if at <= m.write.Now || len(cells) == 0 {
		m.Del()
		return
	}
	m.clear()
	for _, c := range cells {
		m.put(k, c.Field, c.Value)
	}
	if at != Never {
		m.expire(at)
	}
}

// ReplaceList is [Mutator.Replace] for a list of elements.
func (m *Mutator) ReplaceList(elements []string, at int64) error {
	r, ok := runBetween("", "", m.write.Dot)
	if !ok {
		return ErrNoRoom
	}
	cells := make([]CellValue, len(elements))
	for i, value := range elements {
		cells[i] = CellValue{r.at(i), value}
	}
	m.Replace(KindList, cells, at)
	return nil
}
