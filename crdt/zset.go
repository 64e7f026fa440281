package crdt

import "math"

// ZAdd gives a member a score and reports whether the member is new. Of two
// concurrent ones the higher version shows (R1); increments that it had not seen
// are added (R2, R3). The score is not NaN; infinities are allowed.
func (m *Mutator) ZAdd(member string, score float64) (bool, error) {
	if math.IsNaN(score) {
		return false, ErrNotFloat
	}
	if err := m.enter(KindZSet); err != nil {
		return false, err
	}
	_, had := m.view.Score(member)
	return m.put(KindZSet, member, EncodeScore(score)) && !had, nil
}

// ZIncr adds to a member's score and returns the sum. A member that does not
// exist counts from zero. The increment is finite.
func (m *Mutator) ZIncr(member string, by float64) (float64, error) {
	if math.IsNaN(by) || math.IsInf(by, 0) {
		return 0, ErrNotFinite
	}
	if err := m.enter(KindZSet); err != nil {
		return 0, err
	}
	score, _ := m.view.Score(member)
	if math.IsInf(score+by, 0) && !math.IsInf(score, 0) {
		return 0, ErrNotFinite
	}
	return score + by, m.add(KindZSet, member, Number{Float: by})
}

// ZRem removes a member as far as this replica has seen it and reports whether
// it existed.
func (m *Mutator) ZRem(member string) (bool, error) {
	if m.view.Exists() && m.view.Kind() != KindZSet {
		return false, ErrWrongType
	}
	return m.remove(KindZSet, member), nil
}
