package command

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// zalgebra is what ZUNION and its like are to do.
type zalgebra struct {
	verb       string // ZUNION, ZINTER, ZINTERCARD or ZDIFF
	store      bool
	to         string
	keys       []string
	weights    []float64 // nil: all 1
	aggregate  string    // SUM, MIN or MAX
	withScores bool
	limit      int64
}

// runZAlgebra is ZUNION, ZINTER, ZINTERCARD and ZDIFF and those that store what
// they yield.
func runZAlgebra(g ground, cmd wire.Command) wire.Reply {
	a := zalgebra{aggregate: "SUM"}
	a.verb, a.store = strings.CutSuffix(cmd.Args[0], "STORE")
	args := cmd.Args[1:]
	if a.store {
		a.to, args = args[0], args[1:]
	}
	n, err := ParseInt(args[0])
	switch {
	case err != nil:
		return wire.Fail(err)
	case n < 1:
		return wire.Fail(badRequest("ERR at least 1 input key is needed for '" + strings.ToLower(cmd.Args[0]) + "' command"))
	case n > int64(len(args)-1):
		return wire.Fail(ErrSyntax)
	}
	a.keys = args[1 : 1+n]
	sets, err := readMembers(g, a.keys)
	if err != nil {
		return wire.Fail(err)
	}
	if err := a.parse(args[1+n:]); err != nil {
		return wire.Fail(err)
	}
	a.order(sets)
	return a.finish(g, a.combine(sets))
}

// order brings the smallest set to the front, as Redis does: it matters to what
// sums round to, and to weights that make a score no number.
func (a *zalgebra) order(sets [][]Member) {
	if a.verb == "ZDIFF" {
		return
	}
	type weighted struct {
		members []Member
		weight  float64
	}
	all := make([]weighted, len(sets))
	for i, s := range sets {
		all[i] = weighted{s, 1}
		if a.weights != nil {
			all[i].weight = a.weights[i]
		}
	}
	slices.SortStableFunc(all, func(x, y weighted) int { return cmp.Compare(len(x.members), len(y.members)) })
	a.weights = make([]float64, len(sets))
	for i, w := range all {
		sets[i], a.weights[i] = w.members, w.weight
	}
}

// readMembers returns the members of sorted sets and of sets.
func readMembers(g ground, keys []string) ([][]Member, error) {
	cmds := make([]wire.Command, len(keys))
	for i, key := range keys {
		cmds[i] = newCommand(verbDump, key, crdt.KindSet.String(), crdt.KindZSet.String())
	}
	out := make([][]Member, len(keys))
	for i, r := range g.do(cmds...) {
		d, err := undump(r)
		if err != nil {
			return nil, err
		}
		if out[i], err = d.members(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// parse reads the options.
func (a *zalgebra) parse(opts []string) (err error) {
	card, diff := a.verb == "ZINTERCARD", a.verb == "ZDIFF"
	for ; len(opts) > 0; opts = opts[1:] {
		switch option := strings.ToUpper(opts[0]); {
		case option == "WEIGHTS" && !card && !diff && len(opts) > len(a.keys):
			a.weights = make([]float64, len(a.keys))
			for i := range a.weights {
				var ok bool
				if a.weights[i], ok = crdt.ParseFloat(opts[1+i]); !ok {
					return ErrWeight
				}
			}
			opts = opts[len(a.keys):]
		case option == "AGGREGATE" && !card && !diff && len(opts) > 1:
			a.aggregate = strings.ToUpper(opts[1])
			if !slices.Contains([]string{"SUM", "MIN", "MAX"}, a.aggregate) {
				return ErrSyntax
			}
			opts = opts[1:]
		case option == "WITHSCORES" && !card && !a.store:
			a.withScores = true
		case option == "LIMIT" && card && len(opts) > 1:
			if a.limit, err = ParseInt(opts[1]); err != nil || a.limit < 0 {
				return ErrLimit
			}
			opts = opts[1:]
		default:
			return ErrSyntax
		}
	}
	return nil
}

// combine returns the members of the result with their scores, in no order.
func (a *zalgebra) combine(sets [][]Member) []Member {
	type found struct {
		score float64
		in    int
	}
	all := map[string]found{}
	for i, set := range sets {
		for _, m := range set {
			f, ok := all[m.Name]
			score := a.weigh(i, m.Score)
			switch {
			case !ok:
				f.score = score
			case a.verb != "ZDIFF":
				f.score = a.add(f.score, score)
			}
			f.in++
			all[m.Name] = f
		}
	}
	var out []Member
	keep := func(name string) {
		f, ok := all[name]
		if ok && (a.verb == "ZUNION" || a.verb == "ZDIFF" && f.in == 1 || strings.HasPrefix(a.verb, "ZINTER") && f.in == len(sets)) {
			out = append(out, Member{f.score, name})
			delete(all, name)
		}
	}
	if a.verb == "ZUNION" {
		for _, set := range sets[1:] {
			for _, m := range set {
				keep(m.Name)
			}
		}
	}
	for _, m := range sets[0] {
		keep(m.Name)
	}
	return out
}

// weigh returns a score times the weight of its set. What is not a number counts
// as 0; in an intersection only in the first set, as in Redis.
func (a *zalgebra) weigh(i int, score float64) float64 {
	if a.weights == nil {
		return score
	}
	score *= a.weights[i]
	if math.IsNaN(score) && (i == 0 || a.verb == "ZUNION") {
		return 0
	}
	return score
}

// add aggregates two scores, of which the second may be no number: that is
// neither the lowest nor the highest, and makes a sum 0.
func (a *zalgebra) add(x, y float64) float64 {
	switch {
	case a.aggregate == "MIN" && y < x, a.aggregate == "MAX" && y > x:
		return y
	case a.aggregate != "SUM" || math.IsNaN(x+y):
		if a.aggregate == "SUM" {
			return 0
		}
		return x
	}
	return x + y
}

// finish replies the result or stores it.
func (a *zalgebra) finish(g ground, members []Member) wire.Reply {
	slices.SortFunc(members, CompareMembers)
	switch {
	case a.verb == "ZINTERCARD":
		return wire.Int(limited(len(members), a.limit))
	case a.store:
		return store(g, a.to, dumpedZSet(members), len(members))
	}
	return MembersReply(members, a.withScores)
}

func runZrangestore(g ground, cmd wire.Command) wire.Reply {
	args, err := ParseZRange(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	var members []Member
	if args.ByLex {
		// It is not to be had with scores.
		d, failed := dump(g, args.Key, crdt.KindZSet.String())
		if failed != nil {
			return wire.Fail(failed)
		}
		if members, err = d.members(); err == nil {
			members = args.Select(members)
		}
	} else {
		r := g.do(newCommand(append(append([]string{"ZRANGE"}, cmd.Args[2:]...), "WITHSCORES")...))[0]
		if r.Type == wire.TypeError {
			return r
		}
		members, err = asMembers(r)
	}
	if err != nil {
		return wire.Fail(err)
	}
	return store(g, cmd.Args[1], dumpedZSet(members), len(members))
}

func runZmpop(g ground, cmd wire.Command) wire.Reply {
	keys, rest, err := parseMpop(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	verb := "ZPOP" + strings.ToUpper(rest[0])
	if executors[verb] == nil {
		return wire.Fail(ErrSyntax)
	}
	count, err := parseMpopCount(rest[1:])
	if err != nil {
		return wire.Fail(err)
	}
	for _, key := range keys {
		size := g.do(newCommand("ZCARD", key))[0]
		if size.Type == wire.TypeError {
			return size
		}
		if size.Int == 0 {
			continue
		}
		popped := g.finish(newCommand(verb, key, count))
		if popped.Type == wire.TypeError || len(popped.List) > 0 {
			return instead(wire.List(wire.String(key), wire.List(popped.List...)), popped)
		}
	}
	return wire.Nil
}
