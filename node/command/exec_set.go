package command

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

func execSadd(t Target, cmd wire.Command) wire.Reply {
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		counted := map[string]bool{}
		return count(cmd.Args[2:], func(member string) (bool, error) {
			isNew, err := m.SAdd(member)
			isNew = isNew && !counted[member]
			counted[member] = true
			return isNew, err
		})
	})
}

func execSrem(t Target, cmd wire.Command) wire.Reply {
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) { return count(cmd.Args[2:], m.SRem) })
}

func execSmembers(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindSet, cmd, func(v crdt.View) wire.Reply {
		out := []wire.Reply{}
		for member := range v.Fields() {
			out = append(out, wire.String(member))
		}
		return wire.List(out...)
	})
}

func execSismember(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindSet, cmd, func(v crdt.View) wire.Reply { return flag(v.Has(cmd.Args[2])) })
}

func execScard(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindSet, cmd, func(v crdt.View) wire.Reply { return wire.Int(int64(v.Len())) })
}
