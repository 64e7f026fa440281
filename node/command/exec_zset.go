package command

import (
	"math"
	"strings"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

func execZadd(t Target, cmd wire.Command) wire.Reply {
	args, err := ParseZAdd(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	if args.Increment {
		return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) { return args.increment(m) },
			func(v crdt.View) wire.Reply { return score(v.Score(args.Members[0].Name)) })
	}
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) { return args.add(m) })
}

// allows reports whether a member may be given a score in place of another, which
// it has if had is true.
func (z ZAddArgs) allows(had bool, before, after float64) bool {
	switch {
	case !had:
		return !z.IfPresent
	case z.IfAbsent, z.IfGreater && after <= before, z.IfLess && after >= before:
		return false
	}
	return true
}

// add gives members their scores. Of a member that is named twice the later score
// is judged against the earlier.
func (z ZAddArgs) add(m *crdt.Mutator) (wire.Reply, error) {
	v := m.View()
	if err := mustBe(v, crdt.KindZSet); err != nil {
		return wire.Reply{}, err
	}
	given := map[string]float64{}
	n := int64(0)
	for _, x := range z.Members {
		before, had := given[x.Name]
		if !had {
			before, had = v.Score(x.Name)
		}
		if !z.allows(had, before, x.Score) {
			continue
		}
		if !had || z.Changed && before != x.Score {
			n++
		}
		given[x.Name] = x.Score
		if _, err := m.ZAdd(x.Name, x.Score); err != nil {
			return wire.Reply{}, err
		}
	}
	return wire.Int(n), nil
}

// increment adds to a member's score, unless that is not allowed.
func (z ZAddArgs) increment(m *crdt.Mutator) (wire.Reply, error) {
	x := z.Members[0]
	before, had := m.View().Score(x.Name)
	if err := mustBe(m.View(), crdt.KindZSet); err != nil {
		return wire.Reply{}, err
	}
	switch {
	case !had && z.IfPresent, had && z.IfAbsent:
		return wire.Nil, nil
	case math.IsNaN(before + x.Score):
		return wire.Reply{}, ErrScoreNaN
	case !z.allows(had, before, before+x.Score):
		return wire.Nil, nil
	}
	sum, err := zincr(m, x.Name, x.Score)
	return wire.Float(sum), err
}

// zincr adds to a member's score. A sum that is infinite is put, since nothing can
// be added to it or taken from it any more.
func zincr(m *crdt.Mutator, member string, by float64) (float64, error) {
	before, _ := m.View().Score(member)
	sum := before + by
	switch {
	case math.IsNaN(sum):
		return 0, ErrScoreNaN
	case math.IsInf(sum, 0):
		_, err := m.ZAdd(member, sum)
		return sum, err
	}
	return m.ZIncr(member, by)
}

func execZrem(t Target, cmd wire.Command) wire.Reply {
	return modify(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) { return count(cmd.Args[2:], m.ZRem) })
}

// score is the reply of a score that may not be there.
func score(f float64, ok bool) wire.Reply {
	if !ok {
		return wire.Nil
	}
	return wire.Float(f)
}

func execZscore(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindZSet, cmd, func(v crdt.View) wire.Reply { return score(v.Score(cmd.Args[2])) })
}

func execZmscore(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindZSet, cmd, func(v crdt.View) wire.Reply {
		return lookUp(cmd.Args[2:], func(member string) wire.Reply { return score(v.Score(member)) })
	})
}

func execZincrBy(t Target, cmd wire.Command) wire.Reply {
	if new(ZAddArgs).flag(strings.ToUpper(cmd.Args[2])) != nil {
		return wire.Fail(ErrSyntax) // Redis reads it as a ZADD.
	}
	by, err := ParseFloat(cmd.Args[2])
	if err != nil {
		return wire.Fail(err)
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		if err := mustBe(m.View(), crdt.KindZSet); err != nil {
			return wire.Reply{}, err
		}
		sum, err := zincr(m, cmd.Args[3], by)
		return wire.Float(sum), err
	}, func(v crdt.View) wire.Reply { return score(v.Score(cmd.Args[3])) })
}

// execZrank is ZRANK and ZREVRANK.
func execZrank(t Target, cmd wire.Command) wire.Reply {
	return of(t, crdt.KindZSet, cmd, func(v crdt.View) wire.Reply {
		at, ok := v.Score(cmd.Args[2])
		if !ok {
			return wire.Nil
		}
		rank := v.Rank(crdt.Scored{Member: cmd.Args[2], Score: at})
		if cmd.Args[0] == "ZREVRANK" {
			rank = v.Len() - 1 - rank
		}
		return wire.Int(int64(rank))
	})
}

// execZpop is ZPOPMIN and ZPOPMAX.
func execZpop(t Target, cmd wire.Command) wire.Reply {
	n, _, err := parsePopCount(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	ends := ZRangeArgs{Stop: n - 1, Reverse: cmd.Args[0] == "ZPOPMAX"}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		v := m.View()
		if err := mustBe(v, crdt.KindZSet); err != nil || n == 0 {
			return wire.List(), err
		}
		members := ends.of(v)
		return MembersReply(members, true), removeAll(m, namesOf(members), m.ZRem)
	}, lost)
}

func namesOf(members []Member) []string {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.Name
	}
	return names
}
