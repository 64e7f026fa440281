package command

import (
	"math"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// Whatever is computed from the value before (APPEND, SETRANGE, SETBIT) is a put
// of the new value: of two concurrent ones the last by the cluster's clock shows.

func execGet(t Target, cmd wire.Command) wire.Reply {
	return cell(t, crdt.KindString, cmd, "")
}

func execSet(t Target, cmd wire.Command) wire.Reply {
	if s, ok := t.(shortcut); ok && len(cmd.Args) == 3 {
		dot, err := s.Put(cmd.Args[1], cmd.Args[2])
		if err != nil {
			return wire.Fail(DataError(cmd.Args[0], err))
		}
		return wire.Reply{Type: wire.TypeString, Text: wire.OK.Text, Wrote: dot}
	}
	args, err := ParseSet(cmd, t.Now())
	if err != nil {
		return wire.Fail(err)
	}
	if !Unsafe(cmd) {
		cmd.Request = 0
	}
	return set(t, cmd, args)
}

// set runs SET and its like. Only one that was done is remembered.
func set(t Target, cmd wire.Command, args SetArgs) wire.Reply {
	again := always(wire.OK)
	if args.Get {
		again = lost
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		v := m.View()
		old := wire.OK
		if args.Get {
			if err := mustBe(v, crdt.KindString); err != nil {
				return wire.Reply{}, err
			}
			old = text(v.Get())
		}
		if args.IfAbsent && v.Exists() || args.IfPresent && !v.Exists() {
			if !args.Get {
				old = wire.Nil
			}
			return old, nil
		}
		if args.KeepTTL {
			args.ExpireAt = v.ExpireAt()
		}
		m.Set(args.Value, args.ExpireAt)
		return old, nil
	}, again)
}

func execSetnx(t Target, cmd wire.Command) wire.Reply {
	r := set(t, cmd, SetArgs{Value: cmd.Args[2], ExpireAt: crdt.Never, IfAbsent: true})
	if r.Type == wire.TypeError {
		return r
	}
	done := flag(r.Type == wire.TypeString)
	done.Wrote = r.Wrote
	return done
}

func execSetex(t Target, cmd wire.Command) wire.Reply {
	e := expiryVerbs[cmd.Args[0]]
	e.arg = cmd.Args[2]
	at, err := e.at(cmd.Args[0], t.Now())
	if err != nil {
		return wire.Fail(err)
	}
	cmd.Request = 0
	return set(t, cmd, SetArgs{Value: cmd.Args[3], ExpireAt: at})
}

func execGetset(t Target, cmd wire.Command) wire.Reply {
	return set(t, cmd, SetArgs{Value: cmd.Args[2], ExpireAt: crdt.Never, Get: true})
}

// changeString runs a command on a string and replies what that was: nil without one. What
// removes a key bars fills of it though it is not there, so that it is run all the same.
func changeString(t Target, cmd wire.Command, run func(m *crdt.Mutator) error) wire.Reply {
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		v := m.View()
		if err := mustBe(v, crdt.KindString); err != nil {
			return wire.Nil, err
		}
		return text(v.Get()), run(m)
	}, lost)
}

func execGetdel(t Target, cmd wire.Command) wire.Reply {
	return changeString(t, cmd, func(m *crdt.Mutator) error {
		m.Del()
		return nil
	})
}

func execGetex(t Target, cmd wire.Command) wire.Reply {
	o, err := parseStringOptions(cmd.Args[2:], true)
	if err != nil {
		return wire.Fail(err)
	}
	now := t.Now()
	cmd.Request = 0
	return changeString(t, cmd, func(m *crdt.Mutator) error {
		switch {
		case o.persist:
			m.Persist()
		case o.expiry.unit != 0:
			at, err := o.expiry.at("GETEX", now)
			switch {
			case err == nil:
				m.Expire(at)
			case m.View().Exists():
				return err
			} // Of what is not there Redis does not look at the time either.
		}
		return nil
	})
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

// execIncrBy is INCR, INCRBY, DECR and DECRBY.
func execIncrBy(t Target, cmd wire.Command) wire.Reply {
	by, err := int64(1), error(nil)
	if len(cmd.Args) > 2 {
		if by, err = ParseInt(cmd.Args[2]); err != nil {
			return wire.Fail(err)
		}
	}
	if cmd.Args[0][0] == 'D' {
		if by == math.MinInt64 {
			return wire.Fail(ErrDecrement)
		}
		by = -by
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		n, err := m.Incr(by)
		return wire.Int(n), err
	}, func(v crdt.View) wire.Reply { return integer(v.Get()) })
}

func execIncrByFloat(t Target, cmd wire.Command) wire.Reply {
	by, err := ParseFloat(cmd.Args[2])
	if err != nil {
		// That the key is of another kind comes first.
		return of(t, crdt.KindString, cmd, func(crdt.View) wire.Reply { return wire.Fail(err) })
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		if s, ok := m.View().Get(); ok && math.IsInf(by, 0) {
			if _, err := ParseFloat(s); err != nil {
				return wire.Reply{}, err // What is there comes first.
			}
		}
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
