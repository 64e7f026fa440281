package pack

// Skip moves past one value of any type, with all that is inside it: also maps
// and exts, which this module does not write. Lengths and MaxDepth are checked
// as in Array. The cost is linear in the bytes skipped, and there is no recursion.
func (r *Reader) Skip() {
	// A container is left behind when the depth is back where it was, or less
	// if it was the last value of the containers around it. An error sets the
	// depth to 0.
	base := r.depth
	r.skipHead()
	for r.depth > base {
		r.skipHead()
	}
}

// skipHead moves past one value that contains no others, or into a container.
func (r *Reader) skipHead() {
	code, ok := r.peek()
	if !ok {
		return
	}
	switch {
	case code <= posFixintMax, code >= negFixintMin, code == codeNil, code == codeFalse, code == codeTrue:
		r.advance(1)
	case code < fixarray:
		r.enter(1, 2*uint64(code&0x0f), 1)
	case code < fixstr, code == array16, code == array32:
		r.Array(1)
	case code < codeNil, code >= bin8 && code <= bin32, code >= str8 && code <= str32:
		r.Bytes()
	case code >= uint8Code && code <= int64Code:
		r.skipFixed(1 << (code & 3))
	case code == codeFloat32:
		r.skipFixed(4)
	case code == codeFloat64:
		r.skipFixed(8)
	case code >= fixext1 && code <= fixext16:
		r.skipFixed(1 + 1<<(code-fixext1))
	case code == map16, code == map32:
		width := 2 << (code - map16)
		if pairs, ok := r.number(width); ok {
			r.enter(1+width, 2*pairs, 1)
		}
	case code >= ext8 && code <= ext32:
		width := 1 << (code - ext8)
		if size, ok := r.number(width); ok {
			if head, n, ok := r.fits(1+width, size+1); ok { // The ext's own type is one byte more.
				r.advance(head + n)
			}
		}
	default:
		r.failType("a value", code)
	}
}

// skipFixed moves past a value of n bytes after its type byte.
func (r *Reader) skipFixed(n int) {
	if r.Len() < 1+n {
		r.fail(ErrTruncated)
		return
	}
	r.advance(1 + n)
}
