package command

import (
	"slices"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// runSmove adds the member before it removes it, so that it is never in neither
// set.
func runSmove(g ground, cmd wire.Command) wire.Reply {
	from, to, member := cmd.Args[1], cmd.Args[2], cmd.Args[3]
	kinds := g.do(newCommand("TYPE", from), newCommand("TYPE", to))
	if r, failed := firstError(kinds); failed {
		return r
	}
	set, none := crdt.KindSet.String(), crdt.KindNone.String()
	switch {
	case kinds[0].Text == none:
		return wire.Int(0)
	case kinds[0].Text != set, kinds[1].Text != set && kinds[1].Text != none:
		return wire.Fail(ErrWrongType)
	}
	is := g.do(newCommand("SISMEMBER", from, member))[0]
	if is.Type == wire.TypeError || is.Int == 0 || from == to {
		return is
	}
	if r := g.do(newCommand("SADD", to, member))[0]; r.Type == wire.TypeError {
		return r
	}
	return instead(wire.Int(1), g.finish(newCommand("SREM", from, member)))
}

// readSets returns the members of sets, sorted.
func readSets(g ground, keys []string) ([][]string, error) {
	cmds := make([]wire.Command, len(keys))
	for i, key := range keys {
		cmds[i] = newCommand("SMEMBERS", key)
	}
	out := make([][]string, len(keys))
	for i, r := range g.do(cmds...) {
		if r.Type == wire.TypeError {
			return nil, r.Err
		}
		var err error
		if out[i], err = asListOf(-1, asText)(r); err != nil {
			return nil, err
		}
		slices.Sort(out[i])
	}
	return out, nil
}

// runSetAlgebra is SINTER, SUNION and SDIFF and those that store what they yield.
func runSetAlgebra(g ground, cmd wire.Command) wire.Reply {
	verb, stores := strings.CutSuffix(cmd.Args[0], "STORE")
	keys := cmd.Args[1:]
	if stores {
		keys = cmd.Args[2:]
	}
	sets, err := readSets(g, keys)
	if err != nil {
		return wire.Fail(err)
	}
	var result []string
	switch verb {
	case "SUNION":
		result = slices.Concat(sets...)
		slices.Sort(result)
		result = slices.Compact(result)
	case "SINTER":
		result = intersect(sets)
	case "SDIFF":
		result = slices.DeleteFunc(sets[0], func(member string) bool {
			return slices.ContainsFunc(sets[1:], func(s []string) bool { return has(s, member) })
		})
	}
	if stores {
		return store(g, cmd.Args[1], dumpedSet(result), len(result))
	}
	return wire.Strings(result)
}

// has reports whether a sorted set has a member.
func has(set []string, member string) bool {
	_, ok := slices.BinarySearch(set, member)
	return ok
}

// intersect returns what all sorted sets have. It uses the first one's memory.
func intersect(sets [][]string) []string {
	return slices.DeleteFunc(sets[0], func(member string) bool {
		return slices.ContainsFunc(sets[1:], func(s []string) bool { return !has(s, member) })
	})
}

func runSinterCard(g ground, cmd wire.Command) wire.Reply {
	keys, rest, err := parseNumKeys(cmd.Args[1:])
	if err != nil {
		return wire.Fail(err)
	}
	limit, err := parseLimits(rest)
	if err != nil {
		return wire.Fail(err)
	}
	sets, err := readSets(g, keys)
	if err != nil {
		return wire.Fail(err)
	}
	return wire.Int(limited(len(intersect(sets)), limit))
}

// parseNumKeys reads the number of keys, and the keys, of SINTERCARD.
func parseNumKeys(args []string) (keys, rest []string, err error) {
	n, err := ParseInt(args[0])
	switch {
	case err != nil || n < 1:
		return nil, nil, ErrNumKeys
	case n > int64(len(args)-1):
		return nil, nil, ErrManyKeys
	}
	return args[1 : 1+n], args[1+n:], nil
}

// parseLimits reads the options of SINTERCARD: any number of limits, of which the
// last counts.
func parseLimits(opts []string) (limit int64, err error) {
	for ; len(opts) > 0; opts = opts[2:] {
		if len(opts) < 2 || !strings.EqualFold(opts[0], "LIMIT") {
			return 0, ErrSyntax
		}
		if limit, err = ParseInt(opts[1]); err != nil || limit < 0 {
			return 0, ErrLimit
		}
	}
	return limit, nil
}

// limited returns n, at most the limit if that is not zero.
func limited(n int, limit int64) int64 {
	if limit == 0 {
		return int64(n)
	}
	return min(int64(n), limit)
}
