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

// HSetUntil is HSet of a field that expires at a time, in milliseconds since the Unix
// epoch, or [Never]; its time to live takes part in R7. A time that has come removes
// the field.
func (m *Mutator) HSetUntil(field, value string, at int64) (bool, error) {
	if at <= m.write.Now {
		_, err := m.HDel(field)
		return false, err
	}
	isNew, err := m.HSet(field, value)
	if err == nil && at != Never {
		m.expireField(field, at)
	}
	return isNew, err
}

// expireField notes when a field expires that the command also puts.
func (m *Mutator) expireField(field string, at int64) {
	m.effects = append(m.effects, Effect{Op: EffectExpireField, Kind: KindHash, Field: field, At: m.future(at)})
}

// HExpire makes a field expire at a time, in milliseconds since the Unix epoch, or
// never. Of concurrent ones the longest counts, and that of an HSET is never; a later
// one replaces (R7). A time that has come removes the field. It reports whether the
// field existed.
func (m *Mutator) HExpire(field string, at int64) (bool, error) {
	if at <= m.write.Now {
		return m.HDel(field)
	}
	if m.view.Exists() && m.view.Kind() != KindHash {
		return false, ErrWrongType
	}
	c := m.cellBefore(KindHash, field)
	if c == nil {
		return false, nil
	}
	shows, ok := m.view.visible(c)
	if !ok {
		return false, nil
	}
	m.settleKinds(KindHash)
	f := Effect{Op: EffectExpireField, Kind: KindHash, Field: field, At: m.future(at), Cut: shows.lowest() - 1}
	// All that it saw below that does not show: losers, and what has expired.
	f.Seen = m.appendSeen(nil, KindNone, "", c, func(_ Kind, s Contribution) bool { return s.Stamp <= f.Cut })
	m.effects = append(m.effects, f)
	return true, nil
}

// HPersist takes a field's expiry away. It reports whether the field had one.
func (m *Mutator) HPersist(field string) (bool, error) {
	if m.view.Exists() && m.view.Kind() != KindHash {
		return false, ErrWrongType
	}
	if m.view.FieldExpireAt(field) == Never {
		return false, nil
	}
	return m.HExpire(field, Never)
}

// freshen removes what is left of a field that does not show before it is
// incremented: an expiry for one, here or where it has not been forgotten yet.
func (m *Mutator) freshen(field string) {
	if _, shows := m.view.Field(field); !shows && !m.cleared {
		m.note(Effect{Op: EffectRemove, Kind: KindHash, Field: field})
	}
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
