package crdttest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt"
)

// A list is its elements in the order of their places. An element stays until
// somebody who saw it takes it (R4), whatever else is inserted, moved or removed
// beside it; a value put into its place by one who had not seen it taken stays as
// well, and of two such values the higher version shows (R1). Everybody sees the
// same order, for a place never changes.
//
// A command on a list comes to puts and takes of places ([ListPut], [ListTake]):
// it decides which by what its origin saw ([listOps]). Places are texts that sort
// as the list does.

// listSpec returns the elements of a list in order.
func listSpec(live []*Op) (elements []string) {
	for _, at := range places(live) {
		elements = append(elements, winner(inCell(live, at)).Value)
	}
	return elements
}

// places returns the places of a list's elements in order.
func places(live []*Op) (out []place) {
	for _, p := range live {
		if p.Verb == ListPut && !slices.Contains(out, p.place()) {
			out = append(out, p.place())
		}
	}
	slices.SortFunc(out, func(a, b place) int { return strings.Compare(a.field, b.field) })
	return out
}

// pathStep is one step of a place: among the elements that have the steps before
// it in common, those of a lower index come first, of one index those of the
// lower dot, of one dot those that its command named earlier.
type pathStep struct {
	index int64
	dot   crdt.Dot
	nth   int
}

// A step as text sorts as the step does. It has one length, so that a place comes
// before those that go on from it.
const pathStepFormat = "%016x.%016x.%016x.%08x/"

func (s pathStep) String() string {
	return fmt.Sprintf(pathStepFormat, uint64(s.index)^1<<63, uint64(s.dot.Replica), s.dot.N, s.nth)
}

// path is a place as a list of steps.
type path []pathStep

func (p path) String() (s string) {
	for _, step := range p {
		s += step.String()
	}
	return s
}

func pathOf(text string) (p path) {
	for _, word := range strings.SplitAfter(text, "/") {
		var s pathStep
		var index, replica uint64
		if n, _ := fmt.Sscanf(word, pathStepFormat, &index, &replica, &s.dot.N, &s.nth); n == 4 {
			s.index, s.dot.Replica = int64(index^1<<63), crdt.ReplicaID(replica)
			p = append(p, s)
		}
	}
	return p
}

// besides returns p with a last step that is by so much beside its own.
func (p path) beside(by int64, dot crdt.Dot) path {
	last := len(p) - 1
	return append(slices.Clone(p[:last]), pathStep{index: p[last].index + by, dot: dot})
}

// between returns the place of the first element that a write inserts between two
// places, of which none stands for that end of the list: beyond the end, or else
// just behind the one before, just in front of the one after, or one step deeper,
// whichever is the first that is between the two.
func between(before, after string, dot crdt.Dot) path {
	low, high := pathOf(before), pathOf(after)
	switch {
	case before == "" && after == "":
		return path{{dot: dot}}
	case before == "":
		return high[:1].beside(-1, dot)
	case after == "":
		return low[:1].beside(1, dot)
	}
	for _, p := range []path{low.beside(1, dot), high.beside(-1, dot)} {
		if s := p.String(); before < s && s < after {
			return p
		}
	}
	return append(low, pathStep{dot: dot})
}

// insertBetween returns the puts of elements side by side.
func (o Op) insertBetween(before, after string, elements []string) (puts []Op) {
	p := between(before, after, o.Dot)
	for i, value := range elements {
		p[len(p)-1].nth = i
		puts = append(puts, o.put(p.String(), value))
	}
	return puts
}

func (o Op) put(at, value string) Op {
	o.Verb, o.Field, o.Value, o.Amount = ListPut, at, value, 0
	return o
}

func (o Op) take(at place) Op {
	o.Verb, o.Field, o.Value, o.Amount = ListTake, at.field, "", 0
	return o
}

// takeAll takes places, the whole key when there are no others.
func (o Op) takeAll(some, of []place) (takes []Op) {
	if len(some) == len(of) {
		o.Verb = Del
		return []Op{o}
	}
	for _, at := range some {
		takes = append(takes, o.take(at))
	}
	return takes
}

// listOps says what a command on a list comes to at a replica that has seen ops,
// and what it answers.
func listOps(seen []Op, op Op, now int64) ([]Op, Reply) {
	before := Spec(seen, now)
	switch {
	case before.Kind != crdt.KindNone && before.Kind != crdt.KindList:
		return nil, Reply{Err: crdt.ErrWrongType}
	case op.Verb == LPush || op.Verb == RPush:
		op.Fresh = before.Kind == crdt.KindNone
	case before.Kind == crdt.KindNone && op.Verb == LSet:
		return nil, Reply{Err: crdt.ErrNoSuchKey}
	case before.Kind == crdt.KindNone:
		return nil, noList(op.Verb)
	}
	var at []place
	if before.Kind == crdt.KindList {
		at = places(liveContent(seen, now))
	}
	return list{at, before.Elements}.do(op)
}

// noList is the reply to a command on a list that is not there.
func noList(v Verb) Reply {
	if v == LBefore || v == LAfter || v == LRem {
		return Reply{Text: "0"}
	}
	return Reply{}
}

// list is what a command on a list sees.
type list struct {
	places   []place
	elements []string
}

func (l list) do(op Op) ([]Op, Reply) {
	n := int(op.Amount)
	switch op.Verb {
	case LPush, RPush:
		return l.push(op, op.Verb == LPush, strings.Split(op.Value, ","))
	case LPop, RPop:
		from, to := l.end(op.Verb == RPop, n)
		out := slices.Clone(l.elements[from:to])
		if op.Verb == RPop {
			slices.Reverse(out)
		}
		if from == to {
			return nil, Reply{}
		}
		return op.takeAll(l.places[from:to], l.places), Reply{Text: strings.Join(out, ",")}
	case LTrim:
		from, to := l.end(n < 0, max(n, -n))
		if from == to {
			op.Verb = Del
			return []Op{op}, Reply{}
		}
		var takes []Op
		for _, at := range slices.Concat(l.places[:from], l.places[to:]) {
			takes = append(takes, op.take(at))
		}
		return takes, Reply{}
	case LBefore, LAfter:
		return l.insert(op, op.Verb == LAfter)
	case LSet:
		if n < 0 {
			n += len(l.places)
		}
		if n < 0 || n >= len(l.places) {
			return nil, Reply{Err: crdt.ErrOutOfRange}
		}
		return []Op{op.put(l.places[n].field, op.Value)}, Reply{}
	case LRem:
		takes := l.remove(op, n)
		return takes, Reply{Text: strconv.Itoa(len(takes))}
	}
	return l.rotate(op)
}

// end returns the first or the last n elements, as many as there are.
func (l list) end(tail bool, n int) (from, to int) {
	n = min(n, len(l.places))
	if tail {
		return len(l.places) - n, len(l.places)
	}
	return 0, n
}

func (l list) push(op Op, head bool, elements []string) ([]Op, Reply) {
	first, last := "", ""
	if len(l.places) > 0 {
		first, last = l.places[0].field, l.places[len(l.places)-1].field
	}
	reply := Reply{Text: strconv.Itoa(len(l.places) + len(elements))}
	if head {
		slices.Reverse(elements)
		return op.insertBetween("", first, elements), reply
	}
	return op.insertBetween(last, "", elements), reply
}

func (l list) insert(op Op, after bool) ([]Op, Reply) {
	i := slices.Index(l.elements, op.Field)
	if i < 0 {
		return nil, Reply{Text: "-1"}
	}
	if after {
		i++
	}
	low, high := "", ""
	if i > 0 {
		low = l.places[i-1].field
	}
	if i < len(l.places) {
		high = l.places[i].field
	}
	return op.insertBetween(low, high, []string{op.Value}), Reply{Text: strconv.Itoa(len(l.places) + 1)}
}

func (l list) remove(op Op, limit int) (takes []Op) {
	most := max(limit, -limit)
	if most == 0 {
		most = math.MaxInt
	}
	for i := range l.places {
		if limit < 0 {
			i = len(l.places) - 1 - i
		}
		if l.elements[i] == op.Value && len(takes) < most {
			takes = append(takes, op.take(l.places[i]))
		}
	}
	return takes
}

// rotate moves the last element to the head.
func (l list) rotate(op Op) ([]Op, Reply) {
	last := len(l.places) - 1
	reply := Reply{Text: l.elements[last], OK: true}
	if last == 0 {
		return nil, reply
	}
	puts, _ := l.push(op, true, []string{l.elements[last]})
	return append([]Op{op.take(l.places[last])}, puts...), reply
}

// ListWrites says in the specification's words what a write of a command on a list
// has come to, by its effects. made is the command with all that holds for the
// whole write.
func ListWrites(d *crdt.Delta, made Op) (ops []Op) {
	clears := false
	for _, f := range d.Effects {
		switch f.Op {
		case crdt.EffectClear:
			clears = true
		case crdt.EffectPut:
			ops = append(ops, made.put(f.Field, f.Value))
		case crdt.EffectRemove:
			ops = append(ops, made.take(place{f.Kind, f.Field}))
		}
	}
	if clears && len(ops) == 0 {
		made.Verb = Del
		return []Op{made}
	}
	for i := range ops {
		ops[i].Nth, ops[i].Fresh = i, clears
	}
	return ops
}
