package crdt

// HSet puts a value into a field and reports whether the field is new. Of two
// concurrent ones the higher version shows (R1); beside a removal of the field
// or the key that had not seen it, it stays (R4, R5).
func (m *Mutator) HSet(field, value string) (bool, error) {
	if err := m.enter(KindHash); err != nil {
		return false, err
	}
	_, had := m.view.Field(field)
	return m.put(KindHash, field, value) && !had, nil
}

// HDel removes a field as far as this replica has seen it (R4) and reports
// whether it existed.
func (m *Mutator) HDel(field string) (bool, error) {
	if m.view.Exists() && m.view.Kind() != KindHash {
		return false, ErrWrongType
	}
	return m.remove(KindHash, field), nil
}

// HIncr adds to a field's integer and returns the sum (R2, R3).
func (m *Mutator) HIncr(field string, by int64) (int64, error) {
	if err := m.enter(KindHash); err != nil {
		return 0, err
	}
	return m.incrInt(KindHash, field, by)
}

// HIncrFloat adds to a field's number and returns the sum as it is shown.
func (m *Mutator) HIncrFloat(field string, by float64) (string, error) {
	if err := m.enter(KindHash); err != nil {
		return "", err
	}
	return m.incrFloat(KindHash, field, by)
}
