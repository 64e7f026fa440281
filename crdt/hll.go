package crdt

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/atollcache/atoll/crdt/hyperloglog"
)

// A HyperLogLog is registers, of which each shows the highest rank that anybody has
// given it. It is kept as cells of an OR-map, so that it merges and is removed as
// every other collection is, in one of two forms, or both:
//
//   - A pair is a register with its rank. Its field says both, its cell holds
//     nothing, as a set's. Giving a register a higher rank puts a pair and removes
//     the lower ones that it saw.
//   - A block is 128 registers as one replica has seen them. Its field names the
//     block and the replica. Giving one of its registers a higher rank puts the block
//     anew and removes all that it saw of the block, in either form. No two write to
//     one cell, so no writes of a cell lose.
//
// As long as there are few pairs, a register's rank goes when everybody who gave it
// is seen to have been removed. What has more pairs than maxPairs is kept as blocks
// from then on, some 20 KB at most in place of more than a megabyte. Then what a
// removal had not seen stays together with the rest of its block.

// maxPairs is how many pairs a HyperLogLog has before it is kept as blocks.
const maxPairs = 256

// The first byte of a field says what the cell is.
const (
	hllPair  = 0 // then the register in two bytes, and the rank
	hllBlock = 1 // then the block, and the replica in eight bytes
	hllEmpty = 2 // nothing follows: something keeps the key in being
)

func pairField(register int, rank uint8) string {
	return string(append(binary.BigEndian.AppendUint16([]byte{hllPair}, uint16(register)), rank))
}

func blockField(block int, r ReplicaID) string {
	return string(binary.BigEndian.AppendUint64([]byte{hllBlock, byte(block)}, uint64(r)))
}

// pairOf reads a pair's field.
func pairOf(field string) (register int, rank uint8) {
	return int(binary.BigEndian.Uint16([]byte(field[1:3]))), field[3]
}

// isHLLField reports whether a field can be a HyperLogLog's.
func isHLLField(field string) bool {
	switch {
	case field == "":
		return false
	case field[0] == hllPair && len(field) == 4:
		register, rank := pairOf(field)
		return register < hyperloglog.Count && rank > 0 && rank <= hyperloglog.MaxRank
	case field[0] == hllBlock && len(field) == 10:
		return field[1] < hyperloglog.Blocks && field[2:] != "\x00\x00\x00\x00\x00\x00\x00\x00"
	}
	return field == string([]byte{hllEmpty})
}

// RegistersText writes a HyperLogLog's field for people.
func RegistersText(field string) string {
	switch {
	case !isHLLField(field):
		return strconv.Quote(field)
	case field[0] == hllPair:
		register, rank := pairOf(field)
		return fmt.Sprintf("register %d, rank %d", register, rank)
	case field[0] == hllBlock:
		first := int(field[1]) * hyperloglog.BlockSize
		by := ReplicaID(binary.BigEndian.Uint64([]byte(field[2:])))
		return fmt.Sprintf("registers %d to %d by %v", first, first+hyperloglog.BlockSize-1, by)
	}
	return "no register"
}

// begins calls f for the places whose field begins with a prefix, in order.
func (o *order) begins(prefix string, f func(place)) {
	o.tree.Ascend(place{field: prefix}, func(p place) bool {
		if !strings.HasPrefix(p.field, prefix) {
			return false
		}
		f(p)
		return true
	})
}

// block returns the registers of a block, and the fields from which they come.
func (v View) block(o *order, block int) (b hyperloglog.Block, fields []string) {
	from := pairField(block*hyperloglog.BlockSize, 0)
	o.tree.Ascend(place{field: from}, func(p place) bool {
		if p.field[0] != hllPair {
			return false
		}
		register, rank := pairOf(p.field)
		in, at := hyperloglog.BlockOf(register)
		if in != block {
			return false
		}
		b[at] = max(b[at], rank)
		fields = append(fields, p.field)
		return true
	})
	o.begins(string([]byte{hllBlock, byte(block)}), func(p place) {
		packed, _ := v.value(KindHLL, p.field)
		b.Raise(packed)
		fields = append(fields, p.field)
	})
	return b, fields
}

// Registers returns a HyperLogLog's registers; false when there is none.
func (v View) Registers() (*hyperloglog.Registers, bool) {
	if v.kind != KindHLL {
		return nil, false
	}
	r := &hyperloglog.Registers{}
	o := v.order()
	o.begins(string([]byte{hllPair}), func(p place) { r.Raise(pairOf(p.field)) })
	o.begins(string([]byte{hllBlock}), func(p place) {
		packed, _ := v.value(KindHLL, p.field)
		r.Block(int(p.field[1])).Raise(packed)
	})
	return r, true
}

// raise is a rank for a register.
type raise struct {
	register int
	rank     uint8
}

// PFAdd counts elements and reports whether that has changed a register, or begun a
// HyperLogLog. Concurrent ones all count; beside a removal that had not seen it, an
// element stays counted (R4, R5).
func (m *Mutator) PFAdd(elements ...string) (bool, error) {
	raises := make([]raise, len(elements))
	for i, e := range elements {
		raises[i].register, raises[i].rank = hyperloglog.Place(e)
	}
	return m.raise(raises)
}

// PFMerge takes over what other registers have seen and reports what [Mutator.PFAdd]
// does.
func (m *Mutator) PFMerge(o *hyperloglog.Registers) (bool, error) { return m.raise(raisesOf(o)) }

func raisesOf(o *hyperloglog.Registers) (raises []raise) {
	for register, rank := range o {
		if rank > 0 {
			raises = append(raises, raise{register, rank})
		}
	}
	return raises
}

// raise notes the effects of giving registers ranks.
func (m *Mutator) raise(raises []raise) (bool, error) {
	began := !m.view.Exists()
	if err := m.enter(KindHLL); err != nil {
		return false, err
	}
	raises = m.higher(raises)
	switch {
	case len(raises) == 0 && !began:
		return false, nil
	case len(raises) == 0:
		m.put(KindHLL, string([]byte{hllEmpty}), "")
	case m.keepsPairs(len(raises)):
		m.putPairs(raises)
	default:
		m.putBlocks(raises)
	}
	return true, nil
}

// higher returns those of raises that a register does not show yet, by register and
// each once.
func (m *Mutator) higher(raises []raise) []raise {
	slices.SortFunc(raises, func(a, b raise) int {
		if a.register != b.register {
			return a.register - b.register
		}
		return int(b.rank) - int(a.rank)
	})
	raises = slices.CompactFunc(raises, func(a, b raise) bool { return a.register == b.register })
	if m.view.kind != KindHLL {
		return raises
	}
	o, last := m.view.order(), -1
	var seen hyperloglog.Block
	return slices.DeleteFunc(raises, func(x raise) bool {
		block, at := hyperloglog.BlockOf(x.register)
		if block != last {
			seen, _ = m.view.block(o, block)
			last = block
		}
		return seen[at] >= x.rank
	})
}

// keepsPairs reports whether there are few pairs with so many more, and no blocks.
func (m *Mutator) keepsPairs(more int) bool {
	if m.view.kind != KindHLL {
		return more <= maxPairs
	}
	blocks, o := false, m.view.order()
	o.tree.Ascend(place{field: string([]byte{hllBlock})}, func(p place) bool {
		blocks = p.field[0] == hllBlock
		return false
	})
	return !blocks && o.tree.Len()+more <= maxPairs
}

// putPairs puts raises as pairs, in place of the lower ones.
func (m *Mutator) putPairs(raises []raise) {
	for _, x := range raises {
		field := pairField(x.register, x.rank)
		if m.view.kind == KindHLL {
			m.view.order().begins(field[:3], func(p place) { m.remove(KindHLL, p.field) })
		}
		m.put(KindHLL, field, "")
	}
}

// putBlocks puts the blocks of raises anew, and those of all pairs.
func (m *Mutator) putBlocks(raises []raise) {
	var o *order
	if m.view.kind == KindHLL {
		o = m.view.order()
		o.begins(string([]byte{hllPair}), func(p place) {
			register, rank := pairOf(p.field)
			raises = append(raises, raise{register, rank})
		})
	}
	slices.SortFunc(raises, func(a, b raise) int { return a.register - b.register })
	for len(raises) > 0 {
		block, _ := hyperloglog.BlockOf(raises[0].register)
		own := blockField(block, m.write.Dot.Replica)
		var b hyperloglog.Block
		var seen []string
		if o != nil {
			b, seen = m.view.block(o, block)
		}
		for len(raises) > 0 {
			in, at := hyperloglog.BlockOf(raises[0].register)
			if in != block {
				break
			}
			b[at] = max(b[at], raises[0].rank)
			raises = raises[1:]
		}
		for _, field := range seen {
			if field != own {
				m.remove(KindHLL, field)
			}
		}
		m.put(KindHLL, own, string(b.Append(nil)))
	}
}

// ReplaceHLL is [Mutator.Replace] for a HyperLogLog.
func (m *Mutator) ReplaceHLL(r *hyperloglog.Registers, at int64) {
	if at <= m.write.Now {
		m.Del()
		return
	}
	m.clear()
	fresh := Mutator{write: m.write, cleared: true, settled: true}
	_, _ = fresh.raise(raisesOf(r)) // Into nothing: there is no other kind.
	m.effects = append(m.effects, fresh.effects...)
	if at != Never {
		m.expire(at)
	}
}
