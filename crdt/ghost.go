package crdt

import (
	"slices"
	"unsafe"
)

// # What an evicted entry leaves behind
//
// A replica that has no room for an entry forgets its values, by itself: nobody else
// is told, and nothing is removed (R11). In a state without a record of a key the
// vector says that whatever was written to it by then is gone. So a record stays: a
// ghost, which says that there is something, what it was made of, and no more.
//
// # What a ghost knows
//
//   - Of each replica the highest number among the writes, increments and expiries that
//     the entry kept: its dots. Who has seen them has seen all that was written to the
//     entry and stood when it was evicted.
//   - The highest stamp of these.
//   - When the entry expires. Then the ghost is hidden, waits to be stable and goes, like
//     any entry.
//   - The digest of what the entry showed, if that was all that it kept. It is counted as if the entry were there, so
//     that holders compare equal whoever has evicted what. A ghost is said to be exact
//     as long as that is so.
//   - Whether there were counters in it, and a time cut that it has met since.
//
// # What happens to it
//
// A delta that begins with a removal of the whole key by somebody who had seen all dots
// takes all that the ghost stands for: the ghost ends, and the delta is applied as to a
// key of which nothing is kept. So does a time cut at or after the highest stamp, unless
// there were counters: of what it hides of these a later removal must know the sums. SET,
// DEL and INVALIDATE are such deltas, and the first write of every new collection; a fill
// only of a ghost that is exact. Any
// other is absorbed: its dot becomes one of the ghost's, and the digest is not known any
// more. So no part of a collection ever shows, and none that was concurrent is lost
// track of.
//
// What a counter's removal took is known by number only to who saw the sum. A ghost that
// ended takes its removed sums with it. Should the replica of one go on with its run,
// not having seen the removal, then its next delta continues a run of which nothing is
// kept here: in a state where nothing was ever evicted that cannot be, for a replica that
// knows its sum to be removed, hidden or forgotten begins a new one. The entry becomes a
// ghost then. It is known of a state whether anything was ever evicted in it
// ([Snapshot].Evicts), so that damage is not taken for this.
//
// # Joining states
//
// Of two records of one key one or both of which are ghosts:
//
//   - If one of the states has seen all that the other has, its record is the newer one.
//   - If what one side keeps, as far as the other has seen it, has the digest of the other
//     side's ghost, then the ghost stands for just that: the other side has removed and
//     replaced nothing of it. Who has the values keeps them, and who has evicted them goes
//     on without, with the dots and the digest of the newer.
//   - If one side keeps nothing that the other has seen a part of, and has seen all that
//     the other's ghost stands for, then the ghost's content has been removed or replaced
//     there: what it keeps is what there is.
//   - Otherwise some of what was evicted on one side may have been removed there or here,
//     and nobody can say what: the outcome is a ghost that is not exact, with the dots of
//     both.
//
// The last is rare: it takes a snapshot, which only who has missed more than a log holds
// is sent, and writes to the key on both sides since. It errs on the side of forgetting.
// A key that is forgotten can be asked for, one that comes back wrong cannot be told.
//
// # Coming back
//
// A ghost that is not exact differs from what others show, and comparison brings what
// they have ([Partition.Repair]): what is kept of that is its digest and dots. The
// values come back only when somebody asks for the key ([Partition.Restore]), from a
// holder that has seen just what has been seen here of it. Where nobody has it, it is
// lost, as the least that a cache may do: a write to it then begins it anew
// ([Mutator.Afresh]), by a removal of all that was seen.
//
// A command on an evicted key runs here if it replaces or removes the key whatever it
// holds, and the ghost is exact and without counters. Everything else needs the values
// ([ErrEvicted]).

// ghost is what an evicted entry keeps besides one dot, its highest stamp and its digest,
// which are where they are in a plain string. It does not change.
type ghost struct {
	dots     Vector // nil where there is only the one
	expireAt int64  // milliseconds since the Unix epoch, or Never
	counts   bool   // there were contributions
	single   bool   // it all was one delta's
	cut      HLC    // everything stamped at or before it is gone; zero if the ghost is exact
}

// plain is the ghost of an entry of one write that does not expire: nearly all are.
var plain = &cellMore{rare: &cellRare{ghost: &ghost{expireAt: Never, single: true}}}

const sizeGhost = int(unsafe.Sizeof(ghost{}))

// size returns the bytes that the ghost accounts for beyond the entry's own struct.
func (g *ghost) size() int {
	if g == plain.ghost() {
		return 0
	}
	return sizeCellMore + sizeCellRare + sizeGhost + len(g.dots)*sizeDot
}

// ghost returns what the entry keeps as an evicted one, nil when it is not.
func (e *Entry) ghost() *ghost {
	if e.str.more == nil {
		return nil
	}
	return e.str.more.ghost()
}

// ghost is [Entry].ghost of a string's cell.
func (m *cellMore) ghost() *ghost {
	if m.rare == nil {
		return nil
	}
	return m.rare.ghost
}

// ghostOrNil is ghost for an entry that there may not be.
func (e *Entry) ghostOrNil() *ghost {
	if e == nil {
		return nil
	}
	return e.ghost()
}

// IsEvicted reports whether all that is kept of the entry is that it was evicted.
func (e *Entry) IsEvicted() bool { return e != nil && e.ghost() != nil }

// unknownDigest is the digest of a ghost that is not exact.
const unknownDigest = 0

// haunt makes the entry a ghost.
func (e *Entry) haunt(dots Vector, last HLC, g ghost, digest uint64) {
	e.x = nil
	e.str = Cell{write: Write{Dot: dots[0], Stamp: last}, more: plain}
	if g.single = g.single && len(dots) == 1; !g.single || g.expireAt != Never || g.counts || g.cut != 0 {
		if g.dots = nil; len(dots) > 1 {
			g.dots = dots
		}
		e.str.more = &cellMore{rare: &cellRare{ghost: &g}}
	}
	e.setPart(digest)
}

// evict makes the entry an exact ghost of what it shows at a wall time. It reports false,
// and changes nothing, when it shows nothing, or keeps more than that, or has a field
// that expires before it: a ghost could not say what is left then.
func (e *Entry) evict(key string, at int64) bool {
	s := e.shown(key, at)
	if e.IsEvicted() || s.digest == 0 || s.survives || s.until != e.ExpireAt() || e.residue() != 0 {
		return false
	}
	e.haunt(e.dots(), e.Latest(), ghost{expireAt: s.until, counts: e.counts(), single: e.isSingle()}, s.digest)
	return true
}

// dots returns of each replica the highest number that the entry keeps.
func (e *Entry) dots() Vector {
	if g := e.ghost(); g != nil {
		if g.dots != nil {
			return g.dots
		}
		return Vector{e.str.write.Dot}
	}
	var out Vector
	e.eachStamp(func(d Dot, _ HLC) { out = out.Advance(d) })
	return out
}

// counts reports whether the entry keeps contributions.
func (e *Entry) counts() bool {
	if g := e.ghost(); g != nil {
		return g.counts
	}
	for _, c := range e.Cells() {
		if len(c.Contributions()) > 0 {
			return true
		}
	}
	return false
}

// eachGhostStamp calls f for a ghost's dots, each with the highest stamp of all: that it
// is not lower is all that is known of each.
func (e *Entry) eachGhostStamp(f func(Dot, HLC)) {
	for _, d := range e.dots() {
		f(d, e.str.write.Stamp)
	}
}

// shownOfGhost is shown for a ghost.
func (e *Entry) shownOfGhost(g *ghost, at int64) shown {
	if e.isHidden(g, at) {
		return shown{until: Never}
	}
	return shown{digest: e.part(), until: g.expireAt}
}

// trimGhost drops a ghost's time cut.
func (e *Entry) trimGhost(g *ghost) (dropped bool) {
	if g.cut == 0 {
		return false
	}
	without := *g
	without.cut = 0
	e.haunt(e.dots(), e.str.write.Stamp, without, e.part())
	return true
}

// isSingle reports whether all that is kept, or was, is one delta's.
func (e *Entry) isSingle() bool {
	if g := e.ghost(); g != nil {
		return g.single
	}
	var only Dot
	single := !e.counts()
	e.eachStamp(func(d Dot, _ HLC) {
		single = single && (only.IsZero() || only == d)
		only = d
	})
	return single
}

// isExact reports whether the ghost's digest is known.
func (e *Entry) isExact() bool { return e.part() != unknownDigest }

// endedBy reports whether a delta takes all that the ghost stands for. What barred fills, a
// ghost has forgotten, unless it is exact: then nothing did. So a time cut does not end one
// of which it has not seen all, where fills are made, and neither does what bars none in
// their place.
func (e *Entry) endedBy(d *Delta, ctx *Sight) bool {
	if d.fills() && !d.bars() && !e.isExact() {
		return false
	}
	return len(d.Effects) > 0 && d.Effects[0].Op == EffectClear && ctx.CoversAll(e.dots()) ||
		d.cut() >= e.str.write.Stamp && !e.counts() && (!d.bars() || ctx.CoversAll(e.dots()))
}

// isHidden reports whether all that the ghost stands for has expired at a wall time, or
// lies before its time cut.
func (e *Entry) isHidden(g *ghost, at int64) bool {
	return g.expireAt <= at || g.cut >= e.str.write.Stamp
}

// cut returns the time cut that a delta makes, zero for none.
func (d *Delta) cut() (cut HLC) {
	for i := range d.Effects {
		if d.Effects[i].Op == EffectCut {
			cut = max(cut, d.Effects[i].Cut)
		}
	}
	return cut
}

// end leaves nothing of a ghost but its time cut.
func (e *Entry) end() {
	cut := e.Cut()
	*e = Entry{}
	e.raiseCut(cut)
}

// absorb makes the delta one of those that the ghost stands for.
func (e *Entry) absorb(d *Delta) {
	counts := e.counts() || slices.ContainsFunc(d.Effects, func(f Effect) bool { return f.Op == EffectAdd })
	e.haunt(e.dots().Clone().Advance(d.Dot), max(e.str.write.Stamp, d.Stamp), ghost{expireAt: Never, counts: counts, cut: max(e.Cut(), d.cut())}, unknownDigest)
}

// lacksRun reports whether a delta continues a run of its replica of which the entry
// keeps nothing.
func (e *Entry) lacksRun(d *Delta) bool {
	for i := range d.Effects {
		f := &d.Effects[i]
		if f.Op != EffectAdd || f.Start >= d.From {
			continue
		}
		c := e.cell(f.Kind, f.Field)
		if s, ok := c.sum(d.Dot.Replica); !ok || s.Start < f.Start {
			return true
		}
	}
	return false
}

// doubt makes the entry a ghost that is not exact, of what it keeps and of dots whose
// highest stamp is last. A time cut of either stays.
func (e *Entry) doubt(dots Vector, last HLC, counts bool, cut HLC) {
	cut = max(cut, e.Cut())
	if !e.IsEmpty() {
		dots, last, counts = dots.Join(e.dots()), max(last, e.Latest()), counts || e.counts()
	}
	e.haunt(dots, last, ghost{expireAt: Never, counts: counts, cut: cut}, unknownDigest)
}

// Ghost returns what is kept of an entry that has been evicted: of each replica the
// highest number it was made of, and the highest stamp of that. It reports false when
// the entry has not been. Read only.
func (e *Entry) Ghost() (dots Vector, last HLC, ok bool) {
	if !e.IsEvicted() {
		return nil, 0, false
	}
	return e.dots(), e.Latest(), true
}
