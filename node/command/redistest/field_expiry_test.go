package redistest

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/command"
)

// fieldExpiry is what Redis 7.4 and 8.0 reply, by their documentation and tests, to
// commands on the expiry of fields; "pass" lets so many milliseconds pass. It begins at
// the second 1,700,000,000.
var fieldExpiry = []struct{ name, script string }{
	{"HEXPIRE", `
		HSET h a 1 b 2 c 3                               3
		HEXPIRE h 100 FIELDS 3 a b nosuch                [1 1 -2]
		HTTL h FIELDS 4 a b c nosuch                     [100 100 -1 -2]
		HPTTL h FIELDS 1 a                               [100000]
		HEXPIRETIME h FIELDS 2 a c                       [1700000100 -1]
		HPEXPIRETIME h FIELDS 2 a nosuch                 [1700000100000 -2]
		HEXPIRE nokey 100 FIELDS 2 a b                   [-2 -2]
		HTTL nokey FIELDS 2 a b                          [-2 -2]
		HPERSIST nokey FIELDS 1 a                        [-2]
		pass 1
		HTTL h FIELDS 1 a                                [100]
		HPTTL h FIELDS 1 a                               [99999]
		pass 99998
		HMGET h a b c                                    ["1" "2" "3"]
		HTTL h FIELDS 1 a                                [1]
		pass 1
		HMGET h a b c                                    [null_ null_ "3"]
		HGETALL h                                        ["c" "3"]
		HLEN h                                           1
		HEXISTS h a                                      0
		HTTL h FIELDS 2 a c                              [-2 -1]
		HPERSIST h FIELDS 2 a c                          [-2 -1]
		HEXPIRE h 0 FIELDS 1 c                           [2]
		EXISTS h                                         0
		TYPE h                                           +none
	`},
	{"all forms", `
		HSET h a 1 b 2 c 3 d 4                           4
		HPEXPIRE h 1500 FIELDS 1 a                       [1]
		HEXPIREAT h 1700000002 FIELDS 1 b                [1]
		HPEXPIREAT h 1700000002500 FIELDS 1 c            [1]
		HPTTL h FIELDS 4 a b c d                         [1500 2000 2500 -1]
		HTTL h FIELDS 4 a b c d                          [2 2 3 -1]
		HEXPIRETIME h FIELDS 4 a b c d                   [1700000002 1700000002 1700000003 -1]
		hpexpire h 1 fields 1 d                          [1]
		pass 1500
		HKEYS h                                          ["b" "c"]
		HVALS h                                          ["2" "3"]
		HSTRLEN h a                                      0
		HLEN h                                           2
		HSCAN h 0                                        ["0" ["b" "2" "c" "3"]]
		pass 1000
		EXISTS h                                         0
		HEXPIREAT h 1700000000 FIELDS 1 a                [-2]
	`},
	{"conditions", `
		HSET h a 1 b 2                                   2
		HEXPIRE h 100 XX FIELDS 1 a                      [0]
		HEXPIRE h 100 GT FIELDS 1 a                      [0]
		HEXPIRE h 100 NX FIELDS 2 a nosuch               [1 -2]
		HEXPIRE h 200 NX FIELDS 2 a b                    [0 1]
		HEXPIRE h 100 GT FIELDS 1 a                      [0]
		HEXPIRE h 101 GT FIELDS 1 a                      [1]
		HEXPIRE h 101 LT FIELDS 1 a                      [0]
		HEXPIRE h 50 lt FIELDS 1 a                       [1]
		HPERSIST h FIELDS 2 a a                          [1 -1]
		HEXPIRE h 500 LT FIELDS 1 a                      [1]
		HEXPIRE h 60 XX FIELDS 2 a b                     [1 1]
		HTTL h FIELDS 2 a b                              [60 60]
		HEXPIRE h 0 GT FIELDS 1 a                        [0]
		HEXPIRE h 0 XX FIELDS 1 a                        [2]
		HEXPIREAT h 1 FIELDS 2 b b                       [2 -2]
		EXISTS h                                         0
		HSET h a 1                                       1
		HEXPIRE h 9 NX FIELDS 2 a a                      [1 0]
		HEXPIRE h 9 FIELDS 2 a a                         [1 1]
	`},
	{"what clears a time to live and what keeps it", `
		HSET h a 1 b 2 c 3 d 4                           4
		HEXPIRE h 100 FIELDS 4 a b c d                   [1 1 1 1]
		HSET h a 5                                       0
		HINCRBY h b 5                                    7
		HINCRBYFLOAT h c 0.5                             "3.5"
		HSETNX h d 5                                     0
		HTTL h FIELDS 4 a b c d                          [-1 100 100 100]
		HMSET h b 9                                      +OK
		HDEL h c                                         1
		HSET h c 3                                       1
		HTTL h FIELDS 3 b c d                            [-1 -1 100]
		EXPIRE h 50                                      1
		TTL h                                            50
		PERSIST h                                        1
		HTTL h FIELDS 1 d                                [100]
		COPY h copy                                      1
		RENAME h moved                                   +OK
		HTTL moved FIELDS 2 b d                          [-1 100]
		pass 100000
		HGETALL moved                                    ["a" "5" "b" "9" "c" "3"]
		HGETALL copy                                     ["a" "5" "b" "9" "c" "3"]
		DEL moved copy                                   2
		HSET h f 5                                       1
		HPEXPIRE h 10 FIELDS 1 f                         [1]
		HSET h g 1                                       1
		pass 10
		HINCRBY h f 2                                    2
		HTTL h FIELDS 1 f                                [-1]
	`},
	{"HGETEX", `
		HSET h a 1 b 2 c 3                               3
		HGETEX h FIELDS 2 a nosuch                       ["1" null_]
		HGETEX h EX 100 FIELDS 2 a b                     ["1" "2"]
		HTTL h FIELDS 3 a b c                            [100 100 -1]
		HGETEX h persist FIELDS 3 a c nosuch             ["1" "3" null_]
		HTTL h FIELDS 3 a b c                            [-1 100 -1]
		HGETEX h PX 1500 FIELDS 1 a                      ["1"]
		HGETEX h EXAT 1700000010 FIELDS 1 b              ["2"]
		HGETEX h PXAT 1700000020000 FIELDS 1 c           ["3"]
		HPTTL h FIELDS 3 a b c                           [1500 10000 20000]
		HGETEX nokey EX 10 FIELDS 2 a b                  [null_ null_]
		HGETEX h EX 0 FIELDS 2 a a                       ["1" null_]
		HGETEX h PXAT 1 FIELDS 2 b c                     ["2" "3"]
		EXISTS h                                         0
	`},
	{"HSETEX", `
		HSETEX h FIELDS 2 a 1 b 2                        1
		HTTL h FIELDS 2 a b                              [-1 -1]
		HSETEX h EX 100 FIELDS 1 a 3                     1
		HSETEX h PX 1500 FIELDS 1 b 3                    1
		HPTTL h FIELDS 2 a b                             [100000 1500]
		HSETEX h KEEPTTL FIELDS 2 a 4 c 5                1
		HTTL h FIELDS 3 a b c                            [100 2 -1]
		HSETEX h FIELDS 1 a 5                            1
		HTTL h FIELDS 1 a                                [-1]
		HSETEX h FNX EXAT 1700000010 FIELDS 2 a 6 d 6    0
		HSETEX h FXX EXAT 1700000010 FIELDS 2 a 6 d 6    0
		HSETEX h FXX EXAT 1700000010 FIELDS 2 a 6 b 6    1
		HSETEX h pxat 1700000020000 fnx FIELDS 1 d 7     1
		HPTTL h FIELDS 3 a b d                           [10000 10000 20000]
		HMGET h a b c d                                  ["6" "6" "5" "7"]
		HSETEX h EX 10 FIELDS 2 a 1 a 2                  1
		HGET h a                                         "2"
		HSETEX nokey FXX FIELDS 1 a 1                    0
		EXISTS nokey                                     0
		HSETEX nokey PXAT 1 FIELDS 1 a 1                 1
		EXISTS nokey                                     0
		HSETEX h EX 0 FIELDS 2 a 1 b 1                   1
		HKEYS h                                          ["c" "d"]
	`},
	{"HGETDEL", `
		HSET h a 1 b 2 c 3                               3
		HGETDEL h FIELDS 3 a nosuch a                    ["1" null_ null_]
		HKEYS h                                          ["b" "c"]
		HGETDEL nokey FIELDS 2 a b                       [null_ null_]
		HPEXPIRE h 10 FIELDS 1 b                         [1]
		pass 10
		HGETDEL h FIELDS 2 b c                           [null_ "3"]
		EXISTS h                                         0
	`},
	{"keys of another kind", `
		SET s v                                          +OK
		HEXPIRE s x FIELDS 1 f                           -WRONGTYPE Operation against a key holding the wrong kind of value
		HTTL s NOFIELDS 1 f                              -WRONGTYPE Operation against a key holding the wrong kind of value
		HPERSIST s FIELDS 0 f                            -WRONGTYPE Operation against a key holding the wrong kind of value
		HGETEX s FIELDS 0 f                              -WRONGTYPE Operation against a key holding the wrong kind of value
		HGETDEL s FIELDS 0 f                             -WRONGTYPE Operation against a key holding the wrong kind of value
		HSETEX s FIELDS 1 f v                            -WRONGTYPE Operation against a key holding the wrong kind of value
		HSETEX s FIELDS 0 f v                            -ERR invalid number of fields
	`},
	{"arguments of HEXPIRE", `
		HSET h f v                                       1
		HEXPIRE h 1 FIELDS 1                             -ERR wrong number of arguments for 'hexpire' command
		HEXPIRE h x FIELDS 1 f                           -ERR value is not an integer or out of range
		HEXPIRE h 9223372036854775808 FIELDS 1 f         -ERR value is not an integer or out of range
		HEXPIRE h -1 FIELDS 1 f                          -ERR invalid expire time, must be >= 0
		HPEXPIREAT h -9223372036854775808 FIELDS 1 f     -ERR invalid expire time, must be >= 0
		HEXPIRE h 70368744178 FIELDS 1 f                 -ERR invalid expire time in 'hexpire' command
		HEXPIREAT h 281474976810 FIELDS 1 f              -ERR invalid expire time in 'hexpireat' command
		HPEXPIRE h 70368744177663 FIELDS 1 f             -ERR invalid expire time in 'hpexpire' command
		HPEXPIREAT h 70368744177664 FIELDS 1 f           -ERR invalid expire time in 'hpexpireat' command
		HPEXPIREAT h 70368744177663 FIELDS 1 f           [1]
		HEXPIRE h 1 NX XX FIELDS 1 f                     -ERR Mandatory argument FIELDS is missing or not at the right position
		HEXPIRE h 1 f FIELDS 1 f                         -ERR Mandatory argument FIELDS is missing or not at the right position
		HEXPIRE h 1 NX 1 f                               -ERR Mandatory argument FIELDS is missing or not at the right position
		HEXPIRE h 1 FIELDS 0 f                           -ERR Parameter ''numFields'' should be greater than 0
		HEXPIRE h 1 NX FIELDS x f                        -ERR Parameter ''numFields'' should be greater than 0
		HEXPIRE h 1 FIELDS 2 f                           -ERR The ''numfields'' parameter must match the number of arguments
		HEXPIRE h 1 FIELDS 1 f g                         -ERR The ''numfields'' parameter must match the number of arguments
		HEXPIRE h 1 GT FIELDS 1                          -ERR The ''numfields'' parameter must match the number of arguments
		HTTL h FIELDS 1                                  -ERR wrong number of arguments for 'httl' command
		HTTL h f FIELDS 1                                -ERR Mandatory argument FIELDS is missing or not at the right position
		HTTL h FIELDS 0 f                                -ERR Number of fields must be a positive integer
		HPEXPIRETIME h FIELDS 2 f                        -ERR The ''numfields'' parameter must match the number of arguments
		HPERSIST h                                       -ERR wrong number of arguments for 'hpersist' command
		HPERSIST h FIELDS -1 f                           -ERR Number of fields must be a positive integer
		HPERSIST h FIELDS 3 f g                          -ERR The ''numfields'' parameter must match the number of arguments
		HGETDEL h FIELDS 9223372036854775808 f           -ERR Number of fields must be a positive integer
		HGETDEL h FIELDS 1                               -ERR wrong number of arguments for 'hgetdel' command
		HPTTL h FIELDS 1 f                               [68668744177663]
	`},
	{"arguments of HGETEX", `
		HGETEX h FIELDS 1                                -ERR wrong number of arguments for 'hgetex' command
		HGETEX h XFIELDX 1 a                             -ERR Mandatory argument FIELDS is missing or not at the right position
		HGETEX h PXAT 1 1                                -ERR Mandatory argument FIELDS is missing or not at the right position
		HGETEX h PERSIST 1 FIELDS 1 a                    -ERR Mandatory argument FIELDS is missing or not at the right position
		HGETEX h EX 1 PERSIST FIELDS 1 a                 -ERR Mandatory argument FIELDS is missing or not at the right position
		HGETEX h EX 1 FIELDS                             -ERR wrong number of arguments for 'hgetex' command
		HGETEX h FIELDS 2 a                              -ERR The ''numfields'' parameter must match the number of arguments
		HGETEX h FIELDS 0 a                              -ERR Number of fields must be a positive integer
		HGETEX h EX bla FIELDS 1 a                       -ERR value is not an integer or out of range
		HGETEX h PX -1 FIELDS 1 a                        -ERR invalid expire time, must be >= 0
		HGETEX h EXAT 281474976710656 FIELDS 1 a         -ERR invalid expire time in 'hgetex' command
	`},
	{"arguments of HSETEX", `
		HSETEX h FIELDS 1 a                              -ERR wrong number of arguments for 'hsetex' command
		HSETEX h FIELDS 2 a b                            -ERR wrong number of arguments for 'hsetex' command
		HSETEX h FIELDS 2 a b c                          -ERR wrong number of arguments for 'hsetex' command
		HSETEX h FIELDS 1 a b c d                        -ERR wrong number of arguments for 'hsetex' command
		HSETEX h FIELDS 1 a b unknown                    -ERR wrong number of arguments for 'hsetex' command
		HSETEX h NX FIELDS 1 a b                         -ERR unknown argument: NX
		HSETEX h 1 FIELDS 1 a b                          -ERR unknown argument: 1
		HSETEX h FXX FNX FIELDS 1 a b                    -ERR Only one of FXX or FNX arguments can be specified
		HSETEX h FNX FNX EX 1 FIELDS 1 a b               -ERR Only one of FXX or FNX arguments can be specified
		HSETEX h EX 100 PX 1000 FIELDS 1 a b             -ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
		HSETEX h KEEPTTL EX 100 FIELDS 1 a b             -ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
		HSETEX h KEEPTTL KEEPTTL FIELDS 1 a b            -ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
		HSETEX h EX FIELDS 1 a b                         -ERR value is not an integer or out of range
		HSETEX h FNX KEEPTTL FNX FNX EX                  -ERR Only one of FXX or FNX arguments can be specified
		HSETEX h EXAT -1 FIELDS 1 a b                    -ERR invalid expire time, must be >= 0
		HSETEX h PXAT 281474976710656 FIELDS 1 a b       -ERR invalid expire time in 'hsetex' command
		HSETEX h FIELDS x a b                            -ERR invalid number of fields
		HSETEX h FIELDS -1 a b                           -ERR invalid number of fields
		EXISTS h                                         0
	`},
}

// TestFieldExpiryReplies runs commands that the redis-server compared with does not
// have against what is recorded of those that do.
func TestFieldExpiryReplies(t *testing.T) {
	for _, test := range fieldExpiry {
		t.Run(strings.ReplaceAll(test.name, " ", "_"), func(t *testing.T) {
			m, now := NewMemory(1), time.Unix(1_700_000_000, 0)
			m.now = func() time.Time { return now }
			for line := range strings.Lines(test.script) {
				if line = strings.TrimSpace(line); line == "" {
					continue
				}
				args, want, _ := strings.Cut(line, "  ")
				words := strings.Fields(args)
				if words[0] == "pass" {
					ms, _ := strconv.Atoi(words[1])
					now = now.Add(time.Duration(ms) * time.Millisecond)
					continue
				}
				want = strings.ReplaceAll(strings.TrimSpace(want), "''", "`")
				have, err := m.Do(words...)
				if err != nil || have.String() != want {
					t.Errorf("%s: want %s, have %v, %v", args, want, have, err)
				}
			}
		})
	}
}

// Each command that is not compared is one that there is, and its replies are recorded.
func TestNewerCommandsAreRecorded(t *testing.T) {
	for verb := range newer {
		s, ok := command.Lookup(verb)
		if !ok || s.Since < "7.4" {
			t.Errorf("%s: want a command of Redis since 7.4, have %+v", verb, s)
		}
		recorded := false
		for _, test := range fieldExpiry {
			recorded = recorded || strings.Contains(test.script, "\t"+verb+" ")
		}
		if !recorded {
			t.Errorf("%s: want its replies recorded", verb)
		}
	}
}
