package crdt

import (
	"slices"
)

// Write is one live write of a cell: a value that nothing that saw it has
// replaced or removed. A zset's value is its score, see [EncodeScore].
type Write struct {
	Dot   Dot
	Stamp HLC
	Value string
}

// Version returns the write's place in the total order.
func (w Write) Version() Version { return Version{w.Stamp, w.Dot.Replica} }

// Cell is one last-writer-wins register plus one counter. What shows is the
// live write with the highest version plus the live contributions.
//
// Two concurrent puts both stay, the higher one shows (R1). Two concurrent
// increments both count (R2). A put takes the increments that it saw and adds
// to those that it had not seen (R3). A removal takes what it saw (R4). The cell of
// a hash's field may also expire by itself, see lifetime.go.
//
// The zero value is the empty cell.
type Cell struct {
	// write is the live write with the highest version, the zero Write when
	// there is none.
	write Write
	more  *cellMore
}

// cellMore holds what hardly any cell has, to keep the plain cell small.
type cellMore struct {
	sums []Contribution // by replica
	rare *cellRare
}

// cellRare holds what most cells have for moments only: a counter has none of it.
type cellRare struct {
	losers   []Write // live writes below Cell.write, highest version first
	lifetime         // of a hash's field
	ghost    *ghost  // of an evicted entry's string, and then nothing else
}

// isEmpty reports whether nothing is kept, not even a removed contribution.
func (c *Cell) isEmpty() bool { return c.write.Dot.IsZero() && c.more == nil }

// Writes returns the live writes, highest version first. The caller owns the
// slice.
func (c *Cell) Writes() []Write {
	var out []Write
	if !c.write.Dot.IsZero() {
		out = append(out, c.write)
	}
	return append(out, c.losers()...)
}

// losers returns the live writes below the highest, highest version first.
func (c *Cell) losers() []Write {
	if c.more == nil || c.more.rare == nil {
		return nil
	}
	return c.more.rare.losers
}

// Contributions returns the counter's contributions by replica, those that are
// wholly removed included. The slice is the cell's: read only.
func (c *Cell) Contributions() []Contribution {
	if c.more == nil {
		return nil
	}
	return c.more.sums
}

// compareWrites orders live writes, highest version first. Two of one version
// come only from a replica that breaks the rules; dots order them everywhere.
func compareWrites(a, b Write) int {
	if d := b.Version().Compare(a.Version()); d != 0 {
		return d
	}
	return b.Dot.Compare(a.Dot)
}

// setWrites replaces the live writes. It takes ownership of ws.
func (c *Cell) setWrites(ws []Write) {
	slices.SortFunc(ws, compareWrites)
	c.write = Write{}
	if len(ws) > 0 {
		c.write, ws = ws[0], ws[1:]
	}
	if len(ws) > 0 || c.losers() != nil {
		c.ensureRare().losers = slices.Clip(slices.Clone(ws))
	}
	c.trim()
}

func (c *Cell) ensureRare() *cellRare {
	m := c.ensureMore()
	if m.rare == nil {
		m.rare = &cellRare{}
	}
	return m.rare
}

func (c *Cell) ensureMore() *cellMore {
	if c.more == nil {
		c.more = &cellMore{}
	}
	return c.more
}

// trim drops overrides of writes that are no longer live, and what holds nothing.
func (c *Cell) trim() {
	if c.more == nil {
		return
	}
	c.pruneMortal()
	if r := c.more.rare; r != nil && len(r.losers) == 0 && r.lifetime.isEmpty() {
		c.more.rare = nil
	}
	if c.more.rare == nil && len(c.more.sums) == 0 {
		c.more = nil
	}
}

// put adds a live write; one with the same dot is already there and stays.
func (c *Cell) put(w Write) {
	if c.write.Dot.IsZero() && c.more == nil {
		c.write = w
		return
	}
	ws := c.Writes()
	for _, o := range ws {
		if o.Dot == w.Dot {
			return
		}
	}
	c.setWrites(append(ws, w))
}

// dropWrites drops the live writes for which gone holds.
func (c *Cell) dropWrites(gone func(Write) bool) {
	if len(c.losers()) == 0 {
		if !c.write.Dot.IsZero() && gone(c.write) {
			c.write = Write{}
			c.trim()
		}
		return
	}
	c.setWrites(slices.DeleteFunc(c.Writes(), gone))
}

// sum returns the contribution of r.
func (c *Cell) sum(r ReplicaID) (Contribution, bool) {
	for _, s := range c.Contributions() {
		if s.Replica == r {
			return s, true
		}
	}
	return Contribution{}, false
}

// setSum replaces or adds the contribution of s.Replica.
func (c *Cell) setSum(s Contribution) {
	m := c.ensureMore()
	i, ok := slices.BinarySearchFunc(m.sums, s.Replica, func(o Contribution, r ReplicaID) int {
		return Dot{Replica: o.Replica}.Compare(Dot{Replica: r})
	})
	if ok {
		m.sums[i] = s
	} else {
		m.sums = slices.Insert(m.sums, i, s)
	}
}

// dropSums drops the contributions for which gone holds.
func (c *Cell) dropSums(gone func(Contribution) bool) {
	if c.more == nil {
		return
	}
	c.more.sums = slices.DeleteFunc(c.more.sums, gone)
	c.trim()
}

// remove takes everything that the seer saw from the cell: the writes and expiries
// that its context covers, and of each contribution the part that it saw.
func (c *Cell) remove(ctx *Sight, seen []Seen) {
	c.dropWrites(func(w Write) bool { return ctx.Covers(w.Dot) })
	c.dropExpiries(func(x Expiry) bool { return ctx.Covers(x.Dot) })
	// The seer's own contribution need not be kept: its replica knows that it is
	// gone and begins a new run.
	c.dropSums(func(s Contribution) bool {
		return s.Replica == ctx.self.Replica && ctx.Covers(Dot{s.Replica, s.N})
	})
	if c.more == nil {
		return
	}
	for i := range c.more.sums {
		s := &c.more.sums[i]
		if ctx.Covers(Dot{s.Replica, s.N}) {
			s.removeTo(s.N, s.Total)
			continue
		}
		for _, o := range seen {
			if o.Replica == s.Replica {
				s.removeTo(o.N, o.Total)
			}
		}
	}
}

// visible is what a reader sees of a cell, given that everything stamped at or
// before hide is gone.
type visible struct {
	write Write          // the zero Write when no live write is left
	sums  []Contribution // the live contributions
}

func (c *Cell) visible(hide HLC) (v visible, ok bool) {
	if c.write.Stamp > hide {
		v.write = c.write
	}
	for _, s := range c.Contributions() {
		if s.live(hide) {
			v.sums = append(v.sums, s)
		}
	}
	return v, !v.write.Dot.IsZero() || len(v.sums) > 0
}

// version returns the highest version among the live writes and contributions.
func (v visible) version() Version {
	top := v.write.Version()
	for _, s := range v.sums {
		if sv := s.Version(); sv.Compare(top) > 0 {
			top = sv
		}
	}
	return top
}

// lowest returns the lowest stamp of what shows.
func (v visible) lowest() HLC {
	low := v.write.Stamp
	for _, s := range v.sums {
		if low == 0 || s.Stamp < low {
			low = s.Stamp
		}
	}
	return low
}

// size returns the bytes that the cell accounts for beyond its own struct.
func (c *Cell) size() int {
	n := len(c.write.Value)
	if c.more == nil {
		return n
	}
	if g := c.more.ghost(); g != nil {
		return g.size()
	}
	n += sizeCellMore + len(c.more.sums)*sizeContribution
	if c.more.rare == nil {
		return n
	}
	n += sizeCellRare + c.more.rare.lifetime.size()
	for _, w := range c.more.rare.losers {
		n += sizeWrite + len(w.Value)
	}
	return n
}

// clone returns a copy that shares no memory that either may change.
func (c *Cell) clone() Cell {
	out := *c
	if c.more == nil || c.more.ghost() != nil { // Ghosts do not change.
		return out
	}
	out.more = &cellMore{sums: slices.Clone(c.more.sums)}
	if r := c.more.rare; r != nil {
		out.more.rare = &cellRare{losers: slices.Clone(r.losers), lifetime: r.lifetime.clone()}
	}
	return out
}
