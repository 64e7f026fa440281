package command

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/wire"
)

func cmd(line string) wire.Command { return wire.Command{Args: strings.Fields(line)} }

// Every Spec is complete, and its example is a command that it accepts.
func TestSpecs(t *testing.T) {
	if len(All()) < 40 || !slices.IsSortedFunc(All(), func(a, b *Spec) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("All: want every command, sorted, have %d", len(All()))
	}
	for _, s := range All() {
		if found, ok := Lookup(s.Name); !ok || found != s {
			t.Errorf("%s: Lookup finds another", s.Name)
		}
		if s.Name != strings.ToUpper(s.Name) {
			t.Errorf("%s: a bad name", s.Name)
		}
		if s.Unsafe && !s.Write {
			t.Errorf("%s: unsafe but no write", s.Name)
		}
		if !strings.HasSuffix(s.Summary, ".") || s.Args == "" != (s.MaxArgs == 0) {
			t.Errorf("%s: incomplete: %+v", s.Name, s)
		}
		example := cmd(s.Example)
		if err := Check(example, Limits{}); err != nil || example.Args[0] != s.Name {
			t.Errorf("%s: its example %q: %v", s.Name, s.Example, err)
		}
		isKey := map[Keys]bool{
			KeysNone:    true,
			KeysFirst:   s.role(0, 0) == roleKey,
			KeysAll:     s.role(5, 0) == roleKey,
			KeysPairs:   s.role(4, 0) == roleKey && s.role(5, 0) == roleValue,
			KeysTwo:     s.role(0, 0) == roleKey && s.role(1, 0) == roleKey,
			KeysSecond:  s.role(1, 0) == roleKey,
			KeysCounted: s.role(0, 0) == roleOption,
			KeysStored:  s.role(0, 0) == roleKey && s.role(1, 0) == roleOption,
		}
		if !isKey[s.Keys] {
			t.Errorf("%s: rule of keys %d, but the roles are %q, %q", s.Name, s.Keys, s.head, s.tail)
		}
		least := len(regexp.MustCompile(`\[[^]]*\]+`).ReplaceAllString(s.Args, ""))
		if (least == 0) != (s.MinArgs == 0) {
			t.Errorf("%s: MinArgs is %d, Args %q", s.Name, s.MinArgs, s.Args)
		}
	}
}

func TestKeysOf(t *testing.T) {
	for line, want := range map[string]string{
		"GET a": "a", "DEL a b a": "a b a", "MSET a 1 b 2": "a b", "HSET a f v": "a", "SCAN 0": "", "PING": "",
		"RENAME a b": "a b", "COPY a b REPLACE": "a b", "OBJECT HELP": "", "OBJECT FREQ a": "a", "SINTER a b c": "a b c",
		"SINTERCARD 2 a b LIMIT 1": "a b", "ZUNION 1 a WITHSCORES": "a", "ZUNION 3 a WITHSCORES": "", "ZUNION x a": "", "ZUNION 0 a": "",
		"ZUNIONSTORE d 2 a b WEIGHTS 1 2": "d a b", "ZUNIONSTORE d 9 a": "", "ZMPOP 2 a b MIN": "a b", "LMPOP 2 a b LEFT": "a b", "LMOVE a b LEFT RIGHT": "a b",
		".ALONE a RENAME a b": "a b", ".ALONE a NOPE a": "", ".GATHER a SINTER b a": "b a",
	} {
		c := cmd(line)
		s, err := Find(c)
		if err != nil || strings.Join(s.KeysOf(c), " ") != want {
			t.Errorf("%s: want keys %q, have %q, %v", line, want, s.KeysOf(c), err)
		}
	}
}

func TestFind(t *testing.T) {
	for line, want := range map[string]string{
		"":             "ERR empty command",
		"NOPE":         "ERR unknown command 'NOPE', with args beginning with: ",
		"get k":        "ERR unknown command 'get', with args beginning with: 'k' ",
		"GET":          "ERR wrong number of arguments for 'get' command",
		"GET a b":      "ERR wrong number of arguments for 'get' command",
		"MSET a 1 b":   "ERR wrong number of arguments for 'mset' command",
		"HSET k f v f": "ERR wrong number of arguments for 'hset' command",
		"ZADD k 1":     "ERR wrong number of arguments for 'zadd' command",
		"ZADD k 1 a 2": "", "ZADD k NX XX CH": "", // a syntax error, says its parser
		"LINK PAUSE a b": "", "LINK": "ERR wrong number of arguments for 'link' command",
		"LINK PAUSE a b c": "ERR wrong number of arguments for 'link' command",
		"DEL a b c d":      "", "HMGET k f g h": "", "ZADD k 1 a 2 b": "", "PING": "", "_NODE": "ERR unknown command '_NODE', with args beginning with: ",
	} {
		_, err := Find(cmd(line))
		checkText(t, line, want, err)
		if err != nil && !errors.Is(err, wire.ErrBadRequest) {
			t.Errorf("%s: want code 400, have %v", line, err)
		}
	}
	long := wire.Command{Args: slices.Repeat([]string{strings.Repeat("x", 1000)}, 1000)}
	if _, err := Find(long); len(err.Error()) > 500 {
		t.Errorf("an unknown command of a megabyte: the error has %d bytes", len(err.Error()))
	}
}

// checkText checks an error's text, empty for none.
func checkText(t *testing.T, what, want string, err error) {
	t.Helper()
	have := ""
	if err != nil {
		have = err.Error()
	}
	if have != want {
		t.Errorf("%s: want error %q, have %q", what, want, have)
	}
}

func TestUnsafe(t *testing.T) {
	for line, want := range map[string]bool{
		"INCRBY k 1": true, "INCRBYFLOAT k 1": true, "HINCRBY k f 1": true, "HINCRBYFLOAT k f 1": true, "ZINCRBY k 1 m": true,
		"SET k v": false, "SET k NX": false, "SET k v PX 1": false, "SET k v NX": true, "SET k v PX 1 xx": true,
		"GET k": false, "DEL k": false, "NOPE": false, "": false, "SET": false, "SET k v get": true,
		"ZADD k 1 INCR": false, "ZADD k INCR 1 m": true, "ZADD k xx incr 1 m": true, "ZADD k CH 1 m": false, "ZADD k": false,
		"HEXPIRE k 1 FIELDS 1 nx": false, "HEXPIRE k 1 nx FIELDS 1 f": true, "HGETDEL k FIELDS 1 f": true, "HGETEX k FIELDS 1 f": false,
		"HSETEX k EX 1 FIELDS 1 FNX v": false, "HSETEX k FNX EX 1 FIELDS 1 f v": true, "HSETEX k FXX FIELDS 1 f v": true, "HSETEX k FNX": false,
		"EXPIRE k 1": false, "EXPIRE k 1 nx": true, ".ALONE a SINTERSTORE a b": true, ".GATHER a SINTER a b": false,
	} {
		if have := Unsafe(cmd(line)); have != want {
			t.Errorf("%s: want %t, have %t", line, want, have)
		}
	}
}

func TestLimits(t *testing.T) {
	l := Limits{MaxKey: 4, MaxField: 3, MaxValue: 5, MaxCommand: 12, MaxArgs: 6}
	if err := l.Validate(); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"GET 1234":                "",
		"GET 12345":               "ERR key is 5 bytes, the limit is 4 (max key size)",
		"DEL a b 12345":           "ERR key is 5 bytes, the limit is 4 (max key size)",
		"SET k 12345":             "",
		"SET k 123456":            "ERR value is 6 bytes, the limit is 5 (max value size)",
		"MSET a 1 b 123456":       "ERR value is 6 bytes, the limit is 5 (max value size)",
		"MSET a 1 12345 2":        "ERR key is 5 bytes, the limit is 4 (max key size)",
		"HSET k 123 12345":        "",
		"HSET k f v 1234 v":       "ERR field or member is 4 bytes, the limit is 3 (max field size)",
		"HSET k f 123456":         "ERR value is 6 bytes, the limit is 5 (max value size)",
		"SADD k a 1234":           "ERR field or member is 4 bytes, the limit is 3 (max field size)",
		"ZADD k 1 1234":           "ERR field or member is 4 bytes, the limit is 3 (max field size)",
		"RPUSH k 12345 123456":    "ERR value is 6 bytes, the limit is 5 (max value size)",
		"LSET k 1 123456":         "ERR value is 6 bytes, the limit is 5 (max value size)",
		"LREM k 12345 a":          "ERR argument is 5 bytes, the limit is 4 (max key size)",
		"ZADD k 12345 m":          "ERR argument is 5 bytes, the limit is 4 (max key size)",
		"ZADD k NX CH 1 1234":     "ERR field or member is 4 bytes, the limit is 3 (max field size)",
		"ZADD k CH 1234 123":      "",
		"MSET 1234 12345 123 123": "ERR command is 15 bytes, the limit is 12 (max command size)",
		"SADD k 1 2 3 4":          "",
		"SADD k 1 2 3 4 5":        "ERR command has 7 arguments, the limit is 6 (max arguments of a command)",
	} {
		err := Check(cmd(line), l)
		checkText(t, line, want, err)
		if err != nil && !errors.Is(err, wire.ErrTooLarge) {
			t.Errorf("%s: want code 413, have %v", line, err)
		}
	}
	for name, bad := range map[string]Limits{
		"negative": {MaxKey: -1}, "args": {MaxArgs: wire.MaxArgs + 1}, "command": {MaxCommand: 1 << 20},
	} {
		if bad.Validate() == nil {
			t.Errorf("limits, %s: want an error", name)
		}
	}
	big := wire.Command{Args: []string{"SET", strings.Repeat("k", DefaultMaxKey), strings.Repeat("v", DefaultMaxValue)}}
	if err := Check(big, Limits{}); err != nil {
		t.Errorf("the largest key and value: %v", err)
	}
	big.Args[2] += "v"
	checkText(t, "one byte more", "ERR value is 67108865 bytes, the limit is 67108864 (max value size)", Check(big, Limits{}))
}

func TestCheckDoesNotAllocate(t *testing.T) {
	c := cmd("SET key value PX 1000")
	if n := testing.AllocsPerRun(100, func() { _ = Check(c, Limits{}) }); n != 0 {
		t.Errorf("Check: want no allocation, have %v", n)
	}
}

// TestLimitsBehindAWord checks the sizes of fields and values that come behind FIELDS
// and a number.
func TestLimitsBehindAWord(t *testing.T) {
	l := Limits{MaxKey: 8, MaxField: 3, MaxValue: 5, MaxCommand: 40}
	for line, want := range map[string]string{
		"HSETEX k EX 1 FIELDS 2 123 12345 f 12345": "",
		"HSETEX k EX 1 FIELDS 2 123 123456 f v":    "ERR value is 6 bytes, the limit is 5 (max value size)",
		"HSETEX k fields 2 1234 v f v":             "ERR field or member is 4 bytes, the limit is 3 (max field size)",
		"HSETEX k 123456789 FIELDS 1 f v":          "ERR argument is 9 bytes, the limit is 8 (max key size)",
		"HEXPIRE k 1 NX FIELDS 1 1234":             "ERR field or member is 4 bytes, the limit is 3 (max field size)",
		"HEXPIRE k 1 NX NOFIELDS 1 1234":           "", // a syntax error, says its parser
		"HTTL k FIELDS 1 1234":                     "ERR field or member is 4 bytes, the limit is 3 (max field size)",
		"HTTL k a b FIELDS":                        "",
	} {
		checkText(t, line, want, Check(cmd(line), l))
	}
}
