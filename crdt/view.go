package crdt

import (
	"encoding/binary"
	"iter"
	"maps"
	"math"
	"slices"
)

// EncodeScore returns the value that a zset's cell holds for a score.
func EncodeScore(f float64) string {
	return string(binary.BigEndian.AppendUint64(nil, math.Float64bits(f)))
}

// DecodeScore reads a zset's cell. What is not eight bytes counts as zero.
func DecodeScore(s string) float64 {
	if len(s) != 8 {
		return 0
	}
	f := math.Float64frombits(binary.BigEndian.Uint64([]byte(s)))
	if math.IsNaN(f) {
		return 0
	}
	return f
}

// View is an entry as a reader sees it at one moment: without what has expired
// or lies before a time cut, and of one kind. It is valid until the entry's next
// change.
type View struct {
	e    *Entry // may be nil
	kind Kind
	hide HLC
	now  int64

	evicted bool
	asked   *bool // set when what shows is asked for, and that was evicted; nil: nobody wants to know
}

// hidden returns the stamp at or before which everything in a cell is gone.
func (v View) hidden(c *Cell) HLC { return c.hiddenTo(v.hide, v.now) }

// visible returns what shows of a cell.
func (v View) visible(c *Cell) (visible, bool) { return c.visible(v.hidden(c)) }

// expireAt returns when a cell that shows expires by itself, [Never] when it does not
// or has outlived that.
func (v View) expireAt(c *Cell) int64 {
	if at := c.expireAt(v.hide); at > v.now {
		return at
	}
	return Never
}

// ask notes that it matters what shows.
func (v View) ask() {
	if v.asked != nil {
		*v.asked = true
	}
}

// View returns the entry as seen at a wall time, in milliseconds since the Unix
// epoch. A nil entry shows nothing.
func (e *Entry) View(nowMillis int64) View {
	if v := e.plainView(); v.e != nil {
		v.now = nowMillis
		return v
	}
	if g := e.ghostOrNil(); g != nil {
		return View{evicted: !e.isHidden(g, nowMillis)}
	}
	v := View{e: e, now: nowMillis}
	if e == nil {
		return v
	}
	v.hide = e.hide(nowMillis)
	kind, kinds := KindNone, e.kinds()
	if len(kinds) == 1 {
		kind = kinds[0]
	} else {
		// Fields that have expired count too: another kind does not come back by that.
		var top Version
		for _, k := range kinds {
			if best, ok := (View{e: e, hide: v.hide}).topVersion(k); ok && best.Compare(top) > 0 {
				kind, top = k, best
			}
		}
	}
	if kind != KindNone && v.any(kind) {
		v.kind = kind
	}
	return v
}

// PlainText returns the value of a string that neither expires nor counts nor has a concurrent
// rival, as most entries are: it shows at any time. It reports false for any other entry,
// which [Entry.View] may show something of, and for nil.
func (e *Entry) PlainText() (value string, ok bool) {
	if e == nil || e.x != nil || e.str.more != nil || e.str.write.Stamp == 0 || e.str.write.Dot.IsZero() {
		return "", false
	}
	return e.str.write.Value, true
}

// any reports whether anything in a section is visible.
func (v View) any(k Kind) bool {
	if k == KindString {
		_, ok := v.visible(&v.e.str)
		return ok
	}
	if v.hidesNone(k) {
		s := v.e.sectionOf(k)
		return s != nil && len(s.cells) > int(s.dead)
	}
	for _, c := range v.e.section(k) {
		if _, ok := v.visible(&c); ok {
			return true
		}
	}
	return false
}

// hidesNone reports whether nothing of a kind is hidden because it is stamped too
// early or has expired by itself, so that what is known of the whole section holds. A time cut has
// taken the writes themselves and hides contributions only, of which lists and
// HyperLogLogs have none.
func (v View) hidesNone(k Kind) bool {
	if v.hide != 0 && (k != KindList && k != KindHLL || v.hide > v.e.Cut()) {
		return false
	}
	s := v.e.sectionOf(k)
	return s == nil || len(s.dueBy(v.now)) == 0
}

// topVersion returns the highest version visible in a section.
func (v View) topVersion(k Kind) (top Version, any bool) {
	consider := func(c *Cell) {
		if vis, ok := v.visible(c); ok {
			any = true
			if ver := vis.version(); ver.Compare(top) > 0 {
				top = ver
			}
		}
	}
	if k == KindString {
		consider(&v.e.str)
		return top, any
	}
	for _, c := range v.e.section(k) {
		consider(&c)
	}
	return top, any
}

// IsEvicted reports whether there is something that was evicted here ([Partition.Evict]).
// The view shows nothing then: who wants to know asks another holder.
func (v View) IsEvicted() bool { return v.evicted }

// Kind returns the visible kind, KindNone when the key does not exist.
func (v View) Kind() Kind {
	v.ask()
	return v.kind
}

// Exists reports whether the key exists.
func (v View) Exists() bool { return v.Kind() != KindNone }

// ExpireAt returns when the key expires, in milliseconds since the Unix epoch:
// Never when it does not exist, does not expire, or outlived its expiry by a
// write that had not seen it.
func (v View) ExpireAt() int64 {
	if !v.Exists() {
		return Never
	}
	if at := v.e.ExpireAt(); StampAt(at) > v.hide+1 || at == Never {
		return at
	}
	return Never
}

// Version returns the highest version visible, zero when the key does not exist.
// It costs time in proportion to the number of cells.
func (v View) Version() Version {
	if !v.Exists() {
		return Version{}
	}
	top, _ := v.topVersion(v.kind)
	return top
}

// Get returns the string's value.
func (v View) Get() (string, bool) { return v.value(KindString, "") }

// Field returns the value of a hash's field.
func (v View) Field(field string) (string, bool) { return v.value(KindHash, field) }

// FieldExpireAt returns when a hash's field expires by itself, in milliseconds since
// the Unix epoch: [Never] when it does not exist, does not expire, or outlived its
// expiry by an increment that had not seen it. The key may expire before.
func (v View) FieldExpireAt(field string) int64 {
	if _, ok := v.Field(field); !ok {
		return Never
	}
	c := v.e.cell(KindHash, field)
	return v.expireAt(&c)
}

// HideIn returns the stamp at or before which everything in a cell of the key is gone:
// what [View.Hide] returns, or the cell's own expiry that has come.
func (v View) HideIn(c *Cell) HLC { return v.hidden(c) }

// HasFieldExpiry reports whether the key is a hash of which fields may expire by
// themselves.
func (v View) HasFieldExpiry() bool { return v.kind == KindHash && v.e.timedSection() != nil }

// Has reports whether a set has a member.
func (v View) Has(member string) bool {
	_, ok := v.value(KindSet, member)
	return ok
}

// Score returns a zset's member's score.
func (v View) Score(member string) (float64, bool) {
	if v.Kind() != KindZSet {
		return 0, false
	}
	c, ok := v.e.section(KindZSet)[member]
	if !ok {
		return 0, false
	}
	vis, ok := v.visible(&c)
	return vis.score(), ok
}

func (v View) value(k Kind, field string) (string, bool) {
	if v.Kind() != k || k == KindNone {
		return "", false
	}
	c := v.e.cell(k, field)
	vis, ok := v.visible(&c)
	if !ok {
		return "", false
	}
	return vis.text(), true
}

// Fields iterates over the names of the visible fields or members, sorted.
func (v View) Fields() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, f := range v.sortedFields() {
			if !yield(f) {
				return
			}
		}
	}
}

// Len returns the number of visible fields, members or elements, 1 for a string. It
// costs time in proportion to the number of cells only when a time cut or an expiry
// hides some.
func (v View) Len() int {
	switch v.Kind() {
	case KindNone:
		return 0
	case KindString:
		return 1
	}
	s, n := v.e.sectionOf(v.kind), 0
	if v.hidesNone(v.kind) {
		return len(s.cells) - int(s.dead)
	}
	for _, c := range s.cells {
		if _, ok := v.visible(&c); ok {
			n++
		}
	}
	return n
}

func (v View) sortedFields() []string {
	if v.Kind() == KindNone || v.kind == KindString {
		return nil
	}
	cells := v.e.section(v.kind)
	names := slices.Collect(maps.Keys(cells))
	names = slices.DeleteFunc(names, func(f string) bool {
		c := cells[f]
		_, ok := v.visible(&c)
		return !ok
	})
	slices.Sort(names)
	return names
}

// text returns the value that a cell of a string or hash shows: the write's own
// bytes, or its number plus the contributions. Over a write that is no number
// contributions wait hidden.
func (v visible) text() string {
	if len(v.sums) == 0 {
		return v.write.Value
	}
	t, ok := v.tally()
	if !ok {
		return v.write.Value
	}
	return t.String()
}

// tally adds the write's number and the contributions up.
func (v visible) tally() (t tally, ok bool) {
	if !v.write.Dot.IsZero() {
		if n, ok := ParseInt(v.write.Value); ok {
			t.addInt(n)
		} else if f, ok := ParseFloat(v.write.Value); ok {
			t.addFloat(f)
		} else {
			return t, false
		}
	}
	for _, s := range v.sums {
		t.add(s.Net())
	}
	return t, true
}

// score returns the value that a cell of a zset shows.
func (v visible) score() float64 {
	var t tally
	if !v.write.Dot.IsZero() {
		t.addFloat(DecodeScore(v.write.Value))
	}
	for _, s := range v.sums {
		t.add(s.Net())
	}
	return t.value()
}

// Hide returns the stamp at or before which everything is gone: the time cut, or
// the expiry that has come.
func (v View) Hide() HLC { return v.hide }

// Cell returns what a cell of the visible kind shows, as text; scores as
// [FormatFloat] writes them.
func (v View) Cell(field string) (string, bool) {
	if v.kind == KindZSet {
		f, ok := v.Score(field)
		return FormatFloat(f), ok
	}
	return v.value(v.kind, field)
}
