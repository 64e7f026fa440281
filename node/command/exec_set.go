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

func execSmismember(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindSet, cmd, func(v crdt.View) wire.Reply {
		return lookUp(cmd.Args[2:], func(member string) wire.Reply { return flag(v.Has(member)) })
	})
}

func execSpop(t Target, cmd wire.Command) wire.Reply {
	n, counted, err := parsePopCount(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	seed := t.Random()
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		v := m.View()
		if err := mustBe(v, crdt.KindSet); err != nil {
			return wire.Reply{}, err
		}
		members := sample(v, n, seed)
		if err := removeAll(m, members, m.SRem); err != nil {
			return wire.Reply{}, err
		}
		switch {
		case counted:
			return wire.Strings(members), nil
		case len(members) == 0:
			return wire.Nil, nil
		}
		return wire.String(members[0]), nil
	}, lost)
}

// parsePopCount reads the count of SPOP and its like, which is 1 when there is
// none.
func parsePopCount(cmd wire.Command) (n int64, counted bool, err error) {
	switch len(cmd.Args) {
	case 2:
		return 1, false, nil
	case 3:
		n, err = ParseInt(cmd.Args[2])
		if err != nil || n < 0 {
			return 0, true, ErrPositive
		}
		return n, true, nil
	}
	return 0, false, ErrSyntax
}

// removeAll removes members of a collection: the whole key when they are all
// that it has, which says the same and is smaller.
func removeAll(m *crdt.Mutator, members []string, remove func(string) (bool, error)) error {
	if len(members) > 0 && len(members) == m.View().Len() {
		m.Del()
		return nil
	}
	for _, member := range members {
		if _, err := remove(member); err != nil {
			return err
		}
	}
	return nil
}
