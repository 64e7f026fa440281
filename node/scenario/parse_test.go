package scenario_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/scenario"
)

var regions = []string{"eu", "us", "ap"}

func TestParse(t *testing.T) {
	text := `# A comment.

== R1,R4 string,hash: a title: with a colon
eu> SET k "a \"b\"\x00"
OK
# And another.
cut eu|us,ap
eu2,ap> HGETALL h
1) "a"
2) 1) "b"
   2) …
sync us,ap
heal
cut eu|ap
sync
heal
all> INSPECT k
~ "state":"lost"
~ "agree":true
== redis zset: another
advance 1h30m
sync
us> PING
PONG
or
x
y
`
	have, err := scenario.Parse("a.txt", text, regions)
	if err != nil {
		t.Fatal(err)
	}
	all := []scenario.Client{{Region: "eu", Node: 1}, {Region: "us", Node: 1}, {Region: "ap", Node: 1}}
	want := []scenario.Scenario{
		{File: "a.txt", Line: 3, Rules: []string{"R1", "R4"}, Types: []string{"string", "hash"}, Title: "a title: with a colon", Steps: []scenario.Step{
			{Line: 4, Text: `eu> SET k "a \"b\"\x00"`, Op: scenario.Command, At: all[:1],
				Args: []string{"SET", "k", "a \"b\"\x00"}, Want: []scenario.Reply{{Text: "OK"}}},
			{Line: 7, Text: "cut eu|us,ap", Op: scenario.Cut, Groups: [][]string{{"eu"}, {"us", "ap"}}},
			{Line: 8, Text: "eu2,ap> HGETALL h", Op: scenario.Command, At: []scenario.Client{{Region: "eu", Node: 2}, {Region: "ap", Node: 1}},
				Args: []string{"HGETALL", "h"}, Want: []scenario.Reply{{Text: "1) \"a\"\n2) 1) \"b\"\n   2) …"}}},
			{Line: 12, Text: "sync us,ap", Op: scenario.Sync, Groups: [][]string{{"us", "ap"}}},
			{Line: 13, Text: "heal", Op: scenario.Heal},
			{Line: 14, Text: "cut eu|ap", Op: scenario.Cut, Groups: [][]string{{"eu"}, {"ap"}}},
			{Line: 15, Text: "sync", Op: scenario.Sync, Groups: [][]string{regions}},
			{Line: 16, Text: "heal", Op: scenario.Heal},
			{Line: 17, Text: "all> INSPECT k", Op: scenario.Command, At: all,
				Args: []string{"INSPECT", "k"}, Want: []scenario.Reply{{Text: `"state":"lost"…"agree":true`, Raw: true}}},
		}},
		{File: "a.txt", Line: 20, Rules: []string{"redis"}, Types: []string{"zset"}, Title: "another", Steps: []scenario.Step{
			{Line: 21, Text: "advance 1h30m", Op: scenario.Advance, By: 90 * time.Minute},
			{Line: 22, Text: "sync", Op: scenario.Sync, Groups: [][]string{regions}},
			{Line: 23, Text: "us> PING", Op: scenario.Command, At: all[1:2], Args: []string{"PING"}, Want: []scenario.Reply{{Text: "PONG"}, {Text: "x\ny"}}},
		}},
	}
	if !reflect.DeepEqual(have, want) {
		t.Errorf("want\n%+v, have\n%+v", want, have)
	}
}

// Whatever breaks the form is refused with its place and what is wrong.
func TestParseErrors(t *testing.T) {
	const begin = "== R1 string: title\n"
	for text, want := range map[string]string{
		"":                                        "f:2: not a scenario: no heading",
		"eu> GET k\n(nil)\n":                      "f:1: not a scenario: a step before the first heading",
		"== R1: title\n":                          "f:1: not a scenario: want a heading",
		"== R12 string: title\n":                  `f:1: not a scenario: no rule is called "R12"`,
		"== R1 text: title\n":                     `f:1: not a scenario: no type is called "text"`,
		begin:                                     `f:2: not a scenario: "title" does not end with a command`,
		begin + "eu> GET k\n":                     `f:3: not a scenario: no reply below "eu> GET k" of line 2`,
		begin + "eu> GET k\nus> GET k\n(nil)\n":   `f:3: not a scenario: no reply below "eu> GET k" of line 2`,
		begin + "eu> GET k\nor\n":                 "f:3: not a scenario: no reply below",
		begin + "eu> GET k\na\nor\nor\n":          "f:5: not a scenario: no reply below",
		begin + "eu> GET k\na\nor\n\n":            "f:5: not a scenario: no reply below",
		begin + "or\n":                            "f:2: not a scenario: neither a step nor a reply",
		begin + "eu> GET k\n\n(nil)\n":            "f:3: not a scenario: no reply below",
		begin + "eu> GET k\n(nil)\n\n(nil)\n":     "f:5: not a scenario: neither a step nor a reply",
		begin + "eu> GET k\n(nil)\nsync\n":        "f:5: not a scenario: \"title\" does not end with a command",
		begin + "eu> GET k\n(nil) \n":             "f:3: not a scenario: the line ends with a space",
		begin + "mars> GET k\n(nil)\n":            `f:2: not a scenario: no region is called "mars"`,
		begin + "eu0> GET k\n(nil)\n":             `f:2: not a scenario: no region is called "eu0"`,
		begin + "eu,> GET k\n(nil)\n":             `f:2: not a scenario: no region is called ""`,
		begin + "eu>\n(nil)\n":                    "f:2: not a scenario: no command behind eu>",
		begin + "eu> GET \"k\n(nil)\n":            "f:2: not a scenario: the command: Protocol error: unbalanced quotes",
		begin + "fly eu\n":                        `f:2: not a scenario: neither a step nor a reply below a command: "fly eu"`,
		begin + "cut eu\n":                        "f:2: not a scenario: want sides",
		begin + "cut eu|us,ap,eu\n":               "f:2: not a scenario: region eu is on two sides",
		begin + "cut eu|us,us,ap\n":               "f:2: not a scenario: region us is named twice",
		begin + "cut eu|us,mars\n":                `f:2: not a scenario: no region is called "mars"`,
		begin + "heal\n":                          "f:2: not a scenario: heal without a cut",
		begin + "cut eu|us|ap\nheal us\n":         "f:3: not a scenario: heal stands alone",
		begin + "cut eu|us|ap\nsync\n":            "f:3: not a scenario: name the regions",
		begin + "evict\n":                         `f:2: not a scenario: no region is called ""`,
		begin + "sync eu,mars\n":                  `f:2: not a scenario: no region is called "mars"`,
		begin + "advance soon\n":                  "f:2: not a scenario: advance \"soon\"",
		begin + "advance -5s\n":                   "f:2: not a scenario: advance \"-5s\"",
		begin + "advance 1000h\n":                 "f:2: not a scenario: advance \"1000h\"",
		begin + "cut eu|us|ap\neu> GET k\n(nil)":  "f:5: not a scenario: \"title\" ends while the regions are cut off",
		begin + "eu> GET k\n(nil)\n~ x\n":         "f:4: not a scenario: a reply is given either with or without ~",
		begin + "eu> GET k\n(nil)\n" + begin:      "f:4: not a scenario: line 1 has the same title",
		begin + "eu> GET k\n(nil)\n== R1 string:": "f:4: not a scenario: want a heading",
	} {
		_, err := scenario.Parse("f", text, regions)
		if !errors.Is(err, scenario.ErrSyntax) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: want %s, have %v", text, want, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("== R1 string: title\ncut eu|us|ap\neu2,us> SET k \"\\x00\"\nOK\nheal\nadvance 1s\nall> GET k\n…\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := scenario.Parse("f", text, regions)
		if (err == nil) == (len(list) == 0) || err != nil && !errors.Is(err, scenario.ErrSyntax) {
			t.Errorf("%q: %d scenarios, %v", text, len(list), err)
		}
	})
}
