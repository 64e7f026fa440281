package command

import (
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// What HEXPIRE and its like reply of a field.
const (
	fieldNotMet  = 0 // the condition
	fieldSet     = 1
	fieldRemoved = 2 // because its time had come
)

// onFields runs a command on fields of a hash and replies what f does for each. A
// field that is named again finds what was done the first time, which each knows.
func onFields(fields []string, f func(field string, again bool) (wire.Reply, error)) (wire.Reply, error) {
	out := make([]wire.Reply, len(fields))
	first := make(map[string]bool, len(fields))
	for i, field := range fields {
		r, err := f(field, first[field])
		if err != nil {
			return wire.Reply{}, err
		}
		out[i], first[field] = r, true
	}
	return wire.List(out...), nil
}

// execHexpire is HEXPIRE, HPEXPIRE, HEXPIREAT and HPEXPIREAT.
func execHexpire(t Target, cmd wire.Command) wire.Reply {
	now := t.Now()
	if !Unsafe(cmd) {
		cmd.Request = 0
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		if err := mustBe(m.View(), crdt.KindHash); err != nil {
			return wire.Reply{}, err
		}
		a, err := parseFieldExpire(cmd, now)
		if err != nil {
			return wire.Reply{}, err
		}
		return onFields(a.fields, func(field string, again bool) (wire.Reply, error) {
			n, err := expireField(m, field, a, again, now)
			return wire.Int(n), err
		})
	}, lost)
}

// expireField lets one field expire if the condition is met. again says that the
// command has done so before.
func expireField(m *crdt.Mutator, field string, a fieldExpireArgs, again bool, now int64) (int64, error) {
	_, exists := m.View().Field(field)
	before := m.View().FieldExpireAt(field)
	if again && exists && a.cond.holds(before, a.at) {
		before, exists = a.at, a.at > now
	}
	switch {
	case !exists:
		return missing, nil
	case !a.cond.holds(before, a.at):
		return fieldNotMet, nil
	}
	if _, err := m.HExpire(field, a.at); err != nil {
		return 0, err
	}
	if a.at <= now {
		return fieldRemoved, nil
	}
	return fieldSet, nil
}

// execHttl is HTTL, HPTTL, HEXPIRETIME and HPEXPIRETIME.
func execHttl(t Target, cmd wire.Command) wire.Reply {
	now, verb := t.Now(), cmd.Args[0]
	return of(t, crdt.KindHash, cmd, func(v crdt.View) wire.Reply {
		fields, err := fieldsAt(cmd.Args, 2, errFieldsNumber)
		if err != nil {
			return wire.Fail(err)
		}
		return lookUp(fields, func(field string) wire.Reply {
			at := v.FieldExpireAt(field)
			switch _, ok := v.Field(field); {
			case !ok:
				return wire.Int(missing)
			case at == crdt.Never:
				return wire.Int(noExpiry)
			}
			if verb == "HTTL" || verb == "HPTTL" {
				at = max(at-now, 0)
			}
			if verb == "HTTL" || verb == "HEXPIRETIME" {
				at = (at + 999) / 1000 // Rounded up, as Redis does of fields.
			}
			return wire.Int(at)
		})
	})
}

func execHpersist(t Target, cmd wire.Command) wire.Reply {
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		if err := mustBe(m.View(), crdt.KindHash); err != nil {
			return wire.Reply{}, err
		}
		fields, err := fieldsAt(cmd.Args, 2, errFieldsNumber)
		if err != nil {
			return wire.Reply{}, err
		}
		return onFields(fields, func(field string, again bool) (wire.Reply, error) {
			if _, ok := m.View().Field(field); !ok {
				return wire.Int(missing), nil
			}
			if again {
				return wire.Int(noExpiry), nil
			}
			had, err := m.HPersist(field)
			if !had {
				return wire.Int(noExpiry), err
			}
			return wire.Int(fieldSet), nil
		})
	})
}

func execHgetex(t Target, cmd wire.Command) wire.Reply {
	now := t.Now()
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		if err := mustBe(m.View(), crdt.KindHash); err != nil {
			return wire.Reply{}, err
		}
		a, err := parseGetex(cmd, now)
		if err != nil {
			return wire.Reply{}, err
		}
		return onFields(a.fields, func(field string, again bool) (wire.Reply, error) {
			value := text(m.View().Field(field))
			switch {
			case !a.sets || again && a.at > now:
			case again:
				value = wire.Nil // Its time had come.
			case a.at == crdt.Never:
				_, err = m.HPersist(field)
			default:
				_, err = m.HExpire(field, a.at)
			}
			return value, err
		})
	})
}

func execHgetdel(t Target, cmd wire.Command) wire.Reply {
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		if err := mustBe(m.View(), crdt.KindHash); err != nil {
			return wire.Reply{}, err
		}
		fields, err := fieldsAt(cmd.Args, 2, errFieldsNumber)
		if err != nil {
			return wire.Reply{}, err
		}
		return onFields(fields, func(field string, again bool) (wire.Reply, error) {
			if again {
				return wire.Nil, nil
			}
			value := text(m.View().Field(field))
			_, err := m.HDel(field)
			return value, err
		})
	}, lost)
}

func execHsetex(t Target, cmd wire.Command) wire.Reply {
	a, err := parseSetex(cmd, t.Now())
	if err != nil {
		return wire.Fail(err)
	}
	if !Unsafe(cmd) {
		cmd.Request = 0
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		v := m.View()
		if err := mustBe(v, crdt.KindHash); err != nil {
			return wire.Reply{}, err
		}
		for pair := range slices.Chunk(a.pairs, 2) {
			if _, ok := v.Field(pair[0]); a.ifAbsent && ok || a.ifPresent && !ok {
				return wire.Int(0), nil
			}
		}
		for pair := range slices.Chunk(a.pairs, 2) {
			at := a.at
			if a.keep {
				at = v.FieldExpireAt(pair[0])
			}
			if _, err := m.HSetUntil(pair[0], pair[1], at); err != nil {
				return wire.Reply{}, err
			}
		}
		return wire.Int(1), nil
	}, always(wire.Int(1)))
}
