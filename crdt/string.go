package crdt

// Set replaces the key, whatever its kind, with a string that expires at a time,
// in milliseconds since the Unix epoch, or [Never]. Of two concurrent ones the
// higher version shows (R1); increments and fields that it had not seen stay
// (R3, R8); its time to live takes part in R7.
func (m *Mutator) Set(value string, at int64) {
	if at <= m.write.Now {
		m.Del()
		return
	}
	m.clear()
	m.put(KindString, "", value)
	if at != Never {
		m.expire(at)
	}
}

// Incr adds to the string's integer and returns the sum. Concurrent ones all
// count (R2); one that runs beside a SET is added to it (R3). A key that does
// not exist counts from zero.
func (m *Mutator) Incr(by int64) (int64, error) {
	if err := m.enter(KindString); err != nil {
		return 0, err
	}
	return m.incrInt(KindString, "", by)
}

// IncrFloat is [Mutator.Incr] for any number. It returns the sum as it is shown.
func (m *Mutator) IncrFloat(by float64) (string, error) {
	if err := m.enter(KindString); err != nil {
		return "", err
	}
	return m.incrFloat(KindString, "", by)
}
