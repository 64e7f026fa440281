package command

import (
	"cmp"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// runLmove is LMOVE and RPOPLPUSH.
func runLmove(g ground, cmd wire.Command) wire.Reply {
	source, destination, ends := cmd.Args[1], cmd.Args[2], []string{"RIGHT", "LEFT"}
	if cmd.Args[0] == "LMOVE" {
		ends = cmd.Args[3:]
	}
	from, err := parseEnd(ends[0])
	if err != nil {
		return wire.Fail(err)
	}
	to, err := parseEnd(ends[1])
	if err != nil {
		return wire.Fail(err)
	}
	if source == destination {
		return g.finish(newCommand(verbRotate, source, ends[0], ends[1]))
	}
	if n := g.do(newCommand("LLEN", source))[0]; n.Type == wire.TypeError {
		return n
	} else if n.Int == 0 {
		return wire.Nil
	}
	if n := g.do(newCommand("LLEN", destination))[0]; n.Type == wire.TypeError {
		return n
	}
	return move(g, source, destination, from, to)
}

// move pops before it pushes, so that of two that move from one list each gets an
// element of its own. What cannot be pushed is put back.
func move(g ground, source, destination string, from, to crdt.End) wire.Reply {
	popped := g.do(newCommand(popAt(from), source))[0]
	if popped.Type != wire.TypeString {
		return popped
	}
	r := g.finish(newCommand(pushAt(to), destination, popped.Text))
	if r.Type == wire.TypeError {
		if back := g.do(newCommand(pushAt(from), source, popped.Text))[0]; back.Type == wire.TypeError {
			return back
		}
	}
	return instead(wire.String(popped.Text), r)
}

func popAt(e crdt.End) string  { return pick(e == crdt.Head, "LPOP", "RPOP") }
func pushAt(e crdt.End) string { return pick(e == crdt.Head, "LPUSH", "RPUSH") }

func runLmpop(g ground, cmd wire.Command) wire.Reply {
	keys, rest, err := parseMpop(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	from, err := parseEnd(rest[0])
	if err != nil {
		return wire.Fail(err)
	}
	count, err := parseMpopCount(rest[1:])
	if err != nil {
		return wire.Fail(err)
	}
	for _, key := range keys {
		n := g.do(newCommand("LLEN", key))[0]
		if n.Type == wire.TypeError {
			return n
		}
		if n.Int == 0 {
			continue
		}
		popped := g.finish(newCommand(popAt(from), key, count))
		if popped.Type == wire.TypeError || len(popped.List) > 0 {
			return instead(wire.List(wire.String(key), wire.List(popped.List...)), popped)
		}
	}
	return wire.Nil
}

// parseMpop reads the keys of LMPOP and ZMPOP, and returns what is behind them.
func parseMpop(cmd wire.Command) (keys, rest []string, err error) {
	n, err := ParseInt(cmd.Args[1])
	switch {
	case err != nil || n < 1:
		return nil, nil, ErrNumKeys
	case n >= int64(len(cmd.Args)-2):
		return nil, nil, ErrSyntax
	}
	return cmd.Args[2 : 2+n], cmd.Args[2+n:], nil
}

// parseMpopCount reads the COUNT of LMPOP and ZMPOP, 1 when there is none.
func parseMpopCount(opts []string) (count string, err error) {
	for ; len(opts) > 0; opts = opts[2:] {
		if len(opts) < 2 || count != "" || !strings.EqualFold(opts[0], "COUNT") {
			return "", ErrSyntax
		}
		if n, err := ParseInt(opts[1]); err != nil || n < 1 {
			return "", ErrCount
		}
		count = opts[1]
	}
	return cmp.Or(count, "1"), nil
}
