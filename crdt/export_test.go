package crdt

import "fmt"

// CheckBytes compares a partition's byte count, which is kept as it changes, with
// one made from scratch.
func CheckBytes(p *Partition) error {
	want := 0
	for key, e := range p.entries {
		want += sizeSlot + len(key) + e.countBytes()
	}
	if have := p.Bytes(); have != want {
		return fmt.Errorf("partition accounts for %d bytes, a recount gives %d", have, want)
	}
	return nil
}

func (e *Entry) countBytes() int {
	n := sizeEntry + e.str.size()
	if e.x == nil {
		return n
	}
	n += sizeExtra + len(e.x.expiries)*sizeExpiry + len(e.x.mortal)*sizeDot
	for _, s := range e.x.sections {
		for field, c := range s.cells {
			n += sizeSlot + len(field) + sizeCell + c.size()
		}
	}
	return n
}
