package command

import (
	"math"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// endOf returns the end of a list that a verb begins with, L or R.
func endOf(verb string) crdt.End {
	if verb[0] == 'R' {
		return crdt.Tail
	}
	return crdt.Head
}

// elementCount replies how many elements a list has, to a command that has run already.
func elementCount(v crdt.View) wire.Reply {
	if v.Kind() != crdt.KindList {
		return wire.Int(0)
	}
	return wire.Int(int64(v.Len()))
}

// execPush is LPUSH and RPUSH, and LPUSHX and RPUSHX.
func execPush(t Target, cmd wire.Command) wire.Reply {
	verb := cmd.Args[0]
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		n, err := m.Push(endOf(verb), strings.HasSuffix(verb, "X"), cmd.Args[2:]...)
		return wire.Int(int64(n)), err
	}, elementCount)
}

// execPop is LPOP and RPOP.
func execPop(t Target, cmd wire.Command) wire.Reply {
	n, counted, err := parsePopCount(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		v := m.View()
		elements, err := m.Pop(endOf(cmd.Args[0]), toInt(n))
		switch {
		case err != nil:
			return wire.Reply{}, err
		case !v.Exists():
			return wire.Nil, nil
		case counted:
			return wire.Strings(elements), nil
		}
		return wire.String(elements[0]), nil
	}, lost)
}

// toInt returns a number as an int, or the int that is nearest to it.
func toInt(n int64) int { return int(min(max(n, math.MinInt), math.MaxInt)) }

func execLrange(t Target, cmd wire.Command) wire.Reply {
	start, stop, err := parseSpan(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	return of(t, crdt.KindList, cmd, func(v crdt.View) wire.Reply { return wire.Strings(v.Elements(start, stop)) })
}

// parseSpan reads the two positions of LRANGE and LTRIM.
func parseSpan(cmd wire.Command) (start, stop int, err error) {
	from, err := ParseInt(cmd.Args[2])
	if err != nil {
		return 0, 0, err
	}
	to, err := ParseInt(cmd.Args[3])
	return toInt(from), toInt(to), err
}

func execLindex(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindList, cmd, func(v crdt.View) wire.Reply {
		if !v.Exists() {
			return wire.Nil // Whatever the index is, as in Redis.
		}
		i, err := ParseInt(cmd.Args[2])
		if err != nil {
			return wire.Fail(err)
		}
		return text(v.Element(toInt(i)))
	})
}

func execLinsert(t Target, cmd wire.Command) wire.Reply {
	after := strings.EqualFold(cmd.Args[2], "AFTER")
	if !after && !strings.EqualFold(cmd.Args[2], "BEFORE") {
		return wire.Fail(ErrSyntax)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		n, err := m.Insert(after, cmd.Args[3], cmd.Args[4])
		return wire.Int(int64(n)), err
	}, elementCount)
}

func execLset(t Target, cmd wire.Command) wire.Reply {
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		v := m.View()
		if err := mustBe(v, crdt.KindList); err != nil {
			return wire.Reply{}, err
		}
		if !v.Exists() {
			return wire.Reply{}, ErrNoKey // Whatever the index is, as in Redis.
		}
		i, err := ParseInt(cmd.Args[2])
		if err != nil {
			return wire.Reply{}, err
		}
		return wire.OK, m.SetAt(toInt(i), cmd.Args[3])
	}, always(wire.OK))
}

func execLrem(t Target, cmd wire.Command) wire.Reply {
	n, err := ParseInt(cmd.Args[2])
	if err != nil {
		return wire.Fail(err)
	}
	most := max(toInt(n), -math.MaxInt)
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		removed, err := m.RemoveEqual(most, cmd.Args[3])
		return wire.Int(int64(removed)), err
	}, lost)
}

func execLtrim(t Target, cmd wire.Command) wire.Reply {
	start, stop, err := parseSpan(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		return wire.OK, m.Trim(start, stop)
	}, always(wire.OK))
}

// execRotate moves an element from one end of a list to one of its ends.
func execRotate(t Target, cmd wire.Command) wire.Reply {
	from, err := parseEnd(cmd.Args[2])
	if err != nil {
		return wire.Fail(err)
	}
	to, err := parseEnd(cmd.Args[3])
	if err != nil {
		return wire.Fail(err)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		element, ok, err := m.Rotate(from, to)
		return text(element, ok), err
	}, lost)
}

// parseEnd reads which end of a list is meant.
func parseEnd(arg string) (crdt.End, error) {
	switch {
	case strings.EqualFold(arg, "LEFT"):
		return crdt.Head, nil
	case strings.EqualFold(arg, "RIGHT"):
		return crdt.Tail, nil
	}
	return 0, ErrSyntax
}
