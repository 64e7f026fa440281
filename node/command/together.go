package command

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// Some commands have keys that depend on each other: what one key is to hold
// depends on what others do (RENAME, SUNIONSTORE, MSETNX), or the reply needs
// several keys at a moment (SINTER). Each is a recipe of commands on single keys,
// some of them hidden. Where all its keys are in one partition the recipe runs on
// the partition alone, so that it is atomic; otherwise it runs over a [Doer], and
// others may come between its parts.

// ground is what a recipe runs on.
type ground interface {
	// do runs commands and returns their replies.
	do(cmds ...wire.Command) []wire.Reply
	// finish runs the one write that completes the recipe: a command on one key.
	finish(cmd wire.Command) wire.Reply
}

// recipe is a command on keys that depend on each other.
type recipe struct {
	run func(ground, wire.Command) wire.Reply
	// again is the reply when the command has run already; nil: it is lost. A recipe
	// that writes nothing needs none.
	again func(ground, wire.Command) wire.Reply
}

// newCommand returns a command of some arguments.
func newCommand(args ...string) wire.Command { return wire.Command{Args: args} }

// here is the ground of a recipe all of whose keys are the target's.
type here struct {
	t       Target
	request uint64
}

func (h here) do(cmds ...wire.Command) []wire.Reply {
	out := make([]wire.Reply, len(cmds))
	for i, c := range cmds {
		out[i] = h.exec(h.t, c)
	}
	return out
}

func (h here) exec(t Target, c wire.Command) wire.Reply {
	if err := Check(c, t.Limits()); err != nil {
		return wire.Fail(err)
	}
	return Exec(t, c)
}

func (h here) finish(c wire.Command) wire.Reply {
	c.Request = h.request
	return h.exec(finishing{h.t, h.request}, c)
}

// finishing is a Target whose one write is made under the recipe's request ID,
// whether the command that makes it may run twice by itself or not.
type finishing struct {
	Target
	request uint64
}

// Write implements Target.
func (f finishing) Write(key string, _ uint64, run func(*crdt.Mutator) error) (crdt.Dot, error) {
	return f.Target.Write(key, f.request, run)
}

// execTogether runs a recipe on a target that has all of its keys.
func execTogether(t Target, cmd wire.Command) wire.Reply {
	s, ok := recipes[cmd.Args[0]]
	if !ok {
		return wire.Fail(Unknown(cmd))
	}
	var reply wire.Reply
	err := t.Alone(func(t Target) {
		g := here{t, cmd.Request}
		switch err := mayRun(t, cmd); {
		case err == nil:
			reply = s.run(g, cmd)
		case !errors.Is(err, ErrRepeated):
			reply = wire.Fail(err)
		case s.again == nil:
			reply = wire.Fail(ErrReplyLost)
		default:
			reply = s.again(g, cmd)
		}
	})
	if err != nil {
		return wire.Fail(err)
	}
	return reply
}

// mayRun returns why a command that must not run twice may not be run here: a
// write of nothing says so.
func mayRun(t Target, cmd wire.Command) error {
	if cmd.Request == 0 {
		return nil
	}
	_, err := t.Write(cmd.Key(), cmd.Request, func(*crdt.Mutator) error { return nil })
	return err
}

// far is the ground of a recipe whose keys are in several partitions.
type far struct {
	ctx  context.Context
	doer Doer
}

func (f far) do(cmds ...wire.Command) []wire.Reply { return f.doer.Do(f.ctx, cmds...) }

func (f far) finish(c wire.Command) wire.Reply {
	reply := f.do(c)[0]
	reply.Wrote = crdt.Dot{} // It speaks for one of several partitions.
	return reply
}

// Across runs a command whose Spec says Together. When all of its keys are in one
// partition, that is one command to the Doer ([Wrap]) and runs atomically.
// Otherwise it is several, of which others see some before the rest; one that
// fails may be half done. Across blocks until all has been answered or ctx ends.
func Across(ctx context.Context, d Doer, p region.Partitions, cmd wire.Command) wire.Reply {
	if _, err := Find(cmd); err != nil {
		return wire.Fail(err)
	}
	whole := Wrap(cmd, p)
	if v := whole.Args[0]; v == verbAlone || v == verbGather {
		return d.Do(ctx, whole)[0]
	}
	r, ok := recipes[cmd.Args[0]]
	if !ok {
		return wire.Fail(fmt.Errorf("%s is no command on keys that depend on each other", cmd.Args[0]))
	}
	return r.run(far{ctx, d}, cmd)
}

func inOne(p region.Partitions, keys []string) bool {
	return !slices.ContainsFunc(keys, func(k string) bool { return p.Of(k) != p.Of(keys[0]) })
}

// Wrap returns the command by which one whose Spec says Together is sent when all
// of its keys are in one partition: like the others' its first argument is a key.
// Every other command, also one that makes no sense, is returned as it is. The
// replies are the same.
func Wrap(cmd wire.Command, p region.Partitions) wire.Command {
	spec, err := Find(cmd)
	if err != nil || !spec.Together {
		return cmd
	}
	keys := spec.KeysOf(cmd)
	if len(keys) == 0 || !inOne(p, keys) {
		return cmd
	}
	cmd.Args = append([]string{pick(spec.Write, verbAlone, verbGather), keys[0]}, cmd.Args...)
	return cmd
}

// unwrap returns the command in a wrapped one.
func unwrap(cmd wire.Command) (wire.Command, error) {
	inner := cmd
	inner.Args = cmd.Args[2:]
	spec, err := Find(inner)
	switch {
	case err != nil:
		return inner, err
	case !spec.Together, spec.Write != (cmd.Args[0] == verbAlone):
		return inner, ErrSyntax
	}
	return inner, nil
}

// CheckTogether refuses a wrapped command whose keys are not all in the partition
// that it is routed to; it accepts every other command. A node asks it of what
// comes in, since a write in the wrong place would be found by nobody.
func CheckTogether(cmd wire.Command, p region.Partitions) error {
	if v := cmd.Args[0]; v != verbAlone && v != verbGather {
		return nil
	}
	inner, err := unwrap(cmd)
	if err != nil {
		return err
	}
	keys := append([]string{cmd.Key()}, byName[inner.Args[0]].KeysOf(inner)...)
	if !inOne(p, keys) {
		return ErrSyntax
	}
	return nil
}

// firstError returns the first reply that is an error, if there is one.
func firstError(rs []wire.Reply) (wire.Reply, bool) {
	i := slices.IndexFunc(rs, func(r wire.Reply) bool { return r.Type == wire.TypeError })
	if i < 0 {
		return wire.Reply{}, false
	}
	return rs[i], true
}
