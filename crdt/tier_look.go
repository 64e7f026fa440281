package crdt

// Highest returns the highest stamp of what was applied or joined, and what clocks that
// go on from the partition begin above.
func (p *Partition) Highest() HLC { return p.stamp }

// IsDigested reports whether [Partition.Digest] has what it needs in memory, but for
// what expires. Otherwise it looks at all entries, those on a tier included, or may
// have to where the tier has kept a digest.
func (p *Partition) IsDigested() bool { return p.digests.on && !p.digests.kept }

// Peek returns the entry of a key as [Partition.Entry] does, and leaves it where it is:
// what looks at many entries must not drive others out of memory. Read only, until the
// next change.
func (p *Partition) Peek(key string) *Entry {
	if p.tier != nil {
		return p.tier.peek(p, key)
	}
	return p.entries[key]
}
