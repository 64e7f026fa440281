package command

import (
	"slices"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// A sorted set keeps its members in order ([crdt.View.Ranked]): what chooses a
// range of it takes time for the range alone, and to find where that begins.

// ranks is a half open range of ranks, counted from the lowest score.
type ranks struct{ first, end int64 }

// ranksOf returns the ranks that the arguments choose, before the limit; false
// when what they choose does not stand side by side.
func (z *ZRangeArgs) ranksOf(v crdt.View) (r ranks, ok bool) {
	n := int64(v.Len())
	switch {
	case n == 0:
		return ranks{}, true
	case z.ByScore:
		return z.ranksByScore(v), true
	case z.ByLex:
		return z.ranksByLex(v, n)
	}
	first, end := positions(z.Start, z.Stop, n)
	if z.Reverse {
		first, end = n-end, n-first
	}
	return ranks{first, end}, true
}

func (z *ZRangeArgs) ranksByScore(v crdt.View) ranks {
	upTo := func(score float64, included bool) int64 {
		if included {
			return int64(v.RankAfter(score))
		}
		return int64(v.Rank(crdt.Scored{Score: score}))
	}
	return ranks{upTo(z.Min.Score, z.Min.Exclusive), upTo(z.Max.Score, !z.Max.Exclusive)}
}

// ranksByLex is for members that all have the same score.
func (z *ZRangeArgs) ranksByLex(v crdt.View, n int64) (ranks, bool) {
	var lowest, highest float64
	v.Ranked(0, false, func(s crdt.Scored) bool { lowest = s.Score; return false })
	v.Ranked(0, true, func(s crdt.Scored) bool { highest = s.Score; return false })
	upTo := func(b LexBound, included bool) int64 {
		if b.Infinite != 0 {
			return max(0, int64(b.Infinite)) * n
		}
		rank := int64(v.Rank(crdt.Scored{Member: b.Name, Score: lowest}))
		if _, there := v.Score(b.Name); there && included {
			rank++
		}
		return rank
	}
	return ranks{upTo(z.First, z.First.Exclusive), upTo(z.Last, !z.Last.Exclusive)}, lowest == highest
}

// of returns the members of a sorted set that the arguments choose, in order.
func (z ZRangeArgs) of(v crdt.View) []Member {
	r, ok := z.ranksOf(v)
	if !ok {
		return z.Select(allMembers(v))
	}
	n := max(r.end-r.first, 0)
	skip, take := int64(0), n
	if z.ByScore || z.ByLex {
		if z.Offset < 0 || z.Offset >= n {
			return nil
		}
		skip, take = z.Offset, min(z.Count, n-z.Offset)
	}
	if take <= 0 {
		return nil
	}
	from := r.first + skip
	if z.Reverse {
		from = int64(v.Len()) - r.end + skip
	}
	members := make([]Member, 0, take)
	v.Ranked(int(from), z.Reverse, func(s crdt.Scored) bool {
		members = append(members, Member{s.Score, s.Member})
		return len(members) < int(take)
	})
	return members
}

// allMembers returns the members of a sorted set in no order.
func allMembers(v crdt.View) []Member {
	members := make([]Member, 0, v.Len())
	for name, score := range v.Scores() {
		members = append(members, Member{score, name})
	}
	return members
}

// covers reports whether a member lies between the scores or names that are asked
// for; every member does when positions are.
func (z *ZRangeArgs) covers(m Member) bool {
	switch {
	case z.ByScore:
		return !z.Min.below(m.Score) && !z.Max.above(m.Score)
	case z.ByLex:
		return !z.First.below(m.Name) && !z.Last.above(m.Name)
	}
	return true
}

// Select returns those of some members that the arguments choose, in order. It
// changes the order of members, whose memory the result shares.
func (z ZRangeArgs) Select(members []Member) []Member {
	members = slices.DeleteFunc(members, func(m Member) bool { return !z.covers(m) })
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
// open range within n, 0 to 0 when it is empty.
func positions(start, stop, n int64) (first, end int64) {
	if start < 0 {
		start = max(start+n, 0)
	}
	if stop < 0 {
		stop += n
	}
	if stop = min(stop, n-1); start > stop {
		return 0, 0
	}
	return start, stop + 1
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
		if r, ok := args.ranksOf(v); ok {
			return wire.Int(max(r.end-r.first, 0))
		}
		return wire.Int(int64(len(args.Select(allMembers(v)))))
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
