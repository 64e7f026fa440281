package core

import (
	"errors"
	"testing"
	"time"

	cachesync "github.com/atollcache/atoll/sync"
)

// freeze lets time go on while one node makes no step. What is sent to it waits.
func (w *world) freeze(a *actor, d time.Duration) {
	w.t.Helper()
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(10 * time.Millisecond)
		for _, o := range w.nodes {
			if o == a {
				continue
			}
			o.deliver()
			if err := o.Step(); err != nil {
				w.t.Fatalf("step %v: %v", o.Replica(), err)
			}
			o.replicate()
		}
	}
}

// enters returns what a command hears that comes in now.
func (a *actor) enters() error {
	err := a.Enter()
	if err == nil {
		a.Exit()
	}
	return err
}

// patient is for nodes that do not suspect each other in a test.
func patient(c *Config) { c.Members.SuspectAfter = time.Minute }

// TestFrozenNodeCatchesUpFirst: a node that stood still turns commands away, those
// included that come before its first step, until it has heard the others anew.
func TestFrozenNodeCatchesUpFirst(t *testing.T) {
	w := startTwo(t, patient)
	one, two := w.nodes[0], w.nodes[1]
	w.freeze(two, 1500*time.Millisecond)
	for _, k := range keysOf(80) {
		one.write(k, "meanwhile")
	}
	w.freeze(two, 1500*time.Millisecond)
	if err := two.enters(); !errors.Is(err, ErrAwaking) || !two.IsAwaking() {
		t.Errorf("frozen for 3 s, before its first step: want ErrAwaking, have %v", err)
	}
	if r := two.do("GET", "key-1"); show(r) != "error: "+ErrAwaking.Text {
		t.Errorf("GET at a node that has just woken: want it turned away, have %s", show(r))
	}
	woke := w.now
	w.pass(10 * time.Millisecond)
	for _, s := range two.Shards() {
		if s.IsReady() {
			t.Errorf("partition %d: want it doubted, have it ready", s.ID())
		}
	}
	opened := two.Shards()[0].Opened()
	for w.now.Sub(woke) < 490*time.Millisecond {
		if err := two.enters(); !errors.Is(err, ErrAwaking) {
			t.Fatalf("%v after it woke: want ErrAwaking, have %v", w.now.Sub(woke), err)
		}
		w.pass(10 * time.Millisecond)
	}
	w.until("commands are let in", func() bool { return two.enters() == nil })
	// Without having asked, it would hear the others at their next beat, of 5 s.
	if took := w.now.Sub(woke); took > time.Second {
		t.Errorf("want it caught up in a second, since it asked everybody, have %v", took)
	}
	select {
	case <-opened:
	default:
		t.Error("a command that waits for a doubted partition: want it woken")
	}
	for _, k := range keysOf(80) {
		two.want("meanwhile", "GET "+k)
		if s := two.Shard(two.cfg.Partitions.Of(k)); s.mu.state.Entry(k).View(0).Exists() != true || !s.IsReady() {
			t.Errorf("%s: want it here and served", k)
		}
	}
	if two.IsAwaking() || one.IsAwaking() {
		t.Error("want nobody awaking any more")
	}
}

// TestFreezesOneAfterTheOther: a node that freezes again before it has caught up
// begins anew.
func TestFreezesOneAfterTheOther(t *testing.T) {
	w := startTwo(t, patient)
	two := w.nodes[1]
	w.freeze(two, 2*time.Second)
	w.pass(300 * time.Millisecond)
	w.freeze(two, 2*time.Second)
	if err := two.enters(); !errors.Is(err, ErrAwaking) {
		t.Errorf("frozen again: want ErrAwaking, have %v", err)
	}
	w.pass(10 * time.Millisecond)
	if err := two.enters(); !errors.Is(err, ErrAwaking) {
		t.Errorf("one step after a second freeze: want ErrAwaking, have %v", err)
	}
	woke := w.now
	w.until("commands are let in", func() bool { return two.enters() == nil })
	if took := w.now.Sub(woke); took < wakeLeast-20*time.Millisecond {
		t.Errorf("frozen twice: want %v after the second, have %v", wakeLeast, took)
	}
}

// TestBusyIsNotFrozen: a node that is slower than usual goes on.
func TestBusyIsNotFrozen(t *testing.T) {
	w := startTwo(t, patient)
	two := w.nodes[1]
	w.freeze(two, 990*time.Millisecond)
	if err := two.enters(); err != nil {
		t.Errorf("990 ms without a step: want commands let in, have %v", err)
	}
	w.pass(10 * time.Millisecond)
	if err := two.enters(); err != nil || two.IsAwaking() {
		t.Errorf("1 s between two steps: want commands let in, have %v", err)
	}
	w = startTwo(t, patient, func(c *Config) { c.FrozenAfter = 5 * time.Second })
	w.freeze(w.nodes[1], 4*time.Second)
	if err := w.nodes[1].enters(); err != nil {
		t.Errorf("4 s without a step, 5 allowed: want commands let in, have %v", err)
	}
}

// TestWakingHearsEverybody: it is not enough that time passes, nor that some have
// been heard.
func TestWakingHearsEverybody(t *testing.T) {
	w := newWorld(t)
	set := func(c *Config) { patient(c); c.Copies = 3 }
	for _, name := range []string{"eu-1", "eu-2", "eu-3"} {
		w.add("eu", name, set)
	}
	w.until("all ready", w.areReady)
	two, three := w.nodes[1], w.nodes[2]
	// While it is frozen everybody announces something, and that waits for it. It does
	// not say what there is now.
	for _, k := range keysOf(80) {
		two.write(k, "before")
	}
	w.freeze(three, 2*time.Second)
	two.mute = true
	w.pass(3 * time.Second)
	if err := three.enters(); !errors.Is(err, ErrAwaking) {
		t.Errorf("eu-2 has not been heard: want ErrAwaking, have %v", err)
	}
	two.mute = false
	w.until("commands are let in", func() bool { return three.enters() == nil })

	// Whoever does not speak does not keep it waiting for ever.
	w.freeze(three, 2*time.Second)
	two.mute = true
	woke := w.now
	w.until("commands are let in", func() bool { return three.enters() == nil })
	if took := w.now.Sub(woke); took < 10*time.Second || took > 11*time.Second {
		t.Errorf("eu-2 is silent: want it to wait for FillWait, 10 s, have %v", took)
	}
}

// TestWants: who is asked for heads by a heartbeat announces them at once, without
// having anything new.
func TestWants(t *testing.T) {
	for _, wants := range []bool{false, true} {
		w := startTwo(t, patient)
		one, two := w.nodes[0], w.nodes[1]
		w.pass(time.Second)
		due := func() (n int) {
			for _, p := range one.Held() {
				one.Do(p, func(e *cachesync.Engine) {
					if e.Heads(w.now) != nil {
						n++
					}
				})
			}
			return n
		}
		due()
		h := heartbeat{member: two.member(), clock: w.now.UnixMilli(), wants: wants}
		h.member.Beat += 1000
		if err := one.Heard(encodeHeartbeat(h)); err != nil {
			t.Fatal(err)
		}
		if err := one.Step(); err != nil {
			t.Fatal(err)
		}
		if n, want := due(), map[bool]int{true: 8, false: 0}[wants]; n != want {
			t.Errorf("a heartbeat that wants heads: %t: want %d announced, have %d", wants, want, n)
		}
	}
}
