package crdt

import (
	"fmt"
	"math"
	"slices"

	"github.com/atollcache/atoll/crdt/pack"
)

func (d *Decoder) delta() *Delta {
	rec := d.r.Record()
	if d.r.Err() != nil {
		return nil
	}
	out := &Delta{}
	base := d.deltaHead(&rec, out)
	if d.must(&rec) {
		out.Key = d.r.String()
	}
	if rec.More() {
		out.Effects = d.effects(out)
	}
	out.From = out.Dot.N
	if rec.More() {
		out.From -= d.r.Uint()
	}
	if rec.More() {
		out.Requests = d.requests()
	}
	rec.End()
	// A delta that waits for itself would wait for ever.
	if out.From < 1 || out.From > out.Dot.N || out.Deps.Get(out.Dot.Replica) >= out.From {
		d.r.Fail(errNumber)
	}
	d.checkRetires(out)
	d.checkStages(out)
	if d.r.Err() != nil {
		return nil
	}
	*base = deltaBase{out.Dot.N, out.Stamp, out.Deps}
	return out
}

func (d *Decoder) requests() []uint64 {
	n := d.r.Array(1)
	if n == 0 {
		return nil
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = d.r.Uint()
	}
	return out
}

// deltaHead reads what is written as a difference and returns the base.
func (d *Decoder) deltaHead(rec *pack.Rec, out *Delta) *deltaBase {
	base := &deltaBase{}
	if d.must(rec) {
		var i int
		out.Dot.Replica, i = d.replica()
		base = d.base(i)
	}
	if d.must(rec) {
		out.Dot.N = base.n + uint64(d.r.Int())
	}
	if millis := d.must(rec); millis && d.must(rec) { // A stamp is two values.
		out.Stamp = d.stamp(base.stamp)
	}
	if d.must(rec) {
		out.Deps = d.deps(base.deps)
	}
	return base
}

// base returns the base of the replica at an index; after an error, nobody's.
func (d *Decoder) base(i int) *deltaBase {
	if d.r.Err() != nil {
		return &deltaBase{}
	}
	if cap(d.bases) < len(d.ids) {
		d.bases = make([]deltaBase, len(d.ids))
	}
	d.bases = d.bases[:len(d.ids)]
	return &d.bases[i]
}

// deps reads a vector written as the difference to prev.
func (d *Decoder) deps(prev Vector) Vector {
	if d.r.Nil() {
		return prev
	}
	n := d.r.Array(1)
	if n%2 == 1 {
		if !d.r.Nil() {
			d.r.Fail(errCount)
			return nil
		}
		return d.dots(n / 2)
	}
	if !d.copied.take(len(prev), d.size-d.r.Len()) {
		d.r.Fail(errBudget)
		return nil
	}
	return d.grown(prev, n/2)
}

// grown returns prev with the n pairs that follow added.
func (d *Decoder) grown(prev Vector, n int) Vector {
	out := make(Vector, 0, len(prev)+n)
	for range n {
		more := d.dot()
		for len(prev) > 0 && prev[0].Replica < more.Replica {
			out, prev = append(out, prev[0]), prev[1:]
		}
		if len(prev) > 0 && prev[0].Replica == more.Replica {
			if more.N > math.MaxUint64-prev[0].N {
				d.r.Fail(errNumber)
			}
			more.N, prev = more.N+prev[0].N, prev[1:]
		}
		out = append(out, more)
	}
	out = append(out, prev...)
	d.checkVector(out)
	return out
}

func (d *Decoder) effects(of *Delta) []Effect {
	n := d.r.Array(minEffectBytes)
	if n == 0 {
		return nil
	}
	out := make([]Effect, n)
	for i := range out {
		d.effect(of, &out[i])
		if d.r.Err() != nil {
			return nil
		}
	}
	return out
}

// minEffectBytes is the least that an effect takes: a header and a code.
const minEffectBytes = 2

func (d *Decoder) effect(of *Delta, f *Effect) {
	rec := d.r.Record()
	if !d.must(&rec) || !d.effectCode(f) {
		return
	}
	if f.Op.hasCell() && f.Kind != KindString && rec.More() {
		f.Field = d.field(f.Kind)
	} else if f.Op.hasCell() {
		d.checkField(f.Kind, "")
	}
	switch f.Op {
	case EffectPut:
		if rec.More() {
			f.Value = d.r.String()
		}
	case EffectAdd:
		d.effectAdd(&rec, of, f)
	case EffectExpire, EffectExpireField:
		if d.must(&rec) {
			f.At = d.expireAt(of.Stamp)
		}
	case EffectCut:
		f.Cut = of.Stamp
		if rec.More() && d.must(&rec) {
			f.Cut = d.stamp(of.Stamp)
		}
		// A cut ahead of its write would hide writes that come after it.
		if f.Cut > of.Stamp {
			d.r.Fail(errStamp)
		}
	case EffectRetire:
		if replica := d.must(&rec); replica && d.must(&rec) { // A dot is two values.
			last := d.dot()
			f.Replica, f.Start = last.Replica, last.N
		}
	case EffectFill:
		d.effectFill(&rec, of, f)
	case EffectFills:
		d.effectFills(&rec, f)
	}
	if f.Op.hasSeen() && rec.More() {
		f.Seen = d.seen(of, f.Op)
	}
	if f.Op.hasCutLast() && rec.More() && d.must(&rec) {
		f.Cut = d.stamp(of.Stamp)
	}
	rec.End()
}

// effectCode reads the operation and the kind, and reports whether both are known.
func (d *Decoder) effectCode(f *Effect) bool {
	code := d.r.Uint()
	if d.r.Err() != nil {
		return false
	}
	kind := code >> kindShift
	f.Op = EffectOp(code & (1<<kindShift - 1))
	switch {
	case f.Op == 0 || f.Op.hasCell() && kind == 0:
		d.r.Fail(fmt.Errorf("effect has no operation or no kind: code %d", code))
	case f.Op >= numEffectOps || kind >= uint64(numKinds) || !f.Op.hasKind() && kind != 0,
		f.Op == EffectExpireField && Kind(kind) != KindHash:
		d.r.Fail(fmt.Errorf("%w: effect has code %d", ErrUnknown, code))
	}
	f.Kind = Kind(kind)
	return d.r.Err() == nil
}

func (d *Decoder) effectAdd(rec *pack.Rec, of *Delta, f *Effect) {
	if d.must(rec) {
		f.Start = of.Dot.N - d.r.Uint()
	}
	if f.Start < 1 || f.Start > of.Dot.N {
		d.r.Fail(errNumber)
	}
	if d.must(rec) {
		f.Sum.Int = d.r.Int()
	}
	if rec.More() {
		f.Sum.Float = d.float()
	}
}

func (d *Decoder) seen(of *Delta, op EffectOp) []Seen {
	n := d.list(op.seenStride())
	if n == 0 {
		return nil
	}
	out := make([]Seen, n)
	for i := range out {
		s := &out[i]
		if !op.seenInCell() {
			s.Kind = d.kind(KindString)
			s.Field = d.r.String()
		}
		dot := d.dot()
		s.Replica, s.N, s.Total = dot.Replica, dot.N, d.number()
		if !of.mayHaveSeen(dot) {
			d.r.Fail(errUncaused)
		}
		if d.r.Err() != nil {
			return nil
		}
	}
	return out
}

// checkRetires makes sure that a delta which retires IDs does nothing else, and has
// seen what it retires them after.
func (d *Decoder) checkRetires(of *Delta) {
	last := ReplicaID(0)
	for i := range of.Effects {
		switch f := &of.Effects[i]; {
		case f.Op != EffectRetire:
			if last != 0 {
				d.r.Fail(errRetires)
			}
		case f.Replica <= last || i > 0 && last == 0 || of.Key != "" || of.From != of.Dot.N:
			d.r.Fail(errRetires)
		case f.Replica == of.Dot.Replica || !of.names(f.Replica) || !of.mayHaveSeen(f.Last()):
			d.r.Fail(errUncaused)
		default:
			last = f.Replica
		}
	}
}

// names reports whether a delta's deps name a replica.
func (d *Delta) names(r ReplicaID) bool {
	_, ok := slices.BinarySearchFunc(d.Deps, r, Dot.compareReplica)
	return ok
}

// mayHaveSeen reports whether a delta's origin may have seen a write. Of replicas
// that its deps do not name it may have seen anything before they were retired. It
// takes a bisection: the vector may be anybody's.
func (d *Delta) mayHaveSeen(o Dot) bool {
	if o.Replica == d.Dot.Replica {
		return o.N < d.Dot.N
	}
	i, ok := slices.BinarySearchFunc(d.Deps, o.Replica, Dot.compareReplica)
	return !ok || o.N <= d.Deps[i].N
}

// kind reads a kind that is known and not below from.
func (d *Decoder) kind(from Kind) Kind {
	k := d.r.Uint()
	switch {
	case d.r.Err() != nil:
	case k < uint64(from):
		d.r.Fail(errOrder)
	case k >= uint64(numKinds):
		d.r.Fail(fmt.Errorf("%w: kind %d", ErrUnknown, k))
	}
	return Kind(k)
}

// field reads the field of a cell.
func (d *Decoder) field(k Kind) string {
	field := d.r.String()
	d.checkField(k, field)
	return field
}

// checkField refuses what is no field of a kind.
func (d *Decoder) checkField(k Kind, field string) {
	switch {
	case d.r.Err() != nil:
	case k == KindList && !isPosition(field):
		d.r.Fail(errPosition)
	case k == KindHLL && !isHLLField(field):
		d.r.Fail(errRegister)
	}
}
