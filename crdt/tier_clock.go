package crdt

// Highest returns the highest stamp of what was applied or joined, and what clocks that
// go on from the partition begin above.
func (p *Partition) Highest() HLC { return p.stamp }

// IsDigested reports whether [Partition.Digest] has what it needs in memory, but for
// what expires. Otherwise it looks at all entries, those on a tier included.
func (p *Partition) IsDigested() bool { return p.digests.on }
