package crdt

import (
	"fmt"
	"slices"
)

// CheckBytes compares a partition's byte count, which is kept as it changes, with
// one made from scratch.
func CheckBytes(p *Partition) error {
	want := 0
	for key, e := range p.entries {
		want += sizeSlot + len(key) + e.countBytes()
	}
	if have := p.Bytes(); have != want {
		return fmt.Errorf("partition accounts for %d bytes, a recount gives %d", have, want)
	}
	return nil
}

func (e *Entry) countBytes() int {
	n := sizeEntry + e.str.size()
	if e.x == nil {
		return n
	}
	n += sizeExtra + e.x.lifetime.size() + e.x.filling.size()
	for _, s := range e.x.sections {
		for field, c := range s.cells {
			n += sizeSlot + len(field) + sizeCell + c.size()
		}
	}
	return n
}

// CheckWaiting compares what a partition keeps as it changes of its entries'
// residue, of its schedule and of what waits with what its entries say.
func CheckWaiting(p *Partition) error {
	bytes := 0
	for key, at := range p.waiting.keys {
		bytes += at.bytes
		if p.entries[key] == nil && (p.tier == nil || p.tier.load(key) == nil) {
			return fmt.Errorf("%q waits and is not there", key)
		}
	}
	if bytes != p.waiting.bytes {
		return fmt.Errorf("what waits accounts for %d bytes, a recount gives %d", p.waiting.bytes, bytes)
	}
	for key, e := range p.entries {
		_, waits := p.waiting.keys[key]
		if x := e.Clone(); x.trim(-1) && !waits {
			return fmt.Errorf("%q has residue and does not wait", key)
		} else if n := e.residue(); n > 0 != x.trimmed(e) {
			return fmt.Errorf("%q: want residue %t, have %d bytes", key, x.trimmed(e), n)
		}
		// A tier may name times at which it once was to expire.
		if x := p.due.keys[key]; p.tier == nil && x != nil && x.at != e.dueAfter(x.at-1) {
			return fmt.Errorf("%q expires at %d and is scheduled for %d", key, e.dueAfter(x.at-1), x.at)
		}
		if err := e.checkSections(); err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
	}
	return p.checkGroups()
}

// trimmed reports whether x, which was e, keeps less.
func (x *Entry) trimmed(e *Entry) bool {
	return string(AppendEntry(nil, x)) != string(AppendEntry(nil, e))
}

func (e *Entry) checkSections() error {
	if e.x == nil {
		return nil
	}
	for _, s := range e.x.sections {
		again := section{kind: s.kind}
		for field, c := range s.cells {
			again.count(field, &c, 1)
		}
		if again.residue != s.residue || again.dead != s.dead || again.timed != s.timed {
			return fmt.Errorf("%v accounts for %d bytes of residue, %d dead, %d timed, a recount gives %d, %d, %d",
				s.kind, s.residue, s.dead, s.timed, again.residue, again.dead, again.timed)
		}
	}
	return nil
}

func (p *Partition) checkGroups() error {
	groups := p.waiting.groups
	if p.waiting.open != nil {
		groups = append(groups[:len(groups):len(groups)], p.waiting.open)
	}
	keys := 0
	for i, g := range groups {
		in := map[string]bool{}
		for _, key := range g.keys {
			if p.waiting.keys[key].group == g {
				in[key] = true
			}
		}
		if len(in) != g.left {
			return fmt.Errorf("group %d: want %d keys, have %d", i, len(in), g.left)
		}
		keys += g.left
	}
	if keys != len(p.waiting.keys) {
		return fmt.Errorf("want %d keys in groups, have %d", len(p.waiting.keys), keys)
	}
	for i, x := range p.due.queue {
		if x.index != i || p.due.keys[x.key] != x || i > 0 && p.due.queue.Less(i, (i-1)/2) {
			return fmt.Errorf("schedule: %q is out of place", x.key)
		}
	}
	if len(p.due.queue) != len(p.due.keys) {
		return fmt.Errorf("schedule has %d places for %d keys", len(p.due.queue), len(p.due.keys))
	}
	return nil
}

// Eager makes a partition with a tier save only what has changed of all entries that
// have fields, however small, and look at few keys that expire at a time, so that small tests meet both.
func Eager(p *Partition) { p.tier.large, p.tier.maxDue = 0, 2 }

// Restarted returns what a partition without a tier is after everything but its
// entries, its vector, its horizon and its highest stamp has been lost.
func Restarted(p *Partition) *Partition {
	out := &Partition{vector: p.vector.Clone(), horizon: p.horizon.Clone(), first: p.first, stamp: p.stamp, evicts: p.evicts, fills: p.fills,
		retired: slices.Clone(p.retired), ended: slices.Clone(p.ended)}
	for _, key := range p.Keys() {
		out.update(key, func(e *Entry) { *e = *p.entries[key].Clone() })
	}
	return out
}

// CheckTier compares what a partition with a tier keeps as it changes with what is
// made from scratch of memory and tier together.
func CheckTier(p *Partition) error {
	t := p.tier
	if t == nil {
		return nil
	}
	keys, bytes, due, held := 0, 0, map[int64]Digest{}, 0
	var total Digest
	for key, e := range p.Each {
		keys++
		bytes += sizeSlot + len(key) + e.countBytes()
		if p.entries[key] != nil && e.part() == staleDigest {
			continue
		}
		s := e.shown(key, p.digests.swept)
		if s.digest == 0 {
			continue
		}
		total.add(s.digest, 1)
		if until := untilStep(s.until); until != 0 && until <= p.digests.end {
			d := due[until]
			d.add(s.digest, 1)
			due[until] = d
		}
	}
	if keys != t.keys || bytes != t.bytes {
		return fmt.Errorf("partition keeps %d keys of %d bytes, a recount gives %d of %d", t.keys, t.bytes, keys, bytes)
	}
	for key, c := range t.changed {
		held += c.held
		if e := p.entries[key]; c.sections == 0 && e != nil && e.isTracked() {
			return fmt.Errorf("%q notes what changes for nothing", key)
		}
	}
	if held != t.held {
		return fmt.Errorf("changes hold %d bytes, a recount gives %d", t.held, held)
	}
	if n := len(p.digests.dirty); n > minDirty+t.keys/4+1 {
		return fmt.Errorf("of %d keys %d are listed as changed", t.keys, n)
	}
	return t.checkDigest(p, total, due)
}

func (e *Entry) isTracked() bool {
	return e.x != nil && slices.ContainsFunc(e.x.sections, func(s section) bool { return s.touched != nil })
}

func (t *tiered) checkDigest(p *Partition, total Digest, due map[int64]Digest) error {
	g := &p.digests
	if !g.on {
		return nil
	}
	if g.total != total {
		return fmt.Errorf("digest at %d is %v, a recount gives %v", g.swept, g.total, total)
	}
	for until := range g.due {
		if g.due[until].Digest != due[until] {
			return fmt.Errorf("%v ends at %d, a recount gives %v", g.due[until].Digest, until, due[until])
		}
	}
	if len(due) != len(g.due) {
		return fmt.Errorf("digests end at %d times, a recount gives %d", len(g.due), len(due))
	}
	return nil
}

// IsTiered reports whether the partition has a tier.
func (p *Partition) IsTiered() bool { return p.tier != nil }
