package region

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/atollcache/atoll/crdt"
)

func newLinks(t testing.TB, cfg Config) *Links {
	t.Helper()
	ls, err := NewLinks(cfg)
	if err != nil {
		t.Fatalf("NewLinks(%+v): %v", cfg, err)
	}
	return ls
}

func version(millis int64, replica crdt.ReplicaID) crdt.Version {
	return crdt.Version{Stamp: crdt.StampAt(millis), Replica: replica}
}

func TestLinksPauseAndResume(t *testing.T) {
	ls := newLinks(t, Config{})
	link := Link{"eu", "us"}
	if _, changed, err := ls.Resume(link, version(1, 1)); changed || err != nil || len(ls.List()) != 0 {
		t.Errorf("resume of a link that is not paused: have %v, %v, %v", changed, err, ls.List())
	}
	s, changed, err := ls.Pause(link, version(10, 1))
	if !changed || err != nil || s.Since().UnixMilli() != 10 {
		t.Fatalf("pause: have %v, %v, %v", s, changed, err)
	}
	if !ls.Paused("eu", "us") || ls.Paused("us", "eu") || ls.Paused("eu", "ap") {
		t.Error("want eu→us paused and nothing else")
	}
	if s, changed, err := ls.Pause(link, version(20, 1)); changed || err != nil || s.Since().UnixMilli() != 10 {
		t.Errorf("pause of a paused link: want it as it was, have %v, %v, %v", s, changed, err)
	}
	if _, _, err := ls.Resume(link, version(9, 1)); !errors.Is(err, ErrStale) || !ls.Paused("eu", "us") {
		t.Errorf("resume by a clock that is behind: want ErrStale, have %v", err)
	}
	if ls.Highest() != crdt.StampAt(10) {
		t.Errorf("highest: want 10, have %v", ls.Highest())
	}
	if s, changed, err := ls.Resume(link, version(30, 1)); !changed || err != nil || s.Paused || ls.Paused("eu", "us") {
		t.Errorf("resume: have %v, %v, %v", s, changed, err)
	}
	for _, bad := range []Link{{"eu", "eu"}, {"", "us"}, {"eu", "U S"}, {"delta", "us"}} {
		if _, _, err := ls.Pause(bad, version(40, 1)); !errors.Is(err, ErrName) {
			t.Errorf("%v: want ErrName, have %v", bad, err)
		}
		if ls.Apply(LinkState{Link: bad, Paused: true}) {
			t.Errorf("%v: applied", bad)
		}
	}
	if ls.Dropped() != 4 {
		t.Errorf("dropped: want 4, have %d", ls.Dropped())
	}
}

// randomStates returns decisions about few links with few versions, so that
// they compete.
func randomStates(rng *rand.Rand, n int) []LinkState {
	regions := []string{"ap", "eu", "us"}
	var list []LinkState
	for range n {
		from, to := rng.IntN(3), rng.IntN(2)
		s := LinkState{Link: Link{regions[from], regions[(from+1+to)%3]}, Paused: rng.IntN(2) == 0}
		s.Version = version(rng.Int64N(4), crdt.ReplicaID(rng.IntN(2)))
		list = append(list, s)
	}
	return list
}

// Merging is commutative, associative and idempotent, at the bound too, and says
// truly whether it changed anything.
func TestLinksMergeLaws(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 4))
		cfg := Config{MaxRegions: 2 + int(seed%2)} // 2 or 6 links
		states := randomStates(rng, 12)
		var want *Links
		for range 4 {
			rng.Shuffle(len(states), func(i, j int) { states[i], states[j] = states[j], states[i] })
			parts := []*Links{newLinks(t, cfg), newLinks(t, cfg), newLinks(t, cfg)}
			for i, s := range states {
				parts[i%3].Apply(s)
			}
			have := newLinks(t, cfg)
			for _, i := range []int{rng.IntN(3), 0, 1, 2, rng.IntN(3)} {
				before := fmt.Sprint(have.List())
				if changed := have.Merge(parts[i]); changed != (fmt.Sprint(have.List()) != before) {
					t.Fatalf("seed %d: changed is %v, from %s to %v", seed, changed, before, have.List())
				}
			}
			if want == nil {
				want = have
			}
			if !have.Equal(want) || len(have.List()) > have.max {
				t.Fatalf("seed %d: %v\nwant %v\nhave %v", seed, states, want.List(), have.List())
			}
		}
	}
}

func TestLinksAreBounded(t *testing.T) {
	ls := newLinks(t, Config{MaxRegions: 2})
	for _, link := range []Link{{"eu", "us"}, {"us", "eu"}} {
		if _, _, err := ls.Pause(link, version(1, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := ls.Pause(Link{"eu", "xx"}, version(2, 1)); !errors.Is(err, ErrFull) {
		t.Errorf("a third link: want ErrFull, have %v", err)
	}
	if ls.Apply(LinkState{Link: Link{"zz", "eu"}, Paused: true}) || !ls.Apply(LinkState{Link: Link{"ap", "eu"}, Paused: true}) {
		t.Error("want the last link by name refused and the first taken")
	}
	if len(ls.List()) != 2 || ls.Dropped() != 2 || ls.Paused("us", "eu") {
		t.Errorf("want the first two links by name, have %v, dropped %d", ls.List(), ls.Dropped())
	}
}

// What Merge took in does not change with its source.
func TestLinksMergeCopies(t *testing.T) {
	a, b := newLinks(t, Config{}), newLinks(t, Config{})
	b.Apply(LinkState{Link: Link{"eu", "us"}, Paused: true, Version: version(1, 1)})
	a.Merge(b)
	list := a.List()
	list[0].Paused = false
	b.Apply(LinkState{Link: Link{"eu", "us"}, Version: version(2, 1)})
	if !a.Paused("eu", "us") {
		t.Error("a change to a copy or to the source showed")
	}
}
