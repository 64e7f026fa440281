package clienttest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/atollcache/atoll/node/resp"
)

// rueidisKinds are the kinds of rueidis client, each with what the nodes are told to be.
var rueidisKinds = []struct {
	name string
	cfg  resp.Config
	set  func(*rueidis.ClientOption, []string)
	far  bool // it goes on with another node
}{
	{"plain", resp.Config{}, func(o *rueidis.ClientOption, addrs []string) {
		o.InitAddress, o.ForceSingleClient = addrs[:1], true
	}, false},
	{"cluster", resp.Config{ClusterMode: true}, func(o *rueidis.ClientOption, addrs []string) { o.InitAddress = addrs }, true},
	{"failover", resp.Config{SentinelMode: true}, func(o *rueidis.ClientOption, addrs []string) {
		o.InitAddress, o.Sentinel = addrs, rueidis.SentinelOption{MasterSet: "any"}
	}, true},
}

func TestRueidis(t *testing.T) {
	t.Parallel()
	for _, kind := range rueidisKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			ns := startNodes(t, kind.cfg, 2)
			o := rueidis.ClientOption{ClientName: "rueidis"}
			kind.set(&o, ns.addrs)
			c, err := rueidis.NewClient(o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			s := rueidisStep{t, c}
			for _, f := range rueidisFamilies {
				if f.needs == "" || slices.Contains(ns.has, f.needs) {
					s.all(f.pairs)
				}
			}
			s.pipelines()
			s.transactions()
			s.scan()
			s.messages()
			s.caching()
			s.reconnect(ns, kind.far)
		})
	}
}

type rueidisStep struct {
	*testing.T
	c rueidis.Client
}

// all runs commands, written with spaces, and checks their replies.
func (s rueidisStep) all(pairs []string) {
	s.Helper()
	for i := 0; i < len(pairs); i += 2 {
		words := strings.Fields(pairs[i])
		cmd := s.c.B().Arbitrary(words[0])
		if len(words) > 1 { // With the key in its place, a cluster client knows where to go.
			at := 1
			if slices.Contains([]string{"OBJECT", "COMMAND"}, words[0]) {
				at = 2
			}
			cmd = cmd.Args(words[1:at]...).Keys(words[at]).Args(words[at+1:]...)
		}
		s.reply(pairs[i], s.c.Do(s.Context(), cmd.Build()), pairs[i+1])
	}
}

// reply checks a reply.
func (s rueidisStep) reply(what string, r rueidis.RedisResult, want string) {
	s.Helper()
	have, err := r.ToAny()
	text := fmt.Sprint(have)
	e, refused := rueidis.IsRedisErr(err)
	switch {
	case rueidis.IsRedisNil(err):
		text = "<nil>"
	case refused:
		text = e.Error()
	case err != nil:
		s.Fatalf("%s: %v", what, err)
	}
	if text != want {
		s.Errorf("%s: want %s, have %s", what, want, text)
	}
}

// rueidisFamilies are the families of commands, as pairs of a command and its reply.
var rueidisFamilies = []struct {
	needs string
	pairs []string
}{
	{"", []string{
		"SET s one EX 100", "OK", "SET s two NX", "<nil>", "SET s two XX GET KEEPTTL", "one", "TTL s", "100", "GET none", "<nil>",
		"APPEND s !", "4", "GETRANGE s 0 2", "two", "SETRANGE s 0 T", "4", "STRLEN s", "4", "GETSET s x", "Two!", "SETNX s y", "0",
		"INCR n", "1", "INCRBY n 41", "42", "DECRBY n 2", "40", "INCRBYFLOAT n 0.5", "40.5", "MSET {t}a 1 {t}b 2", "OK", "MGET {t}a {t}none {t}b", "[1 <nil> 2]",
		"MSETNX {t}a 3 {t}c 4", "0", "GETDEL {t}a", "1", "GETEX {t}b PX 60000", "2", "SETBIT bits 7 1", "0", "BITCOUNT bits", "1",
		"INCR s", "value is not an integer or out of range", "HGET s f", "WRONGTYPE Operation against a key holding the wrong kind of value",
	}},
	{"", []string{
		"MSET {k}1 1 {k}2 2", "OK", "EXISTS {k}1 {k}2 {k}none", "2", "TYPE {k}1", "string", "EXPIRE {k}1 100", "1", "EXPIRE {k}1 50 GT", "0", "TTL {k}1", "100",
		"PERSIST {k}1", "1", "PEXPIREAT {k}1 4000000000000", "1", "EXPIRETIME {k}1", "4000000000", "RENAME {k}1 {k}3", "OK", "RENAMENX {k}3 {k}2", "0",
		"COPY {k}2 {k}4", "1", "TOUCH {k}2 {k}3", "2", "OBJECT ENCODING {k}2", "int", "UNLINK {k}2 {k}3", "2", "DEL {k}4", "1",
	}},
	{"", []string{
		"HSET h f 1 g x i y", "3", "HGETALL h", "map[f:1 g:x i:y]", "HMGET h f none", "[1 <nil>]", "HINCRBY h f 4", "5", "HINCRBYFLOAT h f 0.5", "5.5",
		"HSETNX h f 1", "0", "HEXISTS h g", "1", "HDEL h i", "1", "HKEYS h", "[f g]", "HVALS h", "[5.5 x]", "HLEN h", "2",
	}},
	{"hexpire", []string{"HSET hx f 1 g 2", "2", "HEXPIRE hx 100 FIELDS 2 f none", "[1 -2]", "HTTL hx FIELDS 1 g", "[-1]", "HPERSIST hx FIELDS 1 f", "[1]"}},
	{"", []string{
		"SADD {s}1 a b c", "3", "SREM {s}1 c", "1", "SISMEMBER {s}1 a", "1", "SMISMEMBER {s}1 a c", "[1 0]", "SADD {s}2 b z", "2", "SUNION {s}1 {s}2", "[a b z]",
		"SINTER {s}1 {s}2", "[b]", "SDIFFSTORE {s}3 {s}1 {s}2", "1", "SMOVE {s}1 {s}3 b", "1", "SMEMBERS {s}3", "[a b]", "SPOP {s}1", "a", "SCARD {s}1", "0",
	}},
	{"", []string{
		"ZADD {z}1 1 a 2.5 b 3 c", "3", "ZRANGE {z}1 0 -1 WITHSCORES", "[[a 1] [b 2.5] [c 3]]", "ZRANGEBYSCORE {z}1 (1 +inf LIMIT 0 1", "[b]", "ZSCORE {z}1 b", "2.5",
		"ZINCRBY {z}1 1 b", "3.5", "ZRANK {z}1 b", "2", "ZCOUNT {z}1 1 3", "2", "ZADD {z}2 10 a", "1", "ZUNIONSTORE {z}3 2 {z}1 {z}2 WEIGHTS 1 2", "3", "ZSCORE {z}3 a", "21",
		"ZPOPMAX {z}1", "[b 3.5]", "ZREMRANGEBYRANK {z}1 0 0", "1", "ZCARD {z}1", "1",
	}},
	{"lpush", []string{
		"RPUSH l b c", "2", "LPUSH l a", "3", "LRANGE l 0 -1", "[a b c]", "LINDEX l -1", "c", "LINSERT l BEFORE b x", "4", "LSET l 0 A", "OK", "LREM l 0 x", "1",
		"LTRIM l 0 1", "OK", "LPOP l", "A", "RPOP l", "b", "LLEN l", "0",
	}},
	{"pfadd", []string{"PFADD {p}1 a b c", "1", "PFADD {p}2 c d", "1", "PFMERGE {p}3 {p}1 {p}2", "OK", "PFCOUNT {p}3", "4"}},
}

func (s rueidisStep) pipelines() {
	var cmds rueidis.Commands
	for i := range 500 {
		cmds = append(cmds, s.c.B().Incr().Key(fmt.Sprint("sum:", i%7)).Build())
	}
	for i, r := range s.c.DoMulti(s.Context(), cmds...) {
		s.reply(fmt.Sprint("INCR ", i), r, fmt.Sprint(i/7+1))
	}
}

func (s rueidisStep) transactions() {
	ctx := s.Context()
	err := s.c.Dedicated(func(d rueidis.DedicatedClient) error {
		s.reply("WATCH", d.Do(ctx, d.B().Watch().Key("{x}1").Build()), "OK")
		s.reply("SET by another", s.c.Do(ctx, s.c.B().Set().Key("{x}1").Value("changed").Build()), "OK")
		multi := func() rueidis.RedisResult {
			return d.DoMulti(ctx, d.B().Multi().Build(), d.B().Set().Key("{x}1").Value("1").Build(), d.B().Incr().Key("{x}1").Build(), d.B().Exec().Build())[3]
		}
		s.reply("EXEC after a change", multi(), "<nil>")
		s.reply("EXEC", multi(), "[OK 2]")
		return nil
	})
	if err != nil {
		s.Error(err)
	}
}

func (s rueidisStep) scan() {
	ctx := s.Context()
	for i := range 100 {
		s.reply("SET", s.c.Do(ctx, s.c.B().Set().Key(fmt.Sprint("scan:", i)).Value("1").Build()), "OK")
	}
	until(s, "SCAN, which may be a moment behind, lists all keys", func() error {
		keys := map[string]bool{}
		for cursor, more := uint64(0), true; more; more = cursor != 0 {
			page, err := s.c.Do(ctx, s.c.B().Scan().Cursor(cursor).Match("scan:*").Count(20).Build()).AsScanEntry()
			if err != nil {
				return err
			}
			for _, k := range page.Elements {
				keys[k] = true
			}
			cursor = page.Cursor
		}
		if len(keys) != 100 {
			return fmt.Errorf("want 100 keys, have %d", len(keys))
		}
		return nil
	})
}

func (s rueidisStep) messages() {
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	defer cancel()
	got := make(chan rueidis.PubSubMessage, 100)
	ended := make(chan error, 1)
	go func() {
		ended <- s.c.Receive(ctx, s.c.B().Subscribe().Channel("news").Build(), func(m rueidis.PubSubMessage) {
			select {
			case got <- m:
			default:
			}
		})
	}()
	until(s, "a message comes", func() error {
		if err := s.c.Do(ctx, s.c.B().Publish().Channel("news").Message("hello").Build()).Error(); err != nil {
			return err
		}
		select {
		case m := <-got:
			if m.Channel != "news" || m.Message != "hello" {
				return fmt.Errorf("have %+v", m)
			}
			return nil
		default:
			return errors.New("nothing yet")
		}
	})
	cancel()
	<-ended
}

// caching reads through the client's own cache, which the node keeps true.
func (s rueidisStep) caching() {
	ctx := s.Context()
	get := func() rueidis.RedisResult { return s.c.DoCache(ctx, s.c.B().Get().Key("near").Cache(), time.Minute) }
	s.reply("SET", s.c.Do(ctx, s.c.B().Set().Key("near").Value("old").Build()), "OK")
	until(s, "the second read is the client's own", func() error {
		if have, err := get().ToString(); err != nil || have != "old" {
			return fmt.Errorf("have %q, %w", have, err)
		}
		if !get().IsCacheHit() {
			return errors.New("it asks the node")
		}
		return nil
	})
	s.reply("SET", s.c.Do(ctx, s.c.B().Set().Key("near").Value("new").Build()), "OK")
	until(s, "the client drops what it keeps", func() error {
		if have, err := get().ToString(); err != nil || have != "new" {
			return fmt.Errorf("have %q, %w", have, err)
		}
		return nil
	})
}

// reconnect stops a node: the client goes on with the other, or with the same when
// that is there again.
func (s rueidisStep) reconnect(ns *nodes, far bool) {
	key := func(i int) string { return fmt.Sprint("kept:", i) }
	for i := range 20 {
		s.reply("SET", s.c.Do(s.Context(), s.c.B().Set().Key(key(i)).Value(fmt.Sprint(i)).Build()), "OK")
	}
	ns.halt(0)
	if !far {
		if err := ns.start(0); err != nil {
			s.Fatal(err)
		}
	}
	for i := range 20 {
		until(s, key(i)+" can be read", func() error {
			ctx, cancel := context.WithTimeout(s.Context(), 5*time.Second)
			defer cancel()
			if have, err := s.c.Do(ctx, s.c.B().Get().Key(key(i)).Build()).AsInt64(); err != nil || have != int64(i) {
				return fmt.Errorf("have %d, %w", have, err)
			}
			return nil
		})
	}
	s.reply("SET", s.c.Do(s.Context(), s.c.B().Set().Key(key(0)).Value("again").Build()), "OK")
}
