package crdt

import (
	"cmp"
	"math"
	"slices"
)

// Mutator turns one command on one key into the effects of one write. Its
// methods look at what is visible, decide, and note effects; they change
// nothing. The caller then builds a [Delta] of [Mutator.Effects] and applies it,
// here as everywhere else.
//
// Each method says what a concurrent pair yields by the rule (R1 to R9) that it
// follows. One Mutator serves one command: a method does not see the effects
// that an earlier one noted, except that of two puts or removals of one cell the
// later counts.
type Mutator struct {
	entry   *Entry // may be nil
	view    View
	write   NewWrite
	effects []Effect
	cleared bool
	settled bool
	touched map[string]int // by field, the effect that puts or removes it; nil while there are few
	evicted evicted
	fills   bool // it is a fill, which bars none
	bars    bool // it bars fills whether it changes anything or not
}

// NewWrite is what a replica knows of the write that it is about to make.
type NewWrite struct {
	Dot   Dot
	Stamp HLC
	// Now is the wall time in milliseconds since the Unix epoch, at which
	// expiries are judged. It may be behind Stamp, never much ahead.
	Now int64
	// Fills says that fills are made in the partition ([Partition.Fills]): the write bars
	// those that have not seen it.
	Fills bool
}

// NewMutator starts a command on the entry of a key, nil when nothing is kept
// for the key.
func NewMutator(e *Entry, w NewWrite) *Mutator {
	m := &Mutator{}
	m.Reset(e, w, nil)
	return m
}

// Reset makes m as [NewMutator] makes one, for another command. It notes effects in room
// as far as they fit there: that is the caller's again once the effects are not used any
// more.
func (m *Mutator) Reset(e *Entry, w NewWrite, room []Effect) {
	*m = Mutator{entry: e, view: e.View(w.Now), write: w, effects: room[:0]}
	if e.IsEvicted() {
		m.meetGhost(e)
	}
}

// Entry returns the entry that the command is about, nil when nothing is kept for the key.
// Read only.
func (m *Mutator) Entry() *Entry { return m.entry }

// View returns the key as it was before the command.
func (m *Mutator) View() View { return m.view }

// Effects returns what was noted, nil when the command changes nothing. The
// caller owns it.
func (m *Mutator) Effects() []Effect { return m.barring() }

// Del removes the key: every kind, its contributions and its expiry, as far as
// this replica has seen them (R4, R5). It reports whether the key existed. Where fills
// are made it bars them even if it did not: one may be on its way (R10).
func (m *Mutator) Del() bool {
	m.bars = true
	if m.view.IsEvicted() || m.evicted.afresh {
		return m.delGhost()
	}
	if !m.view.Exists() {
		return false
	}
	m.clear()
	return true
}

// Invalidate removes everything stamped at or before this write, seen or not
// (R6). What it saw it also takes as a removal does: a time cut alone would spare
// every counter whose replica goes on counting before it knows.
func (m *Mutator) Invalidate() {
	m.clear()
	m.effects = append(m.effects, Effect{Op: EffectCut, Cut: m.write.Stamp})
}

// Expire makes the key expire at a time, in milliseconds since the Unix epoch,
// or never. Of concurrent ones the longest counts; a later one replaces (R7). A
// time that has come removes the key. What has expired before, while something
// written later still shows, stays gone. It reports whether the key existed. Like
// [Mutator.Del] a time that has come bars fills whether it did or not.
func (m *Mutator) Expire(at int64) bool {
	m.bars = m.bars || at <= m.write.Now
	if !m.view.Exists() {
		if m.write.Fills && m.bars && m.evicted.afresh {
			m.clear()
		}
		return false
	}
	if at <= m.write.Now {
		m.clear()
		return true
	}
	m.expire(at)
	return true
}

// Persist takes the key's expiry away. It reports whether the key had one.
func (m *Mutator) Persist() bool {
	if m.view.ExpireAt() == Never {
		return false
	}
	return m.Expire(Never)
}

// expire notes an expiry. It is never at or before the stamps it speaks of:
// clocks that run ahead must not make a key outlive its expiry.
func (m *Mutator) expire(at int64) {
	m.settleExpired()
	m.effects = append(m.effects, Effect{Op: EffectExpire, At: m.future(at)})
}

// future returns a time to expire that is after the write.
func (m *Mutator) future(at int64) int64 {
	if at == Never {
		return Never
	}
	return min(max(at, m.write.Stamp.Millis()+1), MaxMillis)
}

// clear notes the removal of all that has been seen of the key.
func (m *Mutator) clear() {
	if m.cleared {
		return
	}
	m.cleared = true
	m.evicted.needed = m.evicted.needed || m.evicted.counts
	if m.effects == nil {
		m.effects = make([]Effect, 0, 2) // A SET notes one more, and the log keeps them.
	}
	m.effects = append(m.effects, Effect{Op: EffectClear, Seen: m.seenAll()})
}

// settleKinds notes, before the first write inside a key of kind k, what it has
// seen of other kinds' contributions. Everything else that they hold goes with the
// write itself ([Entry.Apply]).
func (m *Mutator) settleKinds(k Kind) {
	if m.settled || m.cleared || m.entry == nil {
		return
	}
	m.settled = true
	if kinds := m.entry.kinds(); len(kinds) == 0 || len(kinds) == 1 && kinds[0] == k {
		return // As nearly always: no look at all cells.
	}
	seen := m.seenWhere(func(at Kind, _ Contribution) bool { return at != k })
	if len(seen) > 0 {
		m.effects = append(m.effects, Effect{Op: EffectSettle, Kind: k, Seen: seen})
	}
}

// settleExpired notes, before expiries are replaced of which the time of some has
// come, what they hide: it is gone. That is nothing when a longer one counts.
func (m *Mutator) settleExpired() {
	if m.cleared || !slices.ContainsFunc(m.entry.Expiries(), m.isPast) {
		return
	}
	f := Effect{Op: EffectSettle}
	if hide := m.view.hide; hide > m.entry.Cut() {
		f.Cut = hide
		f.Seen = m.seenWhere(func(_ Kind, s Contribution) bool { return s.Stamp <= hide })
	}
	m.effects = append(m.effects, f)
}

// isPast reports whether an expiry's time comes before this write.
func (m *Mutator) isPast(x Expiry) bool { return x.At <= m.write.Stamp.Millis() }

// seenAll returns what the entry has of contributions that still count.
func (m *Mutator) seenAll() []Seen {
	return m.seenWhere(func(Kind, Contribution) bool { return true })
}

// seenWhere returns what the entry has of contributions that still count and for
// which which holds, by kind, field and replica.
func (m *Mutator) seenWhere(which func(Kind, Contribution) bool) (seen []Seen) {
	if m.entry == nil {
		return nil
	}
	for _, k := range m.entry.kinds() {
		if k == KindString {
			seen = m.appendSeen(seen, k, "", &m.entry.str, which)
			continue
		}
		for field, c := range m.entry.section(k) {
			if c.more != nil {
				seen = m.appendSeen(seen, k, field, &c, which)
			}
		}
	}
	slices.SortFunc(seen, func(a, b Seen) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Replica, b.Replica))
	})
	return seen
}

func (m *Mutator) appendSeen(out []Seen, k Kind, field string, c *Cell, which func(Kind, Contribution) bool) []Seen {
	for _, s := range c.Contributions() {
		if s.RemovedN < s.N && which(k, s) {
			out = append(out, Seen{Kind: k, Field: field, Replica: s.Replica, N: s.N, Total: s.Total})
		}
	}
	return out
}

// enter prepares a write inside a key of kind k. A key that does not exist may
// have left something that does not show, such as an expiry, here or at a replica
// that has not forgotten it yet ([Partition.Collect]); it is taken first, so that
// the new key starts fresh everywhere.
func (m *Mutator) enter(k Kind) error {
	switch m.view.Kind() {
	case k:
		return nil
	case KindNone:
		m.clear()
		return nil
	default:
		return ErrWrongType
	}
}

// put notes a put into a cell, in place of an earlier one of this command. It
// reports whether the command had not touched the cell before.
func (m *Mutator) put(k Kind, field, value string) bool {
	return m.note(Effect{Op: EffectPut, Kind: k, Field: field, Value: value})
}

// remove notes the removal of a cell's visible content.
func (m *Mutator) remove(k Kind, field string) bool {
	if _, ok := m.view.value(k, field); !ok {
		return false
	}
	return m.note(Effect{Op: EffectRemove, Kind: k, Field: field})
}

// note adds a put or removal and what it has seen of the cell's counter. It
// reports whether the command had not touched the cell before.
func (m *Mutator) note(f Effect) bool {
	if i, ok := m.touchedBefore(f.Field); ok {
		f.Seen = m.effects[i].Seen
		m.effects[i] = f
		return false
	}
	m.settleKinds(f.Kind)
	if m.entry != nil && !m.cleared {
		c := m.entry.cell(f.Kind, f.Field)
		f.Seen = m.appendSeen(nil, KindNone, "", &c, func(Kind, Contribution) bool { return true })
	}
	m.effects = append(m.effects, f)
	if m.touched != nil {
		m.touched[f.Field] = len(m.effects) - 1
	}
	return true
}

// touchedBefore returns the effect by which this command already puts or removes
// a field. A command touches fields of one kind only.
func (m *Mutator) touchedBefore(field string) (int, bool) {
	if m.touched == nil && len(m.effects) < fewEffects {
		for i := range m.effects {
			if f := &m.effects[i]; f.touches() && f.Field == field {
				return i, true
			}
		}
		return 0, false
	}
	if m.touched == nil {
		m.touched = make(map[string]int)
		for i := range m.effects {
			if f := &m.effects[i]; f.touches() {
				m.touched[f.Field] = i
			}
		}
	}
	i, ok := m.touched[field]
	return i, ok
}

// fewEffects are so few that to look at each is quicker than to look one up.
const fewEffects = 8

// touches reports whether an effect puts or removes a cell.
func (f *Effect) touches() bool { return f.Op == EffectPut || f.Op == EffectRemove }

// add notes an increment of a cell: this replica's run goes on, or begins anew
// when it has none, or one that has been removed or hidden.
func (m *Mutator) add(k Kind, field string, by Number) error {
	f := Effect{Op: EffectAdd, Kind: k, Field: field, Start: m.write.Dot.N, Sum: by}
	if m.entry != nil && !m.cleared {
		c := m.entry.cell(k, field)
		if s, ok := c.sum(m.write.Dot.Replica); ok && s.live(m.view.hidden(&c)) {
			if _, fits := addExact(s.Total.Int, by.Int); !fits {
				return ErrOverflow
			}
			f.Start, f.Sum = s.Start, s.Total.Plus(by)
			if math.IsInf(f.Sum.Float, 0) {
				return ErrNotFinite
			}
		}
	}
	m.settleKinds(k)
	if k == KindHash {
		m.freshen(field)
	}
	m.effects = append(m.effects, f)
	return nil
}
