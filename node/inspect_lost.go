package node

import (
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// A write that lost against a concurrent one is forgotten as soon as everybody has
// seen both. As long as the log still has the two, INSPECT tells of it all the
// same: who asks why a value shows wants to know what it won against.

// cellNames returns the first cells of an entry, in the order in which they are
// described.
func cellNames(e *crdt.Entry, most int) (names []crdt.CellName) {
	for name := range e.Cells() {
		if len(names) == most {
			break
		}
		names = append(names, name)
	}
	return names
}

// forgottenLosers returns the writes of a cell that lost to the one that shows and
// are not kept any more, as far as deltas, oldest first, tell of them.
func forgottenLosers(deltas []*crdt.Delta, e *crdt.Entry, name crdt.CellName) (out []wire.WriteInfo) {
	var kept []crdt.Write
	for at, c := range e.Cells() {
		if at == name {
			kept = c.Writes()
		}
	}
	if len(kept) == 0 {
		return nil
	}
	won := slices.IndexFunc(deltas, func(d *crdt.Delta) bool { return d.Dot == kept[0].Dot })
	if won < 0 {
		return nil
	}
	for _, d := range deltas {
		put := slices.IndexFunc(d.Effects, func(f crdt.Effect) bool {
			return f.Op == crdt.EffectPut && f.Kind == name.Kind && f.Field == name.Field
		})
		isKept := slices.ContainsFunc(kept, func(w crdt.Write) bool { return w.Dot == d.Dot })
		if put < 0 || isKept || takenBy(deltas, d, name) {
			continue
		}
		w := crdt.Write{Dot: d.Dot, Stamp: d.Stamp, Value: d.Effects[put].Value}
		out = append(out, wire.WriteInfo{
			Dot: d.Dot.String(), Stamp: stampInfo(d.Version()), Value: shownWrite(name.Kind, w),
			State: "lost", LostTo: kept[0].Dot.String(),
		})
	}
	return out
}

// takenBy reports whether one of the deltas took from a cell what d wrote, having
// seen it.
func takenBy(deltas []*crdt.Delta, d *crdt.Delta, name crdt.CellName) bool {
	return slices.ContainsFunc(deltas, func(o *crdt.Delta) bool {
		saw := o.Deps.Covers(d.Dot) || o.Dot.Replica == d.Dot.Replica && o.Dot.N > d.Dot.N
		return saw && slices.ContainsFunc(o.Effects, func(f crdt.Effect) bool {
			inCell := f.Kind == name.Kind && f.Field == name.Field
			return f.Op == crdt.EffectClear || f.Op == crdt.EffectCut || inCell && (f.Op == crdt.EffectPut || f.Op == crdt.EffectRemove)
		})
	})
}
