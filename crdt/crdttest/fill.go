package crdttest

import (
	"fmt"

	"github.com/atollcache/atoll/crdt"
)

// missed is what a replica knows of a key that did not exist.
type missed struct {
	stamp crdt.HLC
	saw   crdt.Vector
}

// filling are the themes of histories with fills.
var filling = []theme{
	{Miss, Miss, Fill, Fill, Fill, Del, Del, Set},
	{Miss, Fill, Fill, Set, Del, Incr, Expire, Persist, Invalidate},
	{Miss, Miss, Fill, Fill, Incr, Incr, Del, Set},
	{Miss, Fill, Fill, HSet, HDel, SAdd, SRem, Del, Expire},
	{Miss, Miss, Fill, Fill, Expire, Persist, Set, Del, HIncr, HDel},
	{Miss, Miss, Fill, Fill, Fill, Invalidate, Del},
}

// beginFills lets fills be made: mostly everybody hears of it at once, sometimes not.
func (g *generator) beginFills() []step {
	steps := []step{{action: announceFills, at: 0}}
	if g.IntN(4) == 0 {
		return steps
	}
	for r := 1; r < g.replicas; r++ {
		steps = append(steps, step{action: catchUp, at: r, other: 0})
	}
	return steps
}

// fillsAt reports whether r knows that fills are made.
func (w *world) fillsAt(r *replica) bool {
	stage, _ := r.part.Fills()
	return stage != crdt.NoFills
}

// runKeyless does a step that writes and has no key.
func (w *world) runKeyless(r *replica, a action) error {
	if a == retireOver {
		return w.retire(r)
	}
	return w.announceFills(r)
}

// announceFills lets r say that fills are made.
func (w *world) announceFills(r *replica) error {
	if w.fillsAt(r) {
		return nil
	}
	n := r.part.Vector().Get(r.id) + 1
	d := &crdt.Delta{Dot: crdt.Dot{Replica: r.id, N: n}, From: n, Stamp: r.clock.Next(w.now(r)), Deps: r.part.Vector().Without(r.id),
		Effects: []crdt.Effect{crdt.Stage(crdt.FillsSoon)}}
	w.log[r.id] = append(w.log[r.id], d)
	w.made[d.Dot] = w.now(r)
	if err := r.apply(d); err != nil {
		return fmt.Errorf("fills: apply own %v: %w", d.Dot, err)
	}
	return nil
}

// doOrMiss runs commands, or notes a miss. A fill without a miss, or of a key to which
// anything has happened since, is nothing.
func (w *world) doOrMiss(r *replica, commands []Command) error {
	c := &commands[0]
	switch c.Verb {
	case Miss:
		if view := r.part.Entry(c.Key).View(w.now(r)); view.Exists() || view.IsEvicted() {
			return nil
		}
		if r.misses == nil {
			r.misses = map[string]missed{}
		}
		r.misses[c.Key] = missed{r.clock.Next(w.now(r)), w.seenBy(r).Clone()}
		return nil
	case Fill:
		miss, ok := r.misses[c.Key]
		delete(r.misses, c.Key)
		if !ok || !w.fillsAt(r) || !w.seenBy(r).CoversAll(miss.saw) {
			return nil
		}
		for _, o := range w.seen(w.seenBy(r), c.Key) {
			if !miss.saw.Covers(o.Dot) {
				return nil
			}
		}
		fill := *c
		fill.Miss = miss.stamp
		return w.do(r, []Command{fill})
	}
	return w.do(r, commands)
}

// barred reports whether p is a fill that loses (R10): somebody has written to the key
// who had not seen it, and whom its origin had not seen. The removal with which a fill begins
// an evicted key anew does not bar that fill. Which of the two came first,
// and what their clocks said, is no matter.
func barred(ops []Op, p *Op) bool {
	if p.Verb != Fill {
		return false
	}
	for i := range ops {
		if o := &ops[i]; o.Bars && o.Dot != p.Dot && !o.saw(p) && !p.saw(o) {
			return true
		}
	}
	return false
}
