package command

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// A sorted set is kept by name. What chooses a range of it looks at every member
// once, and sorts those in the range.

// covers reports whether a member lies between the scores or names that are asked
// for; every member does when positions are.
func (z *ZRangeArgs) covers(score float64, name string) bool {
	switch {
	case z.ByScore:
		return !z.Min.below(score) && !z.Max.above(score)
	case z.ByLex:
		return !z.First.below(name) && !z.Last.above(name)
	}
	return true
}

// of returns the members of a sorted set that the arguments choose, in order.
func (z ZRangeArgs) of(v crdt.View) []Member {
	var members []Member
	for name, score := range v.Scores() {
		if z.covers(score, name) {
			members = append(members, Member{score, name})
		}
	}
	return z.cut(members)
}

// Select returns the members that the arguments choose, in order. It changes the
// order of members, whose memory the result shares.
func (z ZRangeArgs) Select(members []Member) []Member {
	covered := members[:0]
	for _, m := range members {
		if z.covers(m.Score, m.Name) {
			covered = append(covered, m)
		}
	}
	return z.cut(covered)
}

// cut returns those of the members that positions or the limit choose, in order.
func (z ZRangeArgs) cut(members []Member) []Member {
	n := int64(len(members))
	first, end := z.Offset, n
	switch {
	case !z.ByScore && !z.ByLex:
		first, end = positions(z.Start, z.Stop, n)
	case first < 0 || first >= n:
		return nil
	default:
		end = first + min(z.Count, n-first)
	}
	if first >= end {
		return nil
	}
	compare := CompareMembers
	if z.Reverse {
		compare = func(a, b Member) int { return CompareMembers(b, a) }
	}
	selectRange(members, int(first), int(end), compare)
	return members[first:end]
}

// positions turns inclusive positions, negative ones from the end, into a half
// open range within n. It is empty when first >= end.
func positions(start, stop, n int64) (first, end int64) {
	if start < 0 {
		start = max(start+n, 0)
	}
	if stop < 0 {
		stop += n
	}
	return start, min(stop, n-1) + 1
}

// execZrange is ZRANGE and the older commands that reply a range.
func execZrange(t Target, cmd wire.Command) wire.Reply {
	args, err := ParseZRange(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	return of(t, crdt.KindZSet, cmd, func(v crdt.View) wire.Reply { return MembersReply(args.of(v), args.WithScores) })
}

// execZcount is ZCOUNT and ZLEXCOUNT.
func execZcount(t Target, cmd wire.Command) wire.Reply {
	args, err := ParseZRange(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	return of(t, crdt.KindZSet, cmd, func(v crdt.View) wire.Reply {
		n := int64(0)
		for name, score := range v.Scores() {
			if args.covers(score, name) {
				n++
			}
		}
		return wire.Int(n)
	})
}

// execZremrange is ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX.
func execZremrange(t Target, cmd wire.Command) wire.Reply {
	args, err := ParseZRange(cmd)
	if err != nil {
		return wire.Fail(err)
	}
	if !Unsafe(cmd) {
		cmd.Request = 0
	}
	return change(t, cmd, func(m *crdt.Mutator) (wire.Reply, error) {
		if err := mustBe(m.View(), crdt.KindZSet); err != nil {
			return wire.Reply{}, err
		}
		members := args.of(m.View())
		return wire.Int(int64(len(members))), removeAll(m, namesOf(members), m.ZRem)
	}, lost)
}
