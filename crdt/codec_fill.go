package crdt

import (
	"fmt"

	"github.com/atollcache/atoll/crdt/pack"
)

// barStride is how many values a bar or a fill takes.
const barStride = 4

// cut writes an entry's time cut: a zero stamp when there is none and something follows.
func (e *Encoder) cut(r *record, x *extra) {
	if x.cut != 0 {
		e.nextStamp(x.cut)
	} else {
		e.stamp(e.last, 0)
	}
	e.wroteFields(r, 2, x.cut == 0)
}

// filling writes what an entry keeps of fills.
func (e *Encoder) filling(r *record, f filling) {
	e.body = pack.AppendArray(e.body, barStride*len(f.fills))
	for _, m := range f.fills {
		e.dot(m.dot)
		e.nextStamp(m.stamp)
	}
	e.wroteFields(r, 1, len(f.fills) == 0)
	e.body = pack.AppendArray(e.body, barStride*len(f.bars))
	for _, b := range f.bars {
		e.dot(b.Dot)
		e.nextStamp(b.Stamp)
	}
	e.wroteFields(r, 1, len(f.bars) == 0)
}

// late reads what an entry keeps because of what is still to come: its time cut, and of
// fills. A cut of zero says that there is none, and then something follows it.
func (d *Decoder) late(rec *pack.Rec, x *Entry) {
	none := false
	if rec.More() && d.must(rec) {
		if cut := d.cutOrNone(); cut != 0 {
			x.ensureExtra().cut = cut
			d.checkCut(x)
		} else {
			none = true
		}
	}
	if rec.More() {
		d.fills(x)
		none = false
	}
	if rec.More() {
		d.bars(x)
	}
	if none {
		d.r.Fail(errStamp)
	}
}

// cutOrNone reads an entry's time cut, zero for none.
func (d *Decoder) cutOrNone() HLC {
	cut := d.stampOrZero(d.last)
	if cut != 0 {
		d.last = cut
	}
	return cut
}

// fills reads which of an entry's live writes and expiries are fills.
func (d *Decoder) fills(x *Entry) {
	n := d.list(barStride)
	if n == 0 {
		return
	}
	stamps := map[Dot]HLC{}
	for _, w := range x.str.Writes() {
		stamps[w.Dot] = w.Stamp
	}
	for _, o := range x.Expiries() {
		stamps[o.Dot] = o.Stamp
	}
	out := make([]made, 0, n)
	for i := range n {
		m := made{dot: d.dot(), stamp: d.nextStamp()}
		if i > 0 && m.dot.Compare(out[i-1].dot) <= 0 {
			d.r.Fail(errOrder)
		}
		if miss, ok := stamps[m.dot]; !ok || m.stamp < miss {
			d.r.Fail(errMissing)
		}
		if d.r.Err() != nil {
			return
		}
		out = append(out, m)
	}
	x.setFilling(filling{fills: out})
}

// bars reads the writes that bar an entry's fills.
func (d *Decoder) bars(x *Entry) {
	n := d.list(barStride)
	if n == 0 {
		return
	}
	out := make([]Bar, 0, n)
	for i := range n {
		b := Bar{Dot: d.dot(), Stamp: d.nextStamp()}
		if i > 0 && b.Dot.Replica <= out[i-1].Dot.Replica {
			d.r.Fail(errOrder)
		}
		if d.r.Err() != nil {
			return
		}
		out = append(out, b)
	}
	x.setFilling(filling{fills: x.filling().fills, bars: out})
}

// stage reads how far a partition has got with fills.
func (d *Decoder) stage(rec *pack.Rec, s *Snapshot) {
	stage := d.r.Uint()
	if d.r.Err() == nil && stage >= uint64(numFillStages) {
		d.r.Fail(fmt.Errorf("%w: stage %d of fills", ErrUnknown, stage))
	}
	if s.Fills = FillStage(stage); s.Fills == NoFills {
		return
	}
	if replica := d.must(rec); replica && d.must(rec) { // A dot is two values.
		s.FillsBy = d.dot()
	}
}

// effectFill reads a fill. It is stamped before the write that brings it.
func (d *Decoder) effectFill(rec *pack.Rec, of *Delta, f *Effect) {
	if d.must(rec) {
		f.Value = d.r.String()
	}
	if millis := d.must(rec); millis && d.must(rec) { // A stamp is two values.
		f.Cut = d.stamp(of.Stamp)
	}
	if d.must(rec) {
		f.At = d.expireAt(of.Stamp)
	}
	if f.Cut > of.Stamp {
		d.r.Fail(errStamp)
	}
}

// checkStages makes sure that a delta which brings the partition to a stage does nothing
// else.
func (d *Decoder) checkStages(of *Delta) {
	for i := range of.Effects {
		if of.Effects[i].Op == EffectFills && (len(of.Effects) > 1 || of.Key != "" || of.From != of.Dot.N) {
			d.r.Fail(errStages)
			return
		}
	}
}

// effectFills reads the stage that a partition comes to.
func (d *Decoder) effectFills(rec *pack.Rec, f *Effect) {
	if d.must(rec) {
		f.Start = d.r.Uint()
	}
	switch {
	case d.r.Err() != nil:
	case f.Start == uint64(NoFills):
		d.r.Fail(errStages)
	case f.Start >= uint64(numFillStages):
		d.r.Fail(fmt.Errorf("%w: stage %d of fills", ErrUnknown, f.Start))
	}
}
