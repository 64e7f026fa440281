package crdt

import (
	"math"

	"github.com/tidwall/btree"
)

// order is the fields of a section that show something, a list's and a HyperLogLog's
// by their bytes, a zset's by score and then by member; of a hash those that expire, by
// when they do. It is made when it is first asked for, and kept as cells change from
// then on: reading the first ten of a million takes no look at all of them.
type order struct {
	kind Kind
	tree *btree.BTreeG[place]
}

// place is one field's place. Only a zset's has a score; of a hash it is a time.
type place struct {
	score float64
	field string
}

func (p place) less(o place) bool {
	if p.score != o.score {
		return p.score < o.score
	}
	return p.field < o.field
}

// isOrdered reports whether a kind's fields are looked up by their order.
func (k Kind) isOrdered() bool { return k == KindList || k == KindZSet || k == KindHLL }

// orderDegree makes nodes of some hundred places.
const orderDegree = 64

// newOrder puts what shows of a section's cells in order, when everything stamped
// at or before hide is gone.
func newOrder(s *section, hide HLC) *order {
	o := &order{kind: s.kind, tree: btree.NewBTreeGOptions(place.less, btree.Options{NoLocks: true, Degree: orderDegree})}
	for field, c := range s.cells {
		if p, ok := o.place(field, &c, hide); ok {
			o.tree.Set(p)
		}
	}
	return o
}

// place returns a cell's place, when everything stamped at or before hide is gone, and
// false when it has none.
func (o *order) place(field string, c *Cell, hide HLC) (place, bool) {
	if o.kind == KindHash {
		at := c.expireAt(hide)
		return place{float64(at), field}, at != Never
	}
	v, ok := c.visible(hide)
	if o.kind == KindZSet {
		return place{v.score(), field}, ok
	}
	return place{0, field}, ok
}

// set puts a cell into the order, or takes it out, as times is one or minus one. A
// cell that shows nothing is not there.
func (o *order) set(field string, c *Cell, times int) {
	if o == nil {
		return
	}
	p, ok := o.place(field, c, 0)
	switch {
	case !ok:
	case times > 0:
		o.tree.Set(p)
	default:
		o.tree.Delete(p)
	}
}

// order returns what a list, a zset or a HyperLogLog shows, in order; nil for other
// kinds. Read
// only, until the entry's next change.
func (v View) order() *order {
	if !v.kind.isOrdered() {
		return nil
	}
	s := v.e.sectionOf(v.kind)
	if !v.hidesNone(v.kind) { // What it hides is in the one that is kept.
		return newOrder(s, v.hide)
	}
	if s.order == nil {
		s.order = newOrder(s, 0)
	}
	return s.order
}

// from calls f for the places from the i-th on until f returns false. Going down,
// the first is the highest.
func (o *order) from(i int, down bool, f func(place) bool) {
	n := o.tree.Len()
	if i < 0 || i >= n {
		return
	}
	if down {
		p, _ := o.tree.GetAt(n - 1 - i)
		o.tree.Descend(p, f)
		return
	}
	p, _ := o.tree.GetAt(i)
	o.tree.Ascend(p, f)
}

// rank returns how many places are before one.
func (o *order) rank(p place) int {
	low, high := 0, o.tree.Len()
	for low < high {
		mid := int(uint(low+high) / 2)
		if at, _ := o.tree.GetAt(mid); at.less(p) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// Scored is a zset's member and its score.
type Scored struct {
	Member string
	Score  float64
}

// Ranked calls f for a zset's members from a rank on, counted from zero, lowest
// score first and members of one score by their bytes, or the other way round,
// until f returns false. It takes no time in proportion to the others, unless a
// time cut or an expiry hides some.
func (v View) Ranked(from int, down bool, f func(Scored) bool) {
	if v.kind != KindZSet {
		return
	}
	v.order().from(from, down, func(p place) bool { return f(Scored{p.field, p.score}) })
}

// Rank returns how many of a zset's members are before a member and a score that
// need not be there.
func (v View) Rank(at Scored) int {
	if v.kind != KindZSet {
		return 0
	}
	return v.order().rank(place{at.Score, at.Member})
}

// RankAfter returns how many of a zset's members have at most a score.
func (v View) RankAfter(score float64) int {
	if v.kind != KindZSet {
		return 0
	}
	if math.IsInf(score, 1) {
		return v.order().tree.Len()
	}
	return v.order().rank(place{math.Nextafter(score, math.Inf(1)), ""})
}
