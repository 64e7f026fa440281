package crdttest

import (
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// taken reports whether any of ops takes p away. It is for good: what somebody
// saw and took never comes back, and what nobody took stays, the losers of R1
// among it.
func taken(ops []Op, p *Op) bool {
	for i := range ops {
		if ops[i].takes(p) {
			return true
		}
	}
	return false
}

// takes reports whether o takes the write or increment p away. Nothing takes
// what it did not see (R4, R5). Of two commands of one write the later counts.
func (o *Op) takes(p *Op) bool {
	switch {
	case o.Dot == p.Dot:
		return o.Nth > p.Nth && o.place() == p.place()
	case !o.saw(p):
		return false
	case o.takesKey(), o.settlesKind(p), slices.Contains(o.Expired, p.name()):
		return true
	case o.place() != p.place():
		return false
	case o.Verb == HLLPut:
		return o.Amount >= p.Amount // A higher rank that had expired at its origin may yet be rescued (R7).
	case o.Verb.isWrite(), o.Verb.isCellRemoval(), o.FreshField:
		return true
	default:
		return o.replacesRun(p)
	}
}

// takesKey reports whether o takes everything that it saw in the key, the expiry
// included: DEL and INVALIDATE do, SET does (R9), and so does the first write to
// a key of which nothing is visible any more, so that the new key starts fresh.
func (o *Op) takesKey() bool {
	return o.Verb == Del || o.Verb == Invalidate || o.Verb == Set || o.Fresh
}

// settlesKind reports whether o works inside a kind that p is not of. The kind of
// the live write with the highest version is visible and the other is hidden (R8),
// until a write that saw both settles it: it takes what was hidden.
func (o *Op) settlesKind(p *Op) bool {
	k := o.Verb.kind()
	return k != crdt.KindNone && k != p.Verb.kind()
}
