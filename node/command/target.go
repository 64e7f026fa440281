package command

import (
	"errors"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// Target is what commands on keys run on: the state of one partition, or
// anything that holds keys.
type Target interface {
	// Now returns the wall time in milliseconds since the Unix epoch.
	Now() int64
	// Random returns a number that commands which choose at random go by. It is not
	// called from within the functions given to Read and Write.
	Random() uint64
	// Limits returns what bounds the values that commands make.
	Limits() Limits
	// Read calls f with what each key shows now, all at one moment.
	Read(keys []string, f func(crdt.View)) error
	// Write makes one write of what run notes for a key and returns its dot, the
	// zero dot when it noted nothing. An error of run is returned as it is, and
	// nothing has changed then. A request ID other than zero that has been written
	// under gives [ErrRepeated], without running run.
	Write(key string, request uint64, run func(*crdt.Mutator) error) (crdt.Dot, error)
	// Alone runs f with a Target for the same keys. Nothing else happens to them
	// from its beginning to its end. f does not use the Target that it was called
	// on, nor the one that it was given after it has returned.
	Alone(f func(Target)) error
}

// ErrRepeated is returned by a Target for a command that has run already.
var ErrRepeated = errors.New("request has run already")

// executor runs a command that has been checked.
type executor func(Target, wire.Command) wire.Reply

// OnKeys reports whether a verb is one that [Exec] runs.
func OnKeys(verb string) bool {
	return executors[verb] != nil || recipes[verb].run != nil || verb == verbAlone || verb == verbGather
}

// Exec runs a command on keys that are all the target's. [Check] has accepted
// it. A command that is not on keys ([OnKeys]) gets the error of one that there
// is not.
func Exec(t Target, cmd wire.Command) wire.Reply {
	verb := cmd.Args[0]
	if run := executors[verb]; run != nil {
		return run(t, cmd)
	}
	if verb == verbAlone || verb == verbGather {
		inner, err := unwrap(cmd)
		if err != nil {
			return wire.Fail(err)
		}
		return execTogether(t, inner)
	}
	if recipes[verb].run != nil {
		return execTogether(t, cmd)
	}
	return wire.Fail(Unknown(cmd))
}

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
		if err := mustBe(v, k); err != nil {
			return wire.Fail(err)
		}
		return f(v)
	})
}

// shortcut is a Target that does what is asked for most without a function that is
// called back, so that it takes nothing from memory for it.
type shortcut interface {
	// Glance returns what a cell of a key shows now, as [Target.Read] does, and
	// [ErrWrongType] for a key that exists and is of another kind.
	Glance(k crdt.Kind, key, field string) (value string, ok bool, err error)
	// Put replaces a key by a string that does not expire, as [Target.Write] does
	// with crdt.Mutator.Set.
	Put(key, value string) (crdt.Dot, error)
}

// cell replies what a cell shows of a key that is of a kind or does not exist.
func cell(t Target, k crdt.Kind, cmd wire.Command, field string) wire.Reply {
	if s, ok := t.(shortcut); ok {
		value, ok, err := s.Glance(k, cmd.Key(), field)
		if err != nil {
			return wire.Fail(err)
		}
		return text(value, ok)
	}
	return of(t, k, cmd, func(v crdt.View) wire.Reply { return text(v.Cell(field)) })
}

// Glance returns what a cell of a view shows, and [ErrWrongType] for one of another
// kind.
func Glance(v crdt.View, k crdt.Kind, field string) (value string, ok bool, err error) {
	if err := mustBe(v, k); err != nil {
		return "", false, err
	}
	value, ok = v.Cell(field)
	return value, ok, nil
}

// mustBe returns an error for a key that exists and is of another kind.
func mustBe(v crdt.View, k crdt.Kind) error {
	if v.Exists() && v.Kind() != k {
		return ErrWrongType
	}
	return nil
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
	return change(t, cmd, run, lost)
}

// The replies to commands that have run already, where it is known what they
// were, and where it is not.
func always(r wire.Reply) func(crdt.View) wire.Reply { return func(crdt.View) wire.Reply { return r } }
func lost(crdt.View) wire.Reply                      { return wire.Fail(ErrReplyLost) }

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

// lookUp is the reply of a list of what f replies for each argument.
func lookUp(args []string, f func(string) wire.Reply) wire.Reply {
	out := make([]wire.Reply, len(args))
	for i, a := range args {
		out[i] = f(a)
	}
	return wire.List(out...)
}
