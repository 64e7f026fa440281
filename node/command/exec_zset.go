package command

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

func execZadd(t Target, cmd wire.Command) wire.Reply {
	members, err := ParseZAdd(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		added := int64(0)
		counted := map[string]bool{}
		for _, x := range members {
			isNew, err := m.ZAdd(x.Name, x.Score)
			if err != nil {
				return wire.Reply{}, err
			}
			if isNew && !counted[x.Name] {
				counted[x.Name] = true
				added++
			}
		}
		return wire.Int(added), nil
	})
}

func execZrem(t Target, cmd wire.Command) wire.Reply {
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) { return count(cmd.Args[2:], m.ZRem) })
}

// score is the reply of a score that may not be there.
func score(f float64, ok bool) wire.Reply {
	if !ok {
		return wire.Nil
	}
	return wire.Float(f)
}

func execZscore(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindZSet, cmd, func(v crdt.View) wire.Reply { return score(v.Score(cmd.Args[2])) })
}

func execZincrBy(t Target, cmd wire.Command) wire.Reply {
	by, err := ParseFloat(cmd.Args[2])
	if err != nil {
		return wire.Fail(err)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		sum, err := m.ZIncr(cmd.Args[3], by)
		return wire.Float(sum), err
	}, func(v crdt.View) wire.Reply { return score(v.Score(cmd.Args[3])) })
}

func execZrange(t Target, cmd wire.Command) wire.Reply {
	args, err := ParseZRange(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	return of(t, crdt.KindZSet, cmd, func(v crdt.View) wire.Reply {
		var members []Member
		for name := range v.Fields() {
			f, _ := v.Score(name)
			members = append(members, Member{Score: f, Name: name})
		}
		return MembersReply(args.Select(members), args.WithScores)
	})
}

func execZcard(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindZSet, cmd, func(v crdt.View) wire.Reply { return wire.Int(int64(v.Len())) })
}
