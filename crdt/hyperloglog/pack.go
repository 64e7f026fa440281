package hyperloglog

// BlockSize is how many registers are packed together.
const BlockSize = 128

// Blocks is how many blocks there are.
const Blocks = Count / BlockSize

// packedBits holds every rank.
const packedBits = 6

// packedSize is the size of a block in which many registers have seen something:
// all of them, packedBits each.
const packedSize = BlockSize * packedBits / 8

// Block is the registers of one block.
type Block [BlockSize]uint8

// BlockOf returns the block of a register, and the register's place in it.
func BlockOf(register int) (block, at int) { return register / BlockSize, register % BlockSize }

// Append appends a block as bytes: where few registers have seen something those
// alone, with their ranks, two bytes each; otherwise all. A block has one form.
// There is no room for ranks above 63.
func (b *Block) Append(to []byte) []byte {
	start := len(to)
	for i, rank := range b {
		if rank > 0 {
			to = append(to, byte(i), rank)
		}
	}
	if len(to)-start < packedSize {
		return to
	}
	to = append(to[:start], make([]byte, packedSize)...)
	for i, packed := 0, to[start:]; i < BlockSize; i, packed = i+4, packed[3:] {
		four := uint32(b[i]) | uint32(b[i+1])<<6 | uint32(b[i+2])<<12 | uint32(b[i+3])<<18
		packed[0], packed[1], packed[2] = byte(four), byte(four>>8), byte(four>>16)
	}
	return to
}

// Raise takes over what was appended of another block. It reports false for bytes
// that nothing appends; of these it takes over what it can.
func (b *Block) Raise(packed string) bool {
	if len(packed) == packedSize {
		return b.raiseAll(packed)
	}
	ok := true
	for ; len(packed) > 1; packed = packed[2:] {
		if packed[0] >= BlockSize || packed[1] > MaxRank {
			ok = false
			continue
		}
		b[packed[0]] = max(b[packed[0]], packed[1])
	}
	return ok && packed == ""
}

// raiseAll is Raise for all registers, of which four are in three bytes.
func (b *Block) raiseAll(packed string) bool {
	const mask = 1<<packedBits - 1
	ok := true
	for i := 0; i < BlockSize; i += 4 {
		four := uint32(packed[0]) | uint32(packed[1])<<8 | uint32(packed[2])<<16
		packed = packed[3:]
		for at := i; at < i+4; at++ {
			rank := uint8(four & mask)
			four >>= packedBits
			if rank > MaxRank {
				ok = false
			} else if rank > b[at] {
				b[at] = rank
			}
		}
	}
	return ok
}

// Block returns the registers of a block: they are not copied.
func (r *Registers) Block(i int) *Block { return (*Block)(r[i*BlockSize:]) }

// String returns the registers as bytes: the blocks that have seen something, each
// after its number and its length.
func (r *Registers) String() string {
	var out []byte
	for i := range Blocks {
		at := len(out)
		out = r.Block(i).Append(append(out, byte(i), 0))
		if size := len(out) - at - 2; size > 0 {
			out[at+1] = byte(size)
		} else {
			out = out[:at]
		}
	}
	return string(out)
}

// Parse reads what [Registers.String] returned. It reports false for anything else.
func Parse(s string) (*Registers, bool) {
	r := &Registers{}
	return r, r.Take(s)
}

// Take takes over what [Registers.String] returned of others. It reports false for
// anything else; what r has seen then is not defined.
func (r *Registers) Take(s string) bool {
	next := 0
	for s != "" {
		if len(s) < 2 || int(s[0]) < next || int(s[0]) >= Blocks || len(s) < 2+int(s[1]) || s[1] == 0 {
			return false
		}
		if !r.Block(int(s[0])).Raise(s[2 : 2+int(s[1])]) {
			return false
		}
		next, s = int(s[0])+1, s[2+int(s[1]):]
	}
	return true
}
