package command

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

func execGet(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindString, cmd, func(v crdt.View) wire.Reply { return text(v.Get()) })
}

func execSet(t Target, cmd wire.Command) wire.Reply {
	args, err := ParseSet(cmd, t.Now())
	if err != nil {
		return wire.Fail(err)
	}
	if !Unsafe(cmd) {
		cmd.Request = 0
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		exists := m.View().Exists()
		if (args.IfAbsent && exists) || (args.IfPresent && !exists) {
			return wire.Nil, nil
		}
		m.Set(args.Value, args.ExpireAt)
		return wire.OK, nil
	}, func(crdt.View) wire.Reply { return wire.OK }) // Only one that was done is remembered.
}

func execMget(t Target, cmd wire.Command) wire.Reply {
	out := make([]wire.Reply, 0, len(cmd.Args)-1)
	// A key of another kind has no string, as in Redis.
	if err := t.Read(cmd.Args[1:], func(v crdt.View) { out = append(out, text(v.Get())) }); err != nil {
		return wire.Fail(err)
	}
	return wire.List(out...)
}

func execMset(t Target, cmd wire.Command) wire.Reply {
	last := wire.OK
	for args := cmd.Args[1:]; len(args) > 1; args = args[2:] {
		one := wire.Command{Args: []string{"SET", args[0], args[1]}}
		if last = execSet(t, one); last.Type == wire.TypeError {
			return last
		}
	}
	return last
}

func execIncrBy(t Target, cmd wire.Command) wire.Reply {
	by, err := ParseInt(cmd.Args[2])
	if err != nil {
		return wire.Fail(err)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		n, err := m.Incr(by)
		return wire.Int(n), err
	}, func(v crdt.View) wire.Reply { return integer(v.Get()) })
}

func execIncrByFloat(t Target, cmd wire.Command) wire.Reply {
	by, err := ParseFloat(cmd.Args[2])
	if err != nil {
		return wire.Fail(err)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		sum, err := m.IncrFloat(by)
		return wire.String(sum), err
	}, func(v crdt.View) wire.Reply { return text(v.Get()) })
}

// integer is the reply of a counter as it is now, for an increment that has run
// already: nothing better is known of what it yielded.
func integer(s string, _ bool) wire.Reply {
	n, ok := crdt.ParseInt(s)
	if !ok {
		return wire.Int(0)
	}
	return wire.Int(n)
}
