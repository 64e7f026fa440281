package crdttest

import "github.com/atollcache/atoll/crdt"

// cutSpec returns the key's time cut: an INVALIDATE takes everything stamped at
// or before it, seen or not (R6).
func cutSpec(ops []Op) crdt.HLC {
	var cut crdt.HLC
	for i := range ops {
		if ops[i].Verb == Invalidate {
			cut = max(cut, ops[i].Stamp)
		}
	}
	return cut
}

// assertsExpiry reports whether the op says when the key expires: EXPIRE and
// PERSIST do, and every SET and fill does, one without a time to live saying never.
func (o *Op) assertsExpiry() bool {
	return o.Verb == Set || o.Verb == Fill || o.Verb == Expire || o.Verb == Persist
}

// assertedExpiry: of the live assertions the longest counts, never beats all,
// and without any the key does not expire (R7). An assertion is live until an
// op that saw it makes another or takes the whole key, or a time cut does.
func assertedExpiry(ops []Op) int64 {
	cut := cutSpec(ops)
	at, any := int64(0), false
	for i := range ops {
		x := &ops[i]
		if x.assertsExpiry() && x.Stamp > cut && !overridden(ops, x) && !barred(ops, x) {
			at, any = max(at, x.At), true
		}
	}
	if !any {
		return crdt.Never
	}
	return at
}

func overridden(ops []Op, x *Op) bool {
	for i := range ops {
		o := &ops[i]
		if o.saw(x) && (o.assertsExpiry() || o.takesKey()) {
			return true
		}
	}
	return false
}

// hiddenSpec returns the stamp at or before which everything is gone at a wall
// time: the time cut, and once the key has expired, all that was stamped before
// its expiry (R7).
func hiddenSpec(ops []Op, now int64) crdt.HLC {
	hide := cutSpec(ops)
	if at := assertedExpiry(ops); at <= now {
		hide = max(hide, crdt.StampAt(at)-1)
	}
	return hide
}

// expirySpec returns when a key that exists expires: never, too, when it has
// outlived its expiry by a write stamped after it.
func expirySpec(ops []Op, now int64) int64 {
	if at := assertedExpiry(ops); at > now {
		return at
	}
	return crdt.Never
}

// expiredSpec returns what an expiry hides at a wall time: content, and what is said
// about the expiry of fields. An EXPIRE of
// a key that has outlived its expiry takes it: what was hidden where it was made
// does not come back by it.
func expiredSpec(ops []Op, now int64) (names []Name) {
	hide := hiddenSpec(ops, now)
	if hide == cutSpec(ops) {
		return nil
	}
	for i := range ops {
		if p := &ops[i]; (p.Verb.isContent() || p.assertsFieldExpiry()) && lastStamp(ops, p) <= hide {
			names = append(names, p.name())
		}
	}
	return names
}

// Expired returns what an EXPIRE made at a wall time settles, of the ops that its
// origin has seen: see [Op.Expired].
func Expired(seen []Op, now int64) []Name { return expiredSpec(seen, now) }
