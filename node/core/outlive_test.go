package core

import (
	"errors"
	"testing"
	"time"

	"github.com/atollcache/atoll/region"
)

// TestOutlive: no commands are let in any more, those under way end, what they
// wrote is broadcast, and nobody is waited for to have it.
func TestOutlive(t *testing.T) {
	w := startTwo(t)
	one, two := w.nodes[0], w.nodes[1]
	if err := two.Enter(); err != nil {
		t.Fatal(err)
	}
	two.Outlive("the test says so")
	two.Outlive("and again")
	if err := two.Enter(); !errors.Is(err, ErrNotReady) || !two.Outlived() || two.State() != Leaving {
		t.Errorf("outlived: want it leaving and commands to try again, have %v, %v", two.State(), err)
	}
	w.pass(100 * time.Millisecond)
	two.write("k", "by the command under way")
	two.Exit()
	w.now = w.now.Add(10 * time.Millisecond)
	if err := two.Step(); err != nil || two.State() != Leaving {
		t.Errorf("what was written has not been broadcast yet: want it to stay, have %v, %v", two.State(), err)
	}
	w.pass(30 * time.Millisecond)
	if two.State() != Gone {
		t.Fatalf("no command is under way any more: want it gone, have %v", two.State())
	}
	one.want("by the command under way", "GET k")
	if err := two.Enter(); !errors.Is(err, ErrNotReady) {
		t.Errorf("gone, and another life to come: want ErrNotReady, have %v", err)
	}
	// The next life, under the same name.
	again := w.add("eu", "eu-2", nil)
	w.nodes = []*actor{one, again}
	w.until("both ready", w.areReady)
	again.wantAll(keysOf(80))
	again.want("by the command under way", "GET k")
}

// TestOutliveHandsNothingOver: what the others do not take is not waited for, and
// a command that does not end only as long as for any node that leaves.
func TestOutliveHandsNothingOver(t *testing.T) {
	w := startTwo(t)
	one, two := w.nodes[0], w.nodes[1]
	one.mute = true
	two.write("k", "nobody hears of it")
	w.pass(20 * time.Millisecond)
	two.Outlive("away for too long")
	w.pass(20 * time.Millisecond)
	if two.State() != Gone {
		t.Errorf("idle: want it gone at once, have %v", two.State())
	}
	if err := one.Enter(); err != nil {
		t.Fatal(err)
	}
	one.Outlive("away for too long")
	w.pass(4900 * time.Millisecond)
	if one.State() != Leaving {
		t.Errorf("a command is under way: want it waited for, have %v", one.State())
	}
	w.pass(200 * time.Millisecond)
	if one.State() != Gone {
		t.Errorf("a command does not end: want it gone after LeaveWait, have %v", one.State())
	}
}

// TestOutliveBeforeReady, and while it is leaving anyway.
func TestOutliveAtAnyTime(t *testing.T) {
	w := newWorld(t)
	a := w.add("eu", "eu-1", nil)
	a.Outlive("at once")
	w.pass(10 * time.Millisecond)
	if a.State() != Gone || !a.Outlived() {
		t.Errorf("outlived before the first step: want it gone, have %v", a.State())
	}
	w = startTwo(t)
	w.nodes[0].mute = true
	two := w.nodes[1]
	two.write("k", "v")
	two.Leave()
	w.pass(100 * time.Millisecond)
	two.Outlive("while it hands over")
	w.pass(20 * time.Millisecond)
	if two.State() != Gone || !two.Outlived() {
		t.Errorf("outlived while leaving: want it gone, have %v", two.State())
	}
}

// TestEndedShardsTakeNothing: a command that was let in and comes too late is not
// acknowledged by a life that is over.
func TestEndedShardsTakeNothing(t *testing.T) {
	w := startTwo(t)
	two := w.nodes[1]
	s := two.Shard(0)
	two.End()
	two.End()
	if _, err := s.Write("k", 0, nil); !errors.Is(err, ErrReleased) {
		t.Errorf("write: want ErrReleased, have %v", err)
	}
	if err := s.Read([]string{"k"}, nil); !errors.Is(err, ErrReleased) {
		t.Errorf("read: want ErrReleased, have %v", err)
	}
	w.pass(20 * time.Millisecond)
	if m, ok := w.nodes[0].Place().Named("eu", "eu-2"); ok {
		t.Errorf("want eu-1 to know that it has gone, have %v", m)
	}
	// One that waits to be filled is not left waiting.
	w = newWorld(t)
	a := w.add("eu", "eu-1", nil)
	s, err := a.Take(region.Partition(3))
	if err != nil {
		t.Fatal(err)
	}
	a.End()
	select {
	case <-s.Opened():
	default:
		t.Error("a shard that is not filled, ended: want its waiters woken")
	}
}
