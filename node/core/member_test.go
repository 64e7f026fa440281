package core

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/region"
)

// sampleHeartbeat returns an encoded heartbeat with all that one can have.
func sampleHeartbeat() []byte {
	paused := region.LinkState{Link: region.Link{From: "eu", To: "us"}, Paused: true, Version: crdt.Version{Stamp: 1 << 40, Replica: 7}}
	return encodeHeartbeat(heartbeat{
		member: region.Member{Name: "eu-1", Region: "eu", Zone: "z", Replica: 7, State: region.StateReady, Started: 1, Beat: 2},
		clock:  1_700_000_000_000, links: []region.LinkState{paused}, leaving: true,
	})
}

// FuzzHeartbeat: whatever is announced, taking it in does not panic, and what is
// taken is written back the same.
func FuzzHeartbeat(f *testing.F) {
	f.Add(sampleHeartbeat())
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decodeHeartbeat(b)
		if err != nil {
			return
		}
		again := encodeHeartbeat(h)
		h, err = decodeHeartbeat(again)
		if twice := encodeHeartbeat(h); err != nil || !bytes.Equal(again, twice) {
			t.Errorf("want %x again, have %x, %v", again, twice, err)
		}
	})
}

// TestHeardRefuses what is no heartbeat, and changes nothing by it.
func TestHeardRefuses(t *testing.T) {
	a := newWorld(t).add("eu", "eu-1", nil)
	good := sampleHeartbeat()
	for _, b := range [][]byte{nil, {0}, {TagHeartbeat}, {TagHeartbeat, 9, 9, 9}, good[:9], good[:len(good)-1]} {
		if err := a.Heard(b); !errors.Is(err, ErrHeartbeat) {
			t.Errorf("%x: want ErrHeartbeat, have %v", b, err)
		}
	}
	if len(a.mu.told) != 0 || a.mu.moved || len(a.mu.links.List()) != 0 {
		t.Errorf("want nothing remembered, have %v", a.mu.told)
	}
}

// TestRivalsAreNotRemembered: a name has one life; whoever can reach the network
// can announce any number of others that claim it.
func TestRivalsAreNotRemembered(t *testing.T) {
	w := startTwo(t)
	one := w.nodes[0]
	for i := range 2 * maxEnding {
		rival := region.Member{Name: "eu-2", Region: "eu", Replica: crdt.ReplicaID(1000 + i), Started: 1, Beat: 1}
		if i >= maxEnding {
			rival.Started = uint64(w.now.UnixMilli()) + uint64(i) // The later life has the name.
		}
		if err := one.Heard(encodeHeartbeat(heartbeat{member: rival, clock: 1})); err != nil {
			t.Fatal(err)
		}
	}
	signs := 0
	one.signs.Range(func(any, any) bool { signs++; return true })
	if len(one.mu.told) > 2 || signs > 2 || len(one.mu.gone) > maxEnding {
		t.Errorf("replica IDs that claimed a name: want them forgotten, have %d remembered, %d watched, %d to forget", len(one.mu.told), signs, len(one.mu.gone))
	}
	w.pass(10 * time.Millisecond)
	if len(one.mu.gone) != 0 {
		t.Errorf("a step later: have %d to forget", len(one.mu.gone))
	}
}

// TestSilence: a member that is not heard is suspected after SuspectAfter, and not
// while anything else comes from it.
func TestSilence(t *testing.T) {
	w := startTwo(t)
	one, two := w.nodes[0], w.nodes[1]
	if left := one.Patience(two.Replica()); left <= 2*time.Second || left > 3*time.Second {
		t.Errorf("just heard: want about 3 s of patience, have %v", left)
	}
	if left := one.Patience(12345); left != 0 {
		t.Errorf("a stranger: want no patience, have %v", left)
	}
	state := func() region.State {
		m, _ := one.Place().Named("eu", "eu-2")
		return m.State
	}
	two.mute = true
	for range 50 {
		w.pass(100 * time.Millisecond)
		one.Sign(two.Replica())
	}
	if state() != region.StateReady {
		t.Errorf("5 s of signs and no heartbeat: want it ready, have %v", state())
	}
	w.pass(2900 * time.Millisecond)
	if state() != region.StateReady {
		t.Errorf("2.9 s of silence: want it ready, have %v", state())
	}
	w.pass(700 * time.Millisecond)
	if state() != region.StateSuspect || len(one.own) != 8 {
		t.Errorf("3.6 s of silence: want it suspected and everything offered here, have %v, %v", state(), one.own)
	}
	if skew, heard := one.Skew(region.Member{Region: "eu", Name: "eu-2", Replica: two.Replica()}); skew > 0 || heard.IsZero() || w.now.Sub(heard) < 3*time.Second {
		t.Errorf("want it told when it was last heard, have %v and a skew of %v", heard, skew)
	}
	two.mute = false
	w.until("it is back", func() bool { return state() == region.StateReady })
}

// TestBeat: a heartbeat goes out each HeartbeatEvery, whoever asks for it how
// often, and none after the end.
func TestBeat(t *testing.T) {
	w := newWorld(t)
	a := w.add("eu", "eu-1", func(c *Config) { c.Members.HeartbeatEvery = 100 * time.Millisecond })
	for range 500 {
		w.now = w.now.Add(2 * time.Millisecond)
		a.Beat()
		a.Beat()
	}
	if n := len(w.trace); n < 10 || n > 11 {
		t.Errorf("in one second: want 10 heartbeats, have %d", n)
	}
	w.now = w.now.Add(time.Hour) // As after a long sleep.
	a.Beat()
	a.Beat()
	if n := len(w.trace); n < 11 || n > 12 {
		t.Errorf("an hour later: want one more, have %d", n)
	}
	a.End()
	before := len(w.trace)
	w.now = w.now.Add(time.Hour)
	a.Beat()
	if n := len(w.trace); n != before {
		t.Errorf("after the end: want none, have %d", n-before)
	}
}
