package nodetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/core"
	"github.com/atollcache/atoll/region"
	cachesync "github.com/atollcache/atoll/sync"
)

// What the simulation found, each as a short history of its own.

// quickPlan is a cluster with short waits in good weather. Only the first node of
// each region is up.
func quickPlan(regions, nodes, copies int) *plan {
	p := slowPlan(10*ms, regions, nodes)
	p.cfg = core.Config{
		Partitions: 8, Copies: copies,
		Members:  region.Config{HeartbeatEvery: 100 * ms, SuspectAfter: 300 * ms, ForgetAfter: 4 * time.Second},
		JoinWait: 150 * ms, FillWait: time.Second, LeaveWait: time.Second, KeepFor: 900 * ms, FrozenAfter: 300 * ms,
		Clocks: region.ClockConfig{MaxSkew: 60 * ms, MaxAge: 2 * time.Second},
		Sync: cachesync.Config{
			MaxSkew: 60 * ms, AnnounceAfter: 20 * ms, AnnounceEvery: 200 * ms, PullAfter: 20 * ms, PullTimeout: 300 * ms,
			HoldFor: time.Second, SnapshotIdle: time.Second, CompareWithin: time.Second,
			HorizonFor: 4 * time.Second, HorizonLeast: 600 * ms,
		},
	}
	p.waits = waits{seen: 500 * ms, ask: 300 * ms, answer: 400 * ms, try: 2200 * ms, call: 10 * time.Second, idle: 2000}
	p.patience = time.Minute
	for i := range p.places {
		p.places[i].up = i%nodes == 0
	}
	return p
}

// writeAll has clients of a region write some keys, by way of each of its nodes.
func (s *scenario) writeAll(region string, verb ...string) {
	s.Helper()
	for i := range 16 {
		s.call(region, i, append([]string{verb[0], fmt.Sprintf("k%d", i)}, verb[1:]...)...)
	}
}

// TestTakenAgain: a node that lets a partition go and takes it again in one life
// counts its writes from one, and must not do so under the same ID.
func TestTakenAgain(t *testing.T) {
	s := newScenario(t, quickPlan(1, 3, 1))
	for range 3 {
		s.start(1)
		s.start(2)
		s.wait(time.Second)
		s.writeAll("ap", "INCRBY", "1")
		s.wait(2 * time.Second)
		s.leave(s.nodes[1], -1)
		s.leave(s.nodes[2], -1)
		s.wait(time.Second)
		s.writeAll("ap", "INCRBY", "1")
		s.wait(time.Second)
	}
	s.rest()
}

// TestLeaveTrustsNoOldNews: a node that leaves waits until somebody who stays has
// everything now. Who had it once may have let it go.
func TestLeaveTrustsNoOldNews(t *testing.T) {
	for after := 900 * ms; after < 2*time.Second; after += 100 * ms {
		s := newScenario(t, quickPlan(1, 2, 1))
		s.writeAll("ap", "SET", "v")
		s.start(1)
		s.wait(300 * ms)
		s.writeAll("ap", "SET", "w")
		s.wait(after) // The first node lets go of what is the second's.
		s.leave(s.nodes[1], -1)
		s.wait(2 * time.Second)
		for i := range 16 {
			if _, ok := s.sees("ap", fmt.Sprintf("k%d", i)); !ok {
				t.Fatalf("left %v after joining: k%d is gone", after, i)
			}
		}
		s.rest()
	}
}

// TestTwoLetGo: two nodes whose views differ for long each believe that a partition
// is the other's. One of them must keep it.
func TestTwoLetGo(t *testing.T) {
	for from := range 3 {
		s := newScenario(t, quickPlan(1, 3, 1))
		s.start(1)
		s.start(2)
		s.wait(2 * time.Second)
		s.freeze(s.nodes[from], 600*ms)
		s.wait(100 * ms)
		s.cut(from, (from+2)%3, 6*time.Second)
		s.wait(2 * time.Second)
		s.writeAll("ap", "SET", "v")
		s.wait(2 * time.Second)
		s.writeAll("ap", "INCRBYFLOAT", "1")
		s.wait(2 * time.Second)
		s.rest()
	}
}

// TestThawedKeeps: a node that was frozen while it was about to let a partition go
// hears the others first: they may have gone.
func TestThawedKeeps(t *testing.T) {
	for after := 100 * ms; after < 900*ms; after += 100 * ms {
		s := newScenario(t, quickPlan(1, 2, 1))
		s.writeAll("ap", "SET", "v")
		s.start(1)
		s.wait(300*ms + after)
		s.writeAll("ap", "SET", "w")
		s.wait(100 * ms)
		s.freeze(s.nodes[0], 3*time.Second)
		s.wait(time.Second)
		s.leave(s.nodes[1], -1)
		s.wait(4 * time.Second)
		for i := range 16 {
			if _, ok := s.sees("ap", fmt.Sprintf("k%d", i)); !ok {
				t.Fatalf("frozen %v after the other's start: k%d is gone", after, i)
			}
		}
		s.rest()
	}
}

// TestJoinsWhileOthersAreCutOff: a node that has never heard of a region must not
// forget what that has not seen.
func TestJoinsWhileOthersAreCutOff(t *testing.T) {
	p := quickPlan(3, 2, 2)
	p.cfg.Partitions, p.cfg.Sync.LogBytes = 1, 1 // whole states travel
	s := newScenario(t, p)
	s.writeAll("ap", "SET", "v", "PX", "1100")
	s.wait(200 * ms)
	s.isolate("eu", true, true, 1800*ms)
	s.wait(300 * ms)
	s.call("eu", 0, "SET", "own", "v")
	s.call("eu", 0, "INCRBY", "count", "1")
	s.start(1) // in ap
	s.start(3) // in eu
	s.wait(300 * ms)
	s.call("ap", 0, "INCRBY", "more", "1")
	s.wait(5 * time.Second)
	for _, key := range []string{"own", "count"} {
		for _, region := range []string{"ap", "eu", "us"} {
			if _, ok := s.sees(region, key); !ok {
				t.Errorf("%s, which was written while its region was cut off, is not in %s", key, region)
			}
		}
	}
	s.rest()
}

// TestClockAhead: a node whose clock is wrong must not forget by it: what honest
// clocks stamp would be refused.
func TestClockAhead(t *testing.T) {
	for _, by := range []time.Duration{150 * ms, time.Second, time.Hour} {
		s := newScenario(t, quickPlan(1, 2, 1))
		s.start(1)
		s.wait(2 * time.Second)
		s.writeAll("ap", "SET", "v", "PX", "300")
		s.wait(100 * ms)
		s.jump(1, by, time.Second)
		s.wait(400 * ms)
		s.writeAll("ap", "INCRBY", "1")
		s.crash(s.nodes[1], 0) // It goes on with a clock that is right by then.
		s.wait(time.Second)
		s.writeAll("ap", "INCRBY", "1")
		s.wait(2 * time.Second)
		for i := range 16 {
			if _, ok := s.sees("ap", fmt.Sprintf("k%d", i)); !ok {
				t.Fatalf("a clock %v ahead: k%d is gone", by, i)
			}
		}
	}
}

// readAll has clients of a region read what writeAll wrote, for a while.
func (s *scenario) readAll(region string, d time.Duration) {
	s.Helper()
	for end := s.now + d; s.now < end; s.wait(5 * ms) {
		for i := range 16 {
			s.call(region, s.asked, "GET", fmt.Sprintf("k%d", i))
		}
	}
}

// TestTwoJoinAtOnce: of two nodes that join at the same time one may be ready while
// the ring gives it what it will not hold once both are. It must be filled with that.
func TestTwoJoinAtOnce(t *testing.T) {
	for after := time.Duration(0); after < 400*ms; after += 30 * ms {
		p := quickPlan(1, 3, 1)
		p.gentle = true // No read may miss what was acknowledged before it came.
		s := newScenario(t, p)
		s.writeAll("ap", "SET", "v")
		s.wait(100 * ms)
		s.start(1)
		s.readAll("ap", after)
		s.start(2)
		s.readAll("ap", 1500*ms)
		s.rest()
	}
}

// TestMovesBetweenOthers: a node that leaves moves partitions between the others as
// well, since none may hold too many. One that has nothing to hand over is gone before
// those are filled. Who holds such a partition then asks who held it before.
func TestMovesBetweenOthers(t *testing.T) {
	moved := 0
	for _, weight := range []int{100, 150, 300, 500} {
		p := quickPlan(1, 3, 1)
		p.gentle, p.net.spread = true, 12*ms
		p.places[0].weight, p.places[2].weight = 300, weight
		for i := range p.places {
			p.places[i].up = true
		}
		s := newScenario(t, p)
		var keys []string
		owners := s.nodes[0].core.Place().Serving("ap")
		for i := range 64 {
			key := fmt.Sprintf("k%d", i)
			if p := p.cfg.Partitions.Of(key); owners.Owner(p) != "ap1" {
				keys = append(keys, key)
				s.call("ap", 0, "SET", key, "v")
			}
		}
		s.wait(100 * ms)
		s.leave(s.nodes[1], -1)
		for range 100 {
			for _, key := range keys {
				s.call("ap", s.asked, "GET", key)
			}
			s.wait(5 * ms)
		}
		for i := range 8 {
			before, now := owners.Owner(partition(i)), s.nodes[0].core.Place().Serving("ap").Owner(partition(i))
			if before != "ap1" && before != now {
				moved++
			}
		}
		s.rest()
	}
	if moved == 0 {
		t.Error("want some partition to move from one that stays to another, have none")
	}
}

// TestRetryBesideStalledOwner: the owner stalls for longer than a client waits for it
// and less than it takes to be frozen. Both it and the node that the client asks next
// are about to run the command.
func TestRetryBesideStalledOwner(t *testing.T) {
	for _, stall := range []time.Duration{60 * ms, 100 * ms, 140 * ms, 200 * ms, 260 * ms} {
		p := quickPlan(1, 3, 2)
		for i := range p.places {
			p.places[i].up = true
		}
		p.cfg.Partitions, p.cfg.ClaimFor = 1, 240*ms
		p.waits.seen, p.waits.try, p.waits.answer = 60*ms, 50*ms, 300*ms
		s := newScenario(t, p)
		runs := 0
		for from := range 3 {
			for before := time.Duration(0); before < stall; before += 20 * ms {
				s.wait(2500 * ms) // Nobody asks others for another reason.
				s.freeze(s.nodes[from], stall)
				s.wait(before)
				for i := range 3 {
					s.asked++
					s.command(step{at: i, call: clientStep{
						region: "ap", way: byOwner, count: 1, args: []string{"INCRBY", "count", "1"}, request: uint64(s.asked) << 8,
					}})
					runs++
				}
				s.wait(20 * ms)
			}
		}
		s.wait(3 * time.Second)
		if s.counts.Writes != runs {
			t.Errorf("stalled for %v: want %d increments to count once each, have %d", stall, runs, s.counts.Writes)
		}
		s.rest()
	}
}

// TestRunsInsteadAfterSnapshot: a node that runs a command because no reply of its
// holders has come may have what they wrote from a snapshot, which carries no request
// IDs. It asks them for that.
func TestRunsInsteadAfterSnapshot(t *testing.T) {
	p := quickPlan(1, 3, 2)
	for i := range p.places {
		p.places[i].up = true
	}
	p.cfg.Partitions, p.cfg.Sync.LogBytes, p.cfg.Members.SuspectAfter = 1, 1, 3*time.Second
	s := newScenario(t, p)
	s.wait(2500 * ms)
	ring := s.nodes[0].core.Place().Serving("ap")
	other := slices.IndexFunc(p.places, func(x place) bool { return !ring.Holds(x.name, 0) })
	for at := range p.places {
		s.cut(at, other, 2*p.waits.answer-10*ms)
	}
	s.call("ap", other, "INCRBY", "k", "1")
	s.wait(100 * ms)
	for range 2 { // Then no log has the increment any more.
		s.call("ap", other+1, "SET", "later", "v")
		s.wait(100 * ms)
	}
	s.wait(3 * time.Second)
	if _, ok := s.sees("ap", "k"); !ok || s.counts.Writes != 3 || s.counts.Misplaced == 0 {
		t.Errorf("want the increment once, and by a node that does not own the key at last, have %d writes", s.counts.Writes)
	}
	s.rest()
}

// TestFilledByTwo: a newcomer is filled by two holders, of which one has forgotten a
// retired ID that the other knows of. It has done nothing wrong, nothing has broken,
// and nobody begins anew. (Seed 4510.)
func TestFilledByTwo(t *testing.T) {
	met := 0
	for after := time.Duration(0); after < 200*ms; after += 10 * ms {
		p := quickPlan(1, 3, 2)
		p.gentle, p.places[1].up = true, true // No copy may begin anew.
		p.cfg.Partitions, p.cfg.Sync.RetireAfter, p.cfg.Sync.BatchBytes = 1, 300*ms, 200
		s := newScenario(t, p)
		s.call("ap", 0, "SET", "k", "v")
		s.leave(s.nodes[1], 50*ms+after) // It owns the partition.
		s.wait(time.Second)
		s.writeAll("ap", "SET", "w")
		for end := s.now + 2*time.Second; s.now < end && s.knowRetirements() != 1; {
			s.wait(5 * ms)
		}
		s.start(2)
		s.wait(time.Second)
		s.nodes[2].core.Do(0, func(e *cachesync.Engine) {
			if st := e.Stats(); st.Applied > 0 && st.Snapshots > 0 {
				met++
			}
		})
		s.rest()
	}
	if met == 0 {
		t.Error("want some newcomer given writes by one and the state of another, have none")
	}
}

// knowRetirements returns how many nodes know of retirements that are not stable.
func (s *scenario) knowRetirements() (n int) {
	for _, o := range s.nodes {
		if o != nil && o.core.Shard(0) != nil {
			o.core.Shard(0).Look(func(_ *cachesync.Engine, state *crdt.Partition) { n += min(1, len(state.Retired())) })
		}
	}
	return n
}
