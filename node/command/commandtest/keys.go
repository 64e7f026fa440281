package commandtest

import (
	"errors"
	"strings"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

func (s *suite) keys() {
	k, none := s.key("k"), s.key("none")
	equal(s, "TYPE of no key", "none")(s.api.Type(s.ctx, k))
	equal(s, "EXISTS of no key", 0)(s.api.Exists(s.ctx, k))
	equal(s, "SADD", 1)(s.api.SAdd(s.ctx, k, "m"))
	equal(s, "TYPE", "set")(s.api.Type(s.ctx, k))
	equal(s, "EXISTS k none k", 2)(s.api.Exists(s.ctx, k, none, k))
	equal(s, "SET over a set", true)(s.api.Set(s.ctx, k, "v"))
	equal(s, "TYPE", "string")(s.api.Type(s.ctx, k))
	equal(s, "DEL none", 0)(s.api.Del(s.ctx, none))
	equal(s, "DEL k none k", 1)(s.api.Del(s.ctx, k, none, k))
	equal(s, "DEL of nothing", 0)(s.api.Del(s.ctx))
	equal(s, "EXISTS of nothing", 0)(s.api.Exists(s.ctx))
	equal(s, "SET", true)(s.api.Set(s.ctx, k, "v"))
	equal(s, "INVALIDATE k none k", 1)(s.api.Invalidate(s.ctx, k, none, k))
	equal(s, "EXISTS of what was invalidated", 0)(s.api.Exists(s.ctx, k))
	equal(s, "INVALIDATE of nothing", 0)(s.api.Invalidate(s.ctx))
	equal(s, "SADD after it", 1)(s.api.SAdd(s.ctx, k, "m"))
}

// wrongType checks every command that works inside of a kind on another kind.
func (s *suite) wrongType() {
	str, hash := s.key("string"), s.key("hash")
	equal(s, "SET", true)(s.api.Set(s.ctx, str, "v"))
	equal(s, "HSET", 1)(s.api.HSet(s.ctx, hash, command.Field{Name: "f", Value: "v"}))
	for _, args := range [][]string{
		{"GET", hash}, {"INCRBY", hash, "1"}, {"INCRBYFLOAT", hash, "1"},
		{"HSET", str, "f", "v"}, {"HGET", str, "f"}, {"HMGET", str, "f"}, {"HGETALL", str}, {"HDEL", str, "f"},
		{"HLEN", str}, {"HEXISTS", str, "f"}, {"HINCRBY", str, "f", "1"}, {"HINCRBYFLOAT", str, "f", "1"},
		{"SADD", hash, "m"}, {"SREM", hash, "m"}, {"SMEMBERS", hash}, {"SISMEMBER", hash, "m"}, {"SCARD", hash},
		{"ZADD", hash, "1", "m"}, {"ZREM", hash, "m"}, {"ZSCORE", hash, "m"}, {"ZINCRBY", hash, "1", "m"},
		{"ZRANGE", hash, "0", "-1"}, {"ZCARD", hash},
	} {
		r := s.api.Do(s.ctx, wire.Command{Args: args})[0]
		if r.Type != wire.TypeError || *r.Err != *command.ErrWrongType {
			s.Errorf("%s on another kind: want %v, have %+v", args[0], command.ErrWrongType, r)
		}
	}
	_, _, err := s.api.Get(s.ctx, hash)
	s.fails("GET of a hash", wire.ErrWrongType, err)
	equal(s, "MGET of a hash and a string", []command.Value{{}, {Text: "v", OK: true}})(s.api.MGet(s.ctx, hash, str))
	s.shows("GET after refused commands", "v")(s.api.Get(s.ctx, str))
	equal(s, "HGETALL after refused commands", map[string]string{"f": "v"})(s.api.HGetAll(s.ctx, hash))
}

// ttl checks that a key expires in at most want and not much less.
func (s *suite) ttl(what, key string, want time.Duration) {
	s.Helper()
	have, state, err := s.api.TTL(s.ctx, key)
	if err != nil || state != command.StateExpires || have > want || have < want-patience {
		s.Errorf("%s: want a TTL just below %v, have %v, state %d, %v", what, want, have, state, err)
	}
}

// state checks whether a key expires.
func (s *suite) state(what, key string, want command.State) {
	s.Helper()
	if _, have, err := s.api.TTL(s.ctx, key); err != nil || have != want {
		s.Errorf("%s: want TTL state %d, have %d, %v", what, want, have, err)
	}
}

func (s *suite) expiry() {
	k := s.key("k")
	s.state("no key", k, command.StateMissing)
	equal(s, "PEXPIRE of no key", false)(s.api.Expire(s.ctx, k, time.Hour))
	equal(s, "PERSIST of no key", false)(s.api.Persist(s.ctx, k))
	equal(s, "SET", true)(s.api.Set(s.ctx, k, "v"))
	s.state("SET without a TTL", k, command.StateStays)
	equal(s, "PERSIST without a TTL", false)(s.api.Persist(s.ctx, k))
	equal(s, "PEXPIRE", true)(s.api.Expire(s.ctx, k, time.Hour))
	s.ttl("PEXPIRE", k, time.Hour)
	equal(s, "PEXPIREAT", true)(s.api.ExpireAt(s.ctx, k, time.Now().Add(2*time.Hour)))
	s.ttl("PEXPIREAT", k, 2*time.Hour)
	equal(s, "PEXPIRE, shorter", true)(s.api.Expire(s.ctx, k, time.Minute))
	s.ttl("PEXPIRE, shorter", k, time.Minute)
	equal(s, "PERSIST", true)(s.api.Persist(s.ctx, k))
	s.state("PERSIST", k, command.StateStays)
	equal(s, "SET with a TTL", true)(s.api.Set(s.ctx, k, "v", command.TTL(time.Hour)))
	s.ttl("SET with a TTL", k, time.Hour)
	equal(s, "INCRBY keeps the TTL", int64(1))(s.api.Incr(s.ctx, s.withTTL("n"), 1))
	s.ttl("after INCRBY", s.key("n"), time.Hour)
	equal(s, "SET drops the TTL", true)(s.api.Set(s.ctx, k, "v"))
	s.state("SET over a TTL", k, command.StateStays)
	equal(s, "SET until a time", true)(s.api.Set(s.ctx, k, "v", command.ExpireAt(time.Now().Add(time.Hour))))
	s.ttl("SET until a time", k, time.Hour)
	equal(s, "PEXPIRE of a long time", true)(s.api.Expire(s.ctx, k, 200*365*24*time.Hour))
	s.ttl("PEXPIRE of a long time", k, 200*365*24*time.Hour)
	s.expireTime(k)

	for what, ttl := range map[string]time.Duration{"zero": 0, "negative": -time.Hour} {
		equal(s, "SADD", 1)(s.api.SAdd(s.ctx, s.key(what), "m"))
		equal(s, "PEXPIRE "+what, true)(s.api.Expire(s.ctx, s.key(what), ttl))
		equal(s, "EXISTS after PEXPIRE "+what, 0)(s.api.Exists(s.ctx, s.key(what)))
	}
	equal(s, "PEXPIREAT a time past", true)(s.api.ExpireAt(s.ctx, k, time.Now().Add(-time.Second)))
	s.absent("GET after PEXPIREAT a time past")(s.api.Get(s.ctx, k))
	equal(s, "SET until a time past", true)(s.api.Set(s.ctx, k, "v", command.ExpireAt(time.Now().Add(-time.Second))))
	s.absent("GET after SET until a time past")(s.api.Get(s.ctx, k))
}

// withTTL makes a counter at zero that expires in an hour.
func (s *suite) withTTL(name string) string {
	k := s.key(name)
	equal(s, "SET", true)(s.api.Set(s.ctx, k, "0", command.TTL(time.Hour)))
	return k
}

// expireTime checks PEXPIRETIME, for which the API has no method: a TTL says it.
func (s *suite) expireTime(k string) {
	at := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	equal(s, "PEXPIREAT", true)(s.api.ExpireAt(s.ctx, k, at))
	for key, want := range map[string]int64{k: at.UnixMilli(), s.key("none"): -2} {
		r := s.api.Do(s.ctx, wire.Command{Args: []string{"PEXPIRETIME", key}})[0]
		if r.Type != wire.TypeInt || r.Int != want {
			s.Errorf("PEXPIRETIME: want %d, have %+v", want, r)
		}
	}
}

// expiryPasses checks that what expires is gone, whatever its kind, and that a
// key begun anew begins fresh.
func (s *suite) expiryPasses() {
	const ttl = 60 * time.Millisecond
	str, hash, set := s.key("string"), s.key("hash"), s.key("set")
	start := time.Now()
	equal(s, "SET", true)(s.api.Set(s.ctx, str, "5", command.TTL(ttl)))
	equal(s, "HSET", 1)(s.api.HSet(s.ctx, hash, command.Field{Name: "f", Value: "1"}))
	equal(s, "PEXPIRE", true)(s.api.Expire(s.ctx, hash, ttl))
	equal(s, "SADD", 1)(s.api.SAdd(s.ctx, set, "m"))
	equal(s, "PEXPIREAT", true)(s.api.ExpireAt(s.ctx, set, time.Now().Add(ttl)))
	s.eventually("keys expire", func() bool {
		n, err := s.api.Exists(s.ctx, str, hash, set)
		return n == 0 && err == nil
	})
	if took := time.Since(start); took < ttl {
		s.Errorf("a TTL of %v: gone after %v", ttl, took)
	}
	s.state("expired", str, command.StateMissing)
	equal(s, "DEL of what expired", 0)(s.api.Del(s.ctx, str))
	equal(s, "INCRBY of what expired", int64(1))(s.api.Incr(s.ctx, str, 1))
	s.state("begun anew", str, command.StateStays)
	equal(s, "HSET of what expired", 1)(s.api.HSet(s.ctx, hash, command.Field{Name: "g", Value: "2"}))
	equal(s, "HGETALL", map[string]string{"g": "2"})(s.api.HGetAll(s.ctx, hash))
	equal(s, "SET NX of what expired", true)(s.api.Set(s.ctx, set, "v", command.IfAbsent()))
}

func (s *suite) oddKeys() {
	for _, name := range []string{
		"with space", "a.b.c", ".", "..", "a.", ".a", "*", "a.*", ">", "a.>", "line\nbreak\r\n", "nul\x00nul",
		"ümlaut", "\xff\xfe", "%", "%-", "%2E", "{tag}x", "{}", "}{", "$SYS.x", "a/b\\c", "\t", "_INBOX.x",
		strings.Repeat("k", 1000), strings.Repeat(".", 300), strings.Repeat("\x00", 2000),
	} {
		s.oddKey(s.key(name))
	}
	longest := s.key("")
	s.oddKey(longest + strings.Repeat("x", s.limits.MaxKey-len(longest)))

	equal(s, "SET of the empty key", true)(s.api.Set(s.ctx, "", "v"))
	s.oddKey("")
}

// oddKey checks that a key is a key like any other, also as a field and member.
func (s *suite) oddKey(k string) {
	s.Helper()
	equal(s, "SET "+brief(k), true)(s.api.Set(s.ctx, k, "of "+k))
	s.shows("GET "+brief(k), "of "+k)(s.api.Get(s.ctx, k))
	s.absent("GET " + brief(k) + " and one byte")(s.api.Get(s.ctx, k[:min(len(k), 100)]+"\x01"))
	equal(s, "MGET "+brief(k), []command.Value{{Text: "of " + k, OK: true}})(s.api.MGet(s.ctx, k))
	equal(s, "DEL "+brief(k), 1)(s.api.Del(s.ctx, k))
	equal(s, "HSET "+brief(k), 1)(s.api.HSet(s.ctx, k, command.Field{Name: k, Value: k}))
	equal(s, "HGETALL "+brief(k), map[string]string{k: k})(s.api.HGetAll(s.ctx, k))
	equal(s, "DEL "+brief(k), 1)(s.api.Del(s.ctx, k))
	equal(s, "SADD "+brief(k), 1)(s.api.SAdd(s.ctx, k, k))
	equal(s, "SMEMBERS "+brief(k), []string{k})(s.api.SMembers(s.ctx, k))
	equal(s, "DEL "+brief(k), 1)(s.api.Del(s.ctx, k))
}

func (s *suite) sizes() {
	k := s.key("k")
	sizes := []int{0, 1, 127, 255, 256, 65535, 65536, 1 << 20, 3<<20 + 1}
	if s.large {
		sizes = append(sizes, 8<<20, s.limits.MaxValue)
	}
	for _, size := range sizes {
		if size > s.limits.MaxValue {
			continue
		}
		v := strings.Repeat("0123456789abcde\n", size/16+1)[:size]
		equal(s, "SET "+brief(v), true)(s.api.Set(s.ctx, k, v))
		s.shows("GET", v)(s.api.Get(s.ctx, k))
	}
	fields := make([]command.Field, 3000)
	want := map[string]string{}
	for i := range fields {
		fields[i] = command.Field{Name: strings.Repeat("f", i), Value: strings.Repeat("v", 1000)}
		want[fields[i].Name] = fields[i].Value
	}
	h := s.key("h")
	equal(s, "HSET of many fields", len(fields))(s.api.HSet(s.ctx, h, fields...))
	have, err := s.api.HGetAll(s.ctx, h)
	if err != nil || len(have) != len(want) {
		s.Errorf("HGETALL: want %d fields, have %d, %v", len(want), len(have), err)
	}
	for name, value := range want {
		if have[name] != value {
			s.Errorf("HGETALL, field %s: want %s, have %s", brief(name), brief(value), brief(have[name]))
		}
	}
}

// sizeLimits checks one byte too many.
func (s *suite) sizeLimits() {
	k := s.key("k")
	long := strings.Repeat("x", s.limits.MaxKey+1)
	field := strings.Repeat("x", s.limits.MaxField+1)
	var refused []error
	note := func(err error) { refused = append(refused, err) }
	_, err := s.api.Set(s.ctx, long, "v")
	note(err)
	_, _, err = s.api.Get(s.ctx, long)
	note(err)
	_, err = s.api.Del(s.ctx, k, long)
	note(err)
	_, err = s.api.HSet(s.ctx, k, command.Field{Name: field, Value: "v"})
	note(err)
	_, err = s.api.SAdd(s.ctx, k, "m", field)
	note(err)
	_, err = s.api.ZAdd(s.ctx, k, command.Member{Name: field})
	note(err)
	if s.large {
		value := strings.Repeat("x", s.limits.MaxValue+1)
		_, err = s.api.Set(s.ctx, k, value)
		note(err)
		_, err = s.api.HSet(s.ctx, k, command.Field{Name: "f", Value: value})
		note(err)
		_, err = s.api.HSet(s.ctx, k, command.Field{Name: "f", Value: value[1:]}, command.Field{Name: "g", Value: value[1:]})
		note(err)
	}
	for i, err := range refused {
		var e *wire.Error
		if !errors.As(err, &e) || e.Code != wire.CodeTooLarge || !strings.Contains(e.Text, "the limit is") {
			s.Errorf("command %d, above a limit: want a 413 that names it, have %v", i, err)
		}
	}
	equal(s, "EXISTS after refused commands", 0)(s.api.Exists(s.ctx, k))
	equal(s, "SADD of the longest member", 1)(s.api.SAdd(s.ctx, k, field[1:]))
	equal(s, "SMEMBERS", []string{field[1:]})(s.api.SMembers(s.ctx, k))
}
