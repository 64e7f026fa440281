package crdt

// # What expires next
//
// A key is due when it expires or the first of its fields does. Fields of a small hash
// are looked at one by one; of a large one an index is made when it is first asked
// for, a section's order by time.

// fewCells is up to how many cells a look at all of them takes less than an index of
// them does.
const fewCells = 64

// Due returns the soonest time at which something of the entry expires by what is said
// about it, in milliseconds since the Unix epoch: the key, or a field of a hash. It may
// have come, until what it hides has been forgotten. [Never] when nothing expires.
func (e *Entry) Due() int64 {
	at := e.ExpireAt()
	if s := e.timedSection(); s != nil {
		s.eachDue(func(_ string, due int64) bool {
			at = min(at, due)
			return s.order == nil
		})
	}
	return at
}

// dueAfter returns the soonest time after now at which what the entry shows changes.
func (e *Entry) dueAfter(now int64) int64 {
	at := Never
	if own := e.ExpireAt(); own > now {
		at = own
	}
	s := e.timedSection()
	if s == nil {
		return at
	}
	s.eachDue(func(_ string, due int64) bool {
		if due > now {
			at = min(at, due)
		}
		return s.order == nil || due <= now
	})
	hide := e.hide(now)
	if hide <= e.Cut() {
		return at
	}
	// What the key has outlived says nothing any more, and something else may count.
	for _, c := range s.cells {
		if due := c.expireAt(hide); due > now {
			at = min(at, due)
		}
	}
	return at
}

// sizeDueBy returns about how many bytes the fields take whose time has come by now.
func (e *Entry) sizeDueBy(now int64) (n int) {
	s := e.timedSection()
	if s == nil {
		return 0
	}
	for _, field := range s.dueBy(now) {
		c := s.cells[field]
		n += c.size() + sizeCell + sizeSlot + len(field)
	}
	return n
}

// fieldsGone reports whether a field has expired after one time and by another.
func (e *Entry) fieldsGone(after, now int64) bool {
	s := e.timedSection()
	if s == nil {
		return false
	}
	hide := e.hide(now)
	for _, field := range s.dueBy(now) {
		c := s.cells[field]
		at := c.expireAt(hide)
		if _, shows := c.visible(c.hiddenTo(hide, now)); shows || at <= after || at > now {
			continue
		}
		if _, showed := c.visible(hide); showed {
			return true
		}
	}
	return false
}

// timedSection returns the section in which fields expire, nil when none do.
func (e *Entry) timedSection() *section {
	if s := e.sectionOf(KindHash); s != nil && s.timed > 0 {
		return s
	}
	return nil
}

// dueBy returns the fields whose time has come by now, unless the key has outlived
// what says so.
func (s *section) dueBy(now int64) (fields []string) {
	if s.timed == 0 {
		return nil
	}
	s.eachDue(func(field string, at int64) bool {
		if at <= now {
			fields = append(fields, field)
		}
		return s.order == nil || at <= now
	})
	return fields
}

// eachDue calls f for the fields that expire and when they do, until f returns false:
// in no order, or the soonest first where there is an index.
func (s *section) eachDue(f func(field string, at int64) bool) {
	if s.order == nil && len(s.cells) > fewCells {
		s.order = newOrder(s, 0)
	}
	if s.order != nil {
		s.order.tree.Scan(func(p place) bool { return f(p.field, int64(p.score)) })
		return
	}
	for field, c := range s.cells {
		if at := c.expireAt(0); at != Never && !f(field, at) {
			return
		}
	}
}
