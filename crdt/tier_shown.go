package crdt

// # What is shown, kept
//
// A partition with a tier has to read all of it once to sum up what it shows. One that
// ends in order can leave the sum behind in its head, which is saved in one batch with
// what it is the sum of: no Save comes without a head, and the head of any other says
// nothing. So who opens it goes on from there, and reads only what has expired since.

// KeepDigest has the head of the next Save say what the partition shows, where that is
// known: it has been asked for ([Partition.Digest]), nothing can be evicted, and the tier
// will find all that expires later. Then [Partition.IsSaved] is false until that Save,
// which looks at what has changed as Digest would: it is meant to be the last.
func (p *Partition) KeepDigest() {
	if t := p.tier; t != nil && t.err == nil {
		t.keep = p.canKeepDigest()
	}
}

func (p *Partition) canKeepDigest() bool {
	g := &p.digests
	return g.on && g.tiered && !g.odd && !p.evicts
}

// shown returns what a Save is to keep of the digest, nothing when it was not told to.
func (t *tiered) shown(p *Partition) Shown {
	if !t.keep {
		return Shown{}
	}
	g := &p.digests
	if g.on {
		g.countDirty(p.entries)
	}
	if !p.canKeepDigest() || g.total.Keys < 0 || g.total.Keys > t.keys {
		return Shown{}
	}
	return Shown{At: g.swept, Digest: g.total}
}

// digests returns the state that goes on from what was kept. Of what expires it knows
// nothing yet.
func (s Shown) digests() digests {
	return digests{on: true, tiered: true, kept: true, total: s.Digest, swept: s.At, end: s.At}
}

// goesOn reports whether a digest at a time can be had from what the tier has kept of
// one, at less cost than from all entries. Otherwise nothing that was kept counts.
func (t *tiered) goesOn(p *Partition, at int64) bool {
	g := &p.digests
	ok, most := at >= g.swept, minDirty+t.keys/8
	if ok {
		ok = t.due(p, g.swept+1, at+tierWindow+1, func(string, int64) bool {
			most--
			return most >= 0
		}) && most >= 0
	}
	if !ok {
		g.recount = true
	}
	return ok
}
