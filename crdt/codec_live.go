package crdt

import "github.com/atollcache/atoll/crdt/pack"

// Marks of the live form. One begins every element and one ends the entry, so
// that no two states have the same bytes.
const (
	liveEnd          = iota // of the entry
	liveCell                // a cell
	liveWrite               // the write that shows
	liveContribution        // a live contribution
	liveExpiry              // when the entry expires
	liveFieldExpiry         // when a cell expires by itself
)

// AppendLive appends what the key shows at a wall time, in milliseconds since the
// Unix epoch, in the form that [Entry.Digest] is the digest of. Replicas with
// equal vectors have the same bytes for it at the same time, however far each has
// got with collecting and expiring. It is not meant to be decoded.
//
// In it are:
//
//   - The key and the kind that shows, and nothing at all, not even the key, when
//     the key does not exist: one replica may still keep what another has
//     forgotten.
//   - Of every cell that shows, by field, the winning write unless it is hidden.
//     Dot, stamp and value, although the dot alone names it: a digest is also
//     there to find damage.
//   - Its live contributions, as replica, number and what they still add. How
//     much was added before and removed since, where the run began, and what has
//     been removed whole, is bookkeeping that is collected in time.
//   - When the key expires, and of a hash every field, unless it does not. By which
//     of several expiries, and which writes they overrode, is bookkeeping too.
//
// Out of it is all that does not show: losers, hidden kinds (R8), expiries that
// have taken effect or are outlasted, the time cut, and what these hide. Each is
// collected in time, at each replica when it gets there.
func (e *Entry) AppendLive(dst []byte, key string, nowMillis int64) []byte {
	v := e.View(nowMillis)
	if !v.Exists() {
		return dst
	}
	l := live{dst: pack.AppendString(dst, key), view: v}
	l.uint(uint64(v.kind))
	if v.kind == KindString {
		l.cell("", &e.str)
	} else {
		cells := e.section(v.kind)
		for field := range v.Fields() {
			c := cells[field]
			l.cell(field, &c)
			if at := v.expireAt(&c); at != Never {
				l.uint(liveFieldExpiry)
				l.uint(uint64(at))
			}
		}
	}
	if at := v.ExpireAt(); at != Never {
		l.uint(liveExpiry)
		l.uint(uint64(at))
	}
	l.uint(liveEnd)
	return l.dst
}

// live writes the live form.
type live struct {
	dst  []byte
	view View
}

func (l *live) uint(v uint64) { l.dst = pack.AppendUint(l.dst, v) }

func (l *live) dot(d Dot) {
	l.uint(uint64(d.Replica))
	l.uint(d.N)
}

func (l *live) cell(field string, c *Cell) {
	hide := l.view.hidden(c)
	l.uint(liveCell)
	l.dst = pack.AppendString(l.dst, field)
	if w := &c.write; w.Stamp > hide {
		l.uint(liveWrite)
		l.dot(w.Dot)
		l.uint(uint64(w.Stamp))
		l.dst = pack.AppendString(l.dst, w.Value)
	}
	for _, s := range c.Contributions() {
		if !s.live(hide) {
			continue
		}
		l.uint(liveContribution)
		l.dot(Dot{s.Replica, s.N})
		net := s.Net()
		l.dst = pack.AppendInt(l.dst, net.Int)
		l.dst = pack.AppendFloat(l.dst, net.Float+0) // Minus zero shows the same as zero.
	}
}
