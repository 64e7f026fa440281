package crdt

// Highest returns the highest stamp of what was applied or joined, and what clocks that
// go on from the partition begin above.
func (p *Partition) Highest() HLC { return p.stamp }
