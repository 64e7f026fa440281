package command

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

const now = int64(1_700_000_000_000)

func TestParseSet(t *testing.T) {
	for line, want := range map[string]SetArgs{
		"SET k v":                              {ExpireAt: crdt.Never},
		"SET k v PX 1":                         {ExpireAt: now + 1},
		"SET k v px 1000 nx":                   {ExpireAt: now + 1000, IfAbsent: true},
		"SET k v XX PXAT 1":                    {ExpireAt: 1, IfPresent: true},
		"SET k v XX XX":                        {ExpireAt: crdt.Never, IfPresent: true},
		"SET k v PXAT 9223372036854775807":     {ExpireAt: crdt.MaxMillis}, // not Never
		"SET k v PX 9223372036854775807":       {},
		"SET k v PX 9223370336854775807":       {ExpireAt: crdt.MaxMillis},
		"SET k v PX 9223370336854775808":       {},
		"SET k v PX 0":                         {},
		"SET k v PX -1":                        {},
		"SET k v PXAT 0":                       {},
		"SET k v PXAT -9223372036854775808":    {},
		"SET k v PX -9223372036854775808":      {},
		"SET k v PX":                           {},
		"SET k v PX 1 PX 2":                    {ExpireAt: now + 2}, // as in Redis
		"SET k v EX 1":                         {ExpireAt: now + 1000},
		"SET k v exat 2":                       {ExpireAt: 2000},
		"SET k v EX 9223372036854775":          {},
		"SET k v EX 9223372036854776":          {},
		"SET k v KEEPTTL get":                  {ExpireAt: crdt.Never, KeepTTL: true, Get: true},
		"SET k v KEEPTTL EX 1":                 {},
		"SET k v EX 1 KEEPTTL":                 {},
		"SET k v PERSIST":                      {},
		"SET k v PX 1 PXAT 1":                  {},
		"SET k v NX XX":                        {},
		"SET k v XX NX":                        {},
		"SET k v PX x":                         {},
		"SET k v PX 99999999999999999999":      {},
		"SET k v KEEP":                         {},
		"SET k v NX PX 1 extra":                {},
		"SET k v PXAT 281474976710655":         {ExpireAt: crdt.MaxMillis},
		"SET k v PXAT 281474976710656":         {ExpireAt: crdt.MaxMillis},
		"SET k v PXAT 1700000000001 PX":        {},
		"SET k v NX NX NX NX PXAT 1700000000k": {},
	} {
		have, err := ParseSet(cmd(line), now)
		if want == (SetArgs{}) {
			if !errors.Is(err, wire.ErrBadRequest) {
				t.Errorf("%s: want an error, have %+v", line, have)
			}
			continue
		}
		want.Key, want.Value = "k", "v"
		if err != nil || have != want {
			t.Errorf("%s: want %+v, have %+v, %v", line, want, have, err)
		}
	}
}

func TestParseExpire(t *testing.T) {
	for line, want := range map[string]any{
		"PEXPIRE k 0":                          now,
		"PEXPIRE k -1":                         now - 1,
		"PEXPIRE k 100":                        now + 100,
		"PEXPIRE k 9223372036854775807":        "ERR invalid expire time in 'pexpire' command",
		"PEXPIRE k -9223372036854775808":       now + math.MinInt64,
		"PEXPIREAT k -9223372036854775808":     int64(math.MinInt64),
		"PEXPIREAT k 9223372036854775807":      int64(crdt.MaxMillis),
		"PEXPIREAT k 5":                        int64(5),
		"PEXPIRE k 1e3":                        "ERR value is not an integer or out of range",
		"PEXPIREAT k 9223372036854775808":      "ERR value is not an integer or out of range",
		"PEXPIRE k 9223370336854775807":        int64(crdt.MaxMillis),
		"PEXPIREAT k 00":                       "ERR value is not an integer or out of range",
		"PEXPIRE k +1":                         "ERR value is not an integer or out of range",
		"PEXPIREAT k 281474976710656":          int64(crdt.MaxMillis),
		"PEXPIREAT k 281474976710654":          int64(crdt.MaxMillis - 1),
		"PEXPIRE k 99999999999999999999999999": "ERR value is not an integer or out of range",
	} {
		at, err := ParseExpire(cmd(line), now)
		have := any(at)
		if err != nil {
			have = err.Error()
		}
		if have != want {
			t.Errorf("%s: want %v, have %v", line, want, have)
		}
	}
}

func TestExpireIf(t *testing.T) {
	for line, want := range map[string]string{ // before, at, and for NX, XX, GT, LT whether it may
		"5 6": "0 1 1 0", "6 5": "0 1 0 1", "5 5": "0 1 0 0", "never 5": "1 0 0 1",
	} {
		before, at := int64(crdt.Never), int64(0)
		if _, err := fmt.Sscanf(line, "%d %d", &before, &at); err != nil {
			before, at = crdt.Never, 5
		}
		have := ""
		for _, option := range []string{"NX", "XX", "gt", "Lt"} {
			w, err := parseExpireIf([]string{option})
			have += " " + showReply(flag(err == nil && w.holds(before, at)))
		}
		if have != " "+want {
			t.Errorf("expiry and new one %s: want %s, have%s", line, want, have)
		}
	}
}

func TestParseScan(t *testing.T) {
	for line, want := range map[string]string{
		"SCAN 0":                           "0 10 none true true",
		"SCAN 18446744073709551615":        "18446744073709551615 10 none true true",
		"SCAN 5 match a* count 3 type Set": "5 3 set true false",
		"SCAN 0 COUNT 99999999":            "0 10000 none true true",
		"SCAN 0 COUNT 0":                   "ERR syntax error",
		"SCAN 0 COUNT x":                   "ERR value is not an integer or out of range",
		"SCAN 0 COUNT":                     "ERR syntax error",
		"SCAN 0 FOO 1":                     "ERR syntax error",
		"SCAN 0 TYPE none":                 "ERR unknown type name 'none'",
		"SCAN -1":                          "ERR invalid cursor",
		"SCAN 18446744073709551616":        "ERR invalid cursor",
		"SCAN 0x1":                         "ERR invalid cursor",
	} {
		s, err := ParseScan(cmd(line))
		have := fmt.Sprintf("%d %d %v %t %t", s.Cursor, s.Count, s.Kind, s.Match.Match("abc"), s.Match.Match("bc"))
		if err != nil {
			have = err.Error()
		}
		if have != want {
			t.Errorf("%s: want %s, have %s", line, want, have)
		}
	}
}

func TestParseZRange(t *testing.T) {
	inf := Bound{Score: math.Inf(1)}
	for line, want := range map[string]ZRangeArgs{
		"ZRANGE k 0 -1":                                     {Stop: -1, Count: noLimit},
		"ZRANGE k 1 2 rev withscores":                       {Start: 1, Stop: 2, Reverse: true, WithScores: true, Count: noLimit},
		"ZRANGE k (1.5 inf BYSCORE":                         {ByScore: true, Min: Bound{1.5, true}, Max: inf, Count: noLimit},
		"ZRANGE k +inf 2 BYSCORE REV":                       {ByScore: true, Reverse: true, Min: Bound{Score: 2}, Max: inf, Count: noLimit},
		"ZRANGE k 1 2 LIMIT 3 4 BYSCORE":                    {ByScore: true, Min: Bound{Score: 1}, Max: Bound{Score: 2}, Offset: 3, Count: 4},
		"ZRANGE k 1 2 LIMIT -3 -4 BYSCORE":                  {ByScore: true, Min: Bound{Score: 1}, Max: Bound{Score: 2}, Offset: -3, Count: noLimit},
		"ZRANGE k 1 2 LIMIT 0 1":                            {},
		"ZRANGE k 1 2 LIMIT 0":                              {},
		"ZRANGE k 1 2 BYSCORE LIMIT x 1":                    {},
		"ZRANGE k 1.5 2":                                    {},
		"ZRANGE k nan 2 BYSCORE":                            {},
		"ZRANGE k ( 2 BYSCORE":                              {},
		"ZRANGE k a b BYLEX":                                {},
		"ZRANGE k [a (b BYLEX":                              {ByLex: true, First: LexBound{Name: "a"}, Last: LexBound{Name: "b", Exclusive: true}, Count: noLimit},
		"ZRANGE k + - BYLEX REV":                            {ByLex: true, Reverse: true, First: LexBound{Infinite: -1}, Last: LexBound{Infinite: 1}, Count: noLimit},
		"ZRANGE k - + BYLEX WITHSCORES":                     {},
		"ZRANGE k - + BYLEX BYSCORE":                        {},
		"ZRANGE k 1 2 LIMIT 3 -1":                           {Start: 1, Stop: 2, Count: noLimit},
		"ZREVRANGEBYSCORE k 2 1 LIMIT 0 1":                  {ByScore: true, Reverse: true, Min: Bound{Score: 1}, Max: Bound{Score: 2}, Count: 1},
		"ZRANGEBYSCORE k 1 2 REV":                           {},
		"ZRANGESTORE d k 1 2":                               {Start: 1, Stop: 2, Count: noLimit},
		"ZRANGESTORE d k 1 2 WITHSCORES":                    {},
		"ZRANGE k 0 9223372036854775808":                    {},
		"ZRANGE k -9223372036854775808 9223372036854775807": {Start: math.MinInt64, Stop: math.MaxInt64, Count: noLimit},
	} {
		have, err := ParseZRange(cmd(line))
		if want == (ZRangeArgs{}) {
			if !errors.Is(err, wire.ErrBadRequest) {
				t.Errorf("%s: want an error, have %+v", line, have)
			}
			continue
		}
		want.Key = "k"
		if err != nil || have != want {
			t.Errorf("%s: want %+v, have %+v, %v", line, want, have, err)
		}
	}
}

// Select agrees with going through all members one by one.
func TestSelect(t *testing.T) {
	members := func() []Member {
		return []Member{{2, "c"}, {1, "a"}, {2, "b"}, {-1, "z"}, {3, "d"}, {math.Inf(1), "i"}}
	}
	ends := []int64{math.MinInt64, -7, -6, -1, 0, 1, 5, 6, 99, math.MaxInt64}
	for _, start := range ends {
		for _, stop := range ends {
			var want []Member
			sorted := ZRangeArgs{Stop: -1, Count: noLimit}.Select(members())
			for i, m := range sorted {
				at, n := int64(i), int64(len(sorted))
				fromStart := start <= at && start >= 0 || start < 0 && start+n <= at
				toStop := stop >= at && stop >= 0 || stop < 0 && stop+n >= at
				if fromStart && toStop {
					want = append(want, m)
				}
			}
			have := ZRangeArgs{Start: start, Stop: stop, Count: noLimit}.Select(members())
			if !reflect.DeepEqual(append([]Member(nil), have...), want) {
				t.Errorf("positions %d to %d: want %v, have %v", start, stop, want, have)
			}
		}
	}
	m, sorted := newMemory(), ZRangeArgs{Stop: -1, Count: noLimit}.Select(members())
	m.do("ZADD k 2 c 1 a 2 b -1 z 3 d inf i")
	for _, start := range ends {
		for _, stop := range ends {
			for _, reverse := range []string{"", " REV"} {
				z := ZRangeArgs{Start: start, Stop: stop, Reverse: reverse != ""}
				want := showReply(MembersReply(z.Select(slices.Clone(sorted)), true))
				if have := m.do(fmt.Sprintf("ZRANGE k %d %d%s WITHSCORES", start, stop, reverse)); have != want {
					t.Errorf("ZRANGE %d %d%s: want %s, have %s", start, stop, reverse, want, have)
				}
			}
		}
	}
	whole := ZRangeArgs{ByScore: true, Min: Bound{Score: math.Inf(-1)}, Max: Bound{Score: math.Inf(1)}}
	for _, limit := range [][2]int64{{0, 0}, {5, noLimit}, {math.MaxInt64, noLimit}, {3, math.MaxInt64 - 1}, {0, 1}} {
		z := whole
		z.Offset, z.Count = limit[0], limit[1]
		if have := len(z.Select(members())); int64(have) != min(z.Count, max(6-z.Offset, 0)) {
			t.Errorf("LIMIT %d %d: have %d members", z.Offset, z.Count, have)
		}
	}
	if have := (ZRangeArgs{Stop: -1}).Select(nil); len(have) != 0 {
		t.Errorf("no members: have %v", have)
	}
}

func TestParseRest(t *testing.T) {
	if have, err := ParseLink(cmd("LINK pause eu us")); err != nil || have != (LinkArgs{LinkPause, "eu", "us"}) {
		t.Errorf("LINK pause eu us: have %+v, %v", have, err)
	}
	if have, err := ParseLink(cmd("LINK LIST")); err != nil || have != (LinkArgs{Action: LinkList}) {
		t.Errorf("LINK LIST: have %+v, %v", have, err)
	}
	for line, want := range map[string]int{"VERIFY": DefaultVerifyLimit, "VERIFY 0": 0, "VERIFY 3": 3, "VERIFY 99999999999": MaxVerifyLimit, "VERIFY -1": -1, "VERIFY x": -1} {
		have, err := ParseVerify(cmd(line))
		if (err != nil) != (want < 0) || (err == nil && have != want) {
			t.Errorf("%s: want %d, have %d, %v", line, want, have, err)
		}
	}
	z, err := ParseZAdd(cmd("ZADD k CH xx 1 a -inf b"))
	if err != nil || !reflect.DeepEqual(z, ZAddArgs{Members: []Member{{1, "a"}, {math.Inf(-1), "b"}}, IfPresent: true, Changed: true}) {
		t.Errorf("ZADD: have %+v, %v", z, err)
	}
}

func TestDataError(t *testing.T) {
	for _, test := range []struct {
		verb string
		err  error
		want string
	}{
		{"GET", crdt.ErrWrongType, "WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"INCRBY", fmt.Errorf("incr: %w", crdt.ErrNotInteger), "ERR value is not an integer or out of range"},
		{"HINCRBY", crdt.ErrNotInteger, "ERR hash value is not an integer"},
		{"HINCRBYFLOAT", crdt.ErrNotFloat, "ERR hash value is not a float"},
		{"INCRBYFLOAT", crdt.ErrNotFloat, "ERR value is not a valid float"},
		{"INCRBY", crdt.ErrOverflow, "ERR increment or decrement would overflow"},
		{"ZINCRBY", crdt.ErrNotFinite, "ERR increment would produce NaN or Infinity"},
		{"SET", ErrSyntax, "ERR syntax error"},
		{"SET", errors.New("disk"), "ERR disk"},
	} {
		checkText(t, test.verb, test.want, DataError(test.verb, test.err))
	}
}
