package crdttest

import "github.com/atollcache/atoll/crdt"

// Value is what a reader sees of a key. Only the fields of its kind are set.
type Value struct {
	Kind   crdt.Kind
	Text   string            // string
	Fields map[string]string // hash
	// FieldsUntil is when the fields of a hash expire, of those that do; nil when none does.
	FieldsUntil map[string]int64
	Members     map[string]bool    // set
	Scores      map[string]float64 // zset
	Elements    []string           // list
	Registers   map[string]int     // HyperLogLog: ranks by register
	ExpireAt    int64              // milliseconds since the Unix epoch, or crdt.Never
	Version     crdt.Version       // the highest version visible
}

// Spec returns what a reader who has seen ops, all about one key, sees at a wall
// time in milliseconds since the Unix epoch.
func Spec(ops []Op, now int64) Value {
	kind, live := kindSpec(unhiddenContent(ops, now)), liveContent(ops, now)
	version := versionSpec(live, kind)
	if version == (crdt.Version{}) {
		kind = crdt.KindNone
	}
	v := Value{Kind: kind, Version: version, ExpireAt: crdt.Never}
	if kind != crdt.KindNone {
		v.ExpireAt = expirySpec(ops, now)
	}
	switch kind {
	case crdt.KindString:
		v.Text = stringSpec(live)
	case crdt.KindHash:
		v.Fields = hashSpec(live)
		v.FieldsUntil = fieldsUntilSpec(ops, v.Fields, now)
	case crdt.KindSet:
		v.Members = setSpec(live)
	case crdt.KindZSet:
		v.Scores = zsetSpec(live)
	case crdt.KindList:
		v.Elements = listSpec(live)
	case crdt.KindHLL:
		v.Registers = hllSpec(live)
	}
	return v
}

// liveContent returns the writes and increments that count: those that nobody
// who saw them has taken, and that neither a time cut, the key's expiry nor that of
// their field has.
func liveContent(ops []Op, now int64) []*Op {
	var live []*Op
	for _, p := range unhiddenContent(ops, now) {
		if lastStamp(ops, p) > hiddenInField(ops, p.place(), now) {
			live = append(live, p)
		}
	}
	return live
}

// unhiddenContent is liveContent and what of fields has expired.
func unhiddenContent(ops []Op, now int64) []*Op {
	hide := hiddenSpec(ops, now)
	var live []*Op
	for i := range ops {
		p := &ops[i]
		if p.Verb.isContent() && lastStamp(ops, p) > hide && !taken(ops, p) && !barred(ops, p) {
			live = append(live, p)
		}
	}
	return live
}

// kindSpec: a key written as several kinds shows the kind of its live write with
// the highest version; the others are hidden, not mixed in (R8), and go with the
// first write that saw both (Op.settlesKind). Fields that have expired are such writes
// too: what they hid does not come back when they do.
func kindSpec(live []*Op) crdt.Kind {
	kind, top := crdt.KindNone, crdt.Version{}
	for _, p := range live {
		if p.version().Compare(top) > 0 {
			kind, top = p.Verb.kind(), p.version()
		}
	}
	return kind
}

// versionSpec returns the highest version that shows of a kind.
func versionSpec(live []*Op, kind crdt.Kind) (top crdt.Version) {
	for _, p := range live {
		if p.Verb.kind() == kind && p.version().Compare(top) > 0 {
			top = p.version()
		}
	}
	return top
}

// inCell returns the live content of one cell.
func inCell(live []*Op, at place) []*Op {
	var in []*Op
	for _, p := range live {
		if p.place() == at {
			in = append(in, p)
		}
	}
	return in
}

// winner returns the write with the highest version (R1), nil without writes.
func winner(cell []*Op) *Op {
	var top *Op
	for _, p := range cell {
		if p.Verb.isWrite() && (top == nil || p.version().Compare(top.version()) > 0) {
			top = p
		}
	}
	return top
}
