package command

import (
	"errors"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// executors are the commands on keys.
var executors = map[string]func(Target, wire.Command) wire.Reply{
	"GET":         execGet,
	"SET":         execSet,
	"INCRBY":      execIncrBy,
	"INCRBYFLOAT": execIncrByFloat,
	"MGET":        execMget,
	"MSET":        execMset,

	"DEL":         execDel,
	"EXISTS":      execExists,
	"TYPE":        execKind,
	"PEXPIRE":     execExpire,
	"PEXPIREAT":   execExpire,
	"PTTL":        execTtl,
	"PEXPIRETIME": execTtl,
	"PERSIST":     execPersist,

	"HSET":         execHset,
	"HGET":         execHget,
	"HMGET":        execHmget,
	"HGETALL":      execHgetall,
	"HDEL":         execHdel,
	"HLEN":         execHlen,
	"HEXISTS":      execHexists,
	"HINCRBY":      execHincrBy,
	"HINCRBYFLOAT": execHincrByFloat,

	"SADD":      execSadd,
	"SREM":      execSrem,
	"SMEMBERS":  execSmembers,
	"SISMEMBER": execSismember,
	"SCARD":     execScard,

	"ZADD":    execZadd,
	"ZREM":    execZrem,
	"ZSCORE":  execZscore,
	"ZINCRBY": execZincrBy,
	"ZRANGE":  execZrange,
	"ZCARD":   execZcard,
}

// Target is what commands on keys run on: the state of one partition, or
// anything that holds keys.
type Target interface {
	// Now returns the wall time in milliseconds since the Unix epoch.
	Now() int64
	// Read calls f with what each key shows now, all at one moment.
	Read(keys []string, f func(crdt.View)) error
	// Write makes one write of what run notes for a key and returns its dot, the
	// zero dot when it noted nothing. An error of run is returned as it is, and
	// nothing has changed then. A request ID other than zero that has been written
	// under gives [ErrRepeated], without running run.
	Write(key string, request uint64, run func(*crdt.Mutator) error) (crdt.Dot, error)
}

// ErrRepeated is returned by a Target for a command that has run already.
var ErrRepeated = errors.New("request has run already")

// OnKeys reports whether a verb is one that [Exec] runs.
func OnKeys(verb string) bool { return executors[verb] != nil }

// Exec runs a command on keys that are all the target's. [Check] has accepted
// it, and it is no command that looks at the cluster.
func Exec(t Target, cmd wire.Command) wire.Reply { return executors[cmd.Args[0]](t, cmd) }

// read replies f of what a key shows.
func read(t Target, key string, f func(crdt.View) wire.Reply) wire.Reply {
	var reply wire.Reply
	if err := t.Read([]string{key}, func(v crdt.View) { reply = f(v) }); err != nil {
		return wire.Fail(err)
	}
	return reply
}

// of is read for a key that is of a kind or does not exist.
func of(t Target, k crdt.Kind, cmd wire.Command, f func(crdt.View) wire.Reply) wire.Reply {
	return read(t, cmd.Key(), func(v crdt.View) wire.Reply {
		if v.Exists() && v.Kind() != k {
			return wire.Fail(ErrWrongType)
		}
		return f(v)
	})
}

// change runs a command that must not run twice. again is the reply to one that
// has run already.
func change(t Target, cmd wire.Command, run func(*crdt.Mutator) (wire.Reply, error), again func(crdt.View) wire.Reply) wire.Reply {
	var reply wire.Reply
	dot, err := t.Write(cmd.Key(), cmd.Request, func(m *crdt.Mutator) error {
		var failed error
		reply, failed = run(m)
		return failed
	})
	switch {
	case errors.Is(err, ErrRepeated):
		return read(t, cmd.Key(), again)
	case err != nil:
		return wire.Fail(DataError(cmd.Args[0], err))
	}
	reply.Wrote = dot
	return reply
}

// modify runs a command that may run twice: one that has a request ID all the
// same runs again.
func modify(t Target, cmd wire.Command, run func(*crdt.Mutator) (wire.Reply, error)) wire.Reply {
	cmd.Request = 0
	return change(t, cmd, run, nil)
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

func execDel(t Target, cmd wire.Command) wire.Reply {
	sum := wire.Int(0)
	for _, key := range cmd.Args[1:] {
		one := wire.Command{Args: []string{cmd.Args[0], key}}
		r := modify(t, one, func(m *crdt.Mutator) (wire.Reply, error) { return flag(m.Del()), nil })
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

func execExists(t Target, cmd wire.Command) wire.Reply {
	n := wire.Int(0)
	if err := t.Read(cmd.Args[1:], func(v crdt.View) { n.Int += flag(v.Exists()).Int }); err != nil {
		return wire.Fail(err)
	}
	return n
}

func execKind(t Target, cmd wire.Command) wire.Reply {
	return read(t, cmd.Key(), func(v crdt.View) wire.Reply { return wire.String(v.Kind().String()) })
}

func execExpire(t Target, cmd wire.Command) wire.Reply {
	at, err := ParseExpire(cmd, t.Now())
	if err != nil {
		return wire.Fail(err)
	}
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) { return flag(m.Expire(at)), nil })
}

func execPersist(t Target, cmd wire.Command) wire.Reply {
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) { return flag(m.Persist()), nil })
}

func execTtl(t Target, cmd wire.Command) wire.Reply {
	now := t.Now()
	return read(t, cmd.Key(), func(v crdt.View) wire.Reply { return TTLReply(cmd.Args[0], v, now) })
}
