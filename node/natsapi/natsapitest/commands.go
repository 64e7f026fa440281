package natsapitest

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// perKey are the commands on any number of keys.
var perKey = map[string]func(s *Store, keys []string, now int64) wire.Reply{
	"PING": func(*Store, []string, int64) wire.Reply { return wire.String("PONG") },
	"DEL": func(s *Store, keys []string, now int64) wire.Reply {
		var sum wire.Reply
		for _, key := range keys {
			r := s.write(key, now, func(m *crdt.Mutator) (wire.Reply, error) { return flag(m.Del()), nil })
			sum = wire.Reply{Type: wire.TypeInt, Int: sum.Int + r.Int, Wrote: r.Wrote}
		}
		return sum
	},
	"EXISTS": func(s *Store, keys []string, now int64) wire.Reply {
		sum := wire.Int(0)
		for _, key := range keys {
			sum.Int += flag(s.view(key, now).Exists()).Int
		}
		return sum
	},
	"MGET": func(s *Store, keys []string, now int64) wire.Reply {
		var list []wire.Reply
		for _, key := range keys {
			list = append(list, text(s.view(key, now).Get()))
		}
		return wire.List(list...)
	},
	"MSET": func(s *Store, kv []string, now int64) wire.Reply {
		for ; len(kv) >= 2; kv = kv[2:] {
			s.write(kv[0], now, func(m *crdt.Mutator) (wire.Reply, error) { m.Set(kv[1], crdt.Never); return wire.OK, nil })
		}
		return wire.OK
	},
}

// reads are the commands that look at one key.
var reads = map[string]func(c wire.Command, v crdt.View, now int64) wire.Reply{
	"GET": func(_ wire.Command, v crdt.View, _ int64) wire.Reply {
		if v.Exists() && v.Kind() != crdt.KindString {
			return wire.Fail(command.ErrWrongType)
		}
		return text(v.Get())
	},
	"TYPE": func(_ wire.Command, v crdt.View, _ int64) wire.Reply { return wire.String(v.Kind().String()) },
	"PTTL": func(_ wire.Command, v crdt.View, now int64) wire.Reply { return command.TTLReply("PTTL", v, now) },
	"HGET": func(c wire.Command, v crdt.View, _ int64) wire.Reply { return text(v.Field(c.Args[2])) },
	"HGETALL": fields(func(v crdt.View, f string) []wire.Reply {
		s, _ := v.Field(f)
		return []wire.Reply{wire.String(f), wire.String(s)}
	}),
	"SMEMBERS": fields(func(_ crdt.View, f string) []wire.Reply { return []wire.Reply{wire.String(f)} }),
	"ZRANGE": func(c wire.Command, v crdt.View, _ int64) wire.Reply {
		args, err := command.ParseZRange(c)
		if err != nil {
			return wire.Fail(err)
		}
		var members []command.Member
		for name := range v.Fields() {
			f, _ := v.Score(name)
			members = append(members, command.Member{Score: f, Name: name})
		}
		return command.MembersReply(args.Select(members), args.WithScores)
	},
}

// fields replies what f makes of each field or member.
func fields(f func(crdt.View, string) []wire.Reply) func(wire.Command, crdt.View, int64) wire.Reply {
	return func(_ wire.Command, v crdt.View, _ int64) wire.Reply {
		var list []wire.Reply
		for field := range v.Fields() {
			list = append(list, f(v, field)...)
		}
		return wire.List(list...)
	}
}

// writes are the commands that change one key.
var writes = map[string]func(c wire.Command, m *crdt.Mutator, now int64) (wire.Reply, error){
	"SET": func(c wire.Command, m *crdt.Mutator, now int64) (wire.Reply, error) {
		args, err := command.ParseSet(c, now)
		if err == nil {
			m.Set(args.Value, args.ExpireAt)
		}
		return wire.OK, err
	},
	"INCRBY": func(c wire.Command, m *crdt.Mutator, _ int64) (wire.Reply, error) {
		by, err := command.ParseInt(c.Args[2])
		if err != nil {
			return wire.Reply{}, err
		}
		n, err := m.Incr(by)
		return wire.Int(n), err
	},
	"INCRBYFLOAT": func(c wire.Command, m *crdt.Mutator, _ int64) (wire.Reply, error) {
		by, err := command.ParseFloat(c.Args[2])
		if err != nil {
			return wire.Reply{}, err
		}
		s, err := m.IncrFloat(by)
		return wire.String(s), err
	},
	"PEXPIRE": func(c wire.Command, m *crdt.Mutator, now int64) (wire.Reply, error) {
		at, err := command.ParseExpire(c, now)
		if err != nil {
			return wire.Reply{}, err
		}
		return flag(m.Expire(at)), nil
	},
	"PERSIST": func(_ wire.Command, m *crdt.Mutator, _ int64) (wire.Reply, error) { return flag(m.Persist()), nil },
	"HSET": func(c wire.Command, m *crdt.Mutator, _ int64) (wire.Reply, error) {
		sum := wire.Int(0)
		for kv := c.Args[2:]; len(kv) >= 2; kv = kv[2:] {
			isNew, err := m.HSet(kv[0], kv[1])
			if err != nil {
				return wire.Reply{}, err
			}
			sum.Int += flag(isNew).Int
		}
		return sum, nil
	},
	"HINCRBY": func(c wire.Command, m *crdt.Mutator, _ int64) (wire.Reply, error) {
		by, err := command.ParseInt(c.Args[3])
		if err != nil {
			return wire.Reply{}, err
		}
		n, err := m.HIncr(c.Args[2], by)
		return wire.Int(n), err
	},
	"HINCRBYFLOAT": func(c wire.Command, m *crdt.Mutator, _ int64) (wire.Reply, error) {
		by, err := command.ParseFloat(c.Args[3])
		if err != nil {
			return wire.Reply{}, err
		}
		s, err := m.HIncrFloat(c.Args[2], by)
		return wire.String(s), err
	},
	"HDEL": members((*crdt.Mutator).HDel),
	"SADD": members((*crdt.Mutator).SAdd),
	"SREM": members((*crdt.Mutator).SRem),
	"ZREM": members((*crdt.Mutator).ZRem),
	"ZADD": func(c wire.Command, m *crdt.Mutator, _ int64) (wire.Reply, error) {
		list, err := command.ParseZAdd(c)
		sum := wire.Int(0)
		for _, x := range list {
			isNew, err := m.ZAdd(x.Name, x.Score)
			if err != nil {
				return wire.Reply{}, err
			}
			sum.Int += flag(isNew).Int
		}
		return sum, err
	},
	"ZINCRBY": func(c wire.Command, m *crdt.Mutator, _ int64) (wire.Reply, error) {
		by, err := command.ParseFloat(c.Args[2])
		if err != nil {
			return wire.Reply{}, err
		}
		f, err := m.ZIncr(c.Args[3], by)
		return wire.Float(f), err
	},
}

// members runs f for each argument after the key and counts.
func members(f func(*crdt.Mutator, string) (bool, error)) func(wire.Command, *crdt.Mutator, int64) (wire.Reply, error) {
	return func(c wire.Command, m *crdt.Mutator, _ int64) (wire.Reply, error) {
		sum := wire.Int(0)
		for _, name := range c.Args[2:] {
			did, err := f(m, name)
			if err != nil {
				return wire.Reply{}, err
			}
			sum.Int += flag(did).Int
		}
		return sum, nil
	}
}

func flag(done bool) wire.Reply {
	if done {
		return wire.Int(1)
	}
	return wire.Int(0)
}

func text(s string, ok bool) wire.Reply {
	if !ok {
		return wire.Nil
	}
	return wire.String(s)
}
