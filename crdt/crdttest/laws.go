package crdttest

import (
	"fmt"

	"github.com/atollcache/atoll/crdt"
)

// laws checks on the saved states that join is commutative, associative and
// idempotent, that the empty state adds nothing, and that join does not change
// its argument.
func (w *world) laws() error {
	n := len(w.saved)
	if w.collects || w.evicts {
		return nil // They may refuse each other.
	}
	for i := range w.saved {
		a, b, c := w.saved[i].state, w.saved[(i+1)%n].state, w.saved[(i*3+2)%n].state
		if err := joinLaws(a, b, c); err != nil {
			return fmt.Errorf("of the saved states %d, %d and %d: %w", i, (i+1)%n, (i*3+2)%n, err)
		}
	}
	return nil
}

func joinLaws(a, b, c *crdt.Snapshot) error {
	before := string(encode(b))
	ab, ba := joined(a, b), joined(b, a)
	left, right := joined(ab.Snapshot(), c), joined(a, joined(b, c).Snapshot())
	again := joined(ab.Snapshot(), b)
	for _, law := range []struct {
		name string
		x, y *crdt.Partition
	}{
		{"commutative", ab, ba},
		{"associative", left, right},
		{"idempotent", ab, again},
		{"without effect on nothing", joined(joined(a).Snapshot()), joined(a, new(crdt.Partition).Snapshot())},
	} {
		x, y := canonical(law.x), canonical(law.y)
		if string(x) != string(y) {
			return fmt.Errorf("join is not %s: %x and %x", law.name, x, y)
		}
	}
	if after := string(encode(b)); before != after {
		return fmt.Errorf("join changed its argument from %x to %x", before, after)
	}
	return nil
}

// joined returns the join of states that refuse nothing.
func joined(states ...*crdt.Snapshot) *crdt.Partition {
	var p crdt.Partition
	for _, s := range states {
		if err := p.Join(s); err != nil {
			panic("crdttest: a state without a horizon was refused: " + err.Error())
		}
	}
	return &p
}
