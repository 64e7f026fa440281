package command

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

func execDel(t Target, cmd wire.Command) wire.Reply {
	return eachKey(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) { return flag(m.Del()), nil })
}

// eachKey runs a command on keys on each of them, and adds up its replies.
func eachKey(t Target, cmd wire.Command, f func(*crdt.Mutator) (wire.Reply, error)) wire.Reply {
	sum := wire.Int(0)
	for _, key := range cmd.Args[1:] {
		one := wire.Command{Args: []string{cmd.Args[0], key}}
		r := modify(t, one, f)
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
	return read(t, cmd.Key(), func(v crdt.View) wire.Reply { return wire.String(TypeName(v.Kind())) })
}

func execExpire(t Target, cmd wire.Command) wire.Reply {
	cond, err := parseExpireIf(cmd.Args[3:])
	if err != nil {
		return wire.Fail(err)
	}
	at, err := ParseExpire(cmd, t.Now())
	if err != nil {
		return wire.Fail(err)
	}
	if !Unsafe(cmd) {
		cmd.Request = 0
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		if !cond.holds(m.View().ExpireAt(), at) {
			return wire.Int(0), nil
		}
		return flag(m.Expire(at)), nil // A time that has come bars fills of what is not there, too.
	}, always(wire.Int(1)))
}

func execPersist(t Target, cmd wire.Command) wire.Reply {
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) { return flag(m.Persist()), nil })
}

func execTtl(t Target, cmd wire.Command) wire.Reply {
	now := t.Now()
	return read(t, cmd.Key(), func(v crdt.View) wire.Reply { return TTLReply(cmd.Args[0], v, now) })
}

// execLen is HLEN, SCARD, ZCARD and LLEN.
func execLen(k crdt.Kind) executor {
	return func(t Target, cmd wire.Command) wire.Reply {
		return of(t, k, cmd, func(v crdt.View) wire.Reply { return wire.Int(int64(v.Len())) })
	}
}

func execSize(t Target, cmd wire.Command) wire.Reply {
	return read(t, cmd.Key(), func(v crdt.View) wire.Reply {
		if !v.Exists() {
			return wire.Nil
		}
		return wire.Int(int64(len(cmd.Key()) + v.Size()))
	})
}

// execInvalidate removes whatever was written before it (R6).
func execInvalidate(t Target, cmd wire.Command) wire.Reply {
	return eachKey(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		existed := m.View().Exists()
		m.Invalidate()
		return flag(existed), nil
	})
}

// Invalidate returns the command that removes a key and whatever was written to it
// before, in any region and seen or not (R6).
func Invalidate(key string) wire.Command { return newCommand("INVALIDATE", key) }
