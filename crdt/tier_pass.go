package crdt

import (
	"bytes"
	"maps"
	"slices"
)

// pass calls f for all entries kept, in memory or not, in order of their keys, from
// a key on, until f returns false. What only the tier has it does not keep in
// memory: own says that e is f's to keep. f must not change the partition's entries.
// It reports false when the tier failed; then some were left out.
func (t *tiered) pass(p *Partition, from string, f func(key string, e *Entry, own bool) bool) bool {
	if t.err != nil {
		return false
	}
	keys := slices.DeleteFunc(slices.Collect(maps.Keys(p.entries)), func(k string) bool { return k < from })
	slices.Sort(keys)
	more := true
	// before passes those in memory that come before a key.
	before := func(key string, all bool) {
		for more && len(keys) > 0 && (all || keys[0] < key) {
			more = f(keys[0], p.entries[keys[0]], false)
			keys = keys[1:]
		}
	}
	if !t.blank && !t.saving.blank {
		err := t.from.Each(from, func(key string, e *Entry) bool {
			before(key, false)
			inMemory := len(keys) > 0 && keys[0] == key // When the pass began: f may load it.
			if more && !inMemory && !t.knows(key) {
				more = f(key, e, true)
			}
			return more
		})
		if t.fail(err) {
			return false
		}
	}
	before("", true)
	return true
}

// EachFrom calls f for the entries at or after a key, in order of their keys, until
// f returns false. Those that are not in memory do not come into it. f must not
// change the partition nor keep e. Without a tier it costs time in proportion to all
// keys at each call. When a tier fails some are left out: look at [Partition.Err].
func (p *Partition) EachFrom(from string, f func(key string, e *Entry) bool) {
	if p.tier != nil {
		p.tier.pass(p, from, func(key string, e *Entry, _ bool) bool { return f(key, e) })
		return
	}
	for _, key := range p.Keys() {
		if key >= from && !f(key, p.entries[key]) {
			return
		}
	}
}

// keyList returns the keys of all entries, sorted.
func (t *tiered) keyList(p *Partition) (keys []string) {
	t.pass(p, "", func(key string, _ *Entry, _ bool) bool {
		keys = append(keys, key)
		return true
	})
	return keys
}

// snapshot fills s with copies of all entries. It reports false when the tier failed.
func (t *tiered) snapshot(p *Partition, s *Snapshot) bool {
	return t.pass(p, "", func(key string, e *Entry, own bool) bool {
		if !own {
			e = e.Clone()
		}
		s.Keys, s.Entries = append(s.Keys, key), append(s.Entries, e)
		return true
	})
}

// join takes a snapshot's entries, by key in theirs, into the partition's. An entry
// that stays as it is is neither saved again nor kept in memory; it waits anew all
// the same, as without a tier.
func (t *tiered) join(p *Partition, s *Snapshot, m *encounter, theirs map[string]*Entry) error {
	var none Entry
	var differ []string
	of := func(key string) *Entry {
		if o := theirs[key]; o != nil {
			return o
		}
		return &none
	}
	met := make(map[string]bool, min(len(theirs), t.keys))
	t.pass(p, "", func(key string, e *Entry, _ bool) bool {
		met[key] = true
		joined := e.Clone()
		m.joinOne(key, joined, of(key))
		if bytes.Equal(AppendEntry(nil, e), AppendEntry(nil, joined)) {
			p.touched(key, e)
		} else {
			differ = append(differ, key)
		}
		return true
	})
	for _, key := range s.Keys {
		if !met[key] {
			differ = append(differ, key)
		}
	}
	for _, key := range differ {
		if err := p.update(key, func(e *Entry) { m.joinOne(key, e, of(key)) }); err != nil {
			return err
		}
	}
	return t.err
}
