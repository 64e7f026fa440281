package natsapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

// Each line is a request and its reply, in order, on one store. README.md shows
// the same.
func TestEveryVerb(t *testing.T) {
	d := newDoor(t, 0)
	b64 := []string{HeaderEncoding, "base64"}
	for _, c := range []struct {
		verb, key, body string
		headers         []string
		want            string
	}{
		{"get", "greeting", "", nil, "error 404"},
		{"set", "greeting", "hello", nil, "OK"},
		{"get", "greeting", "", nil, "hello"},
		{"get", "greeting", "x", nil, "error 400"},
		{"exists", "greeting", "", nil, "1"},
		{"type", "greeting", "", nil, "string"},
		{"ttl", "greeting", "", nil, "-1"},
		{"ttl", "nothing", "", nil, "error 404"},
		{"expire", "greeting", "1h", nil, "1"},
		{"expire", "greeting", "", nil, "error 400"},
		{"expire", "greeting", "0", nil, "error 400"},
		{"expire", "greeting", "-3s", nil, "error 400"},
		{"expire", "greeting", "9999999999999999999", nil, "error 400"},
		{"expire", "greeting", "soon", nil, "error 400"},
		{"expire", "greeting", "", []string{HeaderTTL, "90"}, "1"},
		{"persist", "greeting", "", nil, "1"},
		{"persist", "greeting", "", nil, "0"},
		{"set", "greeting", "", []string{HeaderNatsTTL, "1h"}, "OK"},
		{"persist", "greeting", "", nil, "1"},
		{"set", "greeting", "", []string{HeaderNatsTTL, "1h", HeaderTTL, "2h"}, "error 400"},
		{"get", "greeting", "", nil, ""},
		{"del", "greeting", "", nil, "1"},
		{"del", "greeting", "", nil, "0"},
		{"set", "greeting", "hello", nil, "OK"},
		{"invalidate", "greeting", "x", nil, "error 400"},
		{"invalidate", "greeting", "", nil, "1"},
		{"invalidate", "greeting", "", nil, "0"},

		{"incr", "hits", "", nil, "1"},
		{"incr", "hits", "5", nil, "6"},
		{"incr", "hits", " -2\n", nil, "4"},
		{"incr", "hits", "0.5", nil, "4.5"},
		{"incr", "hits", "many", nil, "error 400"},

		{"hset", "user:1", `{"name":"Ada","age":36}`, nil, "2"},
		{"hset", "user:1", `{"name":"Ada L.","born":"1815"}`, nil, "1"},
		{"hset", "user:1", "\xff\x00raw", []string{HeaderField, "photo"}, "1"},
		{"hget", "user:1", "name", nil, "Ada L."},
		{"hget", "user:1", "photo", nil, "\xff\x00raw"},
		{"hget", "user:1", "", []string{HeaderField, "age"}, "36"},
		{"hget", "user:1", "age", []string{HeaderField, "age"}, "error 400"},
		{"hget", "user:1", "", nil, "error 400"},
		{"hget", "user:1", "none", nil, "error 404"},
		{"hgetall", "user:1", "", nil, "error 400"}, // photo is not UTF-8
		{"hgetall", "user:1", "", b64, `{"YWdl":"MzY=","Ym9ybg==":"MTgxNQ==","bmFtZQ==":"QWRhIEwu","cGhvdG8=":"/wByYXc="}`},
		{"hdel", "user:1", `["photo","none"]`, nil, "1"},
		{"hgetall", "user:1", "", nil, `{"age":"36","born":"1815","name":"Ada L."}`},
		{"hgetall", "nothing", "", nil, `{}`},
		{"hincrby", "user:1", `{"age":1}`, nil, "37"},
		{"hincrby", "user:1", "", []string{HeaderField, "age"}, "38"},
		{"hincrby", "user:1", "0.5", []string{HeaderField, "age"}, "38.5"},
		{"hincrby", "user:1", `{"age":1,"born":1}`, nil, "error 400"},
		{"hdel", "user:1", "age", nil, "1"},
		{"get", "user:1", "", nil, "error 409"},
		{"hset", "user:1", `{"YQ==":"/w==","n":1}`, b64, "error 400"}, // n is not base64
		{"hset", "bin", `{"/w==":"AA==","bg==":1}`, b64, "2"},
		{"hget", "bin", "\xff", nil, "\x00"},
		{"hget", "bin", "", append([]string{HeaderField, "/w=="}, b64...), "\x00"},

		{"sadd", "tags", `["red","blue","<b>&"]`, nil, "3"},
		{"sadd", "tags", "red", nil, "0"},
		{"smembers", "tags", "", nil, `["<b>&","blue","red"]`},
		{"srem", "tags", `["<b>&"]`, nil, "1"},
		{"srem", "tags", "[red", nil, "error 400"},
		{"sadd", "tags", "[red", []string{HeaderField, "[red"}, "error 400"},
		{"sadd", "tags", "", []string{HeaderField, "[red"}, "1"},
		{"smembers", "tags", "", nil, `["[red","blue","red"]`},

		{"zadd", "board", `{"ann":10,"bob":7.5,"cy":"inf"}`, nil, "3"},
		{"zadd", "board", "8", []string{HeaderField, "dan"}, "1"},
		{"zrange", "board", "", nil, `[{"member":"bob","score":7.5},{"member":"dan","score":8},{"member":"ann","score":10},{"member":"cy","score":"inf"}]`},
		{"zrange", "board", "0 0 REV", nil, `[{"member":"cy","score":"inf"}]`},
		{"zrange", "board", "8 10 BYSCORE LIMIT 1 1", nil, `[{"member":"ann","score":10}]`},
		{"zrange", "board", "0", nil, "error 400"},
		{"zincrby", "board", `{"bob":2.5}`, nil, "10"},
		{"zincrby", "board", "", []string{HeaderField, "bob"}, "11"},
		{"zrem", "board", "bob", nil, "1"},
	} {
		input := fmt.Sprintf("%s %q %q %q", c.verb, c.key, c.body, c.headers)
		mustEqual(t, input, c.want, show(d.ask(subjects.KV(c.verb, c.key), c.body, c.headers...)))
	}
	if ttl := show(d.ask("atoll.dev.us.kv.expire.hits", "9500ms")); ttl != "1" {
		t.Errorf("expire hits: %s", ttl)
	}
	if ttl := show(d.ask("atoll.dev.us.kv.ttl.hits", "")); !strings.HasPrefix(ttl, "9.4") && !strings.HasPrefix(ttl, "9.3") && ttl != "9.5" {
		t.Errorf("ttl after expire 9500ms: want about 9.5, have %s", ttl)
	}
}

func TestJSONThatIsRefused(t *testing.T) {
	d := newDoor(t, 0)
	for _, body := range []string{
		"", "x", "[]", "{}", `{"a"`, `{"a":`, `{"a":1`, `{"a":1}x`, `{"a":1}{`, `{"a":true}`, `{"a":null}`, `{"a":[1]}`, `{"a":{}}`,
		"{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{1:2}`, `"a"`, strings.Repeat("[", 1000), strings.Repeat(`{"a":`, 1000),
	} {
		mustEqual(t, fmt.Sprintf("hset %.40q", body), "error 400", show(d.ask("atoll.dev.us.kv.hset.k", body)))
	}
	for _, body := range []string{"[]", "[", "[1", "[true]", "[[1]]", "[1]]", "[\"\xff\"]"} {
		mustEqual(t, fmt.Sprintf("sadd %.40q", body), "error 400", show(d.ask("atoll.dev.us.kv.sadd.k", body)))
	}
	mustEqual(t, `hset with U+FFFD meant`, "2", show(d.ask("atoll.dev.us.kv.hset.k", `{"a":"\ufffd","b":"�"}`)))
}

func TestOddKeysReachTheirOwnValue(t *testing.T) {
	d := newDoor(t, 0)
	keys := []string{
		"", " ", ".", "..", "a.", ".a", "*", ">", "a.*", "a.>", "a b", "a\nb", "a\r\nPUB x 1", "\x00", "\xff\xfe", "ключ", "%", "%~", "%41",
		strings.Repeat("k", 900), strings.Repeat("k", 64<<10), strings.Repeat(".", 64<<10), strings.Repeat("\x00", 60<<10),
	}
	named := func(verb, key string) (string, []string) {
		if region.FitsSubject(key) {
			return subjects.KV(verb, key), nil
		}
		return subjects.KV(verb, key), []string{region.HeaderKey, region.EncodeKey(key)}
	}
	for i, key := range keys {
		subject, headers := named("set", key)
		mustEqual(t, fmt.Sprintf("set %.20q", key), "OK", show(d.ask(subject, fmt.Sprint("value ", i), headers...)))
	}
	for i, key := range keys {
		subject, headers := named("get", key)
		mustEqual(t, fmt.Sprintf("get %.20q", key), fmt.Sprint("value ", i), show(d.ask(subject, "", headers...)))
	}
	long := strings.Repeat("k", 64<<10+1)
	subject, headers := named("set", long)
	mustEqual(t, "set of a key of 64 KiB and one", "error 413", show(d.ask(subject, "v", headers...)))
}

func TestKeysThatAreRefused(t *testing.T) {
	d := newDoor(t, 0)
	for _, subject := range []string{
		"atoll.dev.us.kv.get.*", "atoll.dev.us.kv.get.>", "atoll.dev.us.kv.get.a.*", "atoll.dev.us.kv.get.%",
		"atoll.dev.us.kv.get.%41", "atoll.dev.us.kv.get.%zz", "atoll.dev.us.kv.get.ä", "atoll.dev.us.kv.get.%~", "atoll.dev.us.kv.get.\x00",
	} {
		mustEqual(t, fmt.Sprintf("%q", subject), "error 400", show(d.ask(subject, "")))
	}
	mustEqual(t, "key in subject and header", "error 400", show(d.ask("atoll.dev.us.kv.get.a", "", region.HeaderKey, "b")))
	mustEqual(t, "bad key in header", "error 400", show(d.ask("atoll.dev.us.kv.get.%~", "", region.HeaderKey, "%zz")))
}

func TestHeaders(t *testing.T) {
	var have []wire.Command
	srv := startNATS(t, 0)
	exec := execFunc(func(_ context.Context, cmds ...wire.Command) []wire.Reply {
		have = append(have, cmds...)
		return []wire.Reply{{Type: wire.TypeString, Text: "OK", Wrote: cmds[0].After}}
	})
	s := serve(t, connect(t, srv), "us-1", exec, nil, nil)
	d := &door{t: t, nc: connect(t, srv), server: s}
	token := "00000000000000a1#12"
	m := d.ask("atoll.dev.us.kv.set.k", "v", HeaderAfter, token, HeaderRequest, "42")
	mustEqual(t, "reply", "OK", show(m))
	for name, want := range map[string]string{HeaderWrote: token, HeaderRegion: "us", HeaderNode: "us-1"} {
		mustEqual(t, "header "+name, want, m.Header.Get(name))
	}
	if len(have) != 1 || have[0].After.String() != token || have[0].Request != 42 {
		t.Errorf("command: want after %s and request 42, have %+v", token, have)
	}
	for _, h := range [][]string{
		{HeaderAfter, "x"}, {HeaderAfter, "a1#12"}, {HeaderAfter, "00000000000000a1#0"}, {HeaderAfter, "00000000000000A1#12"},
		{HeaderRequest, "0"}, {HeaderRequest, "-1"}, {HeaderRequest, "99999999999999999999"}, {HeaderTTL, "x"}, {HeaderEncoding, "hex"},
	} {
		m := d.ask("atoll.dev.us.kv.set.k", "v", h...)
		mustEqual(t, fmt.Sprint(h), "error 400", show(m))
		if text := m.Header.Get(micro.ErrorHeader); !strings.Contains(text, "use ") && !strings.Contains(text, "copy ") {
			t.Errorf("%v: want an error that says what to do, have %q", h, text)
		}
	}
}

func TestErrorTextsStayInTheirHeader(t *testing.T) {
	srv := startNATS(t, 0)
	exec := execFunc(func(context.Context, ...wire.Command) []wire.Reply {
		text := "ERR a\r\nNats-Service-Error-Code: 200\r\n\r\n\x00\xff" + strings.Repeat("ä", 4000)
		return []wire.Reply{wire.Fail(&wire.Error{Code: wire.CodeTimeout, Text: text})}
	})
	s := serve(t, connect(t, srv), "us-1", exec, nil, nil)
	d := &door{t: t, nc: connect(t, srv), server: s}
	m := d.ask("atoll.dev.us.kv.get.k", "")
	mustEqual(t, "code", "error 504", show(m))
	if n := len(m.Header.Values(micro.ErrorCodeHeader)); n != 1 || len(m.Data) != 0 {
		t.Errorf("want one code and no body, have %d and %q", n, m.Data)
	}
	text := m.Header.Get(micro.ErrorHeader)
	if len(text) > 1100 || strings.ContainsFunc(text, unicode.IsControl) {
		t.Errorf("error text: want at most 1100 printable bytes, have %d: %.80q", len(text), text)
	}
}

func TestReplyAboveMaxPayload(t *testing.T) {
	d := newDoor(t, 4096)
	for i := range 10 {
		body := fmt.Sprintf(`{"f%d":"%s"}`, i, strings.Repeat("x", 1000))
		mustEqual(t, "hset", "1", show(d.ask("atoll.dev.us.kv.hset.h", body)))
	}
	m := d.ask("atoll.dev.us.kv.hgetall.h", "")
	mustEqual(t, "hgetall of 10 KB", "error 413", show(m))
	for _, want := range []string{"10081", "4096", "hget", "max_payload"} {
		if text := m.Header.Get(micro.ErrorHeader); !strings.Contains(text, want) {
			t.Errorf("error text: want %q in it, have %q", want, text)
		}
	}
	mustEqual(t, "hget", 1000, len(show(d.ask("atoll.dev.us.kv.hget.h", "f3"))))
}

// A message without a reply subject is a write that nobody waits for.
func TestPublishIsAWriteWithoutReply(t *testing.T) {
	d := newDoor(t, 0)
	if err := d.nc.Publish("atoll.dev.us.kv.set.k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the value", func() bool { return show(d.ask("atoll.dev.us.kv.get.k", "")) == "v" })
}

func TestTooManyAtOnceAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"requests": func(c *Config) { c.Running = 2 },
		"bytes":    func(c *Config) { c.RunningBytes = 20 },
	} {
		t.Run(name, func(t *testing.T) {
			srv := startNATS(t, 0)
			gate := make(chan struct{})
			exec := execFunc(func(context.Context, ...wire.Command) []wire.Reply { <-gate; return []wire.Reply{wire.OK} })
			s := serve(t, connect(t, srv), "us-1", exec, nil, nil, change)
			d := &door{t: t, nc: connect(t, srv), server: s}
			inbox, err := d.nc.SubscribeSync("answers")
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := d.nc.PublishRequest("atoll.dev.us.kv.set.k", "answers", []byte("ten bytes!")); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "two requests running", func() bool { return s.Stats().Running == 2 })
			mustEqual(t, "third request", "error 429", show(d.ask("atoll.dev.us.kv.set.k", "ten bytes!")))
			mustEqual(t, "refused", 1, s.Stats().KVRefused)
			close(gate)
			for range 2 {
				m, err := inbox.NextMsgWithContext(within(t, 0+5e9))
				if err != nil {
					t.Fatal(err)
				}
				mustEqual(t, "held request", "OK", show(m))
			}
			mustEqual(t, "request afterwards", "OK", show(d.ask("atoll.dev.us.kv.set.k", "ten bytes!")))
		})
	}
}

// One slow request does not hold up the next on the same endpoint.
func TestRequestsRunSideBySide(t *testing.T) {
	srv := startNATS(t, 0)
	gate := make(chan struct{})
	exec := execFunc(func(_ context.Context, cmds ...wire.Command) []wire.Reply {
		if cmds[0].Key() == "slow" {
			<-gate
		}
		return []wire.Reply{wire.OK}
	})
	s := serve(t, connect(t, srv), "us-1", exec, nil, nil)
	d := &door{t: t, nc: connect(t, srv), server: s}
	if err := d.nc.PublishRequest("atoll.dev.us.kv.get.slow", nats.NewInbox(), nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the slow request to run", func() bool { return s.Stats().Running == 1 })
	mustEqual(t, "the next request", "OK", show(d.ask("atoll.dev.us.kv.get.fast", "")))
	close(gate)
}

func TestBase64OfJSONTexts(t *testing.T) {
	r := &request{base64: true}
	text := string([]byte{0, 255, 10})
	have, err := r.decode(base64.StdEncoding.EncodeToString([]byte(text)))
	if err != nil || have != text {
		t.Errorf("decode: want %q, have %q, %v", text, have, err)
	}
}
