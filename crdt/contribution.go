package crdt

// Contribution is what one replica has added to one cell's counter: a running
// sum since the run's first increment, and how much of it has been removed.
//
// A sum cannot be taken apart later, so whoever removes (a SET or a DEL over a
// counter) tells the sum that it saw; the increments that it had not seen stay
// ([Seen]). A contribution that has been removed whole is kept, showing nothing,
// for as long as its replica may not know: its next increment would otherwise
// bring the removed part back. A replica that sees its contribution removed, or
// hidden by a time cut, starts a new run, which replaces the old one everywhere.
//
// A time cut does not split a run either: it hides the runs whose latest stamp
// is at or before it, whole, and leaves the others whole.
type Contribution struct {
	Replica ReplicaID
	Start   uint64 // number of the run's first increment
	N       uint64 // number of the latest increment
	Stamp   HLC    // stamp of the latest increment
	Total   Number // sum of the run's increments up to N
	// RemovedN is the number of the latest increment that a removal saw, zero
	// when none did, and Removed the sum up to it.
	RemovedN uint64
	Removed  Number
}

// Version returns the latest increment's place in the total order.
func (s Contribution) Version() Version { return Version{s.Stamp, s.Replica} }

// Net returns what the contribution still adds.
func (s Contribution) Net() Number { return s.Total.Minus(s.Removed) }

// live reports whether the contribution counts, given that everything stamped
// at or before hide is gone. A net of zero counts too: it makes a key exist.
func (s Contribution) live(hide HLC) bool { return s.RemovedN < s.N && s.Stamp > hide }

// removeTo notes that a removal saw the run up to the increment n, when the sum
// was total. An n before this run belongs to an older one and says nothing; one
// behind its end no replica has written.
func (s *Contribution) removeTo(n uint64, total Number) {
	if n >= s.Start && n > s.RemovedN && n <= s.N {
		s.RemovedN, s.Removed = n, total
	}
}

// merge takes what o knows more of the same replica's contribution.
func (s *Contribution) merge(o Contribution) {
	switch {
	case o.Start > s.Start:
		*s = o
		return
	case o.Start < s.Start:
		return
	}
	if o.N > s.N {
		s.N, s.Stamp, s.Total = o.N, o.Stamp, o.Total
	}
	s.removeTo(o.RemovedN, o.Removed)
}

// Seen is the part of one contribution that a removal saw: the sum Total that
// Replica had reached at its increment N.
type Seen struct {
	Kind    Kind   // together with Field, the cell; only where the effect does not name it
	Field   string //
	Replica ReplicaID
	N       uint64
	Total   Number
}
