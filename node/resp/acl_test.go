package resp_test

import (
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/resp"
)

func TestPassword(t *testing.T) {
	d := open(t, resp.Config{Password: "secret"})
	c := d.dial()
	c.want(
		"GET a", "(NOAUTH Authentication required.)",
		"PING", "(NOAUTH Authentication required.)",
		"HELLO 3", "(NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time)",
		"AUTH wrong", "(WRONGPASS invalid username-password pair or user is disabled.)",
		"HELLO 3 AUTH default wrong", "(WRONGPASS invalid username-password pair or user is disabled.)",
		"AUTH nobody secret", "(WRONGPASS invalid username-password pair or user is disabled.)",
		"AUTH secret", "OK",
		"GET a", "nil",
		"RESET", "RESET",
		"GET a", "(NOAUTH Authentication required.)",
	)
	if have := c.do("HELLO 3 AUTH default secret SETNAME x"); !strings.HasPrefix(have, "{") {
		t.Errorf("HELLO with AUTH: have %s", have)
	}
	c.want("CLIENT GETNAME", `"x"`)
	// Before it has authenticated a client may not send much.
	for input, want := range map[string]string{
		"*11\r\n":                        "(ERR Protocol error: unauthenticated multibulk length)",
		"*2\r\n$4\r\nAUTH\r\n$20000\r\n": "(ERR Protocol error: unauthenticated bulk length)",
	} {
		c := d.dial()
		c.send(input)
		if have := c.read(); have != want {
			t.Errorf("%q: want %s, have %s", input, want, have)
		}
	}
	// In a batch, each of these must get its reply.
	c = d.dial()
	c.send(encode("AUTH", "nope") + encode("HELLO", "2") + encode("PING") + encode("AUTH", "secret") + encode("PING"))
	for _, want := range []string{"(WRONGPASS", "(NOAUTH", "(NOAUTH", "OK", "PONG"} {
		if have := c.read(); !strings.HasPrefix(have, want) {
			t.Errorf("want %s, have %s", want, have)
		}
	}
}

func TestUsers(t *testing.T) {
	d := open(t, resp.Config{Users: [][]string{{"ann", "on", ">pw", "~u:*", "%R~shared:*", "&news*", "+@all", "-@dangerous", "-flushall"}}})
	admin, ann := d.dial(), d.dial()
	noCommand := func(name string) string {
		return "(NOPERM this user has no permissions to run the '" + name + "' command)"
	}
	const noKey = "(NOPERM this user has no permissions to access one of the keys used as arguments)"
	const noChannel = "(NOPERM this user has no permissions to access one of the channels used as arguments)"
	ann.want(
		"AUTH ann pw", "OK",
		"ACL WHOAMI", `"ann"`,
		"SET u:1 x", "OK",
		"GET u:1", `"x"`,
		"SET other x", noKey,
		"MGET u:1 other", noKey,
		"GET shared:1", "nil",
		"SET shared:1 x", noKey,
		"CONFIG GET *", noCommand("config|get"),
		"INFO", noCommand("info"),
		"PUBLISH news.x y", "0",
		"PUBLISH other y", noChannel,
		"PSUBSCRIBE news*", `["psubscribe" "news*" 1]`,
		"PUNSUBSCRIBE", `["punsubscribe" "news*" 0]`,
		"PSUBSCRIBE n*", noChannel,
		"MULTI", "OK",
		"GET other", noKey,
		"EXEC", "(EXECABORT Transaction discarded because of previous errors.)",
	)
	admin.want(
		"ACL WHOAMI", `"default"`,
		"ACL USERS", `["ann" "default"]`,
		"ACL DRYRUN ann GET other", `"User ann has no permissions to access one of the keys used as arguments"`,
		"ACL DRYRUN ann GET u:2", "OK",
		"ACL SETUSER ann nope", "(ERR Error in ACL SETUSER modifier 'nope': Syntax error)",
		"ACL SETUSER ann +nope", "(ERR Error in ACL SETUSER modifier '+nope': Unknown command or category name in ACL)",
		"ACL SETUSER ann -get +client|id", "OK",
		"ACL GETUSER ann", `["flags" ["on"] "passwords" ["30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4"] "commands" "+@all -@dangerous -flushall -get +client|id" "keys" "~u:* %R~shared:*" "channels" "&news*" "selectors" []]`,
		"ACL GETUSER nobody", "nil",
		"ACL DELUSER default", "(ERR The 'default' user cannot be removed)",
	)
	ann.want("GET u:1", noCommand("get"), "SET u:1 y", "OK")
	if have := admin.do("ACL LOG 1"); !strings.Contains(have, `"reason" "command" "context" "toplevel" "object" "get" "username" "ann"`) {
		t.Errorf("ACL LOG: have %s", have)
	}
	admin.want("ACL LOG RESET", "OK", "ACL LOG", "[]", "ACL DELUSER ann nobody", "1")
	if !ann.ended() {
		t.Error("the connection of a user that was removed is still open")
	}
	if have := admin.do("ACL CAT"); !strings.Contains(have, `"keyspace" "read" "write"`) {
		t.Errorf("ACL CAT: have %s", have)
	}
	if have := admin.do("ACL CAT hash"); !strings.Contains(have, `"hget"`) || strings.Contains(have, `"get"`) {
		t.Errorf("ACL CAT hash: have %s", have)
	}
	if have := admin.do("ACL GENPASS 20"); len(have) != 7 {
		t.Errorf("ACL GENPASS 20: want 5 digits, have %s", have)
	}
}

func TestBadUsersAreRefused(t *testing.T) {
	for _, users := range [][][]string{{{}}, {{"x", "+nope"}}} {
		if _, err := resp.New(newFakeNode(&bus{}), resp.Config{Users: users}); err == nil {
			t.Errorf("%v: want an error", users)
		}
	}
}
