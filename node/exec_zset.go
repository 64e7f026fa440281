package node

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

func (s *shard) zadd(cmd wire.Command) wire.Reply {
	members, err := command.ParseZAdd(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	return s.modify(cmd, func(m *crdt.Mutator) (wire.Reply, error) {
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

func (s *shard) zrem(cmd wire.Command) wire.Reply {
	return s.modify(cmd, func(m *crdt.Mutator) (wire.Reply, error) { return count(cmd.Args[2:], m.ZRem) })
}

// score is the reply of a score that may not be there.
func score(f float64, ok bool) wire.Reply {
	if !ok {
		return wire.Nil
	}
	return wire.Float(f)
}

func (s *shard) zscore(cmd wire.Command) wire.Reply {
	return s.of(crdt.KindZSet, cmd, func(v crdt.View) wire.Reply { return score(v.Score(cmd.Args[2])) })
}

func (s *shard) zincrBy(cmd wire.Command) wire.Reply {
	by, err := command.ParseFloat(cmd.Args[2])
	if err != nil {
		return wire.Fail(err)
	}
	return s.write(cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		sum, err := m.ZIncr(cmd.Args[3], by)
		return wire.Float(sum), err
	}, func(v crdt.View) wire.Reply { return score(v.Score(cmd.Args[3])) })
}

func (s *shard) zrange(cmd wire.Command) wire.Reply {
	args, err := command.ParseZRange(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	return s.of(crdt.KindZSet, cmd, func(v crdt.View) wire.Reply {
		var members []command.Member
		for name := range v.Fields() {
			f, _ := v.Score(name)
			members = append(members, command.Member{Score: f, Name: name})
		}
		return command.MembersReply(args.Select(members), args.WithScores)
	})
}

func (s *shard) zcard(cmd wire.Command) wire.Reply {
	return s.of(crdt.KindZSet, cmd, func(v crdt.View) wire.Reply { return wire.Int(int64(v.Len())) })
}
