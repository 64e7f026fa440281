package node_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// link pauses or resumes a link.
func (m *member) link(t testing.TB, action command.LinkAction, from, to string) {
	t.Helper()
	if _, err := m.Link(t.Context(), action, from, to); err != nil {
		t.Fatalf("link %s %s %s: %v", action, from, to, err)
	}
}

// untilTurnedAway waits until a node has not taken a message of a paused region
// after what was done before.
func (c *cluster) untilTurnedAway(m *member, before int64) {
	c.t.Helper()
	c.until(m.Name()+" has turned a message away", func() error {
		if n := counters(c.t, m)[m.Name()]["paused"]; n <= before {
			return fmt.Errorf("paused %d", n)
		}
		return nil
	})
}

// TestPauseOneWay: what us writes does not reach eu; what eu writes does reach
// us, large values too, which have to be asked for.
func TestPauseOneWay(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	us.link(t, command.LinkPause, "us", "eu")
	before := counters(t, eu)["eu-1"]["paused"]
	if _, err := us.Set(t.Context(), "from-us", "v"); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("x", 3<<20)
	if _, err := eu.Set(t.Context(), "from-eu", large); err != nil {
		t.Fatal(err)
	}
	c.until("what eu wrote is in us", func() error { return wantString(us, "from-eu", large) })
	c.untilTurnedAway(eu, before)
	if _, ok, err := eu.Get(t.Context(), "from-us"); ok || err != nil {
		t.Errorf("while us→eu is paused: from-us is in eu (%v)", err)
	}
	regions, err := eu.Regions(t.Context())
	if err != nil || len(regions) != 2 || !regions[1].PausedIn || regions[1].PausedOut {
		t.Errorf("regions as eu sees them: %+v, %v", regions, err)
	}
	us.link(t, command.LinkResume, "us", "eu")
	began := time.Now()
	c.until("what us wrote is in eu", func() error { return wantString(eu, "from-us", "v") })
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("resumed: want it there in a second or two, have %v", took)
	}
	c.untilEqual(eu)
}

func TestPauseBothWays(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	us.link(t, command.LinkPause, "", "")
	was := map[string]int64{"us-1": counters(t, us)["us-1"]["paused"], "eu-1": counters(t, us)["eu-1"]["paused"]}
	keys := keysOf(200)
	for i, k := range keys {
		m := []*member{us, eu}[i%2]
		if _, err := m.Set(t.Context(), k, k); err != nil {
			t.Fatal(err)
		}
	}
	c.untilTurnedAway(us, was["us-1"])
	c.untilTurnedAway(eu, was["eu-1"])
	for _, m := range []*member{us, eu} {
		if n, err := m.Exists(t.Context(), keys...); err != nil || n != len(keys)/2 {
			t.Errorf("%s while paused: want its own %d keys, have %d, %v", m.Name(), len(keys)/2, n, err)
		}
	}
	eu.link(t, command.LinkResume, "", "")
	began := time.Now()
	c.until("all is everywhere", func() error {
		for _, m := range []*member{us, eu} {
			if n, err := m.Exists(t.Context(), keys...); err != nil || n != len(keys) {
				return fmt.Errorf("%s has %d, %v", m.Name(), n, err)
			}
		}
		return nil
	})
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("resumed: want all there in a second or two, have %v", took)
	}
	c.untilEqual(us)
}

func TestPauseUnknownRegion(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	for _, args := range [][2]string{{"mars", ""}, {"", "mars"}, {"us", "mars"}} {
		_, err := c.nodes["us-1"].Link(t.Context(), command.LinkPause, args[0], args[1])
		if !errors.Is(err, wire.ErrBadRequest) || !strings.Contains(fmt.Sprint(err), `"mars"`) || !strings.Contains(fmt.Sprint(err), "eu, us") {
			t.Errorf("pause %q: want an error that names mars and the regions there are, have %v", args, err)
		}
	}
	if _, err := c.nodes["us-1"].Link(t.Context(), command.LinkPause, "us", "us"); !errors.Is(err, wire.ErrBadRequest) {
		t.Errorf("pause a link from us to us: want an error, have %v", err)
	}
	links, err := c.nodes["us-1"].Link(t.Context(), command.LinkList, "", "")
	if err != nil || len(links) != 2 || links[0].Paused || links[1].Paused {
		t.Errorf("want nothing paused, have %+v, %v", links, err)
	}
}

// TestNodeStartsWhilePaused: it learns of it before it takes anything, also of a
// region that it has not heard of yet.
func TestNodeStartsWhilePaused(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 1, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-1"]
	us.link(t, command.LinkPause, "us", "eu")
	setAll(t, us, keysOf(50))
	second := c.start("eu", "eu-2")
	c.awaitReady(second)
	c.untilKnown()
	before := counters(t, us)["eu-2"]["paused"]
	setAll(t, us, keysOf(100))
	c.untilTurnedAway(second, before)
	for _, m := range []*member{eu, second} {
		if n, err := m.Exists(t.Context(), keysOf(100)...); n != 0 || err != nil {
			t.Errorf("%s while us→eu is paused: has %d keys of us, %v", m.Name(), n, err)
		}
	}
	second.link(t, command.LinkResume, "", "")
	c.untilEqual(second)
	watchOnce(t, second, keysOf(100))
}

// TestConcurrentDecisions: links are paused and resumed at two nodes at once, over
// and over; all nodes come to the same, and what they take is what they say.
func TestConcurrentDecisions(t *testing.T) {
	t.Parallel()
	c := startCluster(t, 2, "us", "eu")
	us, eu := c.nodes["us-1"], c.nodes["eu-2"]
	var wg sync.WaitGroup
	for _, m := range []*member{us, eu} {
		wg.Go(func() {
			for i := range 15 {
				action := command.LinkPause
				if i%2 == 1 {
					action = command.LinkResume
				}
				if _, err := m.Link(t.Context(), action, "", ""); err != nil {
					t.Errorf("%s at %s: %v", action, m.Name(), err)
				}
			}
		})
	}
	wg.Wait()
	var agreed []wire.LinkInfo
	c.until("all nodes say the same of the links", func() error {
		agreed = nil
		for _, m := range c.nodes {
			links, err := m.Link(t.Context(), command.LinkList, "", "")
			if err != nil {
				return err
			}
			if agreed != nil && !reflect.DeepEqual(links, agreed) {
				return fmt.Errorf("%+v at %s, %+v elsewhere", links, m.Name(), agreed)
			}
			agreed = links
		}
		return nil
	})
	before := counters(t, us)
	setAll(t, us, keysOf(64))
	if agreed[1].Paused { // us to eu
		for _, n := range []string{"eu-1", "eu-2"} {
			c.untilTurnedAway(c.nodes[n], before[n]["paused"])
			if n, err := c.nodes[n].Exists(t.Context(), keysOf(64)...); n != 0 || err != nil {
				t.Errorf("paused as all say, but %d keys have come, %v", n, err)
			}
		}
	}
	us.link(t, command.LinkResume, "", "")
	c.untilEqual(us)
	watchOnce(t, eu, keysOf(64))
}
