package node

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

func (s *shard) hset(cmd wire.Command) wire.Reply {
	return s.modify(cmd, func(m *crdt.Mutator) (wire.Reply, error) {
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

func (s *shard) hget(cmd wire.Command) wire.Reply {
	return s.of(crdt.KindHash, cmd, func(v crdt.View) wire.Reply { return text(v.Field(cmd.Args[2])) })
}

func (s *shard) hmget(cmd wire.Command) wire.Reply {
	return s.of(crdt.KindHash, cmd, func(v crdt.View) wire.Reply {
		out := make([]wire.Reply, 0, len(cmd.Args)-2)
		for _, f := range cmd.Args[2:] {
			out = append(out, text(v.Field(f)))
		}
		return wire.List(out...)
	})
}

func (s *shard) hgetall(cmd wire.Command) wire.Reply {
	return s.of(crdt.KindHash, cmd, func(v crdt.View) wire.Reply {
		out := []wire.Reply{}
		for f := range v.Fields() {
			out = append(out, wire.String(f), text(v.Field(f)))
		}
		return wire.List(out...)
	})
}

func (s *shard) hdel(cmd wire.Command) wire.Reply {
	return s.modify(cmd, func(m *crdt.Mutator) (wire.Reply, error) { return count(cmd.Args[2:], m.HDel) })
}

func (s *shard) hlen(cmd wire.Command) wire.Reply {
	return s.of(crdt.KindHash, cmd, func(v crdt.View) wire.Reply { return wire.Int(int64(v.Len())) })
}

func (s *shard) hexists(cmd wire.Command) wire.Reply {
	return s.of(crdt.KindHash, cmd, func(v crdt.View) wire.Reply {
		_, ok := v.Field(cmd.Args[2])
		return flag(ok)
	})
}

func (s *shard) hincrBy(cmd wire.Command) wire.Reply {
	by, err := command.ParseInt(cmd.Args[3])
	if err != nil {
		return wire.Fail(err)
	}
	return s.write(cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		n, err := m.HIncr(cmd.Args[2], by)
		return wire.Int(n), err
	}, func(v crdt.View) wire.Reply { return integer(v.Field(cmd.Args[2])) })
}

func (s *shard) hincrByFloat(cmd wire.Command) wire.Reply {
	by, err := command.ParseFloat(cmd.Args[3])
	if err != nil {
		return wire.Fail(err)
	}
	return s.write(cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		sum, err := m.HIncrFloat(cmd.Args[2], by)
		return wire.String(sum), err
	}, func(v crdt.View) wire.Reply { return text(v.Field(cmd.Args[2])) })
}
