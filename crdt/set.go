package crdt

// SAdd adds a member and reports whether it is new. A set is an OR-map whose
// cells hold nothing: adding beside a removal that had not seen it wins (R4).
//
// Adding a member that is there is a write too: it makes the member outlive a
// removal elsewhere that has not seen this one.
func (m *Mutator) SAdd(member string) (bool, error) {
	if err := m.enter(KindSet); err != nil {
		return false, err
	}
	had := m.view.Has(member)
	return m.put(KindSet, member, "") && !had, nil
}

// SRem removes a member as far as this replica has seen it and reports whether
// it existed.
func (m *Mutator) SRem(member string) (bool, error) {
	if m.view.Exists() && m.view.Kind() != KindSet {
		return false, ErrWrongType
	}
	return m.remove(KindSet, member), nil
}
