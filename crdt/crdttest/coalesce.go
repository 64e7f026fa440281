package crdttest

import (
	"slices"

	"github.com/atollcache/atoll/crdt"
)

// coalesce returns one delta that stands for two consecutive ones of one replica
// to one key, when they are of the simple kinds: an increment or a put over
// another in the same cell, or anything followed by what begins with a clear.
func coalesce(a, b *crdt.Delta) (*crdt.Delta, bool) {
	if a.Dot.Replica != b.Dot.Replica || a.Key != b.Key || b.From != a.Dot.N+1 || !a.Deps.Equal(b.Deps) {
		return nil, false
	}
	if settles(a) || settles(b) || bars(a) && !bars(b) {
		return nil, false
	}
	out := *b
	out.From = a.From
	switch first, next := a.Effects[0], b.Effects[0]; {
	case next.Op == crdt.EffectClear:
		out.Effects = intoClear(a.Effects, b.Effects)
		return &out, true
	case len(a.Effects) != 1 || len(b.Effects) != 1,
		first.Op != next.Op, first.Kind != next.Kind, first.Field != next.Field:
		return nil, false
	case next.Op == crdt.EffectAdd:
		return &out, true
	case next.Op == crdt.EffectPut:
		next.Seen = joinSeen(first.Seen, next.Seen)
		out.Effects = []crdt.Effect{next}
		return &out, true
	}
	return nil, false
}

// settles reports whether a delta has an effect that is not merged with any.
func settles(d *crdt.Delta) bool {
	return slices.ContainsFunc(d.Effects, func(f crdt.Effect) bool { return f.Op == crdt.EffectSettle })
}

// bars reports whether a delta bars fills.
func bars(d *crdt.Delta) bool {
	return slices.ContainsFunc(d.Effects, func(f crdt.Effect) bool { return f.Op == crdt.EffectBar })
}

// intoClear drops the effects that a clear makes void. What they had seen of
// counters the clear itself does not name any more, because to its origin it was
// already gone; so it must be told. Time cuts stay.
func intoClear(before, after []crdt.Effect) []crdt.Effect {
	var out []crdt.Effect
	clear := after[0]
	for _, f := range before {
		for i := range f.Seen {
			s := f.Seen[i]
			if f.Op != crdt.EffectClear {
				s.Kind, s.Field = f.Kind, f.Field
			}
			clear.Seen = joinSeen(clear.Seen, []crdt.Seen{s})
		}
		if f.Op == crdt.EffectCut {
			out = append(out, f)
		}
	}
	return append(append(out, clear), after[1:]...)
}

// joinSeen returns a new list with the furthest of each contribution.
func joinSeen(a, b []crdt.Seen) []crdt.Seen {
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
