package command

import (
	"cmp"
	"slices"
	"strings"

	"github.com/atollcache/atoll/node/wire"
)

// ZRangeArgs are the arguments of ZRANGE.
type ZRangeArgs struct {
	Key string
	// Start and Stop are positions, both inclusive, negative ones from the end.
	Start, Stop int64
	// ByScore chooses by score, from Min to Max whatever the order, instead.
	ByScore  bool
	Min, Max Bound
	// Reverse turns the order around.
	Reverse bool
	// Offset and Count cut a range by score: Offset members are left out, at most
	// Count returned. A negative Offset leaves nothing, as in Redis.
	Offset, Count int64
	// WithScores asks for each member's score behind it.
	WithScores bool
}

// ParseZRange reads the arguments of ZRANGE.
func ParseZRange(c wire.Command) (ZRangeArgs, error) {
	z := ZRangeArgs{Key: c.Args[1], Count: noLimit}
	limited := false
	for opts := c.Args[4:]; len(opts) > 0; opts = opts[1:] {
		switch strings.ToUpper(opts[0]) {
		case "BYSCORE":
			z.ByScore = true
		case "REV":
			z.Reverse = true
		case "WITHSCORES":
			z.WithScores = true
		case "LIMIT":
			if len(opts) < 3 {
				return z, ErrSyntax
			}
			if err := z.parseLimit(opts[1], opts[2]); err != nil {
				return z, err
			}
			limited, opts = true, opts[2:]
		default:
			return z, ErrSyntax
		}
	}
	if limited && !z.ByScore {
		return z, badRequest("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
	}
	return z, z.parseEnds(c.Args[2], c.Args[3])
}

func (z *ZRangeArgs) parseLimit(offset, count string) (err error) {
	if z.Offset, err = ParseInt(offset); err != nil {
		return err
	}
	if z.Count, err = ParseInt(count); err != nil {
		return err
	}
	if z.Count < 0 {
		z.Count = noLimit
	}
	return nil
}

func (z *ZRangeArgs) parseEnds(first, last string) (err error) {
	if z.ByScore {
		if z.Reverse {
			first, last = last, first
		}
		if z.Min, err = parseBound(first); err != nil {
			return err
		}
		z.Max, err = parseBound(last)
		return err
	}
	if z.Start, err = ParseInt(first); err != nil {
		return err
	}
	z.Stop, err = ParseInt(last)
	return err
}

// CompareMembers orders members by score, those of equal score by name.
func CompareMembers(a, b Member) int {
	return cmp.Or(cmp.Compare(a.Score, b.Score), strings.Compare(a.Name, b.Name))
}

// Select returns the members that the arguments choose, in order. It sorts
// members, whose memory the result shares.
func (z ZRangeArgs) Select(members []Member) []Member {
	slices.SortFunc(members, CompareMembers)
	if z.ByScore {
		members = between(members, z.Min, z.Max)
	}
	if z.Reverse {
		slices.Reverse(members)
	}
	first, end := z.Offset, int64(len(members))
	switch {
	case !z.ByScore:
		first, end = positions(z.Start, z.Stop, int64(len(members)))
	case first < 0 || first >= end:
		return nil
	default:
		end = first + min(z.Count, end-first)
	}
	if first >= end {
		return nil
	}
	return members[first:end]
}

// between returns the part of sorted members with scores between two bounds.
func between(members []Member, lo, hi Bound) []Member {
	from, _ := slices.BinarySearchFunc(members, lo, func(m Member, b Bound) int {
		if m.Score < b.Score || (m.Score == b.Score && b.Exclusive) {
			return -1
		}
		return 1
	})
	to, _ := slices.BinarySearchFunc(members, hi, func(m Member, b Bound) int {
		if m.Score < b.Score || (m.Score == b.Score && !b.Exclusive) {
			return -1
		}
		return 1
	})
	return members[from:max(from, to)]
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

// MembersReply returns the reply of ZRANGE.
func MembersReply(members []Member, withScores bool) wire.Reply {
	if !withScores {
		out := make([]wire.Reply, len(members))
		for i, m := range members {
			out[i] = wire.String(m.Name)
		}
		return wire.List(out...)
	}
	out := make([]wire.Reply, 0, 2*len(members))
	for _, m := range members {
		out = append(out, wire.String(m.Name), wire.Float(m.Score))
	}
	return wire.List(out...)
}

// ParseZAdd reads the members and scores of ZADD, in order.
func ParseZAdd(c wire.Command) ([]Member, error) {
	args := c.Args[2:]
	members := make([]Member, 0, len(args)/2)
	for ; len(args) >= 2; args = args[2:] {
		score, err := ParseFloat(args[0])
		if err != nil {
			return nil, err
		}
		members = append(members, Member{score, args[1]})
	}
	return members, nil
}
