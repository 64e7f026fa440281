package resp_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/resp"
)

func TestCommands(t *testing.T) {
	c := open(t, resp.Config{}).dial()
	c.want(
		"PING", "PONG",
		"ping hello", `"hello"`,
		"PING a b", "(ERR wrong number of arguments for 'ping' command)",
		"ECHO x", `"x"`,
		"SET k 5", "OK",
		"GET k", `"5"`,
		"get nope", "nil",
		"INCRBY k 2", "7",
		"INCRBYFLOAT k 0.5", `"7.5"`,
		"TYPE k", "string",
		"HSET h a 1 b 2", "2",
		"HGETALL h", `["a" "1" "b" "2"]`,
		"SADD s x", "1",
		"SMEMBERS s", `["x"]`,
		"ZADD z 1.5 m", "1",
		"ZSCORE z m", `"1.5"`,
		"ZRANGE z 0 -1 WITHSCORES", `["m" "1.5"]`,
		"MGET k nope", `["7.5" nil]`,
		"GET h", "(WRONGTYPE Operation against a key holding the wrong kind of value)",
		"GET", "(ERR wrong number of arguments for 'get' command)",
		"NOPE a b", "(ERR unknown command 'NOPE', with args beginning with: 'a' 'b' )",
		"CLIENT NOPE", "(ERR unknown subcommand 'NOPE'. Try CLIENT HELP.)",
		"CLIENT", "(ERR wrong number of arguments for 'client' command)",
		"SELECT 0", "OK",
		"SELECT 1", "(ERR DB index is out of range)",
		"SELECT x", "(ERR value is not an integer or out of range)",
		"INSPECT k", "(ERR unknown command 'INSPECT', with args beginning with: 'k' )",
		"CLUSTER SLOTS", "(ERR This instance has cluster support disabled)",
		"CONFIG GET maxclients", `["maxclients" "10000"]`,
		"CONFIG GET nope", "[]",
		"CONFIG SET timeout 7", "OK",
		"CONFIG GET timeout", `["timeout" "7"]`,
		"CONFIG SET nope 7", "(ERR Unknown option or number of arguments for CONFIG SET - 'nope')",
		"CONFIG SET databases 7", "(ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable config)",
		"ROLE", `["master" 0 []]`,
		"DEBUG SLEEP 0", "(ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.)",
		"MEMORY USAGE k", "101",
		"MEMORY USAGE nope", "nil",
		"MODULE LIST", "[]",
		"SLOWLOG LEN", "0",
		"WAIT 0 10", "0",
		"QUIT", "OK",
	)
	if !c.ended() {
		t.Error("QUIT: the connection is still open")
	}
}

func TestVersion3(t *testing.T) {
	c := open(t, resp.Config{Version: "7.9.9"}).dial()
	c.want(
		"HELLO 4", "(NOPROTO unsupported protocol version)",
		"HELLO x", "(ERR Protocol version is not an integer or out of range)",
		"HELLO 3 SETNAME me", `{"server" "redis" "version" "7.9.9" "proto" 3 "id" 1 "mode" "standalone" "role" "master" "modules" []}`,
		"CLIENT GETNAME", `"me"`,
		"GET nope", "nil",
		"HSET h a 1", "1",
		"HGETALL h", `{"a" "1"}`,
		"SADD s x", "1",
		"SMEMBERS s", `~["x"]`,
		"ZADD z 1.5 m 2 n", "2",
		"ZSCORE z m", "1.5",
		"ZRANGE z 0 -1 WITHSCORES", `[["m" 1.5] ["n" 2]]`,
		"ZRANGE z 0 -1", `["m" "n"]`,
		"CONFIG GET maxclients", `{"maxclients" "10000"}`,
		"RESET", "RESET",
		"HGETALL h", `["a" "1"]`,
		"CLIENT GETNAME", "nil",
	)
	c.send(encode("HELLO", "3") + encode("GET", "nope"))
	c.read()
	if v, err := c.value(); err != nil || v.Kind != '_' {
		t.Errorf("GET of nothing: want a null of version 3, have %q, %v", v.Kind, err)
	}
}

// Replies come in the order of the commands, whoever answers them, also when the
// whole pipeline comes at once or byte by byte.
func TestPipeline(t *testing.T) {
	d := open(t, resp.Config{})
	var sent strings.Builder
	var want []string
	for i := range 1000 {
		key := fmt.Sprintf("k%d", i%50)
		switch i % 5 {
		case 0:
			sent.WriteString(encode("SET", key, fmt.Sprint(i)))
			want = append(want, "OK")
		case 1:
			sent.WriteString(encode("ECHO", fmt.Sprint(i)))
			want = append(want, fmt.Sprintf("%q", fmt.Sprint(i)))
		case 2:
			sent.WriteString(encode("GET", fmt.Sprintf("k%d", (i-2)%50)))
			want = append(want, fmt.Sprintf("%q", fmt.Sprint(i-2)))
		case 3:
			sent.WriteString("NOPE\r\n")
			want = append(want, "(ERR unknown command 'NOPE', with args beginning with: )")
		case 4:
			sent.WriteString(encode("INCRBY", "sum", "1"))
			want = append(want, fmt.Sprint(i/5+1))
		}
	}
	c := d.dial()
	c.send(sent.String())
	for i, w := range want {
		if have := c.read(); have != w {
			t.Fatalf("reply %d: want %s, have %s", i, w, have)
		}
	}
	c = d.dial()
	for _, b := range []byte(encode("SET", "slow", "1") + "GET slow\r\n") {
		c.send(string(b))
	}
	c.wantNext("OK", `"1"`)
}

// What clients open with, as recorded from them. Each must get a reply to every
// command, and an error closes nothing.
func TestHandshakes(t *testing.T) {
	hello3 := `{"server" "redis" "version" "7.4.0" "proto" 3 "id" 1 "mode" "standalone" "role" "master" "modules" []}`
	hello2 := `["server" "redis" "version" "7.4.0" "proto" 2 "id" 1 "mode" "standalone" "role" "master" "modules" []]`
	maint := "(ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.)"
	for name, pairs := range map[string][]string{
		"go-redis": {"HELLO 3", hello3, "CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type internal-ip", maint,
			"CLIENT SETINFO LIB-NAME go-redis(,go1.26.8)", "OK", "CLIENT SETINFO LIB-VER 9.23.0", "OK"},
		"rueidis": {"HELLO 3", hello3, "CLIENT TRACKING ON OPTIN", "OK", "CLIENT SETINFO LIB-NAME rueidis", "OK",
			"CLIENT SETINFO LIB-VER 1.0.79", "OK", "CLUSTER SLOTS", "(ERR This instance has cluster support disabled)",
			"CLIENT CACHING YES", "OK", "MULTI", "OK", "PTTL k", "QUEUED", "GET k", "QUEUED", "EXEC", "[-2 nil]"},
		"node-redis": {"HELLO 3", hello3, "CLIENT SETINFO LIB-VER 6.3.0", "OK", "CLIENT SETINFO LIB-NAME node-redis", "OK",
			"CLIENT MAINT_NOTIFICATIONS ON moving-endpoint-type external-ip", maint},
		"StackExchange": {"AUTH nope", "(ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?)",
			"HELLO 2", hello2, "CLIENT SETNAME me", "OK", "CLIENT ID", "1", "CONFIG GET timeout", `["timeout" "0"]`,
			"CONFIG GET replica-read-only", `["replica-read-only" "no"]`, "CONFIG GET databases", `["databases" "1"]`,
			"SENTINEL MASTERS", "(ERR unknown command 'SENTINEL', with args beginning with: 'MASTERS' )",
			"CLUSTER NODES", "(ERR This instance has cluster support disabled)", "GET __Booksleeve_TieBreak", "nil",
			"SUBSCRIBE __Booksleeve_MasterChanged", `["subscribe" "__Booksleeve_MasterChanged" 1]`},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, resp.Config{}).dial()
			var all strings.Builder
			for i := 0; i < len(pairs); i += 2 {
				all.WriteString(encode(strings.Fields(pairs[i])...))
			}
			c.send(all.String())
			for i := 0; i < len(pairs); i += 2 {
				if have := c.read(); have != pairs[i+1] {
					t.Errorf("%s: want %s, have %s", pairs[i], pairs[i+1], have)
				}
			}
		})
	}
	c := open(t, resp.Config{}).dial()
	if have := c.do("INFO"); !strings.Contains(have, `loading:0\r\n`) || !strings.Contains(have, "redis_version:7.4.0") {
		t.Errorf("ioredis looks for loading:0 in INFO; have %s", have)
	}
	raw := "\x00\xff\r\n$-1\r\n*3\x80"
	if have := c.run("ECHO", raw); have != fmt.Sprintf("%q", raw) {
		t.Errorf("ECHO of raw bytes: have %s", have)
	}
}

func TestProtocolErrorsAreAnswered(t *testing.T) {
	d := open(t, resp.Config{})
	for input, want := range map[string]string{
		"*1\r\nPING\r\n":             "(ERR Protocol error: expected '$', got 'P')",
		"*99999999\r\n":              "(ERR Protocol error: invalid multibulk length)",
		"*1\r\n$99999999999\r\n":     "(ERR Protocol error: invalid bulk length)",
		"get 'x\r\n":                 "(ERR Protocol error: unbalanced quotes in request)",
		strings.Repeat("x", 100_000): "(ERR Protocol error: too big inline request)",
	} {
		c := d.dial()
		go func() { _, _ = c.nc.Write([]byte("PING\r\n" + input)) }() // The server may close before it has all.
		if have := c.read(); have != "PONG" {
			t.Errorf("%.20q: PING before it: have %s", input, have)
		}
		if have := c.read(); have != want {
			t.Errorf("%.20q: want %s, have %s", input, want, have)
		}
		if !c.ended() {
			t.Errorf("%.20q: the connection is still open", input)
		}
	}
}
