package crdttest

import "github.com/atollcache/atoll/crdt"

// Verb is what a command does.
type Verb uint8

// The verbs. Those named after a kind's letter work inside a collection. Those that
// begin with L are commands on lists, no operations: they come to ListPut, ListTake
// and Del, by what their origin sees, and PFAdd to HLLPut.
const (
	Set Verb = iota + 1
	Del
	Incr
	IncrFloat
	Expire
	Persist
	Invalidate
	HSet
	HDel
	HIncr
	HIncrFloat
	SAdd
	SRem
	ZAdd
	ZIncr
	ZRem

	LPush   // of elements between commas
	RPush   // of elements between commas
	LPop    // of as many as Amount says
	RPop    // of as many as Amount says
	LBefore // inserts Value before the element Field
	LAfter  // inserts Value after it
	LSet    // of the element at Amount
	LRem    // of as many elements Value as Amount says
	LTrim   // to the first elements, or the last ones if Amount is negative
	LRotate // of the last element to the head

	PFAdd // of elements between commas

	ListPut  // of an element into the place Field: what comes of the commands on lists
	ListTake // of what is in the place Field
	HLLPut   // of the rank Amount into the register Field: what comes of PFAdd

	HExpire
	HPersist

	Miss   // notes that the key does not exist, for a Fill to come
	Fill   // of what was missing: Value, stamped with Miss
	BarAll // no command: what comes of a Del of what is not there, where fills are made
	numVerbs
)

// Command is one command on one key. Which fields count depends on Verb.
type Command struct {
	Verb   Verb
	Key    string
	Field  string   // the field or member, of a list the place or the pivot
	Value  string   // Set, HSet, elements of lists
	Amount float64  // counts and places in lists, increments and scores; integers up to 2^53 and small binary fractions are exact
	At     int64    // Set, Expire, HSet, HExpire, Fill: milliseconds since the Unix epoch, or crdt.Never
	Miss   crdt.HLC // Fill: when the key was missing, which the history knows
}

// Op is one write, or one of the commands of one write: what it changed, who made
// it, and what its origin had seen when it did.
type Op struct {
	Command
	Dot   crdt.Dot
	Nth   int // its place among the commands of one write, such as HSET with several fields
	Stamp crdt.HLC
	Saw   crdt.Vector // all that the origin had applied before, its own writes included

	// What the command decided from what its origin saw at that time.

	// Fresh says that nothing of the key was visible.
	Fresh bool
	// NewRun says, of an increment, that none of its replica's earlier
	// increments of the cell counted any more.
	NewRun bool
	// Expired is, of an EXPIRE, what its origin had seen and an expiry had hidden there,
	// while something stamped later still showed; of an HEXPIRE, the content of the
	// field that its origin had seen and that is below all that showed.
	Expired []Name
	// FreshField says, of an increment, that its field did not show in a hash that did.
	FreshField bool
	// Bars says that the op bars fills which had not seen it.
	Bars bool
}

// Name names an op: one of the commands of one write.
type Name struct {
	Dot crdt.Dot
	Nth int
}

func (o *Op) name() Name { return Name{o.Dot, o.Nth} }

// saw reports whether o's origin had seen p.
func (o *Op) saw(p *Op) bool { return o.Saw.Covers(p.Dot) }

// version returns the op's place in the total order of R1.
func (o *Op) version() crdt.Version { return crdt.Version{Stamp: o.Stamp, Replica: o.Dot.Replica} }

// place is a cell: a kind's field or member, or the string itself.
type place struct {
	kind  crdt.Kind
	field string
}

func (o *Op) place() place { return place{o.Verb.kind(), o.Field} }

// kind returns the kind that the verb works inside of, crdt.KindNone for those
// that work on any key.
func (v Verb) kind() crdt.Kind {
	switch v {
	case Set, Incr, IncrFloat, Fill:
		return crdt.KindString
	case HSet, HDel, HIncr, HIncrFloat, HExpire, HPersist:
		return crdt.KindHash
	case SAdd, SRem:
		return crdt.KindSet
	case ZAdd, ZIncr, ZRem:
		return crdt.KindZSet
	case ListPut, ListTake:
		return crdt.KindList
	case PFAdd, HLLPut:
		return crdt.KindHLL
	}
	if v.IsList() {
		return crdt.KindList
	}
	return crdt.KindNone
}

// hasField reports whether the verb is about a field, a member or a pivot.
func (v Verb) hasField() bool {
	if v.IsList() || v == PFAdd {
		return v == LBefore || v == LAfter
	}
	k := v.kind()
	return k != crdt.KindNone && k != crdt.KindString
}

// isWrite reports whether the verb gives a cell a value.
func (v Verb) isWrite() bool {
	return v == Set || v == HSet || v == SAdd || v == ZAdd || v == ListPut || v == HLLPut || v == Fill
}

// IsList reports whether the verb is a command on a list.
func (v Verb) IsList() bool { return v >= LPush && v <= LRotate }

// counts reports whether the verb is a command on a list that takes a number.
func (v Verb) counts() bool {
	return v == LPop || v == RPop || v == LSet || v == LRem || v == LTrim
}

// takesElements reports whether it takes an element, or several.
func (v Verb) takesElements() bool {
	return v == PFAdd || v.IsList() && v != LPop && v != RPop && v != LTrim && v != LRotate
}

// isIncrement reports whether the verb adds to a cell's number.
func (v Verb) isIncrement() bool {
	return v == Incr || v == IncrFloat || v == HIncr || v == HIncrFloat || v == ZIncr
}

// isCellRemoval reports whether the verb removes one field, member or element.
func (v Verb) isCellRemoval() bool { return v == HDel || v == SRem || v == ZRem || v == ListTake }

// isContent reports whether the verb leaves something that can be read.
func (v Verb) isContent() bool { return v.isWrite() || v.isIncrement() }
