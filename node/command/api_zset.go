package command

import (
	"context"
	"strconv"

	"github.com/atollcache/atoll/crdt"
)

// ZRangeOptions chooses members of a sorted set. The zero value chooses the
// first; use Stop: -1 for all.
type ZRangeOptions struct {
	// Start and Stop are positions, both inclusive, from 0 in the order of
	// scores, equal scores by name. Negative ones count from the end: -1 is the
	// last. Not used with ByScore.
	Start, Stop int64
	// ByScore chooses by score instead: from Min to Max.
	ByScore  bool
	Min, Max Bound
	// Reverse counts positions from the highest score, and returns the highest
	// first.
	Reverse bool
	// Offset and Count return, with ByScore, at most Count members after leaving
	// out Offset. A Count of zero means no limit.
	Offset, Count int64
}

func zaddCall(key string, members []Member) call[int] {
	args := make([]string, 2, 2+2*len(members))
	args[0], args[1] = "ZADD", key
	for _, m := range members {
		args = append(args, crdt.FormatFloat(m.Score), m.Name)
	}
	return newCallIf(len(members), asInt, args...)
}

func zremCall(key string, members []string) call[int] {
	return newCallIf(len(members), asInt, append([]string{"ZREM", key}, members...)...)
}

func zscoreCall(key, member string) call[Score] { return newCall(asScore, "ZSCORE", key, member) }

func zincrCall(key, member string, by float64) call[float64] {
	return newCall(asFloat, "ZINCRBY", key, crdt.FormatFloat(by), member)
}

func zcardCall(key string) call[int] { return newCall(asInt, "ZCARD", key) }

func zrangeCall(key string, o ZRangeOptions) call[[]Member] {
	args := []string{"ZRANGE", key}
	switch {
	case o.ByScore && o.Reverse:
		args = append(args, o.Max.String(), o.Min.String(), "BYSCORE")
	case o.ByScore:
		args = append(args, o.Min.String(), o.Max.String(), "BYSCORE")
	default:
		args = append(args, strconv.FormatInt(o.Start, 10), strconv.FormatInt(o.Stop, 10))
	}
	if o.Reverse {
		args = append(args, "REV")
	}
	if o.ByScore && (o.Offset != 0 || o.Count != 0) {
		count := o.Count
		if count == 0 {
			count = -1
		}
		args = append(args, "LIMIT", strconv.FormatInt(o.Offset, 10), strconv.FormatInt(count, 10))
	}
	return newCall(asMembers, append(args, "WITHSCORES")...)
}

// ZAdd gives members of a sorted set their scores and returns how many are new.
// Scores are any numbers but NaN. Of concurrent scores of one member the last by
// the cluster's clock shows, with the increments that it had not seen; a member
// added beside a removal that had not seen it stays. The members of one call
// become visible together. After a retry the number can be too small.
func (a *API) ZAdd(ctx context.Context, key string, members ...Member) (added int, err error) {
	return run(ctx, a, zaddCall(key, members))
}

// ZRem removes members as far as the node that runs it has seen them, and
// returns how many existed. A sorted set without members does not exist. After a
// retry the number can be too small.
func (a *API) ZRem(ctx context.Context, key string, members ...string) (int, error) {
	return run(ctx, a, zremCall(key, members))
}

// ZScore returns a member's score, and false if there is no such key or member.
func (a *API) ZScore(ctx context.Context, key, member string) (score float64, ok bool, err error) {
	s, err := run(ctx, a, zscoreCall(key, member))
	return s.Score, s.OK, err
}

// ZIncr adds to a member's score and returns the sum as this region sees it. A
// member that does not exist counts from zero. Concurrent increments all count.
func (a *API) ZIncr(ctx context.Context, key, member string, by float64) (float64, error) {
	return run(ctx, a, zincrCall(key, member, by))
}

// ZCard returns the number of members, zero if there is no such key.
func (a *API) ZCard(ctx context.Context, key string) (int, error) {
	return run(ctx, a, zcardCall(key))
}

// ZRange returns members by position or by score, none if there is no such key.
func (a *API) ZRange(ctx context.Context, key string, o ZRangeOptions) ([]Member, error) {
	return run(ctx, a, zrangeCall(key, o))
}

// ZAdd collects [API.ZAdd].
func (b *Batch) ZAdd(key string, members ...Member) *Future[int] {
	return add(b, zaddCall(key, members))
}

// ZRem collects [API.ZRem].
func (b *Batch) ZRem(key string, members ...string) *Future[int] {
	return add(b, zremCall(key, members))
}

// ZScore collects [API.ZScore].
func (b *Batch) ZScore(key, member string) *Future[Score] { return add(b, zscoreCall(key, member)) }

// ZIncr collects [API.ZIncr].
func (b *Batch) ZIncr(key, member string, by float64) *Future[float64] {
	return add(b, zincrCall(key, member, by))
}

// ZCard collects [API.ZCard].
func (b *Batch) ZCard(key string) *Future[int] { return add(b, zcardCall(key)) }

// ZRange collects [API.ZRange].
func (b *Batch) ZRange(key string, o ZRangeOptions) *Future[[]Member] {
	return add(b, zrangeCall(key, o))
}
