package nodetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// What the simulation with disks found or is to find, each as a short history of its own.

// onDisks gives all nodes of a plan a disk. A crash takes all that was not synced.
func onDisks(p *plan, d durability) *plan {
	p.disks = &diskPlan{
		durability: d, window: 400 * ms, every: 100 * ms, takes: 5 * ms, slowTakes: 900 * ms, telling: ms, wait: 300 * ms,
		lead: time.Second, batch: 1 << 20, loss: 100, returns: true,
	}
	for range p.places {
		p.disks.at = append(p.disks.at, true)
	}
	return p
}

// TestTakenLaterIsNotKept: of a partition that a node has taken and been filled with,
// nothing counts as kept before it has been saved: a crash would take it, and others
// would have forgotten meanwhile what the disk has not seen go.
func TestTakenLaterIsNotKept(t *testing.T) {
	p := onDisks(quickPlan(1, 2, 2), keepSync)
	p.disks.every = time.Second
	s := newScenario(t, p)
	s.writeAll("ap", "SET", "v")
	s.start(1)
	s.wait(500 * ms) // Announcements are checked.
	s.rest()
}

// TestSentAgainWaitsForDisk: what is sent again, for its first reply did not come since
// the disk is slow, is not acknowledged before the first is on the disk.
func TestSentAgainWaitsForDisk(t *testing.T) {
	for after := 100 * ms; after < 900*ms; after += 100 * ms {
		p := onDisks(quickPlan(1, 1, 1), keepSync)
		p.disks.window = 10 * time.Second // Nothing has to wait before it runs.
		s := newScenario(t, p)
		s.writeAll("ap", "INCRBY", "1") // From now on the bound of stamps is ahead.
		s.wait(300 * ms)
		s.slowDisks[0] = time.Hour
		s.writeAll("ap", "INCRBY", "1")
		s.wait(after)
		s.crash(s.nodes[0], 0) // What has been acknowledged by now is looked for.
		s.slowDisks[0] = 0
		s.wait(15 * time.Second)
		s.rest()
	}
}

// TestAllCrashAtOnce: with sync, what was acknowledged is there after all have crashed at
// the same time, wherever and whenever.
func TestAllCrashAtOnce(t *testing.T) {
	for after := 0 * ms; after < 60*ms; after += 7 * ms {
		s := newScenario(t, onDisks(quickPlan(2, 2, 2), keepSync))
		s.start(1)
		s.start(3)
		s.wait(2 * time.Second)
		s.writeAll("ap", "INCRBY", "1")
		s.wait(after)
		s.power("", step{lasts: 100 * ms})
		s.wait(15 * time.Second)
		for i := range 16 {
			if v, _ := s.sees("ap", fmt.Sprintf("k%d", i)); v == "" {
				t.Errorf("crashed after %v: k%d is gone, and its client was told that it is there", after, i)
			}
		}
		s.rest()
	}
}

// TestOldDisk: a node that begins with a disk on which nothing is known of deletions that
// the others have forgotten brings nothing of it back.
func TestOldDisk(t *testing.T) {
	for _, d := range []durability{keepSync, keepInterval, keepNone} {
		s := newScenario(t, onDisks(quickPlan(1, 3, 3), d))
		s.start(1)
		s.start(2)
		s.wait(2 * time.Second)
		s.writeAll("ap", "SET", "v")
		s.wait(2 * time.Second)
		s.crash(s.nodes[2], time.Hour)
		s.writeAll("ap", "DEL")
		s.wait(4 * s.cfg.Members.ForgetAfter)
		for p := range s.parts {
			if w := s.nodes[0].core.Shard(partition(p)); w != nil && stateIn(w).Waiting().Keys > 0 {
				t.Fatalf("partition %d: want the deletions forgotten", p)
			}
		}
		s.start(2)
		if s.nodes[2].core.Held() == nil {
			t.Fatal("want a node that begins with what its disk has")
		}
		s.wait(5 * time.Second)
		for i := range 16 {
			if v, ok := s.sees("ap", fmt.Sprintf("k%d", i)); ok {
				t.Errorf("durability %d: k%d was deleted and is %v again", d, i, v)
			}
		}
		s.rest()
	}
}

// TestLivesGoOn: after a clean stop a node goes on in its life, under an ID of it that it
// has not written under; where it is killed before that is complete, in a new one.
func TestLivesGoOn(t *testing.T) {
	for killAt := range 4 {
		s := newScenario(t, onDisks(quickPlan(1, 2, 2), keepInterval))
		s.start(1)
		s.wait(2 * time.Second)
		s.writeAll("ap", "INCRBY", "1")
		before := s.nodes[1].id
		s.nodes[1].killAt = killAt
		s.leave(s.nodes[1], 0)
		s.wait(3 * time.Second)
		if again := s.nodes[1].id; (again == before) != (killAt == 0) || again != again.Life() {
			t.Errorf("killed at step %d of its end: it was %v and is %v", killAt, before, again)
		}
		s.writeAll("ap", "INCRBY", "1")
		s.wait(time.Second)
		writers := map[crdt.ReplicaID]bool{}
		for _, h := range s.parts {
			for r := range h.issued {
				writers[r] = true
			}
		}
		if len(writers) != 3 {
			t.Errorf("killed at step %d: want writes of two IDs of one node and one of the other, have %v", killAt, writers)
		}
		s.rest()
	}
}

// TestLeavesWhileAllHeals: a node that is leaving when all faults end, and has what nobody
// else has, leaves that on its disk. The disk is used again, or is no more, as those that
// nobody used by then: it is not taken for one that keeps everything and never returns.
// (Seeds 2257, 5909.)
func TestLeavesWhileAllHeals(t *testing.T) {
	for _, returns := range []bool{true, false} {
		p := onDisks(quickPlan(1, 2, 2), keepSync)
		p.places[0].up, p.places[1].up = false, true
		p.disks.returns = returns
		s := newScenario(t, p)
		s.writeAll("ap", "SET", "v")
		s.wait(500 * ms)
		s.leave(s.nodes[1], -1)
		s.rest()
		if _, there := s.sees("ap", "k1"); there != returns {
			t.Errorf("disks are used again: %v; want k1 there: %v, have %v", returns, returns, there)
		}
		if died := s.counts.Died > 0; died == returns {
			t.Errorf("disks are used again: %v; want writes lost: %v, have %d", returns, !returns, s.counts.Died)
		}
	}
}

// TestComesBackToNobody: who stopped cleanly is not waited for. When it comes back to its
// disk while nobody is there who has forgotten something since, here that its ID is
// retired, its state and theirs cannot both stay: what it takes until it meets them may be
// lost. All end equal, and who comes back later, to one that is there, loses nothing.
func TestComesBackToNobody(t *testing.T) {
	for _, alone := range []bool{true, false} {
		p := onDisks(quickPlan(1, 2, 2), keepSync)
		p.cfg.Sync.RetireAfter = time.Second
		s := newScenario(t, p)
		s.start(1)
		s.wait(2 * time.Second)
		s.writeAll("ap", "SET", "v")
		s.wait(time.Second)
		s.leave(s.nodes[1], -1)
		s.wait(6 * time.Second)
		if len(s.parts[0].retirements) == 0 {
			t.Fatal("want the ID of who has gone retired")
		}
		if alone {
			s.leave(s.nodes[0], -1)
			s.wait(time.Second)
		}
		s.start(1)
		s.wait(400 * ms)
		s.writeAll("ap", "SET", "w")
		s.wait(100 * ms)
		if alone {
			s.start(0)
		}
		s.rest()
		if (s.counts.Died > 0) != alone || (s.counts.Rebuilt > 0) != alone {
			t.Errorf("alone: %v: want something lost only then, have %d writes lost and %d partitions begun anew", alone, s.counts.Died, s.counts.Rebuilt)
		}
		for i := range 16 {
			if v, _ := s.sees("ap", fmt.Sprintf("k%d", i)); v == "" {
				t.Errorf("alone: %v: k%d is gone", alone, i)
			}
		}
	}
}
