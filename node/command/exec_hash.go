package command

import (
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
		return wire.Int(added), nil
	})
}

func execHget(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindHash, cmd, func(v crdt.View) wire.Reply { return text(v.Field(cmd.Args[2])) })
}

func execHmget(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindHash, cmd, func(v crdt.View) wire.Reply {
		out := make([]wire.Reply, 0, len(cmd.Args)-2)
		for _, f := range cmd.Args[2:] {
			out = append(out, text(v.Field(f)))
		}
		return wire.List(out...)
	})
}

func execHgetall(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindHash, cmd, func(v crdt.View) wire.Reply {
		out := []wire.Reply{}
		for f := range v.Fields() {
			out = append(out, wire.String(f), text(v.Field(f)))
		}
		return wire.List(out...)
	})
}

func execHdel(t Target, cmd wire.Command) wire.Reply {
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) { return count(cmd.Args[2:], m.HDel) })
}

func execHlen(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindHash, cmd, func(v crdt.View) wire.Reply { return wire.Int(int64(v.Len())) })
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
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		sum, err := m.HIncrFloat(cmd.Args[2], by)
		return wire.String(sum), err
	}, func(v crdt.View) wire.Reply { return text(v.Field(cmd.Args[2])) })
}
