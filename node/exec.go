package node

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// keyCommands are the commands on keys of one partition. Package command has
// checked the number and size of their arguments.
var keyCommands = map[string]func(*shard, wire.Command) wire.Reply{
	"GET":         (*shard).get,
	"SET":         (*shard).set,
	"INCRBY":      (*shard).incrBy,
	"INCRBYFLOAT": (*shard).incrByFloat,
	"MGET":        (*shard).mget,
	"MSET":        (*shard).mset,

	"DEL":         (*shard).del,
	"EXISTS":      (*shard).exists,
	"TYPE":        (*shard).kind,
	"PEXPIRE":     (*shard).expire,
	"PEXPIREAT":   (*shard).expire,
	"PTTL":        (*shard).ttl,
	"PEXPIRETIME": (*shard).ttl,
	"PERSIST":     (*shard).persist,

	"HSET":         (*shard).hset,
	"HGET":         (*shard).hget,
	"HMGET":        (*shard).hmget,
	"HGETALL":      (*shard).hgetall,
	"HDEL":         (*shard).hdel,
	"HLEN":         (*shard).hlen,
	"HEXISTS":      (*shard).hexists,
	"HINCRBY":      (*shard).hincrBy,
	"HINCRBYFLOAT": (*shard).hincrByFloat,

	"SADD":      (*shard).sadd,
	"SREM":      (*shard).srem,
	"SMEMBERS":  (*shard).smembers,
	"SISMEMBER": (*shard).sismember,
	"SCARD":     (*shard).scard,

	"ZADD":    (*shard).zadd,
	"ZREM":    (*shard).zrem,
	"ZSCORE":  (*shard).zscore,
	"ZINCRBY": (*shard).zincrBy,
	"ZRANGE":  (*shard).zrange,
	"ZCARD":   (*shard).zcard,
}

// exec runs a command on keys of this partition.
func (s *shard) exec(cmd wire.Command) wire.Reply { return keyCommands[cmd.Args[0]](s, cmd) }

// modify runs a command that makes a write and need not be recognised when it
// comes twice: one that has a request ID all the same runs again.
func (s *shard) modify(cmd wire.Command, run func(*crdt.Mutator) (wire.Reply, error)) wire.Reply {
	cmd.Request = 0
	return s.write(cmd, run, nil)
}

// of runs f with what a key shows, if it is of a kind or does not exist.
func (s *shard) of(k crdt.Kind, cmd wire.Command, f func(crdt.View) wire.Reply) wire.Reply {
	return s.read(cmd.Key(), func(v crdt.View) wire.Reply {
		if v.Exists() && v.Kind() != k {
			return wire.Fail(command.ErrWrongType)
		}
		return f(v)
	})
}

// flag is the reply of a command that did something or not.
func flag(done bool) wire.Reply {
	if done {
		return wire.Int(1)
	}
	return wire.Int(0)
}

// text is the reply of a value that may not be there.
func text(s string, ok bool) wire.Reply {
	if !ok {
		return wire.Nil
	}
	return wire.String(s)
}

// count runs f for each argument and replies how often it reported true.
func count(args []string, f func(string) (bool, error)) (wire.Reply, error) {
	n := int64(0)
	for _, a := range args {
		did, err := f(a)
		if err != nil {
			return wire.Reply{}, err
		}
		if did {
			n++
		}
	}
	return wire.Int(n), nil
}

func (s *shard) del(cmd wire.Command) wire.Reply {
	sum := wire.Int(0)
	for _, key := range cmd.Args[1:] {
		one := wire.Command{Args: []string{cmd.Args[0], key}}
		r := s.modify(one, func(m *crdt.Mutator) (wire.Reply, error) { return flag(m.Del()), nil })
		if r.Type == wire.TypeError {
			return r
		}
		sum.Int += r.Int
		if !r.Wrote.IsZero() {
			sum.Wrote = r.Wrote
		}
	}
	return sum
}

func (s *shard) exists(cmd wire.Command) wire.Reply {
	n := wire.Int(0)
	if err := s.readEach(cmd.Args[1:], func(v crdt.View) { n.Int += flag(v.Exists()).Int }); err != nil {
		return wire.Fail(err)
	}
	return n
}

func (s *shard) kind(cmd wire.Command) wire.Reply {
	return s.read(cmd.Key(), func(v crdt.View) wire.Reply { return wire.String(v.Kind().String()) })
}

func (s *shard) expire(cmd wire.Command) wire.Reply {
	at, err := command.ParseExpire(cmd, s.now().UnixMilli())
	if err != nil {
		return wire.Fail(err)
	}
	return s.modify(cmd, func(m *crdt.Mutator) (wire.Reply, error) { return flag(m.Expire(at)), nil })
}

func (s *shard) persist(cmd wire.Command) wire.Reply {
	return s.modify(cmd, func(m *crdt.Mutator) (wire.Reply, error) { return flag(m.Persist()), nil })
}

func (s *shard) ttl(cmd wire.Command) wire.Reply {
	now := s.now().UnixMilli()
	return s.read(cmd.Key(), func(v crdt.View) wire.Reply { return command.TTLReply(cmd.Args[0], v, now) })
}
