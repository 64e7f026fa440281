package command

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/atollcache/atoll/node/wire"
)

// refusing is a ground that fails to run one verb.
type refusing struct {
	here
	verb string
	err  error
}

func (r refusing) do(cmds ...wire.Command) (out []wire.Reply) {
	for _, c := range cmds {
		if c.Args[0] == r.verb {
			out = append(out, wire.Fail(r.err))
			continue
		}
		out = append(out, r.here.do(c)[0])
	}
	return out
}

func (r refusing) finish(c wire.Command) wire.Reply { return r.do(c)[0] }

// What has been popped and cannot be pushed is put back where it was.
func TestMovePutsBack(t *testing.T) {
	refused := &wire.Error{Code: wire.CodeUnavailable, Text: "UNAVAILABLE"}
	for _, ends := range [][2]string{{"LEFT", "RIGHT"}, {"RIGHT", "LEFT"}} {
		m := newMemory()
		m.do("RPUSH k a b c")
		verb := map[string]string{"LEFT": "LPUSH", "RIGHT": "RPUSH"}[ends[1]]
		g := refusing{here{m, 0}, verb, refused}
		r := runLmove(g, newCommand("LMOVE", "k", "l", ends[0], ends[1]))
		if r.Type != wire.TypeError || !errors.Is(r.Err, refused) {
			t.Errorf("%v: want %v, have %v", ends, refused, showReply(r))
		}
		if have := m.do("LRANGE k 0 -1") + m.do("LLEN l"); have != "[a b c]0" {
			t.Errorf("%v: want all three in the first list, have %s", ends, have)
		}
	}
}

// Of two that move from one list at the same time each gets an element of its own,
// whatever comes between their steps.
func TestMovesBetweenMoves(t *testing.T) {
	m := newMemory()
	m.do("RPUSH k a b")
	g := interrupted{here{m, 0}, func() { m.do("LMOVE k other LEFT RIGHT") }}
	r := runLmove(g, cmd("LMOVE k l LEFT RIGHT"))
	if have := showReply(r) + m.do("LRANGE l 0 -1") + m.do("LRANGE other 0 -1") + m.do("LLEN k"); have != "b[b][a]0" {
		t.Errorf("want b for the one that was interrupted and a for the other, have %s", have)
	}
	g.before = func() { m.do("DEL k") }
	m.do("RPUSH k a")
	if have := showReply(runLmove(g, cmd("LMOVE k l LEFT RIGHT"))); have != "nil" {
		t.Errorf("the list is gone before the pop: want nil, have %s", have)
	}
}

// interrupted is a ground where something comes before each pop.
type interrupted struct {
	here
	before func()
}

func (i interrupted) do(cmds ...wire.Command) []wire.Reply {
	if cmds[0].Args[0] == "LPOP" {
		i.before()
	}
	return i.here.do(cmds...)
}

// A command whose position names no place, or one too far inside, says so.
func TestListErrors(t *testing.T) {
	m := newMemory()
	m.do("RPUSH k a b")
	for line, want := range map[string]string{
		"LSET k 2 x": ErrIndex.Text, "LSET none 0 x": ErrNoKey.Text, "LSET k x x": ErrNotInteger.Text, "LPOS k a RANK 0": ErrRank.Text,
		"LREM k -9223372036854775808 z": "0", "LINSERT k BESIDE a b": ErrSyntax.Text, "LMOVE k k LEFT UP": ErrSyntax.Text, "LPOP k -1": ErrPositive.Text,
	} {
		if have := m.do(line); have != want {
			t.Errorf("%s: want %s, have %s", line, want, have)
		}
	}
	// Two that are inserted between the two before, over and over.
	low, high := "a", "b"
	for i := 0; ; i++ {
		next := fmt.Sprint(i)
		if have := m.run(newCommand("LINSERT", "k", "AFTER", low, next)); have == ErrNoRoom.Text {
			break
		} else if i > 1000 {
			t.Fatalf("want no room between %s and %s in the end, have %s", low, high, have)
		}
		if i%2 == 0 {
			high = next
		} else {
			low = next
		}
	}
	if have := m.do("RENAME k l") + m.run(newCommand("LINSERT", "l", "AFTER", low, "x")); have == ErrNoRoom.Text || have[:2] != "OK" {
		t.Errorf("after the list has been written anew: have %s", have)
	}
}

// Reading and writing a long list allocates what the reply and the write need.
func TestListAllocations(t *testing.T) {
	m := newMemory()
	for range 100 {
		m.run(newCommand(append([]string{"RPUSH", "q"}, slices.Repeat([]string{"an element"}, 1000)...)...))
	}
	run := func(line string) float64 {
		c := cmd(line)
		return testing.AllocsPerRun(200, func() {
			if r := Exec(m, c); r.Type == wire.TypeError {
				t.Fatal(r.Err)
			}
		})
	}
	push := cmd("RPUSH q x")
	pop := cmd("LPOP q")
	turn := testing.AllocsPerRun(200, func() { Exec(m, push); Exec(m, pop) })
	for what, x := range map[string]struct{ have, most float64 }{
		"RPUSH and LPOP": {turn, 30}, "LRANGE of 10": {run("LRANGE q 50000 50009"), 12}, "LINDEX": {run("LINDEX q 50000"), 8}, "LLEN": {run("LLEN q"), 6},
	} {
		if x.have > x.most {
			t.Errorf("%s: want at most %v allocations, have %v", what, x.most, x.have)
		}
	}
	if n := m.state.Entry("q").View(m.now).Len(); n != 100_000 {
		t.Errorf("want 100,000 elements left, have %d", n)
	}
}
