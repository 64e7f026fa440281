package crdt

import "github.com/atollcache/atoll/crdt/pack"

// An evicted entry is a record that begins with true, where others have a cell or nil:
//
//	true, dots, highest stamp, expiry, digest, flags, cut
//
// A stamp is two values. The cut is missing where there is none.

const (
	flagCounts = 1 << iota
	flagSingle
	flagsEnd
)

// ghost writes an entry as what is left of it.
func (e *Encoder) ghost(r *record, x *Entry, g *ghost) {
	last, flags := x.str.write.Stamp, uint64(0)
	if g.counts {
		flags |= flagCounts
	}
	if g.single {
		flags |= flagSingle
	}
	e.body = pack.AppendBool(e.body, true)
	e.vector(x.dots())
	e.nextStamp(last)
	e.expireAt(g.expireAt, last)
	e.uint(x.part())
	e.uint(flags)
	e.wroteFields(r, 7, false)
	if g.cut != 0 {
		e.stamp(last, g.cut)
		e.wroteFields(r, 2, false)
	}
}

// ghost reads what is left of an entry, after the mark that it is one.
func (d *Decoder) ghost(rec *pack.Rec) *Entry {
	for range 6 {
		d.must(rec)
	}
	dots, last := d.vector(), d.nextStamp()
	g := ghost{expireAt: d.expireAt(last)}
	digest, flags := d.r.Uint(), d.r.Uint()
	if rec.More() && d.must(rec) {
		g.cut = d.stamp(last)
	}
	g.counts, g.single = flags&flagCounts != 0, flags&flagSingle != 0
	switch {
	case len(dots) == 0 || g.single && len(dots) > 1:
		d.r.Fail(errMissing)
	case digest == staleDigest || digest > maxDigest || flags >= flagsEnd, g.cut != 0 && digest != unknownDigest:
		d.r.Fail(errDigest)
	}
	if d.r.Err() != nil {
		return nil
	}
	x := &Entry{}
	x.haunt(dots, last, g, digest)
	return x
}
