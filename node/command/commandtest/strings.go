package commandtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

func (s *suite) ping() {
	if err := s.api.Ping(s.ctx); err != nil {
		s.Errorf("PING: %v", err)
	}
	r := s.api.Do(s.ctx, wire.Command{Args: []string{"PING", "a\x00b"}})
	if len(r) != 1 || r[0].Type != wire.TypeString || r[0].Text != "a\x00b" {
		s.Errorf("PING with a text: have %+v", r)
	}
}

// raw checks what no method of the API can ask.
func (s *suite) raw() {
	k := s.key("k")
	for _, test := range []struct {
		args []string
		code wire.Code
		text string
	}{
		{[]string{"FOO", "a", "b"}, 400, "ERR unknown command 'FOO', with args beginning with: 'a' 'b' "},
		{[]string{"GET"}, 400, "ERR wrong number of arguments for 'get' command"},
		{[]string{"GET", k, k}, 400, "ERR wrong number of arguments for 'get' command"},
		{[]string{"MSET", k}, 400, "ERR wrong number of arguments for 'mset' command"},
		{[]string{"HSET", k, "f"}, 400, "ERR wrong number of arguments for 'hset' command"},
		{[]string{"SET", k, "v", "WAT"}, 400, "ERR syntax error"},
		{[]string{"SET", k, "v", "NX", "XX"}, 400, "ERR syntax error"},
		{[]string{"SET", k, "v", "PX"}, 400, "ERR syntax error"},
		{[]string{"SET", k, "v", "PX", "1", "PXAT", "1"}, 400, "ERR syntax error"},
		{[]string{"SET", k, "v", "PX", "x"}, 400, "ERR value is not an integer or out of range"},
		{[]string{"SET", k, "v", "PX", "9223372036854775807"}, 400, "ERR invalid expire time in 'set' command"},
		{[]string{"PEXPIRE", k, "1.5"}, 400, "ERR value is not an integer or out of range"},
		{[]string{"PEXPIRE", k, "9223372036854775807"}, 400, "ERR invalid expire time in 'pexpire' command"},
		{[]string{"INCRBY", k, "9223372036854775808"}, 400, "ERR value is not an integer or out of range"},
		{[]string{"INCRBYFLOAT", k, "ten"}, 400, "ERR value is not a valid float"},
		{[]string{"ZADD", k, "nan", "m"}, 400, "ERR value is not a valid float"},
		{[]string{"ZADD", k, "1", "m", "x", "n"}, 400, "ERR value is not a valid float"},
		{[]string{"ZRANGE", k, "0", "x"}, 400, "ERR value is not an integer or out of range"},
		{[]string{"ZRANGE", k, "a", "b", "BYSCORE"}, 400, "ERR min or max is not a float"},
		{[]string{"ZRANGE", k, "0", "1", "LIMIT", "0", "1"}, 400, "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX"},
		{[]string{"SCAN", "x"}, 400, "ERR invalid cursor"},
		{[]string{"SCAN", "0", "COUNT", "0"}, 400, "ERR syntax error"},
		{[]string{"SCAN", "0", "TYPE", "blob"}, 400, "ERR unknown type name 'blob'"},
		{[]string{"LINK", "CUT"}, 400, "ERR syntax error"},
	} {
		what := strings.Join(test.args, " ")
		r := s.api.Do(s.ctx, wire.Command{Args: test.args})
		if len(r) != 1 || r[0].Type != wire.TypeError || *r[0].Err != (wire.Error{Code: test.code, Text: test.text}) {
			s.Errorf("%s: want %d %s, have %+v", what, test.code, test.text, r)
		}
	}
	equal(s, "after refused commands: EXISTS", 0)(s.api.Exists(s.ctx, k))
	r := s.api.Do(s.ctx, wire.Command{Args: []string{"set", k, "v"}}, wire.Command{}, wire.Command{Args: []string{"SET", k, "v"}})
	if len(r) != 3 || r[1].Type != wire.TypeError || r[2].Type != wire.TypeString || r[2].Text != "OK" {
		s.Errorf("three commands, the second without a verb: have %+v", r)
	}
}

func (s *suite) strings() {
	k := s.key("k")
	s.absent("GET before SET")(s.api.Get(s.ctx, k))
	for _, v := range []string{"v", "", "a\x00b\n\xff", "12", strings.Repeat("x", 70000)} {
		equal(s, "SET", true)(s.api.Set(s.ctx, k, v))
		s.shows("GET after SET "+brief(v), v)(s.api.Get(s.ctx, k))
	}
	equal(s, "DEL", 1)(s.api.Del(s.ctx, k))
	s.absent("GET after DEL")(s.api.Get(s.ctx, k))
	equal(s, "DEL again", 0)(s.api.Del(s.ctx, k))
}

func (s *suite) setConditions() {
	k := s.key("k")
	equal(s, "SET XX of no key", false)(s.api.Set(s.ctx, k, "a", command.IfPresent()))
	s.absent("GET after SET XX of no key")(s.api.Get(s.ctx, k))
	equal(s, "SET NX of no key", true)(s.api.Set(s.ctx, k, "b", command.IfAbsent(), command.TTL(time.Hour)))
	equal(s, "SET NX of a key", false)(s.api.Set(s.ctx, k, "c", command.IfAbsent()))
	s.shows("GET after SET NX", "b")(s.api.Get(s.ctx, k))
	equal(s, "SET XX of a key", true)(s.api.Set(s.ctx, k, "d", command.IfPresent()))
	s.shows("GET after SET XX", "d")(s.api.Get(s.ctx, k))
	_, err := s.api.Set(s.ctx, k, "e", command.IfPresent(), command.IfAbsent())
	s.fails("SET NX XX", command.ErrSyntax, err)
	_, err = s.api.Set(s.ctx, k, "e", command.TTL(time.Hour), command.ExpireAt(time.Now()))
	s.fails("SET PX PXAT", command.ErrSyntax, err)
	for _, ttl := range []time.Duration{0, -time.Second} {
		_, err = s.api.Set(s.ctx, k, "e", command.TTL(ttl))
		s.fails(fmt.Sprintf("SET with a TTL of %v", ttl), wire.ErrBadRequest, err)
	}
	s.shows("GET after refused SETs", "d")(s.api.Get(s.ctx, k))
}

func (s *suite) counters() {
	k := s.key("k")
	equal(s, "INCRBY of no key", int64(5))(s.api.Incr(s.ctx, k, 5))
	equal(s, "INCRBY -7", int64(-2))(s.api.Incr(s.ctx, k, -7))
	s.shows("GET of a counter", "-2")(s.api.Get(s.ctx, k))
	equal(s, "TYPE of a counter", "string")(s.api.Type(s.ctx, k))
	equal(s, "INCRBYFLOAT", -1.5)(s.api.IncrFloat(s.ctx, k, 0.5))
	_, err := s.api.Incr(s.ctx, k, 1)
	s.fails("INCRBY of -1.5", command.ErrNotInteger, err)
	equal(s, "SET", true)(s.api.Set(s.ctx, k, "40"))
	equal(s, "INCRBY over SET", int64(42))(s.api.Incr(s.ctx, k, 2))
	equal(s, "DEL", 1)(s.api.Del(s.ctx, k))
	equal(s, "INCRBY after DEL", int64(1))(s.api.Incr(s.ctx, k, 1))

	equal(s, "SET", true)(s.api.Set(s.ctx, k, "9223372036854775807"))
	equal(s, "INCRBY 0 at the end of the range", int64(math.MaxInt64))(s.api.Incr(s.ctx, k, 0))
	_, err = s.api.Incr(s.ctx, k, 1)
	s.fails("INCRBY over the end of the range", command.ErrOverflow, err)
	equal(s, "SET", true)(s.api.Set(s.ctx, k, "ten"))
	_, err = s.api.Incr(s.ctx, k, 1)
	s.fails("INCRBY of a word", command.ErrNotInteger, err)
	_, err = s.api.IncrFloat(s.ctx, k, 1)
	s.fails("INCRBYFLOAT of a word", command.ErrNotFloat, err)
	equal(s, "DEL", 1)(s.api.Del(s.ctx, k))
	_, err = s.api.IncrFloat(s.ctx, k, math.Inf(1))
	s.fails("INCRBYFLOAT inf", command.ErrNotFinite, err)
	_, err = s.api.IncrFloat(s.ctx, k, math.NaN())
	s.fails("INCRBYFLOAT nan", wire.ErrBadRequest, err)
	s.absent("GET after refused increments")(s.api.Get(s.ctx, k))
}

// concurrentCounters checks that every increment counts once.
func (s *suite) concurrentCounters() {
	const workers, each = 8, 25
	k, h, z := s.key("k"), s.key("h"), s.key("z")
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				_, err := s.api.Incr(s.ctx, k, 1)
				_, err2 := s.api.HIncr(s.ctx, h, "f", 2)
				_, err3 := s.api.ZIncr(s.ctx, z, "m", 0.5)
				if err := errors.Join(err, err2, err3); err != nil {
					s.Errorf("increment: %v", err)
				}
			}
		})
	}
	wg.Wait()
	s.shows("GET", fmt.Sprint(workers*each))(s.api.Get(s.ctx, k))
	s.shows("HGET", fmt.Sprint(2*workers*each))(s.api.HGet(s.ctx, h, "f"))
	score, ok, err := s.api.ZScore(s.ctx, z, "m")
	if want := 0.5 * workers * each; score != want || !ok || err != nil {
		s.Errorf("ZSCORE: want %v, have %v, %t, %v", want, score, ok, err)
	}
}

// cancelled checks that a context that is done ends a call, with no other error
// than the one for that.
func (s *suite) cancelled() {
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	done := make(chan error, 1)
	go func() {
		_, _, err := s.api.Get(ctx, s.key("k"))
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			s.fails("GET with a context that is done", wire.ErrTimeout, err)
		}
	case <-time.After(patience):
		s.Errorf("GET with a context that is done: does not return")
	}
}
