package crdt

import (
	"encoding/binary"
	"math"

	"github.com/zeebo/xxh3"
)

// Digest sums up what a partition shows at one time: the same at all holders
// with equal vectors, however far each has got with collecting and expiring.
type Digest struct {
	Sum  uint64 // of [Entry.Digest] of every key
	Keys int    // that exist
}

// DigestStep is what the times of [Partition.Digest] are multiples of, in
// milliseconds.
const DigestStep int64 = 1000

// staleDigest marks an entry that has changed since its part of the partition's
// sum was last known. No digest has this value.
const staleDigest = 1

// maxDigest is the highest digest there is: an entry keeps its own in seven bytes.
const maxDigest = 1<<56 - 1

// Digest returns a hash of what the key shows at a wall time, in milliseconds
// since the Unix epoch: of what [Entry.AppendLive] writes. It is zero exactly
// when the key does not exist then.
//
// The cells are hashed one by one and the hashes are added up, so that it takes
// neither an order of the fields nor memory in proportion to their number. Cells
// differ at least by their fields, hence no two equal hashes meet in a sum, and a
// sum of independent hashes is as good as any one of them against chance. It is
// no defence against somebody who chooses values to collide.
func (e *Entry) Digest(key string, at int64) uint64 {
	return e.shown(key, at).digest
}

// shown is what a partition's sum needs to know of an entry at one time.
type shown struct {
	digest   uint64
	until    int64 // when the key or a field expires, Never when nothing does
	survives bool  // something may still be shown once that has come
}

func (e *Entry) shown(key string, at int64) shown {
	if g := e.ghostOrNil(); g != nil {
		return e.shownOfGhost(g, at)
	}
	v := e.plainView()
	if v.e == nil {
		v = e.View(at)
	}
	if !v.Exists() {
		return shown{until: Never}
	}
	s := cellSum{view: v, until: Never}
	if v.kind == KindString {
		s.cell("", &e.str)
	} else {
		for field, c := range e.section(v.kind) {
			s.cell(field, &c)
		}
	}
	expireAt := v.ExpireAt()
	d := hashWords(xxh3.HashString(key), uint64(v.kind), s.sum, uint64(expireAt))
	return shown{
		digest: unreserved(d), until: min(expireAt, s.until),
		survives: s.until < expireAt || expireAt != Never && s.top >= StampAt(expireAt),
	}
}

// unreserved returns a digest for a hash that may be one of the values which no
// digest has.
func unreserved(hash uint64) uint64 { return max(hash&maxDigest, staleDigest+1) }

// plainView returns the view of a string that has no expiry, which most entries
// are, without looking for anything else; the zero View when it is not one.
func (e *Entry) plainView() View {
	if e == nil || e.x != nil || e.str.write.Dot.IsZero() || e.IsEvicted() {
		return View{}
	}
	return View{e: e, kind: KindString}
}

// cellSum adds up the hashes of what cells show.
type cellSum struct {
	view  View
	sum   uint64
	top   HLC   // the highest stamp shown
	until int64 // when the first field expires
}

// The first word of what is hashed of a cell, so that no two things hash alike.
const (
	wordWrite        = 1
	wordContribution = 2
	wordExpiry       = 3
)

func (s *cellSum) cell(field string, c *Cell) {
	name, hide := xxh3.HashString(field), s.view.hidden(c)
	w := &c.write
	shows := w.Stamp > hide
	if shows {
		s.top = max(s.top, w.Stamp)
		s.sum += hashWords(wordWrite, name, uint64(w.Dot.Replica), w.Dot.N,
			uint64(w.Stamp), xxh3.HashString(w.Value))
	}
	if c.more == nil {
		return
	}
	for i := range c.more.sums {
		o := &c.more.sums[i]
		if !o.live(hide) {
			continue
		}
		shows = true
		s.top = max(s.top, o.Stamp)
		net := o.Net()
		s.sum += hashWords(wordContribution, name, uint64(o.Replica), o.N,
			uint64(net.Int), floatBits(net.Float))
	}
	if at := s.view.expireAt(c); shows && at != Never {
		s.sum += hashWords(wordExpiry, name, uint64(at))
		s.until = min(s.until, at)
	}
}

// hashWords hashes up to six words. Fewer are as many with zeros at the end.
func hashWords(words ...uint64) uint64 {
	var b [48]byte
	for i, w := range words {
		binary.LittleEndian.PutUint64(b[8*i:], w)
	}
	return xxh3.Hash(b[:])
}

// floatBits returns the bits of a number, the same for both zeros.
func floatBits(f float64) uint64 { return math.Float64bits(f + 0) }

// Digest returns the digest of what the partition shows at a wall time, in
// milliseconds since the Unix epoch and a multiple of [DigestStep]. The time may
// lie ahead: the digest is then what it will be if nothing more is written, so
// that holders whose clocks differ can agree on a time that has come for none.
//
// It costs time in proportion to the keys that have changed since it was last
// asked for, and to the others only at first, once in about seventeen minutes
// (a look at each), and when more than a quarter of them have changed.
//
// With a tier it also reads what expires within about a minute, once in so long, and
// everything only at first, or not even then ([Partition.KeepDigest]).
//
// It reports false for a time that is not a multiple, or before one that it has
// been asked for, and when the tier failed.
func (p *Partition) Digest(at int64) (Digest, bool) {
	g := &p.digests
	if at < 0 || at > MaxMillis || at%DigestStep != 0 || at < g.swept && !g.kept {
		return Digest{}, false
	}
	switch {
	case p.tier != nil:
		if !p.tier.digest(p, at) {
			return Digest{}, false
		}
	case !g.on || at > g.end:
		g.rebuild(at, dueWindow, p.entries)
	default:
		g.sweep(at, p.entries)
	}
	return g.total, true
}

// EachDigest calls f for every key that exists at a time of [Partition.Digest]
// with its digest, in no particular order, until f returns false. f must not
// change the partition. It reports false, and calls nothing, when Digest would.
func (p *Partition) EachDigest(at int64, f func(key string, digest uint64) bool) bool {
	if _, ok := p.Digest(at); !ok {
		return false
	}
	if p.tier != nil {
		return p.tier.eachDigest(p, f)
	}
	for key, e := range p.entries {
		if d := p.digests.part(e); d != 0 && !f(key, d) {
			break
		}
	}
	return true
}

// Recount forgets what is known of the entries' digests: the next one is made
// from scratch, and for any time. It finds out about memory that changed without
// anybody writing to it, at the cost of a hash of every value, and is the way back
// from a time that was far too late.
func (p *Partition) Recount() {
	p.digests = digests{recount: true}
}

// Digest returns what [Entry.Digest] returns of the entry that is viewed.
func (v View) Digest(key string, at int64) uint64 {
	if v.e == nil {
		return 0
	}
	return v.e.Digest(key, at)
}
