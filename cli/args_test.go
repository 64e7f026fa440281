package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// testApp is the program with nowhere to write.
func testApp() *cli.App {
	return newApp(newTerminal(strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}))
}

func TestParseLine(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string // as urfave/cli gets it
	}{
		{"get k", "atoll get -- k"},
		{"get k --json", "atoll get --json -- k"},
		{"--json get k", "atoll get --json -- k"},
		{"get --json k", "atoll get --json -- k"},
		{"-R eu get k -j", "atoll get -R eu -j -- k"},
		{"get k --region eu", "atoll get --region eu -- k"},
		{"get k --region=eu", "atoll get --region=eu -- k"},
		{"set k v --ttl 5s", "atoll set --ttl 5s -- k v"},
		{"set --ttl 5s k v", "atoll set --ttl 5s -- k v"},
		{"set k --ttl 5s v", "atoll set --ttl 5s -- k v"},
		{"set k -", "atoll set -- k -"},
		{"set k -- -v", "atoll set -- k -v"},
		{"set -- k --ttl", "atoll set -- k --ttl"},
		{"-- set k v", "atoll set -- k v"},
		{"set k -- --", "atoll set -- k --"},
		{"set k -- v -- --json", "atoll set -- k v -- --json"},
		{"incr k -5", "atoll incr -- k -5"},
		{"incr k -0.5", "atoll incr -- k -0.5"},
		{"incr k -.5 -j", "atoll incr -j -- k -.5"},
		{"zadd board -inf a -1e3 b", "atoll zadd -- board -inf a -1e3 b"},
		{"zrange board 0 -1 --rev", "atoll zrange --rev -- board 0 -1"},
		{"get k --token -x", "atoll get --token -x -- k"}, // a flag takes what follows
		{"get k --timeout -5s", "atoll get --timeout -5s -- k"},
		{"link pause --from eu", "atoll link pause --from eu --"},
		{"link --from eu pause", "atoll link pause --from eu --"},
		{"link -- pause", "atoll link pause --"},
		{"get help", "atoll get -- help"}, // a key of that name
		{"del link pause", "atoll del -- link pause"},
	} {
		l, err := parseLine(testApp().Commands, clientFlags(), strings.Fields(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		if have := strings.Join(l.words("atoll"), " "); have != c.want {
			t.Errorf("%s:\nwant %s\nhave %s", c.in, c.want, have)
		}
	}
}

func TestParseLineErrors(t *testing.T) {
	for in, want := range map[string]string{
		"gte k":              `there is no command "atoll gte"`,
		"get k -v":           "there is no flag -v here",
		"get k --jsn=1":      "there is no flag --jsn here",
		"get k --region":     "flag --region needs a value",
		"link nothing":       `there is no command "atoll link nothing"`,
		"--ttl 5s set k v":   "there is no flag --ttl here",
		"version --region x": "there is no flag --region here",
	} {
		_, err := parseLine(testApp().Commands, clientFlags(), strings.Fields(in))
		if err == nil || err.Error() != want {
			t.Errorf("%s:\nwant %s\nhave %v", in, want, err)
		}
	}
}

// TestEveryVerb holds all commands to what their help promises: each has
// examples, which parse and have as many arguments as it takes.
func TestEveryVerb(t *testing.T) {
	app := testApp()
	var check func(prefix string, vs []verb)
	check = func(prefix string, vs []verb) {
		for _, v := range vs {
			name := prefix + v.name
			if v.brief == "" || len(v.examples) == 0 || prefix == "" && v.group == "" {
				t.Errorf("%s: brief, examples or group are missing", name)
			}
			if strings.HasSuffix(v.brief, ".") || strings.Count(v.args, "[") != strings.Count(v.args, "]") {
				t.Errorf("%s: brief %q, args %q", name, v.brief, v.args)
			}
			for _, e := range v.examples {
				checkExample(t, app, e)
			}
			check(name+" ", v.subs)
		}
	}
	check("", verbs())
}

func checkExample(t *testing.T, app *cli.App, example string) {
	t.Helper()
	words := exampleWords(exampleCommand(example))
	l, err := parseLine(app.Commands, clientFlags(), words)
	if err != nil || l.command() == nil {
		t.Errorf("example %q: %v", example, err)
		return
	}
	if w := l.words("atoll"); len(w) == 0 {
		t.Errorf("example %q: nothing", example)
	}
	for _, v := range verbs() {
		for _, v := range append([]verb{v}, v.subs...) {
			if v.name == l.command().Name && len(v.subs) == 0 && (len(l.args) < v.min || v.max != unbounded && len(l.args) > v.max) {
				t.Errorf("example %q: %d arguments", example, len(l.args))
			}
		}
	}
}

// exampleWords returns the words after atoll, as a simple shell would split them.
func exampleWords(command string) []string {
	_, command, _ = strings.Cut(command, "atoll ")
	command, _, _ = strings.Cut(command, " | ")
	command, _, _ = strings.Cut(command, " > ")
	command, _, _ = strings.Cut(command, " < ")
	command = strings.TrimSuffix(command, ")")
	words := strings.Fields(command)
	for i := range words {
		words[i] = strings.Trim(words[i], "'")
	}
	return words
}

// TestFixedNames names the commands that other tools rely on.
func TestFixedNames(t *testing.T) {
	var have []string
	for _, v := range verbs() {
		have = append(have, v.name)
	}
	want := "dev serve get set del incr expire ttl persist mget mset hset hget hgetall hdel hincrby sadd srem smembers " +
		"zadd zrange zincrby zrem scan load inspect ring regions nodes link verify completion version demo"
	for _, name := range strings.Fields(want) {
		if !slices.Contains(have, name) {
			t.Errorf("command %s is missing", name)
		}
	}
}

func TestNearest(t *testing.T) {
	for in, want := range map[string]string{
		"gte": "get", "hgetal": "hgetall", "verfy": "verify", "isnpect": "inspect", "x": "", "qwertz": "",
	} {
		if have := nearest(in, testApp().Commands); have != want {
			t.Errorf("%s: want %q, have %q", in, want, have)
		}
	}
}
