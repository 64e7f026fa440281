package command

import (
	"slices"
	"strings"

	"github.com/atollcache/atoll/node/wire"
)

// recipes are the commands on keys that depend on each other.
var recipes = map[string]recipe{
	"RENAME":   {runRename, againReply(wire.OK)},
	"RENAMENX": {runRename, againReply(wire.Int(1))},
	"COPY":     {runCopy, againReply(wire.Int(1))},
	"MSETNX":   {runMsetnx, againReply(wire.Int(1))},
	"OBJECT":   {runObject, nil},

	"SMOVE":       {runSmove, againReply(wire.Int(1))},
	"SINTER":      {runSetAlgebra, nil},
	"SINTERSTORE": {runSetAlgebra, againLen("SCARD")},
	"SINTERCARD":  {runSinterCard, nil},
	"SUNION":      {runSetAlgebra, nil},
	"SUNIONSTORE": {runSetAlgebra, againLen("SCARD")},
	"SDIFF":       {runSetAlgebra, nil},
	"SDIFFSTORE":  {runSetAlgebra, againLen("SCARD")},

	"ZUNION":      {runZAlgebra, nil},
	"ZUNIONSTORE": {runZAlgebra, againLen("ZCARD")},
	"ZINTER":      {runZAlgebra, nil},
	"ZINTERSTORE": {runZAlgebra, againLen("ZCARD")},
	"ZINTERCARD":  {runZAlgebra, nil},
	"ZDIFF":       {runZAlgebra, nil},
	"ZDIFFSTORE":  {runZAlgebra, againLen("ZCARD")},
	"ZRANGESTORE": {runZrangestore, againLen("ZCARD")},
	"ZMPOP":       {runZmpop, nil},

	"LMOVE":     {runLmove, nil},
	"RPOPLPUSH": {runLmove, nil},
	"LMPOP":     {runLmpop, nil},

	"PFCOUNT": {runPfcount, nil},
	"PFMERGE": {runPfmerge, againReply(wire.OK)},
}

// againReply returns what replies the same to every command that has run already.
func againReply(r wire.Reply) func(ground, wire.Command) wire.Reply {
	return func(ground, wire.Command) wire.Reply { return r }
}

// againLen returns what replies the size of the destination.
func againLen(verb string) func(ground, wire.Command) wire.Reply {
	return func(g ground, cmd wire.Command) wire.Reply { return g.do(newCommand(verb, cmd.Key()))[0] }
}

// dump reads what a key shows.
func dump(g ground, key string, kinds ...string) (dumped, error) {
	return undump(g.do(newCommand(append([]string{verbDump, key}, kinds...)...))[0])
}

// store replaces a key by what there is, or removes it if there is nothing, and
// replies how much there is.
func store(g ground, key string, d dumped, n int) wire.Reply {
	write := d.put(key)
	if n == 0 {
		write = newCommand(verbDrop, key)
	}
	r := g.finish(write)
	if r.Type == wire.TypeError {
		return r
	}
	reply := wire.Int(int64(n))
	reply.Wrote = r.Wrote
	return reply
}

// instead returns a reply in place of another, which may be an error, with what
// that wrote.
func instead(r, of wire.Reply) wire.Reply {
	if of.Type == wire.TypeError {
		return of
	}
	r.Wrote = of.Wrote
	return r
}

// exists reports whether a key exists.
func exists(g ground, key string) (bool, error) {
	r := g.do(newCommand("EXISTS", key))[0]
	if r.Type == wire.TypeError {
		return false, r.Err
	}
	return r.Int > 0, nil
}

// runRename is RENAME and RENAMENX. The new key is there before the old one goes.
func runRename(g ground, cmd wire.Command) wire.Reply {
	from, to, nx := cmd.Args[1], cmd.Args[2], cmd.Args[0] == "RENAMENX"
	done := wire.OK
	if nx {
		done = wire.Int(1)
	}
	d, err := dump(g, from)
	switch {
	case err != nil:
		return wire.Fail(err)
	case d.kind == "":
		return wire.Fail(ErrNoKey)
	case from == to && nx:
		return wire.Int(0)
	case from == to:
		return done
	}
	if nx {
		if there, err := exists(g, to); err != nil {
			return wire.Fail(err)
		} else if there {
			return wire.Int(0)
		}
	}
	if r := g.do(d.put(to))[0]; r.Type == wire.TypeError {
		return r
	}
	return instead(done, g.finish(newCommand(verbDrop, from)))
}

// redisDatabases is how many databases Redis has by default. Here there is one,
// but the others are refused in the same order.
const redisDatabases = 16

func runCopy(g ground, cmd wire.Command) wire.Reply {
	from, to, replace, database := cmd.Args[1], cmd.Args[2], false, int64(0)
	for opts := cmd.Args[3:]; len(opts) > 0; opts = opts[1:] {
		switch {
		case strings.EqualFold(opts[0], "REPLACE"):
			replace = true
		case strings.EqualFold(opts[0], "DB") && len(opts) > 1:
			var err error
			if database, err = ParseInt(opts[1]); err != nil {
				return wire.Fail(err)
			}
			if database < 0 || database >= redisDatabases {
				return wire.Fail(ErrDatabase)
			}
			opts = opts[1:]
		default:
			return wire.Fail(ErrSyntax)
		}
	}
	switch {
	case database != 0:
		return wire.Fail(ErrDatabase)
	case from == to:
		return wire.Fail(ErrSameObject)
	}
	d, err := dump(g, from)
	switch {
	case err != nil:
		return wire.Fail(err)
	case d.kind == "":
		return wire.Int(0)
	}
	if !replace {
		if there, err := exists(g, to); err != nil {
			return wire.Fail(err)
		} else if there {
			return wire.Int(0)
		}
	}
	return instead(wire.Int(1), g.finish(d.put(to)))
}

func runMsetnx(g ground, cmd wire.Command) wire.Reply {
	spec := byName["MSETNX"]
	rs := g.do(newCommand(append([]string{"EXISTS"}, spec.KeysOf(cmd)...)...))
	if rs[0].Type == wire.TypeError || rs[0].Int > 0 {
		return instead(wire.Int(0), rs[0])
	}
	last := len(cmd.Args) - 2
	if last > 1 {
		if r := g.do(newCommand(append([]string{"MSET"}, cmd.Args[1:last]...)...))[0]; r.Type == wire.TypeError {
			return r
		}
	}
	return instead(wire.Int(1), g.finish(newCommand("SET", cmd.Args[last], cmd.Args[last+1])))
}

func runObject(g ground, cmd wire.Command) wire.Reply {
	what := strings.ToUpper(cmd.Args[1])
	wants := 3
	switch what {
	case "HELP":
		wants = 2
	case "ENCODING", "FREQ", "IDLETIME", "REFCOUNT":
	default:
		return wire.Fail(unknownSub("OBJECT", cmd.Args[1]))
	}
	if len(cmd.Args) != wants {
		return wire.Fail(wrongNumber("OBJECT|" + what))
	}
	if what == "HELP" {
		return wire.Strings(slices.Clone(objectHelp))
	}
	return g.do(newCommand(verbObject, cmd.Args[2], what))[0]
}
