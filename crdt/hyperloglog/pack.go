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
	packed := to[start:]
	for i, rank := range b {
		bit := i * packedBits
		both := uint16(rank) << (bit % 8)
		packed[bit/8] |= byte(both)
		if both > 0xff {
			packed[bit/8+1] |= byte(both >> 8)
		}
	}
	return to
}

// Raise takes over what was appended of another block. It reports false for bytes
// that nothing appends; of these it takes over what it can.
func (b *Block) Raise(packed string) bool {
	ok := true
	raise := func(at int, rank uint8) {
		if at >= BlockSize || rank > MaxRank {
			ok = false
			return
		}
		b[at] = max(b[at], rank)
	}
	if len(packed) != packedSize {
		for ; len(packed) > 1; packed = packed[2:] {
			raise(int(packed[0]), packed[1])
		}
		return ok && packed == ""
	}
	for i := range b {
		bit := i * packedBits
		both := uint16(packed[bit/8])
		if bit/8+1 < packedSize {
			both |= uint16(packed[bit/8+1]) << 8
		}
		raise(i, uint8(both>>(bit%8))%(1<<packedBits))
	}
	return ok
}

// String returns the registers as bytes: the blocks that have seen something, each
// after its number and its length.
func (r *Registers) String() string {
	var out []byte
	for i := range Blocks {
		b := Block(r[i*BlockSize:])
		at := len(out)
		out = b.Append(append(out, byte(i), 0))
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
	r, next := &Registers{}, 0
	for s != "" {
		if len(s) < 2 || int(s[0]) < next || int(s[0]) >= Blocks || len(s) < 2+int(s[1]) || s[1] == 0 {
			return nil, false
		}
		var b Block
		if !b.Raise(s[2 : 2+int(s[1])]) {
			return nil, false
		}
		copy(r[int(s[0])*BlockSize:], b[:])
		next, s = int(s[0])+1, s[2+int(s[1]):]
	}
	return r, true
}
