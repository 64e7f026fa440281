package crdt

import (
	"cmp"
	"slices"
)

// Expiry is one live assertion of when a key expires: what EXPIRE, PERSIST or a
// SET with a time to live leaves until something that saw it replaces it.
//
// Of several concurrent ones the longest counts, and Never beats all (R7). A
// SET without a time to live asserts Never; to keep plain strings small that is
// not written down, instead an Expiry notes the SETs that it overrode
// (extra.mortal). Only when the SET's value goes and the key stays is it written
// down, under the SET's dot (Entry.keepNever).
type Expiry struct {
	Dot   Dot
	Stamp HLC
	At    int64 // milliseconds since the Unix epoch, or Never
}

// Version returns the expiry's place in the total order.
func (x Expiry) Version() Version { return Version{x.Stamp, x.Dot.Replica} }

// extra holds what hardly any string has: other kinds' cells, expiries, a cut.
type extra struct {
	sections []section // by kind, without empty ones
	lifetime           // of the key
	filling  *filling  // nil for nothing
	cut      HLC       // everything stamped at or before it is gone
	until    int64     // when the entry's part of its partition's digest ends, 0 for never; the partition's
}

// section is the cells of one kind other than string.
type section struct {
	kind    Kind
	high    uint16 // of the bytes of the cells, see bytes
	dead    int32  // cells that show nothing but what a cut or an expiry hides
	timed   int32  // cells that have expiries of their own
	low     uint32
	cells   map[string]Cell
	residue int                 // bytes of losers, removed contributions and dead cells, kept as cells change
	order   *order              // nil until it is asked for
	touched map[string]struct{} // fields that have changed since track; nil when nobody asks
}

// bytes returns what the cells account for, kept as they change in six bytes that would
// lie idle.
func (s *section) bytes() int { return int(s.high)<<32 | int(s.low) }

// addBytes adds n to what bytes returns.
func (s *section) addBytes(n int) {
	n += s.bytes()
	s.high, s.low = uint16(n>>32), uint32(n)
}

func (x *extra) isEmpty() bool {
	return len(x.sections) == 0 && x.lifetime.isEmpty() && x.filling.isEmpty() && x.cut == 0
}

// Expiries returns the live expiries by dot. Read only.
func (e *Entry) Expiries() []Expiry {
	if e.x == nil {
		return nil
	}
	return e.x.expiries
}

// Cut returns the entry's time cut: everything stamped at or before it is gone.
// Zero when there is none.
func (e *Entry) Cut() HLC {
	if g := e.ghost(); g != nil {
		return g.cut
	}
	if e.x == nil {
		return 0
	}
	return e.x.cut
}

// ExpireAt returns when the entry expires, in milliseconds since the Unix epoch:
// the longest of its live expiries, Never when there is none or when a live SET
// that carries no time to live has not been overridden.
func (e *Entry) ExpireAt() int64 {
	if g := e.ghost(); g != nil {
		return g.expireAt
	}
	if e.x == nil || len(e.x.expiries) == 0 {
		return Never
	}
	if d := e.str.write.Dot; !d.IsZero() && !e.x.isMortal(d) {
		return Never
	}
	for _, w := range e.str.losers() {
		if !e.x.isMortal(w.Dot) {
			return Never
		}
	}
	return slices.MaxFunc(e.x.expiries, func(a, b Expiry) int { return cmp.Compare(a.At, b.At) }).At
}

// hide returns the stamp at or before which everything is gone at a wall time:
// the cut, and, once the entry has expired, the last stamp before its expiry.
func (e *Entry) hide(nowMillis int64) HLC {
	if e.x == nil {
		return 0
	}
	hide := e.x.cut
	if at := e.ExpireAt(); at <= nowMillis && at > 0 {
		hide = max(hide, StampAt(at)-1)
	}
	return hide
}

// expire takes the expiries that ctx covers, overrides the SETs that it covers
// or that are part of the same write, and adds x.
func (e *Entry) expire(ctx *Sight, x Expiry) {
	ex := e.ensureExtra()
	ex.dropExpiries(func(o Expiry) bool { return ctx.Covers(o.Dot) })
	ex.addExpiry(x)
	for _, w := range e.str.Writes() {
		if ctx.Covers(w.Dot) || w.Dot == x.Dot {
			ex.override(w.Dot)
		}
	}
}

// pruneMortal forgets overrides of SETs that are no longer live.
func (e *Entry) pruneMortal() {
	if e.x == nil || len(e.x.mortal) == 0 {
		return
	}
	live := e.str.Writes()
	e.x.mortal = slices.DeleteFunc(e.x.mortal, func(d Dot) bool {
		return !slices.ContainsFunc(live, func(w Write) bool { return w.Dot == d })
	})
}

func (e *Entry) dropExpiries(gone func(Expiry) bool) {
	if e.x == nil || len(e.x.expiries) == 0 {
		return
	}
	e.x.dropExpiries(gone)
}
