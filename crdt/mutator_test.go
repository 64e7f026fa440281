package crdt

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// site is one replica with one key, for tests that write a few times by hand.
type site struct {
	id    ReplicaID
	p     Partition
	clock Clock
	now   int64
}

func newSite(id ReplicaID) *site { return &site{id: id, now: 1000} }

// do runs a command and applies its effects here. It returns nil when there were
// none.
func (s *site) do(f func(m *Mutator)) *Delta {
	w := NewWrite{Dot: Dot{s.id, s.p.Vector().Get(s.id) + 1}, Stamp: s.clock.Next(s.now), Now: s.now}
	m := NewMutator(s.p.Entry("k"), w)
	f(m)
	if len(m.Effects()) == 0 {
		return nil
	}
	d := &Delta{Dot: w.Dot, From: w.Dot.N, Stamp: w.Stamp, Deps: s.p.Vector().Without(s.id), Key: "k", Effects: m.Effects()}
	s.apply(d)
	return d
}

func (s *site) apply(d *Delta) {
	if d == nil {
		return
	}
	if err := s.p.Apply(d); err != nil {
		panic(err)
	}
	s.clock.Observe(d.Stamp)
}

func (s *site) view() View { return s.p.Entry("k").View(s.now) }

// show returns what a reader sees.
func (s *site) show() string {
	v := s.view()
	var out string
	switch v.Kind() {
	case KindNone:
		return "none"
	case KindString:
		text, _ := v.Get()
		out = fmt.Sprintf("%q", text)
	default:
		var fields []string
		for f := range v.Fields() {
			text, _ := v.Field(f)
			if v.Kind() == KindZSet {
				score, _ := v.Score(f)
				text = FormatFloat(score)
			}
			fields = append(fields, f+"="+text)
		}
		if v.Len() != len(fields) {
			return fmt.Sprintf("Len %d of %v", v.Len(), fields)
		}
		out = fmt.Sprintf("%v %s", v.Kind(), strings.Join(fields, " "))
	}
	if at := v.ExpireAt(); at != Never {
		out += fmt.Sprintf(" until %d", at)
	}
	return out
}

type command func(m *Mutator) []any

func set(value string, at int64) command {
	return func(m *Mutator) []any { m.Set(value, at); return nil }
}

func hset(f, v string) command {
	return func(m *Mutator) []any { return pair(m.HSet(f, v)) }
}

func zadd(f string, s float64) command {
	return func(m *Mutator) []any { return pair(m.ZAdd(f, s)) }
}

func sadd(f string) command {
	return func(m *Mutator) []any { return pair(m.SAdd(f)) }
}

func incr(by int64) command {
	return func(m *Mutator) []any { return pair(m.Incr(by)) }
}

func incrFloat(by float64) command {
	return func(m *Mutator) []any { return pair(m.IncrFloat(by)) }
}

func hincr(f string, by int64) command {
	return func(m *Mutator) []any { return pair(m.HIncr(f, by)) }
}

func hincrFloat(f string, by float64) command {
	return func(m *Mutator) []any { return pair(m.HIncrFloat(f, by)) }
}

func zincr(f string, by float64) command {
	return func(m *Mutator) []any { return pair(m.ZIncr(f, by)) }
}

func hdel(f string) command { return func(m *Mutator) []any { return pair(m.HDel(f)) } }

func srem(f string) command { return func(m *Mutator) []any { return pair(m.SRem(f)) } }

func zrem(f string) command { return func(m *Mutator) []any { return pair(m.ZRem(f)) } }

func del(m *Mutator) []any { return []any{m.Del()} }

func invalidate(m *Mutator) []any { m.Invalidate(); return nil }

func persist(m *Mutator) []any { return []any{m.Persist()} }

func expire(at int64) command { return func(m *Mutator) []any { return []any{m.Expire(at)} } }

func pair(a any, err error) []any {
	if err != nil {
		return []any{err}
	}
	return []any{a}
}

// A sum beyond 64 bits shows the end of the range; the reply to an increment is what
// is shown after it, not a number counted from there.
func TestIncrementBeyondTheEnd(t *testing.T) {
	const end = math.MaxInt64
	for by, want := range map[int64]int64{-3: end, -5: end, -6: end - 1, -100: end - 95} {
		e := &Entry{}
		e.str.setSum(Contribution{Replica: 2, Start: 1, N: 1, Stamp: StampAt(900), Total: Number{Int: end}})
		e.str.setSum(Contribution{Replica: 3, Start: 1, N: 1, Stamp: StampAt(900), Total: Number{Int: 5}})
		m := NewMutator(e, NewWrite{Dot: Dot{1, 1}, Stamp: StampAt(1000), Now: 1000})
		have, err := m.Incr(by)
		e.Apply(&Delta{Dot: Dot{1, 1}, Stamp: StampAt(1000), Effects: m.Effects()})
		shows, _ := e.View(1000).Get()
		if err != nil || have != want || shows != strconv.FormatInt(want, 10) {
			t.Errorf("INCR by %d, 5 beyond the end: want %d, have %d, then %s, %v", by, want, have, shows, err)
		}
	}
}

func TestCommands(t *testing.T) {
	const maxInt = "9223372036854775807"
	inf, nan := math.Inf(1), math.NaN()
	cmds := func(c ...command) []command { return c }
	str, num, hash := cmds(set("text", Never)), cmds(set("5", Never)), cmds(hset("f", "1"))
	members, scores := cmds(sadd("a")), cmds(zadd("a", 1.5))
	for _, test := range []struct {
		name   string
		before []command
		cmd    command
		want   any // the reply, or an error, after which nothing has changed
		shows  string
	}{
		{"SET", nil, set("v", Never), nil, `"v"`},
		{"SET over a hash", hash, set("v", Never), nil, `"v"`},
		{"SET with a time to live", nil, set("v", 2000), nil, `"v" until 2000`},
		{"SET without one takes an earlier one", cmds(set("v", 2000)), set("w", Never), nil, `"w"`},
		{"SET that has expired", str, set("v", 1000), nil, "none"},
		{"SET that has expired of nothing", nil, set("v", 999), nil, "none"},
		{"SET far in the future", nil, set("v", Never-1), nil, fmt.Sprintf(`"v" until %d`, int64(MaxMillis))},

		{"INCR of nothing", nil, incr(3), int64(3), `"3"`},
		{"INCR by zero of nothing", nil, incr(0), int64(0), `"0"`},
		{"INCR of a number", num, incr(-7), int64(-2), `"-2"`},
		{"INCR twice", cmds(incr(1), incr(2)), incr(3), int64(6), `"6"`},
		{"INCR after DEL", cmds(incr(1), del), incr(3), int64(3), `"3"`},
		{"INCR after SET over a counter", cmds(incr(1), set("7", Never)), incr(3), int64(10), `"10"`},
		{"INCR keeps the time to live", cmds(set("5", 2000)), incr(1), int64(6), `"6" until 2000`},
		{"INCR after the time to live", cmds(set("5", 1001), pass(1)), incr(1), int64(1), `"1"`},
		{"INCR after INVALIDATE", cmds(incr(4), invalidate), incr(1), int64(1), `"1"`},
		{"INCR of text", str, incr(1), ErrNotInteger, `"text"`},
		{"INCR of a fraction", cmds(incrFloat(0.5)), incr(1), ErrNotInteger, `"0.5"`},
		{"INCR of a hash", hash, incr(1), ErrWrongType, "hash f=1"},
		{"INCR past the end", cmds(set(maxInt, Never)), incr(1), ErrOverflow, `"` + maxInt + `"`},
		{"INCR below the end", cmds(incr(math.MinInt64)), incr(-1), ErrOverflow, `"-9223372036854775808"`},
		{"INCR that its own run cannot hold", cmds(set("-1", Never), incr(math.MaxInt64)), incr(1), ErrOverflow, `"9223372036854775806"`},

		{"INCRBYFLOAT of nothing", nil, incrFloat(1.5), "1.5", `"1.5"`},
		{"INCRBYFLOAT of a number", num, incrFloat(-0.5), "4.5", `"4.5"`},
		{"INCRBYFLOAT of a float", cmds(set("1e2", Never)), incrFloat(1), "101", `"101"`},
		{"INCRBYFLOAT back to an integer", cmds(incrFloat(0.5)), incrFloat(0.5), "1", `"1"`},
		{"INCRBYFLOAT of text", str, incrFloat(1), ErrNotFloat, `"text"`},
		{"INCRBYFLOAT of a set", members, incrFloat(1), ErrWrongType, "set a="},
		{"INCRBYFLOAT by infinity", nil, incrFloat(inf), ErrNotFinite, "none"},
		{"INCRBYFLOAT by NaN", num, incrFloat(nan), ErrNotFinite, `"5"`},
		{"INCRBYFLOAT past the end", cmds(incrFloat(math.MaxFloat64)), incrFloat(math.MaxFloat64), ErrNotFinite, fmt.Sprintf("%q", FormatFloat(math.MaxFloat64))},
		{"INCRBYFLOAT that its own run cannot hold", cmds(set("-1e308", Never), incrFloat(math.MaxFloat64)), incrFloat(1e308), ErrNotFinite,
			fmt.Sprintf("%q", FormatFloat(math.MaxFloat64-1e308))},

		{"HSET of nothing", nil, hset("f", "v"), true, "hash f=v"},
		{"HSET of a field", hash, hset("f", "2"), false, "hash f=2"},
		{"HSET of another field", hash, hset("", ""), true, "hash = f=1"},
		{"HSET of a string", str, hset("f", "v"), ErrWrongType, `"text"`},
		{"HINCRBY of nothing", nil, hincr("f", 2), int64(2), "hash f=2"},
		{"HINCRBY of a field", hash, hincr("f", 2), int64(3), "hash f=3"},
		{"HINCRBY of text", cmds(hset("f", "x")), hincr("f", 2), ErrNotInteger, "hash f=x"},
		{"HINCRBY past the end", cmds(hset("f", maxInt)), hincr("f", 1), ErrOverflow, "hash f=" + maxInt},
		{"HINCRBY of a string", num, hincr("f", 1), ErrWrongType, `"5"`},
		{"HINCRBYFLOAT", hash, hincrFloat("f", 0.25), "1.25", "hash f=1.25"},
		{"HINCRBYFLOAT of text", cmds(hset("f", "x")), hincrFloat("f", 2), ErrNotFloat, "hash f=x"},
		{"HINCRBYFLOAT by infinity", hash, hincrFloat("f", -inf), ErrNotFinite, "hash f=1"},
		{"HINCRBYFLOAT of a zset", scores, hincrFloat("a", 1), ErrWrongType, "zset a=1.5"},
		{"HDEL", cmds(hset("f", "1"), hset("g", "2")), hdel("f"), true, "hash g=2"},
		{"HDEL of the last field", hash, hdel("f"), true, "none"},
		{"HDEL of a counter", cmds(hincr("f", 1)), hdel("f"), true, "none"},
		{"HDEL of no field", hash, hdel("g"), false, "hash f=1"},
		{"HDEL of nothing", nil, hdel("f"), false, "none"},
		{"HDEL of a string", str, hdel("f"), ErrWrongType, `"text"`},

		{"SADD of nothing", nil, sadd("b"), true, "set b="},
		{"SADD again", members, sadd("a"), false, "set a="},
		{"SADD of a string", str, sadd("a"), ErrWrongType, `"text"`},
		{"SREM", members, srem("a"), true, "none"},
		{"SREM of no member", members, srem("b"), false, "set a="},
		{"SREM of a hash", hash, srem("f"), ErrWrongType, "hash f=1"},

		{"ZADD of nothing", nil, zadd("a", 2), true, "zset a=2"},
		{"ZADD again", scores, zadd("a", -inf), false, "zset a=-inf"},
		{"ZADD of NaN", scores, zadd("a", nan), ErrNotFloat, "zset a=1.5"},
		{"ZADD of a hash", hash, zadd("a", 1), ErrWrongType, "hash f=1"},
		{"ZINCRBY of nothing", nil, zincr("a", 2), 2.0, "zset a=2"},
		{"ZINCRBY of a member", scores, zincr("a", 2), 3.5, "zset a=3.5"},
		{"ZINCRBY of infinity", cmds(zadd("a", inf)), zincr("a", 2), inf, "zset a=inf"},
		{"ZINCRBY past the end", cmds(zadd("a", math.MaxFloat64)), zincr("a", math.MaxFloat64), ErrNotFinite, "zset a=" + FormatFloat(math.MaxFloat64)},
		{"ZINCRBY that its own run cannot hold", cmds(zadd("a", inf), zincr("a", math.MaxFloat64)), zincr("a", math.MaxFloat64), ErrNotFinite, "zset a=inf"},
		{"ZINCRBY by infinity", scores, zincr("a", inf), ErrNotFinite, "zset a=1.5"},
		{"ZINCRBY by NaN", scores, zincr("a", nan), ErrNotFinite, "zset a=1.5"},
		{"ZINCRBY of a set", members, zincr("a", 1), ErrWrongType, "set a="},
		{"ZREM", scores, zrem("a"), true, "none"},
		{"ZREM of no member", scores, zrem("b"), false, "zset a=1.5"},
		{"ZREM of a string", str, zrem("a"), ErrWrongType, `"text"`},

		{"DEL", str, del, true, "none"},
		{"DEL of a counter", cmds(set("5", Never), incr(1)), del, true, "none"},
		{"DEL of a collection", cmds(hset("f", "1"), hincr("g", 2)), del, true, "none"},
		{"DEL of nothing", nil, del, false, "none"},
		{"DEL of what has expired", cmds(set("v", 1001), pass(1)), del, false, "none"},
		{"INVALIDATE", hash, invalidate, nil, "none"},
		{"INVALIDATE of nothing", nil, invalidate, nil, "none"},
		{"a write after INVALIDATE", cmds(hset("f", "1"), invalidate), hset("g", "2"), true, "hash g=2"},

		{"EXPIRE", str, expire(5000), true, `"text" until 5000`},
		{"EXPIRE of nothing", nil, expire(5000), false, "none"},
		{"EXPIRE now", hash, expire(1000), true, "none"},
		{"EXPIRE in the past", scores, expire(math.MinInt64), true, "none"},
		{"EXPIRE far in the future", str, expire(Never - 1), true, fmt.Sprintf(`"text" until %d`, int64(MaxMillis))},
		{"EXPIRE again, shorter", cmds(set("v", 5000)), expire(2000), true, `"v" until 2000`},
		{"EXPIRE never", cmds(set("v", 5000)), expire(Never), true, `"v"`},
		{"EXPIRE of a collection, then a write", cmds(hset("f", "1"), expire(5000)), hset("g", "2"), true, "hash f=1 g=2 until 5000"},
		{"a new key starts fresh", cmds(hset("f", "1"), expire(5000), hdel("f")), hset("g", "2"), true, "hash g=2"},
		{"PERSIST", cmds(set("v", 5000)), persist, true, `"v"`},
		{"PERSIST of what does not expire", str, persist, false, `"text"`},
		{"PERSIST of nothing", nil, persist, false, "none"},
		{"PERSIST of what has expired", cmds(set("v", 1001), pass(1)), persist, false, "none"},
	} {
		s := newSite(1)
		for _, c := range test.before {
			s.run(c)
		}
		reply := s.run(test.cmd)
		if want := test.want; want != nil && (len(reply) != 1 || reply[0] != want) || want == nil && len(reply) > 0 {
			t.Errorf("%s: want %v, have %v", test.name, test.want, reply)
		}
		if have := s.show(); have != test.shows {
			t.Errorf("%s: want it to show %s, have %s", test.name, test.shows, have)
		}
	}
}

// pass is no command: it lets time pass.
func pass(millis int64) command {
	return func(*Mutator) []any { return []any{millis} }
}

// run runs a command and applies it, unless its reply is an error.
func (s *site) run(c command) (reply []any) {
	before := s.p.Entry("k").cloneOrNew()
	var failed bool
	d := s.do(func(m *Mutator) {
		reply = c(m)
		if len(reply) == 1 {
			_, failed = reply[0].(error)
			if ms, ok := reply[0].(int64); ok && len(m.Effects()) == 0 {
				s.now += ms
			}
		}
		if failed {
			m.effects = nil
		}
	})
	if failed && (d != nil || string(AppendEntry(nil, before)) != string(AppendEntry(nil, s.p.Entry("k")))) {
		panic("an error changed the entry")
	}
	return reply
}

func TestOneCommandManyFields(t *testing.T) {
	s := newSite(1)
	s.run(hincr("f", 4))
	var news []bool
	s.do(func(m *Mutator) {
		for _, f := range []string{"f", "g", "f", "h"} {
			isNew, _ := m.HSet(f, "x"+f)
			news = append(news, isNew)
		}
		m.HDel("f")
		if n := len(m.Effects()); n != 3 {
			t.Errorf("four HSET and an HDEL of three fields: want 3 effects, have %d", n)
		}
	})
	if want := []bool{false, true, false, true}; !slices.Equal(want, news) {
		t.Errorf("want new %v, have %v", want, news)
	}
	if have := s.show(); have != "hash g=xg h=xh" {
		t.Errorf("want g and h, have %s", have)
	}
}

func TestApplyNeedsItsCauses(t *testing.T) {
	a, b, c := newSite(1), newSite(2), newSite(3)
	first := a.do(func(m *Mutator) { m.Set("1", Never) })
	second := a.do(func(m *Mutator) { m.Set("2", Never) })
	b.apply(first)
	b.apply(second)
	third := b.do(func(m *Mutator) { m.Set("3", Never) })
	for _, d := range []*Delta{second, third} {
		if err := c.p.Apply(d); !errors.Is(err, ErrNotReady) {
			t.Errorf("%v before its causes: want %v, have %v", d.Dot, ErrNotReady, err)
		}
	}
	if c.p.Len() != 0 || len(c.p.Vector()) != 0 {
		t.Errorf("want nothing changed, have %d entries, %v", c.p.Len(), c.p.Vector())
	}
	for _, d := range []*Delta{first, second, third, first, second} {
		c.apply(d)
	}
	if have := c.show(); have != `"3"` {
		t.Errorf(`want "3", have %s`, have)
	}
}

func TestRemovalOfWhatIsNotInTheRun(t *testing.T) {
	for n, want := range map[uint64]uint64{4: 0, 5: 5, 7: 7, 9: 9, 10: 0} {
		s := Contribution{Replica: 1, Start: 5, N: 9, Stamp: 1, Total: Number{Int: 3}}
		s.removeTo(n, Number{Int: 2})
		if s.RemovedN != want {
			t.Errorf("run from 5 to 9, removed to %d: want %d, have %d", n, want, s.RemovedN)
		}
	}
}
