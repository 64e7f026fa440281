package commandtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// ask runs a command and returns its reply for people.
func (s *suite) ask(ctx context.Context, args ...string) string {
	return show(s.api.Do(ctx, wire.Command{Args: args})[0])
}

func show(r wire.Reply) string {
	switch r.Type {
	case wire.TypeNil:
		return "nil"
	case wire.TypeInt:
		return fmt.Sprint(r.Int)
	case wire.TypeFloat:
		return fmt.Sprint(r.Float)
	case wire.TypeError:
		return r.Err.Text
	case wire.TypeList:
		parts := make([]string, len(r.List))
		for i, e := range r.List {
			parts[i] = show(e)
		}
		return "[" + strings.Join(parts, " ") + "]"
	}
	return r.Text
}

// together checks commands on keys that depend on each other: keys of one
// partition and keys of several, in a session and outside.
func (s *suite) together() {
	for what, name := range map[string]func(string) string{
		"one slot":      func(k string) string { return s.key("{same}" + k) },
		"several slots": func(k string) string { return s.key("{" + k + "}") },
	} {
		for _, ctx := range []context.Context{s.ctx, s.plain} {
			s.sequence(ctx, what, name)
		}
	}
}

// togetherSteps are commands one after the other. A word that begins with @ is a
// key.
var togetherSteps = []struct{ line, want string }{
	{"RENAME @a @b", "ERR no such key"},
	{"MSETNX @a 1 @b 2", "1"},
	{"MSETNX @b 3 @c 4", "0"},
	{"MGET @a @b @c", "[1 2 nil]"},
	{"RENAMENX @a @b", "0"},
	{"RENAMENX @a @c", "1"},
	{"RENAME @b @a", "OK"},
	{"MGET @a @b @c", "[2 nil 1]"},
	{"EXPIREAT @a 4000000000", "1"},
	{"COPY @a @b", "1"},
	{"COPY @c @b", "0"},
	{"COPY @a @c REPLACE", "1"},
	{"EXPIRETIME @c", "4000000000"},
	{"COPY @a @a", "ERR source and destination objects are the same"},
	{"OBJECT ENCODING @a", "int"},
	{"OBJECT ENCODING @d", "nil"},
	{"SADD @x 1 2 3", "3"},
	{"SADD @y 2 3 4", "3"},
	{"SINTER @x @y", "[2 3]"},
	{"SUNION @x @y @z", "[1 2 3 4]"},
	{"SDIFF @x @y", "[1]"},
	{"SINTERCARD 2 @x @y LIMIT 1", "1"},
	{"SUNION @x @a", "WRONGTYPE Operation against a key holding the wrong kind of value"},
	{"SUNIONSTORE @a @x @y", "4"},
	{"TTL @a", "-1"},
	{"SCARD @a", "4"},
	{"SINTERSTORE @a @x @z", "0"},
	{"EXISTS @a", "0"},
	{"SMOVE @x @y 1", "1"},
	{"SMOVE @x @y 1", "0"},
	{"SMEMBERS @y", "[1 2 3 4]"},
	{"ZADD @a 1 m 2 n", "2"},
	{"ZADD @b 1 m", "WRONGTYPE Operation against a key holding the wrong kind of value"},
	{"ZUNIONSTORE @b 2 @a @x WEIGHTS 2 10", "4"},
	{"ZRANGE @b 0 -1 WITHSCORES", "[m 2 n 4 2 10 3 10]"},
	{"ZINTER 2 @a @b WITHSCORES", "[m 3 n 6]"},
	{"ZDIFF 2 @b @a", "[2 3]"},
	{"ZRANGESTORE @c @b 1 2", "2"},
	{"ZMPOP 3 @z @c @b MIN COUNT 5", "[@c [n 4 2 10]]"},
	{"ZMPOP 2 @z @c MIN", "nil"},
	{"ZUNION 3 @a @b", "ERR syntax error"},
	{"LMOVE @p @q LEFT RIGHT", "nil"},
	{"RPUSH @p 1 2 3 4", "4"},
	{"LMOVE @p @a LEFT RIGHT", "WRONGTYPE Operation against a key holding the wrong kind of value"},
	{"LMOVE @p @q LEFT RIGHT", "1"},
	{"RPOPLPUSH @p @q", "4"},
	{"RPOPLPUSH @p @p", "3"},
	{"LRANGE @p 0 -1", "[3 2]"},
	{"LRANGE @q 0 -1", "[4 1]"},
	{"LMPOP 2 @z @p LEFT COUNT 5", "[@p [3 2]]"},
	{"LMPOP 2 @z @p RIGHT", "nil"},
	{"RENAME @q @c", "OK"},
	{"COPY @c @p", "1"},
	{"LRANGE @p 0 -1", "[4 1]"},
	{"TYPE @p", "list"},
	{"PFADD @z 1 2 3", "1"},
	{"PFCOUNT @z @d", "3"},
	{"PFMERGE @d @z", "OK"},
	{"PFADD @d 3 4", "1"},
	{"PFCOUNT @d @z", "4"},
	{"PFMERGE @d @p", "WRONGTYPE Operation against a key holding the wrong kind of value"},
	{"RENAME @d @q", "OK"},
	{"COPY @q @y REPLACE", "1"},
	{"PFCOUNT @y", "4"},
	{"TYPE @y", "string"},
}

// sequence runs togetherSteps.
func (s *suite) sequence(ctx context.Context, what string, name func(string) string) {
	keys := []string{"a", "b", "c", "d", "x", "y", "z", "p", "q"}
	for i, k := range keys {
		keys[i] = name(k)
	}
	if _, err := s.api.Del(ctx, keys...); err != nil {
		s.Errorf("%s: DEL: %v", what, err)
	}
	for _, step := range togetherSteps {
		args := strings.Fields(step.line)
		for i, a := range args {
			if k, isKey := strings.CutPrefix(a, "@"); isKey {
				args[i] = name(k)
			}
		}
		want := strings.NewReplacer("@c", name("c"), "@p", name("p")).Replace(step.want)
		if spec, _ := command.Lookup(args[0]); ctx == s.plain && !spec.Write {
			// Outside a session a read may miss what was written a moment ago.
			s.eventually(what+": "+step.line+" replies "+want, func() bool { return s.ask(ctx, args...) == want })
		} else if have := s.ask(ctx, args...); have != want {
			s.Errorf("%s: %s: want %s, have %s", what, step.line, want, have)
		}
	}
}

// togetherInOrder checks that commands in one call keep their order around one
// whose keys are in several partitions.
func (s *suite) togetherInOrder() {
	a, b, to := s.key("{a}"), s.key("{b}"), s.key("{to}")
	for round := range 20 {
		var cmds []wire.Command
		for _, args := range [][]string{
			{"DEL", a, b, to}, {"SADD", a, "1"}, {"SADD", b, fmt.Sprint(round)}, {"SUNIONSTORE", to, a, b}, {"SADD", a, "late"},
			{"SMEMBERS", to}, {"RENAME", to, a}, {"SMEMBERS", a}, {"EXISTS", to},
		} {
			cmds = append(cmds, wire.Command{Args: args})
		}
		rs := s.api.Do(s.ctx, cmds...)
		want := slices.Sorted(slices.Values([]string{"1", fmt.Sprint(round)}))
		members := "[" + strings.Join(slices.Compact(want), " ") + "]"
		if have := show(rs[5]); have != members {
			s.Errorf("round %d: SMEMBERS of the union: want %s, have %s", round, members, have)
		}
		if have := show(rs[7]); have != members || rs[8].Int != 0 {
			s.Errorf("round %d: after RENAME: want %s and no old key, have %s, %s", round, members, have, show(rs[8]))
		}
	}
}

// hidden checks that a command of the nodes among themselves cannot put a key
// where nobody looks for it.
func (s *suite) hidden() {
	a, b := s.key("{a}"), s.key("{b}")
	for _, args := range [][]string{
		{".ALONE", a, "RENAME", a, b}, {".ALONE", a, "MSETNX", b, "1"}, {".ALONE", a, "SET", a, "1"}, {".ALONE", a, ".ALONE", a, "RENAME", a, a},
		{".GATHER", a, "SINTER", b}, {".GATHER", a, "RENAME", a, a}, {".ALONE", a, "SINTER", a},
	} {
		if r := s.api.Do(s.ctx, wire.Command{Args: args})[0]; r.Type != wire.TypeError {
			s.Errorf("%q: want an error, have %s", args, show(r))
		}
	}
	equal(s, "EXISTS after refused commands", 0)(s.api.Exists(s.ctx, a, b))
	if spec, ok := command.Lookup(".ALONE"); !ok || !spec.Hidden || slices.Contains(command.All(), spec) {
		s.Errorf(".ALONE is not hidden")
	}
}
