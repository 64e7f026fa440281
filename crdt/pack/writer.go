package pack

import (
	"encoding/binary"
	"fmt"
	"math"
)

// AppendNil appends nil, the mark of an absent value.
func AppendNil(b []byte) []byte { return append(b, codeNil) }

// AppendBool appends v.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, codeTrue)
	}
	return append(b, codeFalse)
}

// AppendUint appends v in its shortest form: one byte below 128, at most nine.
func AppendUint(b []byte, v uint64) []byte {
	switch {
	case v <= posFixintMax:
		return append(b, byte(v))
	case v <= math.MaxUint8:
		return append(b, uint8Code, byte(v))
	case v <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, uint16Code), uint16(v))
	case v <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(b, uint32Code), uint32(v))
	default:
		return binary.BigEndian.AppendUint64(append(b, uint64Code), v)
	}
}

// AppendInt appends v in its shortest form. A v of zero or more is written as
// AppendUint writes it, so that a number has one encoding whatever Go type held it.
func AppendInt(b []byte, v int64) []byte {
	switch {
	case v >= 0:
		return AppendUint(b, uint64(v))
	case v >= -32:
		return append(b, byte(v))
	case v >= math.MinInt8:
		return append(b, int8Code, byte(v))
	case v >= math.MinInt16:
		return binary.BigEndian.AppendUint16(append(b, int16Code), uint16(v))
	case v >= math.MinInt32:
		return binary.BigEndian.AppendUint32(append(b, int32Code), uint32(v))
	default:
		return binary.BigEndian.AppendUint64(append(b, int64Code), uint64(v))
	}
}

// AppendFloat appends v, always as float64. Every NaN is written as the same
// bits; minus zero stays distinct from zero.
func AppendFloat(b []byte, v float64) []byte {
	bits := math.Float64bits(v)
	if v != v {
		bits = canonicalNaN
	}
	return binary.BigEndian.AppendUint64(append(b, codeFloat64), bits)
}

// AppendString appends s in the bin format, which takes arbitrary bytes: keys,
// members and values need not be UTF-8. It panics when s is 4 GiB or longer,
// which the format cannot express; callers bound sizes long before that.
func AppendString(b []byte, s string) []byte {
	switch n := checkLength(len(s)); {
	case n <= math.MaxUint8:
		b = append(b, bin8, byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, bin16), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, bin32), n)
	}
	return append(b, s...)
}

// AppendText appends s in the str format, meant for names that people read and
// that tools should show as text; s should be UTF-8, which is not checked. It
// panics on the sizes on which AppendString does.
func AppendText(b []byte, s string) []byte {
	switch n := checkLength(len(s)); {
	case n < 32:
		b = append(b, fixstr|byte(n))
	case n <= math.MaxUint8:
		b = append(b, str8, byte(n))
	case n <= math.MaxUint16:
		b = binary.BigEndian.AppendUint16(append(b, str16), uint16(n))
	default:
		b = binary.BigEndian.AppendUint32(append(b, str32), n)
	}
	return append(b, s...)
}

// AppendArray appends the header of an array; the caller appends its n elements
// next. A record is written the same way. It panics when n is negative or
// 2^32 or more. It does not check MaxDepth: the shape of a message is fixed by
// its codec.
func AppendArray(b []byte, n int) []byte {
	switch n := checkLength(n); {
	case n < 16:
		return append(b, fixarray|byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(b, array16), uint16(n))
	default:
		return binary.BigEndian.AppendUint32(append(b, array32), n)
	}
}

// checkLength panics rather than write a header that says something else than
// what follows it: such a message would be misread far from its cause.
func checkLength(n int) uint32 {
	if n < 0 || uint64(n) > math.MaxUint32 {
		panic(fmt.Sprintf("pack: length %d does not fit msgpack's 32 bits", n))
	}
	return uint32(n)
}
