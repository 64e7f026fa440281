package node_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

// load is programs that write through a node, each its own keys and counter, one
// command after the other.
type load struct {
	t      testing.TB
	m      *member
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	written map[string]string // last acknowledged
	retried int
}

// startLoad starts so many. Replies that say that the node takes no commands now
// are tried again, every other error fails the test.
func startLoad(t testing.TB, m *member, programs int) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{t: t, m: m, cancel: cancel, written: map[string]string{}}
	for i := range programs {
		l.wg.Go(func() {
			for round := 1; ctx.Err() == nil; round++ {
				key, value := fmt.Sprintf("%s-%d-%d", m.Name(), i, round%50), fmt.Sprint(round)
				l.do(key, value, "SET", key, value)
				key = fmt.Sprintf("%s-%d-n", m.Name(), i)
				l.do(key, value, "INCRBY", key, "1")
			}
		})
	}
	return l
}

// do runs one command until it is acknowledged. value is what the key holds then,
// once all nodes have heard of it.
func (l *load) do(key, value string, args ...string) {
	for {
		r := do(l.m, cmd(args...))
		switch {
		case r.Type != wire.TypeError:
			l.mu.Lock()
			l.written[key] = value
			l.mu.Unlock()
			return
		case r.Err.Code != wire.CodeUnavailable:
			l.t.Errorf("%v through %s: %s", args, l.m.Name(), show(r))
			return
		}
		l.mu.Lock()
		l.retried++
		l.mu.Unlock()
	}
}

// stop ends the programs and checks that all nodes have what was acknowledged.
func (l *load) stop(nodes ...*member) {
	l.t.Helper()
	l.cancel()
	l.wg.Wait()
	for _, m := range nodes {
		for key, value := range l.written {
			if err := wantString(m, key, value); err != nil {
				l.t.Errorf("written through %s: %v", l.m.Name(), err)
			}
		}
	}
	l.t.Logf("through %s: %d keys written, %d commands tried again", l.m.Name(), len(l.written), l.retried)
}

// TestOutlive: a node that finds that it has missed too much drops everything and
// comes back as another, under load, and whoever uses the region or the node
// itself goes on.
func TestOutlive(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us")
	one, two := c.nodes["us-1"], c.nodes["us-2"]
	keys := keysOf(300)
	setAll(t, one, keys)
	c.untilEqual(one)
	stopReads := watch(t, keys, one, two)
	first, second := startLoad(t, one, 2), startLoad(t, two, 2)
	lives := map[any]bool{two.Replica(): true}
	for round := range 3 {
		former, began := two.Replica(), two.Started()
		two.Outlive("the test says so")
		c.until("us-2 lives again", func() error {
			if two.Replica() == former {
				return errors.New("it has the ID that it had")
			}
			return nil
		})
		if lives[two.Replica()] || two.Started().Sub(began) < time.Millisecond {
			t.Errorf("round %d: want an ID that was not there before, of a later life, have %v since %v after %v", round, two.Replica(), two.Started(), began)
		}
		lives[two.Replica()] = true
		c.untilKnown()
	}
	stopReads()
	first.stop(one)
	second.stop(two)
	c.untilEqual(two)
	first.stop(two)
	second.stop(one)
	nodes, err := one.Nodes(t.Context())
	if err != nil || len(nodes) != 2 || nodes[1].Replica != two.Replica().String() {
		t.Errorf("want us-2 known by its present ID %v, have %+v, %v", two.Replica(), nodes, err)
	}
}

// TestOutliveAlone: the only node of its region is filled from another one, and
// its program waits meanwhile.
func TestOutliveAlone(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us := c.nodes["us-1"]
	keys := keysOf(100)
	setAll(t, us, keys)
	c.untilEqual(us)
	former := us.Replica()
	us.Outlive("the test says so")
	watchOnce(t, us, keys)
	if us.Replica() == former {
		t.Error("want another ID")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	us.Outlive("again")
	if _, _, err := us.Get(ctx, keys[0]); !errors.Is(err, wire.ErrUnavailable) {
		t.Errorf("between two lives, by a context that has ended: want it said to try again, have %v", err)
	}
	us.stop()
	if _, _, err := us.Get(t.Context(), keys[0]); !errors.Is(err, wire.ErrUnavailable) {
		t.Errorf("stopped between two lives: want it said so, have %v", err)
	}
}

// TestOutliveWhileJoining, and while stopping: the node stops in time and nothing
// of any life is left.
func TestOutliveWhileJoining(t *testing.T) {
	c := startCluster(t, 1, "us")
	for i := range 6 {
		m := c.start("us", fmt.Sprintf("us-x%d", i))
		former := m.Replica()
		select {
		case <-m.Ready():
		case <-time.After(time.Duration(i) * 60 * time.Millisecond):
		}
		m.Outlive("the test says so")
		if i%2 == 0 {
			c.until("it lives again", func() error {
				if m.Replica() == former {
					return errors.New("not yet")
				}
				return nil
			})
			c.awaitReady(m)
		}
		m.stop()
		c.drop(m.Name())
	}
	c.untilKnown()
	c.nodes["us-1"].stop()
	untilQuiet(t)
}
