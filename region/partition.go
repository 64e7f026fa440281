package region

import "fmt"

// Partition is a run of consecutive slots: the unit that is placed on nodes,
// copied and handed over. Partitions are numbered from 0.
type Partition uint16

// Partitions is the number of partitions of a cluster, a power of two from 1 to
// Slots. It is fixed for the cluster's life. Zero means DefaultPartitions.
//
// More partitions spread over more nodes more evenly and move in smaller pieces;
// each costs a version vector, a log and a heartbeat entry on every holder. A
// region should have at least ten times as many partitions as nodes.
type Partitions int

// DefaultPartitions gives each partition 64 slots.
const DefaultPartitions Partitions = 256

// Validate returns ErrConfig unless the number is zero or a power of two up to
// Slots. The other methods need a valid number.
func (n Partitions) Validate() error {
	if n < 0 || n > Slots || n&(n-1) != 0 {
		return fmt.Errorf("%w: %d partitions; use a power of two from 1 to %d", ErrConfig, int(n), Slots)
	}
	return nil
}

// Count returns the number of partitions with the default filled in.
func (n Partitions) Count() int {
	if n == 0 {
		return int(DefaultPartitions)
	}
	return int(n)
}

// Of returns the partition of a key.
func (n Partitions) Of(key string) Partition { return n.OfSlot(SlotOf(key)) }

// OfSlot returns the partition of a slot.
func (n Partitions) OfSlot(s Slot) Partition {
	return Partition(int(s) * n.Count() / Slots)
}

// Slots returns the first and the last slot of a partition, both inclusive as
// in the replies of CLUSTER SLOTS.
func (n Partitions) Slots(p Partition) (first, last Slot) {
	width := Slots / n.Count()
	return Slot(int(p) * width), Slot((int(p)+1)*width - 1)
}
