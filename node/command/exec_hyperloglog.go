package command

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/crdt/hyperloglog"
	"github.com/atollcache/atoll/node/wire"
)

// TypeName returns the name of a kind as TYPE replies it: a HyperLogLog is a string
// to Redis.
func TypeName(k crdt.Kind) string {
	if k == crdt.KindHLL {
		return crdt.KindString.String()
	}
	return k.String()
}

// mustBeHLL returns an error for a key that exists and is no HyperLogLog.
func mustBeHLL(v crdt.View) error {
	if v.Kind() == crdt.KindString {
		return ErrNotHyperLogLog
	}
	return mustBe(v, crdt.KindHLL)
}

func execPfadd(t Target, cmd wire.Command) wire.Reply {
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		if err := mustBeHLL(m.View()); err != nil {
			return wire.Reply{}, err
		}
		changed, err := m.PFAdd(cmd.Args[2:]...)
		return flag(changed), err
	})
}

// execRegisters replies what a HyperLogLog has seen, nil when there is none.
func execRegisters(t Target, cmd wire.Command) wire.Reply {
	return read(t, cmd.Key(), func(v crdt.View) wire.Reply {
		if err := mustBeHLL(v); err != nil {
			return wire.Fail(err)
		}
		r, ok := v.Registers()
		if !ok {
			return wire.Nil
		}
		return wire.String(r.String())
	})
}

// execRaise lets a HyperLogLog have seen what execRegisters replied of another.
func execRaise(t Target, cmd wire.Command) wire.Reply {
	r, ok := hyperloglog.Parse(cmd.Args[2])
	if !ok {
		return wire.Fail(ErrSyntax)
	}
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		if err := mustBeHLL(m.View()); err != nil {
			return wire.Reply{}, err
		}
		_, err := m.PFMerge(r)
		return wire.OK, err
	})
}

// readRegisters returns what the HyperLogLogs of some keys have seen together.
func readRegisters(g ground, keys []string) (*hyperloglog.Registers, error) {
	cmds := make([]wire.Command, len(keys))
	for i, key := range keys {
		cmds[i] = newCommand(verbRegisters, key)
	}
	all := &hyperloglog.Registers{}
	for _, r := range g.do(cmds...) {
		switch r.Type {
		case wire.TypeNil:
			continue
		case wire.TypeError:
			return nil, r.Err
		}
		if r.Type != wire.TypeString || !all.Take(r.Text) {
			return nil, unexpected(r)
		}
	}
	return all, nil
}

// execEstimate is PFCOUNT of one key, whose registers need not be packed for that.
func execEstimate(t Target, cmd wire.Command) wire.Reply {
	return read(t, cmd.Key(), func(v crdt.View) wire.Reply {
		if err := mustBeHLL(v); err != nil {
			return wire.Fail(err)
		}
		r, ok := v.Registers()
		if !ok {
			return wire.Int(0)
		}
		return wire.Int(int64(r.Estimate()))
	})
}

func runPfcount(g ground, cmd wire.Command) wire.Reply {
	if len(cmd.Args) == 2 {
		return g.do(newCommand(verbEstimate, cmd.Args[1]))[0]
	}
	all, err := readRegisters(g, cmd.Args[1:])
	if err != nil {
		return wire.Fail(err)
	}
	return wire.Int(int64(all.Estimate()))
}

// runPfmerge looks at the destination as well: it must be a HyperLogLog before
// anything is said of the others.
func runPfmerge(g ground, cmd wire.Command) wire.Reply {
	all, err := readRegisters(g, cmd.Args[1:])
	if err != nil {
		return wire.Fail(err)
	}
	return g.finish(newCommand(verbRaise, cmd.Args[1], all.String()))
}
