package command

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/wire"
)

// script is a Doer that notes what it is asked and replies by a function.
type script struct {
	asked []wire.Command
	calls int
	reply func(c wire.Command) wire.Reply
}

func (s *script) Do(_ context.Context, cmds ...wire.Command) []wire.Reply {
	s.calls++
	replies := make([]wire.Reply, len(cmds))
	for i, c := range cmds {
		s.asked = append(s.asked, c)
		replies[i] = s.reply(c)
	}
	return replies
}

func one(wire.Command) wire.Reply { return wire.Int(1) }

func TestRequestIDs(t *testing.T) {
	s := &script{reply: one}
	a := New(s)
	ctx := context.Background()
	mustDo := func(_ any, err error) {
		if err != nil {
			t.Error(err)
		}
	}
	mustDo(a.Incr(ctx, "k", 1))
	mustDo(a.Incr(ctx, "k", 1))
	mustDo(a.HIncrFloat(ctx, "k", "f", 1))
	mustDo(a.Del(ctx, "k"))
	a.Do(ctx, wire.Command{Args: []string{"INCRBY", "k", "1"}, Request: 7}, cmd("SET k v NX"), cmd("SET k v"))
	ids := map[uint64]bool{}
	for i, unsafe := range []bool{true, true, true, false, true, true, false} {
		c := s.asked[i]
		if (c.Request != 0) != unsafe || (unsafe && ids[c.Request]) {
			t.Errorf("command %d, %v: have request ID %d", i, c.Args, c.Request)
		}
		ids[c.Request] = true
	}
	if !ids[7] {
		t.Errorf("a request ID that was given: not kept")
	}
}

// Do must not change the caller's commands, which may be used again.
func TestDoLeavesCommandsAlone(t *testing.T) {
	c := []wire.Command{cmd("INCRBY k 1")}
	ctx := WithSession(context.Background())
	a := New(&script{reply: func(wire.Command) wire.Reply { return wire.Reply{Wrote: crdt.Dot{Replica: 1, N: 1}} }})
	a.Do(ctx, c...)
	a.Do(ctx, c...)
	if !reflect.DeepEqual(c, []wire.Command{cmd("INCRBY k 1")}) {
		t.Errorf("a command after Do: have %+v", c)
	}
}

func TestBadCommandsDoNotTravel(t *testing.T) {
	s := &script{reply: one}
	many := wire.Command{Args: make([]string, wire.MaxArgs+1)}
	rs := New(s).Do(context.Background(), cmd("DEL k"), wire.Command{}, cmd("DEL k"), many, wire.Command{})
	codes := ""
	for _, r := range rs {
		if r.Type == wire.TypeError {
			codes += fmt.Sprint(r.Err.Code, " ")
		} else {
			codes += "ok "
		}
	}
	if codes != "ok 400 ok 413 400 " || len(s.asked) != 2 {
		t.Errorf("want ok 400 ok 413 400 and 2 commands sent, have %s and %d", codes, len(s.asked))
	}
}

type silent struct{}

func (silent) Do(context.Context, ...wire.Command) []wire.Reply { return nil }

// Whatever a Doer replies, the API returns an error and does not panic.
func TestUnexpectedReplies(t *testing.T) {
	ctx := context.Background()
	if _, _, err := New(silent{}).Get(ctx, "k"); !errors.Is(err, &wire.Error{Code: wire.CodeInternal}) {
		t.Errorf("a Doer without replies: want code 500, have %v", err)
	}
	odd := []wire.Reply{{Type: wire.TypeError}, {Type: 77}, wire.List(wire.Nil), wire.List(wire.Nil, wire.Nil, wire.Nil),
		wire.List(wire.String("0"), wire.Nil), wire.List(wire.Int(1), wire.Int(2)), wire.String("\xff{")}
	for i, r := range odd {
		a := New(&script{reply: func(wire.Command) wire.Reply { return r }})
		b := NewBatch()
		errs := []func() error{
			func() error { _, err := a.Exists(ctx, "k"); return err },
			func() error { _, err := a.HGetAll(ctx, "k"); return err },
			func() error { _, err := a.ZRange(ctx, "k", ZRangeOptions{}); return err },
			func() error { _, err := a.MGet(ctx, "a", "b", "c", "d"); return err },
			func() error { _, err := a.IncrFloat(ctx, "k", 1); return err },
			func() error { _, _, err := a.TTL(ctx, "k"); return err },
			func() error { _, err := a.Nodes(ctx); return err },
			func() error { _, err := a.Members(ctx); return err },
			func() error { b.Incr("k", 1); return a.Run(ctx, b) },
			func() error {
				for _, err := range a.Scan(ctx, ScanOptions{}) {
					return err
				}
				return nil
			},
		}
		for j, call := range errs {
			if call() == nil {
				t.Errorf("reply %d to call %d: want an error", i, j)
			}
		}
	}
}

func TestArguments(t *testing.T) {
	s := &script{reply: func(c wire.Command) wire.Reply {
		if c.Args[0] == "ZRANGE" {
			return wire.List()
		}
		return wire.Int(0)
	}}
	a := New(s)
	ctx := context.Background()
	_, _ = a.Set(ctx, "k", "v", TTL(1500*time.Microsecond), IfAbsent())
	_, _ = a.Set(ctx, "k", "v", IfPresent(), ExpireAt(time.UnixMilli(5)))
	_, _ = a.Expire(ctx, "k", -1500*time.Microsecond)
	_, _ = a.Expire(ctx, "k", time.Nanosecond)
	_, _ = a.ZRange(ctx, "k", ZRangeOptions{ByScore: true, Min: Bound{1, true}, Max: Bound{Score: 2}, Reverse: true, Offset: 3})
	_, _ = a.ZRange(ctx, "k", ZRangeOptions{Start: -2, Stop: -1})
	_, _ = a.Link(ctx, LinkPause, "eu", "")
	want := []string{"SET k v PX 2 NX", "SET k v PXAT 5 XX", "PEXPIRE k -1", "PEXPIRE k 1",
		"ZRANGE k 2 (1 BYSCORE REV LIMIT 3 -1 WITHSCORES", "ZRANGE k -2 -1 WITHSCORES", "LINK PAUSE eu "}
	for i, c := range s.asked {
		if have := strings.Join(c.Args, " "); have != want[i] {
			t.Errorf("want %q, have %q", want[i], have)
		}
	}
}

func TestRunOnceEach(t *testing.T) {
	s := &script{reply: one}
	a := New(s)
	b := NewBatch()
	f := b.Incr("k", 1)
	_ = b.Del()
	if _, err := f.Result(); err != ErrNotRun || b.Len() != 1 {
		t.Errorf("before Run: have %v, %d commands", err, b.Len())
	}
	for range 2 {
		if err := a.Run(context.Background(), b); err != nil {
			t.Error(err)
		}
	}
	if len(s.asked) != 1 || s.calls != 1 || f.Err() != nil {
		t.Errorf("a batch run twice: have %d commands in %d calls, %v", len(s.asked), s.calls, f.Err())
	}
}
