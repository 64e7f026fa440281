// Package pack is the msgpack layer under every codec of the module: functions
// that append values to a byte slice, and a Reader that takes them back out of
// bytes it does not trust.
//
// The writer promises one encoding for one value: the shortest form for
// integers and lengths, always float64 for floats, one bit pattern for NaN.
// Equal states therefore encode to equal bytes, which digests rely on.
//
// The Reader is more generous: it also takes integers and lengths that another
// encoder wrote in a longer form than needed. It never panics, never looks past
// the message, never recurses, and allocates only in String and on errors. It
// does not promise that the bytes were canonical: to compare messages, decode
// and encode again.
//
// The format is specified at https://github.com/msgpack/msgpack/blob/master/spec.md.
package pack

// MaxDepth is how many arrays and maps the Reader lets be open inside each
// other; deeper nesting is refused with ErrDepth. No message of this module
// needs more, and the bound makes a Reader a value of fixed size.
const MaxDepth = 8

// canonicalNaN is the one bit pattern written and returned for every NaN: the
// quiet NaN without sign or payload. Hardware is free to produce others.
const canonicalNaN = 0x7ff8_0000_0000_0000

// The type bytes of the format. The "fix" forms carry a small value or length
// in their low bits.
const (
	posFixintMax = 0x7f
	fixmap       = 0x80
	fixarray     = 0x90
	fixstr       = 0xa0
	codeNil      = 0xc0
	codeUnused   = 0xc1
	codeFalse    = 0xc2
	codeTrue     = 0xc3
	bin8         = 0xc4
	bin16        = 0xc5
	bin32        = 0xc6
	ext8         = 0xc7
	ext16        = 0xc8
	ext32        = 0xc9
	codeFloat32  = 0xca
	codeFloat64  = 0xcb
	uint8Code    = 0xcc
	uint16Code   = 0xcd
	uint32Code   = 0xce
	uint64Code   = 0xcf
	int8Code     = 0xd0
	int16Code    = 0xd1
	int32Code    = 0xd2
	int64Code    = 0xd3
	fixext1      = 0xd4
	fixext16     = 0xd8
	str8         = 0xd9
	str16        = 0xda
	str32        = 0xdb
	array16      = 0xdc
	array32      = 0xdd
	map16        = 0xde
	map32        = 0xdf
	negFixintMin = 0xe0
)

// kind names the type that a type byte announces, for error messages.
func kind(code byte) string {
	switch {
	case code <= posFixintMax, code >= negFixintMin, code >= uint8Code && code <= int64Code:
		return "integer"
	case code < fixarray, code == map16, code == map32:
		return "map"
	case code < fixstr, code == array16, code == array32:
		return "array"
	case code < codeNil, code >= str8 && code <= str32:
		return "str"
	case code == codeNil:
		return "nil"
	case code == codeFalse, code == codeTrue:
		return "bool"
	case code >= bin8 && code <= bin32:
		return "bin"
	case code == codeFloat32:
		return "float32"
	case code == codeFloat64:
		return "float64"
	case code == codeUnused:
		return "the unused type byte 0xc1"
	default:
		return "ext"
	}
}
