package sync

import (
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// coalesce returns deltas with neighbours made one where that says the same: two
// consecutive writes of one replica to one key, with nothing of another replica
// applied in between, of which the second makes the first's effects invisible. A
// hot counter then costs one delta a message, however often it was incremented.
//
// Only neighbours in number are joined, and only with equal Deps. Otherwise a
// delta would stand for a set of writes with holes, or wait for a cause that
// itself waits for a write inside it.
func coalesce(ds []*crdt.Delta) []*crdt.Delta {
	out := make([]*crdt.Delta, 0, len(ds))
	for _, d := range ds {
		if n := len(out); n > 0 {
			if both := join(out[n-1], d); both != nil {
				out[n-1] = both
				continue
			}
		}
		out = append(out, d)
	}
	return out
}

// join returns one delta that says what a and then b say, nil when there is
// none. It changes neither.
func join(a, b *crdt.Delta) *crdt.Delta {
	if a.Retires() || b.Retires() || a.Stages() || b.Stages() || a.Dot.Replica != b.Dot.Replica || a.Dot.N+1 != b.From || a.Key != b.Key || !a.Deps.Equal(b.Deps) {
		return nil
	}
	effects, ok := absorb(a.Effects, b.Effects)
	if !ok {
		return nil
	}
	out := *b
	out.From = a.From
	out.Requests = slices.Concat(a.Requests, b.Requests)
	out.Effects = effects
	return &out
}

// absorb returns the effects of b in a form that also does what is left to see
// of a's.
func absorb(a, b []crdt.Effect) ([]crdt.Effect, bool) {
	if bars(a) {
		// What the first says to fills the second says as well, or they stay two.
		if !bars(b) {
			return nil, false
		}
		if len(a) == 1 {
			return b, true
		}
		out, ok := absorb(a[:len(a)-1], b[:len(b)-1])
		return append(slices.Clip(out), b[len(b)-1]), ok
	}
	if len(b) == 0 || len(a) == 0 {
		return nil, false
	}
	if b[0].Op == crdt.EffectClear {
		return absorbByClear(a, b)
	}
	if len(a) != 1 || len(b) != 1 || a[0].Kind != b[0].Kind || a[0].Field != b[0].Field {
		return nil, false
	}
	switch {
	case a[0].Op == crdt.EffectAdd && b[0].Op == crdt.EffectAdd && a[0].Start == b[0].Start:
		return b, true
	case touches(a[0].Op) && touches(b[0].Op):
		f := b[0]
		f.Seen = mergeSeen(a[0].Seen, f.Seen)
		return []crdt.Effect{f}, true
	}
	return nil, false
}

// bars reports whether effects bar fills. Then the last one says so.
func bars(fs []crdt.Effect) bool { return len(fs) > 0 && fs[len(fs)-1].Op == crdt.EffectBar }

func touches(op crdt.EffectOp) bool { return op == crdt.EffectPut || op == crdt.EffectRemove }

// absorbByClear makes b's leading clear take what a's effects saw as well. A
// time cut cannot be absorbed: it speaks of the unseen. Nor is what a settles: it is
// rare, and speaks of several cells.
func absorbByClear(a, b []crdt.Effect) ([]crdt.Effect, bool) {
	var seen []crdt.Seen
	for _, f := range a {
		if f.Op == crdt.EffectCut || f.Op == crdt.EffectSettle {
			return nil, false
		}
		for _, s := range f.Seen {
			if f.Op != crdt.EffectClear {
				s.Kind, s.Field = f.Kind, f.Field
			}
			seen = append(seen, s)
		}
	}
	out := slices.Clone(b)
	out[0].Seen = mergeSeen(seen, out[0].Seen)
	return out, true
}

// mergeSeen returns both lists, of each contribution the later sight.
func mergeSeen(a, b []crdt.Seen) []crdt.Seen {
	if len(a) == 0 {
		return b
	}
	out := slices.Clone(a)
	for _, s := range b {
		i := slices.IndexFunc(out, func(o crdt.Seen) bool {
			return o.Kind == s.Kind && o.Field == s.Field && o.Replica == s.Replica
		})
		switch {
		case i < 0:
			out = append(out, s)
		case out[i].N < s.N:
			out[i] = s
		}
	}
	return out
}
