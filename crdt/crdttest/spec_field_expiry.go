package crdttest

import "github.com/atollcache/atoll/crdt"

// assertsFieldExpiry reports whether the op says when a field expires: HEXPIRE and
// HPERSIST do, and every HSET does, one without a time to live saying never. HINCRBY
// says nothing.
func (o *Op) assertsFieldExpiry() bool {
	return o.Verb == HSet || o.Verb == HExpire || o.Verb == HPersist
}

// assertedFieldExpiry: of the live assertions about a field the longest counts, never
// beats all, and without any the field does not expire, as for keys (R7). An
// assertion is live until an op that saw it makes another or removes the field, or
// the key's time cut or expiry takes what was stamped by then.
func assertedFieldExpiry(ops []Op, at place, now int64) int64 {
	hide := hiddenSpec(ops, now)
	until, any := int64(0), false
	for i := range ops {
		x := &ops[i]
		if x.assertsFieldExpiry() && x.place() == at && x.Stamp > hide && !overriddenInField(ops, x) {
			until, any = max(until, x.At), true
		}
	}
	if !any {
		return crdt.Never
	}
	return until
}

// overriddenInField reports whether an assertion about a field has been replaced: by
// another one that saw it, or by what takes the field.
func overriddenInField(ops []Op, x *Op) bool {
	for i := range ops {
		if o := &ops[i]; o.takes(x) || o.saw(x) && o.assertsFieldExpiry() && o.place() == x.place() {
			return true
		}
	}
	return false
}

// hiddenInField returns the stamp at or before which everything in a field is gone at
// a wall time because the field has expired.
func hiddenInField(ops []Op, at place, now int64) crdt.HLC {
	if at.kind != crdt.KindHash {
		return 0
	}
	if until := assertedFieldExpiry(ops, at, now); until <= now {
		return crdt.StampAt(until) - 1
	}
	return 0
}

// fieldsUntilSpec returns when the fields that show expire: never, too, those that
// have outlived their expiry by an increment stamped after it.
func fieldsUntilSpec(ops []Op, fields map[string]string, now int64) map[string]int64 {
	var until map[string]int64
	for f := range fields {
		at := assertedFieldExpiry(ops, place{crdt.KindHash, f}, now)
		if at == crdt.Never || at <= now {
			continue
		}
		if until == nil {
			until = map[string]int64{}
		}
		until[f] = at
	}
	return until
}

// belowSpec returns the content of a field that is stamped below all that shows of it.
// An HEXPIRE takes it: what an expiry hid where it was made does not come back by it.
func belowSpec(ops []Op, at place, now int64) (names []Name) {
	low := crdt.HLC(0)
	shows := func(p *Op) {
		if h := lastStamp(ops, p); low == 0 || h < low {
			low = h
		}
	}
	cell := inCell(liveContent(ops, now), at)
	if w := winner(cell); w != nil {
		shows(w)
	}
	for _, p := range cell {
		if p.Verb.isIncrement() {
			shows(p)
		}
	}
	for i := range ops {
		if p := &ops[i]; p.Verb.isContent() && p.place() == at && lastStamp(ops, p) < low {
			names = append(names, p.name())
		}
	}
	return names
}

// Below returns what an HEXPIRE or HPERSIST made at a wall time takes, of the ops on
// its key that its origin has seen: see [Op.Expired].
func Below(seen []Op, c Command, now int64) []Name {
	return belowSpec(seen, place{c.Verb.kind(), c.Field}, now)
}
