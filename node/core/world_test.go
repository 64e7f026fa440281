package core

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// world is cores that talk to each other through the test's hands, in one
// goroutine, with a clock that the test turns.
type world struct {
	t     *testing.T
	now   time.Time
	lives crdt.ReplicaID // how many there have been
	nodes []*actor       // in the order of joining
	trace []string       // everything that went out of a core, in order
}

// actor is a core with what is outside of it.
type actor struct {
	*Core
	w     *world
	inbox [][]byte // announcements of others
	held  map[region.Partition]bool
	shut  bool // Open does not report true
	own   []region.Partition
	alt   []region.Partition
	mute  bool // nothing goes out or comes in
}

func newWorld(t *testing.T) *world { return &world{t: t, now: time.UnixMilli(1_700_000_000_000)} }

// add makes another node, as the given configuration has it.
func (w *world) add(r, name string, set func(*Config)) *actor {
	w.t.Helper()
	w.lives++
	a := &actor{w: w, held: map[region.Partition]bool{}}
	cfg := Config{Region: r, Name: name, Partitions: 8, Now: func() time.Time { return w.now }}
	if set != nil {
		set(&cfg)
	}
	c, err := New(cfg, w.lives*crdt.Lives, a)
	if err != nil {
		w.t.Fatalf("new core %s: %v", name, err)
	}
	a.Core = c
	w.nodes = append(w.nodes, a)
	return a
}

func (a *actor) note(format string, args ...any) {
	at := a.w.now.Sub(time.UnixMilli(1_700_000_000_000))
	a.w.trace = append(a.w.trace, fmt.Sprintf("%v %v ", at, a.Replica())+fmt.Sprintf(format, args...))
}

// Announce implements Outside.
func (a *actor) Announce(msg []byte) {
	a.note("announce %x", msg)
	for _, o := range a.w.nodes {
		if o != a && !a.mute && !o.mute {
			o.inbox = append(o.inbox, msg)
		}
	}
}

// Hold implements Outside.
func (a *actor) Hold(p region.Partition, hold bool) error {
	a.note("hold %d %t", p, hold)
	a.held[p] = hold
	return nil
}

// Open implements Outside.
func (a *actor) Open() (bool, error) { return !a.shut, nil }

// Offer implements Outside.
func (a *actor) Offer(own, alt []region.Partition) {
	a.note("offer %v %v", own, alt)
	a.own, a.alt = own, alt
}

// pass lets time go on, by steps of 10 ms.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	for end := w.now.Add(d); w.now.Before(end); {
		w.now = w.now.Add(10 * time.Millisecond)
		for _, a := range w.nodes {
			if a.State() == Gone {
				continue
			}
			a.deliver()
			if err := a.Step(); err != nil {
				w.t.Fatalf("step %v: %v", a.Replica(), err)
			}
			a.replicate()
		}
	}
}

// until lets time go on until a condition holds, 20 s at most.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	for range 2000 {
		if holds() {
			return
		}
		w.pass(10 * time.Millisecond)
	}
	w.t.Fatalf("20 s later: not %s", what)
}

func (a *actor) deliver() {
	inbox := a.inbox
	a.inbox = nil
	for _, msg := range inbox {
		if !cachesync.IsMessage(msg) {
			if err := a.Heard(msg); err != nil {
				a.w.t.Fatalf("%x heard: %v", msg, err)
			}
			continue
		}
		ms, err := cachesync.Decode(msg)
		if err != nil {
			a.w.t.Fatal(err)
		}
		for _, m := range ms {
			a.Sign(m.From)
			a.Do(m.Partition, func(e *cachesync.Engine) { e.Receive(a.w.now, m) })
		}
	}
}

// replicate does for the engines what cachesync.Runner does.
func (a *actor) replicate() {
	for _, p := range a.Held() {
		for {
			var m *cachesync.Message
			a.Do(p, func(e *cachesync.Engine) { m = e.Next() })
			if m == nil {
				break
			}
			a.publish(p, cachesync.Encode(m))
		}
		var heads, req *cachesync.Message
		var to crdt.ReplicaID
		a.Do(p, func(e *cachesync.Engine) {
			heads = e.Heads(a.w.now)
			req, to = e.Tick(a.w.now)
		})
		if heads != nil {
			a.Announce(cachesync.Encode(heads))
		}
		for req != nil {
			req, to = a.ask(req, to)
		}
	}
}

func (a *actor) publish(p region.Partition, msg []byte) {
	a.note("publish %d %x", p, msg)
	for _, o := range a.w.nodes {
		if o != a && !a.mute && !o.mute && o.held[p] {
			o.inbox = append(o.inbox, msg)
		}
	}
}

// ask sends one request and returns the one that its answer leads to.
func (a *actor) ask(req *cachesync.Message, to crdt.ReplicaID) (next *cachesync.Message, then crdt.ReplicaID) {
	a.note("ask %v %x", to, cachesync.Encode(req))
	answer := &cachesync.Message{Kind: cachesync.KindRefusal, Partition: req.Partition, From: to}
	for _, o := range a.w.nodes {
		if o.Replica() != to || a.mute || o.mute || o.State() == Gone {
			continue
		}
		o.Do(req.Partition, func(e *cachesync.Engine) {
			if m := e.Receive(a.w.now, recode(a.w.t, req)); m != nil {
				answer = recode(a.w.t, m)
			}
		})
	}
	a.Do(req.Partition, func(e *cachesync.Engine) {
		e.Receive(a.w.now, answer)
		if answer.Kind != cachesync.KindRefusal {
			next, then = e.Tick(a.w.now)
		}
	})
	return next, then
}

// recode returns a message as it comes out of the network.
func recode(t *testing.T, m *cachesync.Message) *cachesync.Message {
	t.Helper()
	ms, err := cachesync.Decode(cachesync.Encode(m))
	if err != nil {
		t.Fatal(err)
	}
	return ms[0]
}

// do runs a command where it is to run, as a node does: what one holder does not
// take goes to the next, and what nobody takes is run here.
func (a *actor) do(args ...string) wire.Reply {
	a.w.t.Helper()
	cmd := wire.Command{Args: args}
	spec, err := command.Find(cmd)
	if err != nil {
		a.w.t.Fatal(err)
	}
	if err := a.Enter(); err != nil {
		return wire.Fail(err)
	}
	defer a.Exit()
	task := NewTask(cmd, spec, a.cfg.Partitions)
	for attempt := 0; !a.RunsHere(&task, false); attempt++ {
		to := a.Holder(task.Partition, attempt)
		if to == 0 {
			break
		}
		if r := a.w.passOn(to, task); r.Type != wire.TypeError || r.Err.Code != wire.CodeUnavailable {
			return r
		}
	}
	return a.run(cmd)
}

// passOn runs a command at the node that it was passed on to.
func (w *world) passOn(to crdt.ReplicaID, task Task) wire.Reply {
	for _, o := range w.nodes {
		if o.Replica() != to || o.mute {
			continue
		}
		if err := o.Enter(); err != nil {
			return wire.Fail(err)
		}
		defer o.Exit()
		if task.Hops++; o.RunsHere(&task, false) {
			return o.run(task.Command)
		}
	}
	return wire.Fail(ErrStopped)
}

// run runs a command in the node's memory.
func (a *actor) run(cmd wire.Command) wire.Reply {
	s, err := a.Take(a.cfg.Partitions.Of(cmd.Key()))
	if err != nil {
		return wire.Fail(err)
	}
	return command.Exec(s, cmd)
}

// write sets a key in the node's memory, whoever owns it.
func (a *actor) write(key, value string) {
	a.w.t.Helper()
	if r := a.run(wire.Command{Args: []string{"SET", key, value}}); r.Type == wire.TypeError {
		a.w.t.Fatalf("SET %s %s at %s: %s", key, value, a.cfg.Name, show(r))
	}
}

// show returns a reply in short.
func show(r wire.Reply) string {
	switch r.Type {
	case wire.TypeError:
		return "error: " + r.Err.Text
	case wire.TypeInt:
		return fmt.Sprint(r.Int)
	case wire.TypeNil:
		return "nil"
	}
	return r.Text
}

// want runs a command and compares its reply.
func (a *actor) want(reply string, cmd string) {
	a.w.t.Helper()
	if have := show(a.do(strings.Fields(cmd)...)); have != reply {
		a.w.t.Errorf("%s at %s: want %q, have %q", cmd, a.cfg.Name, reply, have)
	}
}
