package command

import (
	"math/bits"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// The commands that look inside of a string.

func execStrlen(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindString, cmd, length)
}

func length(v crdt.View) wire.Reply {
	s, _ := v.Get()
	return wire.Int(int64(len(s)))
}

// edit runs a command that makes a new string of the one before, which keeps the
// key's expiry. f returns false to leave it as it is.
func edit(t Target, cmd wire.Command, f func(old string, ok bool) (edited string, change bool, err error), reply func(old, edited string) wire.Reply, again func(crdt.View) wire.Reply) wire.Reply {
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		v := m.View()
		if err := mustBe(v, crdt.KindString); err != nil {
			return wire.Reply{}, err
		}
		old, ok := v.Get()
		edited, change, err := f(old, ok)
		if err != nil {
			return wire.Reply{}, err
		}
		if !change {
			return reply(old, old), nil
		}
		m.Set(edited, v.ExpireAt())
		return reply(old, edited), nil
	}, again)
}

func newLength(_, edited string) wire.Reply { return wire.Int(int64(len(edited))) }

func execAppend(t Target, cmd wire.Command) wire.Reply {
	limit, more := t.Limits().WithDefaults().MaxValue, cmd.Args[2]
	return edit(t, cmd, func(old string, ok bool) (string, bool, error) {
		if len(old)+len(more) > limit {
			return "", false, ErrStringLength
		}
		return old + more, more != "" || !ok, nil
	}, newLength, length)
}

func execSetrange(t Target, cmd wire.Command) wire.Reply {
	offset, err := ParseInt(cmd.Args[2])
	if err != nil {
		return wire.Fail(err)
	}
	if offset < 0 {
		return wire.Fail(ErrOffset)
	}
	limit, part := int64(t.Limits().WithDefaults().MaxValue), cmd.Args[3]
	cmd.Request = 0 // A second run changes nothing.
	return edit(t, cmd, func(old string, _ bool) (string, bool, error) {
		switch {
		case part == "":
			return old, false, nil
		case offset > limit || offset+int64(len(part)) > limit:
			return "", false, ErrStringLength
		}
		b := stretch(old, int(offset)+len(part))
		copy(b[offset:], part)
		return string(b), true, nil
	}, newLength, length)
}

// stretch returns the bytes of a string, followed by zeros up to a length at least.
func stretch(s string, n int) []byte {
	b := make([]byte, max(len(s), n))
	copy(b, s)
	return b
}

func execGetrange(t Target, cmd wire.Command) wire.Reply {
	start, err := ParseInt(cmd.Args[2])
	if err != nil {
		return wire.Fail(err)
	}
	end, err := ParseInt(cmd.Args[3])
	if err != nil {
		return wire.Fail(err)
	}
	return of(t, crdt.KindString, cmd, func(v crdt.View) wire.Reply {
		s, _ := v.Get()
		first, last, ok := byteRange(start, end, int64(len(s)))
		if !ok {
			return wire.String("")
		}
		return wire.String(s[first : last+1])
	})
}

// byteRange turns inclusive positions, negative ones from the end, into ones
// within n. It returns false when nothing lies between them.
func byteRange(start, end, n int64) (first, last int64, ok bool) {
	if start < 0 && end < 0 && start > end {
		return 0, 0, false
	}
	if start < 0 {
		start = max(start+n, 0)
	}
	if end < 0 {
		end = max(end+n, 0)
	}
	end = min(end, n-1)
	return start, end, start <= end
}

// parseBitOffset reads the place of a bit, within the largest value.
func parseBitOffset(t Target, arg string) (int64, error) {
	n, err := ParseInt(arg)
	if err != nil || n < 0 || n/8 >= int64(t.Limits().WithDefaults().MaxValue) {
		return 0, ErrBitOffset
	}
	return n, nil
}

func execSetbit(t Target, cmd wire.Command) wire.Reply {
	offset, err := parseBitOffset(t, cmd.Args[2])
	if err != nil {
		return wire.Fail(err)
	}
	on, err := ParseInt(cmd.Args[3])
	if err != nil || on != 0 && on != 1 {
		return wire.Fail(ErrBit)
	}
	return edit(t, cmd, func(old string, _ bool) (string, bool, error) {
		b := stretch(old, int(offset/8)+1)
		mask := byte(1) << (7 - offset%8)
		b[offset/8] &^= mask
		if on == 1 {
			b[offset/8] |= mask
		}
		return string(b), true, nil
	}, func(old, _ string) wire.Reply { return wire.Int(bitOf(old, offset)) }, lost)
}

func bitOf(s string, offset int64) int64 {
	if offset/8 >= int64(len(s)) {
		return 0
	}
	return int64(s[offset/8] >> (7 - offset%8) & 1)
}

func execGetbit(t Target, cmd wire.Command) wire.Reply {
	offset, err := parseBitOffset(t, cmd.Args[2])
	if err != nil {
		return wire.Fail(err)
	}
	return of(t, crdt.KindString, cmd, func(v crdt.View) wire.Reply {
		s, _ := v.Get()
		return wire.Int(bitOf(s, offset))
	})
}

func execBitcount(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindString, cmd, func(v crdt.View) wire.Reply {
		s, ok := v.Get()
		if !ok {
			return wire.Int(0) // Whatever the other arguments are, as in Redis.
		}
		return bitCount(s, cmd.Args[2:])
	})
}

// bitCount counts the bits that are set within a range.
func bitCount(s string, args []string) wire.Reply {
	if len(args) == 0 {
		return wire.Int(onesIn(s))
	}
	if len(args) == 1 || len(args) > 3 {
		return wire.Fail(ErrSyntax)
	}
	start, err := ParseInt(args[0])
	if err != nil {
		return wire.Fail(err)
	}
	end, err := ParseInt(args[1])
	if err != nil {
		return wire.Fail(err)
	}
	if start < 0 && end < 0 && start > end {
		return wire.Int(0)
	}
	byBit := len(args) == 3 && strings.EqualFold(args[2], "BIT")
	if len(args) == 3 && !byBit && !strings.EqualFold(args[2], "BYTE") {
		return wire.Fail(ErrSyntax)
	}
	unit := int64(1)
	if byBit {
		unit = 8
	}
	first, last, ok := byteRange(start, end, unit*int64(len(s)))
	if !ok {
		return wire.Int(0)
	}
	n := onesIn(s[first/unit : last/unit+1])
	if byBit {
		n -= int64(bits.OnesCount8(s[first/8] &^ (0xff >> (first % 8))))
		n -= int64(bits.OnesCount8(s[last/8] & (0x7f >> (last % 8))))
	}
	return wire.Int(n)
}

func onesIn(s string) (n int64) {
	for i := range len(s) {
		n += int64(bits.OnesCount8(s[i]))
	}
	return n
}
