package crdt

import (
	"slices"
	"unsafe"
)

// # Values that are loaded on a miss
//
// A fill is a string that somebody loaded from where the truth is, because the key was
// missing here. It may be old by the time that it comes: whoever has changed the truth
// since has set, removed or invalidated the key to say so. Hence a fill loses to every
// write to its key that neither had seen the other, whichever of the two comes first
// (R10). A write that had seen the fill treats it as any string, and a fill is only made
// where nothing has happened to its key since the miss; the caller of [Mutator.Fill]
// sees to that.
//
// No clock is asked which of the two came first. What has been written since the miss
// the miss had not seen, wherever it was written and whatever the clocks there say.
// What was written before and had not arrived yet wins as well: it costs one more load.
// Of two concurrent fills that of the later miss counts (R1): a fill is stamped with the
// time of the miss.
//
// So that a fill which comes late finds out about a removal, which leaves nothing, every
// write bars fills: the entry keeps its dot until it is stable (a [Bar]), one of each
// replica. A fill goes in only where its origin had seen all of them. And a fill
// is known as one until it is stable: from then on whatever comes has seen it.
//
// Most use no fills, and are not to pay for them. Writes bar fills only in partitions in
// which somebody has said that there are some ([EffectFills]), and fills are made only
// where everybody is known to have heard of that ([Partition.Fills]). A bar is said with
// the write, so that everybody agrees which writes bar fills, whatever each has heard.

// FillStage says how far a partition has got with letting fills be made in it.
type FillStage uint8

// The stages, in order. None is ever gone back to.
const (
	NoFills   FillStage = iota // nobody has asked for any
	FillsSoon                  // writes bar fills where this is known
	FillsOpen                  // every holder knows: fills may be made
	numFillStages
)

var fillStageNames = [numFillStages]string{"none", "soon", "open"}

// String returns the stage's name.
func (s FillStage) String() string {
	if s < numFillStages {
		return fillStageNames[s]
	}
	return "unknown"
}

// Stage returns the effect that brings a partition to a stage.
func Stage(s FillStage) Effect { return Effect{Op: EffectFills, Start: uint64(s)} }

// Stages reports whether the delta brings the partition to a stage of letting fills be
// made. Then that is all that it does: it has no key.
func (d *Delta) Stages() bool { return len(d.Effects) > 0 && d.Effects[0].Op == EffectFills }

// Fills returns how far the partition has got with letting fills be made in it, and the
// write that said so first, as far as is known.
func (p *Partition) Fills() (FillStage, Dot) { return p.fills.stage, p.fills.by }

// staging is how far a partition has got with fills, and by which write.
type staging struct {
	stage FillStage
	by    Dot
}

// advance goes on to a later stage. Of several writes that say the same the lowest is
// kept, so that everybody keeps the same one.
func (s *staging) advance(o staging) {
	if o.stage > s.stage || o.stage == s.stage && o.stage != NoFills && o.by.Compare(s.by) < 0 {
		*s = o
	}
}

// Bar names a write that bars the fills which had not seen it.
type Bar struct {
	Dot   Dot
	Stamp HLC
}

// Sizes for byte accounting.
const (
	sizeBar     = int(unsafe.Sizeof(Bar{}))
	sizeFilling = int(unsafe.Sizeof(filling{}))
)

// made is a fill, and when it was written: later than its stamp, which is that of the miss.
type made struct {
	dot   Dot
	stamp HLC
}

// filling is what an entry keeps of fills until it is stable. It does not change: nil and
// the zero value say that there is nothing.
type filling struct {
	fills []made // those of the live writes and expiries that are fills, by dot
	bars  []Bar  // of each replica the latest, by replica
}

func (f *filling) isEmpty() bool { return f == nil || len(f.fills) == 0 && len(f.bars) == 0 }

func (f *filling) size() int {
	if f == nil {
		return 0
	}
	return sizeFilling + len(f.fills)*sizeBar + len(f.bars)*sizeBar
}

// raised returns f with a bar, unless it has a later one of its replica.
func (f filling) raised(b Bar) filling {
	i, ok := slices.BinarySearchFunc(f.bars, b.Dot.Replica, func(o Bar, r ReplicaID) int {
		return o.Dot.compareReplica(r)
	})
	switch {
	case !ok:
		f.bars = slices.Insert(slices.Clone(f.bars), i, b)
	case f.bars[i].Dot.N < b.Dot.N:
		f.bars = slices.Clone(f.bars)
		f.bars[i] = b
	}
	return f
}

// marked returns f with a live write as a fill.
func (f filling) marked(m made) filling {
	if i, ok := f.search(m.dot); !ok {
		f.fills = slices.Insert(slices.Clone(f.fills), i, m)
	}
	return f
}

func (f *filling) search(d Dot) (i int, ok bool) {
	return slices.BinarySearchFunc(f.fills, d, func(m made, d Dot) int { return m.dot.Compare(d) })
}

// stamp returns when a live write was made whose stamp is h.
func (f *filling) stamp(d Dot, h HLC) HLC {
	if i, ok := f.search(d); ok {
		return f.fills[i].stamp
	}
	return h
}

// without returns f without the fills for which gone holds.
func (f filling) without(gone func(Dot) bool) filling {
	is := func(m made) bool { return gone(m.dot) }
	if slices.ContainsFunc(f.fills, is) {
		f.fills = slices.DeleteFunc(slices.Clone(f.fills), is)
	}
	return f
}

// barsBeyond reports whether there is a bar that somebody has not seen.
func (f *filling) barsBeyond(s *Sight) bool {
	return slices.ContainsFunc(f.bars, func(b Bar) bool { return !s.Covers(b.Dot) })
}

// filling returns what the entry keeps of fills.
func (e *Entry) filling() filling {
	if e.x == nil || e.x.filling == nil {
		return filling{}
	}
	return *e.x.filling
}

// setFilling replaces it.
func (e *Entry) setFilling(f filling) {
	switch {
	case !f.isEmpty():
		e.ensureExtra().filling = &f
	case e.x != nil:
		e.x.filling = nil
	}
}

// Bars returns the writes that bar fills which had not seen them, by replica. Read only.
func (e *Entry) Bars() []Bar { return e.filling().bars }

// Made reports whether a live write of the string is a fill that may still be barred, and
// when it was made.
func (e *Entry) Made(d Dot) (at HLC, isFill bool) {
	kept := e.filling()
	at = kept.stamp(d, 0)
	return at, at != 0
}

// fill applies a fill: it goes in only where its origin had seen everything that bars it.
func (e *Entry) fill(ctx *Sight, d *Delta, f *Effect) {
	kept := e.filling()
	if kept.barsBeyond(ctx) || f.Cut <= e.Cut() {
		return
	}
	e.str.put(Write{d.Dot, f.Cut, f.Value})
	e.setFilling(kept.marked(made{d.Dot, d.Stamp}))
	if f.At != Never {
		e.expire(ctx, Expiry{d.Dot, f.Cut, f.At})
	}
}

// bar applies what a write says to fills: those that it had not seen are gone, and those
// that had not seen it do not go in. The fill of its own write is none of them.
func (e *Entry) bar(ctx *Sight, d *Delta) {
	e.dropFills(func(fill Dot) bool { return fill != d.Dot && !ctx.Covers(fill) })
	e.setFilling(e.filling().raised(Bar{d.Dot, d.Stamp}))
}

// dropFills drops the fills for which gone holds, and what they say about the expiry.
func (e *Entry) dropFills(gone func(Dot) bool) {
	kept := e.filling()
	if len(kept.fills) == 0 {
		return
	}
	drop := func(d Dot) bool {
		_, isFill := kept.search(d)
		return isFill && gone(d)
	}
	e.str.dropWrites(func(w Write) bool { return drop(w.Dot) })
	e.dropExpiries(func(x Expiry) bool { return drop(x.Dot) })
	e.setFilling(kept.without(gone))
}

// pruneFills forgets which writes are fills of those of which nothing is left.
func (e *Entry) pruneFills() {
	kept := e.filling()
	if len(kept.fills) == 0 {
		return
	}
	live := e.str.Writes()
	e.setFilling(kept.without(func(d Dot) bool {
		return !hasWrite(live, d) && !slices.ContainsFunc(e.x.expiries, func(x Expiry) bool { return x.Dot == d })
	}))
}

// joinFilling joins what two entries keep of fills; the rest of o has been joined into e
// already. mine is what e kept before. A side that lacks a fill has seen nothing that had
// seen it: what bars fills there, and the other side has not seen, bars this one.
func (e *Entry) joinFilling(seenE *Sight, mine filling, o *Entry, seenO *Sight) {
	theirs := o.filling()
	if mine.isEmpty() && theirs.isEmpty() {
		return
	}
	for _, m := range theirs.fills {
		mine = mine.marked(m)
	}
	e.setFilling(mine)
	barsMine, barsTheirs := theirs.barsBeyond(seenE), mine.barsBeyond(seenO)
	e.dropFills(func(d Dot) bool {
		return barsMine && !seenO.Covers(d) || barsTheirs && !seenE.Covers(d)
	})
	mine = e.filling()
	for _, b := range theirs.bars {
		mine = mine.raised(b)
	}
	e.setFilling(mine)
}

// Fill makes the key, which was missing, a string that somebody has loaded since, and that
// expires at a time, in milliseconds since the Unix epoch, or [Never]. miss is a stamp of
// this replica's from when the key was missing: since then it must have applied nothing to
// the key. Whatever is written to the key by who has not seen the fill beats it (R10). It
// reports whether the fill was taken: not if the key exists, or the time has come.
func (m *Mutator) Fill(value string, at int64, miss HLC) bool {
	if m.view.Exists() || at <= m.write.Now || miss > m.write.Stamp {
		return false
	}
	if m.entry != nil && m.entry.Latest() > miss {
		return false
	}
	m.clear()
	m.effects = append(m.effects, Effect{Op: EffectFill, Value: value, Cut: miss, At: m.future(at)})
	m.fills = true
	return true
}

// bars reports whether the delta bars fills.
func (d *Delta) bars() bool {
	return slices.ContainsFunc(d.Effects, func(f Effect) bool { return f.Op == EffectBar })
}

// fills reports whether the delta is a fill.
func (d *Delta) fills() bool {
	return slices.ContainsFunc(d.Effects, func(f Effect) bool { return f.Op == EffectFill })
}

// barring adds to the effects of a write what it says to fills. A fill says nothing, but for
// one of a key that was evicted: with its values a ghost has forgotten what bars fills, and
// what the fill begins with removes the key.
func (m *Mutator) barring() []Effect {
	if !m.write.Fills || m.fills && !m.evicted.afresh || len(m.effects) == 0 && !m.bars {
		return m.effects
	}
	return append(slices.Clip(m.effects), Effect{Op: EffectBar})
}
