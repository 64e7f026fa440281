package nodetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// slowPlan is a cluster with the real waits, or near them, whose nodes are given
// the time so seldom that days pass quickly.
func slowPlan(beat time.Duration, regions, nodes int) *plan {
	p := &plan{seed: 1, beat: beat, eager: true, maxPulls: 64, stagger: beat / 4}
	p.cfg = core.Config{
		Partitions: 4, Copies: 2,
		Members:  region.Config{HeartbeatEvery: 2 * beat, SuspectAfter: 12 * beat, ForgetAfter: 24 * time.Hour},
		JoinWait: 6 * beat, FillWait: 60 * beat, LeaveWait: 60 * beat, KeepFor: 120 * beat, FrozenAfter: 10 * beat, ClaimFor: 24 * beat,
		Clocks: region.ClockConfig{MaxAge: 100 * beat},
		Sync: cachesync.Config{
			AnnounceAfter: beat, AnnounceEvery: 6 * beat, PullAfter: beat, PullTimeout: 6 * beat,
			HoldFor: 60 * beat, SnapshotIdle: 60 * beat, CompareWithin: 100 * beat,
		},
	}
	p.patience = 2000 * beat
	p.net = weather{least: ms, spread: 5 * ms, far: 40 * ms}
	p.waits = waits{seen: 6 * beat, ask: 4 * beat, answer: 6 * beat, try: 100 * beat, call: 400 * beat, idle: 2000}
	for r := range regions {
		name := []string{"ap", "eu", "us"}[r]
		for i := range nodes {
			p.places = append(p.places, place{region: name, name: fmt.Sprintf("%s%d", name, i), weight: 100, up: true})
		}
	}
	return p
}

// scenario is a world that a test drives by hand.
type scenario struct {
	*testing.T
	*world
	asked int
}

func newScenario(t *testing.T, p *plan) *scenario {
	t.Helper()
	s := &scenario{T: t, world: newWorld(p, Options{})}
	s.wait(p.cfg.JoinWait + p.cfg.FillWait)
	return s
}

// wait lets time pass and fails at the first broken promise.
func (s *scenario) wait(d time.Duration) {
	s.Helper()
	s.pass(d)
	if s.err != nil {
		s.Fatal(s.err)
	}
}

// call has a client of a region run a command at its nth node.
func (s *scenario) call(region string, nth int, args ...string) {
	s.Helper()
	s.asked++
	s.command(step{at: nth, call: clientStep{region: region, count: 1, args: args, request: uint64(s.asked) << 8}})
	if s.err != nil {
		s.Fatal(s.err)
	}
}

// rest heals everything and checks all that must hold then.
func (s *scenario) rest() {
	s.Helper()
	s.settle()
	if s.err != nil {
		s.Fatal(s.err)
	}
}
