package crdt

import "fmt"

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
	n += sizeExtra + len(e.x.expiries)*sizeExpiry + len(e.x.mortal)*sizeDot
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
		if p.entries[key] == nil {
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
		if at := e.ExpireAt(); p.due.keys[key] != nil && p.due.keys[key].at != at {
			return fmt.Errorf("%q expires at %d and is scheduled for %d", key, at, p.due.keys[key].at)
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
		if again.residue != s.residue || again.dead != s.dead {
			return fmt.Errorf("%v accounts for %d bytes of residue, %d dead, a recount gives %d, %d",
				s.kind, s.residue, s.dead, again.residue, again.dead)
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
