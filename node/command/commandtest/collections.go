package commandtest

import (
	"math"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

func (s *suite) hashes() {
	k := s.key("k")
	s.absent("HGET of no key")(s.api.HGet(s.ctx, k, "f"))
	equal(s, "HGETALL of no key", map[string]string{})(s.api.HGetAll(s.ctx, k))
	equal(s, "HLEN of no key", 0)(s.api.HLen(s.ctx, k))
	equal(s, "HDEL of no key", 0)(s.api.HDel(s.ctx, k, "f"))
	equal(s, "HMGET of no key", []command.Value{{}, {}})(s.api.HMGet(s.ctx, k, "f", "g"))
	equal(s, "HSET of no fields", 0)(s.api.HSet(s.ctx, k))
	equal(s, "HSET f g", 2)(s.api.HSet(s.ctx, k, command.Field{Name: "f", Value: "1"}, command.Field{Name: "g", Value: ""}))
	equal(s, "HSET f h h", 1)(s.api.HSet(s.ctx, k, command.Field{Name: "f", Value: "2"},
		command.Field{Name: "h", Value: "3"}, command.Field{Name: "h", Value: "4"}))
	s.shows("HGET f", "2")(s.api.HGet(s.ctx, k, "f"))
	s.shows("HGET g", "")(s.api.HGet(s.ctx, k, "g"))
	s.absent("HGET i")(s.api.HGet(s.ctx, k, "i"))
	equal(s, "HMGET h i f h", []command.Value{{Text: "4", OK: true}, {}, {Text: "2", OK: true}, {Text: "4", OK: true}})(
		s.api.HMGet(s.ctx, k, "h", "i", "f", "h"))
	equal(s, "HGETALL", map[string]string{"f": "2", "g": "", "h": "4"})(s.api.HGetAll(s.ctx, k))
	equal(s, "HLEN", 3)(s.api.HLen(s.ctx, k))
	equal(s, "HEXISTS g", true)(s.api.HExists(s.ctx, k, "g"))
	equal(s, "HEXISTS i", false)(s.api.HExists(s.ctx, k, "i"))
	equal(s, "HDEL f i f", 1)(s.api.HDel(s.ctx, k, "f", "i", "f"))
	equal(s, "HDEL g h", 2)(s.api.HDel(s.ctx, k, "g", "h"))
	equal(s, "TYPE of a hash without fields", "none")(s.api.Type(s.ctx, k))
}

func (s *suite) hashCounters() {
	k := s.key("k")
	equal(s, "HINCRBY of no key", int64(3))(s.api.HIncr(s.ctx, k, "n", 3))
	equal(s, "HINCRBY", int64(-1))(s.api.HIncr(s.ctx, k, "n", -4))
	equal(s, "HINCRBYFLOAT", -0.75)(s.api.HIncrFloat(s.ctx, k, "n", 0.25))
	_, err := s.api.HIncr(s.ctx, k, "n", 1)
	s.fails("HINCRBY of -0.75", command.ErrHashInteger, err)
	equal(s, "HSET", 2)(s.api.HSet(s.ctx, k, command.Field{Name: "w", Value: "word"},
		command.Field{Name: "max", Value: "9223372036854775807"}))
	_, err = s.api.HIncrFloat(s.ctx, k, "w", 1)
	s.fails("HINCRBYFLOAT of a word", command.ErrHashFloat, err)
	_, err = s.api.HIncr(s.ctx, k, "max", 1)
	s.fails("HINCRBY over the end of the range", command.ErrOverflow, err)
	_, err = s.api.HIncrFloat(s.ctx, k, "n", math.Inf(-1))
	s.fails("HINCRBYFLOAT -inf", command.ErrNaNOrInf, err)
	s.shows("HGET", "-0.75")(s.api.HGet(s.ctx, k, "n"))
}

func (s *suite) sets() {
	k := s.key("k")
	equal(s, "SMEMBERS of no key", []string{})(s.api.SMembers(s.ctx, k))
	equal(s, "SCARD of no key", 0)(s.api.SCard(s.ctx, k))
	equal(s, "SREM of no key", 0)(s.api.SRem(s.ctx, k, "a"))
	equal(s, "SISMEMBER of no key", false)(s.api.SIsMember(s.ctx, k, "a"))
	equal(s, "SADD of no members", 0)(s.api.SAdd(s.ctx, k))
	equal(s, "SADD b a b and the empty one", 3)(s.api.SAdd(s.ctx, k, "b", "a", "b", ""))
	equal(s, "SADD c a", 1)(s.api.SAdd(s.ctx, k, "c", "a"))
	equal(s, "SMEMBERS", []string{"", "a", "b", "c"})(s.api.SMembers(s.ctx, k))
	equal(s, "SCARD", 4)(s.api.SCard(s.ctx, k))
	equal(s, "SISMEMBER of the empty one", true)(s.api.SIsMember(s.ctx, k, ""))
	equal(s, "SISMEMBER d", false)(s.api.SIsMember(s.ctx, k, "d"))
	equal(s, "SREM a d a", 1)(s.api.SRem(s.ctx, k, "a", "d", "a"))
	equal(s, "SREM of the rest", 3)(s.api.SRem(s.ctx, k, "", "b", "c"))
	equal(s, "TYPE of a set without members", "none")(s.api.Type(s.ctx, k))
}

// score returns what checks a score that should be there.
func (s *suite) score(what string, want float64) func(float64, bool, error) {
	return func(have float64, ok bool, err error) {
		s.Helper()
		if err != nil || !ok || have != want {
			s.Errorf("%s: want %v, have %v, %t, %v", what, want, have, ok, err)
		}
	}
}

func (s *suite) sortedSets() {
	k := s.key("k")
	if score, ok, err := s.api.ZScore(s.ctx, k, "a"); score != 0 || ok || err != nil {
		s.Errorf("ZSCORE of no key: have %v, %t, %v", score, ok, err)
	}
	equal(s, "ZCARD of no key", 0)(s.api.ZCard(s.ctx, k))
	equal(s, "ZREM of no key", 0)(s.api.ZRem(s.ctx, k, "a"))
	equal(s, "ZRANGE of no key", []command.Member{})(s.api.ZRange(s.ctx, k, command.ZRangeOptions{Stop: -1}))
	equal(s, "ZADD of no members", 0)(s.api.ZAdd(s.ctx, k))
	equal(s, "ZADD a b a", 2)(s.api.ZAdd(s.ctx, k, command.Member{Score: 1, Name: "a"},
		command.Member{Score: 2.5, Name: "b"}, command.Member{Score: 3, Name: "a"}))
	s.score("ZSCORE a", 3)(s.api.ZScore(s.ctx, k, "a"))
	equal(s, "ZADD a c", 1)(s.api.ZAdd(s.ctx, k, command.Member{Score: -1, Name: "a"}, command.Member{Score: math.Inf(1), Name: "c"}))
	s.score("ZSCORE c", math.Inf(1))(s.api.ZScore(s.ctx, k, "c"))
	equal(s, "ZCARD", 3)(s.api.ZCard(s.ctx, k))
	equal(s, "ZINCRBY a", -0.5)(s.api.ZIncr(s.ctx, k, "a", 0.5))
	equal(s, "ZINCRBY of a new member", 7.0)(s.api.ZIncr(s.ctx, k, "d", 7))
	equal(s, "ZREM b e b", 1)(s.api.ZRem(s.ctx, k, "b", "e", "b"))
	_, err := s.api.ZAdd(s.ctx, k, command.Member{Score: 1, Name: "x"}, command.Member{Score: math.NaN(), Name: "y"})
	s.fails("ZADD nan", command.ErrNotFloat, err)
	_, err = s.api.ZIncr(s.ctx, k, "a", math.NaN())
	s.fails("ZINCRBY nan", wire.ErrBadRequest, err)
	equal(s, "ZRANGE", []command.Member{{Score: -0.5, Name: "a"}, {Score: 7, Name: "d"}, {Score: math.Inf(1), Name: "c"}})(
		s.api.ZRange(s.ctx, k, command.ZRangeOptions{Stop: -1}))
	equal(s, "ZREM of the rest", 3)(s.api.ZRem(s.ctx, k, "a", "c", "d"))
	equal(s, "TYPE of a sorted set without members", "none")(s.api.Type(s.ctx, k))
}

func (s *suite) zrange() {
	k := s.key("k")
	equal(s, "ZADD", 5)(s.api.ZAdd(s.ctx, k,
		command.Member{Score: 2, Name: "c"}, command.Member{Score: 1, Name: "a"}, command.Member{Score: 2, Name: "b"},
		command.Member{Score: -1, Name: "z"}, command.Member{Score: 3, Name: "d"})) // z a b c d
	at := func(score float64) command.Bound { return command.Bound{Score: score} }
	above := func(score float64) command.Bound { return command.Bound{Score: score, Exclusive: true} }
	for _, test := range []struct {
		what string
		o    command.ZRangeOptions
		want string
	}{
		{"all", command.ZRangeOptions{Stop: -1}, "zabcd"},
		{"the first", command.ZRangeOptions{}, "z"},
		{"1 2", command.ZRangeOptions{Start: 1, Stop: 2}, "ab"},
		{"-2 -1", command.ZRangeOptions{Start: -2, Stop: -1}, "cd"},
		{"3 99", command.ZRangeOptions{Start: 3, Stop: 99}, "cd"},
		{"-99 1", command.ZRangeOptions{Start: -99, Stop: 1}, "za"},
		{"2 1", command.ZRangeOptions{Start: 2, Stop: 1}, ""},
		{"9 10", command.ZRangeOptions{Start: 9, Stop: 10}, ""},
		{"0 -9", command.ZRangeOptions{Stop: -9}, ""},
		{"0 2 REV", command.ZRangeOptions{Stop: 2, Reverse: true}, "dcb"},
		{"1..2", command.ZRangeOptions{ByScore: true, Min: at(1), Max: at(2)}, "abc"},
		{"(1..2", command.ZRangeOptions{ByScore: true, Min: above(1), Max: at(2)}, "bc"},
		{"1..(2", command.ZRangeOptions{ByScore: true, Min: at(1), Max: above(2)}, "a"},
		{"(2..(2", command.ZRangeOptions{ByScore: true, Min: above(2), Max: above(2)}, ""},
		{"2..1", command.ZRangeOptions{ByScore: true, Min: at(2), Max: at(1)}, ""},
		{"-inf..inf", command.ZRangeOptions{ByScore: true, Min: at(math.Inf(-1)), Max: at(math.Inf(1))}, "zabcd"},
		{"1..3 REV", command.ZRangeOptions{ByScore: true, Min: at(1), Max: above(3), Reverse: true}, "cba"},
		{"1..3 LIMIT 1 2", command.ZRangeOptions{ByScore: true, Min: at(1), Max: at(3), Offset: 1, Count: 2}, "bc"},
		{"1..3 LIMIT 1", command.ZRangeOptions{ByScore: true, Min: at(1), Max: at(3), Offset: 1}, "bcd"},
		{"1..3 REV LIMIT 0 1", command.ZRangeOptions{ByScore: true, Min: at(1), Max: at(3), Reverse: true, Count: 1}, "d"},
		{"1..3 LIMIT 9 1", command.ZRangeOptions{ByScore: true, Min: at(1), Max: at(3), Offset: 9, Count: 1}, ""},
		{"1..3 LIMIT -1 1", command.ZRangeOptions{ByScore: true, Min: at(1), Max: at(3), Offset: -1, Count: 1}, ""},
	} {
		members, err := s.api.ZRange(s.ctx, k, test.o)
		have := ""
		for _, m := range members {
			have += m.Name
		}
		if have != test.want || err != nil {
			s.Errorf("ZRANGE %s: want %q, have %q, %v", test.what, test.want, have, err)
		}
	}
	r := s.api.Do(s.ctx, wire.Command{Args: []string{"ZRANGE", k, "0", "1"}})[0]
	if len(r.List) != 2 || r.List[1].Text != "a" {
		s.Errorf("ZRANGE 0 1 without scores: have %+v", r)
	}
}
