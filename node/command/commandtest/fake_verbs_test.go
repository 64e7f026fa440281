package commandtest_test

import (
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// verbs has every command on keys.
var verbs = map[string]func(*turn) wire.Reply{
	"DEL":          (*turn).del,
	"EXISTS":       (*turn).exists,
	"TYPE":         func(t *turn) wire.Reply { return wire.String(t.view(t.c.Key()).Kind().String()) },
	"PEXPIRE":      (*turn).expire,
	"PEXPIREAT":    (*turn).expire,
	"PTTL":         (*turn).ttl,
	"PEXPIRETIME":  (*turn).ttl,
	"PERSIST":      (*turn).persist,
	"GET":          (*turn).get,
	"SET":          (*turn).set,
	"INCRBY":       (*turn).incr,
	"INCRBYFLOAT":  (*turn).incr,
	"HINCRBY":      (*turn).incr,
	"HINCRBYFLOAT": (*turn).incr,
	"ZINCRBY":      (*turn).incr,
	"MGET":         (*turn).mget,
	"MSET":         (*turn).mset,
	"HSET":         (*turn).hset,
	"HGET":         (*turn).hget,
	"HMGET":        (*turn).hmget,
	"HGETALL":      (*turn).hgetall,
	"HDEL":         (*turn).remove,
	"HLEN":         func(t *turn) wire.Reply { return t.length(crdt.KindHash) },
	"HEXISTS":      (*turn).hexists,
	"SADD":         (*turn).sadd,
	"SREM":         (*turn).remove,
	"SMEMBERS":     (*turn).smembers,
	"SISMEMBER":    (*turn).sismember,
	"SCARD":        func(t *turn) wire.Reply { return t.length(crdt.KindSet) },
	"ZADD":         (*turn).zadd,
	"ZREM":         (*turn).remove,
	"ZSCORE":       (*turn).zscore,
	"ZRANGE":       (*turn).zrange,
	"ZCARD":        func(t *turn) wire.Reply { return t.length(crdt.KindZSet) },
}

func (t *turn) del() wire.Reply {
	n := int64(0)
	for _, key := range t.c.Args[1:] {
		r := t.write(key, func(m *crdt.Mutator) (wire.Reply, error) { return yes(m.Del()), nil })
		if r.Type == wire.TypeError {
			return r
		}
		n += r.Int
	}
	return wire.Int(n)
}

func (t *turn) exists() wire.Reply {
	n := int64(0)
	for _, key := range t.c.Args[1:] {
		n += yes(t.view(key).Exists()).Int
	}
	return wire.Int(n)
}

func (t *turn) expire() wire.Reply {
	at, err := command.ParseExpire(t.c, t.now)
	if err != nil {
		return wire.Fail(err)
	}
	return t.write(t.c.Key(), func(m *crdt.Mutator) (wire.Reply, error) { return yes(m.Expire(at)), nil })
}

func (t *turn) ttl() wire.Reply {
	return command.TTLReply(t.c.Args[0], t.view(t.c.Key()), t.now)
}

func (t *turn) persist() wire.Reply {
	return t.write(t.c.Key(), func(m *crdt.Mutator) (wire.Reply, error) { return yes(m.Persist()), nil })
}

func (t *turn) get() wire.Reply {
	return t.read(crdt.KindString, func(v crdt.View) wire.Reply { return orNil(v.Get()) })
}

func (t *turn) set() wire.Reply {
	args, err := command.ParseSet(t.c, t.now)
	if err != nil {
		return wire.Fail(err)
	}
	return t.write(args.Key, func(m *crdt.Mutator) (wire.Reply, error) {
		if (args.IfAbsent && m.View().Exists()) || (args.IfPresent && !m.View().Exists()) {
			return wire.Nil, nil
		}
		m.Set(args.Value, args.ExpireAt)
		return wire.OK, nil
	})
}

// incr runs the commands that add to a number.
func (t *turn) incr() wire.Reply {
	verb, args := t.c.Args[0], t.c.Args[2:]
	amount, field := args[len(args)-1], args[0]
	if verb == "ZINCRBY" {
		amount, field = field, amount
	}
	return t.write(t.c.Key(), func(m *crdt.Mutator) (wire.Reply, error) {
		if verb == "INCRBY" || verb == "HINCRBY" {
			by, err := command.ParseInt(amount)
			if err != nil {
				return wire.Reply{}, err
			}
			if verb == "INCRBY" {
				return number(wire.Int)(m.Incr(by))
			}
			return number(wire.Int)(m.HIncr(field, by))
		}
		by, err := command.ParseFloat(amount)
		if err != nil {
			return wire.Reply{}, err
		}
		switch verb {
		case "INCRBYFLOAT":
			return number(wire.String)(m.IncrFloat(by))
		case "HINCRBYFLOAT":
			return number(wire.String)(m.HIncrFloat(field, by))
		}
		return number(wire.Float)(m.ZIncr(field, by))
	})
}

// number returns what makes a reply of a sum.
func number[T any](reply func(T) wire.Reply) func(T, error) (wire.Reply, error) {
	return func(sum T, err error) (wire.Reply, error) { return reply(sum), err }
}

func (t *turn) mget() wire.Reply {
	var out []wire.Reply
	for _, key := range t.c.Args[1:] {
		out = append(out, orNil(t.view(key).Get()))
	}
	return wire.List(out...)
}

func (t *turn) mset() wire.Reply {
	for pair := range slices.Chunk(t.c.Args[1:], 2) {
		r := t.write(pair[0], func(m *crdt.Mutator) (wire.Reply, error) {
			m.Set(pair[1], crdt.Never)
			return wire.OK, nil
		})
		if r.Type == wire.TypeError {
			return r
		}
	}
	return wire.OK
}

func (t *turn) hset() wire.Reply {
	fields := t.c.Args[2:]
	return t.each(len(fields)/2, func(m *crdt.Mutator, i int) (bool, error) { return m.HSet(fields[2*i], fields[2*i+1]) })
}

func (t *turn) hget() wire.Reply {
	return t.read(crdt.KindHash, func(v crdt.View) wire.Reply { return orNil(v.Field(t.c.Args[2])) })
}

func (t *turn) hmget() wire.Reply {
	return t.read(crdt.KindHash, func(v crdt.View) wire.Reply {
		var out []wire.Reply
		for _, f := range t.c.Args[2:] {
			out = append(out, orNil(v.Field(f)))
		}
		return wire.List(out...)
	})
}

func (t *turn) hgetall() wire.Reply {
	return t.read(crdt.KindHash, func(v crdt.View) wire.Reply {
		var out []wire.Reply
		for f := range v.Fields() {
			value, _ := v.Field(f)
			out = append(out, wire.String(f), wire.String(value))
		}
		return wire.List(out...)
	})
}

func (t *turn) hexists() wire.Reply {
	return t.read(crdt.KindHash, func(v crdt.View) wire.Reply {
		_, ok := v.Field(t.c.Args[2])
		return yes(ok)
	})
}

// remove runs HDEL, SREM and ZREM.
func (t *turn) remove() wire.Reply {
	members := t.c.Args[2:]
	return t.each(len(members), func(m *crdt.Mutator, i int) (bool, error) {
		switch t.c.Args[0] {
		case "HDEL":
			return m.HDel(members[i])
		case "SREM":
			return m.SRem(members[i])
		}
		return m.ZRem(members[i])
	})
}

func (t *turn) length(kind crdt.Kind) wire.Reply {
	return t.read(kind, func(v crdt.View) wire.Reply { return wire.Int(int64(v.Len())) })
}

func (t *turn) sadd() wire.Reply {
	members := t.c.Args[2:]
	return t.each(len(members), func(m *crdt.Mutator, i int) (bool, error) { return m.SAdd(members[i]) })
}

func (t *turn) smembers() wire.Reply {
	return t.read(crdt.KindSet, func(v crdt.View) wire.Reply {
		return wire.Strings(slices.Collect(v.Fields()))
	})
}

func (t *turn) sismember() wire.Reply {
	return t.read(crdt.KindSet, func(v crdt.View) wire.Reply { return yes(v.Has(t.c.Args[2])) })
}

func (t *turn) zadd() wire.Reply {
	members, err := command.ParseZAdd(t.c)
	if err != nil {
		return wire.Fail(err)
	}
	return t.each(len(members), func(m *crdt.Mutator, i int) (bool, error) { return m.ZAdd(members[i].Name, members[i].Score) })
}

func (t *turn) zscore() wire.Reply {
	return t.read(crdt.KindZSet, func(v crdt.View) wire.Reply {
		score, ok := v.Score(t.c.Args[2])
		if !ok {
			return wire.Nil
		}
		return wire.Float(score)
	})
}

func (t *turn) zrange() wire.Reply {
	args, err := command.ParseZRange(t.c)
	if err != nil {
		return wire.Fail(err)
	}
	return t.read(crdt.KindZSet, func(v crdt.View) wire.Reply {
		var members []command.Member
		for name := range v.Fields() {
			score, _ := v.Score(name)
			members = append(members, command.Member{Score: score, Name: name})
		}
		return command.MembersReply(args.Select(members), args.WithScores)
	})
}
