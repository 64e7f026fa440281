package crdt

import (
	"github.com/atollcache/atoll/crdt/pack"
)

// deltaBase is what a delta is written as the difference to: the delta before it
// in the message of the same origin, at first nothing.
type deltaBase struct {
	n     uint64
	stamp HLC
	deps  Vector
}

// copyBudget bounds what a decoder spends on deps that are written as a
// difference: a few bytes of message there make a copy of a whole vector. Both
// sides keep count; when the budget is spent the encoder writes deps whole.
type copyBudget int

// take asks for a copy of n elements when a message has come to size bytes.
func (b *copyBudget) take(n, size int) bool {
	spent := int(*b) + n*sizeDot
	if spent > 1024+11*size {
		return false
	}
	*b = copyBudget(spent)
	return true
}

func (e *Encoder) delta(d *Delta) {
	i := e.table.lookup(d.Dot.Replica)
	for len(e.bases) <= i {
		e.bases = append(e.bases, deltaBase{})
	}
	base := e.bases[i]
	r := e.begin()
	e.uint(uint64(i))
	// The difference may wrap; adding it wraps back.
	e.body = pack.AppendInt(e.body, int64(d.Dot.N-base.n))
	e.stamp(base.stamp, d.Stamp)
	e.deps(base.deps, d.Deps)
	e.string(d.Key)
	e.wroteFields(&r, 6, false)
	e.effects(d)
	e.wroteFields(&r, 1, len(d.Effects) == 0)
	e.uint(d.Dot.N - d.From)
	e.wroteFields(&r, 1, d.Dot.N == d.From)
	e.requests(d.Requests)
	e.wroteFields(&r, 1, len(d.Requests) == 0)
	e.end(&r)
	e.bases[i] = deltaBase{d.Dot.N, d.Stamp, d.Deps}
}

func (e *Encoder) requests(rs []uint64) {
	e.body = pack.AppendArray(e.body, len(rs))
	for _, r := range rs {
		e.uint(r)
	}
}

// deps writes v in the shortest way after prev.
func (e *Encoder) deps(prev, v Vector) {
	more, ok := growth(prev, v)
	switch {
	case ok && more == 0:
		e.body = pack.AppendNil(e.body)
	case ok && e.copied.take(len(prev), len(e.body)):
		e.body = pack.AppendArray(e.body, 2*more)
		for _, d := range v {
			if before := prev.Get(d.Replica); d.N > before {
				e.dot(Dot{d.Replica, d.N - before})
			}
		}
	default:
		e.body = pack.AppendArray(e.body, 1+2*len(v))
		e.body = pack.AppendNil(e.body)
		for _, d := range v {
			e.dot(d)
		}
	}
}

// growth returns how many elements of v are higher than in prev, and false when
// v lacks something that prev has.
func growth(prev, v Vector) (more int, ok bool) {
	for _, d := range v {
		if len(prev) == 0 || prev[0].Replica > d.Replica {
			more++
			continue
		}
		if prev[0].Replica < d.Replica || prev[0].N > d.N {
			return 0, false
		}
		if prev[0].N < d.N {
			more++
		}
		prev = prev[1:]
	}
	return more, len(prev) == 0
}

// plainSet is how the effects of a delta begin that [Delta.setsPlain]: what is left to
// write is the value, if it is not empty. It is never written again.
var plainSet = func() (b []byte) {
	b = pack.AppendArray(b, 2)
	b = pack.AppendArray(b, 1)
	b = pack.AppendUint(b, uint64(EffectClear))
	b = pack.AppendArray(b, 2)
	return pack.AppendUint(b, uint64(EffectPut)|uint64(KindString)<<kindShift)
}()

func (e *Encoder) effects(d *Delta) {
	if d.setsPlain() && d.Effects[1].Value != "" {
		e.body = append(e.body, plainSet...)
		e.string(d.Effects[1].Value)
		return
	}
	e.body = pack.AppendArray(e.body, len(d.Effects))
	for i := range d.Effects {
		e.effect(d, &d.Effects[i])
	}
}

// kindShift puts the kind above the operation in an effect's code.
const kindShift = 4

func (e *Encoder) effect(d *Delta, f *Effect) {
	kind := f.Kind
	if !f.Op.hasKind() {
		kind = KindNone
	}
	r := e.begin()
	e.uint(uint64(f.Op) | uint64(kind)<<kindShift)
	e.wroteFields(&r, 1, false)
	if f.Op.hasCell() && kind != KindString {
		e.string(f.Field)
		e.wroteFields(&r, 1, f.Field == "")
	}
	switch f.Op {
	case EffectPut:
		e.string(f.Value)
		e.wroteFields(&r, 1, f.Value == "")
	case EffectAdd:
		e.uint(d.Dot.N - f.Start)
		e.body = pack.AppendInt(e.body, f.Sum.Int)
		e.wroteFields(&r, 2, false)
		e.body = pack.AppendFloat(e.body, f.Sum.Float)
		e.wroteFields(&r, 1, f.Sum.Float == 0)
	case EffectExpire, EffectExpireField:
		e.expireAt(f.At, d.Stamp)
		e.wroteFields(&r, 1, false)
	case EffectCut:
		e.stamp(d.Stamp, f.Cut)
		e.wroteFields(&r, 2, f.Cut == d.Stamp)
	case EffectRetire:
		e.dot(f.Last())
		e.wroteFields(&r, 2, false)
	case EffectFill:
		e.string(f.Value)
		e.stamp(d.Stamp, f.Cut)
		e.expireAt(f.At, d.Stamp)
		e.wroteFields(&r, 4, false)
	case EffectFills:
		e.uint(f.Start)
		e.wroteFields(&r, 1, false)
	}
	if f.Op.hasSeen() {
		e.seen(f.Op, f.Seen)
		e.wroteFields(&r, 1, len(f.Seen) == 0)
	}
	if f.Op.hasCutLast() && f.Cut != 0 {
		e.stamp(d.Stamp, f.Cut)
		e.wroteFields(&r, 2, false)
	}
	e.end(&r)
}

// hasCell reports whether the effect names a cell.
func (o EffectOp) hasCell() bool {
	return o == EffectPut || o == EffectRemove || o == EffectAdd || o == EffectExpireField
}

// hasKind reports whether the effect names a kind.
func (o EffectOp) hasKind() bool { return o.hasCell() || o == EffectSettle }

// hasSeen reports whether the effect tells the contributions that were seen.
func (o EffectOp) hasSeen() bool {
	return o == EffectPut || o == EffectRemove || o == EffectClear || o == EffectSettle || o == EffectExpireField
}

// hasCutLast reports whether a cut comes after what was seen, if there is one.
func (o EffectOp) hasCutLast() bool { return o == EffectSettle || o == EffectExpireField }

// seenInCell reports whether these are all of the cell that the effect names.
func (o EffectOp) seenInCell() bool { return o.hasCell() }

// seenStride returns how many values one element of an effect's seen takes.
func (o EffectOp) seenStride() int {
	if o.seenInCell() {
		return 4
	}
	return 6
}

func (e *Encoder) seen(op EffectOp, seen []Seen) {
	e.body = pack.AppendArray(e.body, op.seenStride()*len(seen))
	for _, s := range seen {
		if !op.seenInCell() {
			e.uint(uint64(s.Kind))
			e.string(s.Field)
		}
		e.dot(Dot{s.Replica, s.N})
		e.number(s.Total)
	}
}
