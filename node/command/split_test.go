package command

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// The keys a1, a2 are in one partition, b1, b2 in another, c1 in a third.
var names = strings.NewReplacer("a1", "{a}1", "a2", "{a}2", "b1", "{b}1", "b2", "{b}2", "c1", "{c}1")

func TestSplit(t *testing.T) {
	for line, want := range map[string]string{
		"DEL a1 b1 a2 c1 b2":            "DEL a1 a2|DEL b1 b2|DEL c1",
		"EXISTS a1 b1 a1":               "EXISTS a1 a1|EXISTS b1",
		"MGET b1 a1 b2":                 "MGET b1 b2|MGET a1",
		"MSET a1 1 b1 2 a2 3 a1 4":      "MSET a1 1 a2 3 a1 4|MSET b1 2",
		"DEL a1 a2":                     "",
		"MSET a1 1 a2 2":                "",
		"GET a1":                        "",
		"SADD a1 b1 c1":                 "",
		"MSET a1 1 b1":                  "", // makes no sense, and is refused whole
		"DEL":                           "",
		"NOPE a1 b1":                    "",
		"":                              "",
		"SCAN 0 MATCH b1":               "",
		"SINTER a1 b1":                  "",
		"MSETNX a1 1 b1 2":              "",
		"UNLINK a1 b1":                  "UNLINK a1|UNLINK b1",
		"TOUCH a1 b1":                   "TOUCH a1|TOUCH b1",
		"PING a1":                       "",
		"MGET a1 b1 c1 a2 b2 c1 a1 zzz": "MGET a1 a2 a1|MGET b1 b2|MGET c1 c1|MGET zzz",
	} {
		c := cmd(names.Replace(line))
		c.Request, c.Hops = 7, 1
		parts, join, ok := Split(c, region.DefaultPartitions)
		var have []string
		for _, p := range parts {
			have = append(have, strings.Join(p.Args, " "))
			if p.Request != 7 || p.Hops != 1 {
				t.Errorf("%s: a part does not inherit: %+v", line, p)
			}
		}
		if strings.Join(have, "|") != names.Replace(want) || ok != (want != "") || (join != nil) != ok {
			t.Errorf("%s: want %q, have %q, %t", line, names.Replace(want), have, ok)
		}
	}
}

func TestJoin(t *testing.T) {
	texts := func(s string) wire.Reply { return wire.Strings(strings.Fields(s)) }
	busy := wire.Fail(&wire.Error{Code: wire.CodeOverload, Text: "ERR busy"})
	late := wire.Fail(&wire.Error{Code: wire.CodeTimeout, Text: "ERR late"})
	failed := func(code wire.Code, text string) wire.Reply { return wire.Fail(&wire.Error{Code: code, Text: text}) }
	for _, test := range []struct {
		line string
		rs   []wire.Reply
		want wire.Reply
	}{
		{"DEL a1 b1 a2", []wire.Reply{wire.Int(2), wire.Int(1)}, wire.Int(3)},
		{"EXISTS a1 b1", []wire.Reply{wire.Int(0), wire.Int(1)}, wire.Int(1)},
		{"MGET a1 b1 a2 b2", []wire.Reply{texts("1 3"), texts("2 4")}, texts("1 2 3 4")},
		{"MSET a1 1 b1 2", []wire.Reply{wire.OK, wire.OK}, wire.OK},
		{"DEL a1 b1 c1", []wire.Reply{wire.Int(1), busy, late}, failed(429, "ERR busy (1 of 3 parts of the DEL were done)")},
		{"MSET a1 1 b1 2", []wire.Reply{late, wire.OK}, failed(504, "ERR late (1 of 2 parts of the MSET were done)")},
		{"MGET a1 b1", []wire.Reply{texts("1"), busy}, busy},
		{"EXISTS a1 b1", []wire.Reply{late, busy}, late},
		// What no node replies is a defect, not a panic.
		{"EXISTS a1 b1", []wire.Reply{wire.Int(1), wire.Nil}, failed(500, "ERR unexpected reply of type 0")},
		{"MGET a1 b1", []wire.Reply{texts("1"), wire.OK}, failed(500, "ERR unexpected reply of type 1")},
		{"MGET a1 b1 b2", []wire.Reply{texts("1"), texts("2")}, failed(500, "ERR part 1 has 1 values, none for key 2")},
		{"DEL a1 b1", []wire.Reply{wire.Int(1)}, failed(500, "ERR 1 replies to 2 parts")},
		{"EXISTS a1 b1", []wire.Reply{{Type: wire.TypeError}, wire.Int(1)}, failed(500, "ERR unexpected reply of type 5")},
	} {
		_, join, ok := Split(cmd(names.Replace(test.line)), region.DefaultPartitions)
		if !ok {
			t.Fatalf("%s: not split", test.line)
		}
		if have := join(test.rs); !reflect.DeepEqual(have, test.want) {
			t.Errorf("%s: want %+v %v, have %+v %v", test.line, test.want, test.want.Err, have, have.Err)
		}
	}
}

// Splitting and joining gives what one node would have replied.
func TestSplitKeepsOrder(t *testing.T) {
	args := []string{"MGET"}
	for i := range 500 {
		args = append(args, fmt.Sprint(i%300))
	}
	parts, join, ok := Split(wire.Command{Args: args}, region.DefaultPartitions)
	if !ok {
		t.Fatal("not split")
	}
	replies := make([]wire.Reply, len(parts))
	for i, p := range parts {
		replies[i] = wire.Strings(p.Args[1:])
	}
	if have := join(replies); !reflect.DeepEqual(have, wire.Strings(args[1:])) {
		t.Errorf("MGET of 500 keys: values out of order: %+v", have)
	}
}
