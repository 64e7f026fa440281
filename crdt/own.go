package crdt

// own is what a partition, and who evicts its entries, keep in each entry, in eight
// bytes: an entry's digest, or what stands for it, and a mark.
type own struct {
	low  uint32
	mid  uint16
	high uint8
	mark uint8
}

// part returns the entry's part of its partition's sum, staleDigest when that is not
// known.
func (o *own) part() uint64 { return uint64(o.low) | uint64(o.mid)<<32 | uint64(o.high)<<48 }

func (o *own) setPart(d uint64) {
	o.low, o.mid, o.high = uint32(d), uint16(d>>32), uint8(d>>48)
}

// Mark returns the byte of the entry that belongs to who decides which entry leaves
// memory ([Partition.Watch]). It is zero at first, and stays as it is as long as the
// entry is in memory. It is not copied, sent or saved.
func (e *Entry) Mark() *uint8 { return &e.mark }

// until returns when the entry's part of the sum ends, 0 for never.
func (e *Entry) until() int64 {
	if e.x != nil {
		return e.x.until
	}
	if g := e.ghost(); g != nil {
		return untilStep(g.expireAt)
	}
	return 0
}
