package command

import (
	"math"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

func execHset(t Target, cmd wire.Command) wire.Reply {
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		added := int64(0)
		counted := map[string]bool{}
		for args := cmd.Args[2:]; len(args) > 1; args = args[2:] {
			isNew, err := m.HSet(args[0], args[1])
			if err != nil {
				return wire.Reply{}, err
			}
			if isNew && !counted[args[0]] {
				counted[args[0]] = true
				added++
			}
		}
		if cmd.Args[0] == "HMSET" {
			return wire.OK, nil
		}
		return wire.Int(added), nil
	})
}

func execHsetnx(t Target, cmd wire.Command) wire.Reply {
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		if _, ok := m.View().Field(cmd.Args[2]); ok {
			return wire.Int(0), nil
		}
		_, err := m.HSet(cmd.Args[2], cmd.Args[3])
		return wire.Int(1), err
	}, always(wire.Int(1)))
}

func execHget(t Target, cmd wire.Command) wire.Reply {
	return cell(t, crdt.KindHash, cmd, cmd.Args[2])
}

func execHmget(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindHash, cmd, func(v crdt.View) wire.Reply {
		return lookUp(cmd.Args[2:], func(f string) wire.Reply { return text(v.Field(f)) })
	})
}

// execHgetall is HGETALL, HKEYS and HVALS.
func execHgetall(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindHash, cmd, func(v crdt.View) wire.Reply {
		out := []wire.Reply{}
		for f := range v.Fields() {
			if cmd.Args[0] != "HVALS" {
				out = append(out, wire.String(f))
			}
			if cmd.Args[0] != "HKEYS" {
				out = append(out, text(v.Field(f)))
			}
		}
		return wire.List(out...)
	})
}

func execHdel(t Target, cmd wire.Command) wire.Reply {
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) { return count(cmd.Args[2:], m.HDel) })
}

func execHstrlen(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindHash, cmd, func(v crdt.View) wire.Reply {
		s, _ := v.Field(cmd.Args[2])
		return wire.Int(int64(len(s)))
	})
}

func execHexists(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindHash, cmd, func(v crdt.View) wire.Reply {
		_, ok := v.Field(cmd.Args[2])
		return flag(ok)
	})
}

func execHincrBy(t Target, cmd wire.Command) wire.Reply {
	by, err := ParseInt(cmd.Args[3])
	if err != nil {
		return wire.Fail(err)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		n, err := m.HIncr(cmd.Args[2], by)
		return wire.Int(n), err
	}, func(v crdt.View) wire.Reply { return integer(v.Field(cmd.Args[2])) })
}

func execHincrByFloat(t Target, cmd wire.Command) wire.Reply {
	by, err := ParseFloat(cmd.Args[3])
	if err != nil {
		return wire.Fail(err)
	}
	if math.IsInf(by, 0) {
		return wire.Fail(ErrNaNOrInf)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		sum, err := m.HIncrFloat(cmd.Args[2], by)
		return wire.String(sum), err
	}, func(v crdt.View) wire.Reply { return text(v.Field(cmd.Args[2])) })
}
