package crdt

// Sight is what somebody has seen, as a partition can tell it: from a vector, and
// from what the partition knows of retired replicas, which vectors do not name any
// more. Get one from [Partition.Sight]; it is valid until the partition's next
// change. The zero value has seen nothing.
type Sight struct {
	vector Vector
	self   Dot // of a delta: its origin's own writes up to and including self.N
	// retired are the retirements that are known where the question is asked, and
	// named is a vector from there: what it names and vector does not has not been
	// seen. Whatever else vector does not name has been retired long ago, and gone
	// says whether that has been seen.
	retired []Retirement
	named   Vector
	gone    bool
	ended   []Dot // the last writes of IDs of which it is known that they were retired where vector is from
}

// Covers reports whether the write named by d has been seen.
func (s *Sight) Covers(d Dot) bool {
	if d.Replica == s.self.Replica {
		return d.N <= s.self.N
	}
	if i, ok := s.vector.search(d.Replica); ok {
		return d.N <= s.vector[i].N
	}
	left := maxChain
	return s.coversUnnamed(d, &left)
}

// CoversAll reports whether everything that o has seen has been seen.
func (s *Sight) CoversAll(o Vector) bool {
	for _, d := range o {
		if !s.Covers(d) {
			return false
		}
	}
	return true
}

// coversUnnamed is Covers for a replica that the vector does not name. Who has
// seen a retirement has seen all that its replica wrote. A retirement may have been
// made by a replica that has itself been retired since, so the question is asked
// again, of ever later retirements, as long as there are looks left: hostile bytes may
// lead around in circles.
func (s *Sight) coversUnnamed(d Dot, left *int) bool {
	*left--
	for _, o := range s.ended {
		if o.Replica == d.Replica {
			return d.N <= o.N
		}
	}
	retired := false
	for i := range s.retired {
		r := &s.retired[i]
		if r.Last.Replica != d.Replica {
			continue
		}
		retired = true
		switch {
		case d.N > r.Last.N || *left <= 0:
		case r.By.Replica == s.self.Replica:
			if r.By.N <= s.self.N {
				return true
			}
		default:
			if j, ok := s.vector.search(r.By.Replica); ok && r.By.N <= s.vector[j].N {
				return true
			} else if !ok && s.coversUnnamed(r.By, left) {
				return true
			}
		}
	}
	if retired {
		return false
	}
	_, named := s.named.search(d.Replica)
	return !named && s.gone
}

// maxChain bounds how many retirements are looked at for one question, each of the
// replica that made one before. It takes the announcements of all holders to make one,
// and no more than that to be done with it, so that there are hardly ever two; but
// what comes after a long absence may come after many.
const maxChain = 64

// fallsShort reports whether some ID is named with less than in o.
func (s *Sight) fallsShort(o Vector) bool {
	for _, d := range o {
		if d.Replica == s.self.Replica && d.N > s.self.N {
			return true
		}
		if i, ok := s.vector.search(d.Replica); ok && d.N > s.vector[i].N {
			return true
		}
	}
	return false
}

// apart reports whether nothing has been seen of any replica that o names, or that
// retirements in o stand for.
func (s *Sight) apart(o Vector) bool {
	for _, d := range o {
		if s.Covers(Dot{d.Replica, 1}) {
			return false
		}
	}
	for i := range s.retired {
		if r := &s.retired[i]; o.Covers(r.By) && s.Covers(Dot{r.Last.Replica, 1}) {
			return false
		}
	}
	return true
}
