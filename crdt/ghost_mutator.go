package crdt

// evicted is what a mutator knows of the ghost that it has met.
type evicted struct {
	is      bool
	exact   bool
	counts  bool
	needed  bool // the command cannot do without the values
	afresh  bool // nobody has them, though they show elsewhere for all that is known
	settled bool // nobody has them
}

// meetGhost makes the mutator one of a key that was evicted here. It sees nothing, and
// notes whether that matters.
func (m *Mutator) meetGhost(e *Entry) {
	m.entry = nil
	m.evicted = evicted{is: true, exact: e.isExact(), counts: e.counts()}
	if m.view.IsEvicted() {
		m.view.asked = &m.evicted.needed
	}
}

// Err returns [ErrEvicted] when the command is on an evicted key and needs its values.
// What it has returned and noted says nothing then. Nil otherwise.
func (m *Mutator) Err() error {
	if m.evicted.needed && !m.evicted.settled {
		return ErrEvicted
	}
	return nil
}

// Afresh, called before the command, says of an evicted key that its values cannot be
// brought from any holder that can be reached: the command runs as on a key that does not
// exist, and what it writes begins with the removal of all that was seen of the key.
// Should a holder that cannot be reached have it after all, then what it has from before
// goes, but for sums of replicas that went on counting meanwhile: those count whole.
func (m *Mutator) Afresh() {
	m.evicted.settled = true
	m.evicted.afresh = m.evicted.is && m.view.evicted
	m.view.evicted = false
}

// delGhost removes an evicted key.
func (m *Mutator) delGhost() bool {
	m.evicted.needed = m.evicted.needed || !m.evicted.exact
	m.clear()
	return !m.evicted.afresh
}
