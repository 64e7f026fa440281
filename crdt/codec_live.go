package crdt

import "github.com/atollcache/atoll/crdt/pack"

// Marks of the live form. One begins every element and one ends the entry, so
// that no two states have the same bytes.
const (
	liveEnd          = iota // of the entry
	liveWrite               // a live write
	liveMortal              // a live write whose lack of an expiry has been overridden
	liveContribution        // a live contribution
	liveCell                // a cell
	liveExpiry              // an expiry
)

// AppendLive appends the form of the entry that digests are made of, as seen at
// a wall time in milliseconds since the Unix epoch. Replicas with equal vectors
// have the same bytes for it at the same time, however far each has got with
// collecting and expiring. It is not meant to be decoded.
//
// In it are:
//
//   - The key, and nothing at all, not even the key, when the key is not visible:
//     one replica may still keep what another has forgotten.
//   - Of every cell of every kind, the live writes above the time cut and the
//     expiry, losers and hidden kinds (R8) too: a later removal may bring them to
//     light. Dot, stamp and value, although the dot alone names them: a digest is
//     also there to find damage.
//   - The live contributions, as replica, number and what they still add. How
//     much was added before and removed since, where the run began, and what has
//     been removed whole, is bookkeeping that is collected in time.
//   - The expiries, and which SETs they overrode, as long as they have not taken
//     effect: shorter ones too, for one may count once a longer one is replaced.
//
// Out of it are the time cut and expiries that have taken effect: what they hide
// is not in it, and that they hid it is collected in time. A cell's lack of
// anything live makes the cell absent, and an entry has no size, order of
// arrival, or horizon here.
func (e *Entry) AppendLive(dst []byte, key string, nowMillis int64) []byte {
	if !e.View(nowMillis).Exists() {
		return dst
	}
	l := live{dst: pack.AppendString(dst, key), hide: e.hide(nowMillis)}
	expiries := e.Expiries()
	if at := e.ExpireAt(); at <= nowMillis {
		expiries = nil
	}
	l.cell(e, KindString, "", &e.str, len(expiries) > 0)
	if e.x != nil {
		for _, s := range e.x.sections {
			for _, field := range e.fields(s.kind) {
				c := s.cells[field]
				l.cell(e, s.kind, field, &c, false)
			}
		}
	}
	for _, x := range expiries {
		l.mark(liveExpiry)
		l.dot(x.Dot)
		l.uint(uint64(x.Stamp))
		l.uint(uint64(x.At))
	}
	l.mark(liveEnd)
	return l.dst
}

// live writes the live form.
type live struct {
	dst  []byte
	hide HLC
}

func (l *live) uint(v uint64) { l.dst = pack.AppendUint(l.dst, v) }

func (l *live) mark(m int) { l.uint(uint64(m)) }

func (l *live) dot(d Dot) {
	l.uint(uint64(d.Replica))
	l.uint(d.N)
}

func (l *live) cell(e *Entry, k Kind, field string, c *Cell, showMortal bool) {
	start := len(l.dst)
	l.mark(liveCell)
	l.uint(uint64(k))
	l.dst = pack.AppendString(l.dst, field)
	head := len(l.dst)
	l.write(e, &c.write, showMortal)
	if c.more != nil {
		for i := range c.more.losers {
			l.write(e, &c.more.losers[i], showMortal)
		}
		for i := range c.more.sums {
			l.contribution(&c.more.sums[i])
		}
	}
	if len(l.dst) == head {
		l.dst = l.dst[:start]
	}
}

func (l *live) write(e *Entry, w *Write, showMortal bool) {
	if w.Dot.IsZero() || w.Stamp <= l.hide {
		return
	}
	if showMortal && e.isMortal(w.Dot) {
		l.mark(liveMortal)
	} else {
		l.mark(liveWrite)
	}
	l.dot(w.Dot)
	l.uint(uint64(w.Stamp))
	l.dst = pack.AppendString(l.dst, w.Value)
}

func (l *live) contribution(s *Contribution) {
	if !s.live(l.hide) {
		return
	}
	l.mark(liveContribution)
	l.dot(Dot{s.Replica, s.N})
	net := s.Net()
	l.dst = pack.AppendInt(l.dst, net.Int)
	l.dst = pack.AppendFloat(l.dst, net.Float+0) // Minus zero shows the same as zero.
}
