package command

import (
	"github.com/atollcache/atoll/node/wire"
)

// Keys says which of a command's arguments are keys.
type Keys uint8

// The rules. Arguments are counted after the verb.
const (
	KeysNone    Keys = iota // none: any node can answer
	KeysFirst               // the first
	KeysAll                 // all of them
	KeysPairs               // every second one, from the first: keys and values take turns
	KeysTwo                 // the first two
	KeysSecond              // the second; the first names a subcommand
	KeysCounted             // as many as the first says, behind it
	KeysStored              // the first, and as many as the second says, behind it
	KeysWrapped             // those of the command that begins with the second
)

// KeysOf returns the keys of a command that fits its Spec, in order; none when
// it says a number of keys that it does not have. It shares memory with c where
// the keys stand side by side.
func (s *Spec) KeysOf(c wire.Command) []string {
	args := c.Args[1:]
	switch s.Keys {
	case KeysFirst:
		return args[:1]
	case KeysAll:
		return args
	case KeysPairs:
		keys := make([]string, 0, len(args)/2)
		for i := 0; i < len(args); i += 2 {
			keys = append(keys, args[i])
		}
		return keys
	case KeysTwo:
		return args[:2]
	case KeysSecond:
		return args[min(1, len(args)):min(2, len(args))]
	case KeysCounted:
		return counted(args)
	case KeysStored:
		keys := counted(args[1:])
		if keys == nil {
			return nil
		}
		return append([]string{args[0]}, keys...)
	case KeysWrapped:
		if inner, err := unwrap(c); err == nil {
			return byName[inner.Args[0]].KeysOf(inner)
		}
	}
	return nil
}

// counted returns the keys that follow their number, nil if there are not so many.
func counted(args []string) []string {
	n, err := ParseInt(args[0])
	if err != nil || n < 1 || n > int64(len(args)-1) {
		return nil
	}
	return args[1 : 1+n]
}

// Arity returns how many arguments the command takes in the convention of Redis's
// COMMAND: the verb counts, and a negative number says that there may be more.
func (s *Spec) Arity() int {
	if s.MinArgs == s.MaxArgs {
		return s.MinArgs + 1
	}
	return -(s.MinArgs + 1)
}

// KeyRange returns where the keys are in the convention of Redis's COMMAND: the
// position of the first one, the verb being at 0, of the last one, negative from
// the end, and the distance from one to the next. All are 0 when there are none.
// Where it depends on the arguments which are keys ([Spec.Movable]) those are left
// out for which it does.
func (s *Spec) KeyRange() (first, last, step int) {
	switch s.Keys {
	case KeysFirst, KeysStored:
		return 1, 1, 1
	case KeysAll:
		return 1, -1, 1
	case KeysPairs:
		return 1, -1, 2
	case KeysTwo:
		return 1, 2, 1
	case KeysSecond:
		return 2, 2, 1
	}
	return 0, 0, 0
}

// Movable reports whether it depends on the arguments which of them are keys.
func (s *Spec) Movable() bool {
	return s.Keys == KeysCounted || s.Keys == KeysStored || s.Keys == KeysWrapped
}
