package scenario_test

import (
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/resp/proto"
	"github.com/atollcache/atoll/node/scenario"
)

func TestPrint(t *testing.T) {
	for reply, want := range map[string]string{
		"+OK\r\n":                              "OK",
		"-ERR no\r\n":                          "(error) ERR no",
		":-7\r\n":                              "(integer) -7",
		"$-1\r\n":                              "(nil)",
		"*-1\r\n":                              "(nil)",
		"_\r\n":                                "(nil)",
		"$0\r\n\r\n":                           `""`,
		"$8\r\na\"\\\n\x00é\x1b\r\n":           `"a\"\\\n\x00\xc3\xa9\x1b"`,
		",1.5\r\n":                             "(double) 1.5",
		"#t\r\n":                               "(true)",
		"=7\r\ntxt:a b\r\n":                    "a b",
		"*0\r\n":                               "(empty array)",
		"~0\r\n":                               "(empty set)",
		"%0\r\n":                               "(empty hash)",
		"*2\r\n$1\r\na\r\n:1\r\n":              "1) \"a\"\n2) (integer) 1",
		"*2\r\n$1\r\n0\r\n*2\r\n+a\r\n+b\r\n":  "1) \"0\"\n2) 1) a\n   2) b",
		"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n+c\r\n": "1# a => (integer) 1\n2# b => 1) c",
		"%1\r\n+a\r\n~2\r\n+b\r\n+c\r\n":       "1# a => \n   1~ b\n   2~ c",
		"~2\r\n+a\r\n+b\r\n":                   "1~ a\n2~ b",
		"*1\r\n*1\r\n*1\r\n+a\r\n":             "1) 1) 1) a",
		"*10\r\n" + strings.Repeat("*2\r\n+a\r\n+b\r\n", 10): " 1) 1) a\n    2) b\n 2) 1) a\n    2) b\n 3) 1) a\n    2) b\n 4) 1) a\n    2) b\n" +
			" 5) 1) a\n    2) b\n 6) 1) a\n    2) b\n 7) 1) a\n    2) b\n 8) 1) a\n    2) b\n 9) 1) a\n    2) b\n10) 1) a\n    2) b",
	} {
		v, err := proto.NewValueReader(strings.NewReader(reply)).Read()
		if err != nil {
			t.Errorf("%q: %v", reply, err)
			continue
		}
		if have := scenario.Print(v); have != want {
			t.Errorf("%q: want\n%s\nhave\n%s", reply, want, have)
		}
	}
}
